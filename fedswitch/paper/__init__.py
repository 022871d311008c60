"""The paper as data: its numbered elements, what holds of each, and the checks that show it."""

from .elements import ELEMENTS, Element, element_name, places, resolve
from .errata import CAUSES, ERRATA, PAPER, SIBLING, Erratum, Finding, fails, find, run, verdict_counts
from .tables import errata_rows, paper_map, right_rows

__all__ = [
    "CAUSES",
    "ELEMENTS",
    "ERRATA",
    "PAPER",
    "SIBLING",
    "Element",
    "Erratum",
    "Finding",
    "element_name",
    "errata_rows",
    "fails",
    "find",
    "paper_map",
    "places",
    "resolve",
    "right_rows",
    "run",
    "verdict_counts",
]
