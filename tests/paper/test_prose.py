"""No sentence of the book contradicts the record of an element: what is called right, ambiguous or wrong is that."""

import re
from pathlib import Path

import pytest

from fedswitch.paper import PAPER, SIBLING
from fedswitch.paper import RECORDS as ALL_RECORDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for pattern in ("README.md", "book/*.md", "notebooks/*.md") for path in ROOT.glob(pattern))
RECORDS = {(element.paper, element.id): element for element in ALL_RECORDS}
ABOUT_THE_SIBLING = "split"  # how the names of chapters begin whose bare numbers are those of the sibling

NO_PROSE = re.compile(
    r"\A---\n.*?\n---\n|^(`{3,})\{code-cell\}.*?^\1$|\$\$.*?\$\$( \([\w-]+\))?", re.DOTALL | re.MULTILINE
)
FORMULA = re.compile(r"\$[^$]*\$")
# the end of a sentence, or of what stands on lines of its own
END = re.compile(r"(?<!Fig)(?<!Sec)(?<!Eq)[.?!:](?=[\s\"*`)])|\n\s*\n|\n(?=\s*(?:[-:|]|\d+\.) )|;(?=\s)")
KINDS = {"Theorem": "thm", "Algorithm": "alg", "Assumption": "ass", "Fig.": "fig"}
REFERENCE = re.compile(
    r"(?P<paper>paper|sibling)-(?P<id>(?:eq|thm|alg|ass|fig)-\d+[a-z]?)`?>?"
    r"|(?<![\w`{])\((?P<number>\d+[a-z]?)\)"
    r"|(?P<kind>Theorem|Algorithm|Assumption|Fig\.)\s+(?P<of>\d)(?![.\d′″‴'])"
)
OTHER_SENSE = re.compile(
    r"right(?:[- ](?:hand|sides?|of|answers?|where|away|branch|minus|reading|in front)| \()"
    r"|(?:the|its|on|to|upper|lower|from|whose|digits that are|no|what) right\b"
    r"|wrong (?:way|modules|UEs|half|side)",
    re.IGNORECASE,
)
WORDS = {"right": "right", "sound": "right", "ambiguous": "ambiguous", "wrong": "wrong", "false": "wrong",
         "mistaken": "wrong", "slip": "wrong", "slips": "wrong", "refuted": "wrong"}  # fmt: skip
VERDICT = re.compile(rf"\b({'|'.join(WORDS)})\b", re.IGNORECASE)


def element(found, paper):
    """The paper and the element that a reference names on a page about a paper, as the records have them."""
    if found["id"]:
        return {"paper": PAPER, "sibling": SIBLING}[found["paper"]], found["id"]
    return paper, f"eq-{found['number']}" if found["number"] else f"{KINDS[found['kind']]}-{found['of']}"


def contradictions(markdown, paper=PAPER):
    """Sentences that call an element what its record does not, each with what it says and the elements."""
    text = FORMULA.sub("F", NO_PROSE.sub("\n\n", markdown))
    for sentence in filter(None, END.split(text)):
        words = {WORDS[word.lower()] for word in VERDICT.findall(OTHER_SENSE.sub("", sentence))}
        named = {element(found, paper) for found in REFERENCE.finditer(sentence)} & set(RECORDS)
        if words and named and not words <= {RECORDS[name].verdict for name in named}:
            yield " ".join(sentence.split()), sorted(named)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_prose_and_records_agree(page):
    paper = SIBLING if page.name.startswith(ABOUT_THE_SIBLING) else PAPER
    assert not list(contradictions(page.read_text(encoding="utf-8"), paper))


@pytest.mark.parametrize(
    "sentence",
    [
        "So (30) is wrong.",
        "{eq}`paper-eq-27` is\nright, and no more is needed.",
        "- Sound: {prf:ref}`paper-thm-1`, which is right.",
        "Theorem 1 is ambiguous, as is Theorem 1′.",
        "| (15) | right |",
        "Here (30), a slip of the pen, is wrong: look.",
    ],
)
def test_a_contradiction_is_found(sentence):
    assert list(contradictions(f"# Title\n\n{sentence}\n"))


@pytest.mark.parametrize(
    "sentence",
    [
        "So (30) is right. Its use in (27) is wrong.",
        "Theorem 1′ is right.",
        "On the right of (27) stands 4, and its right side is too small.",
        "```{code-cell} ipython3\n# (30) is wrong\n```\n",
        "Nothing here is wrong.",
    ],
)
def test_what_agrees_is_left_alone(sentence):
    assert not list(contradictions(sentence))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_box_that_judges_an_element_takes_the_verdict_from_its_record(page):
    """A title "What holds" that is written by hand names no element of the paper."""
    for title in re.findall(r"^`{3,}\{admonition\} What holds(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE):
        assert not REFERENCE.search(title), f"{title}: begin the box with ```{{holds}} and the names of the elements"
