"""Differences between runs that share cell, fading, data and mini-batches: one value for each seed, and an interval."""

from __future__ import annotations

import dataclasses
import math
import textwrap
from collections.abc import Iterable

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .intervals import ends, estimate, in_brackets
from .style import CLAIMED, INK, LABEL_WIDTH, NEUTRAL, WIDE_IN


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What an arm is compared with; `claimed` is the paper's difference in percentage points, NaN for none."""

    label: str
    arm: str
    other: str
    claimed: float = math.nan


def last_tests(table: pd.DataFrame) -> pd.DataFrame:
    """The last tested round of each run; `table` is `History.table` with `arm`, maybe with `cell` and `batch_size`."""
    runs = [name for name in ("cell", "num_ues", "batch_size", "arm", "seed") if name in table]
    tested = table.dropna(subset=["accuracy"])
    return tested.loc[tested.groupby(runs, sort=False)["round"].idxmax()].reset_index(drop=True)


def differences(table: pd.DataFrame, compared: Iterable[Comparison]) -> pd.DataFrame:
    """One row per comparison and seed: label, seed, claimed, and the difference at the last test in percentage points.

    The difference is that of pooled accuracies. Seeds that one of the two arms lacks have no row.
    """
    ends = last_tests(table).pivot(index="seed", columns="arm", values="accuracy_pooled")
    return pd.concat([
        (100 * (ends[one.arm] - ends[one.other])).dropna().rename("difference").reset_index()
        .assign(label=one.label, claimed=one.claimed)
        for one in compared
    ], ignore_index=True)  # fmt: skip


def draw_differences(found: pd.DataFrame) -> Figure:
    """`differences` by label: a dot for each seed, their mean with its 95 % bootstrap interval, the claim as a star."""
    groups = found.groupby("label", sort=False)
    figure, axes = plt.subplots(figsize=(WIDE_IN, 1.2 + 0.45 * len(groups)))
    for place, (_, rows) in enumerate(groups):
        draw_estimate(axes, place, rows["difference"])
        axes.plot(rows["claimed"].iloc[0], place - 0.25, **CLAIMED)
    axes.axvline(0.0, **NEUTRAL)
    labels = [textwrap.fill(label, LABEL_WIDTH) for label in groups.groups]
    axes.set_yticks(range(len(groups)), labels)
    axes.set_xlabel("difference in\npercentage points")
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    return figure


def draw_estimate(
    axes: Axes, place: float, values: pd.Series, *, color: object = INK, marker: str = "o", label: str | None = None
) -> None:
    """Draw values of several seeds as dots at the height `place`, with their mean and its 95 % bootstrap interval."""
    known = estimate(values)
    axes.plot(values, [place] * len(values), linestyle="", marker=".", color=color, alpha=0.4)
    axes.hlines(place, known.low, known.high, color=color, linewidth=2.0)
    axes.plot(known.mean, place, linestyle="", marker=marker, color=color, label=label)


def in_points(values: pd.Series) -> str:
    """Mean over seeds in percentage points with its 95 % bootstrap interval, as pages show it."""
    known = estimate(values)
    mean, low, high = (f"{value:+.1f}" for value in (known.mean, known.low, known.high))
    return f"{mean} (one seed)" if math.isnan(known.low) else in_brackets(mean, low, high)


def in_percent(values: pd.Series) -> str:
    """Mean over seeds in percent with its 95 % bootstrap interval, as tables show it; a dash where no run has one."""
    known = values.dropna()
    if known.empty:
        return "-"
    mean, low, high = (f"{round(100 * value, 1) + 0.0:.1f}" for value in (known.mean(), *ends(known)))
    return mean if len(known) < 2 else in_brackets(mean, low, high)
