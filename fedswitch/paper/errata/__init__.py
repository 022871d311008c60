"""The errata of the paper and of its sibling: one record for each element, with the checks that show its verdict."""

from .paper import PAPER_ERRATA
from .record import PAPER, SIBLING, Erratum, Verdict, fails, run
from .sibling import SIBLING_ERRATA

ERRATA: tuple[Erratum, ...] = PAPER_ERRATA + SIBLING_ERRATA
"""All records, the paper's own first, each in the order of its paper."""

__all__ = ["ERRATA", "PAPER", "SIBLING", "Erratum", "Verdict", "fails", "run"]
