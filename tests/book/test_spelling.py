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
from prose import WORD, prose

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for pattern in ("*.md", "book/**/*.md", "notebooks/*.md", "book/errata/*.yaml")
               for path in ROOT.glob(pattern))  # fmt: skip
MODULES = sorted(path for folder in ("fedswitch", "book/_ext") for path in (ROOT / folder).rglob("*.py"))
WORDS = (Path(__file__).parent / "words.txt").read_text(encoding="utf-8").splitlines()

SENTENCE = 5  # a string of as many words is prose, if it is no script
SCRIPT = re.compile(r"=>|[{}]$", re.MULTILINE)


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


def test_prose_after_a_directive_and_beside_nested_ones_is_read():
    page = """\
````{admonition} Outer
First

```{exercise}
Second
```

```bash
xxa
```

Third
````

Fourth

```
xxb
```
- Fifth
"""
    read = [word for line in prose(page) for word in WORD.findall(line)]
    assert read == ["Outer", "First", "Second", "Third", "Fourth", "Fifth"]


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
