"""The book on a single page, which `nox -s pdf` prints.

Sphinx writes a node by what extensions registered for this builder by name and, only where none did so at all, by what
they registered for HTML. Some of ours did, so that the nodes of the others would be unknown. And the page is meant to
lie above all folders, where its own addresses hold; but the first page of this book is in a folder.
"""

from __future__ import annotations

from sphinx.application import Sphinx


def write_as_html(app: Sphinx) -> None:
    """Write on a single page what nobody registered for it as on a page of the book."""
    handlers = app.registry.translation_handlers
    handlers["singlehtml"] = {**handlers.get("html", {}), **handlers.get("singlehtml", {})}


def put_on_top(app: Sphinx, exception: Exception | None) -> None:
    """Write the single page once more, as index.html above all folders, with links that stay on it."""
    if app.builder.name == "singlehtml" and exception is None:
        name = f"{app.config.root_doc}.html"
        page = (app.outdir / name).read_text(encoding="utf-8")
        (app.outdir / "index.html").write_text(page.replace(f'href="{name}#', 'href="#'), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Connect to Sphinx, after the extension that makes index.html lead to the first page."""
    app.connect("builder-inited", write_as_html)
    app.connect("build-finished", put_on_top, priority=900)
