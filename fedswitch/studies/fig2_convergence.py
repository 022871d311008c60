"""Fig. 2: rounds to converge against the number of UEs, for Algorithm 2 and four benchmarks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..scenario import Scenario
from ..units import db_to_ratio
from .federated import AS_PRINTED, Arm, Protocol, Run, arms_by_name, measure_runs
from .intervals import in_brackets
from .style import CLAIMED, distinct_lines

ARMS = (
    Arm("ours", "Algorithm 2, corrected", "switching", "corrected"),
    Arm("ours_printed", "Algorithm 2, printed", "switching_printed", "printed", AS_PRINTED),
    Arm("fedlora", "FedLoRA", "fedlora"),
    Arm("hetlora", "HetLoRA", "hetlora"),
    Arm("flexlora", "FlexLoRA", "flexlora"),
    Arm("full", "all parameters", "full"),
)

FULL_SCALE: dict[str, Any] = {
    "task": "sst2",
    "backbone": "minilm",
    "arms": [arm.name for arm in ARMS],
    "num_ues": [10, 25, 50],
    "costly_arms": ["hetlora", "flexlora", "full"],
    "costly_up_to": 10,
    "seeds": [1, 2, 3, 4, 5],
    "rounds": 40,
    "target": 0.7,
    "hold": 10,
    "batch_size": 8,
    "learning_rate": 3e-3,
    "lora_layers": 2,
    "sinr_threshold_db": -5.0,
    "concentration": 0.5,
    "test_size": 256,
    "evaluate_every": 2,
}
"""The parameters of the recorded run, named as in the notebook.

The target was set after pilots with seeds 0 and 100, before any recorded run: at 10 UEs most schemes came to 0.70
within 40 rounds. Larger cells, and the costly arms beyond 10 UEs, are not recorded for want of time (of the latter one
run was made, HetLoRA with 25 UEs and seed 1, which held the target from round 26 on):
`nox -s reproduce -- fig2_convergence -p num_ues=100 --out OUT` runs one.
"""


def measure(
    *,
    task: str,
    backbone: str,
    arms: Sequence[str],
    num_ues: Sequence[int],
    costly_arms: Sequence[str],
    costly_up_to: int,
    seeds: Sequence[int],
    rounds: int,
    target: float,
    hold: int,
    batch_size: int,
    learning_rate: float,
    lora_layers: int | None,
    sinr_threshold_db: float,
    concentration: float,
    test_size: int | None,
    evaluate_every: int,
    device: str = "cpu",
    finished: Path | None = None,
) -> pd.DataFrame:
    """Fine-tune with every arm, in cells of every size, until the pooled accuracy has stayed at `target`.

    A run ends once all tests of `hold` rounds have reached the target, or after `rounds` rounds. The arms named in
    `costly_arms` run in cells of up to `costly_up_to` UEs only. Energy has no weight here, as in the paper: everybody
    sends at the largest power. Returns `History.table` of all runs with the column `arm`.
    """
    chosen = arms_by_name(ARMS, arms)
    runs = [
        Run(arm, _scenario(k, batch_size, learning_rate, lora_layers, sinr_threshold_db, concentration), seed)
        for seed in seeds
        for k in num_ues
        for arm in chosen
        if arm.name not in costly_arms or k <= costly_up_to
    ]
    protocol = Protocol(task, backbone, rounds, evaluate_every, test_size, device=device)
    return measure_runs(runs, protocol, stop=Held(target, hold), finished=finished)


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


def draw(runs: pd.DataFrame) -> Figure:
    """Rounds, seconds on air and joules to the target against K: medians over seeds, bars from the least to the most.

    `runs` is the table of `claims.fig2.convergence`. Each run that was cut off is a cross, at what it had taken. The
    seconds and joules of the printed form are counted by other formulas, and left out. Stars are where the rounds of
    Algorithm 2 would be as claimed.
    """
    sizes = sorted(runs["num_ues"].unique())
    arms = [arm for arm in ARMS if arm.name in set(runs["arm"])]
    figure, panels = plt.subplots(len(SPENT), 1, figsize=(6.0, 8.0), sharex=True, height_ratios=(3, 2, 2))
    for place, (arm, look) in enumerate(distinct_lines(arms)):
        chosen = runs[runs["arm"] == arm.name]
        at = chosen["num_ues"].map(sizes.index) + 0.11 * (place - (len(arms) - 1) / 2)
        for axes, column in zip(panels, SPENT, strict=True):
            if column == "rounds" or arm.reading != "printed":
                _draw_spent(axes, at, chosen[column], chosen["cut_off"], {**look, "label": arm.label})
    of_fedlora = runs[runs["arm"] == "fedlora"].groupby("num_ues")["rounds"].median()
    if len(of_fedlora):
        wanted = (1.0 - CLAIMED_FEWER["fedlora"]) * of_fedlora
        panels[0].plot([sizes.index(k) for k in wanted.index], wanted, label="Algorithm 2 as claimed", **CLAIMED)
    for axes, (column, name) in zip(panels, SPENT.items(), strict=True):
        axes.set(ylabel=name, yscale="linear" if column == "rounds" else "log")
    panels[0].set_ylim(bottom=0)
    panels[-1].set_xticks(range(len(sizes)), [str(k) for k in sizes])
    panels[-1].set_xlabel("UEs in the cell, $K$")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize="small")
    return figure


def _draw_spent(axes: Axes, at: pd.Series, spent: pd.Series, cut_off: pd.Series, look: Mapping[str, Any]) -> None:
    over_seeds = spent.groupby(at)
    median = over_seeds.median()
    reach = np.stack([median - over_seeds.min(), over_seeds.max() - median])
    axes.errorbar(median.index, median, yerr=reach, capsize=2, elinewidth=1.0, markersize=6, **look)
    axes.plot(at[cut_off], spent[cut_off], linestyle="", marker="x", markersize=10, mew=2, color=look["color"])


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """`claims.fig2.convergence` for a page, by arm and K: medians over seeds, with the least and the most.

    Where more than half of the runs were cut off, the median is that of what they had taken by then.
    """
    rows = []
    for arm in ARMS:
        for k, chosen in runs[runs["arm"] == arm.name].groupby("num_ues"):
            by_printed_formulas = arm.reading == "printed"
            rows.append({
                "scheme": arm.label, "K": k, "cut off": f"{chosen['cut_off'].sum()} of {len(chosen)}",
                "rounds": _spread(chosen["rounds"]), "to own plateau": _spread(chosen["rounds_to_plateau"]),
                "s on air": "-" if by_printed_formulas else _spread(chosen["seconds"]),
                "joules": "-" if by_printed_formulas else _spread(chosen["joules"]),
            })  # fmt: skip
    return pd.DataFrame(rows)


def _spread(values: pd.Series) -> str:
    median, low, high = (f"{value:.3g}" for value in (values.median(), values.min(), values.max()))
    return median if low == high else in_brackets(median, low, high)


def _scenario(
    num_ues: int, batch_size: int, learning_rate: float, lora_layers: int | None, threshold_db: float, alpha: float
) -> Scenario:
    return Scenario.corrected(
        num_ues=num_ues,
        batch_size=batch_size,
        learning_rate=learning_rate,
        lora_layers=lora_layers,
        sinr_threshold=float(db_to_ratio(threshold_db)),
        dirichlet_concentration=alpha,
        energy_weight_per_j=0.0,
    )
