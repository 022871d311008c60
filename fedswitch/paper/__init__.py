"""The paper as data: its numbered elements, what holds of each, and the checks that show it."""

from .elements import ELEMENTS, Element, places, resolve
from .errata import ERRATA, PAPER, SIBLING, Erratum, fails, find, run
from .tables import errata_blocks, paper_map, verdict_counts

__all__ = [
    "ELEMENTS",
    "ERRATA",
    "PAPER",
    "SIBLING",
    "Element",
    "Erratum",
    "errata_blocks",
    "fails",
    "find",
    "paper_map",
    "places",
    "resolve",
    "run",
    "verdict_counts",
]
