import itertools

import numpy as np
import pytest

from fedswitch.control import random_subscription


@pytest.mark.parametrize("limit", range(5))
def test_every_ue_takes_exactly_its_limit(limit):
    subscribed = random_subscription(4, 30, limit, np.random.default_rng(1))
    assert subscribed.shape == (4, 30)
    assert subscribed.dtype == np.bool_
    np.testing.assert_array_equal(subscribed.sum(axis=0), limit)


def test_every_choice_is_equally_likely():
    subscribed = random_subscription(4, 60_000, 2, np.random.default_rng(2))
    choices = [tuple(np.flatnonzero(column)) for column in subscribed.T]
    counts = np.array([choices.count(pair) for pair in itertools.combinations(range(4), 2)])
    expected = 60_000 / 6
    assert np.abs(counts - expected).max() < 4 * np.sqrt(expected)


def test_ues_choose_independently():
    first, second = random_subscription(4, 2, 1, np.random.default_rng(0)).T
    agreements = [np.array_equal(*random_subscription(4, 2, 1, np.random.default_rng(seed)).T) for seed in range(2_000)]
    assert first.sum() == second.sum() == 1
    assert np.mean(agreements) == pytest.approx(1 / 4, abs=4 * np.sqrt(3 / 16 / 2_000))


def test_the_generator_decides():
    draw = [random_subscription(4, 20, 1, np.random.default_rng(seed)) for seed in (5, 5, 6)]
    np.testing.assert_array_equal(draw[0], draw[1])
    assert not np.array_equal(draw[0], draw[2])


@pytest.mark.parametrize("limit", [-1, 5])
def test_a_limit_that_cannot_be_kept_is_refused(limit):
    with pytest.raises(ValueError, match=f"limit = {limit} must lie between 0 and num_modules = 4"):
        random_subscription(4, 3, limit, np.random.default_rng(0))
