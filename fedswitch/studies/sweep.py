"""Sweeps: one study over every combination of parameters; finished runs are kept, failed and missing ones repeated.

The folder of a sweep holds a folder for each finished run, ``runs/RUN_ID``, and for each failed one, ``failed/RUN_ID``,
with the executed notebook, its table and figure, and ``run.json``; the tables of all runs as one, ``sweep.parquet``; an
overview, ``sweep.png`` and ``sweep.svg``; and the list of all runs, ``sweep.json``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import math
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from ..errors import FedswitchError, ParameterError, nearest
from ..files import check_space, locked, make_folder, write_json, write_whole, writing_to
from .notebooks import OUT_PARAMETER, Study, check_together, parse_assignments
from .records import provenance
from .sweep_table import OTHER_VERSION, collect, draw
from .sweep_workers import Execute, Performed, SweepRun, data_digest, module_version

FINISHED, FAILED = "runs", "failed"
"""Folders for the runs of either kind."""

RECORD = "run.json"
LIST, TABLE, PICTURES = "sweep.json", "sweep.parquet", ("sweep.png", "sweep.svg")

MOST_RUNS = 100_000
"""A sweep of more would take weeks for its kernels to start alone: most likely it was not meant."""

_RANGE = re.compile(r"(-?\d{1,30}):(-?\d{1,30})(?::(-?\d{1,30}))?")


@dataclasses.dataclass(frozen=True)
class Tally:
    """How a sweep ended: how many runs it has, how many of them were there before, and why others failed, by run.

    `notes` are sentences on what differs between finished runs beside their parameters, such as their data.
    """

    runs: int
    kept: int
    failures: Mapping[str, str]
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class _Kept:
    """What the folder of a sweep holds of a run: record and table where it finished, and why it failed last."""

    run: SweepRun
    record: Mapping[str, Any] | None
    table: pd.DataFrame
    failure: str

    @property
    def other_version(self) -> bool:
        """Whether another version of the module finished it."""
        return self.record is not None and self.record["module"] != self.run.module


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
    return _checked({name: [parse_assignments(study, [each])[name] for each in texts] for name, texts in assigned})


def plan(study: Study, swept: Mapping[str, Sequence[Any]]) -> list[SweepRun]:
    """One run for each combination of values, in order; the last parameter changes first.

    A run is known by the notebook's text, the values of all its parameters, defaults included, in whatever order, and
    the data that these name on this machine. Raises ParameterError for a parameter that the study does not have, one
    without values, a value given twice, values that do not go together, and more than `MOST_RUNS` combinations.
    """
    source, module = study.path.read_text(encoding="utf-8"), module_version()
    defaults = {parameter.name: parameter.default for parameter in study.parameters if parameter.name != OUT_PARAMETER}
    for name in swept:
        if name not in defaults:
            raise ParameterError(
                f"{study.name} has no parameter {name!r}.{nearest(name, defaults)} It has: {', '.join(defaults)}."
            )
    swept = _checked(swept)
    data: dict[tuple[Any, ...], str] = {}  # by what names it: each is read once
    runs = []
    for values in itertools.product(*swept.values()):
        parameters = dict(zip(swept, values, strict=True))
        check_together(study, parameters)
        full = defaults | parameters
        names = tuple(full.get(name) for name in ("task", "backbone"))
        if names not in data:
            data[names] = data_digest(full)
        identity = repr((sorted(full.items()), source, *filter(None, [data[names]])))
        run_id = hashlib.sha256(identity.encode()).hexdigest()[:12]
        runs.append(SweepRun(run_id, study.name, source, parameters, module, data[names]))
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

    With `fresh`, runs that another version of the module finished are repeated too; else they are kept and marked. What
    is damaged is done again. `x` and `y` choose the columns of the figure. What is finished stays, however the sweep
    ends. Raises ParameterError as `plan`, and FedswitchError where the folder cannot be written to or another command
    is at work in it.
    """
    runs = plan(study, swept)
    _make_place(out)
    with locked(out):
        kept = [_look(out, run) for run in runs]
        due = [one.run for one in kept if one.record is None or one.failure or (fresh and one.other_version)]
        try:
            with tqdm(
                total=len(runs), initial=len(runs) - len(due), desc=study.name, unit="run", disable=not show,
                file=sys.stderr, dynamic_ncols=True,
            ) as bar:  # fmt: skip
                for outcome in execute(due):
                    with writing_to(out):
                        _keep(out, outcome)
                    if outcome.failure and show:
                        bar.write(f"{outcome.run.run_id} failed: {outcome.failure}", file=sys.stderr)
                    bar.update()
        finally:
            kept = [_look(out, run) for run in runs]
            with writing_to(out):
                _write_collected(out, study, swept, kept, x, y)
    failures = {one.run.run_id: one.failure for one in kept if one.failure}
    return Tally(runs=len(runs), kept=len(runs) - len(due), failures=failures, notes=tuple(_notes(kept)))


def _checked(swept: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """The values of each parameter as notebooks take them; ParameterError for none, one given twice, or too many."""
    checked: dict[str, list[Any]] = {}
    for name, values in swept.items():
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):
            raise ParameterError(f"The parameter {name!r} takes a list of values in a sweep, not {values!r}.")
        checked[name] = [_plain(value) for value in values]
        if not checked[name]:
            raise ParameterError(f"The parameter {name!r} has no values: give at least one.")
        seen = set()
        for value in checked[name]:
            if (known := _hashable(value)) in seen:
                raise ParameterError(f"The value {value!r} of the parameter {name!r} is given twice.")
            seen.add(known)
    if (count := math.prod(map(len, checked.values()))) > MOST_RUNS:
        raise ParameterError(f"These values have {count} combinations: a sweep may have {MOST_RUNS} runs.")
    return checked


def _plain(value: Any) -> Any:
    """A value as papermill writes it into a notebook: of NumPy's types, of tuples and of paths it would make texts."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple | range):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def _hashable(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    return repr(value) if isinstance(value, dict | set) else value


def _split(text: str) -> list[str]:
    """Part a text at its commas, but not within brackets, nor within quotes at the beginning of a value.

    ParameterError where one of them is not closed: what comes after it would be one value.
    """
    parts, depth, quote = [""], 0, ""
    for character in text:
        if character == "," and not depth and not quote:
            parts.append("")
            continue
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"" and (depth or not parts[-1].strip()):
            quote = character
        else:
            depth += (character in "[({") - (character in "])}")
        parts[-1] += character
    if depth or quote:
        raise ParameterError(f"In {text!r} not every bracket or quote is closed: put such a value in quotes.")
    return [part.strip() for part in parts]


def _expand(name: str, text: str) -> list[str]:
    """The numbers of a range such as ``0:5`` or ``0:10:2``; any other text stays what it is."""
    match = _RANGE.fullmatch(text)
    if not match:
        return [text]
    start, stop, step = (int(number) for number in match.groups(default="1"))
    if not step or not range(start, stop, step):
        raise ParameterError(f"The range {text} of the parameter {name!r} holds no number: 0:5 stands for 0,1,2,3,4.")
    if abs(stop - start) // abs(step) > MOST_RUNS:
        raise ParameterError(f"The range {text} of the parameter {name!r} is too long: {MOST_RUNS} runs are the most.")
    return [str(number) for number in range(start, stop, step)]


def _make_place(out: Path) -> None:
    """The folders of a sweep; FedswitchError where they cannot be written to, or something stands in the way."""
    for folder in (out, out / FINISHED, out / FAILED):
        make_folder(folder)
    check_space(out, "name another with --out")
    for name in (LIST, TABLE, *PICTURES):
        if (out / name).is_dir():
            raise FedswitchError(f"{out / name} is a folder, but should be a file: remove it, or name another --out.")


def _look(out: Path, run: SweepRun) -> _Kept:
    """What is kept of a run. Where its record or table is damaged, missing or of another run, it has not finished."""
    folder, failed = out / FINISHED / run.run_id, out / FAILED / run.run_id
    record, table = _read_record(folder, run), pd.DataFrame(index=[0])
    path = folder / f"{run.notebook}.parquet"
    if record is not None and record.get("table") != "":  # a notebook may leave no table
        try:
            table = pd.read_parquet(path)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except Exception:  # of many kinds
            record = None
        else:
            # the records of older sweeps say nothing of the table
            record = record if record.get("table", digest) == digest else None
    failure = ""
    if failed.exists():
        failure = str((_read_record(failed, run) or {}).get("failure") or "It failed, and its record is damaged.")
    return _Kept(run, record, table, failure)


def _read_record(folder: Path, run: SweepRun) -> dict[str, Any] | None:
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    ours = isinstance(record, dict) and record.get("run_id") == run.run_id and isinstance(record.get("module"), str)
    return record if ours else None


def _keep(out: Path, outcome: Performed) -> None:
    """Put a folder with the files of a run and their record in the place of another; there is never a part of it.

    A failure leaves an older success as it is.
    """
    run = outcome.run
    folder = out / (FAILED if outcome.failure else FINISHED) / run.run_id
    unfinished, old = (folder.with_name(f".{folder.name}.{suffix}") for suffix in ("part", "old"))
    for leftover in (unfinished, old):
        _remove(leftover)
    for name, content in outcome.files.items():
        path = unfinished / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    known = {name: value for name, value in vars(run).items() if name != "source"}
    date = datetime.now(UTC).date().isoformat()
    table = outcome.files.get(f"{run.notebook}.parquet")
    facts = {
        "seconds": round(outcome.seconds, 1),
        "date": date,
        "failure": outcome.failure,
        "table": "" if table is None else hashlib.sha256(table).hexdigest(),
        "made": dict(outcome.made),
    }
    write_json(unfinished / RECORD, {**known, **facts}, default=repr)
    if folder.exists():
        folder.rename(old)
    unfinished.rename(folder)
    _remove(old)
    if not outcome.failure:
        _remove(out / FAILED / run.run_id)


def _remove(path: Path) -> None:
    """Remove what is there, if anything, file or folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _write_collected(
    out: Path, study: Study, swept: Mapping[str, Sequence[Any]], kept: Sequence[_Kept], x: str | None, y: str | None
) -> None:
    """Write the list of all runs, the table of the finished ones, and the figure; none of an earlier command stays."""
    listed = []
    for one in kept:
        state = "failed" if one.failure else "finished" if one.record else "missing"
        facts = {"run_id": one.run.run_id, "state": state, OTHER_VERSION: one.other_version}
        failed = {"failure": one.failure} if one.failure else {}
        listed.append({**(one.record or {}), **failed, **facts, "parameters": one.run.parameters})
    write_json(out / LIST, {"notebook": study.name, "runs": listed, **provenance(swept)}, default=repr)
    for name in PICTURES:
        _remove(out / name)
    tables = [(one.run, one.other_version, one.table) for one in kept if one.record]
    if not tables:
        _remove(out / TABLE)
        return
    table = collect(tables)
    write_whole(out / TABLE, lambda path: table.to_parquet(path, index=False))
    figure = draw(table, swept, x=x, y=y)
    if figure is None:
        return
    for name in PICTURES:
        write_whole(out / name, partial(figure.savefig, format=name.rpartition(".")[2], dpi=200))


def _notes(kept: Sequence[_Kept]) -> Iterator[str]:
    """What differs between the finished runs beside their parameters, in sentences."""
    finished = [(one.run, one.record) for one in kept if one.record]
    others = sum(one.other_version for one in kept)
    if others:
        yield f"{others} of the runs are of another version of fedswitch, and marked so: --fresh repeats them."
    found: dict[tuple[str, ...], set[str]] = {}
    for run, record in finished:
        made = record.get("made")
        for name, value in made.items() if isinstance(made, dict) else ():
            of_what = [str(run.parameters.get(key)) for key in ("task", "backbone")] if name == "data" else []
            found.setdefault((name, *of_what), set()).add(str(value))
    for (name, *_), values in found.items():
        if len(values) > 1:
            what = "data or weights of one name" if name == "data" else f"versions of {name}"
            yield (
                f"The runs were made with {len(values)} {what} ({', '.join(sorted(values))}), as their run.json say: "
                "give all machines the same, and remove the runs that are not to count."
            )
