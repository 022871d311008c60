"""What holds of every element of the paper and of its sibling: records, and the checks that show their verdicts.

The sentences are data, `book/errata/NUMBER.yaml`, one file for each paper by its arXiv number.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from ..errors import FedswitchError
from ..theory.claims import Counterexample, Statement
from .elements import ELEMENTS, resolve

Verdict = Literal["right", "ambiguous", "wrong", "measured"]
"""What may hold of an element of a paper."""

Cause = Literal["missed", "independent", "follows", "slip", "open"]
"""Why something is printed otherwise than it holds, see `CAUSES`."""

PAPER, SIBLING = "2509.19306", "2407.02924"
"""The paper and its sibling, by their arXiv numbers."""

CAUSES: dict[Cause, str] = {
    "missed": "One mistake that runs through several places",
    "independent": "Independent errors",
    "follows": "What follows from these",
    "slip": "Slips of the pen",
    "open": "Readings left open",
}
"""The causes, as the page of the errata groups by them."""


@dataclasses.dataclass(frozen=True)
class Finding:
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
class Erratum:
    """What holds of one element of a paper.

    `paper` is its arXiv number, `element` the element, as in "eq-7a", and `title` what that is. `verdict` is "right";
    "ambiguous": right once a reading is fixed that the print leaves open; "wrong"; or "measured": a measurement, whose
    verdict is among the claims (`studies.claims`). An ambiguous or wrong element has `findings`; a right one may have a
    `remark`, in MyST, and `proofs`, the names of checks that hold.
    """

    paper: str
    element: str
    title: str
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    remark: str = ""
    proofs: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """The label of the record on the page of the errata."""
        return f"erratum-{self.paper}-{self.element}"

    @property
    def checks(self) -> tuple[str, ...]:
        """The names of all its checks."""
        return self.proofs + tuple(check for finding in self.findings for check in finding.checks)


def errata_folder() -> Path:
    """The folder of the records: inside the installed package, or among the chapters in a clone."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "errata"
    return installed if installed.is_dir() else package.parent / "book" / "errata"


def find(element: str, paper: str = PAPER) -> Erratum:
    """The record of an element, by its name in the records: "eq-27", "thm-1".

    Raises ValueError with the nearest names for one that has none.
    """
    records = {record.element: record for record in ERRATA if record.paper == paper}
    if element not in records:
        near = difflib.get_close_matches(element, records, n=3) or list(records)[:3]
        raise ValueError(f"no record of {element!r} in {paper}; near it: {', '.join(near)}")
    return records[element]


def verdict_counts(paper: str) -> dict[Verdict, int]:
    """How many equations, assumptions, theorems and algorithms of a paper have which verdict.

    Figures are left out: what they claim is judged in `studies.claims`.
    """
    verdicts = [record.verdict for record in ERRATA if record.paper == paper and not record.element.startswith("fig-")]
    return {verdict: verdicts.count(verdict) for verdict in get_args(Verdict) if verdict != "measured"}


def run(check: str) -> Counterexample | Statement:
    """Run a check by its name under `fedswitch`, as the records have it; some import SymPy first, which takes a second.

    Raises ValueError for a name that is no check.
    """
    try:
        function = resolve(check)
    except (ImportError, AttributeError):
        raise ValueError(
            f"there is no check {check!r}: give its name as in the errata, such as 'theory.statements.eq27_constant'"
        ) from None
    found: Counterexample | Statement = function()
    return found


def fails(result: Counterexample | Statement) -> bool:
    """Whether the claim that a check has put to the test does not hold."""
    return result.refutes if isinstance(result, Counterexample) else not result.holds


def load(path: Path, paper: str) -> tuple[Erratum, ...]:
    """Read the records of a paper from a file, in its order; titles of the paper's own elements are those of the map.

    Raises FedswitchError that names file, record and key, where a record is not as it should be.
    """
    try:
        records = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise FedswitchError(f"The errata in {path} cannot be read: {error}") from error
    titles = {element.id: element.title for element in ELEMENTS} if paper == PAPER else {}
    return tuple(_record(path.name, {"paper": paper} | _titled(raw, titles)) for raw in records)


def _titled(raw: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, Any]:
    element = str(raw.get("element"))
    return dict(raw) | ({"title": titles[element]} if element in titles else {})


def _record(file: str, fields: dict[str, Any]) -> Erratum:
    where = f"{file}, {fields.get('element', fields)}"
    _check(where, Erratum, fields, verdict=Verdict)
    findings = []
    for part in fields.get("findings", ()):
        _check(f"{where}, a finding", Finding, part, cause=Cause)
        findings.append(Finding(**part | {"checks": tuple(part["checks"])}))
    return Erratum(**fields | {"findings": tuple(findings), "proofs": tuple(fields.get("proofs", ()))})


def _check(where: str, kind: type[Any], fields: Mapping[str, Any], **choices: Any) -> None:
    """Raise FedswitchError unless `fields` are those that a record needs, and the choices are known."""
    names = [field.name for field in dataclasses.fields(kind)]
    for name in fields:
        if name not in names:
            raise FedswitchError(f"{where}: there is no key {name!r}; there are {', '.join(names)}.")
    for field in dataclasses.fields(kind):
        if field.default is dataclasses.MISSING and not fields.get(field.name):
            raise FedswitchError(f"{where}: the key {field.name!r} is missing or empty.")
    for name, choice in choices.items():
        if fields[name] not in get_args(choice):
            raise FedswitchError(f"{where}: {name} must be one of {', '.join(get_args(choice))}, not {fields[name]!r}.")


ERRATA: tuple[Erratum, ...] = tuple(
    record for paper in (PAPER, SIBLING) for record in load(errata_folder() / f"{paper}.yaml", paper)
)
"""All records, the paper's own first, each in the order of its paper."""
