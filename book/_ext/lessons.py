"""What a reader can expect of a page, at its top, and the syllabus that collects it over the book.

``{at-a-glance}`` gives the minutes that a page takes, what one needs to know before, where in the paper it is, and what
one will be able to do; the minutes of its exercises are theirs. ``{syllabus}`` puts a table of all that in its place.
"""

from __future__ import annotations

from dataclasses import dataclass

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from .collected import Listing, book_order, detached, listing, noted, page_link, table
from .exercises import EXERCISES

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Glance:
    """A page at a glance: minutes to read and run it, needs and aims (nodes)."""

    minutes: int
    needs: nodes.Element
    aims: nodes.Element


GLANCE = "fedswitch_glance"
"""The name under which a page notes its glance."""


class AtAGlanceDirective(SphinxDirective):
    """``{at-a-glance}``: time, needs and place in the paper as options; what one will be able to do as a list."""

    has_content = True
    option_spec = {  # noqa: RUF012
        "time": directives.positive_int,
        "needs": directives.unchanged_required,
        "paper": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Return the box, a list of fields, and note the page for the syllabus."""
        body = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, body)
        if problem := self._problem(body):
            logger.warning("at-a-glance: %s", problem, location=(self.env.docname, self.lineno))
            return []
        needs, aims = self._inline(self.options["needs"]), body[0]
        glance = Glance(self.options["time"], detached(needs), detached(aims))
        self.env.metadata[self.env.docname][GLANCE] = glance
        time = nodes.paragraph("", f"{self.options['time']} minutes", classes=["glance-time"])
        fields = {"Time": time, "You need": needs}
        if "paper" in self.options:
            fields["In the paper"] = self._inline(self.options["paper"])
        fields["You will be able to"] = aims
        box = nodes.field_list()
        box += [
            nodes.field("", nodes.field_name("", name), nodes.field_body("", content))
            for name, content in fields.items()
        ]
        return [nodes.container("", box, classes=["at-a-glance"])]

    def _problem(self, body: nodes.Element) -> str | None:
        """Return what is wrong with the directive, or None."""
        if missing := {"time", "needs"} - set(self.options):
            return f"give it :{min(missing)}:"
        if len(body) != 1 or not isinstance(body[0], nodes.bullet_list):
            return "its content is one list of what the reader will be able to do"
        if GLANCE in self.env.metadata[self.env.docname]:
            return "this page has one already"
        return None

    def _inline(self, text: str) -> nodes.paragraph:
        parsed, _messages = self.state.inline_text(text, self.lineno)
        return nodes.paragraph("", "", *parsed)


def exercise_minutes(env: BuildEnvironment, page: str) -> int:
    """Return how long the exercises of a page take together."""
    return sum(exercise.minutes for exercise in env.metadata[page].get(EXERCISES, []))


def tell_exercise_minutes(app: Sphinx, document: nodes.document) -> None:
    """Say at the top of a page how long its exercises take, which come further down."""
    more = exercise_minutes(app.env, app.env.docname)
    for time in document.findall(nodes.paragraph):
        if more and "glance-time" in time["classes"]:
            time += nodes.Text(f", and {more} more for the exercises")


def syllabus(env: BuildEnvironment, _node: Listing) -> list[nodes.Node]:
    """Return the table of all pages with their times, needs and aims, in the order of the book, and how long it is."""
    by_page: dict[str, Glance] = noted(env, GLANCE)
    found = {page: by_page[page] for page in book_order(env) if page in by_page}
    more = {page: exercise_minutes(env, page) for page in found}
    rows = [
        [
            nodes.paragraph("", "", page_link(page)),
            nodes.paragraph("", f"{glance.minutes} min"),
            nodes.paragraph("", f"{more[page]} min" if more[page] else "none"),
            glance.needs.deepcopy(),
            glance.aims.deepcopy(),
        ]
        for page, glance in found.items()
    ]
    reading, solving = sum(glance.minutes for glance in found.values()) / 60, sum(more.values()) / 60
    return [
        table(["Page", "Time", "Exercises", "You need", "You will be able to"], rows, "syllabus"),
        nodes.paragraph("", f"Together {reading:.0f} hours, and {solving:.0f} more for the exercises."),
    ]


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("doctree-read", tell_exercise_minutes, priority=600)  # after they were noted
    app.add_directive("at-a-glance", AtAGlanceDirective)
    app.add_directive("syllabus", listing(syllabus))
