"""The map and the errata of the book, in MyST, made from the records."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

from ..arguments import check_choice
from .elements import OWN, PAPER, RECORDS, Cause, Element, Erratum
from .errata import run
from .places import places

_places = functools.cache(places)

_NEW_LINES = "\n\n"
_REFERENCE = "{{py:obj}}`{0} <fedswitch.{0}>`"  # a link into the API reference


def paper_map(paper: str = PAPER) -> str:
    """MyST definition lists of all elements of a paper, one for each of its sections, under the section in bold.

    An element comes with its verdict, which links to the errata, the chapter that shows it, what computes it, which
    links to the API reference, and the tests that check it.
    """
    found, sections = _places(), []
    of_paper = [record for record in RECORDS if record.paper == paper]
    for section, members in itertools.groupby(of_paper, key=lambda element: element.section):
        entries = (_entry(element, found.get(element.label)) for element in members)
        sections.append(_NEW_LINES.join([f"**{section}**", *entries]))
    return _NEW_LINES.join(sections)


def own_map() -> str:
    """A MyST definition list of what the book adds to both papers, with all that computes and checks it."""
    return _NEW_LINES.join(
        "\n".join([f"{{ref}}`{own.name} <{own.id}>`, {own.title}", *_code(own.functions, own.tests)]) for own in OWN
    )


def errata_rows(paper: str, cause: Cause) -> str:
    """MyST of what was found in a paper for one cause: a row for each erratum, its checks, run now, folded below.

    A row has the number, what it is, the verdict, what is printed and what is correct. Raises ValueError for an unknown
    cause.
    """
    check_choice("cause", cause, Cause)
    records = [record for record in RECORDS if record.paper == paper]
    return _NEW_LINES.join(
        _row(record, erratum, first=erratum is record.errata[0])
        for record in records
        for erratum in record.errata
        if erratum.cause == cause
    )


def right_rows(paper: str) -> str:
    """MyST of the elements of a paper in which nothing was found, or which are measured: each with what we remark.

    Of their checks, which are run now, the names are told.
    """
    records = [record for record in RECORDS if record.paper == paper and not record.errata]
    return _NEW_LINES.join(
        _boxed(record, f"{_heading(record)} {record.remark or record.title}", _names(record.proofs), anchored=True)
        for record in records
    )


def _entry(element: Element, page: str | None) -> str:
    lines = [
        f"{element.link if page else element.name}, {element.title}: {_verdict(element)}",
        f": {{doc}}`/{page}`" if page else ": A step that no chapter shows",
        *_code(element.functions or element.checks, element.tests),
    ]
    return "\n".join(lines)


def _code(functions: Sequence[str], tests: Sequence[str]) -> list[str]:
    computed = f": Computed by {', '.join(map(_REFERENCE.format, functions))}"
    tested = f": Checked by {', '.join(f'`{test}`' for test in tests)}"
    return [line for line, known in ((computed, functions), (tested, tests)) if known]


def _row(record: Element, erratum: Erratum, *, first: bool) -> str:
    sides = f"{_heading(record)}\n\nprinted\n: {erratum.quote}\n\ncorrect\n: {erratum.holds}"
    shown, *others = erratum.checks
    told = f"{run(shown).says} `{shown}`\n\n{_names(others)}".strip()
    return _boxed(record, sides, told, anchored=first)


def _names(checks: Sequence[str]) -> str:
    """The names of checks, and whether their claims hold."""
    return ", ".join(f"`{check}` {'✗' if run(check).refutes else '✓'}" for check in checks)


def _boxed(record: Element, text: str, folded: str, *, anchored: bool) -> str:
    """A row of the errata; the first one of a record carries its label."""
    label = f"({record.anchor})=\n" if anchored else ""
    check = [f":::{{dropdown}} check\n{folded}\n:::"] if folded else []
    return _NEW_LINES.join([f"{label}::::{{div}} erratum", text, *check, "::::"])


def _heading(record: Element) -> str:
    name = record.link if record.label in _places() else record.name
    return f"**{name}** {_verdict(record)}"


def _verdict(record: Element) -> str:
    return f"{{verdict}}`{record.id}`" if record.paper == PAPER else f"{{verdict}}`{record.paper} {record.id}`"
