"""How a verdict follows from an estimate: a few rules, the same for all claims of a kind, which `TEXTS.rules` tells."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal, get_args

from ..intervals import Estimate

ClaimVerdict = Literal[
    "reproduced", "partly", "undecided", "not reproduced", "not testable as stated", "not measured yet"
]
"""What may become of a claim; `TEXTS.verdicts` says when."""

Standing = Literal["above", "undecided", "opposite", "no effect"]
"""Where a difference lies that is claimed to be above zero."""

FACTOR = 2.0
"""Within this factor a size counts as that of the paper, whose backbone, data and cell are not ours."""

OTHER_SIZE = 5.0
"""Beyond this factor an effect is not that of the paper in size, whatever its direction."""

MOSTLY = 0.95
"""What holds this often, but not always, is partly reproduced."""

NOTHING = 5e-4
"""A share below this is zero in print."""


def standing(found: Estimate) -> Standing | None:
    """Where a difference lies that is claimed to be above zero; None without an interval."""
    if math.isnan(found.low):
        return None
    if max(abs(found.low), abs(found.high)) < NOTHING:
        return "no effect"
    return "above" if found.low > 0.0 else "opposite" if found.high < 0.0 else "undecided"


def judge_gain(found: Estimate, claimed: float) -> ClaimVerdict:
    """Whether a claimed gain above zero is there, and has about the size (rule "gain")."""
    if standing(found) != "above":
        return judge_direction(found)
    if not claimed / OTHER_SIZE <= found.mean <= claimed * OTHER_SIZE:
        return "not reproduced"
    return "reproduced" if claimed / FACTOR <= found.mean <= claimed * FACTOR else "partly"


def judge_price(found: Estimate, claimed: float, saved: Estimate) -> ClaimVerdict:
    """Whether what is `saved` costs no more than claimed (rule "price")."""
    if unsettled := _unsettled(found, saved):
        return unsettled
    most = claimed * FACTOR
    if found.low > most:
        return "not reproduced"
    if standing(saved) != "above":
        return judge_direction(saved)
    return "reproduced" if found.high <= most else "partly" if found.mean <= most else "undecided"


def judge_direction(found: Estimate) -> ClaimVerdict:
    """Whether a difference lies above zero (rule "direction")."""
    if unsettled := _unsettled(found):
        return unsettled
    known = standing(found)
    return "reproduced" if known == "above" else "undecided" if known == "undecided" else "not reproduced"


def judge_at_least(found: Estimate) -> ClaimVerdict:
    """Whether one side is as good as the other or better (rule "at least")."""
    if unsettled := _unsettled(found):
        return unsettled
    if standing(found) == "opposite":
        return "not reproduced"
    return "reproduced" if found.mean >= 0.0 else "undecided"


def judge_valley(fall: Estimate, rise: Estimate) -> ClaimVerdict:
    """Whether something falls and then rises (rule "valley")."""
    return _unsettled(fall, rise) or combine(map(judge_direction, (fall, rise)))


def judge_always(holds: int, runs: int) -> ClaimVerdict:
    """Whether something holds in every one of the runs (rule "always")."""
    if not runs:
        return "not measured yet"
    return "reproduced" if holds == runs else "partly" if holds >= MOSTLY * runs else "not reproduced"


def combine(verdicts: Iterable[ClaimVerdict]) -> ClaimVerdict:
    """One verdict over readings of equal standing.

    Theirs if they agree, else "partly" where one is that or better, else "undecided" where one is: it may yet hold.
    """
    found = set(verdicts)
    if not found:
        return "not measured yet"
    if len(found) == 1:
        return found.pop()
    if found & {"reproduced", "partly"}:
        return "partly"
    return next(one for one in get_args(ClaimVerdict) if one in found)


def _unsettled(*found: Estimate) -> ClaimVerdict | None:
    """The verdict where there is no interval to judge by."""
    if any(one.unknown for one in found):
        return "not testable as stated"
    return "not measured yet" if any(math.isnan(one.low) for one in found) else None
