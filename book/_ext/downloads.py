"""Every page with code can be downloaded as a notebook that runs, and reads well, in plain Jupyter.

A notebook has no outputs: it is there to be run, and what its code printed when the book was built is on the page.
Cells carry tags that say what they are: ``parameters``, ``exercise``, ``solution``, ``quiz`` and ``answers``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from myst_nb.core.read import create_nb_reader
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx_exercise.nodes import is_exercise_node, is_solution_node

from fedswitch import __version__

from .markdown import Markdown, depth
from .quiz import quiz_solution

FOLDER = "_sources"
"""Where in the built book the notebooks lie, beside the sources of its pages."""

BUILDERS = ("html", "dummy")
"""The builders that write notebooks; `dummy` writes nothing else."""

INSTALL = (
    f"*A page of the book that comes with fedswitch {__version__}. Its code runs where the module is installed, by "
    '`pip install ".[offline]"` in a clone of its repository, or by `pip install "fedswitch[offline]"` once released.*'
)


@dataclass(frozen=True)
class Piece:
    """Markdown, or the index of a code cell; Markdown of one `group` shares a cell, and `tag` says what that is."""

    content: str | int
    group: str
    tag: str = ""


def pieces(parts: Iterable[nodes.Element], writer: Markdown, group: str = "", tag: str = "") -> Iterator[Piece]:
    """Take parts of a page apart, in their order, into Markdown and code cells."""
    for part in parts:
        if is_exercise_node(part) or is_solution_node(part):
            yield from _exercise(part, writer)
        elif isinstance(part, nodes.container) and "quiz" in part["classes"]:
            yield from _quiz(part, writer, group)
        elif isinstance(part, nodes.container) and "cell_index" in part:
            yield Piece(part["cell_index"], group, tag)
            for figure in part.findall(nodes.figure):
                yield Piece(writer.caption(figure, "figure", "Fig."), group, tag)
        elif isinstance(part, nodes.section) and isinstance(part[0], nodes.title):
            yield from pieces(part.children, writer, str(part["ids"][0]), tag)
        elif any("cell_index" in inner for inner in part.findall(nodes.container)):
            # a box with code in it: cells cannot stand in a quote
            titled = isinstance(part, nodes.Admonition)
            if titled:
                yield Piece(f"**{writer.title(part)}**", group, tag)
            yield from pieces(part.children[titled:], writer, group, tag)
        elif text := writer.block(part):
            yield Piece(text, group, tag)


def _exercise(node: nodes.Element, writer: Markdown) -> Iterator[Piece]:
    """An exercise or a solution, the latter under a heading in a cell of its own, which Jupyter can fold."""
    label, solution = str(node["label"]), is_solution_node(node)
    tag = "solution" if solution else "exercise"
    level = depth(node) + (2 if solution else 1)
    yield Piece(f"{'#' * level} {writer.title(node)}", f"{label} title" if solution else label, tag)
    yield from pieces(node.children[1:], writer, label, tag)


def _quiz(node: nodes.Element, writer: Markdown, group: str) -> Iterator[Piece]:
    """The questions, and below them all answers, folded away."""
    questions, answers = node.deepcopy(), []
    for number, feedback in enumerate(list(questions.findall(quiz_solution)), start=1):
        # its first part is the word that opens it
        answers.append(f"**Question {number}**\n\n{writer.blocks(feedback.children[1:])}")
        feedback.parent.remove(feedback)
    yield Piece(writer.block(questions), f"{group} quiz", "quiz")
    yield Piece(
        "\n\n".join(["<details>\n<summary>Answers</summary>", *answers, "</details>"]), f"{group} answers", "answers"
    )


def assemble(parts: Sequence[Piece], code: Mapping[int, NotebookNode]) -> NotebookNode:
    """Put the pieces of a page together to a notebook; `code` holds the code cells of the page by their index."""
    cells: list[NotebookNode] = []
    waiting = sorted(code)
    previous: Piece | None = None
    for piece in parts:
        if isinstance(piece.content, int):
            # with those before it that the page does not show
            due = [index for index in waiting if index <= piece.content]
            waiting = waiting[len(due) :]
            cells += [_code_cell(code[index], piece.tag) for index in due]
        elif previous and isinstance(previous.content, str) and previous.group == piece.group:
            cells[-1].source += f"\n\n{piece.content}"
        else:
            cells.append(new_markdown_cell(piece.content, metadata={"tags": [piece.tag]} if piece.tag else {}))
        previous = piece
    cells += [_code_cell(code[index], "") for index in waiting]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
        if _opens_solution(cell) and _ends_at_heading(cells[number:]):
            cell.metadata["jp-MarkdownHeadingCollapsed"] = True
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def _code_cell(cell: NotebookNode, tag: str) -> NotebookNode:
    tags = [name for name in cell.metadata.get("tags", []) if name == "parameters"] + ([tag] if tag else [])
    metadata: dict[str, Any] = {"tags": tags} if tags else {}
    if {"hide-input", "remove-input"} & set(cell.metadata.get("tags", [])):
        metadata["jupyter"] = {"source_hidden": True}
    return new_code_cell(cell.source, metadata=metadata)


def _opens_solution(cell: NotebookNode) -> bool:
    return "solution" in cell.metadata.get("tags", []) and _is_heading(cell)


def _is_heading(cell: NotebookNode) -> bool:
    return cell.cell_type == "markdown" and bool(cell.source.startswith("#"))


def _ends_at_heading(cells: Sequence[NotebookNode]) -> bool:
    """Whether what follows a solution is a heading or the end, so that nothing else is folded away with it."""
    after = [cell for cell in cells if "solution" not in cell.metadata.get("tags", [])]
    return not after or _is_heading(after[0])


def write_notebook(app: Sphinx, document: nodes.document, page: str) -> None:
    """Write a page as a notebook, if it has code."""
    if app.builder.name not in BUILDERS or not has_notebook(app.env, page):
        return
    target = Path(app.outdir, FOLDER, f"{page}.ipynb")
    target.parent.mkdir(parents=True, exist_ok=True)
    title, *parts = pieces(document.children, _writer(app, page))
    written = assemble([title, Piece(INSTALL, title.group), *parts], _code(app.env, page))
    nbformat.write(written, target)


def has_notebook(env: BuildEnvironment, page: str) -> bool:
    """Whether a page has code that a notebook could run."""
    return "kernelspec" in env.metadata[page]


def _writer(app: Sphinx, page: str) -> Markdown:
    numbers = app.env.toc_fignumbers.get(page, {})

    def number(kind: str, node: nodes.Element) -> str:
        found = [numbers.get(kind, {}).get(name, ()) for name in node["ids"]]
        return next((".".join(map(str, parts)) for parts in found if parts), "")

    macros = (app.config.mathjax3_config or {}).get("tex", {}).get("macros", {})
    if taking_arguments := [name for name, meaning in macros.items() if not isinstance(meaning, str)]:
        raise ExtensionError(
            f"The TeX macro {taking_arguments[0]} takes arguments, and Jupyter does not know it: "
            "write it out where it is used, or teach book/_ext/markdown.py to do so."
        )
    return Markdown(number, macros, Path(app.srcdir))


def _code(env: BuildEnvironment, page: str) -> dict[int, NotebookNode]:
    """The code cells of a page by the index that MyST-NB counts them by."""
    path = Path(env.doc2path(page))
    text = path.read_text(encoding="utf-8")
    settings: Any = env
    reader = create_nb_reader(str(path), settings.myst_config, settings.mystnb_config, text)
    return {index: cell for index, cell in enumerate(reader.read(text).cells) if cell.cell_type == "code"}


def offer_notebook(app: Sphinx, page: str, _template: str, context: dict[str, Any], doctree: object) -> None:
    """Have the theme offer the notebook beside the source of a page."""
    if doctree and has_notebook(app.env, page):
        context["ipynb_source"] = f"{page}.ipynb"


def setup(app: Sphinx) -> None:
    """Connect to Sphinx, after references are resolved and before the theme makes its buttons."""
    app.connect("doctree-resolved", write_notebook, priority=900)
    app.connect("html-page-context", offer_notebook)
