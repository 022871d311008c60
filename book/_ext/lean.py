"""Pages load only what they use.

The theme loads 1.5 MB of script that draws its icons a second time, which its icon font has drawn already, and the
index of the search on every page; MathJax comes with a menu half as large as the rest of it. By the filter of this
module ``book/templates/layout.html`` leaves the scripts away, and this module chooses MathJax's parts.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx

MATHJAX = "mathjax/startup.js"
MATHJAX_PARTS = ("input/tex", "output/chtml", "a11y/assistive-mml")


def without_scripts(html: str, *paths: str) -> str:
    """Return HTML without the script elements whose address ends in one of `paths`, a version behind it or not.

    Raises:
        ValueError: if one of them is not there, since then the theme has changed.
    """
    for path in paths:
        html, found = re.subn(rf'<script\b[^>]*\bsrc="[^"?]*{re.escape(path)}(?:\?[^"]*)?"[^>]*></script>\s*', "", html)
        if not found:
            raise ValueError(
                f"no script {path} in the theme's page: mend book/templates/layout.html, which leaves it away"
            )
    return html


def add_filter(app: Sphinx) -> None:
    """Give the templates of HTML pages the filter `without_scripts`."""
    if app.builder.format == "html":
        app.builder.templates.environment.filters["without_scripts"] = without_scripts


def setup(app: Sphinx) -> None:
    """Connect to Sphinx, after sphinx-mathjax-offline, which names MathJax's largest file."""
    if "sphinx-mathjax-offline" in app.extensions:
        app.config.mathjax_path = MATHJAX
        app.config.mathjax3_config = {**app.config.mathjax3_config, "loader": {"load": list(MATHJAX_PARTS)}}
    app.connect("builder-inited", add_filter)
