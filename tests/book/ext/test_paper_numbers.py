"""Builds a small book with the extension and reads the numbers off its pages."""

import re

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")
pytest.importorskip("sphinx_proof")
pytest.importorskip("sphinxcontrib.bibtex")


from _ext.paper_numbers import paper_number
from small_books import build_book

INDEX = """# Book

See {eq}`paper-eq-7a`, {eq}`ours`, {prf:ref}`paper-thm-2`, {prf:ref}`thm-ours`, {numref}`paper-fig-5`,
{numref}`fig-ours` and {cite:p}`someone`.

```{toctree}
:numbered:
chapter
```

```{bibliography}
```
"""

CHAPTER = """# Chapter

$$ a = b $$ (paper-eq-7a)

$$ c = d $$ (ours)

```{prf:theorem}
:label: paper-thm-2
One.
```

```{prf:theorem}
:label: thm-ours
Two.
```

```{figure} dot.svg
:name: paper-fig-5
:alt: a dot
Three.
```

```{figure} dot.svg
:name: fig-ours
:alt: a dot
Four.
```
"""

BIBLIOGRAPHY = "@misc{someone, author = {Some One}, title = {Something}, year = {2025}}\n"
DOT = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><circle r="1"/></svg>\n'


@pytest.mark.parametrize(
    ("label", "number"),
    [
        ("paper-eq-7a", "7a"),
        ("equation-paper-eq-2", "2"),
        ("paper-thm-1", "1"),
        ("paper-alg-2", "2"),
        ("paper-fig-3", "3"),
        ("paper-ass-1", "1"),
        ("sibling-eq-18a", "18a"),
        ("equation-sibling-eq-7", "7"),
        ("eq-2", None),
        ("paper-eq-", None),
        ("paper-eq-2-again", None),
        ("my-paper-eq-2", None),
    ],
)
def test_number_of_a_label(label, number):
    assert paper_number(label) == number


def build(folder):
    """Build the book in `folder`; return its two pages as text without tags, the index as HTML, and the warnings."""
    extensions = ["myst_parser", "sphinx_proof", "sphinxcontrib.bibtex", "_ext"]
    settings = {
        "myst_enable_extensions": ["dollarmath"],
        "bibtex_bibfiles": ["references.bib"],
        "numfig": True,
        "nitpicky": True,
    }
    out, warned = build_book(folder, {}, extensions, **settings)
    pages = {name: (out / f"{name}.html").read_text(encoding="utf-8") for name in ("index", "chapter")}
    text = {name: re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page)) for name, page in pages.items()}
    return text, pages["index"], warned


@pytest.fixture
def folder(tmp_path):
    files = {"index.md": INDEX, "chapter.md": CHAPTER, "references.bib": BIBLIOGRAPHY, "dot.svg": DOT}
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    return tmp_path


REFERENCES = "See (7a), (1.2), Theorem 2, Theorem 1.2, Fig. 5, Fig. 1.2"


def test_what_is_the_papers_keeps_its_number_and_what_is_ours_does_not(folder):
    text, _, warned = build(folder)
    assert warned == ""
    assert REFERENCES in text["index"]
    for shown in ("(7a)", "(1.2)", "Theorem 2", "Theorem 1.2", "Fig. 5", "Fig. 1.2"):
        assert shown in text["chapter"]
    assert "1.1" not in text["chapter"]


STUDY = """(sibling-fig-3)=
(study)=
# The sibling's Fig. 3: a page that is no chapter

$$ e = f $$ (of-study)

```{figure} dot.svg
:name: fig-of-study
:alt: a dot
Five.
```

See {numref}`fig-of-study`, {eq}`of-study` and {ref}`sibling-fig-3`.
"""


def test_a_page_about_a_figure_has_no_number_but_that_figures(folder):
    toctree = "\n```{toctree}\nstudy\n```\n"
    (folder / "index.md").write_text(INDEX + toctree, encoding="utf-8")
    (folder / "study.md").write_text(STUDY, encoding="utf-8")
    text, _, warned = build(folder)
    assert warned == ""
    study = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", (folder / "built/html/study.html").read_text(encoding="utf-8")))
    assert "See Fig. S3.1, (S3.1) and The sibling’s Fig. 3: a page that is no chapter." in study
    assert REFERENCES in text["index"]


def test_numbers_survive_a_build_that_reads_one_page_only(folder):
    build(folder)
    (folder / "index.md").write_text(INDEX.replace("# Book", "# Book again"), encoding="utf-8")
    text, _, warned = build(folder)
    assert warned == ""
    assert "Book again" in text["index"]
    assert REFERENCES in text["index"]


def test_bibliography_is_a_list_of_list_items(folder):
    _, page, _ = build(folder)
    assert page.count('role="list"') == 1
    assert page.count('role="listitem"') == 1
    assert "doc-biblioentry" not in page
