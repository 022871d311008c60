"""Builds a page with a drawing, and reads it; looks at the drawings of the book."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")

from _ext.inline_svg import inlined
from small_books import build_book
from sphinx.errors import SphinxError

ROOT = Path(__file__).resolve().parents[3]
FIGURE = re.compile(r"```\{figure\} (assets/\S+\.svg)\n---\nclass: inline\n")
DRAWINGS = {
    page.parent / name: page
    for page in (ROOT / "book").glob("*.md")
    for name in FIGURE.findall(page.read_text("utf-8"))
}

PAGE = """# Page

```{{figure}} one.svg
:class: inline
:name: fig-one
{alt}
A caption.
```

![the other](other.svg)
"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><circle r="1"/></svg>\n'


def build(folder, alt):
    files = {"index.md": PAGE.format(alt=alt), "one.svg": SVG, "other.svg": SVG}
    out, warned = build_book(folder, files, ["myst_parser", "_ext.inline_svg"])
    return (out / "index.html").read_text(encoding="utf-8"), warned


def test_a_drawing_is_part_of_its_page_and_any_other_image_is_not(tmp_path):
    page, warned = build(tmp_path, ':alt: a "dot"')
    assert warned == ""
    assert '<svg class="drawing" role="img" aria-label="a &quot;dot&quot;" xmlns=' in page
    assert "one.svg" not in page
    assert page.count("<svg") == 1
    assert re.search(r'<img[^>]*alt="the other"[^>]*src="_images/other.svg"', page)
    assert re.search(r'<figure[^>]*id="fig-one".*<circle r="1"/>.*A caption\..*</figure>', page, re.DOTALL)


def test_a_drawing_without_words_is_refused(tmp_path):
    with pytest.raises(SphinxError, match=r"one\.svg in index has no alternative text"):
        build(tmp_path, "")


def test_what_does_not_begin_as_a_drawing_is_refused():
    with pytest.raises(ValueError, match="must begin with"):
        inlined('<?xml version="1.0"?><svg></svg>', "a dot")


def test_the_book_has_drawings():
    assert {"cell", "lora"} <= {path.stem for path in DRAWINGS}


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
def test_a_drawing_of_the_book_styles_nothing_but_itself(path):
    """It shares the page with others: its rules begin with its own name, and so do the names that it refers to."""
    text = path.read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert root.get("id") == f"drawing-{path.stem}"
    style = re.sub(r"@media[^{]*\{((?:[^{}]*\{[^}]*\})*)\s*\}", r"\1", root.find("{*}style").text)
    selectors = [selector.strip() for selector in re.findall(r"([^{}]+)\{", style)]
    assert selectors
    assert all(selector.startswith(f"#drawing-{path.stem}") for selector in selectors)
    names = [element.get("id") for element in root.iter() if element.get("id")]
    assert all(path.stem in name for name in names)
    assert set(re.findall(r"url\(#([^)]+)\)", text)) <= set(names)


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.stem)
def test_letters_of_a_drawing_are_large_enough_on_a_phone(path):
    """At 320 px, what a phone of 360 px leaves to a figure, no letter but an index is smaller than 11 px."""
    text = path.read_text(encoding="utf-8")
    width = float(re.search(r'viewBox="\S+ \S+ (\S+) ', text)[1])
    style, _, on_a_phone = ElementTree.fromstring(text).find("{*}style").text.partition("@media")
    root_size = float(re.search(rf"#drawing-{path.stem} \{{ font-size: ([\d.]+)px", on_a_phone)[1])
    others = [float(size) for size in re.findall(r"\.[\w ]+\{[^}]*font-size: ([\d.]+)px", style)]
    assert min([root_size, *others]) * 320 / width >= 11
