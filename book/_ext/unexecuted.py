"""The book without running it: its pages as notebooks within seconds, numbers included.

MyST-NB takes the caption of a figure and its label from a cell, but only where the cell has an output. The reader here
gives such cells an empty one, so that all figures are counted, and can be referred to, though nothing was executed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nbformat
from docutils import nodes
from jupyter_book.config import get_final_config
from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook, new_output
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, docutils_namespace, patch_docutils

from .downloads import FOLDER

BOOK = Path(__file__).resolve().parents[2]

SETTINGS = {
    "nb_execution_mode": "off",
    "nb_custom_formats": {".md": [f"{__name__}.read", {}, False]},
    "nb_mime_priority_overrides": [("dummy", "text/plain", 0)],
}
"""Settings of Sphinx with which the builder `dummy` runs no code."""


def read(text: str) -> NotebookNode:
    """Read a page, with an empty output where a cell makes a figure."""
    notebook: NotebookNode
    if is_myst_markdown_notebook(text):
        notebook = read_myst_markdown_notebook(text, add_source_map=True)
    else:
        notebook = new_notebook(cells=[new_markdown_cell(text)])
    for cell in notebook.cells:
        if "figure" in cell.metadata.get("mystnb", {}):
            cell.outputs = [new_output("display_data", {"text/plain": "figure"})]
    return notebook


class Nothing(SphinxDirective):
    """Stands for the reference of the API, which imports all of the module and has no code to run."""

    has_content = True
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return nothing."""
        return []


def notebooks(book: Path) -> dict[str, NotebookNode]:
    """Return the pages with code of the Jupyter Book in a folder, by name and in the book's order."""
    wanted = {"latex_individualpages": False}
    config, _ = get_final_config(
        user_yaml=book / "_config.yml", cli_config=wanted, sourcedir=book, use_external_toc=True
    )
    with tempfile.TemporaryDirectory() as scratch, patch_docutils(), docutils_namespace():
        out = Path(scratch, "out")
        app = Sphinx(book, None, out, Path(scratch, "doctrees"), "dummy", confoverrides=config | SETTINGS, status=None)
        for name in ("api", "api-overview"):
            app.add_directive(name, Nothing, override=True)
        app.build()
        files = {page: out / FOLDER / f"{page}.ipynb" for page in app.env.collect_relations()}
        return {page: nbformat.read(file, as_version=4) for page, file in files.items() if file.is_file()}


def main(folder: Path) -> None:
    """Write all pages with code of this book to a folder, as notebooks."""
    for page, notebook in notebooks(BOOK).items():
        target = folder / f"{page}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
