"""Every verdict is shown by its checks, run here."""

import functools
import math
import re
from pathlib import Path

import pytest
import sympy

from fedswitch.paper import ELEMENTS, ERRATA, PAPER, SIBLING, errata_blocks, fails, find, places, run, verdict_counts
from fedswitch.paper.checks import CHECKS
from fedswitch.paper.tables import outcome
from fedswitch.theory import counterexamples, sibling
from fedswitch.theory.claims import Counterexample, Statement
from fedswitch.theory.statements import STATEMENTS

ROOT = Path(__file__).resolve().parents[2]
once = functools.cache(run)
blocks = functools.cache(errata_blocks)
CITED = [(erratum, check) for erratum in ERRATA for check in erratum.checks]

of_each = pytest.mark.parametrize("erratum", ERRATA, ids=lambda erratum: erratum.anchor)


def test_every_element_has_exactly_one_verdict():
    assert [erratum.element for erratum in ERRATA if erratum.paper == PAPER] == [element.id for element in ELEMENTS]
    anchors = [erratum.anchor for erratum in ERRATA]
    assert len(anchors) == len(set(anchors))
    assert {erratum.paper for erratum in ERRATA} == {PAPER, SIBLING}


@of_each
def test_a_verdict_is_shown_by_its_checks(erratum):
    failed = [fails(once(check)) for check in erratum.checks]
    if erratum.verdict in ("wrong", "ambiguous"):
        assert failed
        assert failed[0]
    elif erratum.verdict == "right":
        assert not any(failed)
    else:
        assert erratum.verdict == "measured"
        assert not failed


@pytest.mark.parametrize(("erratum", "check"), CITED, ids=[check for _, check in CITED])
def test_a_check_is_about_its_element_and_what_corrects_it_holds(erratum, check):
    result = once(check)
    assert result.element == erratum.element
    if isinstance(result, Counterexample):
        assert not math.isnan(result.left + result.right)
        assert result.corrected_holds
    if check.rpartition(".")[2].startswith("corrected_"):
        assert result.holds


def test_no_check_is_left_out_or_cited_twice():
    cited = [check.rpartition(".")[2] for _, check in CITED]
    functions = [*CHECKS, *counterexamples.COUNTEREXAMPLES, *sibling.COUNTEREXAMPLES]
    wanted = {function.__name__ for function in functions} | {name for name in STATEMENTS if name.startswith("eq")}
    assert len(cited) == len(set(cited))
    assert wanted <= set(cited)


@of_each
def test_both_sides_are_told_in_words_and_links_lead_somewhere(erratum):
    text = f"{erratum.prints} {erratum.holds}"
    assert erratum.title
    assert erratum.prints.endswith((".", "$"))
    assert erratum.holds.endswith(".")
    assert text.count("$") % 2 == 0
    source = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("book/*.md"))
    for label in re.findall(r"\{eq\}`([^`]+)`", text):
        assert f"$$ ({label})" in source


@pytest.mark.parametrize("paper", [PAPER, SIBLING])
@pytest.mark.parametrize("verdict", ["right", "ambiguous", "wrong", "measured"])
def test_the_page_shows_every_record_with_its_checks(paper, verdict):
    text = blocks(paper, verdict)
    chosen = [erratum for erratum in ERRATA if (erratum.paper, erratum.verdict) == (paper, verdict)]
    assert re.findall(r"^\((erratum-.*)\)=$", text, flags=re.MULTILINE) == [erratum.anchor for erratum in chosen]
    assert len(chosen) == verdict_counts(paper)[verdict]
    checks = [check for erratum in chosen for check in erratum.checks]
    assert re.findall(r"^`([\w.]+)`$", text, flags=re.MULTILINE) == checks
    assert text.count("does not hold") == sum(fails(once(check)) for check in checks)


def test_a_block_links_to_the_element_in_the_book_where_that_has_it():
    text = "".join(blocks(PAPER, verdict) for verdict in verdict_counts(PAPER))
    assert "**{eq}`paper-eq-22`, its derivative: wrong**" in text
    for element in ELEMENTS:
        assert (f"**{element.link}, {element.title}: " in text) == (element.label in places())
        assert (f"**{element.name}, {element.title}: " in text) == (element.label not in places())


def test_an_inequality_is_told_with_both_sides():
    failed = Counterexample("eq-1", "two numbers", 2.0, 1.0, corrected=3e7)
    assert outcome(failed) == r"two numbers: $2 \le 1$ does not hold. Corrected: $2 \le 3 \cdot 10^{7}$."
    assert outcome(Counterexample("eq-1", "two numbers", -1e-9, -1e-9, "==")) == (
        r"two numbers: $-1 \cdot 10^{-9} = -1 \cdot 10^{-9}$ holds."
    )
    assert r"$0 \le -\infty$" in outcome(Counterexample("eq-1", "two numbers", 0.0, -math.inf))


def test_a_statement_is_told_with_its_difference():
    a, b = sympy.symbols("a b")
    assert outcome(Statement("eq-1", "They agree.", sympy.Integer(0))) == "They agree. This holds."
    assert outcome(Statement("eq-1", "They agree.", a - b)) == (
        "They agree. This does not hold; left minus right is $a - b$."
    )
    long = sympy.expand((a + b) ** 9)
    assert outcome(Statement("eq-1", "They agree.", long)).endswith(f"is\n\n$${sympy.latex(long)}$$")


def test_a_record_is_found_by_its_element():
    assert find("eq-27").verdict == "wrong"
    assert find("eq-12", SIBLING).paper == SIBLING
    with pytest.raises(ValueError, match=r"no record of 'eq-72' in 2509\.19306; near it: .*eq-7"):
        find("eq-72")


@pytest.mark.parametrize("name", ["eq30_symbol", "fedswitch.theory.statements.eq30_symbol", "theory.statements.eq99"])
def test_a_check_that_is_not_there_is_named(name):
    with pytest.raises(ValueError, match=f"there is no check '{name}': give its name as in the errata"):
        run(name)


def test_an_unknown_verdict_is_refused():
    with pytest.raises(ValueError, match="verdict must be one of right, ambiguous, wrong, measured, got 'bad'"):
        errata_blocks(PAPER, "bad")
