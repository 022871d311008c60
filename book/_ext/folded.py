"""The small run on the page of a figure is folded away: readers come for the recorded one.

The section is found by its title, so that its source stays plain Markdown, as in a notebook.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxTranslator

TITLE = "At classroom scale"
SUMMARY = "Parameters, code and figures of the run that fits into a class"


class folded(nodes.General, nodes.Element):  # type: ignore[misc]  # noqa: N801  # docutils has no types
    """What is hidden until a reader asks for it."""


class FoldedSections(SphinxPostTransform):
    """Fold what stands below the titles that say `TITLE`."""

    default_priority = 250  # after the outputs of cells have been chosen
    formats = ("html",)

    def run(self, **_: object) -> None:
        """Wrap the content of these sections."""
        for section in list(self.document.findall(nodes.section)):
            title, *content = section.children
            if title.astext() == TITLE:
                section[1:] = [folded("", *content)]


def open_folded(self: SphinxTranslator, _node: folded) -> None:
    """Begin what HTML folds by itself; links into it open it, in older browsers by ``scrollers.js``."""
    self.body.append(f'<details class="folded"><summary>{SUMMARY}</summary>\n')


def close_folded(self: SphinxTranslator, _node: folded) -> None:
    """End it."""
    self.body.append("</details>\n")


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_node(folded, html=(open_folded, close_folded))
    app.add_post_transform(FoldedSections)
