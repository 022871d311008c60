"""The map and the errata of the book, in MyST, made from the records."""

from __future__ import annotations

import itertools

from ..theory.claims import Counterexample, Statement
from ..wireless._checks import check_choice
from .elements import ELEMENTS, Element, element_name, places
from .errata import ERRATA, PAPER, Erratum, Verdict, fails, run

_VERDICTS: tuple[Verdict, ...] = ("right", "ambiguous", "wrong", "measured")
_LONG_FORMULA = 60  # characters of TeX
_NEW_LINES = "\n\n"
_REFERENCE = "{{py:obj}}`{0} <fedswitch.{0}>`"  # a link into the API reference


def paper_map() -> str:
    """MyST definition lists of all elements of the paper, one for each of its sections, under the section in bold.

    An element comes with its verdict, which links to the errata, the chapter that shows it, what computes it, which
    links to the API reference, and the tests that check it.
    """
    found = places()
    errata = {erratum.element: erratum for erratum in ERRATA if erratum.paper == PAPER}
    sections = []
    for section, members in itertools.groupby(ELEMENTS, key=lambda element: element.section):
        entries = (_entry(element, found.get(element.label), errata[element.id]) for element in members)
        sections.append(_NEW_LINES.join([f"**{section}**", *entries]))
    return _NEW_LINES.join(sections)


def errata_blocks(paper: str, verdict: Verdict) -> str:
    """MyST of all errata of a paper with that verdict, one block each, with the outcome of their checks, run now.

    Raises ValueError for an unknown verdict.
    """
    check_choice("verdict", verdict, Verdict)
    found = places()
    links = {element.id: element.link for element in ELEMENTS if paper == PAPER and element.label in found}
    chosen = (erratum for erratum in ERRATA if erratum.paper == paper and erratum.verdict == verdict)
    return _NEW_LINES.join(_block(erratum, links.get(erratum.element)) for erratum in chosen)


def verdict_counts(paper: str) -> dict[Verdict, int]:
    """How many elements of a paper have which verdict."""
    verdicts = [erratum.verdict for erratum in ERRATA if erratum.paper == paper]
    return {verdict: verdicts.count(verdict) for verdict in _VERDICTS}


def _entry(element: Element, page: str | None, erratum: Erratum) -> str:
    name = element.link if page else element.name
    lines = [f"{{doc}}`/{page}`" if page else "", element.note]
    steps = () if element.note else erratum.checks  # a step of a proof is its check
    lines += [_code("Computed by", element.functions or steps, _REFERENCE), _code("Checked by", element.tests)]
    term = f"{name}, {element.title}: {{ref}}`{erratum.verdict} <{erratum.anchor}>`"
    return "\n".join([term, *(f": {line}" for line in lines if line)])


def _code(by: str, names: tuple[str, ...], form: str = "`{0}`") -> str:
    return f"{by} {', '.join(map(form.format, names))}" if names else ""


def _block(erratum: Erratum, link: str | None) -> str:
    heading = f"**{link or element_name(erratum.element)}, {erratum.title}: {erratum.verdict}**"
    parts = {"The paper says": erratum.prints, "What holds": erratum.holds}
    parts |= {f"`{check}`": outcome(run(check)) for check in erratum.checks}
    terms = (f"{term}\n: {text.replace(_NEW_LINES, _NEW_LINES + '  ')}" for term, text in parts.items())
    return _NEW_LINES.join([f"({erratum.anchor})=\n{heading}", *terms])


def outcome(result: Counterexample | Statement) -> str:
    """What a check has found, in MyST: the claim, whether it holds, and both sides or their exact difference."""
    if isinstance(result, Statement):
        return f"{result.claim} {_difference(result)}" if fails(result) else f"{result.claim} This holds."
    return result.says


def _difference(statement: Statement) -> str:
    """The difference of a statement that does not hold; a long one on lines of its own, where it can scroll."""
    import sympy

    formula = str(sympy.latex(statement.difference))
    shown = f" ${formula}$." if len(formula) < _LONG_FORMULA else f"{_NEW_LINES}$${formula}$$"
    return f"This does not hold; left minus right is{shown}"
