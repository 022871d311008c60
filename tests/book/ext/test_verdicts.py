"""Builds pages with verdicts, whose words are those of the records."""

import re

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")

from small_books import build_book

from fedswitch.paper import SIBLING, find

PAGE = """# Page

(erratum-2509.19306-eq-27)=
(erratum-2509.19306-eq-26)=
(erratum-2407.02924-eq-12)=
Records: {verdict}`eq-27`, {verdict}`2407.02924 eq-12`.

```{holds} eq-26 eq-27: *who* is missed, $1 - \\beta\\lambda$
The third term of (26) is zero.
```

```{holds} 2407.02924 eq-12: of the *sibling*
One over K.
```
"""


@pytest.fixture
def build(tmp_path):
    def built(page):
        out, warned = build_book(
            tmp_path, {"index.md": page}, ["myst_parser", "_ext"], nitpicky=True,
            myst_enable_extensions=["dollarmath"],
        )  # fmt: skip
        return (out / "index.html").read_text(encoding="utf-8"), warned

    return built


def test_a_verdict_is_that_of_the_record_and_leads_to_it(build):
    html, warned = build(PAGE)
    assert not warned
    badge = r'<span class="verdict verdict-(\w+)"><a [^>]*href="#(erratum-[^"]*)"><span [^>]*>(\w+)</span></a></span>'
    told = {anchor: word for kind, anchor, word in re.findall(badge, html) if kind == word}
    assert told == {
        f"erratum-2509-19306-{element}": find(element).verdict for element in ("eq-26", "eq-27")
    } | {"erratum-2407-02924-eq-12": find("eq-12", SIBLING).verdict}  # fmt: skip


def test_a_box_begins_with_the_verdicts_and_goes_on_with_what_is_said(build):
    html, _ = build(PAGE)
    box = html.partition('<div class="holds admonition">')[2].partition("</div>")[0]
    title = re.sub(r"<[^>]+>", "", box.partition('<p class="admonition-title">')[2].partition("</p>")[0])
    one, other = (find(element).verdict for element in ("eq-26", "eq-27"))
    assert title.startswith(f"What holds: (26) {one}, (27) {other}: who is missed, ")
    assert "<em>who</em>" in box
    assert "The third term of (26) is zero." in box


def test_a_box_may_be_about_the_sibling(build):
    html, _ = build(PAGE)
    assert f"What holds: (12) {find('eq-12', SIBLING).verdict}: of the sibling" in re.sub(r"<[^>]+>", "", html)


def test_an_element_may_be_named_as_the_paper_cites_it(build):
    html, warned = build("# Page\n\n{verdict}`Theorem 1`, {verdict}`2407.02924 Theorem 1`\n")
    assert find("thm-1").verdict in html
    assert "no record" not in warned


def test_a_box_about_nothing_is_reported(build):
    for text in (": no element", "2407.02924: none either"):
        _, warned = build(f"# Page\n\n```{{holds}} {text}\nText.\n```\n")
        assert "holds: name an element, such as eq-27, before the colon" in warned


@pytest.mark.parametrize("text", ["{verdict}`eq-72`", "```{holds} eq-72: no such number\nText.\n```"])
def test_an_element_without_a_record_is_reported(build, text):
    _, warned = build(f"# Page\n\n{text}\n")
    assert "no record of 'eq-72' in 2509.19306; near it: " in warned
