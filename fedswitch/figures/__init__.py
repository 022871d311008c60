"""Figures to play with: what the sliders of the book's pages show, and how it is drawn."""
