"""Tables of the page "Run it yourself", in Markdown, made from the notebooks and the records."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import jupytext

from fedswitch.errors import FedswitchError
from fedswitch.parameters import markdown_table
from fedswitch.studies.notebooks import all_studies, find_study
from fedswitch.studies.records import load_result
from fedswitch.studies.settings import recorded_settings


def settings_table(name: str) -> str:
    """Every parameter of a study with its help and unit, its default, and its value in the recorded run.

    Raises ParameterError for an unknown study.
    """
    study = find_study(name)
    of_recorded_run = recorded_settings(study.name).as_dict()
    rows = []
    for parameter in study.parameters:
        value = of_recorded_run.get(parameter.name, parameter.default)
        told = "the same" if value == parameter.default else _code(repr(value))
        told = told if parameter.name in of_recorded_run else ""
        rows.append((_code(parameter.name), parameter.help, _code(repr(parameter.default)), told))
    return markdown_table(("Parameter", "What it is", "Default", "Recorded run"), rows)


def recorded_table() -> str:
    """How long the recorded run of each study took, and on which machine; and the command that measures it anew."""
    rows = []
    for study in all_studies():
        try:
            record = load_result(study.name).record
            took = (_duration(record["seconds"]), "; ".join(record["machine"]))
        except FedswitchError as missing:
            took = ("unknown", str(missing))
        rows.append((study.title, f"`nox -s reproduce -- {study.name}`", *took))
    return markdown_table(("Study", "Command", "Computing time", "Machine"), rows)


def code_table(book: Path) -> str:
    """Which parts of the module each page calls, in the order of ``_toc.yml``; links lead from the folder `book`."""
    rows = []
    for page in re.findall(r"file: (\S+)", (book.parent / "_toc.yml").read_text(encoding="utf-8")):
        path = book.parent / f"{page}.md"
        text = path.read_text(encoding="utf-8") if path.is_file() else ""  # the API's pages are made, and have no code
        cells = jupytext.reads(text, fmt="md:myst").cells if "kernelspec:" in text else []
        used = {name for cell in cells if cell.cell_type == "code" for name in imported(cell.source)}
        if used:
            title = re.search(r"^# (.+)$", text, flags=re.MULTILINE)
            link = f"[{title[1] if title else page}]({Path(os.path.relpath(path, book)).as_posix()})"
            rows.append((link, ", ".join(map(_code, sorted(used)))))
    return markdown_table(("Page", "Code that it calls"), rows)


def imported(source: str) -> Iterator[str]:
    """The parts of the module that a cell imports, such as `fedswitch.control`."""
    for statement in ast.walk(ast.parse(source)):
        if isinstance(statement, ast.ImportFrom) and statement.module == "fedswitch":
            yield from (f"fedswitch.{name.name}" for name in statement.names)
        elif isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("fedswitch."):
            yield ".".join(str(statement.module).split(".")[:2])


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _code(text: str) -> str:
    return f"`{text}`"
