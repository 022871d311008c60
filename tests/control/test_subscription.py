import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog

from fedswitch.control import dual_ascent, random_subscription, subscribe


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


def value_of(gradient, dual, subscription):
    return float(((np.asarray(gradient) - dual) * subscription).sum())


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_the_vertex_rule_solves_the_linear_program(limit):
    rng = np.random.default_rng(limit)
    for _ in range(100):
        gradient, dual = rng.normal(size=4), rng.exponential(0.5, size=4)
        program = linprog(gradient - dual, A_ub=np.ones((1, 4)), b_ub=[limit], bounds=(0, 1), method="highs")
        ours = subscribe(gradient, dual, limit)
        assert ours.sum() <= limit
        assert value_of(gradient, dual, ours) == pytest.approx(program.fun, abs=1e-12)


@given(arrays(float, (3, 5), elements=st.floats(-10, 10)), st.integers(0, 6))
def test_no_other_subscription_is_better(gradient, limit):
    ours = subscribe(gradient, np.zeros(5), limit)
    every = np.array([c for c in itertools.product((0, 1), repeat=5) if sum(c) <= limit])
    for row, taken in zip(gradient, ours, strict=True):
        assert taken.sum() <= limit
        assert row @ taken == pytest.approx((every @ row).min(), abs=1e-12)


def test_what_costs_is_not_taken():
    assert not subscribe([0.0, 1.0, np.inf], 0.0, 3).any()
    assert subscribe([0.0, 1.0, 2.0], [0.5, 0.0, 3.0], 1).tolist() == [False, False, True]


def test_ties_go_to_the_first_module_or_to_a_random_one():
    tied = np.full((4000, 4), -1.0)
    assert subscribe(tied, 0.0, 1)[:, 0].all()
    shares = subscribe(tied, 0.0, 1, rng=np.random.default_rng(0)).mean(axis=0)
    assert shares == pytest.approx(np.full(4, 0.25), abs=0.03)
    again = [subscribe(tied, 0.0, 1, rng=np.random.default_rng(5)) for _ in range(2)]
    assert np.array_equal(*again)


def test_duals_bring_about_the_participation_that_7d_asks_for():
    """A UE that always gains most from module 0 is made to take part in the others in a tenth of the rounds."""
    gradient, dual, step, rounds = np.array([-3.0, -2.0, -1.5, -1.0]), np.zeros(4), 1.0, 2000
    taken = np.zeros(4)
    for t in range(1, rounds + 1):
        beta = subscribe(gradient, dual, 1)
        dual = dual_ascent(dual, beta, min_participation=0.1, step=step)
        taken += beta
        # (11) telescopes: what is missing in the long run is at most the dual
        assert (0.1 * t - taken <= dual / step + 1e-9).all()
    assert (taken / rounds > 0.095).all()
    assert taken[0] / rounds > 0.6


def test_a_dual_never_falls_below_zero():
    assert dual_ascent([0.05, 0.0], [1, 0], min_participation=0.1, step=0.5).tolist() == [0.0, 0.05]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([np.nan, 1.0], 0.0, 1), "gradient must not hold NaN"),
        (([1.0, 1.0], -1.0, 1), "dual must be non-negative"),
        (([1.0], 0.0, -1), "limit must not be negative, got -1"),
        ((1.0, 0.0, 1), "the modules on its last axis"),
    ],
)
def test_bad_arguments_of_subscribe_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        subscribe(*arguments)


def test_bad_arguments_of_the_dual_step_are_named():
    with pytest.raises(ValueError, match="step must be positive"):
        dual_ascent(0.0, 1.0, min_participation=0.1, step=0.0)
