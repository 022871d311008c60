"""The checks that show the verdicts on the elements of the papers, by name."""

from __future__ import annotations

import importlib
import inspect
from typing import Any, get_args

from ..theory.outcomes import Counterexample, Statement
from .elements import RECORDS, ElementVerdict


def verdict_counts(paper: str) -> dict[ElementVerdict, int]:
    """How many equations, assumptions, theorems and algorithms of a paper have which verdict.

    Figures are left out: what they claim is judged in `studies.claims`.
    """
    verdicts = [record.verdict for record in RECORDS if record.paper == paper and not record.id.startswith("fig-")]
    return {verdict: verdicts.count(verdict) for verdict in get_args(ElementVerdict) if verdict != "measured"}


def resolve(name: str) -> Any:
    """The function of that name under `fedswitch`, as in "control.decide"; imports what it needs."""
    module, _, attribute = f"fedswitch.{name}".rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def run(check: str) -> Counterexample | Statement:
    """Run a check by its name under `fedswitch`, as the records have it; some import SymPy first, which takes a second.

    Raises ValueError for a name that is not there, or of something else than a check.
    """
    try:
        function = resolve(check)
        inspect.signature(function).bind()
    except (ImportError, AttributeError, TypeError, ValueError):
        function = None
    found = function() if inspect.isfunction(function) else None
    if not isinstance(found, Counterexample | Statement):
        raise ValueError(
            f"there is no check {check!r}: give its name as in the errata, such as 'theory.statements.eq27_constant'"
        )
    return found
