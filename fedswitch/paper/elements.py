"""Every numbered element of the paper and its sibling: what it is, what computes and checks it, whether it holds.

The records are data, `book/errata/NUMBER.yaml`, one file for each paper by its arXiv number, one record for each
element; `own.yaml` has what the book adds.
"""

from __future__ import annotations

import dataclasses
import difflib
from pathlib import Path
from typing import Literal

from ..files import packaged
from ..yaml_records import read_yaml, records

ElementVerdict = Literal["right", "ambiguous", "wrong", "measured"]
"""What may hold of an element of a paper."""

Cause = Literal["missed", "independent", "follows", "slip", "open"]
"""Why something is printed otherwise than it holds.

One mistake that runs through several places; an error of its own; what follows from these; a slip of the pen; a reading
left open, or a choice that is allowed but could be better.
"""

PAPER, SIBLING = "2509.19306", "2407.02924"
"""The paper and its sibling, by their arXiv numbers."""

_PREFIXES = {PAPER: "paper", SIBLING: "sibling"}

_KINDS = {"thm": "Theorem", "alg": "Algorithm", "ass": "Assumption", "fig": "Fig.", "app": "Appendix"}


@dataclasses.dataclass(frozen=True)
class Erratum:
    """One thing that an element prints otherwise than it holds, or leaves open.

    `quote` is what is printed, formulas in TeX between dollars, as it stands in the paper; `holds` says what holds
    instead, in MyST. `checks` are names under `fedswitch` of functions that return a `Counterexample` or a `Statement`.
    The first fails: it shows what is wrong or left open. Further ones may fail, too, or show that a correction holds.
    """

    cause: Cause
    quote: str
    holds: str
    checks: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Element:
    """A numbered element of a paper, and what holds of it.

    `paper` is the arXiv number, `id` kind and number, as in the book's labels: "eq-7a", "thm-1", "alg-2", "ass-3",
    "fig-4". `title` is what it is, in a few words, and `section` where the paper prints it. `functions` are names under
    `fedswitch` that compute it, none for a step of a proof, which its checks decide; `tests` are pytest's names of
    tests that check it, `file::test`.

    `verdict` is "right"; "ambiguous": right once a reading is fixed that the print leaves open; "wrong"; or "measured":
    a measurement, whose verdict is among the claims (`studies.claims`). An ambiguous or wrong element has `errata`; a
    right one may have a `remark`, in MyST, and `proofs`, the names of checks that hold.
    """

    paper: str
    id: str
    title: str
    verdict: ElementVerdict
    section: str = ""
    functions: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    errata: tuple[Erratum, ...] = ()
    remark: str = ""
    proofs: tuple[str, ...] = ()

    @property
    def checks(self) -> tuple[str, ...]:
        """The names of all its checks."""
        return self.proofs + tuple(check for erratum in self.errata for check in erratum.checks)

    @property
    def name(self) -> str:
        """The element as the paper cites it: (7a), Theorem 1, Fig. 3."""
        kind, _, number = self.id.partition("-")
        return f"({number})" if kind == "eq" else f"{_KINDS[kind]} {number.upper()}"

    @property
    def label(self) -> str:
        """The label that the book's sources give to it: "paper-eq-7a", and "sibling-eq-7" of the sibling."""
        return f"{_PREFIXES[self.paper]}-{self.id}"

    @property
    def link(self) -> str:
        """A link to its place in the book, in MyST."""
        role = {"eq": "eq", "fig": "ref"}.get(self.id.partition("-")[0], "prf:ref")
        target = f"{self.name} <{self.label}>" if role == "ref" else self.label
        return f"{{{role}}}`{target}`"

    @property
    def anchor(self) -> str:
        """The label of the record on the page of the errata."""
        return f"erratum-{self.paper}-{self.id}"


def find(element: str, paper: str = PAPER) -> Element:
    """The record of an element, by its id or as the paper cites it: "eq-27" or "(27)", "thm-1" or "Theorem 1".

    Raises ValueError with the nearest ids for one that has none, and for another paper.
    """
    if paper not in (PAPER, SIBLING):
        raise ValueError(f"there are records of {PAPER} and {SIBLING}, not of {paper!r}")
    of_paper = [record for record in RECORDS if record.paper == paper]
    for record in of_paper:
        if element in (record.id, record.name):
            return record
    ids = [record.id for record in of_paper]
    near = difflib.get_close_matches(element, ids, n=3) or ids[:3]
    raise ValueError(f"no record of {element!r} in {paper}; near it: {', '.join(near)}")


@dataclasses.dataclass(frozen=True)
class Own:
    """A result, scheme or study of this book that neither paper has.

    `id` is the label of its place in the book, `name` what the book calls it, `title` what it is; `functions` and
    `tests` are those of an `Element`.
    """

    id: str
    name: str
    title: str
    functions: tuple[str, ...]
    tests: tuple[str, ...]


def load(path: Path, paper: str) -> tuple[Element, ...]:
    """Read the records of a paper from a file, in its order.

    Raises FedswitchError that names file, record and key, where a record is not as it should be.
    """
    return records(Element, read_yaml(path), path.name, "record", paper=paper)


ELEMENTS, SIBLING_ELEMENTS = (load(packaged("book/errata") / f"{paper}.yaml", paper) for paper in (PAPER, SIBLING))
"""All numbered elements of the paper, and of its sibling, in their order."""

OWN = records(Own, read_yaml(packaged("book/errata") / "own.yaml"), "own.yaml", "record")
"""What the book adds to both, in the order of its chapters."""

RECORDS: tuple[Element, ...] = ELEMENTS + SIBLING_ELEMENTS
"""The records of both papers, the paper's own first."""
