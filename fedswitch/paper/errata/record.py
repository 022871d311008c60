"""What a record of the errata holds, and how its checks are found and read."""

from __future__ import annotations

import dataclasses
from typing import Literal

from ...theory.claims import Counterexample, Statement
from ..elements import resolve

Verdict = Literal["right", "ambiguous", "wrong", "measured"]
"""What may hold of an element of a paper."""

PAPER, SIBLING = "2509.19306", "2407.02924"
"""The paper and its sibling, by their arXiv numbers."""


@dataclasses.dataclass(frozen=True)
class Erratum:
    """What holds of one element of a paper.

    `paper` is its arXiv number, `element` the element, as in "eq-7a", and `title` what that is. `verdict` is "right";
    "ambiguous": right once a reading is fixed that the print leaves open; "wrong"; or "measured": a measurement, whose
    verdict is among the claims (`studies.claims`). `prints` says what is printed, `holds` what holds (instead), both in
    MyST.

    `checks` are names under `fedswitch` of functions that return a `Counterexample` or a `Statement`. Of a "right"
    element all hold (a definition has none). Of an "ambiguous" or "wrong" one the first fails: it shows what is left
    open, or wrong. Further ones may fail as well, or show that the correction holds.
    """

    paper: str
    element: str
    title: str
    verdict: Verdict
    prints: str
    holds: str
    checks: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """The label of the record on the page of the errata."""
        return f"erratum-{self.paper}-{self.element}"


def run(check: str) -> Counterexample | Statement:
    """Run a check by its name under `fedswitch`, as the records have it; some import SymPy first, which takes a second.

    Raises ValueError for a name that is no check.
    """
    try:
        function = resolve(check)
    except (ImportError, AttributeError):
        raise ValueError(
            f"there is no check {check!r}: give its name as in the errata, such as 'theory.statements.eq30_symbol'"
        ) from None
    found: Counterexample | Statement = function()
    return found


def fails(result: Counterexample | Statement) -> bool:
    """Whether the claim that a check has put to the test does not hold."""
    return result.refutes if isinstance(result, Counterexample) else not result.holds
