"""No sentence stands on two pages, none turns as CONTRIBUTING advises against, and pages allow the time they take."""

import re
from collections import defaultdict
from itertools import takewhile
from pathlib import Path

import pytest
from prose import WORD, prose

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for pattern in ("README.md", "book/*.md", "notebooks/*.md") for path in ROOT.glob(pattern))
SHORT = 8  # a sentence of so many words may stand anywhere
ALLOWED = {"numbers in this chapter are those of the sibling"}  # what a reader must know on each page

# where a sentence ends: at its stop, at an empty line, in a table at a bar, before an item or a definition
END = re.compile(r"(?<!Fig)(?<!Sec)(?<!Eq)[.?!:](?=[\s\"*)|]|$)|\n\s*\n|\||\n(?=\s*(?:[-*:] |\d+\. ))")

TURNS = re.compile(r"\bheld (?:to|against)\b|\bthe print\b|\bUEs (?:who|that|which) are received\b|\bWhoever\b")
GLANCE = re.compile(r"\{at-a-glance\}\n:time: (\d+)\n")
TASKS = re.compile(r"^(`{3,})\{exercise\}.*?^\1$|\{solution-start\}.*?\{solution-end\}$", re.DOTALL | re.MULTILINE)
PACE = 60.0  # words a minute, with the time for formulas, figures and cells


def long_sentences(markdown):
    """The words of each sentence that is not short, in lower case."""
    for part in END.split("\n".join(prose(markdown))):
        words = WORD.findall(part.lower())
        if len(words) > SHORT and " ".join(words) not in ALLOWED:
            yield " ".join(words)


def on_several_pages(texts):
    """Each sentence that stands on more than one of the pages, with their names."""
    pages = defaultdict(set)
    for name, text in texts.items():
        for sentence in long_sentences(text):
            pages[sentence].add(name)
    return {sentence: sorted(names) for sentence, names in pages.items() if len(names) > 1}


def test_no_sentence_stands_on_two_pages():
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}
    assert not on_several_pages(texts)


def test_a_sentence_on_two_pages_is_found_whatever_surrounds_it():
    said = "A gradient is *missed* if its UE does not subscribe\nor its upload is lost: {eq}`paper-eq-27` says so."
    texts = {"one": f"# Title\n\n- {said} And more.\n", "other": f"Before. {said}", "third": "A gradient is missed."}
    ((sentence, pages),) = on_several_pages(texts).items()
    assert sentence.startswith("a gradient is missed if its ue")
    assert pages == ["one", "other"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_turns_to_avoid_are_avoided(path):
    lines = prose(path.read_text(encoding="utf-8"))
    assert not [f"{path.name}:{number}: {line}" for number, line in enumerate(lines, 1) if TURNS.search(line)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_line_of_prose_is_taken_for_a_comment(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert not [number for number, line in enumerate(lines, 1) if line.startswith("% ")], "begin it with its number"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_term_stands_alone_above_its_definition(path):
    lines = prose(path.read_text(encoding="utf-8"))
    assert not [number for number, line in enumerate(lines, 1) if re.search(r"\w : [A-Z]", line)], "break the line"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_page_allows_the_time_that_it_takes_without_its_exercises(path):
    text = path.read_text(encoding="utf-8")
    if told := GLANCE.search(text):
        words = sum(len(WORD.findall(line)) for line in prose(TASKS.sub("", text)))
        assert words <= PACE * int(told[1])


def test_the_style_page_has_twenty_examples():
    lines = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Style\n")[2].splitlines()
    table = [line for line in takewhile(lambda line: not line.startswith("## "), lines) if line.startswith("| ")]
    assert len(table) - 2 == 20
    assert all(line.count(" | ") == 1 for line in table)
