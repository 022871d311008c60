"""The book's Sphinx extension, one concern per module; each connects itself by its own `setup`."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

from . import bibliography, paper_numbers


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect all parts of the extension to Sphinx."""
    for part in (bibliography, paper_numbers):
        part.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
