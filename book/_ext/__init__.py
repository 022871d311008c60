"""The book's Sphinx extension, one concern per module; each connects itself by its own `setup`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sphinx.application import Sphinx

PARTS = (
    "anchors",
    "api",
    "bibliography",
    "collected",
    "door",
    "downloads",
    "execution",
    "exercises",
    "findings",
    "folded",
    "inline_svg",
    "lean",
    "lessons",
    "paper_numbers",
    "plots",
    "quiz",
    "reading_path",
    "signatures",
    "single_page",
    "slides",
    "teaching",
    "verdicts",
)
"""The modules of the extension."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect all parts of the extension to Sphinx."""
    for part in PARTS:
        import_module(f".{part}", __name__).setup(app)
    return {"env_version": 2, "parallel_read_safe": True, "parallel_write_safe": True}
