"""What a check returns: both sides of an inequality, or the exact difference of two expressions."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import sympy

Relation = Literal["<=", "=="]

_ROUNDING = 1e-12  # relative; what double precision may add to a side


@dataclasses.dataclass(frozen=True)
class Counterexample:
    """One instance of a printed claim, with both of its sides computed.

    `element` is what the paper prints, as in its label ("eq-27", "ass-1", "thm-1"). `says` tells in a sentence or two
    what was put in and what came out, with both numbers, as a person would; it is true whatever was put in. The claim
    is `left` `relation` `right`; `corrected` is the right-hand side that holds instead, None where no number takes its
    place. `settings` are the problems behind the sides, with the constants of the assumptions that they meet.
    """

    element: str
    says: str
    left: float
    right: float
    relation: Relation = "<="
    corrected: float | None = None
    settings: tuple[Any, ...] = dataclasses.field(default=(), repr=False, compare=False)

    def __post_init__(self) -> None:
        sides = (self.left, self.right) if self.corrected is None else (self.left, self.right, self.corrected)
        if any(math.isnan(side) for side in sides):
            raise ValueError(f"a side of {self.element} is not a number: {sides}")

    @property
    def refutes(self) -> bool:
        """Whether the printed claim fails here."""
        return not _compare(self.left, self.right, self.relation)

    @property
    def corrected_holds(self) -> bool:
        """Whether the corrected claim holds here; True where there is none."""
        return self.corrected is None or _compare(self.left, self.corrected, self.relation)

    def __str__(self) -> str:
        return f"{self.says} {'FAILS' if self.refutes else 'HOLDS'}"


@dataclasses.dataclass(frozen=True)
class Statement:
    """An algebraic claim, decided: it holds exactly where `difference`, printed minus derived, is zero."""

    element: str
    claim: str
    difference: sympy.Expr

    @property
    def holds(self) -> bool:
        """Whether both sides are the same expression."""
        return bool(self.difference == 0)

    @property
    def refutes(self) -> bool:
        """Whether the claim does not hold, as a `Counterexample` has it."""
        return not self.holds

    @property
    def says(self) -> str:
        """The claim, and how it was decided."""
        return f"{self.claim} {'This holds.' if self.holds else 'Not so.'}"

    def __str__(self) -> str:
        return f"{self.claim} {'HOLDS' if self.holds else 'FAILS'}"


def checks_in(*modules: ModuleType) -> dict[str, Callable[[], Counterexample]]:
    """The checks that modules define, by name, in the order of their sources.

    These are the public functions that return a `Counterexample` and need no argument.
    """
    return {
        name: function
        for module in modules
        for name, function in vars(module).items()
        if inspect.isfunction(function)
        and not name.startswith("_")
        and function.__module__ == module.__name__
        and function.__annotations__.get("return") == Counterexample.__name__
        and all(one.default is not one.empty for one in inspect.signature(function).parameters.values())
    }


def _compare(left: float, right: float, relation: Relation) -> bool:
    slack = _ROUNDING * max(1.0, abs(left), abs(right))
    return left <= right + slack if relation == "<=" else abs(left - right) <= slack
