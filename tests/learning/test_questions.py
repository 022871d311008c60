import re

import numpy as np
import pytest

from fedswitch.learning.data import Split
from fedswitch.learning.questions import TEST_WORDS, TRAIN_WORDS, write_questions
from fedswitch.streams import stream

# what training and test samples may share: articles, pronouns, prepositions, conjunctions, auxiliaries, interrogatives
FUNCTION_WORDS = set(
    re.findall(
        r"\w+",
        "a and did does for from has how in is it of on the they to was what when where which while who with you",
    )
)
EACH_SET = pytest.mark.parametrize("words", [TRAIN_WORDS, TEST_WORDS], ids=["train", "test"])


def written(words=TRAIN_WORDS, count=4000, seed=0) -> Split:
    return write_questions(words, count, stream(seed, "questions of the tests"))


def bag_of(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def pattern_of(template: str, **gaps: str) -> re.Pattern[str]:
    """What a template can have become in a text in lower case; `thing` and `value` match what fills its gaps."""
    return re.compile(re.escape(template.lower()).replace(r"\{\}", gaps["thing"]).replace(r"\{value\}", gaps["value"]))


def clauses_of(words, sentence: str) -> list[tuple[str, str]]:
    """The clauses of a sentence as (aspect, product), read by pattern; "it" is the product named before."""
    found = []
    for clause in re.split(r", and |, while |; ", sentence.lower().removesuffix(".")):
        matches = {
            (name, match["thing"])
            for name, aspect in words.aspects.items()
            for template in aspect.clauses
            if (
                match := pattern_of(
                    template, thing=r"(?P<thing>the \w+|it)", value=f"({'|'.join(aspect.values)})".lower()
                ).fullmatch(clause)
            )
        }
        assert len(matches) == 1, clause
        name, thing = matches.pop()
        found.append((name, found[-1][1] if thing == "it" else thing.removeprefix("the ")))
    return found


def asked_by(words, question: str) -> tuple[str, str]:
    """The aspect and the product of a question."""
    matches = [
        (name, match["thing"])
        for name, aspect in words.aspects.items()
        for template in aspect.questions
        if (match := pattern_of(template, thing=r"the (?P<thing>\w+)", value="").fullmatch(question.lower()))
    ]
    assert len(matches) == 1, question
    return matches[0]


def counts(texts, columns: dict[str, int]) -> np.ndarray:
    table = np.zeros((len(texts), len(columns)))
    for row, text in enumerate(texts):
        for word in bag_of(text):
            if word in columns:
                table[row, columns[word]] += 1
    return table


def linear_accuracy(train_x, train_y, test_x, test_y, ridge: float = 3.0) -> float:
    """Of least squares with a small ridge, on centered columns."""
    center = train_x.mean(axis=0)
    x, target = train_x - center, train_y - train_y.mean()
    weights = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ target)
    return float(np.mean(((test_x - center) @ weights > 0) == test_y))


@EACH_SET
def test_the_label_says_whether_a_clause_gives_the_aspect_asked_for_of_the_right_product(words):
    """Read by a second, independent parser; with two clauses, either may come first."""
    samples = written(words, 1500)
    plain = same = other = first = 0
    for question, sentence, label in zip(samples.texts, samples.pairs, samples.labels, strict=True):
        asked, clauses = asked_by(words, question), clauses_of(words, sentence)
        assert (asked in clauses) == (label == 0)
        assert asked[1] in [product for _, product in clauses]
        assert len({aspect for aspect, _ in clauses}) == len(clauses)
        plain += len(clauses) == 1
        same += len(clauses) == 2 and len({product for _, product in clauses}) == 1
        other += len({product for _, product in clauses}) == 2
        if len({product for _, product in clauses}) == 2:
            # of whatever label, one of the two products has the aspect asked for
            assert asked[0] in [aspect for aspect, _ in clauses]
            first += clauses[0][1] == asked[1]
    assert 0.45 < plain / 1500 < 0.55
    assert 0.3 < same / 1500 < 0.4
    assert 0.11 < other / 1500 < 0.19
    assert 0.38 < first / other < 0.62


@EACH_SET
def test_texts_are_well_formed_short_and_varied(words):
    samples = written(words)
    for question, sentence in zip(samples.texts, samples.pairs, strict=True):
        assert re.fullmatch(r"[A-Z][A-Za-z ]*\?", question)
        assert re.fullmatch(r"[A-Z][A-Za-z ]*([,;] [A-Za-z ]*)?\.", sentence)
        assert "  " not in question + sentence
        assert len(bag_of(question)) + len(bag_of(sentence)) <= 35
    assert len(set(zip(samples.texts, samples.pairs, strict=True))) > 0.95 * 4000


def test_labels_and_domains_are_balanced():
    samples = written(count=1200)
    products = [set(domain.products) for domain in TRAIN_WORDS.domains.values()]
    np.testing.assert_array_equal(
        [[np.sum((samples.domains == d) & (samples.labels == label)) for label in (0, 1)] for d in range(6)], 100
    )
    for question, domain in zip(samples.texts, samples.domains, strict=True):
        assert products[domain] & set(bag_of(question))


def test_training_and_test_samples_share_function_words_only():
    train, test = (
        {word for text in samples.texts + samples.pairs for word in bag_of(text)}
        for samples in (written(TRAIN_WORDS), written(TEST_WORDS))
    )
    assert train & test <= FUNCTION_WORDS
    assert TRAIN_WORDS.aspects.keys() == TEST_WORDS.aspects.keys()


@EACH_SET
def test_neither_text_alone_nor_both_as_bags_of_words_tell_the_label(words):
    """Not even to a model that has been trained on the same words."""
    train, test = written(words), written(words, 3000, seed=1)
    columns = {word: i for i, word in enumerate(sorted(set(bag_of(" ".join(train.texts + train.pairs)))))}
    x, test_x = (
        np.hstack([counts(samples.texts, columns), counts(samples.pairs, columns)]) for samples in (train, test)
    )
    assert 0.46 < linear_accuracy(x, train.labels, test_x, test.labels) < 0.54


@EACH_SET
def test_word_overlap_and_length_do_not_tell_the_label(words):
    def features(samples: Split) -> np.ndarray:
        pairs = [
            (set(bag_of(question)), set(bag_of(sentence)))
            for question, sentence in zip(samples.texts, samples.pairs, strict=True)
        ]
        shared = np.array(
            [[len(q & s), len(q & s) / len(q), len(q & s) / len(q | s), len(q), len(s)] for q, s in pairs]
        )
        return np.hstack([shared, shared[:, :1] == np.arange(6)])

    train, test = written(words), written(words, 3000, seed=1)
    assert 0.46 < linear_accuracy(features(train), train.labels, features(test), test.labels) < 0.55


def test_pairs_of_training_words_do_not_help_on_the_test_samples():
    """A model of all pairs (word of the question, word of the sentence) learns the training words by heart."""
    train, held_out, test = written(count=2000), written(count=1000, seed=1), written(TEST_WORDS, 1000)
    questions = {w: i for i, w in enumerate(sorted(set(bag_of(" ".join(train.texts)))))}
    sentences = {w: i for i, w in enumerate(sorted(set(bag_of(" ".join(train.pairs)))))}

    def kernel(a: Split, b: Split) -> np.ndarray:
        """Inner products of the counts of pairs: the products of those of questions and of sentences."""
        return (counts(a.texts, questions) @ counts(b.texts, questions).T) * (
            counts(a.pairs, sentences) @ counts(b.pairs, sentences).T
        )

    weights = np.linalg.solve(kernel(train, train) + 3.0 * np.eye(2000), 2.0 * train.labels - 1.0)
    assert np.mean((kernel(held_out, train) @ weights > 0) == held_out.labels) > 0.85
    assert np.mean((kernel(test, train) @ weights > 0) == test.labels) < 0.56


def test_the_same_stream_writes_the_same_and_more_change_nothing():
    few, many, others = written(count=50), written(count=500), written(count=50, seed=1)
    assert few.texts == many.texts[:50]
    assert few.pairs == many.pairs[:50]
    assert few.pairs != others.pairs


def test_no_questions_are_refused():
    with pytest.raises(ValueError, match="count = 0"):
        write_questions(TRAIN_WORDS, 0, stream(0, "none"))
