"""Fig. 2: rounds to converge against the number of UEs, for Algorithm 2 and four benchmarks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..control import Observation
from ..learning import SCHEMES
from ..learning.encoding import Backbone
from ..learning.uplink import transmit
from ..scenario import Scenario
from ..wireless import Cell
from .arms import AS_PRINTED, Arm, ArmRun, arms_by_name
from .federated import LearningSettings, measure_runs
from .intervals import with_range
from .settings import arm_names, setting
from .style import CLAIMED, WIDE_IN, scheme_look

FIXED = math.inf
"""What stands for a deadline at the fixed threshold, where an upload may take as long as it takes."""

ARMS = (
    Arm("ours", "Algorithm 2, corrected", "switching", "corrected"),
    Arm("ours_printed", "Algorithm 2, printed", "switching_printed", "printed", AS_PRINTED),
    Arm("fedlora", "FedLoRA", "fedlora"),
    Arm("hetlora", "HetLoRA", "hetlora"),
    Arm("hetlora_large", "HetLoRA, steps of 0.01", "hetlora", changes={"learning_rate": 1e-2}),
    Arm("flexlora", "FlexLoRA", "flexlora"),
    Arm("full", "all parameters", "full"),
    Arm("unbiased", "Algorithm 2, unbiased", "switching_unbiased"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fig2Settings(LearningSettings):
    """What the study can be run with."""

    arms: Sequence[str] = setting(
        ["ours", "fedlora"],
        "what is compared: ours, ours_printed, fedlora, hetlora, hetlora_large, flexlora, full, unbiased",
        choices=arm_names(ARMS),
    )
    num_ues: Sequence[int] = setting([6, 12], "UEs in the cell, K: several values", like="num_ues")
    deadlines_s: Sequence[float] = setting(
        [],
        "additional deadlines that set the threshold: none, or several values",
        "s",
        like="deadline_s",
        empty=True,
    )
    deadline_arms: Sequence[str] = setting(
        ["ours", "ours_printed", "fedlora"],
        "arms that also run with deadlines_s",
        choices=arm_names(ARMS),
        empty=True,
    )
    costly_arms: Sequence[str] = setting(
        ["hetlora", "hetlora_large", "flexlora", "full"],
        "arms that run in small cells only",
        choices=arm_names(ARMS),
        empty=True,
    )
    costly_up_to: int = setting(8, "UEs in the largest cell of these arms", low=0)
    rounds: int = setting(10, "most rounds of a run", low=1)
    target: float = setting(0.6, "pooled test accuracy to reach", low=0)
    hold: int = setting(2, "rounds for which it must stay there", low=0)
    test_size: int | None = setting(150, "test samples that are used, drawn once; None: all", low=1)
    evaluate_every: int = setting(2, "rounds between two tests", low=1)
    near: float | None = setting(
        None, "every round is tested once the last test came this close to the target; None: never", low=0, high=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if set(self.arms) <= set(self.costly_arms) and min(self.num_ues) > self.costly_up_to:
            raise ValueError(
                f"arms ({', '.join(self.arms)}) are all costly_arms, which run in cells of up to costly_up_to = "
                f"{self.costly_up_to} UEs only: raise that, or lower num_ues"
            )
        if self.deadlines_s and not set(self.arms) & set(self.deadline_arms):
            raise ValueError(
                f"deadlines_s is for deadline_arms ({', '.join(self.deadline_arms)}), and none of them is in arms "
                f"({', '.join(self.arms)}): add one there, or leave deadlines_s out"
            )


RECORDED = Fig2Settings(
    task="sst2",
    arms=[arm.name for arm in ARMS],
    num_ues=[10, 25, 50, 100],
    deadlines_s=[0.02, 0.05, 0.2],
    costly_up_to=50,
    seeds=[1, 2, 3, 4, 5],
    rounds=100,
    target=0.78,
    hold=10,
    batch_size=16,
    learning_rate=3e-3,
    lora_layers=2,
    precision="bfloat16",
    test_size=None,
    evaluate_every=5,
    near=0.03,
)
"""The settings of the recorded run, on the axes of the paper: 10 to 100 UEs, up to 100 rounds.

Written down before any recorded run, from pilots with seeds 100 to 103: one common module comes to 0.78 within 20 to 35
rounds in cells of 10 UEs, and in 15 in one of 100. The deadlines are where anything may happen, from
Algorithm 2 without learning (seed 100): at the shortest hardly more uploads of 100 UEs than of 10 are in time in most
rounds, and longer ones than these come near to the fixed threshold.

`hetlora_large` was added later, when the first recorded runs of HetLoRA and FlexLoRA (two seeds with 10 UEs, one with
25) hardly held the target: the step had been chosen for one common module. In pilots of both with steps of 0.001 and
0.01 (seeds 100 and 101, 10 or 25 UEs) HetLoRA held it sooner with 0.01 in the cells of 10, and FlexLoRA with neither.
"""


def measure(settings: Fig2Settings, *, device: str = "cpu", finished: Path | None = None) -> pd.DataFrame:
    """Fine-tune with every arm, in cells of every size, until the pooled accuracy has stayed at `target`.

    A run ends once all tests of `hold` rounds have reached the target, or after `rounds` rounds. The arms named in
    `costly_arms` run in cells of up to `costly_up_to` UEs only. Energy has no weight here, as in the paper: everybody
    sends at the largest power. All cells are run at the fixed threshold of reception first, and those of
    `deadline_arms` then with each of `deadlines_s`, in which everybody has that long for an upload. Returns
    `History.table` of all runs with the columns `arm` and `deadline_s`, which is infinite at the fixed threshold.
    """
    runs = [
        ArmRun(arm, settings.scenario(num_ues=k, energy_weight_per_j=0.0, **reading), seed, {"deadline_s": deadline_s})
        for deadline_s, reading in _readings(settings.deadlines_s).items()
        for seed in settings.seeds
        for k in settings.num_ues
        for arm in arms_by_name(ARMS, settings.arms)
        if arm.name not in settings.costly_arms or k <= settings.costly_up_to
        if arm.name in settings.deadline_arms or deadline_s == FIXED
    ]
    also_test = None if settings.near is None else Near(settings.target - settings.near)
    protocol = settings.protocol(device=device, also_test=also_test, stop=Held(settings.target, settings.hold))
    return measure_runs(runs, protocol, finished=finished, words=settings.words())


def arrivals(scheme: str, scenario: Scenario, backbone: Backbone, *, seed: int, rounds: int) -> NDArray[np.int64]:
    """How many uploads arrive in each round (T,) under a scheme that decides by the radio alone: nothing is trained.

    Modules are those of a task with two labels. Energy for computing is left out, so it must have no weight.
    """
    policy = SCHEMES[scheme](scenario, seed)
    s = policy.scenario
    payload_bits = policy.make_modules(backbone, s, num_labels=2, seed=seed).payload_bits
    cell, found = Cell.draw(s, seed), []
    for t in range(rounds):
        channel = cell.channel(t)
        plan = policy.plan(t, Observation(channel, payload_bits, 0.0))
        sent = transmit(s, channel, plan.subscription, plan.power_w, payload_bits=payload_bits, compute_energy_j=0.0)
        found.append(sent.received.sum())
    return np.array(found)


def _readings(deadlines_s: Sequence[float]) -> dict[float, dict[str, Any]]:
    """Changes to the scenario in each reading of reception, by its deadline."""
    return {FIXED: {}} | {after_s: {"threshold": "deadline", "deadline_s": after_s} for after_s in deadlines_s}


@dataclasses.dataclass(frozen=True)
class Near:
    """Says that a round is to be tested, where the last test came to `level`."""

    level: float

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Whether it did, from the rows so far."""
        tested = (row["accuracy_pooled"] for row in reversed(rows) if row["accuracy_pooled"] == row["accuracy_pooled"])
        return next(tested, -math.inf) >= self.level


@dataclasses.dataclass(frozen=True)
class Held:
    """Says that a run may end, once it has held the target for `hold` rounds."""

    target: float
    hold: int

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Whether it has, from the rows so far."""
        return reached(rows, self.target, self.hold) is not None


def reached(rows: Sequence[Mapping[str, Any]], target: float, hold: int) -> int | None:
    """The first tested round from which on the pooled accuracy stayed at `target` for `hold` rounds; None without one.

    `rows` are those of `History.table`, of one run.
    """
    since: int | None = None
    for row in rows:
        accuracy = row["accuracy_pooled"]
        if accuracy != accuracy:  # NaN: not tested
            continue
        if accuracy < target:
            since = None
        elif since is None:
            since = int(row["round"])
        if since is not None and row["round"] >= since + hold:
            return since
    return None


CLAIMED_FEWER = {"fedlora": 0.427, "hetlora": 0.341, "flexlora": 0.05}
"""The shares of the rounds by which Algorithm 2 is said to be faster than FedLoRA, and further than the two others."""

SPENT = {"rounds": "rounds to the target", "seconds": "seconds on air", "joules": "joules"}
"""Columns of `claims.fig2.convergence` that are drawn: what it takes to come to the target."""


PAPER_AXIS = (0, 110)
"""Rounds that the paper's figure reaches to; its axis begins at 40."""


GROUPS = {
    "in cells of all sizes": ("ours", "ours_printed", "unbiased", "fedlora"),
    "in smaller cells": ("ours", "hetlora", "hetlora_large", "flexlora", "full"),
}
"""What is drawn side by side: the arms that run in cells of every size, and the costly ones beside Algorithm 2."""


def draw(runs: pd.DataFrame, *, rounds_axis: tuple[float, float] | None = None) -> Figure:
    """Rounds, seconds on air and joules to the target against K: medians over seeds, bars from the least to the most.

    `runs` is the table of `claims.fig2.convergence`, of which those at the fixed threshold are drawn, in a column for
    each of `GROUPS` that was measured. Each run that was cut off is a cross, at what it had taken. The seconds and
    joules of the printed form are counted by other formulas, and left out. Stars are where the rounds of Algorithm 2
    would be as claimed.
    """
    runs = runs[runs["deadline_s"] == FIXED]
    there = set(runs["arm"])
    groups = {title: [name for name in names if name in there] for title, names in GROUPS.items()}
    groups = {title: names for title, names in groups.items() if set(names) - {"ours"}} or {"": sorted(there)}
    figure, grid = plt.subplots(
        len(SPENT), len(groups), figsize=(WIDE_IN, 8.2), sharex="col", sharey="row", height_ratios=(3, 2, 2),
        squeeze=False,
    )  # fmt: skip
    for panels, (title, names) in zip(grid.T, groups.items(), strict=True):
        chosen = runs[runs["arm"].isin(names)]
        sizes = sorted(runs.loc[runs["arm"].isin(set(names) - {"ours"} or names), "num_ues"].unique())
        for axes, column in zip(panels, SPENT, strict=True):
            _draw_arms(axes, chosen[chosen["num_ues"].isin(sizes)], column, sizes)
        panels[0].set_title(title if len(groups) > 1 else "")
        _name_sizes(panels[-1], sizes)
    of_fedlora = runs[runs["arm"] == "fedlora"].groupby("num_ues")["rounds"].median()
    if len(of_fedlora):
        wanted = (1.0 - CLAIMED_FEWER["fedlora"]) * of_fedlora
        grid[0, 0].plot(range(len(wanted)), wanted, label="Algorithm 2 as claimed", **CLAIMED)
    for axes, (column, name) in zip(grid[:, 0], SPENT.items(), strict=True):
        axes.set(ylabel=name, yscale="linear" if column == "rounds" else "log")
    grid[0, 0].set_ylim(rounds_axis or (0, None))
    _name_arms(figure, list(grid[0]))
    return figure


def draw_deadlines(runs: pd.DataFrame, *, rounds_axis: tuple[float, float] | None = None) -> Figure:
    """Rounds to the target against K, as in `draw`: a panel for the fixed threshold, and one for each deadline."""
    runs = runs[runs["arm"].isin(runs.loc[runs["deadline_s"] != FIXED, "arm"])]
    sizes = sorted(runs["num_ues"].unique())
    readings = sorted(runs["deadline_s"].unique())
    figure, grid = plt.subplots(
        len(readings), 1, figsize=(WIDE_IN, 1.0 + 1.9 * len(readings)), sharex=True, sharey=True, squeeze=False
    )
    for axes, deadline_s in zip(grid[:, 0], readings, strict=True):
        _draw_arms(axes, runs[runs["deadline_s"] == deadline_s], "rounds", sizes)
        axes.set(title="fixed threshold" if deadline_s == FIXED else f"deadline of {deadline_s:g} s", ylabel="rounds")
    grid[0, 0].set_ylim(rounds_axis or (0, None))
    _name_sizes(grid[-1, 0], sizes)
    _name_arms(figure, [grid[0, 0]])
    return figure


def _name_sizes(axes: Axes, sizes: Sequence[int]) -> None:
    axes.set_xticks(range(len(sizes)), [str(k) for k in sizes])
    axes.set_xlabel("UEs in the cell, K")


def _name_arms(figure: Figure, panels: Sequence[Axes]) -> None:
    """A legend of what stands in all panels: bars of several schemes lie too close to be named at their ends."""
    entries = {
        label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(list(entries.values()), list(entries), loc="outside upper center", ncols=2)


def _draw_arms(axes: Axes, runs: pd.DataFrame, column: str, sizes: Sequence[int]) -> None:
    """What every arm has spent in a panel, side by side at each size."""
    arms = [arm for arm in ARMS if arm.name in set(runs["arm"])]
    for place, arm in enumerate(arms):
        if column != "rounds" and arm.reading == "printed":
            continue
        chosen = runs[runs["arm"] == arm.name]
        at = chosen["num_ues"].map(list(sizes).index) + 0.14 * (place - (len(arms) - 1) / 2)
        _draw_spent(axes, at, chosen[column], chosen["cut_off"], {**scheme_look(arm.name), "label": arm.label})


def _draw_spent(axes: Axes, at: pd.Series, spent: pd.Series, cut_off: pd.Series, look: Mapping[str, Any]) -> None:
    over_seeds = spent.groupby(at)
    median = over_seeds.median()
    reach = np.stack([median - over_seeds.min(), over_seeds.max() - median])
    axes.errorbar(median.index, median, yerr=reach, capsize=2, elinewidth=1.0, markersize=6, **look)
    axes.plot(at[cut_off], spent[cut_off], linestyle="", marker="x", markersize=9, mew=1.6, color=look["color"])


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """`claims.fig2.convergence` for a page, by deadline, arm and K: medians over seeds, with the least and the most.

    Where more than half of the runs were cut off, the median is that of what they had taken by then. Without deadlines
    there is no column for them.
    """
    shown = partial(with_range, statistic="median", digits=".3g")
    rows = []
    for arm in ARMS:
        for (deadline_s, k), chosen in runs[runs["arm"] == arm.name].groupby(["deadline_s", "num_ues"]):
            by_printed_formulas = arm.reading == "printed"
            rows.append({
                "scheme": arm.label, "K": k, **({} if deadline_s == FIXED else {"deadline in s": deadline_s}),
                "received": shown(chosen["received"]), "cut off": f"{chosen['cut_off'].sum()} of {len(chosen)}",
                "rounds": shown(chosen["rounds"]), "to own plateau": shown(chosen["rounds_to_plateau"]),
                "s on air": "-" if by_printed_formulas else shown(chosen["seconds"]),
                "joules": "-" if by_printed_formulas else shown(chosen["joules"], digits=".0f"),
            })  # fmt: skip
    return pd.DataFrame(rows)
