"""The sibling's Fig. 6: how long Algorithm 1 runs, and how many prefixes it tries, against the limit of the delay."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..arguments import Array
from ..scenario import Form
from ..split import Policy, SplitCell, SplitScenario, schedule_rounds, start_queue_s
from ..split.policies import price_of_queue
from ..split.scheduling import least_delay
from .settings import setting
from .split_fig5 import limits_setting
from .split_runs import SplitSettings
from .style import INK, WIDE_IN

FORMS: dict[Form, Policy] = {"printed": "proposed_printed", "corrected": "proposed"}
"""The policy of each form of Algorithm 1."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitFig6Settings(SplitSettings):
    """What the study can be run with."""

    limits: Sequence[float] = limits_setting([0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    rounds: int = setting(40, "rounds, T", low=1)


RECORDED = SplitFig6Settings(
    unit_readings=["corrected", "in_band", "cell_10db"],
    limits=[0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
    seeds=[1, 2, 3, 4, 5],
    rounds=500,
)
"""The settings of the recorded run: a tenth of the sibling's rounds."""


def expand(scenario: SplitScenario, gain: Array, price_per_s: float, *, form: Form) -> tuple[int, int]:
    r"""Algorithm 1, lines 2 to 18, prefix by prefix; how many devices it takes, how many prefixes it tries.

    The strongest devices are added one by one, each time with a common delay found anew, as the sibling does it.
    "printed" stops where the objective (22) first falls, "corrected" tries all K. `gain` (K,) in W, `price_per_s` is
    :math:`\zeta \hat{D}`. What it finds is `split.scheduling.best_count`, which has all delays at once.
    """
    order = (-gain).argsort(kind="stable")
    best, value, before = 0, 0.0, 0.0
    for count in range(1, len(order) + 1):
        delay_s = least_delay(gain[order[:count]], payload_bits=scenario.payload_bits, **scenario.band)
        now = count - price_per_s * delay_s
        if form == "printed" and now < before:
            return count - 1, count
        if now > value:
            best, value = count, now
        before = now
    return (len(order) if form == "printed" else best), len(order)


def measure(settings: SplitFig6Settings) -> pd.DataFrame:
    """Run both forms of Algorithm 1 in every reading, at every limit and seed.

    One row for each round: reading, limit, seed, form, round, tried (prefixes), scheduled, delay_over_limit (of the
    round) and seconds (processor time of `expand` on this machine). All limits and both forms take turns in each round,
    so that a machine that becomes slower meanwhile does so for all of them.
    """
    rows = []
    for reading in settings.unit_readings:
        for seed in settings.seeds:
            runs = []
            for limit in settings.limits:
                for form, policy in FORMS.items():
                    cell = SplitCell.draw(settings.at_limit(reading, limit), seed)
                    prices, over = _prices(cell, policy, settings.rounds)
                    runs.append((cell.scenario, limit, form, prices, over))
            for index, gain in enumerate(cell.gains_w(settings.rounds)):
                for scenario, limit, form, prices, over in runs:
                    started = time.thread_time()
                    count, tried = expand(scenario, gain, prices[index], form=form)
                    seconds = time.thread_time() - started
                    rows.append({
                        "reading": reading, "limit": limit, "seed": seed, "form": form, "round": index + 1,
                        "tried": tried, "scheduled": count, "delay_over_limit": over[index],
                        "seconds": round(seconds, 6),
                    })  # fmt: skip
    return pd.DataFrame(rows)


def _prices(cell: SplitCell, policy: Policy, rounds: int) -> tuple[list[float], Array]:
    """The price of delay that each round is decided at, in devices per s, and the delay of each, over its limit."""
    done = schedule_rounds(cell, rounds, policy=policy)
    queues_s = [start_queue_s(cell, policy), *done.queue_s[:-1]]
    prices = [price_of_queue(cell.scenario, policy, queue_s, t + 1) for t, queue_s in enumerate(queues_s)]
    return prices, np.round(done.delay_s / cell.scenario.delay_limit_s, 4)


def of_runs(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and maximum over the rounds of each run: columns such as tried_mean and seconds_max."""
    keys = ["reading", "form", "limit", "seed"]
    found = table.groupby(keys, sort=False)[["tried", "seconds", "scheduled", "delay_over_limit"]].agg(["mean", "max"])
    found.columns = ["_".join(names) for names in found.columns]
    return found.reset_index()


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """`of_runs` for a page, means over seeds."""
    rows = []
    for (reading, form, limit), runs in of_runs(table).groupby(["reading", "form", "limit"], sort=False):
        rows.append({
            "reading": reading, "form": form, "limit": limit,
            "prefixes, mean": f"{runs['tried_mean'].mean():.1f}", "most": f"{runs['tried_max'].mean():.1f}",
            "ms, mean": f"{1e3 * runs['seconds_mean'].mean():.2f}",
            "ms, most": f"{1e3 * runs['seconds_max'].mean():.2f}",
            "devices": f"{runs['scheduled_mean'].mean():.1f}",
            "delay over limit": f"{runs['delay_over_limit_mean'].mean():.2f}",
        })  # fmt: skip
    return pd.DataFrame(rows)


def draw(table: pd.DataFrame, *, reading: str) -> Figure:
    """Boxes of the running time and of the prefixes tried, over all rounds and seeds, against the limit, for each form.

    Boxes hold the middle half, whiskers reach to the least and the most, and the crosses are means.
    """
    chosen = table[table["reading"] == reading]
    limits = sorted(chosen["limit"].unique())
    figure, grid = plt.subplots(2, len(FORMS), figsize=(WIDE_IN, 5.2), sharex=True, sharey="row", squeeze=False)
    for column, form in enumerate(FORMS):
        of_form = chosen[chosen["form"] == form]
        for axes, (name, scale) in zip(grid[:, column], (("seconds", 1e3), ("tried", 1.0)), strict=True):
            samples = [scale * of_form.loc[of_form["limit"] == limit, name] for limit in limits]
            axes.boxplot(
                samples, positions=range(len(limits)), whis=(0, 100), showmeans=True,
                medianprops={"color": INK}, meanprops={"marker": "x", "markeredgecolor": INK},
            )  # fmt: skip
        grid[0, column].set(title=form, yscale="log")
        grid[1, column].set_xticks(range(0, len(limits), 2), [f"{limit:g}" for limit in limits[::2]])
    figure.supxlabel(r"limit $\bar{D}$, on the sibling's axis", fontsize="medium")
    grid[0, 0].set_ylabel("running time in ms")
    grid[1, 0].set_ylabel("prefixes tried")
    return figure
