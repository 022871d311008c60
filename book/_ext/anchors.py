"""Every anchor of a page is its own.

The extensions for proofs, exercises and solutions give the inside of each of them the same anchor, to which nothing
leads; a page with two of them would be invalid.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx

SHARED = {"proof-content", "exercise-content", "solution-content"}


def drop_shared_anchors(_app: Sphinx, document: nodes.document, _page: str) -> None:
    """Take from sections the anchors that several on a page have."""
    for section in document.findall(nodes.section):
        section["ids"] = [anchor for anchor in section["ids"] if anchor not in SHARED]


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("doctree-resolved", drop_shared_anchors)
