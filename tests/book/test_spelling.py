"""Every word of the prose is in Hunspell's American dictionary or, for the words of the field, in words.txt.

The prose is that of the pages, with captions and alternative texts, of README and CONTRIBUTING, and of the docstrings
and sentences in the module, which pages show, and in what builds the book. Code, formulas, roles, addresses and names
of directives are left out.
"""

import ast
import functools
import re
import textwrap
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for pattern in ("*.md", "book/**/*.md", "notebooks/*.md", "book/errata/*.yaml")
               for path in ROOT.glob(pattern))  # fmt: skip
MODULES = sorted(path for folder in ("fedswitch", "book/_ext") for path in (ROOT / folder).rglob("*.py"))
WORDS = (Path(__file__).parent / "words.txt").read_text(encoding="utf-8").splitlines()

SENTENCE = 5  # a string of as many words is prose, if it is no script
SCRIPT = re.compile(r"=>|[{}]$", re.MULTILINE)

# what is not prose, each replaced by as many lines
LEFT_OUT = [
    re.compile(r"\A---\n.*?\n---\n", re.DOTALL),
    re.compile(r"^(?P<fence>`{3,}|~{3,})(?!`*\{).*?^(?P=fence) *$", re.DOTALL | re.MULTILINE),  # a listing
    re.compile(r"\{[\w:-]+\}`[^`<]*`"),  # a role that names its target, of which no word is ours
    re.compile(r"\{[\w:-]+\}`(?=[^`]*<)|\s<[^`<>]*>`"),  # of any other role
    re.compile(r"<!--.*?-->|<[a-zA-Z/][^<>\n]*>", re.DOTALL),
    re.compile(r"\$\$.*?\$\$(?: \([\w-]+\))?", re.DOTALL),
    re.compile(r"^( *)\.\. math::.*\n(?:\s*\n|\1 +.*\n)+|:math:`[^`]*`", re.MULTILINE),
    re.compile(r"^[ >]*:(?!alt|needs)[\w-]+:.*$", re.MULTILINE),  # an option of a directive
    re.compile(r"^\([\w-]+\)=$", re.MULTILINE),
    re.compile(r"^ *(?:`{3,}|:{3,})\{[\w:-]+\}(?: \S*[._/-]\S*$)?", re.MULTILINE),  # a directive, and its file or label
    re.compile(r"^ *functions:(?: \[.*\]|(?:\n *- .*)+)$", re.MULTILINE),  # names of code in a record
    re.compile(r"^[ -]+\w+(?=:(?: |$))", re.MULTILINE),  # an argument or a key, before what it is
    re.compile(r"\b(?:eq|thm|alg|ass|fig)-\d+[a-z]?"),  # the name of an element of a paper
    re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL),
    re.compile(r"(?<!\\)\$[^$]*\$"),
    re.compile(r"(?<=\])\([^)\s]*\)|https?://\S+|\S+@\S+|[\w.-]+/[\w./-]+|\w*[\d_]\w*|--?\w[\w-]*|%\w+|\"\w+\""),
    re.compile(r"[\w-]*\.(?:md|py|json|yml|toml|txt|lock|html|parquet|ipynb|cff|png|svg|js|css|safetensors)\b"),
]
CELL = re.compile(r"^(?P<fence>`{3,})\{code-cell\}.*?^(?P=fence) *$", re.DOTALL | re.MULTILINE)
HEADER = re.compile(r"\A[^\n]*\n---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)
SHOWN = re.compile(r"^( *)(?:caption|alt): *(.*(?:\n\1 +.*|\n(?=\n\1 ))*)", re.MULTILINE)
WORD = re.compile(r"(?<!\w)[A-Za-zÀ-ž]+(?:['\u2019][A-Za-zÀ-ž]+)*(?!\w)")


def blank(match):
    """As many lines as a match has, and nothing on them."""
    return "\n" * match.group().count("\n") or " "


def shown_by_a_cell(match):
    """Of a code cell the captions and alternative texts, on the lines where they stand."""
    cell = match.group()
    header = HEADER.match(cell)
    kept, end = [], 0
    for text in SHOWN.finditer(cell, header.start(1), header.end(1)) if header else ():
        kept += ["\n" * cell.count("\n", end, text.start(2)), text.group(2)]
        end = text.end(2)
    return "".join([*kept, "\n" * cell.count("\n", end)])


def prose(markdown):
    """Markdown without what is not prose, line by line."""
    text = CELL.sub(shown_by_a_cell, markdown)
    for pattern in LEFT_OUT:
        text = pattern.sub(blank, text)
    return text.splitlines()


def sentences(source):
    """The docstrings and other strings of a module that are prose, each with the line on which it begins."""
    for node in ast.walk(ast.parse(source)):
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        if len(text.split()) >= SENTENCE and not SCRIPT.search(text):
            yield node.lineno, text


def words_of(path):
    """The words of a file, each with its line."""
    text = path.read_text(encoding="utf-8")
    parts = sentences(text) if path.suffix == ".py" else [(1, text)]
    for first, part in parts:
        for line, content in enumerate(prose(textwrap.dedent(part)), first):
            yield from ((line, word.replace("\u2019", "'").removesuffix("'s")) for word in WORD.findall(content))


@pytest.fixture(scope="module")
def is_word():
    """Whether a word is spelled right. Abbreviations and names of code, with capitals inside, pass."""
    hunspell = pytest.importorskip("spylls.hunspell", reason="needs the dictionary of `pip install spylls`")
    folder = Path(hunspell.__file__).parent / "data" / "en"
    dictionary = hunspell.Dictionary.from_files(str(folder / "en_US"))
    known = set(WORDS)

    @functools.cache
    def is_word(word):
        return bool(
            len(word) == 1
            or re.search(r".[A-Z]", word)
            or word in known
            or word.lower() in known
            or dictionary.lookup(word)
        )

    return is_word


@pytest.mark.parametrize("path", [*PAGES, *MODULES], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_word_is_spelled_as_in_the_dictionary(path, is_word):
    name = path.relative_to(ROOT)
    assert not [f"{name}:{line}: {word}" for line, word in words_of(path) if not is_word(word)]


def test_words_of_the_field_are_sorted_and_in_use():
    used = {word for path in [*PAGES, *MODULES] for _, word in words_of(path)}
    used |= {word.lower() for word in used}
    assert all(one.casefold() < other.casefold() for one, other in pairwise(WORDS))
    assert not set(WORDS) - used


@pytest.mark.parametrize("word", ["colour", "analyse", "recieve", "teh", "labelled", "occured"])
def test_misspelled_and_british_words_fail(word, is_word):
    assert not is_word(word)


def test_what_is_not_prose_is_left_out_and_lines_keep_their_numbers():
    page = """\
---
kernelspec: xxa
---
(sec-xxb)=
# Title of `xxc` and $xxd$

```{code-cell}
---
mystnb:
  figure:
    name: fig-xxe
    caption: |
      A caption,
      in two lines.
  image:
    alt: >-
      An alternative text
---
xxf = 1
```
{doc}`xxg`, {doc}`the link <../xxh>`, [words](sec-xxi), https://xxj.org

```{admonition} A box
:class: xxk
Inside $$
xxl
$$
```
```bash
xxm
```
Last
"""
    lines = [(line, WORD.findall(text)) for line, text in enumerate(prose(page), 1)]
    assert [(line, " ".join(found)) for line, found in lines if found] == [
        (5, "Title of and"),
        (13, "A caption"),
        (14, "in two lines"),
        (17, "An alternative text"),
        (21, "the link words"),
        (23, "A box"),
        (25, "Inside"),
        (32, "Last"),
    ]
