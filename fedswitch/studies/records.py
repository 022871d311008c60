"""What a study leaves behind: its table, its figure, and where both came from; and what the recorded runs measured."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from ..errors import FedswitchError
from ..files import packaged, write_json, write_whole
from .settings import StudySettings, recorded_settings

Settings = StudySettings | Mapping[str, Any]
"""What a result was made with: the settings of a study, or values by name, as those that a sweep goes through."""

BFLOAT16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16")
_PICTURES: dict[str, dict[str, Any]] = {"png": {"dpi": 200}, "svg": {}}
PACKAGES = ("fedswitch", "numpy", "scipy", "torch", "transformers", "datasets")


@dataclasses.dataclass(frozen=True)
class Result:
    """What the recorded run of a study measured: its tidy table, and the record of where that came from."""

    name: str
    table: pd.DataFrame
    record: dict[str, Any]

    def provenance(self) -> str:
        """One line of Markdown: seeds, machine, dates, commits, computing time and versions."""
        record = self.record
        seeds, commits = record["settings"].get("seeds"), [commit for commit in record["commit"] if commit]
        parts = [
            f"Recorded in `{self.name}.parquet`",
            f"seeds {', '.join(map(str, seeds))}" if isinstance(seeds, list) else "",
            "; ".join(record["machine"]),
            " and ".join(record.get("arithmetic", [])),  # records of studies that learn, from when there was a choice
            " and ".join(record["date"]),
            f"{record['seconds'] / 60:.0f} minutes of computing" if record["seconds"] >= 60 else "less than a minute",
            "commit " + ", ".join(f"`{commit[:10]}`{commit[40:]}" for commit in commits) if commits else "",
            ", ".join(f"{name} {number}" for name, number in record["versions"].items()),
        ]
        return ". ".join(part for part in parts if part) + "."

    @property
    def settings(self) -> Any:
        """What the study was run with, as its own `StudySettings`; FedswitchError where the record lacks some."""
        return type(recorded_settings(self.name)).of(self.record["settings"])

    def mismatch(self, settings: Settings) -> str:
        """A sentence that names the parameters whose recorded values are not those of `settings`; empty if all are."""
        recorded, now = self.record["settings"], json.loads(json.dumps(_as_dict(settings)))
        differing = sorted(name for name in recorded | now if recorded.get(name) != now.get(name))
        if not differing:
            return ""
        if "run" in self.table and all(_is_part(name, recorded.get(name), now.get(name)) for name in differing):
            return (
                f"Not all is recorded yet of: {', '.join(differing)}. "
                f"`nox -s reproduce -- {self.name} --extend` adds what is missing."
            )
        return (
            f"An earlier run is recorded, and the study has other settings now: {', '.join(differing)}. "
            f"`nox -s reproduce -- {self.name}` measures it anew."
        )


def load_result(name: str, folder: Path | None = None) -> Result:
    """What the recorded run of a study measured.

    Raises FedswitchError, in one sentence, where it has not been made, or cannot be read.
    """
    place = folder or packaged("results")
    table, record = place / f"{name}.parquet", place / f"{name}.json"
    for path in (table, record):
        if not path.is_file():
            raise FedswitchError(
                f"There is no {place.name}/{path.name}: `nox -s reproduce -- {name}` makes it, which takes long."
            )
    try:
        result = Result(name, pd.read_parquet(table), json.loads(record.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise FedswitchError(f"{table} or its record is damaged ({error}): get both files again.") from error
    if result.record.get("sha256") != _digest(table):
        raise FedswitchError(f"{table} and its record {record.name} do not belong together: get both files again.")
    return result


def save_result(
    name: str,
    table: pd.DataFrame,
    settings: Settings,
    *,
    seconds: float,
    made: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Path:
    """Write ``NAME.parquet`` and ``NAME.json`` to the folder of results; return the table's path.

    What made the runs is taken from `DataFrame.attrs` where a study has kept it, and is otherwise `made` (what
    `made_here` said when they began; where not given, what it says now).
    """
    place = folder or packaged("results")
    by = {key: [value] for key, value in (made or made_here()).items()} | {"seconds": round(seconds)}
    path = place / f"{name}.parquet"
    packed: dict[str, Any] = {"compression": "zstd", "compression_level": 19}
    write_whole(path, lambda unfinished: table.to_parquet(unfinished, index=False, **packed))
    known = {"study": name, "sha256": _digest(path), "settings": _as_dict(settings)}
    write_json(path.with_suffix(".json"), {**known, **by, **table.attrs, "versions": versions()})
    return path


def made_here() -> dict[str, str]:
    """What makes a result now: the commit of the module, the machine and the date."""
    machine = ", ".join([f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores", *_processor()])
    return {"commit": _commit(), "machine": machine, "date": datetime.now(UTC).date().isoformat()}


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def provenance(settings: Settings) -> dict[str, Any]:
    """Everything needed to repeat a result: what it was made with, versions, commit, machine, date."""
    return {"settings": _as_dict(settings), "versions": versions(), **made_here()}


def save_study(
    out: str | Path, name: str, *, table: pd.DataFrame, settings: Settings, figure: Figure | None = None
) -> None:
    """Write ``NAME.parquet``, ``NAME.json`` (provenance), ``NAME.png`` and ``NAME.svg`` to the folder `out`.

    Without a `figure` the table and its record alone are written, so that they are kept whatever becomes of the figure.
    `settings` are those that the notebook was run with. Each file replaces an older one only when it is complete.
    Raises FedswitchError where the folder cannot be written to.
    """
    path = Path(out) / f"{name}.parquet"
    record = provenance(settings)
    write_whole(path, lambda part: table.to_parquet(part, index=False))
    write_json(path.with_suffix(".json"), record)
    if figure is None:
        return
    for kind, options in _PICTURES.items():
        write_whole(path.with_suffix(f".{kind}"), partial(figure.savefig, format=kind, bbox_inches="tight", **options))


def _as_dict(settings: Settings) -> dict[str, Any]:
    return settings.as_dict() if isinstance(settings, StudySettings) else dict(settings)


def _is_part(name: str, some: Any, whole: Any) -> bool:
    if name.endswith("_up_to"):
        return some is not None and whole is not None and some <= whole
    return isinstance(some, list) and isinstance(whole, list) and all(value in whole for value in some)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _processor() -> list[str]:
    """The processor's name, and which instructions it has for bfloat16, where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return [platform.processor()]
    told = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in reversed(lines))}
    instructions = [name for name in BFLOAT16_INSTRUCTIONS if name in told.get("flags", "").split()]
    return [told.get("model name", platform.processor()), *instructions]


def _commit() -> str:
    """The commit of the clone that the module runs from, marked where its code differs."""
    root = Path(__file__).resolve().parents[2]
    commit = ask_git(root, "rev-parse", "HEAD")
    # what decides a number
    changed = commit and ask_git(
        root, "status", "--porcelain", "--untracked-files=normal", "--", "fedswitch", "notebooks"
    )
    return f"{commit} with changes" if changed else commit


def ask_git(clone: Path, *arguments: str) -> str:
    """What git says of a clone; empty outside a clone, and where git is not installed or refuses."""
    if not (clone / ".git").exists():
        return ""
    # variables such as GIT_DIR, which git sets for its hooks, would have it answer for another clone
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=clone, env=environment, capture_output=True, encoding="utf-8", errors="replace",
            check=False,
        )  # fmt: skip
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
