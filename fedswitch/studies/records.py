"""What a study leaves behind: its table, its figure, and where both came from."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

PACKAGES = ("fedswitch", "numpy", "scipy", "torch", "transformers", "peft", "datasets")


def provenance(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Everything needed to repeat a result: what it was made with, versions, commit, machine, date."""
    return {
        "settings": dict(settings),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "commit": _commit(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "date": datetime.now(UTC).date().isoformat(),
    }


def save_study(out: str | Path, name: str, *, table: pd.DataFrame, figure: Figure, settings: Mapping[str, Any]) -> None:
    """Write ``NAME.parquet``, ``NAME.png``, ``NAME.svg`` and ``NAME.json`` (provenance) to the folder `out`.

    `settings` is what the study was made with: `History.settings`, or the parameters of the notebook. Each file
    replaces an older one only when it is complete.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    record = json.dumps(provenance(settings), indent=2)
    writers: dict[str, Callable[[Path], object]] = {
        "parquet": lambda path: table.to_parquet(path, index=False),
        "png": lambda path: figure.savefig(path, format="png", dpi=200, bbox_inches="tight"),
        "svg": lambda path: figure.savefig(path, format="svg", bbox_inches="tight"),
        "json": lambda path: path.write_text(record + "\n", encoding="utf-8"),
    }
    for suffix, write in writers.items():
        unfinished = folder / f"{name}.{suffix}.part"
        write(unfinished)
        unfinished.replace(folder / f"{name}.{suffix}")


def _commit() -> str:
    """The commit of the clone that the module runs from, marked where files differ from it; empty outside a clone."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    commit = git("rev-parse", "HEAD")
    return f"{commit} with changes" if commit and git("status", "--porcelain") else commit
