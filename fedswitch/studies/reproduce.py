"""The recorded runs of the studies, whose results are written to the folder of results: `fedswitch reproduce`.

Studies that are made of many runs keep each of them under `_build/reproduce/STUDY/`, below the folder where the command
is given, as it ends: an interrupted call goes on.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import locked
from .federated import keep_recorded
from .records import load_result, made_here, save_result
from .settings import recorded_settings

FINISHED = Path("_build/reproduce")


def reproduce_study(
    name: str,
    changes: Mapping[str, Any],
    *,
    device: str = "cpu",
    fresh: bool = False,
    extend: bool = False,
    out: Path | None = None,
) -> Path:
    """Measure a study with its `RECORDED` settings and `changes` to them; return the path of the table saved.

    With `fresh`, runs that earlier, interrupted calls have finished are forgotten. With `extend`, those that are
    recorded already are taken from the record, and only the others made. Raises ValueError for settings that are not
    allowed, and FedswitchError where another call is making the same study.
    """
    measure = importlib.import_module(f"{__package__}.{name}").measure
    settings = dataclasses.replace(recorded_settings(name), **changes)
    finished = FINISHED / name
    with locked(FINISHED, f".{name}.lock", advice="give the command in another folder"):
        if fresh:
            shutil.rmtree(finished, ignore_errors=True)
        if extend:
            keep_recorded(load_result(name, out), finished)
        accepted = inspect.signature(measure).parameters
        here = {key: value for key, value in {"device": device, "finished": finished}.items() if key in accepted}
        started, made = time.perf_counter(), made_here()
        try:
            table = measure(settings, **here)
        except KeyboardInterrupt as stop:
            if "finished" in here:
                stop.add_note("Finished runs are kept. Give the same command again to do the others.")
            raise
        return save_result(name, table, settings, seconds=time.perf_counter() - started, made=made, folder=out)
