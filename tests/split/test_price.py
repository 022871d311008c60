"""The bound of all policies, against all of them on small problems, and against a linear program."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from fedswitch.split import price_bound, price_of_delay

rounds = st.integers(1, 4).flatmap(
    lambda size: st.lists(st.lists(st.floats(0.1, 10), min_size=size, max_size=size), min_size=1, max_size=4)
).map(lambda rows: np.cumsum(rows, axis=1))  # fmt: skip


def best_of_all_policies(delays, target):
    """The most devices a round of all ways to choose a number in each round, nobody included."""
    free = np.hstack([np.zeros((len(delays), 1)), delays])
    counts = itertools.product(range(free.shape[1]), repeat=len(free))
    return max(np.mean(n) for n in counts if np.mean(free[range(len(free)), n]) <= target)


def relaxed(delays, target):
    """The same where a round may be mixed of several numbers: a linear program."""
    size, (count, most) = delays.size, delays.shape
    found = linprog(
        -np.tile(np.arange(1, most + 1), count) / count,
        A_ub=np.vstack([delays.ravel() / count, np.kron(np.eye(count), np.ones(most))]),
        b_ub=np.concatenate([[target], np.ones(count)]), bounds=[(0, None)] * size,
    )  # fmt: skip
    return -found.fun


@given(rounds, st.floats(0.1, 20))
def test_no_policy_has_more_and_one_has_nearly_as_many(delays, target):
    bound, best = price_bound(delays, target), best_of_all_policies(delays, target)
    assert best <= bound + 1e-9
    assert bound < best + delays.shape[1] / len(delays) + 1e-9
    assert bound == pytest.approx(relaxed(delays, target), abs=1e-6)


@given(rounds, st.floats(0.1, 20), st.floats(1e-3, 1e3))
def test_the_unit_of_time_and_the_order_of_rounds_do_not_matter(delays, target, scale):
    bound = price_bound(delays, target)
    assert price_bound(scale * delays, scale * target) == pytest.approx(bound, rel=1e-9)
    assert price_bound(delays[::-1], target) == pytest.approx(bound, rel=1e-9)


@given(rounds, st.floats(0.1, 20), st.floats(0, 10))
def test_the_price_is_where_the_bound_is_least(delays, target, other):
    def bound_at(price):
        counts = np.arange(1, delays.shape[1] + 1)
        return price * target + np.maximum((counts - price * delays).max(axis=1), 0).mean()

    price = price_of_delay(delays, target)
    assert bound_at(price) == pytest.approx(price_bound(delays, target), rel=1e-9)
    assert bound_at(other) >= bound_at(price) - 1e-9


def test_by_hand():
    delays = [[1.0, 4.0], [2.0, 3.0]]
    assert price_bound(delays, 3.5) == 2.0
    assert price_of_delay(delays, 3.5) == 0.0
    assert price_bound(delays, 2.0) == 1.5  # one device at 1 s, two at 3 s
    assert price_bound(delays, 0.25) == 0.25  # half a round with one at 1 s
    assert price_bound([[1.0, np.inf], [np.inf, np.inf]], 100.0) == 0.5
    assert price_bound([[np.inf]], 1.0) == 0.0


@pytest.mark.parametrize(
    ("delays", "target", "message"),
    [
        ([[1.0, -1.0]], 1.0, "delays_s must be positive"),
        ([[1.0]], 0.0, "target_s must be positive and finite"),
        ([1.0, 2.0], 1.0, r"delays_s must have shape \(T, K\)"),
        (np.ones((0, 3)), 1.0, r"delays_s must have shape \(T, K\)"),
        ([[1.0]], [1.0, 2.0], "target_s be one number"),
    ],
)
def test_bad_arguments_are_named(delays, target, message):
    with pytest.raises(ValueError, match=message):
        price_bound(delays, target)
