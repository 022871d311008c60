"""Builds a small book with slides, reads them, and presents them in a browser."""

import re
from pathlib import Path

import pytest

pytest.importorskip("myst_nb")
pytest.importorskip("sphinx_book_theme")

from small_books import NOTEBOOK_HEADER, build_book

ASSETS = Path(__file__).parents[3] / "book" / "assets"
FIGURE = """\
---
mystnb:
  figure:
    name: fig-made
    caption: Long words.
---
from IPython.display import HTML
HTML('<div class="made">drawn</div>')
"""
PAGES = {
    "index.md": "# Book\n\n```{toctree}\npart/code\nslides\n```\n",
    "part/code.md": f"{NOTEBOOK_HEADER}\n# Code\n\n$$ a = b $$ (equal)\n\n```{{code-cell}} ipython3\n{FIGURE}```\n",
    "slides.md": (
        "---\nslides: true\n---\n# Slides\n\nPreface.\n\n## One\n\n{shown}`fig-made`\n\n## Two\n\n{shown}`equal`\n\n"
        "## Three\n\n<input type='range'>\n\n:::{div} speaker\nA note.\n:::\n"
    ),
}


def build(folder, builder="html", pages=PAGES):
    """Build the small book; return its folder and the warnings."""
    return build_book(
        folder, pages, ["myst_nb", "sphinx_book_theme", "sphinx_design", "_ext"], builder,
        html_theme="sphinx_book_theme", html_static_path=[str(ASSETS)], numfig=True, nb_execution_mode="force",
        myst_enable_extensions=["dollarmath", "colon_fence"], html_context={"default_mode": "auto"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder, warned = build(tmp_path_factory.mktemp("book"))
    assert warned == ""
    return folder


def test_slides_show_figures_and_equations_of_other_pages_and_lead_to_them(built):
    html = (built / "slides.html").read_text(encoding="utf-8")
    assert '<div class="made">drawn</div>' in html
    assert "Long words." not in html
    assert re.search(r'<figcaption>.*href="part/code.html#fig-made".*Fig\. 1.*</figcaption>', html, re.DOTALL)
    assert "a = b" in html
    assert "mathjax" in html  # which typesets it
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(set(ids)) == len(ids)


def test_only_slides_load_their_script(built):
    assert "slides.js" in (built / "slides.html").read_text(encoding="utf-8")
    assert "slides.js" not in (built / "part/code.html").read_text(encoding="utf-8")


def test_what_is_not_there_is_reported(tmp_path):
    _, warned = build(tmp_path, pages={"index.md": "# Book\n\n{shown}`fig-nowhere`\n"})
    assert "index.md:3: WARNING: shown: there is no figure or equation fig-nowhere" in warned


def test_a_book_on_one_page_has_each_figure_once(tmp_path):
    folder, _ = build(tmp_path, "singlehtml")
    assert (folder / "index.html").read_text(encoding="utf-8").count('<div class="made">') == 1


def test_slides_are_presented_one_by_one_and_are_a_page_again_afterwards(built, tab):
    tab.route(re.compile("^https?:"), lambda route: route.fulfill(body=""))  # a small book takes MathJax from the net
    tab.goto((built / "slides.html").as_uri())
    titles = [f"{title}#" for title in ("One", "Two", "Three")]
    assert tab.locator("article h2").all_text_contents() == titles
    tab.get_by_role("button", name="Present").click()
    dialog = tab.get_by_role("dialog")
    seen = [dialog.locator("h2").text_content()]
    for key in ("ArrowRight", "PageDown", "ArrowRight", "Home", "End"):
        tab.keyboard.press(key)
        seen.append(dialog.locator("h2").text_content())
    assert seen == [titles[i] for i in (0, 1, 2, 2, 0, 2)]
    assert not dialog.get_by_text("A note.").is_visible()
    dialog.get_by_role("slider").focus()
    tab.keyboard.press("ArrowLeft")  # moves the slider
    assert dialog.get_by_text("3 of 3").is_visible()
    dialog.get_by_role("button", name="Back").click()
    assert tab.url.endswith("#two")
    tab.keyboard.press("Escape")
    tab.wait_for_function("!document.querySelector('dialog h2')")  # the event follows the key
    assert tab.locator("article h2").all_text_contents() == titles
    assert tab.get_by_text("A note.").is_visible()
    tab.get_by_role("button", name="Present").click()
    assert dialog.get_by_text("2 of 3").is_visible()
