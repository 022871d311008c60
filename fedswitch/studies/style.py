"""How figures look: readable in gray, on a phone, and on a light or a dark page."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib_inline.backend_inline import set_matplotlib_formats
from pandas.api.typing import SeriesGroupBy

Label = TypeVar("Label")

LINE_STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P")

LABEL_WIDTH = 24
"""Characters after which the label of a row is broken."""

CLAIMED: dict[str, Any] = {
    "linestyle": "",
    "marker": "*",
    "markersize": 14,
    "color": "black",
    "markeredgecolor": "white",
}
"""How a value that the paper claims is marked."""


def use_style() -> None:
    """Set the book's look for all figures that follow; in a notebook they are drawn as SVG, sharp at any size."""
    set_matplotlib_formats("svg")
    plt.rcdefaults()  # whatever a matplotlibrc, of the user or in this folder, has set for other figures
    sns.set_theme(context="notebook", style="whitegrid", palette="colorblind")
    plt.rcParams.update({
        "figure.figsize": (6.0, 3.6),
        "figure.constrained_layout.use": True,
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
    })  # fmt: skip


def distinct_lines(labels: Iterable[Label]) -> Iterator[tuple[Label, dict[str, Any]]]:
    """Each label with a color, line style and marker of its own, so that lines differ without color too."""
    colors, styles, markers = sns.color_palette("colorblind"), itertools.cycle(LINE_STYLES), itertools.cycle(MARKERS)
    for label, color, style, marker in zip(labels, itertools.cycle(colors), styles, markers, strict=False):
        yield label, {"color": color, "linestyle": style, "marker": marker}


def draw_range(axes: Axes, groups: SeriesGroupBy, **look: Any) -> None:
    """Draw the mean of each group of values against its name, and a band from the least to the most."""
    mean = groups.mean()
    axes.plot(mean, **look)
    axes.fill_between(mean.index, groups.min(), groups.max(), color=look["color"], alpha=0.15, linewidth=0)
