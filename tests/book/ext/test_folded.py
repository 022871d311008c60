"""Builds a page with a small run, and one without."""

import re

import pytest

pytest.importorskip("sphinx")
pytest.importorskip("myst_parser")

from small_books import build_book

PAGE = """# Fig. 2

Recorded.

## At classroom scale

Small.

### Parameters

Few.

## Summary

See {ref}`inside <few>`.
"""


@pytest.fixture
def study(tmp_path):
    files = {"index.md": "# Book\n\n```{toctree}\nstudy\n```\n", "study.md": PAGE.replace("### P", "(few)=\n### P")}
    out, warned = build_book(tmp_path, files, ["myst_parser", "_ext"], nitpicky=True)
    assert warned == ""
    return (out / "study.html").read_text(encoding="utf-8")


def test_the_small_run_is_folded_under_its_title_and_nothing_else(study):
    (inside,) = re.findall(r'<details class="folded"><summary>[^<]+</summary>(.*?)</details>', study, re.DOTALL)
    assert re.findall(r"<p>(\w+)\.</p>", inside) == ["Small", "Few"]
    before, _, after = study.partition(inside)
    assert "<h2>At classroom scale" in before
    assert "Recorded." in before
    assert "<h2>Summary" in after


def test_links_into_what_is_folded_lead_to_its_places(study):
    assert re.search(r'<details.*id="few".*</details>.*href="#few"', study, re.DOTALL)
