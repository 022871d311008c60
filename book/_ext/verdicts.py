"""Verdicts come from the records of the errata, wherever they stand.

``{verdict}`eq-27` `` is the verdict on an element of the paper, and ``{verdict}`2407.02924 eq-12` `` on one of its
sibling; both lead to the record. ``{holds} eq-23 eq-24: the use of (24) is not`` is a box whose title tells the verdict
on each of these elements of the paper, and then the rest of the line; ``{holds} 2407.02924 eq-12: ...`` is about its
sibling.
"""

from __future__ import annotations

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from fedswitch.paper import PAPER, SIBLING, Element, find


def badge(record: Element, docname: str) -> nodes.inline:
    """Return the verdict of a record, a link to it; the class lets the style sheet mark it by sign and color."""
    target = {"refdomain": "std", "reftype": "ref", "reftarget": record.anchor, "refexplicit": True, "refwarn": True}
    link = addnodes.pending_xref("", nodes.inline("", record.verdict), refdoc=docname, **target)
    return nodes.inline("", "", link, classes=["verdict", f"verdict-{record.verdict}"])


class VerdictRole(SphinxRole):
    """The verdict on one element; an element without a record is an error of the page."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the badge."""
        first, _, rest = self.text.partition(" ")
        paper, element = (first, rest) if first in (PAPER, SIBLING) else (PAPER, self.text)
        try:
            return [badge(find(element, paper), self.env.docname)], []
        except ValueError as error:
            message = self.inliner.reporter.error(f"verdict: {error}", line=self.lineno)
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]


class HoldsDirective(SphinxDirective):
    """A box in the voice "What holds"; its title begins with the verdicts on the elements that it names."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the box."""
        named, _, rest = self.arguments[0].partition(":")
        names = named.split()
        paper = names.pop(0) if names and names[0] in (PAPER, SIBLING) else PAPER
        if not names:
            raise self.error("holds: name an element, such as eq-27, before the colon")
        title = nodes.title("", "What holds:")
        for number, element in enumerate(names):
            try:
                record = find(element, paper)
            except ValueError as error:
                raise self.error(f"holds: {error}") from None
            name = f"{' ' if number == 0 else ', '}{record.name} "
            title += [nodes.Text(name), badge(record, self.env.docname)]
        said, problems = self.state.inline_text(rest.strip(), self.lineno)
        title += [nodes.Text(": " if said else ""), *said]
        box = nodes.admonition("", title, classes=["holds"])
        self.set_source_info(box)
        self.state.nested_parse(self.content, self.content_offset, box)
        return [box, *problems]


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_role("verdict", VerdictRole())
    app.add_directive("holds", HoldsDirective)
