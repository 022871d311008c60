"""Weights by inverse probability: unbiased by enumeration, and choices that nothing else improves on."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar

from fedswitch import Scenario
from fedswitch.control import Observation, decide_unbiased, start, subscription_probabilities, unbiased_power
from fedswitch.control.inverse_probability import LEAST_PROBABILITY, upload_worth
from fedswitch.streams import stream
from fedswitch.theory import inverse_weights
from fedswitch.wireless import Cell, Reception

PAYLOAD_BITS = 1.18e6 * np.array([2.0, 4.0, 8.0, 16.0])


@pytest.mark.parametrize("reading", [{}, {"rate": "instantaneous"}, {"threshold": "deadline", "deadline_s": 3.0}])
def test_the_aggregate_is_unbiased_over_all_subscriptions_and_receptions(reading):
    """Three UEs, two modules: all that may be drawn, what Step 1 makes of it, and all that may be received."""
    scenario = Scenario.corrected(num_ues=3, num_modules=2, lora_ranks=(2, 8), min_participation=0.2, **reading)
    observation = Observation(Cell.draw(scenario, 1).channel(0), PAYLOAD_BITS[[0, 2]], 0.1)
    begin = start(scenario, rng=stream(0, "test"))
    probability = np.array([[0.5, 0.3, 0.2], [0.4, 0.2, 0.8]])
    rho, mean, total = np.full(3, 1 / 3), np.zeros((2, 3)), 0.0
    for choices in itertools.product(range(3), repeat=3):  # module 1, 2 or none
        beta = np.array([[choice == n for choice in choices] for n in range(2)])
        chance = np.prod([1 - probability[:, k].sum() if c == 2 else probability[c, k] for k, c in enumerate(choices)])
        total += chance
        if not beta.any():
            continue
        state = dataclasses.replace(begin, subscription=beta)
        decision, _, _ = decide_unbiased(scenario, observation, state, probability, rng=stream(0, "draw"))
        np.testing.assert_array_equal(decision.subscription, beta)  # no upload goes silent
        weight = inverse_weights(rho, probability, decision.success_probability)
        uploads = np.argwhere(beta)
        for received in itertools.product((0, 1), repeat=len(uploads)):
            success = decision.success_probability[tuple(uploads.T)]
            likely = np.where(received, success, 1 - success).prod()
            for (n, k), a in zip(uploads, received, strict=True):
                mean[n, k] += chance * likely * a * weight[n, k]
    assert total == pytest.approx(1.0)
    np.testing.assert_allclose(mean, 1 / 3)


@given(st.integers(0, 10_000), st.integers(1, 5), st.floats(0, 0.99), st.sampled_from([0.0, 0.1, 10.0]))
def test_probabilities_are_feasible_and_the_best(seed, modules, feasible, dear):
    rng = np.random.default_rng(seed)
    limit = int(rng.integers(1, modules + 1))
    wanted = feasible * limit / modules
    worth, success, price = rng.exponential(), rng.uniform(0.05, 1, modules), dear * rng.exponential(size=modules)
    found = subscription_probabilities(worth, success, price, limit=limit, min_participation=wanted)
    assert found.sum() <= limit + 1e-9
    assert (found >= wanted).all()
    assert (found <= 1).all()

    def cost(s):
        return (worth / (success * s) + price * s).sum()

    at = np.maximum(found, 1e-9)
    for _ in range(20):  # no mixture with another feasible choice is better, which is enough for a convex problem
        more = (1 - wanted) * rng.dirichlet(np.ones(modules)) * rng.uniform(0.01, 1)
        other = wanted + more * min(1.0, (limit - modules * wanted) / more.sum())
        assert cost(at) <= cost(0.999 * at + 0.001 * other) + 1e-9 * cost(at)
    if dear == 0.0 and limit == modules:
        np.testing.assert_allclose(found, 1.0)


def test_probabilities_against_a_solver():
    success, price = np.array([0.9, 0.3, 0.1]), np.array([0.2, 0.5, 0.1])
    found = subscription_probabilities(0.05, success, price, limit=1, min_participation=0.05)
    solved = minimize(
        lambda s: (0.05 / (success * s) + price * s).sum(), np.full(3, 0.3), bounds=[(0.05, 1)] * 3,
        constraints={"type": "ineq", "fun": lambda s: 1 - s.sum()}, tol=1e-12,
    )  # fmt: skip
    np.testing.assert_allclose(found, solved.x, atol=1e-4)
    assert found[2] > found[0]  # what is rarely received must be sent more often


def test_what_is_hopeless_gets_its_promise_and_no_more():
    success = np.array([0.9, LEAST_PROBABILITY / 2, 0.0])
    found = subscription_probabilities(1.0, success, 0.0, limit=1, min_participation=0.1)
    np.testing.assert_allclose(found, [0.8, 0.1, 0.1])


@given(st.integers(0, 10_000), st.sampled_from([0.0, 1e-4, 1e-2, 1.0]))
def test_power_is_the_best_and_never_zero(seed, price):
    rng = np.random.default_rng(seed)
    scenario = Scenario.corrected(num_ues=3, num_modules=2, lora_ranks=(2, 8), min_participation=0.1)
    share = rng.exponential(0.02, size=(2, 3)) + 1e-5
    reception = Reception.of(scenario, rng.uniform(5, 103, 3), share, 1e6)
    uploads, worth = rng.random((2, 3)) < 0.7, rng.exponential(size=(2, 3))
    power_w = unbiased_power(reception, uploads, worth, np.full(3, price), max_power_w=0.2)
    np.testing.assert_array_equal(power_w > 0, uploads.any(axis=0))
    for k in np.flatnonzero(uploads.any(axis=0)):
        one = reception[:, k]

        def cost(t, one=one, k=k):
            with np.errstate(divide="ignore"):
                return (worth[:, k] * uploads[:, k] / np.maximum(one.at(np.full(2, np.exp(t))), 1e-300)).sum() + (
                    price * np.exp(t)
                )

        best = minimize_scalar(cost, bounds=(np.log(0.2) - 12, np.log(0.2)), method="bounded", options={"xatol": 1e-9})
        assert cost(np.log(power_w[k])) <= min(best.fun, cost(np.log(0.2))) * (1 + 1e-6)


@pytest.mark.parametrize("changes", [{}, {"subscription_limit": 2}, {"energy_weight_per_j": 0.0}])
def test_rounds_keep_the_constraints(changes):
    scenario = Scenario.corrected(num_ues=20, **changes)
    cell, rng, taken = Cell.draw(scenario, 0), stream(0, "test"), []
    state, probability = start(scenario, rng=rng), np.full((4, 20), scenario.subscription_limit / 4)
    for t in range(60):
        observation = Observation(cell.channel(t), PAYLOAD_BITS, 0.1)
        before = state
        decision, state, probability = decide_unbiased(scenario, observation, before, probability, rng=rng)
        np.testing.assert_array_equal(decision.subscription, before.subscription)
        assert decision.subscription.sum(axis=0).max() <= scenario.subscription_limit
        assert decision.share.sum() <= 1.0
        assert (probability >= scenario.min_participation).all()
        assert (decision.power_w[decision.subscription.any(axis=0)] > 0).all()
        taken.append(decision.subscription)
    often = np.mean(taken, axis=0)
    assert (often > scenario.min_participation - 4 * np.sqrt(0.1 * 0.9 / 60)).all()


def test_the_worth_of_an_upload_is_what_theorem_a_says():
    """eps eta^2 / 2 of the variance of a module, on average over modules, at eta = 1 / eps."""
    scenario = Scenario.corrected(num_ues=5, zeta1=3.0, smoothness=2.0)
    assert upload_worth(scenario) == pytest.approx(2.0 * 0.25 / 2 * 3.0 / 25 / 4)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="needs more than limit = 1"):
        subscription_probabilities(1.0, np.ones(3), 0.0, limit=1, min_participation=0.5)
    with pytest.raises(ValueError, match="price must be non-negative"):
        subscription_probabilities(1.0, np.ones(3), -1.0, limit=1, min_participation=0.1)
