"""The book's door: who made it and when, at the foot of each page, and the ways to its repository, once that has one.

What the footer says is what the package says of itself, and the day of the last commit. The address of the repository
is the setting `repository_url` in ``_config.yml``. With it each page leads to its source and to a report of a mistake,
and a page with code to Binder, which makes the machine from ``environment.yml`` and, by ``postBuild``, the pages as
notebooks. Without it there are no such buttons.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from html import escape
from importlib.metadata import PackageMetadata, metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sphinx.application import Sphinx
from sphinx.config import Config

from fedswitch.studies.records import ask_git

from .downloads import has_notebook

ROOT = Path(__file__).resolve().parents[2]
"""The clone of the repository."""

NOTEBOOKS = "_build/notebooks"
"""Where ``postBuild`` writes the pages as notebooks."""


@dataclass(frozen=True)
class Host:
    """What follows a repository's address to edit a file or to report a mistake, and what Binder calls repositories."""

    edit: str
    report: str
    binder: str


HOSTS = {
    "https://github.com": Host("/edit/{branch}/{file}", "/issues/new?title={title}", "gh/{owner}/{name}"),
    "https://gitlab.com": Host("/-/edit/{branch}/{file}", "/-/issues/new?issue[title]={title}", "gl/{owner}%2F{name}"),
}
"""The hosts that are known; a repository elsewhere is shown as it is, and Binder takes its address."""


def footer(about: PackageMetadata, written: date) -> str:
    """Return what stands at the foot of each page, from the metadata of the package and the day of its last change."""
    parts = (
        f"{about['Name']} {about['Version']}, {written.day} {written:%B %Y}",
        f"written and maintained by {about['Author']}",
        f"{about['License-Expression']} license",
    )
    return f"<p>{' · '.join(map(escape, parts))}</p>"


def last_change(clone: Path) -> date:
    """Return the day of the last commit, or today where there is none, as in a copy without its history."""
    written = ask_git(clone, "log", "-1", "--format=%cs")
    return date.fromisoformat(written) if written else date.today()


def sign(_app: Sphinx, config: Config) -> None:
    """Sign the book as its package is signed, in the footer and wherever Sphinx names the author."""
    about, written = metadata("fedswitch"), last_change(ROOT)
    config.author, config.copyright = about["Author"], f"{written.year}, {about['Author']}"
    config.version = config.release = about["Version"]
    if config.html_theme == "sphinx_book_theme":
        config.html_theme_options |= {"footer_content_items": "extra-footer", "extra_footer": footer(about, written)}


def source_links(repository: str, branch: str, page: str, file: str) -> dict[str, str]:
    """Return addresses of a repository by what they are for: itself and, on a known host, an edit and a report."""
    repository = repository.rstrip("/").removesuffix(".git")
    links = {"Repository": repository}
    if host := HOSTS.get(repository.rsplit("/", 2)[0]):
        links["Suggest an edit"] = repository + host.edit.format(branch=quote(branch), file=quote(file))
        links["Report a mistake"] = repository + host.report.format(title=quote(f"On the page {page}", safe=""))
    return links


def binder_url(repository: str, branch: str, page: str) -> str:
    """Return the address at which Binder opens a page of the book in a repository, as a notebook in JupyterLab."""
    repository = repository.rstrip("/").removesuffix(".git")
    host, owner, name = repository.rsplit("/", 2)
    known = HOSTS.get(host)
    place = known.binder.format(owner=owner, name=name) if known else f"git/{quote(repository, safe='')}"
    return f"https://mybinder.org/v2/{place}/{quote(branch, safe='')}?urlpath=lab/tree/{NOTEBOOKS}/{page}.ipynb"


def offer_repository(app: Sphinx, page: str, _template: str, context: dict[str, Any], doctree: object) -> None:
    """Give a page its buttons."""
    repository, branch = app.config.repository_url, app.config.repository_branch
    if not (repository and doctree):
        return
    file = Path(app.env.doc2path(page)).relative_to(app.srcdir).as_posix()
    buttons = [
        {"type": "link", "url": url, "text": text, "label": f"{text.split()[0].lower()}-button"}
        for text, url in source_links(repository, branch, page, file).items()
    ]
    context["header_buttons"].append(
        {"type": "group", "buttons": buttons, "icon": "fas fa-code-branch", "tooltip": "Repository", "label": "source"}
    )
    if has_notebook(app.env, page):
        context["header_buttons"].append(
            {
                "type": "link",
                "url": binder_url(repository, branch, page),
                "icon": "fas fa-rocket",
                "tooltip": "Run this page on Binder",
                "label": "binder-button",
            }
        )


def setup(app: Sphinx) -> None:
    """Connect to Sphinx, after the theme has made its buttons."""
    # not the theme's options of these names, since the theme refuses hosts that it does not know
    app.add_config_value("repository_url", "", "html", str)
    app.add_config_value("repository_branch", "main", "html", str)
    app.connect("config-inited", sign)
    app.connect("html-page-context", offer_repository, priority=600)
