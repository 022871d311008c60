"""The sibling's Fig. 5: final loss and accuracy against the limit of the mean delay, for each policy."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from .settings import setting
from .split_fig4 import OF_RECORDED_IMAGES, VisionSettings
from .split_runs import LABELS, SplitCase, ends, looks
from .style import INK, NEUTRAL, WIDE_IN, draw_range


def limits_setting(default: list[float]) -> Any:
    """A field of limits, on the sibling's axis."""
    return setting(
        default, "limits of the mean delay on the sibling's axis, where 0.5 stands for the stated one: several values",
        meaning="a limit", above=0.0, high=1e3,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitFig5Settings(VisionSettings):
    """What the study can be run with."""

    limits: Sequence[float] = limits_setting([0.4, 1.0])


RECORDED = SplitFig5Settings(**OF_RECORDED_IMAGES | {"limits": [0.4, 0.7, 1.0], "rounds": 100, "evaluate_every": 50})
"""The settings of the recorded run: those of Fig. 4 with fewer rounds, at both ends of the axis and in the middle."""


def measure(settings: SplitFig5Settings, *, device: str = "cpu", finished: Path | None = None) -> pd.DataFrame:
    """Fine-tune with every policy at every limit; `SplitHistory.table` of all runs with arm, reading and limit."""
    cases = [
        SplitCase(settings.scenario(reading, limit), {"reading": reading, "limit": limit})
        for reading in settings.unit_readings
        for limit in settings.limits
    ]
    return settings.measured(cases, settings.task, device=device, finished=finished)


PANELS = {
    "loss_train": "training loss at last",
    "accuracy": "test accuracy at last",
    "delay_over_limit": "mean delay over limit",
    "participation_min": "least participation",
}
"""Columns of `split_runs.ends` that are drawn."""


def draw(table: pd.DataFrame, *, reading: str) -> Figure:
    """What each policy comes to against the limit, in one reading: `PANELS`, means over seeds, least to most.

    "All-in" has no limit: a line across.
    """
    found = ends(table)
    of_reading = found[(found["reading"] == reading) & (found["arm"] != "all_in")]
    figure, grid = plt.subplots(2, 2, figsize=(WIDE_IN, 5.6), sharex=True)
    for axes, (column, label) in zip(grid.flat, PANELS.items(), strict=True):
        for name, look in looks(of_reading["arm"].unique()):
            runs = of_reading[of_reading["arm"] == name]
            draw_range(axes, runs.groupby("limit")[column], label=LABELS[name], markersize=5, **look)
        everybody = found.loc[found["arm"] == "all_in", column]
        if len(everybody) and column != "delay_over_limit":
            axes.axhline(everybody.mean(), color=INK, linewidth=1.0, label=LABELS["all_in"])
        axes.set_ylabel(label)
    grid[1, 0].axhline(1.0, **NEUTRAL)
    figure.supxlabel(r"limit $\bar{D}$, on the sibling's axis", fontsize="medium")
    figure.legend(*grid[0, 1].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize="small")
    return figure
