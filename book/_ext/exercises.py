"""Exercises say how hard they are, and a page can list all of them.

The grade is a class of the exercise, one of `GRADES`. It is shown behind the title; ``{exercise-list}`` puts a table of
all exercises of the book in its place, and counts them by grade.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx_exercise.nodes import exercise_subtitle, is_exercise_node

from .collected import (
    Listing,
    ListingDirective,
    PerPage,
    ResolveListing,
    book_order,
    cross_reference,
    detached,
    page_link,
    table,
)

GRADES = ("warm-up", "standard", "challenge")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Exercise:
    """An exercise as a list shows it: its label, its title (a node) and its grade."""

    label: str
    title: nodes.Element
    grade: str


EXERCISES: PerPage[list[Exercise]] = PerPage("exercises")


def grade_exercises(app: Sphinx, document: nodes.document) -> None:
    """Show the grade of each exercise of a page behind its title, and note the exercise for the list."""
    for node in document.findall(is_exercise_node):
        grades = [name for name in GRADES if name in node["classes"]]
        subtitle = next(iter(node[0].findall(exercise_subtitle)), None)
        if subtitle is None or len(grades) != 1:
            missing = "a title" if subtitle is None else f"exactly one class of {', '.join(GRADES)}"
            logger.warning("exercise %s: give it %s", node["label"], missing, location=node)
            continue
        title = nodes.paragraph("", "", *(child.deepcopy() for child in subtitle))
        exercise = Exercise(node["label"], detached(title), grades[0])
        EXERCISES.of(app.env).setdefault(app.env.docname, []).append(exercise)
        subtitle += [nodes.Text(", "), nodes.inline("", grades[0], classes=["grade"])]


class exercise_list(Listing):  # noqa: N801
    """Stands where the list of exercises shall be."""


class ExerciseListDirective(ListingDirective):
    """``{exercise-list}``: all exercises of the book with their grades, and how many there are of each."""

    listing = exercise_list


class ResolveExerciseList(ResolveListing):
    """Make the list of exercises."""

    listing = exercise_list

    def content(self) -> list[nodes.Node]:
        """Return the counts by grade, and the table in the order of the book."""
        noted = EXERCISES.of(self.env)
        found = [(page, exercise) for page in book_order(self.env) for exercise in noted.get(page, [])]
        counts = Counter(exercise.grade for _, exercise in found)
        shares = ", ".join(f"{counts[grade]} {grade}" for grade in GRADES)
        rows = [
            [
                nodes.paragraph("", "", cross_reference("numref", exercise.label)),
                exercise.title.deepcopy(),
                nodes.paragraph("", exercise.grade),
                nodes.paragraph("", "", page_link(page)),
            ]
            for page, exercise in found
        ]
        return [
            nodes.paragraph("", f"{len(found)} exercises: {shares}."),
            table(["Exercise", "About", "Grade", "Page"], rows, "exercise-list"),
        ]


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.setup_extension("sphinx_exercise")
    EXERCISES.connect(app)
    app.connect("doctree-read", grade_exercises)
    app.add_node(exercise_list)
    app.add_directive("exercise-list", ExerciseListDirective)
    app.add_post_transform(ResolveExerciseList)
