"""Slides: a page whose front matter says ``slides: true`` can be presented, one section at a time.

``{shown}`` puts a figure or an equation of another page in its place, sliders included, with a reference to it for a
caption. The rest is done by ``slides.js``, in the reader's browser.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from .collected import cross_reference, follow_others

logger = logging.getLogger(__name__)


class shown(nodes.Inline, nodes.Element):  # type: ignore[misc]  # noqa: N801
    """Stands where what carries the label `label` shall be."""


class ShownRole(SphinxRole):
    """``{shown}``: a figure or an equation of the book, by its label, alone in a paragraph."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the node that stands for it, and have the page written anew whenever another has changed."""
        follow_others(self.env)
        node = shown(label=self.text)
        self.set_source_info(node)
        return [node], []


class PlaceShown(SphinxPostTransform):
    """Put figures and equations in their places, before MyST-NB chooses among the outputs of a cell."""

    default_priority = 3

    def run(self, **_options: object) -> None:
        """Replace the paragraphs that ask for something."""
        for asked in list(self.document.findall(shown)):
            found = self._found(asked["label"])
            if found is None:
                logger.warning("shown: there is no figure or equation %s", asked["label"], location=asked)
                asked.parent.remove(asked)
            else:
                asked.parent.replace_self(self._placed(found, asked["label"]))

    def _found(self, label: str) -> nodes.Element | None:
        """The figure or equation in its own page."""
        equation = self.env.get_domain("math").data["objects"].get(label)
        page, _ = equation or self.env.get_domain("std").data["anonlabels"].get(label, ("", ""))
        kind = nodes.math_block if equation else nodes.figure
        parts = self.env.get_doctree(page).findall(kind) if page else ()
        wanted = nodes.make_id(f"equation-{label}" if equation else label)
        return next((part for part in parts if wanted in part["ids"]), None)

    def _placed(self, found: nodes.Element, label: str) -> nodes.Element:
        """A copy for this page; where the whole book is one page, the reference is enough."""
        copy = found.deepcopy()
        for part in copy.findall(nodes.Element):
            part["ids"] = part["names"] = []
        if any(copy.findall(nodes.math_block)):  # else Sphinx leaves MathJax away where the page has none of its own
            self.env.get_domain("math").data["has_equations"][self.env.docname] = True
        if isinstance(found, nodes.math_block):
            copy["number"] = copy["label"] = None
            return copy
        reference = cross_reference("numref", label)
        reference["refdoc"] = self.env.docname
        if self.app.builder.name == "singlehtml":
            return nodes.paragraph("", "", reference)
        copy["ids"] = [nodes.make_id(f"shown-{label}")]
        content = [part for part in copy if not isinstance(part, nodes.caption | nodes.legend)]
        copy.children = []
        copy += [*content, nodes.caption("", "", reference)]
        # what made it says how it is named and which of its outputs is shown
        around = found.parent
        while not isinstance(around, nodes.section):
            outer = around.copy()
            outer += copy
            copy, around = outer, around.parent
        return copy


def add_script(app: Sphinx, page: str, _template: str, _context: dict[str, Any], _doctree: object) -> None:
    """Give pages of slides their script and style."""
    if app.env.metadata.get(page, {}).get("slides"):
        app.add_js_file("slides.js", loading_method="defer")
        app.add_css_file("slides.css")


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_node(shown)
    app.add_role("shown", ShownRole())
    app.add_post_transform(PlaceShown)
    app.connect("html-page-context", add_script)
