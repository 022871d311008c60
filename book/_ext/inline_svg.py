"""Drawings in the colors of the page: an SVG image or figure with ``:class: inline`` becomes part of its page.

In a file of its own a drawing would know neither the theme that the reader chose nor the width of the window. Its `alt`
is what a screen reader says. Formats other than HTML show the file as it is.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.transforms.post_transforms import SphinxPostTransform


def inlined(svg: str, alt: str) -> str:
    """A drawing as part of a page, under the name `alt`; raises ValueError for what does not begin with ``<svg``."""
    if not svg.startswith("<svg "):
        raise ValueError("a drawing must begin with '<svg ': take out what stands before that")
    return f'<svg class="drawing" role="img" aria-label="{html.escape(alt)}" {svg.removeprefix("<svg ")}'


class InlineDrawings(SphinxPostTransform):
    """Put drawings in the place of the images that ask for it."""

    default_priority = 200
    formats = ("html",)

    def run(self, **_: Any) -> None:
        """Replace the images of class `inline`; raises SphinxError where one has no alternative text."""
        for image in list(self.document.findall(nodes.image)):
            if "inline" in image["classes"]:
                if not image.get("alt"):
                    raise SphinxError(f"{image['uri']} in {self.env.docname} has no alternative text: give it an alt")
                svg = Path(self.env.srcdir, image["uri"]).read_text(encoding="utf-8")
                drawing = nodes.raw("", inlined(svg, image["alt"]), format="html", uri=image["uri"], alt=image["alt"])
                image.replace_self(drawing)


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_post_transform(InlineDrawings)
