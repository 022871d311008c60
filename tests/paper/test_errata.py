"""Every verdict is shown by its checks, run here."""

import functools
import math
import re
from pathlib import Path

import pytest
import sympy

from fedswitch import split
from fedswitch.errors import FedswitchError
from fedswitch.paper import (
    CAUSES,
    ELEMENTS,
    ERRATA,
    PAPER,
    SIBLING,
    errata_rows,
    fails,
    find,
    right_rows,
    run,
    verdict_counts,
)  # fmt: skip
from fedswitch.paper.checks import CHECKS
from fedswitch.paper.errata import errata_folder, load
from fedswitch.paper.tables import outcome
from fedswitch.theory import counterexamples
from fedswitch.theory.outcomes import Counterexample, Statement
from fedswitch.theory.statements import STATEMENTS

ROOT = Path(__file__).resolve().parents[2]
MOST_WORDS = 3000  # on the page, formulas and names counting as one each
once = functools.cache(run)
CITED = [(erratum, check) for erratum in ERRATA for check in erratum.checks]
FINDINGS = [
    pytest.param(erratum, finding, id=f"{erratum.anchor}-{number}")
    for erratum in ERRATA
    for number, finding in enumerate(erratum.findings)
]

of_each = pytest.mark.parametrize("erratum", ERRATA, ids=lambda erratum: erratum.anchor)


@pytest.fixture(scope="module")
def page():
    """The page of the errata by paper and part, each made once."""
    return {(paper, part): right_rows(paper) if part == "right" else errata_rows(paper, part)
            for paper in (PAPER, SIBLING) for part in (*CAUSES, "right")}  # fmt: skip


def test_every_element_has_exactly_one_verdict():
    assert [erratum.element for erratum in ERRATA if erratum.paper == PAPER] == [element.id for element in ELEMENTS]
    anchors = [erratum.anchor for erratum in ERRATA]
    assert len(anchors) == len(set(anchors))
    assert {erratum.paper for erratum in ERRATA} == {PAPER, SIBLING}


@of_each
def test_a_verdict_is_what_was_found(erratum):
    causes = {finding.cause for finding in erratum.findings}
    if erratum.verdict in ("right", "measured"):
        assert not causes
        assert not any(fails(once(check)) for check in erratum.proofs)
    else:
        assert not erratum.proofs
        assert erratum.verdict == ("ambiguous" if causes == {"open"} else "wrong")


@pytest.mark.parametrize(("erratum", "finding"), FINDINGS)
def test_a_finding_is_shown_by_its_first_check(erratum, finding):
    assert fails(once(finding.checks[0]))
    assert finding.holds.endswith(".")
    text = f"{finding.quote} {finding.holds}"
    assert text.count("$") % 2 == 0
    source = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("book/*.md"))
    for label in re.findall(r"\{eq\}`([^`]+)`", text):
        assert f"$$ ({label})" in source


@pytest.mark.parametrize(("erratum", "check"), CITED, ids=[check for _, check in CITED])
def test_a_check_is_about_its_element_and_what_corrects_it_holds(erratum, check):
    result = once(check)
    assert result.element == erratum.element
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
    assert sorted(re.findall(r"^\((erratum-.*)\)=$", text, flags=re.MULTILINE)) == sorted(e.anchor for e in ERRATA)
    folded = "".join(re.findall(r"^:::\{dropdown\} check$(.*?)^:::$", text, flags=re.DOTALL | re.MULTILINE))
    assert sorted(re.findall(r"`((?:paper|theory|split)[.\w]+)`", folded)) == sorted(check for _, check in CITED)
    for check, mark in re.findall(r"`([.\w]+)` ([✗✓])", folded):
        assert fails(once(check)) == (mark == "✗")
    for _, finding in (case.values for case in FINDINGS):
        assert f"{outcome(once(finding.checks[0]))} `{finding.checks[0]}`" in folded
    assert text.count("\nprinted\n: ") == text.count("\ncorrect\n: ") == len(FINDINGS)
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
        judged = [e.verdict for e in ERRATA if e.paper == paper and not e.element.startswith("fig")]
        assert sum(verdict_counts(paper).values()) == len(judged)
        assert verdict_counts(paper)["wrong"] == judged.count("wrong")


def test_a_check_is_told_by_its_sentence():
    assert outcome(Counterexample("eq-1", "Two is more than one.", 2.0, 1.0)) == "Two is more than one."


def test_a_statement_is_told_with_whether_it_holds():
    assert outcome(Statement("eq-1", "They agree.", sympy.Integer(0))) == "They agree. This holds."
    assert outcome(Statement("eq-1", "They agree.", sympy.Symbol("a"))) == "They agree. Not so."


def test_a_record_is_found_by_its_element():
    assert find("eq-27").verdict == "wrong"
    assert find("eq-12", SIBLING).paper == SIBLING
    with pytest.raises(ValueError, match=r"no record of 'eq-72' in 2509\.19306; near it: .*eq-7"):
        find("eq-72")


@pytest.mark.parametrize("name", ["eq22_slope", "fedswitch.theory.statements.eq22_interference", "theory.statements.x"])
def test_a_check_that_is_not_there_is_named(name):
    with pytest.raises(ValueError, match=f"there is no check '{name}': give its name as in the errata"):
        run(name)


def test_an_unknown_cause_is_refused():
    with pytest.raises(ValueError, match="cause must be one of missed, independent, follows, slip, open, got 'bad'"):
        errata_rows(PAPER, "bad")


RECORD = """\
- element: eq-1
  title: a sum
  verdict: wrong
  findings:
    - {cause: slip, quote: a plus, holds: A minus., checks: [paper.checks.eq1_nobody_is_received]}
"""


def test_records_are_read_from_a_file(tmp_path):
    (tmp_path / "one.yaml").write_text(RECORD)
    (erratum,) = load(tmp_path / "one.yaml", SIBLING)
    assert (erratum.title, erratum.findings[0].holds, erratum.checks) == (
        "a sum", "A minus.", ("paper.checks.eq1_nobody_is_received",)
    )  # fmt: skip
    (own,) = load(tmp_path / "one.yaml", PAPER)
    assert own.title == next(element.title for element in ELEMENTS if element.id == "eq-1")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("verdict: wrong", "verdict: bad", "one.yaml, eq-1: verdict must be one of right, .*, not 'bad'"),
        ("verdict: wrong", "verdit: wrong", "one.yaml, eq-1: there is no key 'verdit'; there are paper, element"),
        ("cause: slip", "cause: typo", "one.yaml, eq-1, a finding: cause must be one of missed, .*, not 'typo'"),
        (", holds: A minus.", "", "one.yaml, eq-1, a finding: the key 'holds' is missing or empty"),
        ("  title: a sum\n", "", "one.yaml, eq-1: the key 'title' is missing or empty"),
        ("- element: eq-1", "- element: [", "cannot be read"),
    ],
)
def test_a_record_with_a_mistake_is_refused(tmp_path, old, new, message):
    assert old in RECORD
    (tmp_path / "one.yaml").write_text(RECORD.replace(old, new))
    with pytest.raises(FedswitchError, match=message):
        load(tmp_path / "one.yaml", SIBLING)


def test_the_folder_of_the_records_is_in_the_clone():
    assert errata_folder() == ROOT / "book" / "errata"
