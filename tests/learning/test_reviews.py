import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.data import Split
from fedswitch.learning.reviews import TEST_WORDS, TRAIN_WORDS, write_reviews
from fedswitch.streams import stream

# what both sets of reviews may share: articles, pronouns, prepositions, conjunctions, copulas, negations and degrees
FUNCTION_WORDS = set(
    re.findall(
        r"\w+",
        """a all although an and but even hardly has have i in is it its me my never not of on one our quite really so
        that the them they this though to truly was we while""",
    )
)


def written(words=TRAIN_WORDS, count=2000, seed=0) -> Split:
    return write_reviews(words, count, stream(seed, "reviews of the tests"))


def bag_of(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def features(texts, columns: dict[str, int]) -> np.ndarray:
    """Word counts, (M, V + 1), the last column being constant."""
    counts = np.zeros((len(texts), len(columns) + 1))
    counts[:, -1] = 1
    for row, text in enumerate(texts):
        for word in bag_of(text):
            if word in columns:
                counts[row, columns[word]] += 1
    return counts


def logistic_regression(x: np.ndarray, labels: np.ndarray, ridge: float = 1.0) -> np.ndarray:
    """Weights by Newton's method."""
    weights = np.zeros(x.shape[1])
    for _ in range(8):
        probability = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (probability - labels) + ridge * weights
        curvature = (x.T * (probability * (1 - probability))) @ x + ridge * np.eye(len(weights))
        weights -= np.linalg.solve(curvature, gradient)
    return weights


def accuracy(weights: np.ndarray, x: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean((x @ weights > 0) == labels))


def has_word(text: str, *words: str) -> bool:
    return not set(words).isdisjoint(bag_of(text))


@pytest.mark.parametrize("words", [TRAIN_WORDS, TEST_WORDS], ids=["train", "test"])
def test_reviews_are_short_varied_and_well_formed(words):
    reviews = written(words, 5000)
    lengths = [len(text.split()) for text in reviews.texts]
    assert min(lengths) >= 8
    assert max(lengths) <= 25
    assert len(set(reviews.texts)) > 0.98 * len(reviews.texts)
    for text in reviews.texts:
        assert re.fullmatch(r"([A-Z][A-Za-z, ]*\. )[A-Z][A-Za-z, ]*\.", text)
        assert "  " not in text
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", text)


def test_every_domain_has_as_many_reviews_of_each_label():
    reviews = written(count=1200)
    held = [[np.sum((reviews.domains == d) & (reviews.labels == label)) for label in (0, 1)] for d in range(6)]
    np.testing.assert_array_equal(held, 100)
    for k, domain in enumerate(TRAIN_WORDS.domains.values()):
        assert all(has_word(reviews.texts[i], *domain.products) for i in np.flatnonzero(reviews.domains == k))


def test_the_same_stream_writes_the_same_reviews_and_more_of_them_change_nothing():
    few, many, others = written(count=50), written(count=500), written(count=50, seed=1)
    assert few.texts == many.texts[:50]
    np.testing.assert_array_equal(few.domains, many.domains[:50])
    assert few.texts != others.texts


def test_training_and_test_reviews_share_function_words_only():
    train, test = (
        {word for text in written(words, 5000).texts for word in bag_of(text)} for words in (TRAIN_WORDS, TEST_WORDS)
    )
    assert train & test <= FUNCTION_WORDS
    assert TRAIN_WORDS.domains.keys() == TEST_WORDS.domains.keys()
    for words in (TRAIN_WORDS, TEST_WORDS):
        sentiment = {*words.positive, *words.negative}
        assert len(sentiment) == len(words.positive) + len(words.negative)
        assert not sentiment & FUNCTION_WORDS


def test_the_main_clause_decides_negations_counted():
    """The label follows from the clause without the conceding conjunction, read by a second, independent parser."""
    reviews = written(count=3000)
    signs = dict.fromkeys(TRAIN_WORDS.positive, 1) | dict.fromkeys(TRAIN_WORDS.negative, -1)
    contrasts = negations = 0
    for text, label in zip(reviews.texts, reviews.labels, strict=True):
        opinion = next(sentence for sentence in text.lower().split(".") if has_word(sentence, *signs))
        concession = re.search(r"(.*), but |(?:although|though|while) ([^,]*),|, even though (.*)", opinion)
        main = opinion.replace(concession[0], "") if concession else opinion
        found = []
        for clause in re.split(r", (?:and|so) ", main):
            sign = sum(signs.get(word, 0) for word in bag_of(clause))
            found.append(-sign if has_word(clause, "not", "never", "hardly") else sign)
        assert set(found) == {1 if label else -1}
        contrasts += concession is not None
        negations += has_word(opinion, "not", "never", "hardly")
    assert 0.2 < contrasts / 3000 < 0.4
    assert 0.15 < negations / 3000 < 0.3


@pytest.mark.parametrize("seed", range(2))
def test_a_linear_bag_of_words_learns_the_training_words_and_nothing_for_the_test_reviews(seed):
    train, held_out, test = (
        written(count=4000, seed=seed),
        written(count=2000, seed=seed + 100),
        written(TEST_WORDS, 2000, seed),
    )
    columns = {word: i for i, word in enumerate(sorted({word for text in train.texts for word in bag_of(text)}))}
    weights = logistic_regression(features(train.texts, columns), train.labels)
    assert accuracy(weights, features(held_out.texts, columns), held_out.labels) >= 0.67
    assert accuracy(weights, features(test.texts, columns), test.labels) <= 0.58


@pytest.mark.parametrize("words", [TRAIN_WORDS, TEST_WORDS], ids=["train", "test"])
def test_nothing_but_the_sentiment_words_and_what_turns_them_depends_on_the_label(words):
    """Products, parts, facts, negations, contrasts and the order of all this: no model learns the label from them."""

    def masked(reviews: Split) -> list[str]:
        sentiment = "|".join(words.positive + words.negative)
        singles = [re.sub(rf"\ban? (?={sentiment})|{sentiment}", " ", text) for text in reviews.texts]
        return [" ".join(bag + [a + b for a, b in pairwise(bag)]) for bag in map(bag_of, singles)]

    train, test = written(words, 4000), written(words, 2000, seed=1)
    texts, test_texts = masked(train), masked(test)
    frequent = Counter(word for text in texts for word in text.split())
    columns = {word: i for i, word in enumerate(sorted(word for word in frequent if frequent[word] >= 20))}
    weights = logistic_regression(features(texts, columns), train.labels, ridge=10.0)
    assert 0.46 < accuracy(weights, features(test_texts, columns), test.labels) < 0.54


def test_every_review_holds_one_fact_that_is_beside_the_point():
    reviews = written(count=1000)
    patterns = [
        re.compile(re.escape(clause.lower()).replace(r"\{\}", f"({'|'.join(TRAIN_WORDS.facts[clause])})".lower()))
        for clause in TRAIN_WORDS.facts
    ]
    first = 0
    for text in reviews.texts:
        sentences = text.lower().removesuffix(".").split(". ")
        is_fact = [any(pattern.fullmatch(sentence) for pattern in patterns) for sentence in sentences]
        assert sorted(is_fact) == [False, True]
        first += is_fact[0]
    assert 0.25 < first / 1000 < 0.35


@pytest.mark.slow
def test_a_pretrained_encoder_knows_what_the_test_words_mean(minilm):
    """A linear model on frozen embeddings, trained on plain reviews, reads plain reviews made of other words."""
    backbone = load_backbone(minilm)

    def plain(words) -> tuple[np.ndarray, np.ndarray]:
        reviews = written(words, 600)
        harder = ("not", "never", "hardly", "but", "although", "though", "while")
        chosen = [i for i, text in enumerate(reviews.texts) if not has_word(text, *harder)]
        tokens = backbone.tokenize([reviews.texts[i] for i in chosen], None, 64)
        batch = tokens.batch(np.arange(len(chosen)))
        pooled = backbone.encode(backbone.embed(batch, backbone.num_layers), batch.mask, backbone.num_layers)
        return np.hstack([pooled.numpy(), np.ones((len(chosen), 1))]), reviews.labels[chosen]

    weights = logistic_regression(*plain(TRAIN_WORDS), ridge=0.1)
    assert accuracy(weights, *plain(TEST_WORDS)) > 0.85


def test_no_reviews_is_refused():
    with pytest.raises(ValueError, match="count = 0"):
        write_reviews(TRAIN_WORDS, 0, stream(0, "none"))
