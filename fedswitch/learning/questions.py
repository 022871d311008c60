"""The embedded task `questions`: does a sentence answer a question? In the manner of QNLI, written by a small grammar.

A question asks for one aspect of one product: its price, its owner, when it came. The sentence always names that
product. It has one clause; or a second one on another aspect of the same product; or a second one on another product.
In the last case the sentence speaks of the aspect asked for whatever the label, but of the right product only where it
answers. Every aspect is asked for, and spoken of, equally often under both labels: neither text alone tells the label,
nor does the number of words that the two have in common.

Training and test samples share the grammar and its function words, but not one product, value or other content word.
What is learned about the training words is of no use on the test samples: a model has to know already that "sells for
five euros" is a price.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from . import reviews
from .data import Split
from .reviews import Domain, Writer, label_and_domain_in_turn, uniforms

SECOND_CLAUSE_SHARE = 0.5  # of the sentences
OTHER_PRODUCT_SHARE = 0.3  # of the second clauses; the others are on the product asked for


@dataclasses.dataclass(frozen=True)
class Aspect:
    """What can be asked of a product: `questions` and `clauses` have a gap for it, clauses also one for a value."""

    questions: tuple[str, ...]
    clauses: tuple[str, ...]
    values: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class QuestionWords:
    """All content words of a set of samples; the products are those of the domains."""

    aspects: dict[str, Aspect]
    domains: dict[str, Domain]


def _aspect(questions: Sequence[str], clauses: Sequence[str], values: str) -> Aspect:
    return Aspect(tuple(questions), tuple(clauses), tuple(values.split()))


TRAIN_WORDS, TEST_WORDS = (
    QuestionWords({name: _aspect(**words) for name, words in reviews.WORDS["questions"][part].items()}, same.domains)
    for part, same in (("train", reviews.TRAIN_WORDS), ("test", reviews.TEST_WORDS))
)


def write_questions(words: QuestionWords, count: int, rng: np.random.Generator) -> Split:
    """Write `count` questions with a sentence each, answered and not in turn, from each domain in turn.

    Labels are 0 where the sentence, one of `pairs`, answers the question, 1 where not, as in QNLI; domains count in the
    order of `words`. The first ones do not depend on how many follow. Raises ValueError where `count` is not positive.
    """
    labels, domains = label_and_domain_in_turn(count, len(words.domains))
    writer = _QuestionWriter(uniforms(rng), words)
    kinds = tuple(words.domains.values())
    samples = (writer.sample(label == 0, kinds[d]) for label, d in zip(labels, domains, strict=True))
    questions, sentences = zip(*samples, strict=True)
    return Split(questions, labels, sentences, domains)


@dataclasses.dataclass(frozen=True)
class _QuestionWriter(Writer):
    """The grammar of questions and sentences."""

    words: QuestionWords

    def sample(self, answers: bool, domain: Domain) -> tuple[str, str]:
        """A question, and a sentence that answers it or does not."""
        asked, unasked, third = self.several(3, *self.words.aspects)
        product, other = self.several(2, *domain.products)
        clauses = [(asked if answers else unasked, product)]
        if self.chance(SECOND_CLAUSE_SHARE):
            if self.chance(OTHER_PRODUCT_SHARE):
                clauses.append((unasked if answers else asked, other))
            else:
                clauses.append((unasked if answers else third, product))
            if self.chance(0.5):
                clauses.reverse()
        question = self.pick(*self.words.aspects[asked].questions).format(f"the {product}")
        return question, self.sentence(clauses)

    def sentence(self, clauses: list[tuple[str, str]]) -> str:
        """The clauses on (aspect, product), in that order; a product is named once."""
        parts: list[str] = []
        named: set[str] = set()
        for aspect, product in clauses:
            words = self.words.aspects[aspect]
            thing = "it" if product in named else f"the {product}"
            parts.append(self.pick(*words.clauses).format(thing, value=self.pick(*words.values)))
            named.add(product)
        text = self.pick(", and ", ", while ", "; ").join(parts)
        return text[0].upper() + text[1:] + "."
