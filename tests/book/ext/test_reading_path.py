"""Builds three pages, two of which say how long they take, and a path through them."""

import re

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")
pytest.importorskip("sphinx_exercise")

from small_books import build_book

GLANCE = """# {title}

```{{at-a-glance}}
:time: {minutes}
:needs: nothing

- read on
```
"""

PAGES = {
    "index": "# Book\n\n```{toctree}\npart/first\npart/second\nother\n```\n",
    "part/first": GLANCE.format(title="The first", minutes=50) + "\n```{reading-path} second, first, /other\n```\n",
    "part/second": GLANCE.format(title="The second", minutes=7),
    "other": GLANCE.format(title="Another", minutes=3),
}


@pytest.fixture
def build(tmp_path):
    def built(changes):
        files = {f"{name}.md": text for name, text in (PAGES | changes).items()}
        out, warned = build_book(tmp_path, files, ["myst_parser", "sphinx_exercise", "_ext"], nitpicky=True)
        html = (out / "part" / "first.html").read_text(encoding="utf-8")
        path = html.partition('<p class="reading-path">')[2].partition("</p>")[0]
        return path, re.sub(r"<[^>]+>", "", path), warned

    return built


def test_a_path_links_to_its_pages_in_order_and_adds_up_their_times(build):
    html, text, _ = build({})
    assert re.findall(r'href="([^"]*)"', html) == ["second.html", "#", "../other.html"]
    assert text == "The second (7 min), The first (50 min), Another (3 min), together 60 minutes."


def test_a_path_follows_when_another_page_changes(build):
    build({})
    _, text, _ = build({"other": GLANCE.format(title="Another", minutes=4)})
    assert text.endswith("Another (4 min), together 61 minutes.")


def test_a_page_that_does_not_say_its_time_is_reported(build):
    _, text, warned = build({"other": "# Another\n"})
    assert "reading-path: page other has no {at-a-glance}" in warned
    assert text == "The second (7 min), The first (50 min), together 57 minutes."
