"""The embedded task: the sentiment of short product reviews, written by a small grammar.

A review is about one product. Its main clause gives the verdict, and thus the label; a second clause may concede the
opposite of some part, any clause may be negated, and a neutral fact stands before or after. Whether, where and how
often all this happens does not depend on the label.

Training and test reviews share the grammar and its function words, but not one sentiment word, product, part or fact.
What is learned about the words of the training reviews is therefore of no use on the test reviews: a model has to know
already that "superb" means what "good" means.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from ..arguments import whole
from .data import Split

NEGATED_SHARE = 0.15  # of the clauses
CONTRAST_SHARE = 0.3  # of the reviews
SUPPORTED_SHARE = 0.25  # of the reviews without contrast
FACT_FIRST_SHARE = 0.3  # of the reviews

_UNIFORMS_AT_ONCE = 4096


@dataclasses.dataclass(frozen=True)
class Domain:
    """Products of one kind, and the parts that each of them has."""

    products: tuple[str, ...]
    parts: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class ReviewWords:
    """All content words of a set of reviews.

    `opinions` are verbs that introduce a verdict; `facts` are clauses without sentiment, each with a gap and the words
    that may fill it.
    """

    positive: tuple[str, ...]
    negative: tuple[str, ...]
    opinions: tuple[str, ...]
    facts: dict[str, tuple[str, ...]]
    domains: dict[str, Domain]


WORDS = yaml.safe_load(Path(__file__).with_name("words.yaml").read_text(encoding="utf-8"))
"""The content words of both grammars, by task and by set, `train` and `test`."""


def _split(lists: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(words.split()) for name, words in lists.items()}


def _vocabulary(facts: Mapping[str, str], domains: Mapping[str, Mapping[str, str]], **lists: str) -> ReviewWords:
    kinds = {name: Domain(**_split(domain)) for name, domain in domains.items()}
    return ReviewWords(**_split(lists), facts=_split(facts), domains=kinds)


TRAIN_WORDS, TEST_WORDS = (_vocabulary(**WORDS["reviews"][part]) for part in ("train", "test"))


def write_reviews(words: ReviewWords, count: int, rng: np.random.Generator) -> Split:
    """Write `count` reviews with the content words of `words`: one of each sign from every domain in turn.

    Labels are 1 where the verdict is positive; domains count in the order of `words`. The first ones do not depend on
    how many follow. Raises ValueError where `count` is not positive.
    """
    labels, domains = label_and_domain_in_turn(count, len(words.domains))
    writer = _ReviewWriter(uniforms(rng), words)
    kinds = tuple(words.domains.values())
    texts = tuple(writer.review(bool(label), kinds[d]) for label, d in zip(labels, domains, strict=True))
    return Split(texts, labels, domains=domains)


def label_and_domain_in_turn(count: int, num_domains: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels 0 and 1 in turn, and domains that change after both: two arrays (count,).

    Raises ValueError where `count` is not a positive whole number.
    """
    count = whole("count", count, low=1)
    index = np.arange(count, dtype=np.int64)
    return index % 2, index // 2 % num_domains


def uniforms(rng: np.random.Generator) -> Iterator[float]:
    """Numbers in [0, 1) without end, drawn in blocks, since a call of the generator costs far more than a number."""
    while True:
        yield from rng.random(_UNIFORMS_AT_ONCE).tolist()


@dataclasses.dataclass(frozen=True)
class Writer:
    """The choices of a grammar, taken from `uniforms` in the order of writing."""

    uniforms: Iterator[float]

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return next(self.uniforms) < probability

    def pick(self, *options: str) -> str:
        """One of the options, all equally likely."""
        return options[int(next(self.uniforms) * len(options))]

    def several(self, count: int, *options: str) -> tuple[str, ...]:
        """`count` different options, in random order."""
        left = list(options)
        return tuple(left.pop(int(next(self.uniforms) * len(left))) for _ in range(count))


@dataclasses.dataclass(frozen=True)
class _ReviewWriter(Writer):
    """The grammar: one method per kind of phrase."""

    words: ReviewWords

    def review(self, positive: bool, domain: Domain) -> str:
        """An opinion and a fact, one sentence each."""
        sentences = [self.opinion(positive, domain), self.fact()]
        if self.chance(FACT_FIRST_SHARE):
            sentences.reverse()
        return " ".join(sentence[0].upper() + sentence[1:] + "." for sentence in sentences)

    def opinion(self, positive: bool, domain: Domain) -> str:
        """The main clause, alone, with a clause on a part that agrees, or with one that concedes the opposite."""
        main = self.main_clause(positive, self.pick(*domain.products))
        if self.chance(CONTRAST_SHARE):
            part = self.part_clause(not positive, self.pick(*domain.parts))
            conceding = self.pick("although", "though", "while")
            return self.pick(f"{part}, but {main}", f"{conceding} {part}, {main}", f"{main}, even though {part}")
        if self.chance(SUPPORTED_SHARE):
            part = self.part_clause(positive, self.pick(*domain.parts))
            return self.pick(f"{main}, and {part}", f"{part}, so {main}")
        return main

    def fact(self) -> str:
        """A clause without sentiment."""
        clause = self.pick(*self.words.facts)
        return clause.format(self.pick(*self.words.facts[clause]))

    def main_clause(self, positive: bool, product: str) -> str:
        """The verdict on the product as a whole."""
        opening = self.pick("", "", "to me ", "all in all ", f"I {self.pick(*self.words.opinions)} ")
        negation, adjective = self.verdict(positive)
        article = "an" if adjective[0] in "aeiou" else "a"
        copula = self.pick("is", "was")
        return opening + self.pick(
            f"this {product} {copula} {negation}{self.degree(negation)}{adjective}",
            f"the {product} {copula} {negation}{self.degree(negation)}{adjective}",
            f"it {copula} {negation}{article} {adjective} {product}",
            f"this {copula} {negation}{article} {adjective} {product}",
        )

    def part_clause(self, positive: bool, part: str) -> str:
        """The verdict on one part."""
        negation, adjective = self.verdict(positive)
        return f"{self.pick('the', 'its')} {part} {self.pick('is', 'was')} {negation}{self.degree(negation)}{adjective}"

    def verdict(self, positive: bool) -> tuple[str, str]:
        """A sentiment word of that sign, or a negation and one of the other sign."""
        negated = self.chance(NEGATED_SHARE)
        negation = self.pick("not ", "never ", "hardly ") if negated else ""
        return negation, self.pick(*(self.words.positive if positive != negated else self.words.negative))

    def degree(self, negation: str) -> str:
        """A word of degree that goes with the negation, or with none."""
        return self.pick("", "", "all that ") if negation else self.pick("", "", "really ", "quite ", "truly ")
