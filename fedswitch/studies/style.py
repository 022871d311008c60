"""How figures look: each scheme the same everywhere, in gray too, on a phone, and on a light or a dark page."""

from __future__ import annotations

import dataclasses
import itertools
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from cycler import cycler
from IPython.core.getipython import get_ipython
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib_inline.backend_inline import set_matplotlib_formats
from numpy.typing import ArrayLike
from pandas.api.typing import SeriesGroupBy
from scipy.optimize import isotonic_regression

from ..arguments import Array
from ..palette import LIGHT, SERIES, labelled, svg_of, themed

Label = TypeVar("Label")

INK, MUTED, GRID, GROUND = (LIGHT[name] for name in ("ink", "muted", "grid", "ground"))
LINE_STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")

WIDE_IN, NARROW_IN = 6.0, 3.6
"""How wide figures are, and how wide they are laid out anew for a phone; letters have one size in both."""

LABEL_WIDTH = 24
"""Characters after which the label of a row is broken."""

END_WIDTH = 14
"""Characters after which the label at the end of a line is broken."""

CLAIMED: dict[str, Any] = {
    "linestyle": "",
    "marker": "*",
    "markersize": 14,
    "color": INK,
    "markeredgecolor": GROUND,
    "zorder": 4,
}
"""How a value that the paper claims is marked."""

NEUTRAL: dict[str, Any] = {"color": MUTED, "linestyle": ":", "linewidth": 1.2, "zorder": 1}
"""How a line is drawn that nobody measured: guessing, a promise, zero, the end of an axis."""


@dataclasses.dataclass(frozen=True)
class Look:
    """What a scheme looks like: one of the palette's series, counted from 1, and a marker of Matplotlib."""

    series: int
    marker: str | tuple[int, int, int]


LOOKS = {
    "switching": Look(1, "o"),
    "fedlora": Look(2, "s"),
    "greedy": Look(3, "^"),
    "one_shot": Look(4, "D"),
    "hetlora": Look(5, "v"),
    "flexlora": Look(6, "P"),
    "full": Look(7, (6, 1, 0)),
    "random": Look(8, "<"),
    "proximal": Look(5, ">"),
    "switching_risk": Look(7, "p"),
    "energy": Look(6, "h"),
    "unbiased": Look(3, (4, 1, 0)),
    "proposed": Look(1, "H"),
    "equal_share": Look(4, "d"),
    "fair": Look(2, "8"),
    "all_in": Look(8, "1"),
    "fedlora_wide": Look(3, (5, 1, 0)),
    "grouping": Look(4, "*"),
    "told": Look(5, "2"),
}
"""Every scheme's look, wherever it is drawn; those that share a color never share a panel, and have other markers.

None is a cross, which marks a run that was cut off.
"""

_VARIANT = ("_printed", "_large")
"""How the name of an arm ends that stands beside another: it is drawn in the same color, dashed and hollow."""

_SAME = {"ours": "switching", "algorithm_2": "switching", "switching_unbiased": "unbiased"}


def scheme_look(name: str) -> dict[str, Any]:
    """Options of Matplotlib for the line of a scheme or arm: its color and marker, dashed and hollow for a variant.

    The name of an arm may say more than that of its scheme, behind an underscore: ``energy_0.7`` looks like ``energy``,
    and ``ours_printed`` like ``switching``, but for the dashes. Raises ValueError for a scheme that has no look yet.
    """
    variant = name.endswith(_VARIANT)
    stem = name.rpartition("_")[0] if variant else name
    stem = _SAME.get(stem, stem)
    known = next((one for one in sorted(LOOKS, key=len, reverse=True) if f"{stem}_".startswith(f"{one}_")), None)
    if known is None:
        raise ValueError(f"{name!r} has no look yet: give it one in LOOKS of fedswitch.studies.style")
    color = SERIES[LOOKS[known].series - 1]
    return {
        "color": color,
        "marker": LOOKS[known].marker,
        "linestyle": "--" if variant else "-",
        "markerfacecolor": GROUND if variant else color,
    }


def distinct_lines(labels: Iterable[Label]) -> Iterator[tuple[Label, dict[str, Any]]]:
    """Each label with a color, line style and marker of its own, for what is no scheme: sizes, thresholds, readings."""
    looks = zip(itertools.cycle(SERIES), itertools.cycle(LINE_STYLES), itertools.cycle(MARKERS), strict=False)
    for label, (color, style, marker) in zip(labels, looks, strict=False):
        yield label, {"color": color, "linestyle": style, "marker": marker}


def use_style() -> None:
    """Set the book's look for all figures that follow.

    In a notebook they are drawn as SVG, sharp at any size, and laid out for a phone as well (`responsive`).
    """
    set_matplotlib_formats("svg")
    shell = get_ipython()
    if shell is not None and shell.display_formatter is not None:
        shell.display_formatter.formatters["text/html"].for_type(Figure, responsive)
    plt.rcdefaults()  # whatever a matplotlibrc, of the user or in this folder, has set for other figures
    sns.set_theme(context="notebook", style="whitegrid")
    plt.rcParams.update({
        "axes.prop_cycle": cycler(color=SERIES),
        "figure.figsize": (WIDE_IN, 3.6),
        "figure.constrained_layout.use": True,
        "figure.facecolor": GROUND,
        "savefig.facecolor": GROUND,
        "font.sans-serif": ["DejaVu Sans"], "font.size": 10.0,
        "axes.labelsize": 10.0, "axes.titlesize": 10.0, "legend.fontsize": 9.0,
        "xtick.labelsize": 9.0, "ytick.labelsize": 9.0, "legend.title_fontsize": 9.0,
        "axes.titlelocation": "left", "axes.titleweight": "bold",
        "axes.edgecolor": MUTED, "axes.spines.top": False, "axes.spines.right": False,
        "legend.columnspacing": 1.2, "legend.handlelength": 1.6, "legend.handletextpad": 0.5,
        "grid.color": GRID, "grid.linewidth": 0.8, "legend.frameon": False,
        "lines.linewidth": 1.8, "lines.markersize": 6.0, "hatch.linewidth": 0.6,
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "hatch.color"), INK),
    })  # fmt: skip


def responsive(figure: Figure) -> str:
    """The figure as HTML that follows its page: in its colors, and laid out twice, for a desktop and for a phone.

    By itself, as in a notebook, it is light, and the wide one is shown.
    """
    width, height = figure.get_size_inches()
    drawings = {"plot-wide": themed(svg_of(figure))}
    try:
        figure.set_size_inches(min(NARROW_IN, width), height)
        drawings["plot-narrow"] = themed(svg_of(figure)).replace("<svg ", '<svg style="display:none" ', 1)
    finally:
        figure.set_size_inches(width, height)
    return labelled(
        "".join(drawing.replace("<svg ", f'<svg class="{name}" ', 1) for name, drawing in drawings.items()), "a figure"
    )


def draw_range(axes: Axes, groups: SeriesGroupBy, **look: Any) -> None:
    """Draw the mean of each group of values against its name, and a band from the least to the most."""
    mean = groups.mean()
    axes.plot(mean, **look)
    axes.fill_between(mean.index, groups.min(), groups.max(), color=look["color"], alpha=0.15, linewidth=0)


def label_ends(axes: Axes) -> None:
    """Name lines at their right ends, in their colors, so that no legend is needed; labels give way to each other.

    Lines without a label have no name. To be called when limits and scales are final.
    """
    named = [line for line in axes.lines if not str(line.get_label()).startswith("_")]
    figure = axes.get_figure(root=True)
    if not named or figure is None:
        return
    axes.get_xlim(), axes.get_ylim()  # settles limits that follow the data
    texts = [textwrap.fill(str(line.get_label()), END_WIDTH) for line in named]
    letter = 8.5
    points = axes.get_position().height * figure.get_size_inches()[1] * 72.0 / (1.3 * letter)  # lines of text that fit
    height = [(text.count("\n") + 1) / points for text in texts]
    ends = [_end(axes, line) for line in named]
    for line, text, (x, _), y in zip(named, texts, ends, _apart([y for _, y in ends], height), strict=True):
        axes.text(
            x + 0.03, y, text, transform=axes.transAxes, va="center", fontsize=letter, color=line.get_color(),
            linespacing=1.0,
        )  # fmt: skip


def _end(axes: Axes, line: Line2D) -> tuple[float, float]:
    """Where a line ends, or leaves the axes, as shares of these."""
    known = [point for point in np.asarray(line.get_xydata()).tolist() if point[1] == point[1]]
    if not known:
        return 1.0, 0.5
    places = axes.transAxes.inverted().transform(axes.transData.transform(known)).tolist()
    inside = [place for place in places if -0.01 <= place[1] <= 1.01 and place[0] <= 1.01]
    return (inside or places)[-1][0], min(max((inside or places)[-1][1], 0.0), 1.0)


def _apart(places: ArrayLike, heights: ArrayLike) -> Array:
    """Places nearest to the wanted ones, in least squares and in their order, of labels as high as `heights`.

    None of them overlap, and none reach below 0.
    """
    order = np.argsort(places, kind="stable")
    wanted, height = (np.asarray(values, dtype=float)[order] for values in (places, heights))
    stack = np.cumsum(height) - height / 2  # where they are all on top of each other, from 0
    found = np.empty_like(wanted)
    found[order] = stack + np.maximum(isotonic_regression(wanted - stack).x, 0.0)
    return found


def mark_guessing(axes: Axes, accuracy: float) -> None:
    """A line at the accuracy of a guess, with its name below; to be called when all else is drawn."""
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, accuracy - 0.1 * (high - low)), high)
    axes.axhline(accuracy, **NEUTRAL)
    axes.text(
        0.99,
        accuracy,
        "guessing",
        transform=axes.get_yaxis_transform(),
        ha="right",
        va="top",
        fontsize=8.5,
        color=MUTED,
    )


def module_color(number: int) -> str:
    """The color of a module, counted from 1: that of its tile wherever modules are drawn."""
    return SERIES[(number - 1) % len(SERIES)]
