"""The map of the paper is whole: nothing is missing, and everything that it names exists."""

import ast
import inspect
import re
import string
import subprocess
import sys
from pathlib import Path

import pytest

from fedswitch.errors import FedswitchError
from fedswitch.paper import (
    ELEMENTS,
    OWN,
    PAPER,
    RECORDS,
    SIBLING,
    SIBLING_ELEMENTS,
    Element,
    find,
    own_map,
    paper_map,
    places,
    resolve,
)
from fedswitch.paper.elements import load
from fedswitch.studies.settings import STUDIES

ROOT = Path(__file__).resolve().parents[2]

# counted in the paper: 31 numbers, three of which stand for several lines
LETTERS = {7: "abcdef", 8: "ab", 10: "ab"}
EQUATIONS = {f"eq-{n}{letter}" for n in range(1, 32) for letter in LETTERS.get(n, [""])}
OTHERS = {f"{kind}-{n}" for kind, last in {"thm": 2, "alg": 2, "ass": 3, "fig": 5}.items() for n in range(1, last + 1)}

# and in its sibling, where Lemmas, Definition 1 and Assumptions 1 to 3 go by the numbers of their equations
SIBLING_LETTERS = {17: "abc", 18: "ab"}
SIBLING_EQUATIONS = {f"eq-{n}{letter}" for n in range(1, 45) for letter in SIBLING_LETTERS.get(n, [""])}
SIBLING_OTHERS = {"thm-1", "thm-2", "alg-1", "ass-4", "ass-5", "app-b"} | {f"fig-{n}" for n in range(1, 7)}
BY_THEIR_EQUATIONS = {f"Lemma {n}": f"eq-{at}" for n, at in ((1, 12), (2, 21), (3, 25))} | {
    f"Assumption {n}": f"eq-{8 + n}" for n in (1, 2, 3)
} | {"Definition 1": "eq-26"}  # fmt: skip

SHOWN_ONLY = {"fig-1", "fig-2"}
"""Of the sibling, what no function of `fedswitch.split` computes yet."""


def by_id(elements):
    return pytest.mark.parametrize("element", elements, ids=lambda element: getattr(element, "label", element.id))


@pytest.mark.parametrize(
    ("elements", "wanted"),
    [(ELEMENTS, EQUATIONS | OTHERS), (SIBLING_ELEMENTS, SIBLING_EQUATIONS | SIBLING_OTHERS)],
    ids=[PAPER, SIBLING],
)
def test_every_numbered_element_of_a_paper_is_there_once(elements, wanted):
    ids = [element.id for element in elements]
    assert len(ids) == len(set(ids))
    assert set(ids) == wanted


def test_what_the_sibling_numbers_by_an_equation_has_its_name_there():
    for name, element in BY_THEIR_EQUATIONS.items():
        assert find(element, SIBLING).title.startswith(name)


def test_the_equations_of_the_sibling_are_those_of_its_text():
    """Counted in the transcription, where it is at hand: at the end of a formula stands its number."""
    text = ROOT.parent / "shared" / "paper" / "2407.02924-sibling.md"
    if not text.is_file():
        pytest.skip("the text of the sibling is not at hand")
    numbers = re.findall(r"(?:\\tag\{|\\quad ?\()(\d+[a-z]?)[)}]", text.read_text(encoding="utf-8"))
    assert {f"eq-{number}" for number in numbers} == SIBLING_EQUATIONS


@by_id([*RECORDS, *OWN])
def test_functions_exist_and_say_what_they_do(element):
    for name in element.functions:
        function = resolve(name)
        assert callable(function)
        assert inspect.getdoc(function)


@by_id([*RECORDS, *OWN])
def test_tests_exist(element):
    for name in element.tests:
        file, _, test = name.partition("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@by_id(RECORDS)
def test_an_element_is_computed_and_tested(element):
    known = element.paper == PAPER or element.id not in SHOWN_ONLY
    assert bool(element.functions or element.checks) == bool(element.tests) == known


@by_id(ELEMENTS)
def test_an_element_has_a_place_in_the_book(element):
    assert element.label in places()


def test_the_book_has_no_place_for_what_the_paper_does_not_have():
    assert set(places()) <= {element.label for element in RECORDS}


@pytest.mark.parametrize(
    ("element_id", "name", "link"),
    [
        ("eq-7a", "(7a)", "{eq}`paper-eq-7a`"),
        ("thm-1", "Theorem 1", "{prf:ref}`paper-thm-1`"),
        ("alg-2", "Algorithm 2", "{prf:ref}`paper-alg-2`"),
        ("ass-3", "Assumption 3", "{prf:ref}`paper-ass-3`"),
        ("fig-4", "Fig. 4", "{ref}`Fig. 4 <paper-fig-4>`"),
    ],
)
def test_names_and_links(element_id, name, link):
    element = Element(PAPER, element_id, "", "right")
    assert (element.name, element.link) == (name, link)
    of_sibling = Element(SIBLING, element_id, "", "right")
    assert (of_sibling.name, of_sibling.link) == (name, link.replace("paper-", "sibling-"))


def named(lines, beginning):
    return [name for line in lines if line.startswith(f": {beginning} ") for name in re.findall(r"`([^`]+)`", line)]


@pytest.mark.parametrize("paper", [PAPER, SIBLING])
def test_the_map_has_an_entry_for_every_element_with_its_verdict_and_all_that_belongs_to_it(paper):
    text, found = paper_map(paper), places()
    elements = [record for record in RECORDS if record.paper == paper]
    blocks = [block for block in text.split("\n\n") if not block.startswith("**")]
    for block, element in zip(blocks, elements, strict=True):
        term, *lines = block.splitlines()
        of, page = "" if paper == PAPER else f"{paper} ", found.get(element.label)
        assert term == f"{element.link if page else element.name}, {element.title}: {{verdict}}`{of}{element.id}`"
        assert (f": {{doc}}`/{page}`" in lines) == bool(page)
        functions = [name.partition(" ")[0] for name in named(lines, "Computed by")]
        assert functions == list(element.functions or element.checks)
        assert named(lines, "Checked by") == list(element.tests)
    sections = [line.strip("*") for line in text.splitlines() if line.startswith("**")]
    assert sections == list(dict.fromkeys(element.section for element in elements))


def test_what_the_book_adds_is_all_on_the_map_and_has_a_place():
    """All theorems that hold, the schemes that no paper has, and the studies that repeat no figure."""
    pages = "\n".join(path.read_text() for folder in ("book", "notebooks") for path in (ROOT / folder).glob("*.md"))
    labels = dict(re.findall(r"^\(([a-z-]+)\)=\n(.*)$", pages, flags=re.MULTILINE))
    assert {own.id for own in OWN} <= labels.keys()
    theorems = re.findall(r"What holds: (Theorem [^\n{]+)", pages)
    assert sorted(theorems) == sorted(own.name for own in OWN if own.name.startswith("Theorem"))
    repeat_none = {name for name in STUDIES if "fig" not in name}
    assert {own.functions for own in OWN if own.name.startswith("Study")} == {
        (f"studies.{name}.measure",) for name in repeat_none
    }
    text = own_map()
    for own in OWN:
        assert f"{{ref}}`{own.name} <{own.id}>`, {own.title}\n: Computed by" in text


def test_titles_are_a_few_words():
    for element in [*RECORDS, *OWN]:
        assert 1 <= len(element.title.split()) <= 8
        assert element.title.strip(string.punctuation) == element.title


def test_the_records_need_neither_torch_nor_sympy():
    program = (
        "import sys, fedswitch.paper; print([name for name in ('torch', 'sympy', 'pandas') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_record_is_found_by_its_element():
    assert find("eq-27").verdict == "wrong"
    assert find("(27)") is find("eq-27")
    assert find("Theorem 1", SIBLING) is find("thm-1", SIBLING)
    assert find("eq-12", SIBLING).paper == SIBLING
    with pytest.raises(ValueError, match=r"no record of 'eq-72' in 2509\.19306; near it: .*eq-7"):
        find("eq-72")
    with pytest.raises(ValueError, match=r"there are records of 2509\.19306 and 2407\.02924, not of '2509\.19036'"):
        find("eq-27", "2509.19036")


RECORD = """\
- id: eq-1
  title: a sum
  verdict: wrong
  errata:
    - {cause: slip, quote: a plus, holds: A minus., checks: [paper.checks.eq1_nobody_is_received]}
"""


def test_records_are_read_from_a_file(tmp_path):
    (tmp_path / "one.yaml").write_text(RECORD)
    (record,) = load(tmp_path / "one.yaml", SIBLING)
    assert (record.title, record.errata[0].holds, record.checks) == (
        "a sum", "A minus.", ("paper.checks.eq1_nobody_is_received",)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("verdict: wrong", "verdict: bad", "one.yaml, eq-1: verdict must be one of right, .*, not 'bad'"),
        ("verdict: wrong", "verdit: wrong", "one.yaml, eq-1: there is no key 'verdit'; there are paper, id"),
        ("cause: slip", "cause: typo", "one.yaml, eq-1, errata 1: cause must be one of missed, .*, not 'typo'"),
        (", holds: A minus.", "", "one.yaml, eq-1, errata 1: the key 'holds' is missing or empty"),
        ("  title: a sum\n", "", "one.yaml, eq-1: the key 'title' is missing or empty"),
        ("- id: eq-1", "- element: [", "cannot be read"),
    ],
)
def test_a_record_with_a_mistake_is_refused(tmp_path, old, new, message):
    assert old in RECORD
    (tmp_path / "one.yaml").write_text(RECORD.replace(old, new))
    with pytest.raises(FedswitchError, match=message):
        load(tmp_path / "one.yaml", SIBLING)
