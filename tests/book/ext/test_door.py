"""Builds a small book in the book's theme, with and without the address of its repository, and reads its pages."""

import os
import re
import subprocess
import tomllib
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

pytest.importorskip("myst_nb")
pytest.importorskip("sphinx_book_theme")

from _ext.door import NOTEBOOKS, binder_url, footer, last_change, source_links
from small_books import NOTEBOOK_HEADER, build_book

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGES = {
    "index.md": "# Book\n\n```{toctree}\npart/words\npart/code\n```\n",
    "part/words.md": "# Words\n\nOnly words.\n",
    "part/code.md": NOTEBOOK_HEADER + "\n# Code\n\n```{code-cell} ipython3\n1 + 1\n```\n",
}
ADDRESSES = ["https://github.com/someone/book", "https://gitlab.com/someone/book", "https://code.example.org/some/book"]


class Links(HTMLParser):
    """The texts of links outside the book, by address."""

    def __init__(self, html):
        super().__init__()
        self.found, self.inside = {}, None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            address = dict(attrs).get("href", "")
            self.inside = address if address.startswith("https:") else None

    def handle_endtag(self, tag):
        self.inside = None if tag == "a" else self.inside

    def handle_data(self, data):
        if self.inside:
            self.found[self.inside] = (self.found.get(self.inside, "") + data).strip()


def build(folder, **settings):
    """Build the small book; return its pages by name."""
    extensions = ["myst_nb", "sphinx_book_theme", "_ext"]
    settings |= {"html_theme": "sphinx_book_theme", "nb_execution_mode": "off"}
    out, warned = build_book(folder, PAGES, extensions, **settings)
    assert warned == ""
    return {name.removesuffix(".md"): (out / name).with_suffix(".html").read_text(encoding="utf-8") for name in PAGES}


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """The pages of a book that knows no repository, whose setting is there and empty."""
    return build(tmp_path_factory.mktemp("closed"), repository_url="", repository_branch="main")


def test_every_page_says_what_it_is_of_what_day_whose_and_under_which_license(closed):
    for html in closed.values():
        text = re.sub(r"<[^>]+>", "", html.partition('class="extra_footer"')[2])
        assert f"fedswitch {PROJECT['version']}, " in text
        assert f"{last_change(ROOT):%B %Y} · written and maintained by {PROJECT['authors'][0]['name']} · " in text
        assert f"{PROJECT['license']} license" in text


def test_footer_shows_names_as_they_are_written():
    about = {"Name": "a", "Version": "1.2", "Author": "Ada & Bob <x>", "License-Expression": "MIT"}
    assert footer(about, date(2026, 11, 3)) == (
        "<p>a 1.2, 3 November 2026 · written and maintained by Ada &amp; Bob &lt;x&gt; · MIT license</p>"
    )


def test_day_is_that_of_the_last_commit_or_today_where_there_is_none(tmp_path):
    before, found = date.today(), last_change(tmp_path)
    assert before <= found <= date.today()
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    then = os.environ | {"GIT_COMMITTER_DATE": "2001-02-03T12:00:00Z"}
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message=a"], check=True, env=then)
    assert last_change(tmp_path) == date(2001, 2, 3)


def test_without_an_address_no_page_leads_to_a_repository(closed):
    for html in closed.values():
        assert not {"Repository", "Suggest an edit", "Report a mistake"} & set(Links(html).found.values())
        assert "binder" not in html.lower()


@pytest.mark.parametrize("address", ADDRESSES)
def test_with_an_address_pages_lead_there_and_those_with_code_to_binder(address, tmp_path):
    pages = build(tmp_path, repository_url=address, repository_branch="stable")
    for page, html in pages.items():
        found = Links(html).found
        for text, url in source_links(address, "stable", page, f"{page}.md").items():
            assert found[url] == text
        assert (binder_url(address, "stable", page) in found) == (page == "part/code")


@pytest.mark.parametrize(
    ("address", "edit", "report"),
    [
        ("https://github.com/a/b.git/", "/edit/main/book/x.md", "/issues/new?title=On%20the%20page%20book%2Fx"),
        ("https://gitlab.com/a/b", "/-/edit/main/book/x.md", "/-/issues/new?issue[title]=On%20the%20page%20book%2Fx"),
        ("https://code.example.org/a/b", None, None),
    ],
)
def test_address_of_an_edit_and_of_a_report(address, edit, report):
    links = source_links(address, "main", "book/x", "book/x.md")
    base = links.pop("Repository")
    assert base == address.removesuffix(".git/")
    assert links == ({"Suggest an edit": base + edit, "Report a mistake": base + report} if edit else {})


@pytest.mark.parametrize(
    ("repository", "place"),
    [
        ("https://github.com/someone/book", "gh/someone/book/main"),
        ("https://github.com/someone/book.git/", "gh/someone/book/main"),
        ("https://gitlab.com/someone/book", "gl/someone%2Fbook/main"),
        ("https://code.example.org/someone/book", "git/https%3A%2F%2Fcode.example.org%2Fsomeone%2Fbook/main"),
    ],
)
def test_address_on_binder(repository, place):
    opened = "?urlpath=lab/tree/_build/notebooks/book/theorem.ipynb"
    assert binder_url(repository, "main", "book/theorem") == f"https://mybinder.org/v2/{place}{opened}"


def test_binder_finds_the_notebooks_that_the_button_opens():
    build_steps = (ROOT / "postBuild").read_text(encoding="utf-8")
    assert f"python -m _ext.unexecuted {NOTEBOOKS}\n" in build_steps
    assert os.access(ROOT / "postBuild", os.X_OK)


def test_the_public_host_runs_what_ci_runs_and_publishes_the_book_that_it_builds():
    jobs = yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text(encoding="utf-8"))["jobs"]
    steps = jobs["check"]["steps"]
    assert os.access(ROOT / next(step["run"] for step in steps if step.get("run", "").startswith(".ci")), os.X_OK)
    assert "nox -s lint tests book" in (ROOT / ".ci/run").read_text(encoding="utf-8")
    (published,) = (step["with"]["path"] for step in steps if "upload-pages" in step.get("uses", ""))
    assert f'BUILD = ROOT / "{Path(published).parent}"' in (ROOT / "noxfile.py").read_text(encoding="utf-8")
    assert jobs["publish"]["needs"] == "check"
    assert jobs["publish"]["permissions"] == {"pages": "write", "id-token": "write"}
