"""Every verdict is shown by its checks, run here."""

import functools
import math
import re
from pathlib import Path
from typing import get_args

import pytest
import sympy

from fedswitch import split
from fedswitch.paper import (
    ELEMENTS,
    PAPER,
    RECORDS,
    SIBLING,
    errata_rows,
    right_rows,
    run,
    verdict_counts,
)  # fmt: skip
from fedswitch.paper.checks import CHECKS
from fedswitch.paper.elements import Cause
from fedswitch.theory import counterexamples
from fedswitch.theory.outcomes import Counterexample, Statement
from fedswitch.theory.statements import STATEMENTS

CAUSES = get_args(Cause)
ROOT = Path(__file__).resolve().parents[2]
MOST_WORDS = 3750  # of both papers, on the page, formulas and names counting as one each
once = functools.cache(run)
CITED = [(record, check) for record in RECORDS for check in record.checks]
FOUND = [
    pytest.param(record, erratum, id=f"{record.anchor}-{number}")
    for record in RECORDS
    for number, erratum in enumerate(record.errata)
]

of_each = pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.anchor)


@pytest.fixture(scope="module")
def page():
    """The page of the errata by paper and part, each made once."""
    return {(paper, part): right_rows(paper) if part == "right" else errata_rows(paper, part)
            for paper in (PAPER, SIBLING) for part in (*CAUSES, "right")}  # fmt: skip


def test_every_element_has_exactly_one_verdict():
    assert tuple(record for record in RECORDS if record.paper == PAPER) == ELEMENTS
    anchors = [record.anchor for record in RECORDS]
    assert len(anchors) == len(set(anchors))
    assert {record.paper for record in RECORDS} == {PAPER, SIBLING}


@of_each
def test_a_verdict_is_what_was_found(record):
    causes = {erratum.cause for erratum in record.errata}
    if record.verdict in ("right", "measured"):
        assert not causes
        assert not any(once(check).refutes for check in record.proofs)
    else:
        assert not record.proofs
        assert record.verdict == ("ambiguous" if causes == {"open"} else "wrong")


@pytest.mark.parametrize(("record", "erratum"), FOUND)
def test_an_erratum_is_shown_by_its_first_check(record, erratum):
    assert once(erratum.checks[0]).refutes
    assert erratum.holds.endswith(".")
    text = f"{erratum.quote} {erratum.holds}"
    assert text.count("$") % 2 == 0
    source = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("book/*.md"))
    for label in re.findall(r"\{eq\}`([^`]+)`", text):
        assert f"$$ ({label})" in source


@pytest.mark.parametrize(("record", "check"), CITED, ids=[check for _, check in CITED])
def test_a_check_is_about_its_element_and_what_corrects_it_holds(record, check):
    result = once(check)
    assert result.element == record.id
    if isinstance(result, Counterexample):
        assert not math.isnan(result.left + result.right)
        assert result.corrected_holds
        assert result.says.endswith(".")
    if check.rpartition(".")[2].startswith("corrected_"):
        assert result.holds


def test_no_check_is_left_out_or_cited_twice():
    cited = [check.rpartition(".")[2] for _, check in CITED]
    functions = [*CHECKS, *counterexamples.COUNTEREXAMPLES, *split.COUNTEREXAMPLES]
    wanted = {function.__name__ for function in functions} | {name for name in STATEMENTS if name.startswith("eq")}
    assert len(cited) == len(set(cited))
    assert wanted <= set(cited)


def test_the_page_shows_every_record_with_its_checks(page):
    text = "\n".join(page.values())
    assert sorted(re.findall(r"^\((erratum-.*)\)=$", text, flags=re.MULTILINE)) == sorted(e.anchor for e in RECORDS)
    folded = "".join(re.findall(r"^:::\{dropdown\} check$(.*?)^:::$", text, flags=re.DOTALL | re.MULTILINE))
    assert sorted(re.findall(r"`((?:paper|theory|split)[.\w]+)`", folded)) == sorted(check for _, check in CITED)
    for check, mark in re.findall(r"`([.\w]+)` ([✗✓])", folded):
        assert once(check).refutes == (mark == "✗")
    for _, erratum in (case.values for case in FOUND):
        assert f"{once(erratum.checks[0]).says} `{erratum.checks[0]}`" in folded
    assert text.count("\nprinted\n: ") == text.count("\ncorrect\n: ") == len(FOUND)
    source = (ROOT / "book" / "errata.md").read_text(encoding="utf-8")
    for (paper, part), rows in page.items():
        name = {PAPER: "PAPER", SIBLING: "SIBLING"}[paper]
        call = f"right_rows({name})" if part == "right" else f'errata_rows({name}, "{part}")'
        assert (call in source) == bool(rows), f"book/errata.md: {call}"


def test_the_page_is_short(page):
    """Its words as a reader sees them: a formula and a verdict count as one each, names of checks do not."""
    source = (ROOT / "book" / "errata.md").read_text(encoding="utf-8")
    source = re.sub(r"\A---\n.*?\n---\n|^(`{3,})\{code-cell\}.*?^\1$", "", source, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^\(.*\)=$|^[:`]{3,}.*$|^:\w+:", "", source + "\n".join(page.values()), flags=re.MULTILINE)
    text = re.sub(r"`[^`]*`", "", re.sub(r"\{[\w:-]+\}`[^`]*`|\$[^$]*\$", " x ", text))
    words = re.findall(r"\S*\w\S*", text)
    assert 1000 < len(words) <= MOST_WORDS


def test_a_row_links_to_the_element_in_the_book(page):
    text = "".join(page[PAPER, part] for part in (*CAUSES, "right"))
    for element in ELEMENTS:
        assert f"**{element.link}** {{verdict}}`{element.id}`" in text


def test_figures_are_not_counted_among_equations():
    for paper in (PAPER, SIBLING):
        judged = [e.verdict for e in RECORDS if e.paper == paper and not e.id.startswith("fig")]
        assert sum(verdict_counts(paper).values()) == len(judged)
        assert verdict_counts(paper)["wrong"] == judged.count("wrong")


def test_a_statement_is_told_with_whether_it_holds():
    assert Statement("eq-1", "They agree.", sympy.Integer(0)).says == "They agree. This holds."
    assert Statement("eq-1", "They agree.", sympy.Symbol("a")).says == "They agree. Not so."


@pytest.mark.parametrize("name", ["eq22_slope", "fedswitch.theory.statements.eq22_interference", "theory.statements.x"])
def test_a_check_that_is_not_there_is_named(name):
    with pytest.raises(ValueError, match=f"there is no check '{name}': give its name as in the errata"):
        run(name)


def test_an_unknown_cause_is_refused():
    with pytest.raises(ValueError, match="cause must be one of missed, independent, follows, slip, open, got 'bad'"):
        errata_rows(PAPER, "bad")


@pytest.mark.parametrize(
    "name",
    [
        "", "nonsense", "a..b", "control", "theory.statements", "theory.statements.nonsense",
        "theory.statements.STATEMENTS", "control.decide", "units.db_to_ratio", "paper.run", "scenario.Scenario",
        "theory.outcomes.Statement", "errors.FedswitchError", "PAPER", "studies.settings.setting",
        "wireless.Cell.draw", "cli.cli",
    ],
)  # fmt: skip
def test_what_is_no_check_is_refused_in_one_sentence(name):
    with pytest.raises(ValueError, match=f"there is no check {re.escape(repr(name))}: give its name as in the errata"):
        run(name)
