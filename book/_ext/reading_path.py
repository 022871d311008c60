"""A path through the book: pages in the order in which a reader may take them, with the minutes that each takes."""

from __future__ import annotations

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from .collected import Listing, ListingDirective, page_link
from .lessons import GLANCES

logger = logging.getLogger(__name__)


class reading_path(Listing):  # noqa: N801
    """Stands where the path shall be; `pages` are its steps."""


class ReadingPathDirective(ListingDirective):
    """``{reading-path} notation, system-model``: links to these pages, the time of each, and that of all together."""

    listing = reading_path
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the node that stands for the path."""
        (node,) = super().run()
        folder, _, _ = self.env.docname.rpartition("/")
        names = (name.strip() for name in self.arguments[0].split(","))
        node["pages"] = [name[1:] if name.startswith("/") else f"{folder}/{name}".lstrip("/") for name in names]
        return [node]


class ResolveReadingPath(SphinxPostTransform):
    """Make the paths, before the references in them are resolved."""

    default_priority = 4

    def run(self, **_options: object) -> None:
        """Replace all paths on a page."""
        for node in list(self.document.findall(reading_path)):
            node.replace_self(self._steps(node))

    def _steps(self, node: reading_path) -> nodes.paragraph:
        """Return the pages of a path, and what they take together; pages that do not say their time are left out."""
        glances, steps, together = GLANCES.of(self.env), nodes.paragraph(classes=["reading-path"]), 0
        for page in node["pages"]:
            if page not in glances:
                logger.warning("reading-path: page %s has no {at-a-glance}", page, location=node)
                continue
            minutes = glances[page].minutes
            together += minutes
            steps += [page_link(page), nodes.Text(f" ({minutes} min), ")]
        for reference in steps.findall(addnodes.pending_xref):
            reference["refdoc"] = self.env.docname
        steps += nodes.Text(f"together {together} minutes.")
        return steps


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_node(reading_path)
    app.add_directive("reading-path", ReadingPathDirective)
    app.add_post_transform(ResolveReadingPath)
