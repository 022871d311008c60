"""Sweeps: one study over every combination of parameters; finished runs are kept, failed and missing ones repeated.

The folder of a sweep holds a folder for each finished run, ``runs/RUN_ID``, and for each failed one, ``failed/RUN_ID``,
with the executed notebook, its table and figure, and ``run.json``; the tables of all runs as one, ``sweep.parquet``; an
overview, ``sweep.png`` and ``sweep.svg``; and the list of all runs, ``sweep.json``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout
from tqdm import tqdm

from ..errors import FedswitchError, ParameterError
from ..files import make_folder, write_json, write_whole
from .notebooks import OUT_PARAMETER, Study, parse_assignments
from .records import provenance
from .sweep_table import OTHER_VERSION, collect, draw
from .sweep_workers import Execute, Performed, SweepRun, module_version

FINISHED, FAILED = "runs", "failed"
"""Folders for the runs of either kind."""

RECORD = "run.json"

_RANGE = re.compile(r"(-?\d+):(-?\d+)(?::(-?\d+))?")


@dataclasses.dataclass(frozen=True)
class Tally:
    """How a sweep ended: how many runs it has, how many of them were there before, and why others failed, by run."""

    runs: int
    kept: int
    failures: Mapping[str, str]


def parse_sweep(study: Study, assignments: Iterable[str]) -> dict[str, list[Any]]:
    """Turn texts such as ``num_ues=10,20`` and ``seeds=0:5`` into the values of each parameter.

    Commas part values, except within brackets or quotes: the values of a list are ``[10,20],[40,80]``. ``0:5`` stands
    for 0 to 4, ``0:10:2`` for every second number, where the parameter is not a text. Values are literals, never
    evaluated. Raises ParameterError as `parse_assignments` does, for a range without numbers and for a value given
    twice.
    """
    texts = {parameter.name for parameter in study.parameters if isinstance(parameter.default, str)}
    assigned: list[tuple[str, list[str]]] = []
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        parts = _split(text)
        if name.strip() not in texts:
            parts = [value for part in parts for value in _expand(name.strip(), part)]
        assigned.append((name.strip(), [f"{name}{equals}{part}" for part in parts]))
    parse_assignments(study, [first for _, (first, *_) in assigned])
    swept = {name: [parse_assignments(study, [each])[name] for each in each_one] for name, each_one in assigned}
    for name, values in swept.items():
        for i, value in enumerate(values):
            if value in values[:i]:
                raise ParameterError(f"The value {value!r} of the parameter {name!r} is given twice.")
    return swept


def plan(study: Study, swept: Mapping[str, Sequence[Any]]) -> list[SweepRun]:
    """One run for each combination of values, in order; the last parameter changes first.

    A run is known by the notebook's text and the values of all its parameters, defaults included, in whatever order.
    """
    source = study.path.read_text(encoding="utf-8")
    defaults = {parameter.name: parameter.default for parameter in study.parameters if parameter.name != OUT_PARAMETER}
    runs = []
    for values in itertools.product(*swept.values()):
        parameters = dict(zip(swept, values, strict=True))
        identity = repr((sorted({**defaults, **parameters}.items()), source))
        run_id = hashlib.sha256(identity.encode()).hexdigest()[:12]
        runs.append(SweepRun(run_id, study.name, source, parameters, module_version()))
    return runs


def sweep(
    study: Study,
    swept: Mapping[str, Sequence[Any]],
    out: Path,
    execute: Execute,
    *,
    fresh: bool = False,
    show: bool = True,
    x: str | None = None,
    y: str | None = None,
) -> Tally:
    """Do every run that is not finished, through `execute`, and collect all of them in the folder `out`.

    With `fresh`, runs that another version of the module finished are repeated too; else they are kept and marked. `x`
    and `y` choose the columns of the figure. What is finished stays, however the sweep ends. Raises FedswitchError
    where the folder cannot be written to or another sweep is at work in it.
    """
    make_folder(out)
    runs = plan(study, swept)
    with _lock(out):
        due = [run for run in runs if _is_due(out, run, fresh)]
        try:
            with tqdm(
                total=len(runs), initial=len(runs) - len(due), desc=study.name, unit="run", disable=not show,
                file=sys.stderr, dynamic_ncols=True,
            ) as bar:  # fmt: skip
                for outcome in execute(due):
                    with _writing_to(out):
                        _keep(out, outcome)
                    if outcome.failure and show:
                        bar.write(f"{outcome.run.run_id} failed: {outcome.failure}", file=sys.stderr)
                    bar.update()
        finally:
            with _writing_to(out):
                _write_collected(out, study, swept, runs, x, y)
    failures = {run.run_id: failed["failure"] for run in runs if (failed := _records(out, run)[1])}
    return Tally(runs=len(runs), kept=len(runs) - len(due), failures=failures)


def _split(text: str) -> list[str]:
    """Part a text at its commas, but not within brackets or quotes."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if character == "," and not depth and not quote:
            parts.append("")
            continue
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += (character in "[({") - (character in "])}")
        parts[-1] += character
    return [part.strip() for part in parts]


def _expand(name: str, text: str) -> list[str]:
    """The numbers of a range such as ``0:5`` or ``0:10:2``; any other text stays what it is."""
    match = _RANGE.fullmatch(text)
    if not match:
        return [text]
    start, stop, step = (int(number) for number in match.groups(default="1"))
    if not step or not range(start, stop, step):
        raise ParameterError(f"The range {text} of the parameter {name!r} holds no number: 0:5 stands for 0,1,2,3,4.")
    return [str(number) for number in range(start, stop, step)]


def _lock(out: Path) -> contextlib.AbstractContextManager[Any]:
    """The folder's lock, held until its context ends; the system drops it with the process however that ends."""
    try:
        return FileLock(out / ".lock", timeout=0).acquire()
    except Timeout as error:
        raise FedswitchError(
            f"Another sweep is at work in the folder {out}: wait for it to end, or name another with --out."
        ) from error


@contextlib.contextmanager
def _writing_to(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FedswitchError(
            f"The folder {out} cannot be written to any more ({error.strerror}): mend that, and give the command "
            "again; finished runs are kept."
        ) from error


def _is_due(out: Path, run: SweepRun, fresh: bool) -> bool:
    finished, failed = _records(out, run)
    return not finished or bool(failed) or (fresh and finished["module"] != run.module)


def _records(out: Path, run: SweepRun) -> list[dict[str, Any]]:
    """The record of a run that finished, and that of its failure; each empty where there is none."""
    paths = [out / kind / run.run_id / RECORD for kind in (FINISHED, FAILED)]
    return [json.loads(path.read_text(encoding="utf-8")) if path.exists() else {} for path in paths]


def _keep(out: Path, outcome: Performed) -> None:
    """Put a folder with the files of a run and their record in the place of another; there is never a part of it.

    A failure leaves an older success as it is.
    """
    run = outcome.run
    folder = out / (FAILED if outcome.failure else FINISHED) / run.run_id
    unfinished, old = (folder.with_name(f".{folder.name}.{suffix}") for suffix in ("part", "old"))
    for leftover in (unfinished, old):
        shutil.rmtree(leftover, ignore_errors=True)
    for name, content in outcome.files.items():
        path = unfinished / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    known = {name: value for name, value in vars(run).items() if name != "source"}
    date = datetime.now(UTC).date().isoformat()
    facts = {"seconds": round(outcome.seconds, 1), "date": date, "failure": outcome.failure}
    write_json(unfinished / RECORD, {**known, **facts}, default=repr)
    if folder.exists():
        folder.rename(old)
    unfinished.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    if not outcome.failure:
        shutil.rmtree(out / FAILED / run.run_id, ignore_errors=True)


def _write_collected(
    out: Path, study: Study, swept: Mapping[str, Sequence[Any]], runs: Sequence[SweepRun], x: str | None, y: str | None
) -> None:
    """Write the list of all runs, the table of the finished ones, and the figure."""
    listed, tables = [], []
    for run in runs:
        finished, failed = _records(out, run)
        other_version = bool(finished) and finished["module"] != run.module
        state = "failed" if failed else "finished" if finished else "missing"
        facts = {"run_id": run.run_id, "state": state, OTHER_VERSION: other_version, "parameters": run.parameters}
        listed.append({**(failed or finished), **facts})
        if finished:
            path = out / FINISHED / run.run_id / f"{study.name}.parquet"
            tables.append((run, other_version, pd.read_parquet(path) if path.exists() else pd.DataFrame(index=[0])))
    write_json(out / "sweep.json", {"notebook": study.name, "runs": listed, **provenance(swept)}, default=repr)
    if not tables:
        return
    table = collect(tables)
    write_whole(out / "sweep.parquet", lambda path: table.to_parquet(path, index=False))
    figure = draw(table, swept, x=x, y=y)
    if figure:
        for kind in ("png", "svg"):
            write_whole(out / f"sweep.{kind}", partial(figure.savefig, format=kind, dpi=200))
