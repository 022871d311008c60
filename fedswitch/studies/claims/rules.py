"""How a verdict follows from an estimate: a few rules, the same for all claims of a kind."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from ..intervals import Estimate

Verdict = Literal["reproduced", "partly", "not reproduced", "not testable as stated", "not measured yet"]
"""What may become of a claim."""

Rule = Literal["gain", "price", "direction", "valley", "always"]

FACTOR = 2.0
"""Within this factor a size counts as that of the paper, whose backbone, data and cell are not ours."""

OTHER_SIZE = 5.0
"""Beyond this factor an effect is not that of the paper in size, whatever its direction."""

MOSTLY = 0.95
"""What holds this often, but not always, is partly reproduced."""

RULES: dict[Rule, str] = {
    "gain": (
        "Reproduced where the interval lies above zero, and the mean is at least half and at most twice what is "
        "claimed. Partly where the interval lies above zero, and the mean is within a factor of five. Not reproduced "
        "where the interval holds zero or lies below it, or the size is quite another."
    ),
    "price": (
        "Reproduced where energy is saved (interval above zero) and the whole interval of its price lies below twice "
        "what is claimed. Partly where energy is saved and only the mean lies there. Not reproduced otherwise."
    ),
    "direction": "Reproduced where the interval lies above zero, not reproduced otherwise.",
    "valley": (
        "The fall is what the smallest K needs more than the K between the ends with the fewest rounds in the mean, "
        "the rise what the largest K needs more. Reproduced where both intervals lie above zero, partly where "
        "one does, not reproduced otherwise. The K in the middle is chosen from the data, which favors the claim."
    ),
    "always": (
        f"Reproduced where it holds in every run, partly where in {MOSTLY:.0%} of them or more, not reproduced "
        "otherwise."
    ),
}
"""The rules in words, as the page states them."""


def judge_gain(found: Estimate, claimed: float) -> Verdict:
    """Whether a claimed gain above zero is there, and has about the size (rule "gain")."""
    if unsettled := _unsettled(found):
        return unsettled
    if not found.low > 0.0:
        return "not reproduced"
    if not claimed / OTHER_SIZE <= found.mean <= claimed * OTHER_SIZE:
        return "not reproduced"
    return "reproduced" if claimed / FACTOR <= found.mean <= claimed * FACTOR else "partly"


def judge_price(found: Estimate, claimed: float, saved: Estimate) -> Verdict:
    """Whether what is `saved` costs no more than claimed (rule "price")."""
    if unsettled := _unsettled(found, saved):
        return unsettled
    if not (saved.low > 0.0 and found.mean <= claimed * FACTOR):
        return "not reproduced"
    return "reproduced" if found.high <= claimed * FACTOR else "partly"


def judge_direction(found: Estimate) -> Verdict:
    """Whether a difference lies above zero (rule "direction")."""
    return _unsettled(found) or ("reproduced" if found.low > 0.0 else "not reproduced")


def judge_valley(fall: Estimate, rise: Estimate) -> Verdict:
    """Whether something falls and then rises (rule "valley")."""
    if unsettled := _unsettled(fall, rise):
        return unsettled
    verdicts: tuple[Verdict, ...] = ("not reproduced", "partly", "reproduced")
    return verdicts[(fall.low > 0.0) + (rise.low > 0.0)]


def judge_always(holds: int, runs: int) -> Verdict:
    """Whether something holds in every one of the runs (rule "always")."""
    if not runs:
        return "not measured yet"
    return "reproduced" if holds == runs else "partly" if holds >= MOSTLY * runs else "not reproduced"


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict over readings of equal standing: theirs if they agree, else "partly" where one is that or better."""
    found = set(verdicts)
    if not found:
        return "not measured yet"
    if len(found) == 1:
        return found.pop()
    if found & {"reproduced", "partly"}:
        return "partly"
    return "not reproduced" if "not reproduced" in found else "not testable as stated"


def _unsettled(*found: Estimate) -> Verdict | None:
    """The verdict where there is no interval to judge by."""
    if any(one.unknown for one in found):
        return "not testable as stated"
    return "not measured yet" if any(math.isnan(one.low) for one in found) else None
