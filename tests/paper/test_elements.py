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
from fedswitch.paper import ELEMENTS, PAPER, SIBLING, Element, find, paper_map, places, resolve
from fedswitch.paper.elements import load

ROOT = Path(__file__).resolve().parents[2]

# counted in the paper: 31 numbers, three of which stand for several lines
LETTERS = {7: "abcdef", 8: "ab", 10: "ab"}
EQUATIONS = {f"eq-{n}{letter}" for n in range(1, 32) for letter in LETTERS.get(n, [""])}
OTHERS = {f"{kind}-{n}" for kind, last in {"thm": 2, "alg": 2, "ass": 3, "fig": 5}.items() for n in range(1, last + 1)}


def by_id(elements):
    return pytest.mark.parametrize("element", elements, ids=lambda element: element.id)


def test_every_numbered_element_of_the_paper_is_there_once():
    ids = [element.id for element in ELEMENTS]
    assert len(ids) == len(set(ids))
    assert set(ids) == EQUATIONS | OTHERS


@by_id(ELEMENTS)
def test_functions_exist_and_say_what_they_do(element):
    for name in element.functions:
        function = resolve(name)
        assert callable(function)
        assert inspect.getdoc(function)


@by_id(ELEMENTS)
def test_tests_exist(element):
    for name in element.tests:
        file, _, test = name.partition("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@by_id(ELEMENTS)
def test_an_element_is_computed_and_tested(element):
    assert element.functions or element.checks
    assert element.tests


@by_id(ELEMENTS)
def test_an_element_has_a_place_in_the_book(element):
    assert element.label in places()


def test_the_book_has_no_place_for_what_the_paper_does_not_have():
    assert set(places()) <= {element.label for element in ELEMENTS}


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


def named(lines, beginning):
    return [name for line in lines if line.startswith(f": {beginning} ") for name in re.findall(r"`([^`]+)`", line)]


def test_the_map_has_an_entry_for_every_element_with_its_verdict_and_all_that_belongs_to_it():
    text, found = paper_map(), places()
    blocks = [block for block in text.split("\n\n") if not block.startswith("**")]
    for block, element in zip(blocks, ELEMENTS, strict=True):
        term, *lines = block.splitlines()
        assert term == f"{element.link}, {element.title}: {{verdict}}`{element.id}`"
        assert f": {{doc}}`/{found[element.label]}`" in lines
        functions = [name.partition(" ")[0] for name in named(lines, "Computed by")]
        assert functions == list(element.functions) or not element.functions
        assert functions
        assert named(lines, "Checked by") == list(element.tests)
    sections = [line.strip("*") for line in text.splitlines() if line.startswith("**")]
    assert sections == list(dict.fromkeys(element.section for element in ELEMENTS))


def test_titles_are_a_few_words():
    for element in ELEMENTS:
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
