"""Exercises say how hard they are and how long they take, and a page can list all of them.

The grade is a class of the exercise, one of `GRADES`; its minutes are the option ``time``. Both are shown behind the
title; ``{exercise-list}`` puts a table of all exercises of the book in its place, and counts them by grade.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx_exercise.directive import ExerciseDirective
from sphinx_exercise.nodes import exercise_subtitle, is_exercise_node

from .collected import Listing, book_order, cross_reference, detached, listing, noted, page_link, table

GRADES = ("warm-up", "standard", "challenge")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Exercise:
    """An exercise as a list shows it: its label, its title (a node), its grade, and the minutes that it takes."""

    label: str
    title: nodes.Element
    grade: str
    minutes: int


EXERCISES = "fedswitch_exercises"
"""The name under which a page notes its exercises."""


class TimedExerciseDirective(ExerciseDirective):  # type: ignore[misc]  # sphinx-exercise has no types
    """``{exercise}``, which also takes its minutes, as ``time``."""

    option_spec = {**ExerciseDirective.option_spec, "time": directives.positive_int}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """Return the exercise, which knows its minutes where they were given."""
        made: list[nodes.Node] = super().run()
        for node in made:
            node["minutes"] = self.options.get("time")
        return made


def grade_exercises(app: Sphinx, document: nodes.document) -> None:
    """Show grade and minutes of each exercise of a page behind its title, and note the exercise for the list."""
    for node in document.findall(is_exercise_node):
        grades = [name for name in GRADES if name in node["classes"]]
        subtitle = next(iter(node[0].findall(exercise_subtitle)), None)
        if subtitle is None or len(grades) != 1 or not node.get("minutes"):
            of_grades = f"exactly one class of {', '.join(GRADES)}"
            missing = "a title" if subtitle is None else of_grades if len(grades) != 1 else ":time:, in minutes"
            logger.warning("exercise %s: give it %s", node["label"], missing, location=node)
            continue
        title = nodes.paragraph("", "", *(child.deepcopy() for child in subtitle))
        exercise = Exercise(node["label"], detached(title), grades[0], node["minutes"])
        app.env.metadata[app.env.docname].setdefault(EXERCISES, []).append(exercise)
        subtitle += [nodes.Text(", "), nodes.inline("", f"{grades[0]}, {node['minutes']} min", classes=["grade"])]


def exercise_list(env: BuildEnvironment, _node: Listing) -> list[nodes.Node]:
    """Return how many exercises there are of each grade, and the table of all, in the order of the book."""
    by_page: dict[str, list[Exercise]] = noted(env, EXERCISES)
    found = [(page, exercise) for page in book_order(env) for exercise in by_page.get(page, [])]
    counts = Counter(exercise.grade for _, exercise in found)
    shares = ", ".join(f"{counts[grade]} {grade}" for grade in GRADES)
    rows = [
        [
            nodes.paragraph("", "", cross_reference("numref", exercise.label)),
            exercise.title.deepcopy(),
            nodes.paragraph("", exercise.grade),
            nodes.paragraph("", f"{exercise.minutes} min"),
            nodes.paragraph("", "", page_link(page)),
        ]
        for page, exercise in found
    ]
    return [
        nodes.paragraph("", f"{len(found)} exercises: {shares}."),
        table(["Exercise", "About", "Grade", "Time", "Page"], rows, "exercise-list"),
    ]


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.setup_extension("sphinx_exercise")
    app.add_directive("exercise", TimedExerciseDirective, override=True)
    app.connect("doctree-read", grade_exercises)
    app.add_directive("exercise-list", listing(exercise_list))
