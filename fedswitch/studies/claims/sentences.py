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


def why_gain(found: Estimate, claimed: float, of: str = "seeds") -> str:
    """Why a gain is judged as it is (rule "gain"), in a sentence made from the numbers."""
    known = standing(found)
    if known is None:
        return why_direction(found, of)
    if known == "no effect":
        return f"Over {found.units} {of} there is no effect to the digits shown."
    if known == "opposite":
        return f"The interval over {found.units} {of} lies below zero: the effect is the other way round."
    if known == "undecided":
        also = ", and the claimed value as well: the data decide neither" if found.high >= claimed else ""
        return f"The interval over {found.units} {of} holds zero{also}. {how_many(found, of)}"
    return f"{found.mean / claimed:.2g} times what is claimed; the interval over {found.units} {of} lies above zero."


def why_direction(found: Estimate, of: str = "seeds") -> str:
    """Why a direction is judged as it is (rule "direction"), for a difference."""
    if found.unknown:
        return f"In {found.unknown} of {found.units} {of} there is no value."
    if found.low != found.low:
        return f"{found.units} {of} are too few for an interval."
    where: dict[Standing | None, str] = {
        "above": "lies above zero", "undecided": "holds zero", "opposite": "lies below zero",
        "no effect": "is zero to the digits shown",
    }  # fmt: skip
    sentence = f"The interval over {found.units} {of} {where[standing(found)]}."
    return f"{sentence} {how_many(found, of)}" if standing(found) == "undecided" else sentence


def how_many(found: Estimate, of: str) -> str:
    """How many units would tell a difference from zero, if it is as measured and they differ as much."""
    if (units := units_to_tell(found.effect)) is None:
        return f"No number of {of} would tell it from zero."
    return f"If it is as measured, {f'about {units}' if units <= MANY else f'more than {MANY}'} {of} would tell."


def too_little(arms: Iterable[str], lack: str) -> str:
    """Why a comparison is undecided where some of its arms have learned too little for it."""
    return f"Too little was learned to tell: {' and '.join(arms)} {lack}."
