"""A path through the book: pages in the order in which a reader may take them, with the minutes that each takes.

``{reading-path} notation, system-model`` puts links to these pages in its place, the time of each, and that of all.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from .collected import Listing, listing, noted, page_link
from .lessons import GLANCE, Glance

logger = logging.getLogger(__name__)


def reading_path(env: BuildEnvironment, node: Listing) -> list[nodes.Node]:
    """Return the pages of a path, and what they take together; pages that do not say their time are left out."""
    glances: dict[str, Glance] = noted(env, GLANCE)
    steps, together = nodes.paragraph(classes=["reading-path"]), 0
    folder, _, _ = node["page"].rpartition("/")
    for name in (name.strip() for name in node["asked"][0].split(",")):
        page = name[1:] if name.startswith("/") else f"{folder}/{name}".lstrip("/")
        if page not in glances:
            logger.warning("reading-path: page %s has no {at-a-glance}", page, location=node)
            continue
        minutes = glances[page].minutes
        together += minutes
        steps += [page_link(page), nodes.Text(f" ({minutes} min), ")]
    steps += nodes.Text(f"together {together} minutes.")
    return [steps]


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_directive("reading-path", listing(reading_path, arguments=1))
