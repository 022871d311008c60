"""Sentences and numbers as the page shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ..intervals import Estimate, units_to_tell
from .rules import Standing, standing

Unit = Literal["%", "points", "", "times"]
"""What stands behind a number."""

MANY = 1000
"""Beyond so many units their number is not told."""


def value_of(value: float, unit: Unit) -> str:
    """A number with its unit; shares are shown in percent, and differences of shares in percentage points."""
    if unit in ("%", "points"):
        return f"{round(100 * value, 1) + 0.0:.1f} {unit}"
    return f"{value:.1f} times" if unit == "times" else f"{round(value, 2) + 0.0:.2f}"


def shown(found: Estimate, unit: Unit) -> str:
    """An estimate with its interval, or the mean alone where there is none."""
    if found.low != found.low:
        return "no value" if found.mean != found.mean else f"{value_of(found.mean, unit)} (no interval)"
    low = value_of(found.low, unit).removesuffix(f" {unit}")
    return f"{value_of(found.mean, unit)} ({low} to {value_of(found.high, unit)})"


def why_gain(found: Estimate, claimed: float) -> str:
    """Why a gain is judged as it is (rule "gain"), in a sentence made from the numbers."""
    known = standing(found)
    if known is None:
        return why_direction(found)
    if known == "no effect":
        return f"No effect to the digits shown ({found.units} seeds)."
    if known == "opposite":
        return f"The effect is the opposite one ({found.units} seeds)."
    if known == "undecided":
        also = " and the claimed value" if found.high >= claimed else ""
        return f"The interval contains zero{also} ({found.units} seeds; {how_many(found)})."
    return f"{found.mean / claimed:.2g} times what is claimed ({found.units} seeds)."


def why_direction(found: Estimate, of: str = "seeds") -> str:
    """Why a direction is judged as it is (rule "direction"), for a difference."""
    if found.unknown:
        return f"In {found.unknown} of {found.units} {of} there is no value."
    if found.low != found.low:
        return f"{found.units} {of} are too few for an interval."
    where: dict[Standing | None, str] = {
        "above": "lies above zero", "undecided": "contains zero", "opposite": "lies below zero",
        "no effect": "is zero to the digits shown",
    }  # fmt: skip
    known = standing(found)
    more = f"; {how_many(found)}" if known == "undecided" else ""
    return f"The interval {where[known]} ({found.units} {of}{more})."


def how_many(found: Estimate) -> str:
    """How many units would tell a difference from zero, if it is as large as measured and they differ as much."""
    units = units_to_tell(found.effect)
    number = "no number" if units is None else f"about {units}" if units <= MANY else f"more than {MANY}"
    return f"{number} would tell"


def too_little(arms: Iterable[str], lack: str) -> str:
    """Why a comparison is undecided where some of its arms have learned too little for it."""
    return f"Too little was learned to tell: {' and '.join(arms)} {lack}."
