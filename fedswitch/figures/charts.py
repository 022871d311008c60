"""What a figure with sliders is made of: the sliders, and the charts that they change."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from .numbers import signed

Setting = Sequence[int]
"""The place of every slider."""

Line = Literal["solid", "thin", "dashed", "dotted", "dashdot", "none"]
Marker = Literal["none", "circle", "square", "triangle", "diamond", "cross", "star", "bar"]

_MOST_DECADES = 6
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclasses.dataclass(frozen=True)
class Control:
    """A slider: its label, its values as they are shown, unit included, and the index of the one that it starts at."""

    label: str
    values: tuple[str, ...]
    start: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.start < len(self.values):
            raise ValueError(f"control {self.label!r} must start at one of its {len(self.values)} values")


@dataclasses.dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`; `ticks` are places and their labels, chosen where none are given."""

    label: str
    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"
    ticks: tuple[tuple[float, str], ...] = ()

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.scale == "log" and self.low <= 0.0):
            raise ValueError(
                f"axis {self.label!r} cannot run from {self.low:g} to {self.high:g} on a {self.scale} scale"
            )

    @property
    def marked(self) -> Sequence[tuple[float, str]]:
        """The ticks that are given, or else round numbers."""
        return self.ticks or (_log_ticks(self) if self.scale == "log" else _linear_ticks(self))


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """Numbers on a line that all settings share: a step of a control, or of a point, goes `strides` or `along` further.

    Its value at point p of the setting c is ``values[start + sum(strides * c) + along * p]``, so that few numbers do
    for many settings, wherever controls act alike.
    """

    values: ArrayLike
    strides: tuple[int, ...] = ()
    along: int = 0
    start: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class Sum:
    """A sum of products of tables at so many points, or exp of minus that sum where it `decays`.

    Pages get the tables, and compute from them what a setting shows: nothing is interpolated, and there may be as many
    settings as one likes.
    """

    terms: tuple[tuple[Table, ...], ...]
    points: int = 1
    decays: bool = False

    def at(self, setting: Setting) -> NDArray[np.float64]:
        """The values at a setting, of shape (points,)."""
        along = np.arange(self.points)
        total = np.zeros(self.points)
        for factors in self.terms:
            product = np.ones(self.points)
            for table in factors:
                first = table.start + sum(step * place for step, place in zip(table.strides, setting, strict=False))
                product = product * np.asarray(table.values, dtype=float)[first + table.along * along]
            total = total + product
        return np.exp(-total) if self.decays else total


@dataclasses.dataclass(frozen=True, eq=False)
class Decimals:
    """A fact that is the one value of a sum, with so many decimals."""

    value: Sum
    places: int = 3


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """Points that are joined by a line, marked, or both.

    `x` and `y` have shape (settings..., points) and broadcast over settings, or are sums; NaN leaves a gap. `color` 1
    to 8 is one of the palette, 0 that of the text. A `text` of a character or two stands in the marker. Curves with one
    label share an entry of the legend, and those without have none.
    """

    label: str
    x: ArrayLike | Sum
    y: ArrayLike | Sum
    color: int = 0
    line: Line = "solid"
    marker: Marker = "none"
    filled: bool = True
    text: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class Panel:
    """One chart; `square` ones have a side of the same length on both axes, as a map has."""

    x: Axis
    y: Axis
    curves: tuple[Curve, ...]
    title: str = ""
    square: bool = False


def at(values: NDArray[Any] | Sum, setting: Setting, points: int = 0) -> Any:
    """What `values` of shape (settings..., points...) hold at a setting; dimensions of 1, or missing, fit any place.

    `points` is how many dimensions follow those of the settings; a sum has one.
    """
    if isinstance(values, Sum):
        return values.at(setting)
    filled = values.reshape((1,) * (len(setting) + points - values.ndim) + values.shape)
    places = (place if size > 1 else 0 for place, size in zip(setting, filled.shape, strict=False))
    return filled[tuple(places)]


def places(curve: Curve, setting: Setting) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The points (x, y) of a curve at a setting."""
    x, y = (
        at(values if isinstance(values, Sum) else np.asarray(values, dtype=float), setting, points=1)
        for values in (curve.x, curve.y)
    )
    return x, y


def _linear_ticks(axis: Axis) -> list[tuple[float, str]]:
    slack = 1e-9 * (axis.high - axis.low)
    places = MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(axis.low, axis.high)
    return [(float(place), signed(place)) for place in places if axis.low - slack <= place <= axis.high + slack]


def _log_ticks(axis: Axis) -> list[tuple[float, str]]:
    """Powers of ten, with 2 and 5 times these where there are at most two, and round numbers where there is none."""
    decades = range(math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high)) + 1)
    inside = [n for n in decades if axis.low <= 10.0**n * (1 + 1e-9) and 10.0**n <= axis.high * (1 + 1e-9)]
    steps = (1, 2, 5) if len(inside) <= 2 else (1,)
    every = max(1, math.ceil(len(inside) / _MOST_DECADES))
    places = [(step, n) for n in decades if n % every == 0 for step in steps]
    found = [
        (float(f"{step}e{n}"), _power_of_ten(n) if steps == (1,) else f"{float(f'{step}e{n}'):g}")
        for step, n in places
        if axis.low <= float(f"{step}e{n}") * (1 + 1e-9) and float(f"{step}e{n}") <= axis.high * (1 + 1e-9)
    ]
    return found or _linear_ticks(axis)


def _power_of_ten(exponent: int) -> str:
    return f"{10.0**exponent:g}" if -4 < exponent < 5 else f"10{str(exponent).translate(_SUPERSCRIPTS)}"
