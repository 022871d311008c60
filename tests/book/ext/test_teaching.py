"""Students get no solutions, instructors get all, and both get notebooks that run."""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

pytest.importorskip("jupyter_book")

from _ext import teaching
from _ext.unexecuted import notebooks

ROOT = Path(__file__).parents[3]


def page():
    def markdown(text, *tags):
        return new_markdown_cell(text, metadata={"tags": list(tags)})

    def code(text, *tags):
        return new_code_cell(text, metadata={"tags": list(tags)})

    return new_notebook(
        cells=[
            markdown("# A page\n\nWords."),
            code("x = 1"),
            markdown("1. Why?", "quiz"),
            markdown("Because.", "answers"),
            markdown("### Exercise 1 (One, warm-up)\n\nDo.", "exercise"),
            code("given = x", "exercise"),
            markdown("Go on.", "exercise"),
            markdown("#### Solution", "solution"),
            code("solved = given", "solution"),
            markdown("### Exercise 2 (Two, challenge)", "exercise"),
            markdown("### Exercise 3 (Three, challenge)", "exercise"),
            markdown("The end."),
        ]
    )


ROOM = ["*Your answer:*", ""]


def test_students_get_room_instead_of_solutions():
    first, *rest = teaching.student_copy(page()).cells
    assert first.source == f"# A page\n\n{teaching.STUDENT_MARK}\n\nWords."
    assert [cell.source for cell in rest] == [
        "x = 1", "1. Why?", "### Exercise 1 (One, warm-up)\n\nDo.", "given = x", "Go on.", *ROOM,
        "### Exercise 2 (Two, challenge)", *ROOM, "### Exercise 3 (Three, challenge)", *ROOM, "The end.",
    ]  # fmt: skip
    assert [cell.cell_type for cell in rest if "answer" in cell.metadata.tags] == ["markdown", "code"] * 3


def test_instructors_get_everything_and_are_told_so():
    first, *rest = teaching.instructor_copy(page()).cells
    assert first.source == f"# A page\n\n{teaching.INSTRUCTOR_MARK}\n\nWords."
    assert [cell.source for cell in rest] == [cell.source for cell in page().cells[1:]]


def test_copies_are_valid_notebooks_and_leave_the_page_as_it_was():
    original = page()
    before = original.cells[0].source
    for copy in (teaching.student_copy(original), teaching.instructor_copy(original)):
        nbformat.validate(copy)
        assert len({cell["id"] for cell in copy.cells}) == len(copy.cells)
    assert original.cells[0].source == before


def test_a_folder_for_a_class(tmp_path):
    teaching.write_class({"book/one": page()}, tmp_path)
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*"))
    assert files == ["README.md", "instructor/book/one.ipynb", "student/book/one.ipynb"]
    index = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "## A page\n\n[student](student/book/one.ipynb), [instructor](instructor/book/one.ipynb)" in index
    assert "- Exercise 1 (One, warm-up)\n- Exercise 2 (Two, challenge)\n- Exercise 3 (Three, challenge)\n" in index


def test_the_index_lists_what_earlier_calls_have_written_too(tmp_path):
    pages = {"book/one": page(), "book/two": page(), "book/three": page()}
    for name in ("book/two", "book/one"):
        teaching.write_class(pages, tmp_path, [name])
    index = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\(student/(.*?)\.ipynb\)", index) == ["book/one", "book/two"]


def test_pages_are_chosen_by_name():
    pages = {"book/one": page(), "book/plain": new_notebook(cells=[new_markdown_cell("# Plain")])}
    assert list(teaching.choose(pages, [])) == ["book/one"]
    assert list(teaching.choose(pages, ["book/one.md"])) == ["book/one"]
    with pytest.raises(
        ValueError, match=r"There is no page 'book/on' with exercises or a quiz\. Did you mean 'book/one'\?"
    ):
        teaching.choose(pages, ["book/on"])


# the book's own pages


@pytest.fixture(scope="module")
def book():
    return {name: notebook for name, notebook in notebooks(ROOT).items() if teaching.has_lessons(notebook)}


def letters(text):
    """What is left of a text whatever syntax it is written in."""
    return re.sub(r"[^a-z0-9]+", "", text.lower())


def secrets(source):
    """Lines of code and sentences that a page's source has in solutions and in feedback to a quiz, and nowhere else."""
    solution = re.compile(r"^````\{solution-start\}.*?^````\{solution-end\}", flags=re.DOTALL | re.MULTILINE)
    quiz = re.compile(r"^```\{quiz\}.*?^```$", flags=re.DOTALL | re.MULTILINE)
    answer, other = r"^ *- \[[ x]\][^\n]*(?:\n(?! *\n)[^\n]*)*", r"(?: *- \[| *\d+\. |```)"
    feedback = re.compile(rf"{answer}\n\s*\n((?:(?!{other}).*\n)+)", flags=re.MULTILINE)
    found = []
    for text in solution.findall(source):
        text = re.sub(r"^(````|:).*$", "", text, flags=re.MULTILINE)
        code = re.findall(r"^```\{code-cell\}[^\n]*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
        found += [line for cell in code for line in cell.split("\n")]
        prose = re.sub(r"^```.*?^```$", "\n\n", text, flags=re.DOTALL | re.MULTILINE)
        found += re.split(r"(?<=[.!?:])\s+|\n\n", prose)
    for text in quiz.findall(source):
        found += [sentence for part in feedback.findall(text) for sentence in re.split(r"(?<=[.!?])\s+", part)]
    open_to_all = letters(quiz.sub(lambda text: feedback.sub("", text[0]), solution.sub("", source)))
    plain = {letters(text) for text in found if "{" not in text and "SINR" not in text}
    return {text for text in plain if len(text) > 12 and text not in open_to_all}


@pytest.mark.slow
def test_nothing_of_a_solution_reaches_students(book):
    assert len(book) >= 7
    count = 0
    for name, notebook in book.items():
        hidden = secrets((ROOT / f"{name}.md").read_text(encoding="utf-8"))
        student, instructor = (
            letters("\n".join(cell.source for cell in copy(notebook).cells))
            for copy in (teaching.student_copy, teaching.instructor_copy)
        )
        assert not [text for text in hidden if text in student], name
        # what is looked for is there to be found
        assert len([text for text in hidden if text in instructor]) > 0.9 * len(hidden), name
        assert hidden, name
        count += len(hidden)
    assert count > 100


@pytest.mark.slow
def test_every_exercise_has_a_solution_for_the_instructor(book):
    for name, notebook in book.items():
        source = (ROOT / f"{name}.md").read_text(encoding="utf-8")
        assert len(teaching.exercises(notebook)) == len(re.findall(r"^```\{exercise\}", source, flags=re.MULTILINE))
        opened = [cell for cell in notebook.cells if cell.source.startswith("#### Solution")]
        assert len(opened) == len(teaching.exercises(notebook)), name


@pytest.mark.slow
@pytest.mark.parametrize("copy", [teaching.student_copy, teaching.instructor_copy])
def test_copies_run_anywhere(book, copy, tmp_path):
    from nbclient import NotebookClient

    notebook = copy(book["book/system-model"])
    NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert any(cell.get("outputs") for cell in notebook.cells)
