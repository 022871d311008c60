"""Builds a small book with pages at a glance, quizzes and exercises, and reads its pages and warnings."""

import re
from xml.etree import ElementTree

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")
pytest.importorskip("sphinx_exercise")


from small_books import build_book

INDEX = """# Book

```{syllabus}
```

```{exercise-list}
```

```{toctree}
:numbered:
part/second
part/first
```
"""

GLANCE = """```{at-a-glance}
:time: 50
:needs: {doc}`second`, the $x$-axis
:paper: Section II, (1) to (4)

- explain why $a = b$
- do more
```
"""

QUIZ = """```{quiz}
1. What is $\\lambda$?
   - [ ] a $\\theta$

     No, see {doc}`second`.
   - [x] $\\lambda$ is a probability

     Yes indeed.
2. And $\\mu$?
   - [x] a price

     It is.
   - [ ] a mean

     It is not.
   - [ ] a muon

     Not here.
```
"""

EXERCISE = """```{exercise} Equal $D_k$
:label: ex-equal
:class: warm-up
:time: 5

Do it.
```
"""

FIRST = f"""# The first

{GLANCE}
{QUIZ}
{EXERCISE}
See {{ref}}`ex-equal` and {{ref}}`ex-reach`.
"""

SECOND = """# The second

```{exercise} Reach
:label: ex-reach
:class: challenge
:time: 20

Go far.
```

```{exercise} Again
:label: ex-again
:class: warm-up
:time: 10

Go on.
```
"""


def build(folder, builder="html", **options):
    """Build the book in `folder`; return its pages and the warnings."""
    extensions = ["myst_parser", "sphinx_exercise", "_ext"]
    settings = {"myst_enable_extensions": ["dollarmath"], "numfig": True, "nitpicky": True}
    out, warned = build_book(folder, {}, extensions, builder, **settings, **options)
    return {path.stem: path.read_text(encoding="utf-8") for path in out.rglob("*.html")}, warned


def page(folder, text):
    """Write the first page and a second one without anything, and build; return the warnings."""
    (folder / "part").mkdir()
    for name, content in {"index": INDEX, "part/second": "# The second\n", "part/first": text}.items():
        (folder / f"{name}.md").write_text(content, encoding="utf-8")
    return build(folder)[1]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "part").mkdir()
    for name, content in {"index": INDEX, "part/second": SECOND, "part/first": FIRST}.items():
        (tmp_path / f"{name}.md").write_text(content, encoding="utf-8")
    return tmp_path


def words(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html)).strip()


def part(html, tag, name):
    """Return the first element with a tag and a class, as a tree."""
    found = re.search(rf'<{tag} class="[^"]*\b{name}\b.*?</{tag}>', html, re.DOTALL)
    return ElementTree.fromstring(found.group())


def cells(html, name):
    """Return a table's rows as lists of text."""
    rows = part(html, "table", name).iter("tr")
    return [[" ".join("".join(cell.itertext()).split()) for cell in row] for row in rows]


def test_a_page_says_at_a_glance_what_to_expect(folder):
    pages, warned = build(folder)
    assert "first.md" not in warned
    box = words(pages["first"].partition('class="at-a-glance')[2].partition("</dl>")[0])
    assert "Time: 50 minutes, and 5 more for the exercises" in box
    assert r"You need: The second, the \(x\)-axis" in box
    assert "In the paper: Section II, (1) to (4)" in box
    assert r"You will be able to: explain why \(a = b\) do more" in box


def test_the_syllabus_collects_the_pages_and_leads_to_them(folder):
    pages, _ = build(folder)
    header, *rows = cells(pages["index"], "syllabus")
    assert header == ["Page", "Time", "Exercises", "You need", "You will be able to"]
    assert rows == [["The first", "50 min", "5 min", r"The second, the \(x\)-axis", r"explain why \(a = b\) do more"]]
    links = [link.get("href") for link in part(pages["index"], "table", "syllabus").iter("a")]
    assert links == ["part/first.html", "part/second.html"]


def test_the_list_of_exercises_has_all_in_the_order_of_the_book(folder):
    pages, _ = build(folder)
    assert "3 exercises: 2 warm-up, 0 standard, 1 challenge." in words(pages["index"])
    _, *rows = cells(pages["index"], "exercise-list")
    assert rows == [
        ["Exercise 1.1", "Reach", "challenge", "20 min", "The second"],
        ["Exercise 1.2", "Again", "warm-up", "10 min", "The second"],
        ["Exercise 2.1", r"Equal \(D_k\)", "warm-up", "5 min", "The first"],
    ]
    links = [link.get("href") for link in part(pages["index"], "table", "exercise-list").iter("a")]
    assert links[::2] == ["part/second.html#ex-reach", "part/second.html#ex-again", "part/first.html#ex-equal"]


def test_math_that_only_the_lists_have_is_typeset(folder):
    for name, text in {"plain": "# No math\n", "lists": "# Lists\n\n```{exercise-list}\n```\n"}.items():
        (folder / f"part/{name}.md").write_text(text, encoding="utf-8")
    pages, _ = build(folder)
    assert "mathjax@3" in pages["lists"]
    assert "mathjax@3" not in pages["plain"]


def test_an_exercise_shows_its_grade_and_its_time_and_can_be_cited(folder):
    pages, _ = build(folder)
    text = words(pages["first"])
    assert r"Exercise 2.1 (Equal \(D_k\), warm-up, 5 min)" in text
    assert "See Exercise 2.1 and Exercise 1.1." in text


def test_lists_follow_when_another_page_changes(folder):
    build(folder)
    (folder / "part/first.md").write_text(FIRST.replace(":time: 50", ":time: 20"), encoding="utf-8")
    (folder / "part/second.md").write_text("# The second\n", encoding="utf-8")
    pages, _ = build(folder)
    assert cells(pages["index"], "syllabus")[1][1] == "20 min"
    assert [row[0] for row in cells(pages["index"], "exercise-list")[1:]] == ["Exercise 2.1"]


def test_lists_are_the_same_in_one_page(folder):
    apart, _ = build(folder)
    pages, _ = build(folder, "singlehtml")
    for name in ("syllabus", "exercise-list"):
        assert cells(pages["index"], name) == cells(apart["index"], name)


def test_a_quiz_is_a_list_of_questions_with_feedback_folded_away(folder):
    pages, _ = build(folder)
    quiz = ElementTree.fromstring(re.search(r'<div class="quiz .*?</div>', pages["first"], re.DOTALL).group())
    (questions,) = quiz
    first, second = questions
    assert [child.tag for child in first] == ["p", "ol", "details"]
    assert ["".join(answer.itertext()).strip() for answer in first[1]] == [
        r"a \(\theta\)",
        r"\(\lambda\) is a probability",
    ]
    assert ["".join(item.itertext()).strip() for item in first[2][1]] == [
        "✗ Wrong. No, see The second.",
        "✓ Right. Yes indeed.",
    ]
    assert [item.get("class") for item in second[2][1]] == ["quiz-right", "quiz-wrong", "quiz-wrong"]
    assert first[2][0].tag == "summary"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("- [ ] a mean", "- [x] a mean", "question 2 needs exactly one right answer"),
        ("- [x] a price", "- [ ] a price", "question 2 needs exactly one right answer"),
        ("- [ ] a muon", "- a muon", "question 2 has an answer that begins with neither"),
        ("     Not here.\n", "", "question 2 has an answer without feedback"),
        ("2. And $\\mu$?\n", "2. \n", "question 2 needs text"),
        ("2. And", "\nAnd then\n\n2. And", "its content is one numbered list"),
    ],
)
def test_a_quiz_that_is_wrong_is_reported_with_page_and_line(tmp_path, old, new, problem):
    assert old in QUIZ
    warned = page(tmp_path, f"# The first\n\n{QUIZ.replace(old, new)}")
    line = 3 if "numbered list" in problem else 11
    assert re.search(rf"part/first\.md:{line}: WARNING: quiz: {problem}", warned), warned


def test_a_question_needs_two_answers(tmp_path):
    warned = page(tmp_path, "# The first\n\n```{quiz}\n1. One?\n   - [x] yes\n\n     Yes.\n```\n")
    assert "part/first.md:4: WARNING: quiz: question 1 needs at least two answers" in warned


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (EXERCISE.replace(":class: warm-up\n", ""), "exercise ex-equal: give it exactly one class of warm-up"),
        (EXERCISE.replace("warm-up", "warm-up standard"), "exercise ex-equal: give it exactly one class of warm-up"),
        (EXERCISE.replace("Equal $D_k$", ""), "exercise ex-equal: give it a title"),
        (EXERCISE.replace(":time: 5\n", ""), "exercise ex-equal: give it :time:, in minutes"),
        (GLANCE.replace(":time: 50\n", "") + EXERCISE, "at-a-glance: give it :time:"),
        (GLANCE.replace(":needs: {doc}`second`, the $x$-axis\n", "") + EXERCISE, "at-a-glance: give it :needs:"),
        (GLANCE.replace("- explain", "To explain") + EXERCISE, "at-a-glance: its content is one list"),
        (GLANCE + GLANCE + EXERCISE, "at-a-glance: this page has one already"),
    ],
)
def test_what_is_missing_is_reported_with_the_page(tmp_path, text, problem):
    warned = page(tmp_path, f"# The first\n\n{text}")
    assert re.search(rf"part/first\.md(:\d+)?: WARNING: {problem}", warned), warned


def test_what_parallel_readers_note_is_merged(folder):
    for name in ("one", "two", "three"):
        (folder / f"part/{name}.md").write_text(f"---\norphan: true\n---\n# {name}\n", encoding="utf-8")
    pages, warned = build(folder, readers=2)
    assert warned == ""
    assert len(cells(pages["index"], "syllabus")) == 1 + 1
    assert len(cells(pages["index"], "exercise-list")) == 1 + 3
    (folder / "part/second.md").write_text("# The second\n", encoding="utf-8")
    pages, _ = build(folder, readers=2)
    assert len(cells(pages["index"], "exercise-list")) == 1 + 1
