"""Prints a small book with Chromium and reads the PDF: its pages, jumps, outline and contents."""

import ast
import io
import re
import sys
from pathlib import Path

import pytest
from _ext import pdf
from _ext.pdf import find_browser, print_book

from fedswitch.errors import FedswitchError

ROOT = Path(__file__).parents[3]

BOOK = """<!DOCTYPE html><html lang="en"><head><title>Small</title><style>
span + section { break-before: page }
.printed-contents a::after { content: " on page " attr(data-page) }
</style></head><body><article>
<section id="start"><h1>Start here</h1><p>See <a href="#eq-2">(2)</a> and <a href="#second">Two</a>.</p>
<span id="document-one"></span>
<section id="first"><h2>One<a href="#first">#</a></h2><p id="eq-2">Equation two</p></section>
<span id="document-two"></span>
<section id="second"><h2>Two</h2><details><summary>Solution</summary>Folded words</details>
    <details class="hide"><summary>Code</summary>Drawing code</details></section>
</section></article></body></html>
"""


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    pypdf = pytest.importorskip("pypdf")
    pytest.importorskip("playwright")
    if not find_browser():
        pytest.skip("needs a browser: `apt-get install chromium`, or Google Chrome elsewhere")
    page = tmp_path_factory.mktemp("book") / "index.html"
    page.write_text(BOOK, encoding="utf-8")
    return pypdf.PdfReader(io.BytesIO(print_book(page)))


def jumps(reader):
    """The page that each link leads to, by the page on which it stands."""
    links = [
        (number, annotation.get_object())
        for number, page in enumerate(reader.pages)
        for annotation in page.get("/Annots", ())
    ]
    names = {name: reader.get_destination_page_number(at) for name, at in reader.named_destinations.items()}
    return [(number, names[link["/Dest"]]) for number, link in links if link["/Subtype"] == "/Link"]


def test_every_reference_jumps_to_its_page(reader):
    assert [page.extract_text().split("\n")[0] for page in reader.pages][1:] == ["One#", "Two"]
    assert len(jumps(reader)) >= 5
    assert set(jumps(reader)) == {(0, 1), (0, 2), (1, 1)}


def test_contents_name_the_pages_on_which_chapters_begin(reader):
    lines = [line.strip() for line in reader.pages[0].extract_text().splitlines()]
    assert "Contents" in lines
    assert [line for line in lines if "on page" in line] == ["One on page 2", "Two on page 3"]


def test_pages_are_numbered(reader):
    assert [page.extract_text().split()[-1] for page in reader.pages] == ["1", "2", "3"]


def test_outline_has_the_headings_and_the_file_is_tagged(reader):
    def titles(items):
        return [title for item in items for title in (titles(item) if isinstance(item, list) else [item.title])]

    assert {"Start here", "Contents", "Two"} <= set(titles(reader.outline))
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]


def test_solutions_are_open_and_code_of_figures_stays_folded(reader):
    text = reader.pages[2].extract_text()
    assert "Folded words" in text
    assert "Drawing code" not in text


def test_the_sessions_know_the_same_browsers():
    """`noxfile.py` runs outside of the environment, and cannot import them."""
    (names,) = re.findall(r"^BROWSERS = (\(.*\))", (ROOT / "noxfile.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert ast.literal_eval(names) == pdf.BROWSERS


def test_without_a_browser_it_says_how_to_get_one(monkeypatch, tmp_path):
    pytest.importorskip("playwright")
    pytest.importorskip("pypdf")
    monkeypatch.setattr(pdf.shutil, "which", lambda _: None)
    with pytest.raises(FedswitchError, match="apt-get install chromium"):
        print_book(tmp_path / "index.html")


def test_without_playwright_it_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    with pytest.raises(FedswitchError, match="pip install playwright"):
        print_book(tmp_path / "index.html")
