"""What pages say of themselves, collected over the book and shown on one page as a table.

A directive notes something about its page in a `PerPage`. Another leaves a `Listing` node where the table shall stand,
which is replaced when all pages have been read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

T = TypeVar("T")


class PerPage(Generic[T]):
    """One value of each page, kept by Sphinx from build to build under a name."""

    def __init__(self, name: str):
        self.name = f"fedswitch_{name}"

    def of(self, env: BuildEnvironment) -> dict[str, T]:
        """Return what is noted so far, by page."""
        noted: dict[str, T] = vars(env).setdefault(self.name, {})
        return noted

    def connect(self, app: Sphinx) -> None:
        """Forget a page that is read again, and merge what parallel readers noted."""
        app.connect("env-purge-doc", lambda _app, env, page: self.of(env).pop(page, None))
        app.connect("env-merge-info", self.merge)

    def merge(self, _app: Sphinx, env: BuildEnvironment, pages: Iterable[str], other: BuildEnvironment) -> None:
        """Take over what another reader noted of some pages."""
        self.of(env).update({page: noted for page, noted in self.of(other).items() if page in pages})


LISTING_PAGES: PerPage[bool] = PerPage("listing_pages")


class Listing(nodes.General, nodes.Element):  # type: ignore[misc]  # docutils has no types
    """Stands where a table of what is collected shall be."""


class ListingDirective(SphinxDirective):
    """Leave a listing, and write this page anew whenever any page has changed."""

    listing: type[Listing]

    def run(self) -> list[nodes.Node]:
        """Return the node that stands for the table."""
        LISTING_PAGES.of(self.env)[self.env.docname] = True
        node = self.listing()
        self.set_source_info(node)
        return [node]


class ResolveListing(SphinxPostTransform):
    """Put the table in place of a listing, before the references in it are resolved."""

    default_priority = 4
    listing: type[Listing]

    def content(self) -> list[nodes.Node]:
        """Return what stands in place of the listing."""
        raise NotImplementedError

    def run(self, **_options: object) -> None:
        """Replace all listings of this kind on a page."""
        for node in list(self.document.findall(self.listing)):
            content = self.content()
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


def update_listing_pages(_app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Have the pages with listings written anew, since any page may have changed what they list."""
    return list(LISTING_PAGES.of(env))


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    LISTING_PAGES.connect(app)
    app.connect("env-updated", update_listing_pages)
