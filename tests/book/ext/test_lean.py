"""Builds a small book with the theme and reads off its pages what they load, and which anchors they have."""

import re
from pathlib import Path

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")
pytest.importorskip("sphinx_proof")
pytest.importorskip("sphinx_book_theme")
pytest.importorskip("sphinx-mathjax-offline")


from _ext.lean import without_scripts
from small_books import build_book

TEMPLATES = Path(__file__).parents[3] / "book" / "templates"
PAGE = """# Title

$$ a = b $$

```{prf:theorem} One
First.
```

```{prf:theorem} Two
Second.
```

```{toctree}
part
```
"""


@pytest.mark.parametrize("address", ["a.js", "../_static/a.js", "../_static/a.js?v=1"])
def test_script_is_left_away_and_the_rest_stays(address):
    kept = '<script src="b.js"></script><script>let a = 1</script><link href="a.js">'
    assert without_scripts(f'<script defer src="{address}"></script>\n{kept}', "a.js") == kept


def test_script_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match=r"no script a\.js"):
        without_scripts('<script src="b.js?a.js"></script>', "a.js")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages of a small book, by name."""
    folder = tmp_path_factory.mktemp("book")
    files = {"index.md": PAGE, "part.md": "# Part\n\n```{toctree}\nchapter\n```\n", "chapter.md": "# Chapter\n"}
    out, warned = build_book(
        folder,
        files,
        ["myst_parser", "sphinx_proof", "sphinx-mathjax-offline", "_ext"],
        myst_enable_extensions=["dollarmath"],
        html_theme="sphinx_book_theme",
        html_sidebars={"**": ["sbt-sidebar-nav.html"]},
        templates_path=[str(TEMPLATES)],
        mathjax3_config={"tex": {"macros": {"ours": "x"}}},
    )
    assert warned == ""
    return {name: (out / f"{name}.html").read_text(encoding="utf-8") for name in ("index", "search")}


def loaded(page):
    return {re.sub(r"\?.*", "", address).removeprefix("_static/") for address in re.findall(r'src="([^"]+)"', page)}


def test_pages_leave_away_the_icons_drawn_twice(pages):
    for page in pages.values():
        assert "scripts/bootstrap.js" in loaded(page)
        assert "scripts/fontawesome.js" not in loaded(page)


def test_only_the_search_loads_its_index(pages):
    assert {"searchindex.js", "searchtools.js"} <= loaded(pages["search"])
    assert not {"searchindex.js", "searchtools.js"} & loaded(pages["index"])


def test_search_asks_for_no_other_page_from_disk(pages):
    assert 'location.protocol === "file:"' in pages["search"]
    assert 'location.protocol === "file:"' not in pages["index"]


def test_mathjax_comes_in_parts_with_the_books_macros(pages):
    assert "mathjax/startup.js" in loaded(pages["index"])
    assert '"output/chtml"' in pages["index"]
    assert '"ours": "x"' in pages["index"]


def test_no_two_theorems_share_an_anchor(pages):
    anchors = re.findall(r'\bid="([^"]+)"', pages["index"])
    assert pages["index"].count('class="proof theorem') == 2
    assert len(set(anchors)) == len(anchors)


def test_what_unfolds_a_part_of_the_contents_has_a_name(pages):
    assert '<summary aria-label="Pages of this part"><span class="toctree-toggle"' in pages["index"]
    assert "<summary><span" not in pages["index"]
