"""Tables of the page "Run it yourself", in Markdown, made from the notebooks and the records."""

from __future__ import annotations

import ast
import importlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jupytext

from fedswitch.errors import FedswitchError
from fedswitch.studies.notebooks import all_studies, find_study
from fedswitch.studies.records import load_result


def parameter_table(name: str) -> str:
    """Every parameter of a study with its help and unit, its default, and its value at full scale.

    Raises ParameterError for an unknown study.
    """
    study = find_study(name)
    full_scale = importlib.import_module(f"fedswitch.studies.{study.name}").FULL_SCALE
    rows = [
        (
            _code(parameter.name),
            parameter.help,
            _code(repr(parameter.default)),
            _value(full_scale, parameter.name, parameter.default),
        )
        for parameter in study.parameters
    ]
    return _table(("Parameter", "What it is", "Default", "Full scale"), rows)


def full_scale_table() -> str:
    """How long each study took at full scale, on which machine, as recorded; and the command that measures it anew."""
    rows = []
    for study in all_studies():
        try:
            record = load_result(study.name).record
            took = (_duration(record["seconds"]), "; ".join(record["machine"]))
        except FedswitchError as missing:
            took = ("unknown", str(missing))
        rows.append((study.title, f"`nox -s reproduce -- {study.name}`", *took))
    return _table(("Study", "Command", "Computing time", "Machine"), rows)


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
    return _table(("Page", "Code that it calls"), rows)


def imported(source: str) -> Iterator[str]:
    """The parts of the module that a cell imports, such as `fedswitch.control`."""
    for statement in ast.walk(ast.parse(source)):
        if isinstance(statement, ast.ImportFrom) and statement.module == "fedswitch":
            yield from (f"fedswitch.{name.name}" for name in statement.names)
        elif isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("fedswitch."):
            yield ".".join(str(statement.module).split(".")[:2])


def _value(full_scale: dict[str, Any], name: str, default: object) -> str:
    if name not in full_scale:
        return ""
    return "the same" if full_scale[name] == default else _code(repr(full_scale[name]))


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _code(text: str) -> str:
    return f"`{text}`"


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
