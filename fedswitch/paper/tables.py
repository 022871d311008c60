"""The map and the errata of the book, in MyST, made from the records."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from ..theory.claims import Counterexample, Statement
from ..wireless._checks import check_choice
from .elements import ELEMENTS, Element, element_name, places
from .errata import ERRATA, PAPER, Cause, Erratum, Finding, fails, find, run

_LONG_FORMULA = 60  # characters of TeX
_NEW_LINES = "\n\n"
_LINKS = {element.id: element.link for element in ELEMENTS}
_REFERENCE = "{{py:obj}}`{0} <fedswitch.{0}>`"  # a link into the API reference


def paper_map() -> str:
    """MyST definition lists of all elements of the paper, one for each of its sections, under the section in bold.

    An element comes with its verdict, which links to the errata, the chapter that shows it, what computes it, which
    links to the API reference, and the tests that check it.
    """
    found = places()
    sections = []
    for section, members in itertools.groupby(ELEMENTS, key=lambda element: element.section):
        entries = (_entry(element, found[element.label]) for element in members)
        sections.append(_NEW_LINES.join([f"**{section}**", *entries]))
    return _NEW_LINES.join(sections)


def errata_rows(paper: str, cause: Cause) -> str:
    """MyST of what was found in a paper for one cause: a row for each finding, its checks, run now, folded below.

    A row has the number, what it is, the verdict, what is printed and what is correct. Raises ValueError for an unknown
    cause.
    """
    check_choice("cause", cause, Cause)
    records = [record for record in ERRATA if record.paper == paper]
    return _NEW_LINES.join(
        _row(record, finding, first=finding is record.findings[0])
        for record in records
        for finding in record.findings
        if finding.cause == cause
    )


def right_rows(paper: str) -> str:
    """MyST of the elements of a paper in which nothing was found, or which are measured: each with what we remark."""
    records = [record for record in ERRATA if record.paper == paper and not record.findings]
    return _NEW_LINES.join(
        _boxed(record, f"{_heading(record)} {record.remark}".strip(), record.proofs, anchored=True)
        for record in records
    )


def _entry(element: Element, page: str) -> str:
    computing = element.functions or find(element.id).checks
    return "\n".join([
        f"{element.link}, {element.title}: {{verdict}}`{element.id}`",
        f": {{doc}}`/{page}`",
        f": Computed by {', '.join(map(_REFERENCE.format, computing))}",
        f": Checked by {', '.join(f'`{test}`' for test in element.tests)}",
    ])  # fmt: skip


def _row(record: Erratum, finding: Finding, *, first: bool) -> str:
    sides = f"{_heading(record)}\n\nprinted\n: {finding.quote}\n\ncorrect\n: {finding.holds}"
    return _boxed(record, sides, finding.checks, anchored=first)


def _boxed(record: Erratum, text: str, checks: Iterable[str], *, anchored: bool) -> str:
    """A row of the errata; the first one of a record carries its label."""
    label = f"({record.anchor})=\n" if anchored else ""
    outcomes = [f"- {outcome(run(check))} `{check}`" for check in checks]
    folded = ["\n".join([":::{dropdown} check", *outcomes, ":::"])] if outcomes else []
    return _NEW_LINES.join([f"{label}::::{{div}} erratum", text, *folded, "::::"])


def _heading(record: Erratum) -> str:
    if record.paper == PAPER:
        return f"**{_LINKS[record.element]}** {record.title} {{verdict}}`{record.element}`"
    return f"**{element_name(record.element)}** {record.title} {{verdict}}`{record.paper} {record.element}`"


def outcome(result: Counterexample | Statement) -> str:
    """What a check has found, in MyST: its sentence, or the claim that SymPy decided, with what it leaves."""
    if isinstance(result, Counterexample):
        return result.says
    return f"{result.claim} {_difference(result)}" if fails(result) else f"{result.claim} This holds."


def _difference(statement: Statement) -> str:
    """The difference of a statement that does not hold, where it is short enough to be read."""
    import sympy

    formula = str(sympy.latex(statement.difference))
    return f"Not so: left minus right is ${formula}$." if len(formula) < _LONG_FORMULA else "Not so."
