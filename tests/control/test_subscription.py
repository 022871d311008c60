import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog, minimize

from fedswitch.control import (
    dual_ascent,
    project_capped_simplex,
    random_subscription,
    round_subscription,
    subscribe,
    subscribe_greedy,
    subscribe_proximal,
)


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
    with pytest.raises(ValueError, match=f"limit = {limit} must be a whole number between 0 and num_modules = 4"):
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
        (([np.nan, 1.0], 0.0, 1), "gradient must be a number, got nan"),
        (([1.0, 1.0], -1.0, 1), "dual must be non-negative"),
        (([1.0], 0.0, -1), "limit = -1 must be a whole number of at least 0"),
        ((1.0, 0.0, 1), "the modules on its last axis"),
    ],
)
def test_bad_arguments_of_subscribe_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        subscribe(*arguments)


def test_bad_arguments_of_the_dual_step_are_named():
    with pytest.raises(ValueError, match="step must be positive"):
        dual_ascent(0.0, 1.0, min_participation=0.1, step=0.0)


# Without the long run, and with the proximal term


def test_greedy_is_12_without_duals():
    gradient = np.array([[-1.0, -3.0, 2.0], [0.5, 0.1, 0.2]])
    np.testing.assert_array_equal(subscribe_greedy(gradient, 1), [[False, True, False], [False] * 3])
    np.testing.assert_array_equal(subscribe_greedy(gradient, 3), [[True, True, False], [False] * 3])


coordinates = arrays(np.float64, 5, elements=st.floats(-3, 3))


@given(coordinates, st.integers(0, 5), coordinates)
def test_the_projection_is_the_nearest_point(point, limit, other):
    """No other point of the polytope is nearer: the angle at the projection is obtuse towards every one of them."""
    nearest = project_capped_simplex(point, limit)
    assert nearest.min() >= 0.0
    assert nearest.max() <= 1.0
    assert nearest.sum() <= limit + 1e-12
    feasible = np.clip(other, 0, 1)
    feasible *= min(1.0, limit / max(feasible.sum(), 1e-12))
    corners = [np.array(corner) for corner in itertools.product((0, 1), repeat=5) if sum(corner) <= limit]
    for candidate in (feasible, *corners):
        assert (point - nearest) @ (candidate - nearest) <= 1e-9


def test_the_projection_of_huge_numbers():
    np.testing.assert_allclose(project_capped_simplex([1e17, 1e17, -1e17], 1), [0.5, 0.5, 0.0])


def test_the_projection_works_on_many_points_at_once_and_on_large_numbers():
    points = np.random.default_rng(0).normal(size=(7, 3, 4)) * 10.0 ** np.arange(7)[:, None, None]
    together = project_capped_simplex(points, 2)
    for index in np.ndindex(7, 3):
        np.testing.assert_array_equal(together[index], project_capped_simplex(points[index], 2))


@pytest.mark.parametrize("limit", [1, 2])
def test_the_proximal_rule_solves_its_quadratic_program(limit):
    rng = np.random.default_rng(limit)
    for _ in range(10):
        before, gradient, dual = rng.uniform(0, 1, 4), rng.normal(size=4), rng.exponential(0.5, size=4)
        step = rng.uniform(0.1, 2.0)

        def objective(beta, before=before, cost=gradient - dual, step=step):
            return cost @ beta + ((beta - before) ** 2).sum() / (2 * step)

        found = minimize(
            objective, before / 4, method="SLSQP", bounds=[(0, 1)] * 4, options={"ftol": 1e-14},
            constraints={"type": "ineq", "fun": lambda beta: limit - beta.sum()},
        )  # fmt: skip
        ours = subscribe_proximal(before, gradient, dual, limit, step=step)
        assert objective(ours) <= found.fun + 1e-12
        np.testing.assert_allclose(ours, found.x, atol=1e-5)


def test_a_long_proximal_step_is_the_vertex_rule_and_a_short_one_stays():
    rng = np.random.default_rng(5)
    before, gradient, dual = rng.uniform(0, 0.25, (20, 4)), rng.normal(size=(20, 4)), np.zeros(4)
    np.testing.assert_allclose(
        subscribe_proximal(before, gradient, dual, 1, step=1e6), subscribe(gradient, dual, 1), atol=1e-3
    )
    np.testing.assert_allclose(subscribe_proximal(before, gradient, dual, 1, step=1e-9), before, atol=1e-8)


def test_rounding_keeps_the_limit_and_the_probabilities():
    fraction = np.array([0.5, 0.3, 0.2, 1.0, 0.0])
    drawn = round_subscription(np.tile(fraction, (40_000, 1)), np.random.default_rng(3))
    np.testing.assert_array_equal(drawn.sum(axis=1), 2)
    error = np.sqrt(fraction * (1 - fraction) / 40_000)
    assert (np.abs(drawn.mean(axis=0) - fraction) <= 4 * error).all()
    # independent draws break the limit in a good part of all cases
    independent = np.random.default_rng(3).random((40_000, 5)) < fraction
    assert (independent.sum(axis=1) > 2).mean() > 0.1


@given(arrays(np.float64, (6, 4), elements=st.floats(0, 1)), st.integers(0, 99))
def test_rounding_rounds_the_number_of_modules_up_or_down(fraction, seed):
    count = round_subscription(fraction, np.random.default_rng(seed)).sum(axis=1)
    total = fraction.sum(axis=1)
    assert (count >= np.floor(total - 1e-9)).all()
    assert (count <= np.ceil(total + 1e-9)).all()


def test_bad_arguments_of_the_other_rules_are_named():
    with pytest.raises(ValueError, match="point must be finite"):
        project_capped_simplex([np.nan, 0.0], 1)
    with pytest.raises(ValueError, match="point must have the modules"):
        project_capped_simplex(0.5, 1)
    with pytest.raises(ValueError, match="limit = -1 must be a whole number"):
        project_capped_simplex([0.5], -1)
    with pytest.raises(ValueError, match="step must be positive"):
        subscribe_proximal([0.5], [1.0], [0.0], 1, step=0.0)
    with pytest.raises(ValueError, match=r"fraction must be in \[0, 1\], got 1.5"):
        round_subscription([0.5, 1.5], np.random.default_rng(0))


# The long run: (7d)


@pytest.mark.parametrize("step", [0.3, 1.0])
def test_duals_keep_every_module_alive_in_the_long_run(step):
    """Gradients that always favor module 1: without duals nobody is ever elsewhere, with them (7d) holds in the end."""
    rng = np.random.default_rng(0)
    dual, taken = np.zeros((5, 4)), np.zeros((5, 4))
    rounds, wanted = 2000, 0.1
    favor = np.array([-1.0, -0.5, -0.3, 0.2])
    for _ in range(rounds):
        chosen = subscribe(favor + rng.normal(scale=0.1, size=(5, 4)), dual, 1)
        assert (chosen.sum(axis=1) <= 1).all()
        taken += chosen
        dual = dual_ascent(dual, chosen, min_participation=wanted, step=step)
    # what (11) adds up to: the shortfall is at most the dual over the step and the number of rounds
    assert (wanted - taken / rounds <= dual / (step * rounds) + 1e-12).all()
    assert (taken / rounds >= wanted - 0.01).all()
    assert (taken[:, 0] / rounds > 0.6).all()


def test_what_no_subscription_can_keep_makes_the_duals_grow_without_bound():
    dual = np.zeros(4)
    sizes = []
    for _ in range(400):
        chosen = subscribe(np.zeros(4), dual, 1)
        dual = dual_ascent(dual, chosen, min_participation=0.3, step=1.0)
        sizes.append(dual.sum())
    assert np.diff(sizes[100:]).mean() == pytest.approx(4 * 0.3 - 1, rel=0.05)
