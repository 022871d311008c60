"""What the book's pages and the README show beside the studies: figures to play with, pictures, class notebooks."""
