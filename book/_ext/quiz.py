"""A quiz for self-checking: questions with answers to choose from, and for each answer why it is right or wrong.

``{quiz}`` holds a numbered list of questions. Each ends in a list of answers, marked ``[x]`` where right and ``[ ]``
where wrong; below an answer stands its feedback. The page shows questions, answers and, folded away, the feedback.
Where scripts run, ``quiz.js`` makes radio buttons of the answers and shows the feedback of the one that is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

RIGHT, WRONG = "[x] ", "[ ] "
logger = logging.getLogger(__name__)


class quiz_solution(nodes.container):  # type: ignore[misc]  # noqa: N801
    """The feedback to all answers of a question; other formats than HTML show it as it stands."""


class quiz_summary(nodes.paragraph):  # type: ignore[misc]  # noqa: N801
    """What opens the feedback."""


class QuizDirective(SphinxDirective):
    """``{quiz}``: a numbered list of questions, each with a list of marked answers."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the questions with their answers, and apart from these the feedback."""
        body = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, body)
        if len(body) != 1 or not isinstance(body[0], nodes.enumerated_list):
            self._warn("its content is one numbered list of questions", self.lineno)
            return []
        questions = body[0]
        questions["classes"].append("quiz-questions")
        for number, question in enumerate(questions, start=1):
            if problem := next(problems(question), None):
                self._warn(f"question {number} {problem}", question.line or self.lineno)
                return []
            separate(question)
        return [nodes.container("", questions, classes=["quiz"])]

    def _warn(self, problem: str, line: int) -> None:
        logger.warning("quiz: %s", problem, location=(self.env.docname, line))


def mark(answer: nodes.list_item) -> str | None:
    """Return the mark with which an answer begins, or None."""
    text = answer[0].astext() if len(answer) else ""
    return next((mark for mark in (RIGHT, WRONG) if text.startswith(mark)), None)


def problems(question: nodes.list_item) -> Iterator[str]:
    """Say what is wrong with a question."""
    if len(question) < 2 or not isinstance(question[-1], nodes.bullet_list):
        yield "needs text, and then a list of answers"
        return
    answers = question[-1]
    if len(answers) < 2:
        yield "needs at least two answers"
    marks = [mark(answer) for answer in answers]
    if None in marks:
        yield "has an answer that begins with neither [x] nor [ ]"
    elif marks.count(RIGHT) != 1:
        yield "needs exactly one right answer, marked [x]"
    if any(len(answer) < 2 for answer in answers):
        yield "has an answer without feedback below it"


def separate(question: nodes.list_item) -> None:
    """Replace the marked answers by a list of answers, and a list of feedback under the same letters."""
    letters = {"enumtype": "loweralpha", "prefix": "", "suffix": "."}
    answers, feedback = (nodes.enumerated_list(classes=[f"quiz-{name}"], **letters) for name in ("answers", "feedback"))
    for answer in question[-1]:
        right = mark(answer) == RIGHT
        text = next(answer[0].findall(nodes.Text))
        text.parent.replace(text, nodes.Text(text[len(RIGHT) :]))
        verdict = nodes.strong("", "✓ Right." if right else "✗ Wrong.")
        answers += nodes.list_item("", answer[0])
        answer[1].insert(0, [verdict, nodes.Text(" ")])
        feedback += nodes.list_item("", *answer[1:], classes=["quiz-right" if right else "quiz-wrong"])
    question[-1].replace_self([answers, quiz_solution("", quiz_summary("", "Answers"), feedback)])


def visit_solution(self: HTML5Translator, node: quiz_solution) -> None:
    """Open what a reader can unfold."""
    self.body.append(self.starttag(node, "details", CLASS="quiz-solution"))


def depart_solution(self: HTML5Translator, _node: quiz_solution) -> None:
    """Close it."""
    self.body.append("</details>\n")


def visit_summary(self: HTML5Translator, node: quiz_summary) -> None:
    """Open what a reader clicks on."""
    self.body.append(self.starttag(node, "summary", suffix=""))


def depart_summary(self: HTML5Translator, _node: quiz_summary) -> None:
    """Close it."""
    self.body.append("</summary>\n")


def setup(app: Sphinx) -> None:
    """Connect to Sphinx; formats without visitors here treat the nodes as the ones that they derive from."""
    solution, summary = (visit_solution, depart_solution), (visit_summary, depart_summary)
    app.add_node(quiz_solution, html=solution)
    app.add_node(quiz_summary, html=summary)
    app.add_directive("quiz", QuizDirective)
