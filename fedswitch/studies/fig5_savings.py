"""What optimal power saves in Fig. 5: by how much, at which weight as much as the paper says, and the figures of it."""

from __future__ import annotations

import itertools
import textwrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.interpolate import PchipInterpolator

from ..parameters import power_of_ten
from .fig5_energy import CLAIMED_AT_DB, CLAIMED_SAVING, HEAVIER_PER_J, LIGHTER_PER_J, RULES
from .intervals import ends
from .paired import in_percent
from .style import CLAIMED, LABEL_WIDTH, NEUTRAL, WIDE_IN, distinct_lines

PAPER_THRESHOLDS_DB = (-15.0, 15.0)
PAPER_ENERGY = (0.0, 2.5)
"""Ends of the figure's axes; its energy has no unit that could be read."""

_MATCHED = ("relative_weight_per_j", "silent", "silent_at_ten", "reduction", "reduction_per_received")
_THRESHOLD = "SINR threshold in dB"
_SAVINGS = {"power": "power saved", "energy_per_received": "energy saved", "silent": "silent"}


def savings(table: pd.DataFrame) -> pd.DataFrame:
    """What optimal power saves against full power in each run: shares of the power, the energy, and the uploads.

    `power` compares the mean powers of those that send, `energy` all energy on air, `energy_per_received` that for one
    upload that is expected to arrive, and `silent` is the share of the subscribed uploads that are not sent at all.
    NaN where nothing is sent or, for `silent`, subscribed to.
    """
    run = ["reading", "sinr_threshold_db", "energy_weight_per_j", "relative_weight_per_j", "scan", "seed"]
    frame = table.assign(energy_per_received_j=table["uplink_energy_j"] / table["received"])
    optimal, full = (frame[frame["power_rule"] == rule].set_index(run) for rule in RULES)
    columns = {"power": "power_w", "energy": "uplink_energy_j", "energy_per_received": "energy_per_received_j"}
    columns["silent"] = "sent"
    saved = pd.DataFrame({name: 1.0 - optimal[column] / full[column] for name, column in columns.items()})
    return saved.reset_index()


def matching_weights(table: pd.DataFrame, *, metric: str) -> pd.DataFrame:
    """The least relative weight at which a run saves as much as claimed, and what ten times that weight changes.

    One row per reading and seed of the scan. Between the weights of the grid values are interpolated over the logarithm
    of the weight, monotonically (PCHIP). `relative_weight_per_j` is where `metric`, a column of `savings`, first rises
    to what is claimed, `silent` the share of the uploads that are not sent there, and `silent_at_ten` at ten times that
    weight. `reduction` and `reduction_per_received` are by how much ten times the weight lowers the energy on air, and
    that for one upload that is expected to arrive. NaN where the saving is never reached or exceeded from the start
    (`outcome` says which), or ten times the weight is beyond the grid.
    """
    keys = ["reading", "seed", "relative_weight_per_j"]
    runs = savings(table)
    runs = runs[runs["scan"]].merge(table[table["scan"] & (table["power_rule"] == RULES[0])], on=keys)
    rows = [
        {"reading": reading, "seed": seed, **_match(run.sort_values("relative_weight_per_j"), metric)}
        for (reading, seed), run in runs.groupby(["reading", "seed"], sort=False)
    ]
    return pd.DataFrame(rows, columns=["reading", "seed", "outcome", *_MATCHED])


def _match(run: pd.DataFrame, metric: str) -> dict[str, Any]:
    def curve(column: str) -> PchipInterpolator:
        known = run.dropna(subset=column)
        return PchipInterpolator(np.log(known["relative_weight_per_j"]), known[column], extrapolate=False)

    if run[metric].count() < 2:
        return {"outcome": "never"}
    saved = curve(metric)
    if saved(saved.x[0]) >= CLAIMED_SAVING:
        return {"outcome": "more everywhere"}
    crossings = saved.solve(CLAIMED_SAVING, extrapolate=False)
    if not crossings.size:
        return {"outcome": "never"}
    at = float(crossings.min())
    later = at + np.log(10.0)
    silent, spent, received = curve("silent"), curve("uplink_energy_j"), curve("received")
    kept = float(spent(later) / spent(at))
    return {
        "outcome": "found",
        "relative_weight_per_j": float(np.exp(at)),
        "silent": float(silent(at)),
        "silent_at_ten": float(silent(later)),
        "reduction": 1.0 - kept,
        "reduction_per_received": 1.0 - kept * float(received(at) / received(later)),
    }


def matching_summary(found: pd.DataFrame) -> pd.DataFrame:
    """`matching_weights` by reading: in how many cells a weight was found, its median, and means as by `in_percent`."""
    groups = found.groupby("reading", sort=False)
    return pd.DataFrame({
        "cells": [f"{(runs['outcome'] == 'found').sum()} of {len(runs)}" for _, runs in groups],
        "weight in 1/J": [f"{runs['relative_weight_per_j'].median():.2g}".replace("nan", "-") for _, runs in groups],
        "silent, %": [in_percent(runs["silent"]) for _, runs in groups],
        "less energy at ten times, %": [in_percent(runs["reduction"]) for _, runs in groups],
        "per reception, %": [in_percent(runs["reduction_per_received"]) for _, runs in groups],
        "silent at ten times, %": [in_percent(runs["silent_at_ten"]) for _, runs in groups],
    }, index=pd.Index([reading for reading, _ in groups], name="reading"))  # fmt: skip


def stated_summary(table: pd.DataFrame) -> pd.DataFrame:
    """How the claims come out with the weights that the paper states, for each reading, as by `in_percent`.

    What is saved at -5 dB with the lighter weight; by how many points the gap, the size of the savings, is
    smaller at the largest threshold than at the smallest; and how much less the heavier weight takes at -5 dB.
    """
    saved = at_lighter_weight(table)
    less = reductions(table).set_index("reading")
    rows = {}
    for reading, runs in saved.groupby("reading", sort=False):
        gap = runs.pivot(index="seed", columns="sinr_threshold_db", values=["power", "energy_per_received"]).abs()
        low, high = runs["sinr_threshold_db"].min(), runs["sinr_threshold_db"].max()
        claimed = runs[runs["sinr_threshold_db"] == CLAIMED_AT_DB]
        rows[reading] = {
            "power saved, %": in_percent(claimed["power"]),
            "energy saved per reception, %": in_percent(claimed["energy_per_received"]),
            "silent, %": in_percent(claimed["silent"]),
            "power gap closes by": in_percent(gap["power"][low] - gap["power"][high]),
            "energy gap closes by": in_percent(gap["energy_per_received"][low] - gap["energy_per_received"][high]),
            "less energy with the heavier, %": in_percent(less.loc[less.index == reading, "reduction"]),
        }
    return pd.DataFrame(rows).rename_axis("reading", axis="columns").T


def at_lighter_weight(table: pd.DataFrame) -> pd.DataFrame:
    """`savings` at all thresholds with the lighter of the weights that the paper states."""
    saved = savings(table)
    return saved[~saved["scan"] & (saved["energy_weight_per_j"] == LIGHTER_PER_J)]


def reductions(table: pd.DataFrame) -> pd.DataFrame:
    r"""By how much the heavier of the stated weights lowers the energy on air in each run at -5 dB, with optimal power.

    One row per reading and seed: `reduction` and `reduction_per_received`, as in `matching_weights`.
    """
    optimal = table[(table["power_rule"] == RULES[0]) & ~table["scan"] & (table["sinr_threshold_db"] == CLAIMED_AT_DB)]
    run = ["reading", "seed"]
    before, after = (
        optimal[optimal["energy_weight_per_j"] == weight].set_index(run)[["uplink_energy_j", "received"]]
        for weight in (LIGHTER_PER_J, HEAVIER_PER_J)
    )
    kept = after / before
    return pd.DataFrame({
        "reduction": 1.0 - kept["uplink_energy_j"],
        "reduction_per_received": 1.0 - kept["uplink_energy_j"] / kept["received"],
    }).reset_index()  # fmt: skip


def draw_energy(table: pd.DataFrame) -> Figure:
    """Energy on air in a round against the threshold: readings are rows, rules panels, weights lines."""
    curves = table[~table["scan"]]
    readings = curves["reading"].unique()
    if not len(readings):
        raise ValueError("table has no reading that was run over the thresholds, so that there is nothing to draw")
    figure, grid = plt.subplots(
        len(readings),
        len(RULES),
        figsize=(WIDE_IN, 1.0 + 2.6 * len(readings)),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    for panels, reading in zip(grid, readings, strict=True):
        for panel, rule in zip(panels, RULES, strict=True):
            for weight, look in distinct_lines(curves["energy_weight_per_j"].unique()):
                chosen = (curves["energy_weight_per_j"] == weight) & (curves["power_rule"] == rule)
                runs = curves[chosen & (curves["reading"] == reading)]
                _draw_mean(panel, runs, "uplink_energy_j", look, label=_weight(weight))
            panel.axhline(PAPER_ENERGY[1], **NEUTRAL)
            panel.set(title=f"{reading},\n{rule}", yscale="log", xlim=PAPER_THRESHOLDS_DB, xlabel="", ylabel="")
        panels[0].set_ylabel("energy on air in J")
    figure.supxlabel(_THRESHOLD, fontsize="medium")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def draw_savings(table: pd.DataFrame, reading: str) -> Figure:
    """What optimal power saves against the threshold: power, energy for an upload that arrives, and silent uploads."""
    saved = savings(table)
    saved = saved[~saved["scan"] & (saved["reading"] == reading)]
    figure, panels = plt.subplots(len(_SAVINGS), 1, figsize=(WIDE_IN, 6.5), sharex=True, squeeze=False)
    for panel, (column, title) in zip(panels.flat, _SAVINGS.items(), strict=True):
        for weight, look in distinct_lines(saved["energy_weight_per_j"].unique()):
            runs = saved[saved["energy_weight_per_j"] == weight]
            _draw_mean(panel, runs, column, look, label=_weight(weight))
        panel.set(ylabel=title, xlim=PAPER_THRESHOLDS_DB, xlabel="")
    panels[0, 0].plot(CLAIMED_AT_DB, CLAIMED_SAVING, label="claimed", **CLAIMED)
    panels[-1, 0].set_xlabel(_THRESHOLD)
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def draw_scan(table: pd.DataFrame) -> Figure:
    """What optimal power saves at -5 dB against the relative weight, a panel for each reading."""
    saved = savings(table)
    saved = saved[saved["scan"]]
    readings = saved["reading"].unique()
    height = -(-len(readings) // 2)
    figure, panels = plt.subplots(
        height, 2, figsize=(WIDE_IN, 1.0 + 1.7 * height), sharex=True, sharey=True, squeeze=False
    )
    for panel, reading in itertools.zip_longest(panels.flat, readings):
        if reading is None:
            panel.set_visible(False)
            continue
        for (column, title), look in distinct_lines(_SAVINGS.items()):
            runs = saved[saved["reading"] == reading]
            _draw_mean(panel, runs, column, look, label=title, markersize=4, x="relative_weight_per_j")
        panel.axhline(CLAIMED_SAVING, **NEUTRAL)
        panel.set_title(textwrap.fill(reading, LABEL_WIDTH // 2 + 4), fontsize="small")
        panel.set(xscale="log", ylim=(-0.05, 1.05), xlabel="", ylabel="")
    figure.supxlabel("weight over the worth of an upload, in 1/J", fontsize="medium")
    figure.supylabel("share", fontsize="medium")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def _draw_mean(axes: Axes, runs: pd.DataFrame, column: str, look: dict[str, Any], **options: Any) -> None:
    """Mean over seeds with its 95 % interval, as in the tables; where nothing is known there is no point."""
    settings: dict[str, Any] = {"x": "sinr_threshold_db", "errorbar": ends, "legend": False}
    sns.lineplot(runs.dropna(subset=column), y=column, ax=axes, **settings | look | options)


def _weight(weight: float) -> str:
    return rf"$\mu = {power_of_ten(weight, 1)}$"
