"""Figures with sliders: what they can show is computed beforehand and travels with the page.

An `Explorable` is a grid of settings, one dimension for each slider, and what its charts show at each of them: numbers,
or sums of products of few numbers. It displays as a static picture and its data, with the script ``assets/play.js``,
which makes sliders and charts from these; pages of the book load that once for all of their figures. A slider knows
only the settings of the grid, so that no setting is interpolated.
"""

from __future__ import annotations

import dataclasses
import functools
import html
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from ..palette import labelled, style_sheet, svg_of, themed
from .charts import Axis, Control, Curve, Decimals, Panel, Setting, Sum, Table, at
from .still import draw_still

DIGITS = 3
"""Significant digits of what travels with a page."""

TABLE_DIGITS = 6
"""The same of tables, which are multiplied and added."""

ASSETS = Path(__file__).parent / "assets"
"""Where the script and the style of figures with sliders are."""


@dataclasses.dataclass(frozen=True, eq=False)
class Explorable:
    """Charts over a grid of settings.

    `readout` says in words what the charts show; each {name} in it stands for one of the `facts`, which are texts of
    shape (settings...), broadcasting, or numbers with decimals. `alt` describes the static picture, which shows each of
    `stills`, settings that are the start alone where none are given. `stacked` panels never stand side by side.
    `played` is the index of a control that a button moves along by itself.

    Raises ValueError that names what does not fit: a shape, a number that is infinite, a fact that is missing.
    """

    title: str
    alt: str
    controls: tuple[Control, ...]
    panels: tuple[Panel, ...]
    readout: str
    facts: Mapping[str, ArrayLike | Decimals]
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

    @functools.cached_property
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
            "facts": {name: self._fact(name, fact) for name, fact in self.facts.items()},
            "stacked": self.stacked,
            "played": self.played,
        }

    def still(self) -> Figure:
        """The static picture."""
        return draw_still(self.controls, self.panels, self.stills or (self.start,), stacked=self.stacked)

    def said(self, setting: Setting) -> str:
        """The readout at a setting."""
        return self.readout.format(**{name: told(fact, setting) for name, fact in self.facts.items()})

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """HTML for a page, text for a terminal."""
        return {"text/html": self.html(), "text/plain": f"{self.title}: {self.alt}\n{self.said(self.start)}"}

    def html(self) -> str:
        """The figure: its static picture, its data, what a script may replace the picture by, and that script."""
        data = json.dumps(self.data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
        return (
            f'<div class="play" role="group" aria-label="{html.escape(self.title)}">\n'
            f'<div class="play-still">{labelled(themed(svg_of(self.still())), self.alt)}</div>\n'
            f'<script type="application/json">{data}</script>\n'
            f'<p class="play-said" role="status">{html.escape(self.said(self.start))}</p>\n'
            f"</div>\n{by_itself()}"
        )

    def _fact(self, name: str, fact: ArrayLike | Decimals) -> dict[str, Any]:
        if isinstance(fact, Decimals):
            return {**self._sum(name, fact.value), "places": fact.places}
        return self._grid(name, np.asarray(fact, dtype=str))

    def _sum(self, name: str, total: Sum) -> dict[str, Any]:
        """A sum for the script, after a look whether every place is inside of its table."""
        for table in (table for factors in total.terms for table in factors):
            self._check_table(name, table, total.points)
        return {
            "points": total.points,
            "decays": total.decays,
            "terms": [
                [
                    {
                        "values": _numbers(name, np.asarray(table.values, dtype=float), TABLE_DIGITS),
                        "strides": table.strides,
                        "along": table.along,
                        "start": table.start,
                    }
                    for table in factors
                ]
                for factors in total.terms
            ],
        }

    def _check_table(self, name: str, table: Table, points: int) -> None:
        steps = [*table.strides, table.along]
        counts = [*(len(control.values) for control in self.controls[: len(table.strides)]), points]
        reach = [step * (count - 1) for step, count in zip(steps, counts, strict=True)]
        lowest, highest = (table.start + sum(pick(one, 0) for one in reach) for pick in (min, max))
        if lowest < 0 or highest >= np.size(table.values):
            raise ValueError(
                f"{name!r} reads places {lowest} to {highest} of a table of {np.size(table.values)} numbers: mend its "
                "strides or its start"
            )

    def _curve(self, curve: Curve) -> dict[str, Any]:
        looks = {name: getattr(curve, name) for name in ("label", "color", "line", "marker", "filled", "text")}
        for name in ("x", "y"):
            values = getattr(curve, name)
            looks[name] = (
                self._sum(curve.label, values)
                if isinstance(values, Sum)
                else self._grid(curve.label, np.asarray(values, dtype=float), points=1)
            )
        return looks

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


def told(fact: ArrayLike | Decimals, setting: Setting) -> str:
    """What a fact says at a setting."""
    if isinstance(fact, Decimals):
        return f"{fact.value.at(setting)[0]:.{fact.places}f}"
    return str(at(np.asarray(fact, dtype=str), setting))


def by_itself() -> str:
    """What a figure needs outside of the book, whose pages have it: colors, style and script, in this order."""
    style = style_sheet() + (ASSETS / "play.css").read_text(encoding="utf-8")
    script = (ASSETS / "play.js").read_text(encoding="utf-8")
    return f'<style class="play-style">{style}</style>\n<script class="play-script">{script}</script>'


def _axis(axis: Axis) -> dict[str, Any]:
    return dataclasses.asdict(axis) | {"ticks": axis.marked}


def _numbers(name: str, row: NDArray[np.float64], digits: int = DIGITS) -> list[float | int | None]:
    """The numbers of a row for JSON: rounded, whole ones without a point, None for NaN, none of these at the end."""
    if np.isinf(row).any():
        raise ValueError(f"{name!r} holds an infinite number: leave a gap there by NaN")
    rounded = [None if math.isnan(value) else float(f"{value:.{digits}g}") for value in row.tolist()]
    while rounded and rounded[-1] is None:
        rounded.pop()
    return [int(value) if value is not None and value.is_integer() else value for value in rounded]
