"""The paper as data: its numbered elements, what holds of each, and the checks that show it."""

from .elements import ELEMENTS, OWN, PAPER, RECORDS, SIBLING, SIBLING_ELEMENTS, Element, Erratum, Own, find
from .errata import resolve, run, verdict_counts
from .places import places
from .tables import errata_rows, own_map, paper_map, right_rows

__all__ = [
    "ELEMENTS",
    "OWN",
    "PAPER",
    "RECORDS",
    "SIBLING",
    "SIBLING_ELEMENTS",
    "Element",
    "Erratum",
    "Own",
    "errata_rows",
    "find",
    "own_map",
    "paper_map",
    "places",
    "resolve",
    "right_rows",
    "run",
    "verdict_counts",
]
