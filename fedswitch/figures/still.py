"""The static picture of an interactive figure, for print, for a downloaded notebook, and where no script runs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..palette import LIGHT, SERIES
from .charts import Axis, Control, Curve, Panel, Setting, places

WIDTH_IN = 6.0
LOW_IN, TALL_IN, LEGEND_IN = 2.5, 2.9, 0.6
FONT_SIZE = 10
CHARACTERS = 72
"""How many of that size fit side by side."""

_LINES = {"solid": "-", "thin": "-", "dashed": "--", "dotted": ":", "dashdot": "-.", "none": ""}
_MARKERS = {
    "none": "", "circle": "o", "square": "s", "triangle": "^", "diamond": "D", "cross": "x", "star": "*", "bar": "|",
}  # fmt: skip


def draw_still(
    controls: Sequence[Control], panels: Sequence[Panel], settings: Sequence[Setting], *, stacked: bool = False
) -> Figure:
    """Every setting of the controls as a row, or as a column where panels are stacked, under a title that names it."""
    across = len(panels) == 1 or stacked  # settings side by side
    rows, columns = (len(panels), len(settings)) if across else (len(settings), len(panels))
    tall = columns == 1 or any(panel.square for panel in panels)
    size = (WIDTH_IN, (TALL_IN if tall else LOW_IN) * rows + LEGEND_IN)
    drawn = Figure(figsize=size, layout="constrained", facecolor="white")
    grid = drawn.subplots(rows, columns, squeeze=False, sharex=stacked)
    if across:
        grid = grid.T
    for row, setting in zip(grid, settings, strict=True):
        for axes, panel in zip(row, panels, strict=True):
            _draw(axes, panel, setting)
            axes.set_xlabel(panel.x.label, fontsize=FONT_SIZE)
        where = [f"{one.label}: {one.values[place]}" for one, place in zip(controls, setting, strict=True)]
        _title(row[0], where, columns)
        for axes, panel in zip(row, panels, strict=True):
            _title(axes, [panel.title, panel.y.label], columns)
    _legend(drawn, grid)
    return drawn


def _draw(axes: Axes, panel: Panel, setting: Setting) -> None:
    for curve in panel.curves:
        x, y = places(curve, setting)
        if curve.marker != "none":  # marks at the edge are drawn whole, those beyond it not at all
            inside = (panel.x.low <= x) & (x <= panel.x.high) & (panel.y.low <= y) & (y <= panel.y.high)
            x = np.where(inside, x, np.nan)
        axes.plot(x, y, label=curve.label, clip_on=curve.marker == "none", **_look(curve))
        if curve.text:
            for place in zip(x, y, strict=True):
                if np.isfinite(place).all():
                    color = LIGHT["ground" if curve.filled else "ink"]
                    axes.text(*place, curve.text, ha="center", va="center", fontsize=7, color=color)
    for which, axis in (("x", panel.x), ("y", panel.y)):
        _set_axis(axes, which, axis)
    if panel.square:
        axes.set_aspect("equal")


def _look(curve: Curve) -> dict[str, Any]:
    color = SERIES[curve.color - 1] if curve.color else LIGHT["ink"]
    return {
        "color": color,
        "linestyle": _LINES[curve.line],
        "linewidth": 0.8 if curve.line == "thin" else 1.8,
        "marker": _MARKERS[curve.marker],
        "markersize": {"star": 11, "cross": 16}.get(curve.marker, 11 if curve.text else 6),
        "markerfacecolor": color if curve.filled else LIGHT["ground"] if curve.text else "none",
        "zorder": 3 if curve.marker != "none" else 2,
    }


def _set_axis(axes: Axes, which: str, axis: Axis) -> None:
    ticks, labels = zip(*axis.marked, strict=True)
    axes.set(**{f"{which}scale": axis.scale})
    axes.set(**{f"{which}lim": (axis.low, axis.high)})
    getattr(axes, f"set_{which}ticks")(ticks, labels, fontsize=FONT_SIZE)
    getattr(axes, f"set_{which}ticks")([], minor=True)


def _title(axes: Axes, lines: list[str], columns: int) -> None:
    """Add lines to the title of one chart in a row of `columns`, broken where they would leave it."""
    before = axes.get_title(loc="left")
    broken = [textwrap.fill(line, CHARACTERS // columns) for line in (*before.splitlines(), *lines) if line]
    axes.set_title("\n".join(broken), loc="left", fontsize=FONT_SIZE)


def _legend(drawn: Figure, grid: Any) -> None:
    entries: dict[str, Any] = {}
    for axes in grid.flat:
        entries |= {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    if entries:
        drawn.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=2, fontsize=FONT_SIZE)
