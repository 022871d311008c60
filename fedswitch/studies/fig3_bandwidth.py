"""Fig. 3: how Algorithm 1 finds the common delay, and how many iterations that takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..control import Allocation, allocate_bandwidth, random_subscription
from ..encoders import ROBERTA_LAYERS, ROBERTA_WIDTH, lora_payload_bits
from ..scenario import Scenario
from ..streams import stream
from ..wireless import Cell, Channel
from .intervals import ends
from .settings import StudySettings, setting
from .style import INK, NEUTRAL, WIDE_IN, distinct_lines, label_ends

Bracket = tuple[float | None, float | None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fig3Settings(StudySettings):
    """What the study can be run with."""

    num_ues: Sequence[int] = setting([10, 20, 40, 70, 100], "UEs in the cell, K: several values", like="num_ues")
    num_cells: int = setting(20, "cells drawn for each K", low=1)
    traced_cells: int = setting(1, "cells of each K of which all iterations are kept, not only the last", low=0)
    tolerance: float = setting(
        1e-3, "unused share of the bandwidth at which the search stops, omega", like="bandwidth_tolerance"
    )
    min_delay_s: float = setting(5e-3, "lower end E_min of the fixed bracket", "s", like="min_delay_s")
    max_delay_s: float = setting(1e3, "upper end E_input of the fixed bracket", "s", like="max_delay_s")
    hidden_size: int = setting(
        ROBERTA_WIDTH, "width of the encoder whose LoRA gradients are sent (RoBERTa-base)", low=1
    )
    layers: int = setting(ROBERTA_LAYERS, "layers of that encoder", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_delay_s >= self.max_delay_s:
            raise ValueError(
                f"min_delay_s = {self.min_delay_s:g} s must be less than max_delay_s = {self.max_delay_s:g} s: the "
                "bracket lies between them"
            )


RECORDED = Fig3Settings(num_ues=range(10, 101, 10), num_cells=200)

PAPER_ITERATIONS = 45
"""Where the iteration axis of Fig. 3 ends."""

MOST_SIZES = 4
"""Cells of how many sizes stand in one panel."""


def first_round(
    scenario: Scenario, seed: int, payload_bits: NDArray[np.float64]
) -> tuple[Channel, NDArray[np.float64]]:
    """The channel of the first round in the cell of a seed, and the bits (N, K) that UEs send, subscribed at random."""
    modules, ues = scenario.num_modules, scenario.num_ues
    subscribed = random_subscription(modules, ues, scenario.subscription_limit, stream(seed, "subscription", 0))
    return Cell.draw(scenario, seed).channel(0), subscribed * payload_bits[:, np.newaxis]


def search(scenario: Scenario, channel: Channel, uploads_bits: NDArray[np.float64], bracket: Bracket) -> Allocation:
    """Algorithm 1 as the scenario says, from a bracket of delays in s, for uploads (N, K) at the largest power."""
    return allocate_bandwidth(
        uploads_bits,
        scenario.max_power_w * channel.gain,
        channel.interference_w,
        bandwidth_hz=scenario.bandwidth_hz,
        noise_psd_w_per_hz=scenario.noise_psd_w_per_hz,
        method="bisection",
        tolerance=scenario.bandwidth_tolerance,
        max_iterations=scenario.max_bisections,
        delay_bracket_s=bracket,
    )


def measure(settings: Fig3Settings) -> pd.DataFrame:
    """Run Algorithm 1 on one round of many cells, all UEs subscribed at random and sending at the largest power.

    Each cell is searched from two brackets: "fitted to the cell", and "fixed" from `min_delay_s` to `max_delay_s`.
    `tolerance` is the share of the bandwidth that may stay unused. Returns one row per iteration for the first
    `traced_cells` cells of each K, and for the others the last iteration alone: num_ues, seed, bracket, iteration,
    delay_s (the delay that was tried) and total_share (the share of the bandwidth that it takes). Raises ValueError as
    `Scenario` and `allocate_bandwidth`.
    """
    brackets: dict[str, Bracket] = {
        "fitted to the cell": (None, None),
        "fixed": (settings.min_delay_s, settings.max_delay_s),
    }
    tables = []
    for k in settings.num_ues:
        scenario = Scenario.corrected(num_ues=k, bandwidth_tolerance=settings.tolerance)
        payload_bits = lora_payload_bits(scenario, hidden_size=settings.hidden_size, layers=settings.layers)
        for seed in range(settings.num_cells):
            channel, uploads_bits = first_round(scenario, seed, payload_bits)
            for name, bracket in brackets.items():
                allocation = search(scenario, channel, uploads_bits, bracket)
                labels = {"num_ues": k, "seed": seed, "bracket": name}
                steps = np.arange(1, allocation.iterations + 1)
                run = pd.DataFrame({**labels, "iteration": steps, **dataclasses.asdict(allocation.trace)})
                tables.append(run if seed < settings.traced_cells else run.tail(1))
    return pd.concat(tables, ignore_index=True)


def outcomes(table: pd.DataFrame) -> pd.DataFrame:
    """The last iteration of every run: its number is the count of iterations, its delay the common delay."""
    runs = ["num_ues", "seed", "bracket"]
    return table.loc[table.groupby(runs)["iteration"].idxmax()].reset_index(drop=True)


def medians(table: pd.DataFrame) -> pd.DataFrame:
    """Median iterations and common delay for each bracket and K, with the ends of their 95 % bootstrap intervals."""
    rows = []
    for (bracket, k), runs in outcomes(table).groupby(["bracket", "num_ues"]):
        row: dict[str, Any] = {"bracket": bracket, "num_ues": k, "cells": len(runs)}
        for name, column in {"iterations": "iteration", "delay_s": "delay_s"}.items():
            low, high = ends(runs[column], np.median)
            row |= {name: runs[column].median(), f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def draw_search(table: pd.DataFrame, *, seed: int, bracket: str) -> Figure:
    """Total share and delay against iterations, for up to four numbers of UEs from the fewest to the most."""
    chosen = table[(table["seed"] == seed) & (table["bracket"] == bracket)]
    sizes = sorted(chosen["num_ues"].unique())
    some = [sizes[i] for i in sorted(set(np.linspace(0, len(sizes) - 1, MOST_SIZES).round().astype(int)))]
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(WIDE_IN, 5.0), sharex=True)
    for k, look in distinct_lines(some):
        run = chosen[chosen["num_ues"] == k].set_index("iteration")
        top.plot(run["total_share"].clip(upper=10.0), label=f"K = {k}", markersize=4, **look)
        bottom.plot(run["delay_s"], label=f"K = {k}", markersize=4, **look)
    top.axhline(1.0, **NEUTRAL)
    top.set(ylabel="total share", ylim=(0.0, 2.0))
    bottom.set(xlabel="iteration j", ylabel="delay in s", yscale="log")
    bottom.xaxis.set_major_locator(MaxNLocator(integer=True))
    label_ends(bottom)
    return figure


def draw_counts(table: pd.DataFrame) -> Figure:
    """Iterations and common delay against the number of UEs: median and middle half over the cells."""
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(WIDE_IN, 5.0), sharex=True)
    ended = outcomes(table)
    by_bracket = dict(list(ended.groupby("bracket")))
    for name, look in distinct_lines(ended["bracket"].unique()):
        _draw_quartiles(top, by_bracket[name], "iteration", name, look)
    # the delay does not depend on where the search started
    _draw_quartiles(bottom, by_bracket["fixed"], "delay_s", "", {"color": INK, "marker": "o"})
    top.axhline(PAPER_ITERATIONS, **NEUTRAL)
    top.annotate(
        "end of the paper's axis", (0.01, PAPER_ITERATIONS), xycoords=("axes fraction", "data"), va="top", fontsize=9.0
    )
    top.set_ylabel("iterations")
    top.set_ylim(0, PAPER_ITERATIONS * 1.05)
    label_ends(top)
    bottom.set(xlabel="UEs in the cell, K", ylabel="delay in s", yscale="log")
    bottom.set_xticks(ended["num_ues"].unique())
    return figure


def _draw_quartiles(axes: Axes, runs: pd.DataFrame, column: str, label: str, look: dict[str, Any]) -> None:
    low, median, high = (runs.groupby("num_ues")[column].quantile(q) for q in (0.25, 0.5, 0.75))
    axes.plot(median, label=label or None, **look)
    axes.fill_between(median.index, low, high, color=look["color"], alpha=0.2)
