"""What pages say of themselves, collected over the book and shown on one page as a table.

A directive notes something about its page in the metadata that Sphinx keeps of it, under a name of its own. Another
leaves a `Listing` node where the table shall stand, which is replaced when all pages have been read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

FOLLOWS = "fedswitch_follows"
"""The name under which a page notes that it shows what others say."""


def noted(env: BuildEnvironment, name: str) -> dict[str, Any]:
    """Return what pages have noted under a name, by page."""
    return {page: notes[name] for page, notes in env.metadata.items() if name in notes}


def follow_others(env: BuildEnvironment) -> None:
    """Have the page that is being read written anew whenever any page has changed."""
    env.metadata[env.docname][FOLLOWS] = True


class Listing(nodes.General, nodes.Element):  # type: ignore[misc]  # docutils has no types
    """Stands on `page` where what `made` returns of it shall be; `asked` are the arguments of its directive."""


Made = Callable[[BuildEnvironment, Listing], list[nodes.Node]]
"""What stands in place of a listing; a function of a module, so that Sphinx can keep the node."""


def listing(made: Made, arguments: int = 0) -> type[SphinxDirective]:
    """Return a directive that leaves a listing, which is `made` once all pages have been read."""

    class ListingDirective(SphinxDirective):
        required_arguments = arguments
        final_argument_whitespace = True

        def run(self) -> list[nodes.Node]:
            follow_others(self.env)
            node = Listing(made=made, page=self.env.docname, asked=self.arguments)
            self.set_source_info(node)
            return [node]

    return ListingDirective


class ResolveListings(SphinxPostTransform):
    """Put what is collected in place of listings, before the references in it are resolved."""

    default_priority = 4

    def run(self, **_options: object) -> None:
        """Replace all listings on a page."""
        for node in list(self.document.findall(Listing)):
            content = node["made"](self.env, node)
            for part in content:
                for reference in part.findall(addnodes.pending_xref):
                    reference["refdoc"] = self.env.docname
                if any(part.findall(nodes.math)):  # else Sphinx leaves MathJax away where the page has none of its own
                    self.env.get_domain("math").data["has_equations"][self.env.docname] = True
            node.replace_self(content)


def book_order(env: BuildEnvironment) -> list[str]:
    """Return all pages in the order of the table of contents."""
    return list(env.collect_relations())


def page_link(page: str) -> nodes.Element:
    """Return a reference to a page, which shows its title."""
    return cross_reference("doc", f"/{page}")


def cross_reference(role: str, target: str) -> nodes.Element:
    """Return a reference of the standard domain that shows the title or the number of its target."""
    reference = addnodes.pending_xref(
        refdomain="std", reftype=role, reftarget=target, refexplicit=False, refwarn=True, refdoc=""
    )
    reference += nodes.inline("", target)
    return reference


def detached(node: nodes.Element) -> nodes.Element:
    """Return a copy that belongs to no page: references to pages say where they lead from anywhere."""
    copy: nodes.Element = node.deepcopy()
    for part in copy.findall():
        part.document = None
    for reference in copy.findall(addnodes.pending_xref):
        if reference["reftype"] == "doc" and not reference["reftarget"].startswith("/"):
            folder, _, _ = reference["refdoc"].rpartition("/")
            reference["reftarget"] = f"/{folder}/{reference['reftarget']}" if folder else f"/{reference['reftarget']}"
    return copy


def table(header: Sequence[str], rows: Iterable[Sequence[nodes.Node]], name: str) -> nodes.table:
    """Return a table of one node per cell, with a header row and `name` among its classes."""
    group = nodes.tgroup(cols=len(header))
    group += [nodes.colspec(colwidth=24) for _ in header]  # characters, where text is all there is
    titles = nodes.row("", *(nodes.entry("", nodes.paragraph("", title)) for title in header))
    group += nodes.thead("", titles)
    group += nodes.tbody("", *(nodes.row("", *(nodes.entry("", cell) for cell in row)) for row in rows))
    return nodes.table("", group, classes=[name, "colwidths-auto"])


def update_followers(_app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Have the pages that follow others written anew, since any page may have changed what they show."""
    return list(noted(env, FOLLOWS))


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_node(Listing)
    app.add_post_transform(ResolveListings)
    app.connect("env-updated", update_followers)
