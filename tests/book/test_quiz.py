"""Answers a quiz in a real browser: by pointer and by keyboard, without script, on paper."""

from pathlib import Path

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")
pytest.importorskip("sphinx_exercise")

from small_books import build_book

ASSETS = Path(__file__).resolve().parents[2] / "book" / "assets"
PAGE = """# A quiz

```{quiz}
1. First?
   - [ ] wrong

     Because not.
   - [x] right

     Because so.
2. Second?
   - [x] yes

     Of course.
   - [ ] no

     Think again.
```
"""


@pytest.fixture(scope="module")
def quiz(tmp_path_factory):
    """The address of a page with a quiz."""
    folder = tmp_path_factory.mktemp("quiz")
    settings = {
        "html_static_path": [str(ASSETS)],
        "html_css_files": ["lessons.css"],
        "html_js_files": [("quiz.js", {"defer": "defer"})],
        "html_theme": "basic",
    }
    extensions = ["myst_parser", "sphinx_exercise", "_ext"]
    out, _ = build_book(folder, {"index.md": PAGE}, extensions, **settings)
    return (out / "index.html").as_uri()


def test_the_answer_that_is_chosen_gets_its_feedback(tab, quiz):
    tab.goto(quiz)
    first = tab.get_by_role("group", name="First?")
    status = first.get_by_role("status")
    assert status.inner_text() == ""
    first.get_by_label("wrong").check()
    assert status.inner_text() == "✗ Wrong. Because not."
    first.get_by_label("right").check()
    assert status.inner_text() == "✓ Right. Because so."
    assert not first.get_by_label("wrong").is_checked()
    assert tab.get_by_role("group", name="Second?").get_by_role("status").inner_text() == ""


def test_the_keyboard_is_enough(tab, quiz):
    tab.goto(quiz)
    second = tab.get_by_role("group", name="Second?")
    second.get_by_label("yes").focus()
    tab.keyboard.press("Space")
    assert second.get_by_role("status").inner_text() == "✓ Right. Of course."
    tab.keyboard.press("ArrowDown")
    assert second.get_by_label("no").is_checked()
    assert second.get_by_role("status").inner_text() == "✗ Wrong. Think again."


def test_without_script_the_feedback_is_folded_away(browser, quiz):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(quiz)
    assert page.get_by_role("radio").count() == 0
    assert page.get_by_text("Because so.").is_hidden()
    page.get_by_text("Answers").first.click()
    assert page.get_by_text("Because so.").is_visible()
    context.close()


def test_paper_shows_all_feedback(tab, quiz):
    tab.goto(quiz)
    assert tab.get_by_text("Because so.").is_hidden()
    tab.emulate_media(media="print")
    for text in ("Because so.", "Because not.", "Of course.", "Think again."):
        assert tab.get_by_text(text).is_visible()
    assert tab.get_by_role("radio").count() == 0
