"""The parameterized studies: where their notebooks are, what their parameters mean, and how one is run.

A study is a MyST notebook with one cell tagged `parameters`, whose lines read ``name = value  # help with unit``; those
of the book say there what the study's `StudySettings` do.
"""

from __future__ import annotations

import ast
import dataclasses
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import FedswitchError, ParameterError, nearest
from ..files import make_folder, packaged, write_whole

NOT_SET = "None:"
"""In the help of a parameter this says what it means not to set it: then None is a value of it."""

OUT_PARAMETER = "out"
"""The parameter through which a notebook is told where to write its table and figure."""

_FOR_THE_USER: tuple[type[Exception], ...] = (ValueError, FedswitchError, *FedswitchError.__subclasses__())
RAISED_FOR_THE_USER = {kind.__name__ for kind in _FOR_THE_USER}
"""Errors of a notebook whose message is meant for the person who ran it."""


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell."""

    name: str
    default: Any
    help: str


@dataclasses.dataclass(frozen=True)
class Study:
    """A notebook that can be run with other parameters."""

    name: str
    title: str
    path: Path
    parameters: tuple[Parameter, ...]


def notebook_paths() -> dict[str, Path]:
    """The notebooks by name, in order."""
    return {path.stem: path for path in sorted(packaged("notebooks").glob("*.md"))}


def all_studies() -> list[Study]:
    """Every study, by name."""
    return [_read_study(path) for path in notebook_paths().values()]


def find_study(name: str) -> Study:
    """The study of that name (or of a path to a notebook); ParameterError with the nearest name where there is none."""
    by_path = Path(name)
    if by_path.suffix == ".md" and by_path.is_file():
        return _read_study(by_path)
    paths = notebook_paths()
    if name not in paths:
        raise ParameterError(f"There is no notebook {name!r}.{nearest(name, paths)} There are: {', '.join(paths)}.")
    return _read_study(paths[name])


def parse_assignments(study: Study, assignments: Iterable[str]) -> dict[str, Any]:
    """Turn ``name=value`` texts into parameters of a study; values are literals and never evaluated.

    A text is taken as it stands for a parameter whose default is a text. Raises ParameterError for an unknown name
    (with the nearest one), a name given twice, or a value of another kind than the default's.
    """
    settable = {parameter.name: parameter for parameter in study.parameters if parameter.name != OUT_PARAMETER}
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        name = name.strip()
        if not equals:
            raise ParameterError(f"A parameter is given as name=value, not as {assignment!r}.")
        if name == OUT_PARAMETER:
            raise ParameterError("Where results go is said by --out, not by a parameter.")
        if name not in settable:
            raise ParameterError(
                f"{study.name} has no parameter {name!r}.{nearest(name, settable)} It has: {', '.join(settable)}."
            )
        if name in values:
            raise ParameterError(f"The parameter {name!r} is given twice.")
        values[name] = _literal(settable[name], text.strip())
    return values


def run_study(study: Study, parameters: Mapping[str, Any], out: Path, *, echo: bool = True) -> Path:
    """Execute a study with `parameters`; write notebook, table and figure to the folder `out`; return the notebook.

    With `echo`, what the cells say on standard error, such as their progress, is said here too. Files of an earlier run
    in `out` are replaced only by complete ones. Raises FedswitchError with one sentence when the notebook fails; the
    notebook as far as it went is then kept as ``NAME.failed.ipynb``.
    """
    import jupytext
    import nbformat
    import papermill

    make_folder(out)
    with tempfile.TemporaryDirectory() as scratch:
        source, executed = Path(scratch) / "source.ipynb", Path(scratch) / "executed.ipynb"
        nbformat.write(jupytext.read(study.path), source)
        try:
            papermill.execute_notebook(
                source,
                executed,
                parameters={**parameters, OUT_PARAMETER: str(out.resolve())},
                kernel_name="python3",
                progress_bar=False,
                stderr_file=sys.stderr if echo else None,
                config=kernel_configuration(Path(scratch)),
            )
        except papermill.PapermillExecutionError as error:
            kept = _keep(executed, out / f"{study.name}.failed.ipynb")
            if error.ename in RAISED_FOR_THE_USER:
                raise FedswitchError(str(error.evalue)) from error
            raise FedswitchError(
                f"The notebook {study.name} failed with {error.ename}: {error.evalue} (as far as it went: {kept})"
            ) from error
        return _keep(executed, out / f"{study.name}.ipynb")


def kernel_configuration(runtime: Path) -> Any:
    """Talk to kernels through files in the folder `runtime`, where that works: no other process can take or read them.

    The folder stands in for the user's JUPYTER_RUNTIME_DIR, which kernels that run at once would share.
    """
    from traitlets.config import Config

    transport = "tcp" if os.name == "nt" else "ipc"
    return Config({"KernelManager": {"transport": transport, "connection_file": str(runtime / "kernel.json")}})


def _keep(executed: Path, target: Path) -> Path:
    """Move an executed notebook to `target`, with progress bars as a reader would have seen them at the end."""
    import nbformat

    notebook = nbformat.read(executed, as_version=4)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = re.sub(r"[^\n]*\r(?!\n)", "", output.text)
    return write_whole(target, lambda path: nbformat.write(notebook, path))


def _read_study(path: Path) -> Study:
    import jupytext
    import papermill

    notebook = jupytext.read(path)
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise FedswitchError(f"The notebook {path} needs one cell tagged 'parameters', and has {len(tagged)}.")
    heading = re.search(r"^# (.+)$", notebook.cells[0].source, flags=re.MULTILINE)
    found = papermill.inspect_notebook(notebook).values()
    parameters = tuple(Parameter(one["name"], ast.literal_eval(one["default"]), one["help"]) for one in found)
    return Study(path.stem, heading.group(1) if heading else path.stem, path, parameters)


def _literal(parameter: Parameter, text: str) -> Any:
    """`text` as a value of the kind of the parameter's default."""
    if isinstance(parameter.default, str):
        return text.strip("'\"")
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = {"true": True, "false": False, "none": None}.get(text.lower(), text)
    if value is None and NOT_SET in parameter.help:
        return None
    if isinstance(parameter.default, list):
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",")]
        # papermill writes lists into the notebook as such, but tuples as texts
        value = list(value) if isinstance(value, list | tuple) else [value]
    wanted = _mismatch(value, parameter.default)
    if wanted:
        raise ParameterError(
            f"The parameter {parameter.name} takes {wanted} (default {parameter.default!r}: {parameter.help}), "
            f"not {text!r}."
        )
    return value


def _mismatch(value: Any, default: Any) -> str:
    """What a value should be, in words, when it is not of the kind of `default`; else nothing."""
    if isinstance(default, list):
        wrong = any(_mismatch(item, default[0]) for item in value)
        return f"one or more values separated by commas, such as {','.join(map(str, default[:2]))}" if wrong else ""
    kinds: dict[type, tuple[tuple[type, ...], str]] = {
        bool: ((bool,), "True or False"),
        int: ((int,), "a whole number"),
        float: ((int, float), "a number"),
    }
    accepted, wanted = kinds.get(type(default), ((object,), ""))
    wrong_bool = isinstance(value, bool) and not isinstance(default, bool) and wanted
    return wanted if not isinstance(value, accepted) or wrong_bool else ""
