"""Notebooks for a class: of each page with exercises a copy without solutions, and one with them.

``nox -s teaching`` writes them to ``_build/teaching``, without running any code. The built book has them in two zips,
one that may be handed to a class and one with everything, to which ``{class-notebooks}`TEXT <student>` `` and
``{class-notebooks}`TEXT <instructor>` `` lead.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path

import nbformat
from docutils import nodes
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from sphinx.application import Sphinx
from sphinx.util.docutils import ReferenceRole

from fedswitch.errors import nearest

from .collected import book_order
from .downloads import FOLDER

ZIPS = {"student": "class-notebooks.zip", "instructor": "class-notebooks-with-solutions.zip"}
"""The zips in the built book: what a class may be given, and everything."""

OUT = Path(__file__).resolve().parents[2] / "_build" / "teaching"

FOR_INSTRUCTORS = ("solution", "answers")
"""Tags of the cells that students do not get."""

STUDENT_MARK = "**Student copy.** Write your answers into the cells below each exercise."
INSTRUCTOR_MARK = "**Instructor copy: with the solutions of all exercises and the answers of the quiz.**"


def has_lessons(notebook: NotebookNode) -> bool:
    """Whether a page has an exercise or a quiz."""
    return any(_tags(cell) & {"exercise", "quiz"} for cell in notebook.cells)


def instructor_copy(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a page that says that it holds the solutions."""
    return _copy(notebook, INSTRUCTOR_MARK, deepcopy(notebook.cells))


def student_copy(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a page without solutions and answers, and with cells to answer below each exercise."""
    kept = [deepcopy(cell) for cell in notebook.cells if not _tags(cell) & set(FOR_INSTRUCTORS)]
    return _copy(notebook, STUDENT_MARK, list(_with_room(kept)))


def exercises(notebook: NotebookNode) -> list[str]:
    """Return the titles of the exercises of a page."""
    return [cell.source.split("\n")[0].lstrip("# ") for cell in notebook.cells if _opens_exercise(cell)]


def page_title(notebook: NotebookNode) -> str:
    """Return the title of a page."""
    return str(notebook.cells[0].source).split("\n")[0].lstrip("# ")


def index(pages: Mapping[str, NotebookNode]) -> str:
    """Return what is in the folder, as Markdown."""
    lines = [
        "# Notebooks for a class",
        "`student/` has no solutions, and room to answer; `instructor/` has everything. Both run wherever fedswitch is "
        "installed, and need no other file. `nox -s teaching` writes them again.",
    ]
    for name, notebook in pages.items():
        quiz = any("quiz" in _tags(cell) for cell in notebook.cells)
        lines += [
            f"## {page_title(notebook)}",
            f"[student](student/{name}.ipynb), [instructor](instructor/{name}.ipynb)"
            + ("; with a quiz to check oneself" if quiz else ""),
            "\n".join(f"- {title}" for title in exercises(notebook)),
        ]
    return "\n\n".join(filter(None, lines)) + "\n"


def write_class(pages: Mapping[str, NotebookNode], out: Path, chosen: Iterable[str] | None = None) -> None:
    """Write both copies of the chosen pages, or of all, to a folder, and an index of all whose copies are there."""
    for folder, copy in (("student", student_copy), ("instructor", instructor_copy)):
        for name in pages if chosen is None else chosen:
            target = out / folder / f"{name}.ipynb"
            target.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(copy(pages[name]), target)
    there = {name: notebook for name, notebook in pages.items() if (out / "student" / f"{name}.ipynb").exists()}
    (out / "README.md").write_text(index(there), encoding="utf-8")


def write_zips(app: Sphinx, exception: Exception | None) -> None:
    """Put the notebooks of all pages of a built book into zips, which are the same whenever the notebooks are."""
    if app.builder.name != "html" or exception:
        return
    files = {page: Path(app.outdir, FOLDER, f"{page}.ipynb") for page in book_order(app.env)}
    pages = {page: nbformat.read(file, as_version=4) for page, file in files.items() if file.is_file()}
    with tempfile.TemporaryDirectory() as scratch:
        write_class(choose(pages, []), Path(scratch))
        written = sorted(path for path in Path(scratch).rglob("*") if path.is_file())
        of_class = [path for path in written if path.is_relative_to(Path(scratch, "student"))]
        for reader, held in (("student", of_class), ("instructor", written)):
            with zipfile.ZipFile(Path(app.outdir, ZIPS[reader]), "w") as archive:
                for path in held:
                    name = zipfile.ZipInfo(path.relative_to(scratch).as_posix())
                    archive.writestr(name, path.read_bytes(), zipfile.ZIP_DEFLATED)


class ClassNotebooksRole(ReferenceRole):
    """``{class-notebooks}`TEXT <student>` ``, or ``<instructor>``: a text that leads to a zip."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the link."""
        if self.target not in ZIPS:
            message = self.inliner.reporter.error(
                f"class-notebooks: there are <{'> and <'.join(ZIPS)}>, not <{self.target}>", line=self.lineno
            )
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]
        up = "../" * self.env.docname.count("/")
        return [nodes.reference("", self.title, refuri=f"{up}{ZIPS[self.target]}", internal=False)], []


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_role("class-notebooks", ClassNotebooksRole())
    app.connect("build-finished", write_zips)


def choose(pages: Mapping[str, NotebookNode], wanted: Sequence[str]) -> dict[str, NotebookNode]:
    """Return the pages with lessons that are wanted, or all of them where none is named.

    Raises:
        ValueError: if one that is wanted is not there.
    """
    there = {name: notebook for name, notebook in pages.items() if has_lessons(notebook)}
    names = [name.removesuffix(".md") for name in wanted] or list(there)
    for name in names:
        if name not in there:
            raise ValueError(
                f"There is no page {name!r} with exercises or a quiz.{nearest(name, there)} "
                f"There are: {', '.join(there)}."
            )
    return {name: there[name] for name in names}


def main(arguments: Sequence[str]) -> None:
    """Write the notebooks of the pages that are named, or of all."""
    from .unexecuted import BOOK, notebooks

    parser = argparse.ArgumentParser(
        prog="nox -s teaching --", description="Write notebooks for a class, without and with solutions."
    )
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="such as book/system-model; all where none is named")
    wanted = parser.parse_args(arguments).pages
    pages = notebooks(BOOK)
    try:
        chosen = choose(pages, wanted)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    write_class(choose(pages, []), OUT, chosen)
    print(f"Wrote {len(chosen)} pages for students and for instructors; {OUT / 'README.md'} lists them.")


def _copy(notebook: NotebookNode, mark: str, cells: list[NotebookNode]) -> NotebookNode:
    """A copy with other cells, and a mark below the title."""
    title, *rest = cells[0].source.split("\n")
    cells[0].source = "\n".join([title, "", mark, *rest])
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return NotebookNode(notebook | {"cells": cells})


def _with_room(cells: Sequence[NotebookNode]) -> Iterator[NotebookNode]:
    """The cells, and below each exercise two to answer in."""
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        yield cell
        goes_on = following and "exercise" in _tags(following) and not _opens_exercise(following)
        if "exercise" in _tags(cell) and not goes_on:
            yield new_markdown_cell("*Your answer:*", metadata={"tags": ["answer"]})
            yield new_code_cell("", metadata={"tags": ["answer"]})


def _opens_exercise(cell: NotebookNode) -> bool:
    return "exercise" in _tags(cell) and cell.cell_type == "markdown" and cell.source.startswith("#")


def _tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


if __name__ == "__main__":
    main(sys.argv[1:])
