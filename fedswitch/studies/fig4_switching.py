"""Fig. 4: test accuracy against rounds under a subscription scheme."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..learning.history import History
from .style import distinct_lines

ACCURACIES = {
    "accuracy": "each UE on its own test data, mean over UEs",
    "accuracy_pooled": "pooled test set",
}


def draw(table: pd.DataFrame) -> Figure:
    """Accuracy of the ensemble (3), and uploads received, against rounds.

    `table` is `History.table`, or several of them concatenated: lines are means over seeds, for each scheme.
    """
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(6.0, 5.0), sharex=True, height_ratios=(2, 1))
    _draw_accuracy(top, table)
    _draw_uploads(bottom, table)
    bottom.set_xlabel("round $t$")
    return figure


def _draw_accuracy(axes: Axes, table: pd.DataFrame) -> None:
    evaluated = table.dropna(subset=["accuracy"])
    several = evaluated["scheme"].nunique() > 1
    lines: list[tuple[str, str]] = [
        (scheme, column) for scheme in evaluated["scheme"].unique() for column in ACCURACIES
    ]
    for (scheme, column), look in distinct_lines(lines):
        mean = evaluated[evaluated["scheme"] == scheme].groupby("round")[column].mean()
        axes.plot(
            mean, label=f"{scheme}: {ACCURACIES[column]}" if several else ACCURACIES[column], markersize=5, **look
        )
    axes.set_ylabel("test accuracy")
    axes.legend(loc="upper left")
    axes.margins(y=0.25)  # room for the legend above the curves


def _draw_uploads(axes: Axes, table: pd.DataFrame) -> None:
    per_round = table.groupby("round")[["subscribed", "received"]].mean()
    axes.fill_between(per_round.index, per_round["subscribed"], color="0.85", label="sent")
    axes.fill_between(per_round.index, per_round["received"], color="0.45", label="received")
    axes.set_ylabel("uploads")
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower right", ncols=2)


def draw_subscriptions(history: History) -> Figure:
    """Which module each UE subscribed to in each round; lost uploads are crossed out. UEs are sorted by distance."""
    order = np.argsort(history.distance_m)
    subscribed, received = history.subscribed[:, :, order], history.received[:, :, order]
    rounds, _, ues = subscribed.shape
    figure, axes = plt.subplots(figsize=(6.0, 0.9 + 0.28 * min(ues, 40)))
    size = min(10.0, 400.0 / max(rounds, ues))
    for arrived, color in ((True, "black"), (False, "0.7")):
        chosen = subscribed & (received == arrived)
        for t, n, k in zip(*np.nonzero(chosen), strict=True):
            axes.text(t + 1, k, str(n + 1), ha="center", va="center", fontsize=size, color=color)
        if not arrived:
            lost = np.argwhere(chosen.any(axis=1))
            axes.plot(lost[:, 0] + 1, lost[:, 1], linestyle="", marker="x", markersize=size, color=color)
    axes.set(xlim=(0.5, rounds + 0.5), ylim=(ues - 0.5, -0.5), xlabel="round $t$", ylabel="distance of the UE in m")
    ticks = np.unique(np.linspace(0, ues - 1, min(ues, 10)).round().astype(int))
    axes.set_yticks(ticks, [f"{distance:.0f}" for distance in history.distance_m[order][ticks]])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(visible=False)
    return figure
