"""The paper as data: its numbered elements, what holds of each, and the checks that show it."""

from .elements import ELEMENTS, PAPER, RECORDS, SIBLING, SIBLING_ELEMENTS, Element, Erratum, find
from .errata import resolve, run, verdict_counts
from .places import places
from .tables import errata_rows, paper_map, right_rows

__all__ = [
    "ELEMENTS",
    "PAPER",
    "RECORDS",
    "SIBLING",
    "SIBLING_ELEMENTS",
    "Element",
    "Erratum",
    "errata_rows",
    "find",
    "paper_map",
    "places",
    "resolve",
    "right_rows",
    "run",
    "verdict_counts",
]
