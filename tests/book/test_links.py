"""Reads every page of the built book, without a browser: links, anchors, titles, alt texts."""

import functools
import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
BYTES_BEFORE_PAINT = 0.75e6


@dataclass(repr=False)
class Page(HTMLParser):
    """What a page consists of, as far as these tests ask."""

    html: str
    language: str | None = None
    title: str = ""
    ids: Counter = field(default_factory=Counter)
    links: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    blocking: list[str] = field(default_factory=list)
    alts: list[str | None] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self):
        super().__init__()
        self.feed(self.html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        in_text, in_head = "article" in self.open, "head" in self.open
        if tag not in VOID:
            self.open.append(tag)
        self.ids.update([attrs["id"]] if "id" in attrs else [])
        self.links += [attrs["href"]] if tag in ("a", "link") and "href" in attrs else []
        self.sources += [attrs["src"]] if "src" in attrs else []
        if in_head and tag == "script" and "src" in attrs and not {"defer", "async"} & attrs.keys():
            self.blocking.append(attrs["src"])
        if in_head and tag == "link" and attrs.get("rel") == "stylesheet":
            self.blocking.append(attrs["href"])
        if tag == "html":
            self.language = attrs.get("lang")
        if tag == "img" and in_text:
            self.alts.append(attrs.get("alt"))

    def handle_endtag(self, tag):
        while tag in self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if self.open[-2:] == ["head", "title"]:
            self.title += data


@functools.cache
def read(path):
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture
def content(page, book):
    return read(book / page)


def resolve(book, page, address):
    """The file of the book that an address on a page means, and the anchor in it; None for what is not in the book."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    path = (book / page).parent / unquote(parts.path) if parts.path else book / page
    return path.resolve(), unquote(parts.fragment)


def test_links_and_anchors_lead_somewhere(content, page, book):
    broken = []
    for address in {*content.links, *content.sources}:
        if (target := resolve(book, page, address)) is None:
            continue
        path, anchor = target
        if not path.is_file() or (anchor and path.suffix == ".html" and anchor not in read(path).ids):
            broken.append(address)
    assert not broken


def test_ids_are_unique(content):
    assert not [name for name, times in content.ids.items() if times > 1]


def test_page_says_what_it_is_and_in_which_language(content):
    assert content.language == "en"
    assert re.fullmatch(r".{3,80} [—-] fedswitch", content.title)


def test_images_are_described(content):
    for alt in content.alts:
        assert alt is not None
        assert len(alt) >= 20, alt
        assert not re.search(r"\.(png|svg|jpe?g)\b|_images/", alt), alt


def test_page_is_painted_after_few_bytes(content, page, book):
    """What a browser must have before it shows anything; how soon it does is for benchmarks/pages.py to say."""
    needed = [address for address in content.blocking if not address.endswith("searchindex.js")]  # of the search alone
    paths = [path for path, _ in (resolve(book, page, address.split("?")[0]) for address in needed)]
    assert sum(path.stat().st_size for path in paths) < BYTES_BEFORE_PAINT


def test_titles_differ(book):
    titles = Counter(
        read(path).title
        for path in book.rglob("*.html")
        if not path.relative_to(book).parts[0].startswith("_") and path != book / "index.html"
    )
    assert titles
    assert not [title for title, times in titles.items() if times > 1]
