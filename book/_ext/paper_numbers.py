"""What carries a number of the paper or of its sibling keeps it.

A label ``paper-KIND-NUMBER`` names something of the paper, where KIND is eq, thm, alg, fig or ass: ``paper-eq-7a`` is
shown and cited as (7a), ``paper-thm-1`` as Theorem 1, ``paper-fig-3`` as Fig. 3; ``sibling-eq-7`` is (7) of the
sibling. Everything else is numbered by chapter, so a number with a dot is ours. A page about a figure is no chapter:
it carries the number of that figure, and what is ours on it begins with F2 on the page of Fig. 2, with S3 on that of
the sibling's Fig. 3.
"""

from __future__ import annotations

import itertools
import re

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

PAPER_LABEL = re.compile(r"(?:equation-)?(?:paper|sibling)-(?:eq|thm|alg|fig|ass)-(\d+[a-z]?)")

FIGURE_LABEL = re.compile(r"(paper|sibling)-fig-(\d+)")
LETTERS = {"paper": "F", "sibling": "S"}


def paper_number(label: str) -> str | None:
    """Return the paper's number that a label asks for, or None for a label of our own."""
    match = PAPER_LABEL.fullmatch(label)
    return match.group(1) if match else None


def number_as_in_the_paper(_app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Put the paper's numbers in place of the ones that Sphinx counted; no page has to be read again."""
    figures = figure_pages(env)
    for page, kinds in env.toc_fignumbers.items():
        for numbers in kinds.values():
            ours = itertools.count(1)
            for label in numbers:
                if number := paper_number(label):
                    numbers[label] = (number,)  # type: ignore[assignment]  # Sphinx joins the parts as text
                elif page in figures:
                    numbers[label] = (figures[page], next(ours))  # type: ignore[assignment]
    return []


def figure_pages(env: BuildEnvironment) -> dict[str, str]:
    """The pages about a figure that are no chapters, and with what their own numbers begin."""
    labels = env.get_domain("std").anonlabels.items()  # type: ignore[attr-defined]
    found = [(page, FIGURE_LABEL.fullmatch(name)) for name, (page, _) in labels]
    return {
        page: f"{LETTERS[figure[1]]}{figure[2]}"
        for page, figure in found
        if figure and not env.toc_secnumbers.get(page)
    }


def setup(app: Sphinx) -> None:
    """Connect to Sphinx, after Sphinx and sphinx-proof have counted."""
    app.connect("env-get-updated", number_as_in_the_paper, priority=900)
