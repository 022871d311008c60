"""The claims of Fig. 3: Algorithm 1 at work."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from ...scenario import Form
from ..fig3_bandwidth import Fig3Settings, outcomes
from ..intervals import estimate
from .evidence import Outcome, claims_of, of_direction
from .rules import judge_always
from .sentences import shown, why_direction

BRACKETS: dict[Form, str] = {"printed": "fixed", "corrected": "fitted to the cell"}
E_INPUTS_S = (1.0, 10.0, 100.0, 1000.0)
"""Upper ends that a fixed bracket may plausibly have."""

_ROUNDING = 1e-9


def _stable(ends: pd.DataFrame, settings: Fig3Settings) -> Iterator[Outcome]:
    settled = ends["total_share"].between(1.0 - settings.tolerance - _ROUNDING, 1.0 + _ROUNDING)
    fixed = ends["bracket"] == BRACKETS["printed"]
    yield _always(settled, "corrected", "searches end with all bandwidth in use, up to the tolerance")
    for limit_s in dict.fromkeys((settings.max_delay_s, *E_INPUTS_S)):
        inside = settled & ends["delay_s"].between(settings.min_delay_s, limit_s)
        stated = limit_s == settings.max_delay_s
        yield _always(
            inside[fixed], "printed", "searches reach the solution, and it lies in the bracket",
            reading=f"E_input = {limit_s:g} s", counts=stated,
        )  # fmt: skip


def _iterations(ends: pd.DataFrame, settings: Fig3Settings) -> Iterator[Outcome]:
    for bracket, counts in _counts(ends):
        few, many = counts.columns.min(), counts.columns.max()
        found = estimate(counts[many] - counts[few])
        why = (
            f"{counts[few].mean():.1f} at K = {few} and {counts[many].mean():.1f} at K = {many}, on average. "
            f"{why_direction(found, 'cells')}"
        )
        yield of_direction(None, found, f"{shown(found, '')} more", why, f"bracket {bracket}")


def _complexity(ends: pd.DataFrame, settings: Fig3Settings) -> Iterator[Outcome]:
    most = math.log2(settings.max_delay_s / settings.tolerance)
    for bracket, counts in _counts(ends):
        few, many = counts.columns.min(), counts.columns.max()
        power = estimate(np.log(counts[many] / counts[few]) / math.log(many / few))
        why = ""
        if bracket == BRACKETS["printed"]:
            within = (counts <= most).to_numpy()
            why = f"{within.sum()} of {within.size} searches end within log2(E_input / omega) = {most:.1f} iterations."
        yield of_direction(None, power, f"power {shown(power, '')}", why, f"bracket {bracket}")


def _delay(ends: pd.DataFrame, settings: Fig3Settings) -> Iterator[Outcome]:
    delays = ends.groupby(["seed", "num_ues"])["delay_s"].mean().unstack()
    few, many = delays.columns.min(), delays.columns.max()
    longer = estimate(np.log(delays[many] / delays[few]))
    power = longer.map(lambda logarithm: logarithm / math.log(many / few))
    why = (
        f"From K = {few} to K = {many} the delay becomes {shown(longer.map(math.exp), 'times')} as long (geometric "
        "mean over cells)."
    )
    yield of_direction(None, power, f"power {shown(power, '')}", why)


def _counts(ends: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Iterations of the searches from each bracket: a row for each cell, a column for each K.

    The search is the same from both, and the paper does not state where it begins: they are readings, not forms.
    """
    counts = ends.pivot(index=["bracket", "seed"], columns="num_ues", values="iteration")
    for bracket in BRACKETS.values():
        if bracket in counts.index.get_level_values("bracket"):
            yield bracket, counts.loc[bracket]


def _always(holds: pd.Series, form: Form, what: str, *, reading: str = "", counts: bool = True) -> Outcome:
    count, runs = int(holds.sum()), len(holds)
    return Outcome(form, judge_always(count, runs), f"{count} of {runs}", f"These {what}.", reading, counts)


CLAIMS = claims_of(
    "fig3_bandwidth",
    {
        "fig3-stable": _stable,
        "fig3-iterations": _iterations,
        "fig3-complexity": _complexity,
        "fig3-delay": _delay,
    },
    prepare=lambda table, settings: outcomes(table),
)
