"""Builds a small book in the book's theme, and reads the notebooks that it offers for download."""

import base64
import re
import zipfile

import nbformat
import pytest

pytest.importorskip("myst_nb")
pytest.importorskip("sphinx_book_theme")

from _ext.unexecuted import SETTINGS
from small_books import NOTEBOOK_HEADER, build_book
from sphinx.errors import ExtensionError

INDEX = """# Book

Words.

```{toctree}
:numbered:
part/second
part/chapter
```

```{bibliography}
```
"""

SECOND = """(sec-second)=
# The *second* page

Only words, and {class-notebooks}`for a class <student>` and {class-notebooks}`with solutions <instructor>`.
"""

CHAPTER = (
    NOTEBOOK_HEADER
    + r"""
(sec-chapter)=
# Chapter

See {doc}`second`, [that page](sec-second), [a site](https://example.org), {eq}`paper-eq-4`, {eq}`ours`,
{prf:ref}`paper-thm-1`, {numref}`fig-made`, {numref}`fig-dot` and {cite:t}`someone`. Costs $a_1$ or 5 \$, a\*b, `x|y`.

```{admonition} What holds: (4) is right
:class: holds
With

$$
x =
\SINR
$$ (paper-eq-4)

- one
- two, and

  $$ y $$ (ours)
```

```{admonition} Fifty runs
:class: measured
Numbers.
```

```{prf:theorem} Gap
:label: paper-thm-1
It is $|x|$ small.
```

| a | b |
| --- | --- |
| $\lvert x \rvert$ or $\|x\|$ | `p\|q` |

```{figure} dot.svg
:name: fig-dot
:alt: a dot
A dot.
```

```{code-cell} ipython3
:tags: [parameters]

count = 3  # how many
```

```{code-cell} ipython3
---
tags: [hide-input]
mystnb:
  figure:
    name: fig-made
    caption: Made of {eq}`paper-eq-4`.
---
drawn = count
drawn
```

```{code-cell} ipython3
:tags: [remove-cell]

unseen = drawn + 1
```

```{code-cell} ipython3
:tags: [remove-input]

print(unseen)
```

```{quiz}
1. What is $\lambda$?
   - [ ] a mean

     It is not.
   - [x] a probability

     Yes indeed.
```

## Exercises

```{exercise} Count
:label: ex-count
:class: warm-up
:time: 5

Count to {eq}`ours`.
```

````{solution-start} ex-count
:label: sol-count
:class: dropdown
````

Like this.

```{code-cell} ipython3
print(unseen + 1)
```

````{solution-end}
````

```{exercise} Again
:label: ex-again
:class: challenge
:time: 20

Once more.
```

````{solution-start} ex-again
:label: sol-again
:class: dropdown
````

Nothing new.

````{solution-end}
````

An afterword.
"""
)

BIBLIOGRAPHY = "@misc{someone, author = {Some One}, title = {Something}, year = {2025}}\n"
DRAW = "drawn = count\ndrawn"
DOT = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><circle r="1"/></svg>\n'
FILES = {
    "index.md": INDEX, "part/second.md": SECOND, "part/chapter.md": CHAPTER, "references.bib": BIBLIOGRAPHY,
    "part/dot.svg": DOT,
}  # fmt: skip
EXTENSIONS = ["myst_nb", "sphinx_book_theme", "sphinx_proof", "sphinxcontrib.bibtex", "_ext"]


def build(folder, builder="html", **changes):
    """Build the book; return its folder and the warnings."""
    settings = SETTINGS | {
        "html_theme": "sphinx_book_theme",
        "html_sourcelink_suffix": "",
        "myst_enable_extensions": ["dollarmath"],
        "mathjax3_config": {"tex": {"macros": {"SINR": "\\mathrm{SINR}"}}},
        "bibtex_bibfiles": ["references.bib"],
        "bibtex_reference_style": "author_year",
        "exercise_style": "solution_follow_exercise",
        "nb_mime_priority_overrides": [("*", "text/plain", 0)],
        "numfig": True,
        **changes,
    }
    return build_book(folder, FILES, EXTENSIONS, builder, **settings)


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    """The book with its code run."""
    run = {"nb_execution_mode": "force", "nb_custom_formats": {}}
    out, warned = build(tmp_path_factory.mktemp("book"), **run)
    assert warned == ""
    return out


@pytest.fixture(scope="module")
def notebook(html):
    return nbformat.read(html / "_sources/part/chapter.ipynb", as_version=4)


@pytest.fixture(scope="module")
def text(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def tagged(notebook, tag):
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def test_notebook_is_a_valid_one_without_outputs_that_any_jupyter_opens(notebook):
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert all("mystnb" not in cell.metadata for cell in code)


def test_only_pages_with_code_are_offered(html):
    assert sorted(path.name for path in html.rglob("*.ipynb")) == ["chapter.ipynb"]
    link = 'href="../_sources/part/chapter.ipynb"'
    assert link in (html / "part/chapter.html").read_text(encoding="utf-8")
    for page in ("index.html", "part/second.html"):
        assert ".ipynb" not in (html / page).read_text(encoding="utf-8")


def test_references_are_those_of_the_book(text):
    shown = """\
See *The second page*, that page, [a site](https://example.org), (4), (2.2),
Theorem 1, Fig. 2.2, Fig. 2.1 and One [2025]. Costs $a_1$ or 5 \\$, a\\*b, `x|y`."""
    assert shown in text


def test_boxes_say_whose_voice_it_is_and_formulas_keep_to_one_line(text):
    assert "> **What holds: (4) is right**\n>\n> With\n>\n> $$ x = \\mathrm{SINR} \\tag{4} $$\n>\n> - one" in text
    assert ">   $$ y \\tag{2.2} $$" in text
    assert "> **What we measured: Fifty runs**\n>\n> Numbers." in text
    assert "> **Theorem 1 (Gap)**\n>\n> It is $|x|$ small." in text


def test_tables_keep_their_cells(text):
    assert "| a | b |\n| --- | --- |\n| $\\lvert x \\rvert$ or $\\vert x\\vert $ | `p\\|q` |" in text


def test_pictures_come_along_and_captions_stand_below(notebook, text):
    picture = re.search(r"!\[a dot\]\(data:image/svg\+xml;base64,([^)]+)\)\n\n\*\*Fig\. 2\.1\.\*\* A dot\.", text)
    assert base64.b64decode(picture[1]).decode() == DOT
    sources = [cell.source for cell in notebook.cells]
    assert sources[sources.index(DRAW) + 1] == "**Fig. 2.2.** Made of (4)."


def test_code_is_that_of_the_page_with_what_the_page_does_not_show(notebook):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.source for cell in code] == [
        "count = 3  # how many", DRAW, "unseen = drawn + 1", "print(unseen)", "print(unseen + 1)",
    ]  # fmt: skip
    assert code[0].metadata.tags == ["parameters"]
    assert [cell.source for cell in code if cell.metadata.get("jupyter", {}).get("source_hidden")] == [
        DRAW, "print(unseen)",
    ]  # fmt: skip


def test_exercises_have_number_title_and_grade_and_solutions_can_be_folded(notebook):
    exercises = [cell.source.split("\n")[0] for cell in tagged(notebook, "exercise")]
    assert exercises == ["### Exercise 2.1 (Count, warm-up, 5 min)", "### Exercise 2.2 (Again, challenge, 20 min)"]
    assert [cell.source for cell in tagged(notebook, "solution")] == [
        "#### Solution", "Like this.", "print(unseen + 1)", "#### Solution", "Nothing new.",
    ]  # fmt: skip
    # the second one would take the afterword with it
    folded = [cell.metadata.get("jp-MarkdownHeadingCollapsed", False) for cell in tagged(notebook, "solution")]
    assert folded == [True, False, False, False, False]
    assert notebook.cells[-1].source == "An afterword."


def test_answers_to_a_quiz_stand_apart_from_its_questions(notebook):
    (questions,), (answers,) = tagged(notebook, "quiz"), tagged(notebook, "answers")
    assert questions.source == "1. What is $\\lambda$?\n\n   - **a.** a mean\n   - **b.** a probability"
    assert answers.source.startswith("<details>\n<summary>Answers</summary>\n\n**Question 1**\n\n- **a.** ")
    assert "It is not." in answers.source
    assert "Yes indeed." in answers.source


def test_no_syntax_of_the_book_is_left(text):
    outside_code = re.sub(r"`[^`]*`|\$[^$]*\$", "", text)
    assert not re.findall(r"\{[a-z:-]+\}|:::|```\{|^\([a-z-]+\)=", outside_code, flags=re.MULTILINE)


def test_a_drawing_that_is_part_of_its_page_comes_along(tmp_path, monkeypatch):
    monkeypatch.setitem(FILES, "part/chapter.md", CHAPTER.replace(":alt: a dot", ":alt: a dot\n:class: inline"))
    out, _ = build(tmp_path)
    assert "data:image" not in (out / "part/chapter.html").read_text(encoding="utf-8")
    source = nbformat.read(out / "_sources/part/chapter.ipynb", as_version=4).cells[0].source
    assert "![a dot](data:image/svg+xml;base64," in source


def test_a_macro_with_arguments_is_refused_since_jupyter_would_not_know_it(tmp_path):
    with pytest.raises(ExtensionError, match=r"The TeX macro norm takes arguments"):
        build(tmp_path, mathjax3_config={"tex": {"macros": {"norm": ["\\|#1\\|", 1], "SINR": "x"}}})


def test_a_book_whose_code_does_not_run_has_the_same_notebooks(html, tmp_path):
    out, warned = build(tmp_path, "dummy")
    assert warned == ""
    name = "_sources/part/chapter.ipynb"
    assert (out / name).read_text(encoding="utf-8") == (html / name).read_text(encoding="utf-8")


def test_zips_have_the_notebooks_for_a_class_and_only_that_of_the_instructor_has_solutions(html, tmp_path):
    page = (html / "part/second.html").read_text(encoding="utf-8")
    again, _ = build(tmp_path)
    student, instructor = "student/part/chapter.ipynb", "instructor/part/chapter.ipynb"
    for text, held in (("for a class", [student]), ("with solutions", ["README.md", instructor, student])):
        address = re.search(rf'href="([^"]*)">{text}<', page)[1]
        file = (html / "part" / address).resolve(strict=True)
        archive = zipfile.ZipFile(file)
        assert archive.namelist() == held
        for name in held[-2:]:
            assert bool(tagged(nbformat.reads(archive.read(name), 4), "solution")) == (name == instructor)
        assert (again / file.name).read_bytes() == file.read_bytes()
