"""The parameterized studies: where their notebooks are, what their parameters mean, and how one is run.

A study is a MyST notebook with one cell tagged `parameters`, whose lines read ``name = value  # help with unit``; those
of the book say there what the study's `StudySettings` do.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import FedswitchError, ParameterError, nearest
from ..files import make_folder, packaged, write_whole, writing_to
from .settings import StudySettings, recorded_settings

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
        raise ParameterError(f"There is no study {name!r}.{nearest(name, paths)} There are: {', '.join(paths)}.")
    return _read_study(paths[name])


def parse_assignments(study: Study, assignments: Iterable[str]) -> dict[str, Any]:
    """Turn ``name=value`` texts into parameters of a study; values are literals and never evaluated.

    A text is taken as it stands for a parameter whose default is a text. Raises ParameterError for an unknown name
    (with the nearest one), a name given twice, a value of another kind than the default's, and, in a study
    of the book, one that its settings do not allow.
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
        kind = _settings_kind(study)
        if kind is not None and name in kind.helps():
            with _as_parameter_error("The parameter"):
                kind.checked(name, values[name])
    return values


def check_together(study: Study, parameters: Mapping[str, Any]) -> None:
    """ParameterError where parameters of a study of the book do not go together, or with the defaults of the others."""
    kind = _settings_kind(study)
    if kind is not None:
        defaults = {parameter.name: parameter.default for parameter in study.parameters}
        with _as_parameter_error("These parameters do not go together:"):
            kind.of({**defaults, **parameters})


def run_study(study: Study, parameters: Mapping[str, Any], out: Path, *, echo: bool = True) -> Path:
    """Execute a study with `parameters`; write notebook, table and figure to the folder `out`; return the notebook.

    With `echo`, what the cells say on standard error, such as their progress, is said here too. Files of an earlier run
    in `out` are replaced only when this one has ended, all together. Raises FedswitchError with one sentence when the
    notebook fails, or KeyboardInterrupt; the notebook as far as it went is then kept as ``NAME.failed.ipynb``, and what
    it had written alike.
    """
    import jupytext

    from .kernels import execute

    make_folder(out)
    unfinished = out / f".{study.name}.part"
    notebook = jupytext.read(study.path)
    injected = _inject(notebook, {**parameters, OUT_PARAMETER: str(unfinished.resolve())})
    with writing_to(out):
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
    written = unfinished / f"{study.name}.ipynb"
    try:
        try:
            execute(notebook, echo=echo)
        finally:
            injected.source = _as_code({**parameters, OUT_PARAMETER: str(out.resolve())})
            _write(notebook, written)
        with writing_to(out):
            _deliver(unfinished, out)
        return out / written.name
    except BaseException as error:
        with contextlib.suppress(OSError):
            _deliver(unfinished, out, mark=".failed")
        kept = out / f"{study.name}.failed.ipynb"
        as_far = f"as far as it went: {kept}" if kept.exists() else "it could not be kept"
        if not isinstance(error, Exception):
            error.add_note(f"The notebook is kept {as_far}.")
            raise
        sentence = _explained(study.name, error, as_far).replace(str(unfinished.resolve()), str(out))
        raise FedswitchError(sentence) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _inject(notebook: Any, parameters: Mapping[str, Any]) -> Any:
    """Set parameters in a cell of their own, which is returned, below the one that is tagged so."""
    from nbformat.v4 import new_code_cell

    cell = new_code_cell(_as_code(parameters), metadata={"tags": ["injected-parameters"]})
    tagged = [i for i, each in enumerate(notebook.cells) if "parameters" in each.metadata.get("tags", [])]
    notebook.cells.insert(tagged[0] + 1, cell)
    return cell


def _as_code(parameters: Mapping[str, Any]) -> str:
    from papermill.translators import PythonTranslator

    return PythonTranslator.codify(parameters, "Parameters")


def _explained(name: str, error: Exception, as_far: str) -> str:
    """Why a notebook failed, in one sentence."""
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    if isinstance(error, FedswitchError):
        return str(error)
    if isinstance(error, CellExecutionError):
        if error.ename in RAISED_FOR_THE_USER:
            return str(error.evalue)
        return f"The notebook {name} failed with {error.ename}: {error.evalue} ({as_far})"
    if isinstance(error, DeadKernelError):
        return (
            f"The process that ran the notebook {name} was killed, most likely because the memory was full: run less "
            f"at once, or smaller cells, batches or backbones ({as_far})."
        )
    return f"The notebook {name} could not be run, by {type(error).__name__}: {error} ({as_far})"


def _write(notebook: Any, path: Path) -> None:
    """Write an executed notebook, with progress bars as a reader would have seen them at the end."""
    import nbformat

    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = re.sub(r"[^\n]*\r(?!\n)", "", output.text)
    write_whole(path, lambda part: nbformat.write(notebook, part))


def _deliver(unfinished: Path, out: Path, mark: str = "") -> None:
    """Move all whole files to the folder `out`, with a mark in their names."""
    for path in sorted(unfinished.rglob("*")):
        if path.is_file() and path.suffix != ".part":
            target = out / path.relative_to(unfinished).with_name(f"{path.stem}{mark}{path.suffix}")
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)


def _settings_kind(study: Study) -> type[StudySettings] | None:
    """What the settings of a study of the book are; None for a notebook of another's own."""
    if notebook_paths().get(study.name) != study.path:
        return None
    return type(recorded_settings(study.name))


@contextlib.contextmanager
def _as_parameter_error(begin: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ParameterError(f"{begin} {str(error).rstrip('.')}{'' if str(error).endswith('?') else '.'}") from error


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
        value = _as_lists(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        value = {"true": True, "false": False, "none": None}.get(text.lower(), text)
    if value is None and NOT_SET in parameter.help:
        return None
    if isinstance(parameter.default, list):
        if isinstance(value, str):
            inner = value.strip("[]()")
            value = [part.strip(" '\"") for part in inner.split(",")] if inner.strip() else []
        value = value if isinstance(value, list) else [value]
    wanted = _mismatch(value, parameter.default)
    if wanted:
        raise ParameterError(
            f"The parameter {parameter.name} takes {wanted} (default {parameter.default!r}: {parameter.help}), "
            f"not {text!r}."
        )
    return value


def _as_lists(value: Any) -> Any:
    """The same with lists for tuples: papermill writes lists into a notebook as such, but tuples as texts."""
    return [_as_lists(each) for each in value] if isinstance(value, list | tuple) else value


def _mismatch(value: Any, default: Any) -> str:
    """What a value should be, in words, when it is not of the kind of `default`; else nothing."""
    if isinstance(default, list):
        # an empty list tells no kind; the settings of a study do
        wrong = any(_mismatch(item, kind) for item in value for kind in default[:1])
        return f"one or more values separated by commas, such as {','.join(map(str, default[:2]))}" if wrong else ""
    kinds: dict[type, tuple[tuple[type, ...], str]] = {
        bool: ((bool,), "True or False"),
        int: ((int,), "a whole number"),
        float: ((int, float), "a number"),
    }
    accepted, wanted = kinds.get(type(default), ((object,), ""))
    wrong_bool = isinstance(value, bool) and not isinstance(default, bool) and wanted
    return wanted if not isinstance(value, accepted) or wrong_bool else ""
