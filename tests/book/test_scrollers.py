"""Opens tables on a phone and on a desktop: those that do not fit a phone become cards, in which nothing is lost."""

from pathlib import Path

import pytest

ASSETS = Path(__file__).parents[2] / "book" / "assets"
WORDS = "A phone that stands at the edge of the cell is heard less often than one near the gNB. " * 3
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<style>body {{ margin: 8px; line-height: 1.5; }} .pst-scrollable-table-container {{ overflow: auto; }}</style>
<link rel="stylesheet" href="{style}"><script src="{script}" defer></script><body><article>{tables}</article></body>
</html>"""
SMALL = [["K", "delay"], ["10", "1.2"]]
OF_WORDS = [
    ["Where", "What", ""],
    ["<p>edge</p>", f"<p>{WORDS}</p>", "<p></p>"],
    ["<p>middle</p>", "<p>Yes.</p>", "<p>no head</p>"],
]
OF_NUMBERS = [
    ["", *(f"quantity_{i}" for i in range(9))],
    ["scheme", *[""] * 9],
    ["greedy", *(f"{i}.5" for i in range(9))],
]


def table(name, rows, heads=1):
    cell = {True: "th", False: "td"}
    written = ["".join(f"<{cell[i < heads]}>{text}</{cell[i < heads]}>" for text in row) for i, row in enumerate(rows)]
    head, body = ("".join(f"<tr>{row}</tr>" for row in part) for part in (written[:heads], written[heads:]))
    return (
        f'<div class="pst-scrollable-table-container"><table class="table" id="{name}"><thead>{head}</thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


@pytest.fixture
def shown(tab, tmp_path):
    """A page with tables, as it looks at a width in pixels."""
    spanning = table("spans", OF_NUMBERS, 2).replace("<td>greedy", '<td rowspan="2">greedy')
    tables = table("small", SMALL) + table("words", OF_WORDS) + table("numbers", OF_NUMBERS, 2) + spanning
    (tmp_path / "page.html").write_text(
        PAGE.format(style=(ASSETS / "book.css").as_uri(), script=(ASSETS / "scrollers.js").as_uri(), tables=tables),
        encoding="utf-8",
    )

    def at(width):
        tab.set_viewport_size({"width": width, "height": 800})
        tab.goto((tmp_path / "page.html").as_uri())
        tab.wait_for_function("() => document.querySelector('#spans').parentElement.tabIndex === 0 || innerWidth > 600")
        return tab

    return at


def test_on_a_phone_tables_that_do_not_fit_become_cards(shown):
    tab = shown(390)
    stacked = tab.evaluate("() => [...document.querySelectorAll('.stacked')].map((table) => table.id)")
    assert stacked == ["words", "numbers"]  # neither what fits nor what spans rows, which scrolls
    first, second = tab.locator("#words tbody tr").all()
    assert first.inner_text().split("\n\n") == ["Where: edge", f"What: {WORDS}".strip()]
    assert second.inner_text().split("\n\n") == ["Where: middle", "What: Yes.", "no head"]
    numbers = " ".join(tab.locator("#numbers tbody tr").inner_text().split())
    assert numbers == "scheme: greedy " + " ".join(f"quantity_{i}: {i}.5" for i in range(9))
    assert tab.evaluate("() => document.documentElement.scrollWidth") <= 390


def test_when_the_phone_is_turned_they_are_tables_again(shown):
    tab = shown(390)
    tab.set_viewport_size({"width": 844, "height": 390})
    assert tab.locator("#words thead").is_visible()
    assert tab.locator("#words tbody tr").last.inner_text().split() == ["middle", "Yes.", "no", "head"]


def test_a_link_into_what_is_folded_opens_it(tab, tmp_path):
    folded = '<details id="out"><summary>More</summary><details><p id="in">Here.</p></details></details>'
    page = PAGE.format(style="", script=(ASSETS / "scrollers.js").as_uri(), tables=f'<a href="#out">Go.</a>{folded}')
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    tab.goto((tmp_path / "page.html").as_uri() + "#in")
    assert tab.locator("details[open]").count() == 2
    tab.goto("about:blank")
    tab.goto((tmp_path / "page.html").as_uri())
    assert tab.locator("details[open]").count() == 0
    tab.get_by_role("link").click()
    tab.wait_for_function("() => document.querySelectorAll('details[open]').length === 1")


def test_on_a_desktop_tables_are_tables(shown):
    assert shown(1280).locator(".stacked").count() == 0
