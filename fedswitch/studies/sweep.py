"""Sweeps: one study over every combination of parameters; finished runs are kept, failed and missing ones repeated.

The folder of a sweep holds a folder for each finished run, ``runs/RUN_ID``, and for each failed one, ``failed/RUN_ID``,
with the executed notebook, its table and figure, and ``run.json``; the tables of all runs as one, ``sweep.parquet``; an
overview, ``sweep.png`` and ``sweep.svg``; and the list of all runs, ``sweep.json``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from ..errors import FedswitchError
from ..files import locked, make_folder, write_json, write_whole, writing_to
from .notebooks import Study
from .records import provenance
from .sweep_plan import plan
from .sweep_table import OTHER_VERSION, collect, draw
from .sweep_workers import Execute, Performed, SweepRun

FINISHED, FAILED = "runs", "failed"
"""Folders for the runs of either kind."""

RECORD = "run.json"
LIST, TABLE, PICTURES = "sweep.json", "sweep.parquet", ("sweep.png", "sweep.svg")


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


def _make_place(out: Path) -> None:
    """The folders of a sweep; FedswitchError where they cannot be written to, or something stands in the way."""
    for folder in (out, out / FINISHED, out / FAILED):
        make_folder(folder)
    for name in (LIST, TABLE, *PICTURES):
        if (out / name).is_dir():
            raise FedswitchError(f"{out / name} is a folder, but should be a file: remove it, or name another --out.")


def _look(out: Path, run: SweepRun) -> _Kept:
    """What is kept of a run. Where its record or table is damaged, missing or of another run, it has not finished."""
    folder, failed = out / FINISHED / run.run_id, out / FAILED / run.run_id
    record, table = _read_record(folder, run), pd.DataFrame(index=[0])
    if record and record["table"]:  # a notebook may leave no table
        path = folder / f"{run.notebook}.parquet"
        try:
            table = pd.read_parquet(path)
            whole = hashlib.sha256(path.read_bytes()).hexdigest() == record["table"]
        except Exception:  # of many kinds
            whole = False
        record = record if whole else None
    failure = ""
    if failed.exists():
        failure = str((_read_record(failed, run) or {}).get("failure") or "It failed, and its record is damaged.")
    return _Kept(run, record, table, failure)


def _read_record(folder: Path, run: SweepRun) -> dict[str, Any] | None:
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or record.get("run_id") != run.run_id or "table" not in record:
        return None
    return record if isinstance(record.get("module"), str) and isinstance(record.get("made"), dict) else None


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
        for name, value in record["made"].items():
            of_what = [str(run.parameters.get(key)) for key in ("task", "backbone")] if name == "data" else []
            found.setdefault((name, *of_what), set()).add(str(value))
    for (name, *_), values in found.items():
        if len(values) > 1:
            what = "data or weights of one name" if name == "data" else f"versions of {name}"
            yield (
                f"The runs were made with {len(values)} {what} ({', '.join(sorted(values))}), as their run.json say: "
                "give all machines the same, and remove the runs that are not to count."
            )
