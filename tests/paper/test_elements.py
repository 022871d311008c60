"""The map of the paper is whole: nothing is missing, and everything that it names exists."""

import ast
import inspect
import re
import string
import subprocess
import sys
from pathlib import Path

import pytest

from fedswitch.paper import ELEMENTS, ERRATA, PAPER, Element, paper_map, places, resolve

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
    checks = [check for erratum in ERRATA if (erratum.paper, erratum.element) == (PAPER, element.id)
              for check in erratum.checks]  # fmt: skip
    assert element.functions or checks
    assert element.tests


@by_id(ELEMENTS)
def test_an_element_has_a_place_in_the_book(element):
    assert element.label in places()


def test_the_book_has_no_place_for_what_the_paper_does_not_have():
    assert set(places()) <= {element.label for element in ELEMENTS}


def test_places_are_found_in_all_ways_to_write_a_label(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "book" / "one.md").write_text(
        "$$\na = b\n$$ (paper-eq-7a)\n\n```{prf:theorem} T\n:label: paper-thm-1\n```\n\nSee {eq}`paper-eq-9`.\n"
    )
    (tmp_path / "notebooks" / "two.md").write_text(
        "(paper-fig-3)=\n# Fig\n\n```{code-cell}\n---\nmystnb:\n  figure:\n    name: paper-fig-4\n---\n```\n"
        "```{figure} a.svg\n:name: paper-fig-5\n```\n"
    )
    assert places(tmp_path) == {
        "paper-eq-7a": "book/one",
        "paper-thm-1": "book/one",
        "paper-fig-3": "notebooks/two",
        "paper-fig-4": "notebooks/two",
        "paper-fig-5": "notebooks/two",
    }


def test_a_label_that_is_there_twice_is_refused(tmp_path):
    (tmp_path / "book").mkdir()
    for name in ("one", "two"):
        (tmp_path / "book" / f"{name}.md").write_text("$$ a $$ (paper-eq-1)\n(paper-eq-2)=\n")
    with pytest.raises(ValueError, match=r"paper-eq-2 is in book/one and in book/two"):
        places(tmp_path)


def test_a_folder_without_the_book_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no pages of the book"):
        places(tmp_path)


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
    element = Element(element_id, "", "")
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
