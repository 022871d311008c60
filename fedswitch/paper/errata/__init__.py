"""The errata of the paper and of its sibling: one record for each element, with the checks that show its verdict."""

from __future__ import annotations

import difflib

from .paper import PAPER_ERRATA
from .record import PAPER, SIBLING, Erratum, Verdict, fails, run
from .sibling import SIBLING_ERRATA

ERRATA: tuple[Erratum, ...] = PAPER_ERRATA + SIBLING_ERRATA
"""All records, the paper's own first, each in the order of its paper."""


def find(element: str, paper: str = PAPER) -> Erratum:
    """The record of an element, by its name in the records: "eq-27", "thm-1".

    Raises ValueError with the nearest names for one that has none.
    """
    records = {record.element: record for record in ERRATA if record.paper == paper}
    if element not in records:
        near = difflib.get_close_matches(element, records, n=3) or list(records)[:3]
        raise ValueError(f"no record of {element!r} in {paper}; near it: {', '.join(near)}")
    return records[element]


__all__ = ["ERRATA", "PAPER", "SIBLING", "Erratum", "Verdict", "fails", "find", "run"]
