"""A button that runs a page on Binder, once the book knows the address of its repository.

The address is the option `repository_url` of the theme. Binder makes the machine from ``environment.yml`` and, by
``postBuild``, the pages as notebooks; without an address there is nothing that it could run, and no button.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sphinx.application import Sphinx

from .downloads import has_notebook

NOTEBOOKS = "_build/notebooks"
"""Where ``postBuild`` writes the pages as notebooks."""

HOSTS = {"https://github.com": "gh/{owner}/{name}", "https://gitlab.com": "gl/{owner}%2F{name}"}
"""What Binder calls repositories of the hosts that it knows; others are given by their address."""


def binder_url(repository: str, branch: str, page: str) -> str:
    """Return the address at which Binder opens a page of the book in a repository, as a notebook in JupyterLab."""
    repository = repository.rstrip("/").removesuffix(".git")
    host, owner, name = repository.rsplit("/", 2)
    place = HOSTS.get(host, f"git/{quote(repository, safe='')}").format(owner=owner, name=name)
    return f"https://mybinder.org/v2/{place}/{quote(branch, safe='')}?urlpath=lab/tree/{NOTEBOOKS}/{page}.ipynb"


def offer_binder(app: Sphinx, page: str, _template: str, context: dict[str, Any], doctree: object) -> None:
    """Give a page with code the button."""
    options = app.config.html_theme_options
    repository = options.get("repository_url")
    if not (repository and doctree and has_notebook(app.env, page)):
        return
    context["header_buttons"].append(
        {
            "type": "link",
            "url": binder_url(repository, options.get("repository_branch") or "main", page),
            "icon": "fas fa-rocket",
            "tooltip": "Run this page on Binder",
            "label": "binder-button",
        }
    )


def setup(app: Sphinx) -> None:
    """Connect to Sphinx, after the theme has made its buttons."""
    app.connect("html-page-context", offer_binder, priority=600)
