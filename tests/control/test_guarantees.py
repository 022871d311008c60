"""The guarantees of (11) and (12) against costs that may be any, adversarial ones among them, and in Algorithm 2."""

import dataclasses

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import linprog

from fedswitch import Scenario
from fedswitch.control import (
    Observation,
    best_static,
    decide,
    dual_ascent,
    online_guarantee,
    participation_limit,
    start,
    subscribe,
)
from fedswitch.streams import stream
from fedswitch.wireless import Cell


def play(rng, costs, steps, *, limit, wanted, lost=0.0):
    """The rule on costs (T, N, K): subscriptions, uploads, and duals after each round, as the module computes them."""
    rounds, modules, count = costs.shape
    beta = np.argsort(np.argsort(rng.random((modules, count)), axis=0), axis=0) < limit
    dual, seen = np.zeros((modules, count)), []
    for t in range(rounds):
        sent = beta & (rng.random(beta.shape) >= lost)
        dual = dual_ascent(dual, sent, min_participation=wanted, step=steps[t])
        seen.append((beta, sent, dual))
        beta = subscribe(costs[t].T, dual.T, limit, rng=rng).T
    return [np.array(column) for column in zip(*seen, strict=True)]


sizes = st.tuples(st.integers(1, 30), st.integers(1, 5), st.integers(1, 3))


@given(sizes, st.integers(0, 10_000), st.floats(0, 1), st.sampled_from([0.0, 0.4]), st.booleans())
def test_no_costs_break_the_guarantee(size, seed, feasible, lost, constant):
    rng = np.random.default_rng(seed)
    rounds, modules, count = size
    limit = int(rng.integers(1, modules + 1))
    wanted = feasible * limit / modules
    costs = rng.normal(size=size) * rng.choice([0.1, 1.0, 10.0]) + rng.normal(size=(1, modules, count))
    steps = rng.exponential(size=(1, count) if constant else (rounds, count)) * np.ones((rounds, count)) + 1e-3
    beta, sent, duals = play(rng, costs, steps, limit=limit, wanted=wanted, lost=lost)
    found = online_guarantee(costs, beta, duals, steps=steps, limit=limit, min_participation=wanted, uploads=sent)
    assert found.holds
    # by hand, for shares that are not the best
    beta0 = np.full((modules, count), wanted)
    assert ((costs * (sent - beta0)).sum(axis=(0, 1)) <= found.excess_limit + 1e-9).all()
    np.testing.assert_allclose(found.cost, (costs * sent).sum(axis=(0, 1)))
    np.testing.assert_allclose(found.shortfall, wanted - sent.mean(axis=0))
    if constant and lost == 0.0:  # as the book has it
        step, change = steps[0], np.diff(costs, axis=0, prepend=0.0)
        loose = step / 2 * ((wanted - beta) ** 2).sum(axis=(0, 1)) + 2 * limit * np.abs(change).max(axis=1).sum(axis=0)
        assert (found.excess_limit <= loose + 1e-9).all()
        np.testing.assert_allclose(found.shortfall_limit, duals[-1] / (step * rounds), atol=1e-12)


@given(st.integers(0, 10_000), st.integers(1, 6), st.floats(0, 1))
@example(seed=30, modules=2, feasible=2.0**-24)  # less than what the solver would let pass by default
def test_the_best_static_shares_are_those_of_a_linear_program(seed, modules, feasible):
    rng = np.random.default_rng(seed)
    limit = int(rng.integers(1, modules + 1))
    wanted = feasible * limit / modules
    cost = rng.normal(size=modules)
    exact = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}  # else bounds hold within 1e-7
    program = linprog(cost, A_ub=np.ones((1, modules)), b_ub=[limit + 1e-12], bounds=(wanted, 1), options=exact)
    found = best_static(cost, limit, min_participation=wanted)
    assert cost @ found == pytest.approx(program.fun, abs=1e-9)
    assert found.sum() <= limit + 1e-9
    assert found.min() >= wanted
    assert found.max() <= 1 + 1e-12


def test_costs_that_change_sides_leave_hardly_any_room():
    """Two modules, and whichever the UE has chosen turns out to be the dear one: the limit is met to within a third."""
    rounds, dual, beta = 200, np.zeros((2, 1)), np.array([[True], [False]])
    costs, betas, duals = [], [], []
    for _ in range(rounds):
        cost = np.where(beta, 0.0, -1.0)
        dual = dual_ascent(dual, beta, min_participation=0.0, step=0.01)
        costs, betas, duals = [*costs, cost], [*betas, beta], [*duals, dual]
        beta = subscribe(cost.T, dual.T, 1).T
    found = online_guarantee(costs, betas, duals, steps=0.01, limit=1, min_participation=0.0)
    excess = (found.cost - found.static_cost)[0]
    assert excess == pytest.approx(rounds / 2)  # against either of the two
    assert excess <= found.excess_limit[0] <= 6 * excess


@given(st.integers(0, 10_000), st.integers(2, 5), st.floats(0.1, 0.9), st.floats(0.05, 20))
def test_the_shortfall_known_beforehand_is_never_exceeded(seed, modules, feasible, spread_over_step):
    rng = np.random.default_rng(seed)
    limit = int(rng.integers(1, modules + 1))
    wanted, rounds = feasible * limit / modules, 60
    costs = rng.uniform(-1, 0, size=(1, modules, 2)) + rng.uniform(-0.1, 0.0, size=(rounds, modules, 2))
    spread = np.maximum(costs.max(), 0.0) - costs.min()
    step = spread / spread_over_step
    beta, _, duals = play(rng, costs, np.full((rounds, 2), step), limit=limit, wanted=wanted)
    limits = {"num_modules": modules, "limit": limit, "min_participation": wanted}
    for t in (1, 7, rounds):
        known = participation_limit(t, **limits, spread_over_step=spread_over_step)
        assert (wanted - beta[:t].mean(axis=0) <= known + 1e-12).all()
        assert np.linalg.norm(duals[t - 1], axis=0).max() <= known * step * t + 1e-12


def test_without_room_nothing_is_known_beforehand():
    limits = {"num_modules": 4, "limit": 1, "spread_over_step": 1.0}
    assert participation_limit(10, min_participation=0.25, **limits) == np.inf
    first, later = (participation_limit(t, min_participation=0.1, **limits) for t in (10, 100))
    assert later == pytest.approx(first / 10)
    assert first == pytest.approx(((1 + 2) / 0.15 + 2) / 10)


@pytest.mark.parametrize("changes", [{}, {"dual_step": 1e-4}, {"energy_weight_per_j": 0.2}, {"subscription_limit": 2}])
def test_algorithm_2_keeps_both_limits(changes):
    """With steps that grow as the module lets them, and UEs that Step 1 leaves off."""
    scenario = Scenario.corrected(num_ues=20, **changes)
    cell, rng, seen = Cell.draw(scenario, 0), stream(0, "test"), []
    payload_bits = 1.18e6 * np.array([2.0, 4.0, 8.0, 16.0])
    state = start(scenario, rng=rng)
    for t in range(40):
        before = state
        decision, state = decide(scenario, Observation(cell.channel(t), payload_bits, 0.1), before, rng=rng)
        seen.append((decision.gradient, before.subscription, decision.subscription, state.dual, state.dual_step))
    slopes, chosen, sent, duals, steps = (np.array(column) for column in zip(*seen, strict=True))
    if "energy_weight_per_j" in changes:
        assert (chosen & ~sent).any()
    found = online_guarantee(
        slopes, chosen, duals, steps=steps, uploads=sent,
        limit=scenario.subscription_limit, min_participation=scenario.min_participation,
    )  # fmt: skip
    assert found.holds
    broken = dataclasses.replace(found, excess_limit=found.cost - found.static_cost - 1.0)
    assert not broken.holds


def test_bad_arguments_are_named():
    one, zero = np.ones((1, 2, 1)), np.zeros((1, 2, 1))
    for call, message in {
        "shape": (
            lambda: online_guarantee(one, zero, zero[0], steps=1.0, limit=1, min_participation=0.1),
            r"must all have the shape \(T, N, K\)",
        ),
        "number": (lambda: best_static(1.0, 1, min_participation=0.6), "cost must have the modules on its last axis"),
        "room": (lambda: best_static([1.0, 1.0], 1, min_participation=0.6), "needs more than limit = 1"),
        "step": (
            lambda: online_guarantee(one, zero, zero, steps=0.0, limit=1, min_participation=0.1),
            "steps must be positive",
        ),
    }.values():
        with pytest.raises(ValueError, match=message):
            call()
