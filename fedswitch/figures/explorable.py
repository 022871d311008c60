"""Figures with sliders: everything they can show is computed beforehand and travels with the page.

An `Explorable` is a grid of settings, one dimension for each slider, and what its charts show at each of them. In a
notebook it displays as a static picture and its data; `book/assets/play.js` makes the sliders and charts of the book
from these. A slider knows only the settings of the grid, so that nothing shown is interpolated.
"""

from __future__ import annotations

import base64
import dataclasses
import html
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from .wording import signed

Setting = Sequence[int]
"""The place of every slider."""

Line = Literal["solid", "thin", "dashed", "dotted", "dashdot", "none"]
Marker = Literal["none", "circle", "square", "triangle", "diamond", "cross", "star", "bar"]

DIGITS = 4
"""Significant digits of what travels with a page."""

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
class Curve:
    """Points that are joined by a line, marked, or both.

    `x` and `y` have shape (settings..., points) and broadcast over settings; NaN leaves a gap. `color` 1 to 4 is one of
    the palette, 0 that of the text. A `text` of a character or two stands in the marker. Curves with one label share
    an entry of the legend, and those without have none.
    """

    label: str
    x: ArrayLike
    y: ArrayLike
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


@dataclasses.dataclass(frozen=True, eq=False)
class Explorable:
    """Charts over a grid of settings.

    `readout` says in words what the charts show; each {name} in it stands for one of the `facts`, which are texts of
    shape (settings...), broadcasting. `alt` describes the static picture, which shows each of `stills`, settings that
    are the start alone where none are given. `stacked` panels never stand side by side. `played` is the index of a
    control that a button moves along by itself.

    Raises ValueError that names what does not fit: a shape, a number that is infinite, a fact that is missing.
    """

    title: str
    alt: str
    controls: tuple[Control, ...]
    panels: tuple[Panel, ...]
    readout: str
    facts: Mapping[str, ArrayLike]
    stills: tuple[Setting, ...] = ()
    stacked: bool = False
    played: int | None = None

    def __post_init__(self) -> None:
        asked, given = set(re.findall(r"\{(\w+)\}", self.readout)), set(self.facts)
        if asked != given:
            raise ValueError(f"readout asks for the facts {sorted(asked)}, and facts holds {sorted(given)}")
        self.data  # noqa: B018  # what cannot be encoded is refused where it was made, not where it is shown

    @property
    def start(self) -> tuple[int, ...]:
        """The setting that is shown first."""
        return tuple(control.start for control in self.controls)

    @property
    def data(self) -> dict[str, Any]:
        """All that the script needs, as JSON has it: numbers rounded to `DIGITS` digits, None for NaN."""
        return {
            "title": self.title,
            "controls": [dataclasses.asdict(control) for control in self.controls],
            "panels": [
                {
                    **{name: getattr(panel, name) for name in ("title", "square")},
                    **{name: _axis(getattr(panel, name)) for name in ("x", "y")},
                    "curves": [self._curve(curve) for curve in panel.curves],
                }
                for panel in self.panels
            ],
            "readout": self.readout,
            "facts": {name: self._grid(name, np.asarray(fact, dtype=str)) for name, fact in self.facts.items()},
            "stacked": self.stacked,
            "played": self.played,
        }

    def said(self, setting: Setting) -> str:
        """The readout at a setting."""
        facts = {name: at(np.asarray(fact, dtype=str), setting) for name, fact in self.facts.items()}
        return self.readout.format(**facts)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """HTML for a page, text for a terminal."""
        return {"text/html": self.html(), "text/plain": f"{self.title}: {self.alt}\n{self.said(self.start)}"}

    def html(self) -> str:
        """The figure: its static picture, its data, which a script may replace the picture by, and the readout."""
        from .still import draw_still, svg  # here, because it draws what is defined in this module

        picture = base64.b64encode(svg(draw_still(self)).encode()).decode()
        data = json.dumps(self.data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
        return (
            f'<div class="play" role="group" aria-label="{html.escape(self.title)}">\n'
            f'<img class="play-still" src="data:image/svg+xml;base64,{picture}" alt="{html.escape(self.alt)}">\n'
            '<p class="play-hint">On its page in the book, this figure has sliders.</p>\n'
            f'<script type="application/json">{data}</script>\n'
            f'<p class="play-said" role="status">{html.escape(self.said(self.start))}</p>\n'
            "</div>"
        )

    def _curve(self, curve: Curve) -> dict[str, Any]:
        looks = {name: getattr(curve, name) for name in ("label", "color", "line", "marker", "filled", "text")}
        places = {name: np.asarray(getattr(curve, name), dtype=float) for name in ("x", "y")}
        return looks | {name: self._grid(curve.label, values, points=1) for name, values in places.items()}

    def _grid(self, name: str, values: NDArray[Any], points: int = 0) -> dict[str, Any]:
        """`values` by setting: the size of each dimension, 1 where a control does not matter, and a flat list."""
        depth = len(self.controls)
        if not points <= values.ndim <= depth + points:
            raise ValueError(f"{name!r} must have at most {depth} dimensions of settings, got shape {values.shape}")
        filled = values.reshape((1,) * (depth + points - values.ndim) + values.shape)
        sizes = filled.shape[:depth]
        for size, control in zip(sizes, self.controls, strict=True):
            if size not in (1, len(control.values)):
                raise ValueError(
                    f"{name!r} of shape {values.shape} does not fit the {len(control.values)} values of "
                    f"{control.label!r}: give one for each, or one for all"
                )
        rows = filled.reshape(math.prod(sizes), *filled.shape[depth:])
        return {"sizes": list(sizes), "rows": [_numbers(name, row) for row in rows] if points else rows.tolist()}


def at(values: NDArray[Any], setting: Setting, points: int = 0) -> Any:
    """What `values` of shape (settings..., points...) hold at a setting; dimensions of 1, or missing, fit any place.

    `points` is how many dimensions follow those of the settings.
    """
    filled = values.reshape((1,) * (len(setting) + points - values.ndim) + values.shape)
    places = (place if size > 1 else 0 for place, size in zip(setting, filled.shape, strict=False))
    return filled[tuple(places)]


def _axis(axis: Axis) -> dict[str, Any]:
    return dataclasses.asdict(axis) | {"ticks": axis.marked}


def _numbers(name: str, row: NDArray[np.float64]) -> list[float | int | None]:
    """The numbers of a row for JSON: rounded, whole ones without a point, None for NaN, none of these at the end."""
    if np.isinf(row).any():
        raise ValueError(f"{name!r} holds an infinite number: leave a gap there by NaN")
    rounded = [None if math.isnan(value) else float(f"{value:.{DIGITS}g}") for value in row.tolist()]
    while rounded and rounded[-1] is None:
        rounded.pop()
    return [int(value) if value is not None and value.is_integer() else value for value in rounded]


def _linear_ticks(axis: Axis) -> list[tuple[float, str]]:
    slack = 1e-9 * (axis.high - axis.low)
    places = MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(axis.low, axis.high)
    return [(float(place), signed(place)) for place in places if axis.low - slack <= place <= axis.high + slack]


def _log_ticks(axis: Axis) -> list[tuple[float, str]]:
    """Powers of ten, with 2 and 5 times these where there are at most two."""
    decades = range(math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high)) + 1)
    inside = [n for n in decades if axis.low <= 10.0**n * (1 + 1e-9) and 10.0**n <= axis.high * (1 + 1e-9)]
    steps = (1, 2, 5) if len(inside) <= 2 else (1,)
    places = [(step, n) for n in decades if n % math.ceil(len(inside) / _MOST_DECADES) == 0 for step in steps]
    return [
        (float(f"{step}e{n}"), _power_of_ten(n) if steps == (1,) else f"{float(f'{step}e{n}'):g}")
        for step, n in places
        if axis.low <= float(f"{step}e{n}") * (1 + 1e-9) and float(f"{step}e{n}") <= axis.high * (1 + 1e-9)
    ]


def _power_of_ten(exponent: int) -> str:
    return f"{10.0**exponent:g}" if -4 < exponent < 5 else f"10{str(exponent).translate(_SUPERSCRIPTS)}"
