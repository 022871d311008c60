"""Figures of cells as parts of their page: in its colors, at its width, under the alternative text of their cell.

A figure comes as HTML (`fedswitch.studies.style.responsive`, `fedswitch.figures.explorable`), which is light and whole
where it stands by itself, as in a notebook. The book brings the colors, styles and scripts of all of them once.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.transforms.post_transforms import SphinxPostTransform

from fedswitch.palette import style_sheet

PALETTE = "palette.css"
"""The style sheet of colors, which is written when the book is built."""

_WITHOUT_ALT = 'aria-label="a figure">'
_BY_ITSELF = re.compile(r'<(style|script) class="play-\1">.*?</\1>', re.DOTALL)


class PlacedPlots(SphinxPostTransform):
    """Name the figures of cells by their ``alt``, and leave away what the book has already."""

    default_priority = 200  # after MyST-NB has chosen the HTML among the outputs of a cell

    def run(self, **_: object) -> None:
        """Change the HTML of cells; raises SphinxError for a figure without alternative text."""
        for cell in self.document.findall(nodes.container):
            if "cell_index" not in cell:
                continue
            alt = cell.get("cell_metadata", {}).get("mystnb", {}).get("image", {}).get("alt", "")
            for html in cell.findall(nodes.raw):
                text = html.astext()
                if html.get("format") != "html" or 'class="pl' not in text:
                    continue
                if _WITHOUT_ALT in text and not alt:
                    raise SphinxError(f"a figure in {self.env.docname} has no alternative text: give its cell an alt")
                placed = _BY_ITSELF.sub("", text).replace(
                    _WITHOUT_ALT, f'aria-label="{escape(" ".join(alt.split()))}">'
                )
                html.children = [nodes.Text(placed)]
                html.rawsource = placed


def write_palette(app: Sphinx) -> None:
    """Write the style sheet of colors beside the others."""
    if app.builder.format == "html":
        folder = Path(app.outdir, "_static")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PALETTE).write_text(style_sheet(), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("builder-inited", write_palette)
    app.add_post_transform(PlacedPlots)
