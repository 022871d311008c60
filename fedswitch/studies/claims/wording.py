"""Sentences and numbers as the page shows them."""

from __future__ import annotations

from typing import Literal

from ..intervals import Estimate

Unit = Literal["%", "points", "", "times"]
"""What stands behind a number."""

Standing = Literal["undecided", "opposite", "no effect", "other size"]
"""What "not reproduced" may mean of a difference that is claimed to lie above zero."""

NOTHING = 5e-4
"""A share below this is zero in print."""


def value_of(value: float, unit: Unit) -> str:
    """A number with its unit; shares are shown in percent, and differences of shares in percentage points."""
    if unit in ("%", "points"):
        return f"{round(100 * value, 1) + 0.0:.1f} {unit}"
    return f"{value:.1f} times" if unit == "times" else f"{round(value, 2) + 0.0:.2f}"


def range_of(found: Estimate, unit: Unit) -> str:
    """The interval of an estimate."""
    return f"{value_of(found.low, unit).removesuffix(f' {unit}')} to {value_of(found.high, unit)}"


def shown(found: Estimate, unit: Unit) -> str:
    """An estimate with its interval, or the mean alone where there is none."""
    if found.low != found.low:
        return "no value" if found.mean != found.mean else f"{value_of(found.mean, unit)} (no interval)"
    return f"{value_of(found.mean, unit)} ({range_of(found, unit)})"


def standing(found: Estimate | None) -> Standing | None:
    """What is known of a difference that is not reproduced; None without an interval."""
    if found is None or found.low != found.low:
        return None
    if max(abs(found.low), abs(found.high)) < NOTHING:
        return "no effect"
    if found.high < 0.0:
        return "opposite"
    return "other size" if found.low > 0.0 else "undecided"


def why_gain(found: Estimate, claimed: float, of: str = "seeds") -> str:
    """Why a gain is judged as it is (rule "gain"), in a sentence made from the numbers."""
    if found.unknown:
        return f"In {found.unknown} of {found.units} {of} there is no value."
    if found.low != found.low:
        return f"{found.units} {of} are too few for an interval."
    if max(abs(found.low), abs(found.high)) < NOTHING:
        return f"Over {found.units} {of} there is no effect to the digits shown."
    if found.high < 0.0:
        return f"The interval over {found.units} {of} lies below zero: the effect is the other way round."
    if found.low <= 0.0:
        also = ", and the claimed value as well: the data decide neither" if found.high >= claimed else ""
        return f"The interval over {found.units} {of} holds zero{also}."
    return f"{found.mean / claimed:.2g} times what is claimed; the interval over {found.units} {of} lies above zero."


def why_direction(found: Estimate, of: str = "seeds") -> str:
    """Why a direction is judged as it is (rule "direction"), for a difference."""
    if found.unknown:
        return f"In {found.unknown} of {found.units} {of} there is no value."
    if found.low != found.low:
        return f"{found.units} {of} are too few for an interval."
    where = "lies above zero" if found.low > 0.0 else "lies below zero" if found.high < 0.0 else "holds zero"
    return f"The interval over {found.units} {of} {where}."
