"""Theorem A: one round against all receptions and mini-batches, the bound over rounds against descent."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedswitch.theory import (
    bias_and_noise,
    bias_and_noise_constants,
    constants,
    inverse_moments,
    inverse_weights,
    received_weights,
    sampling_noise,
    sampling_offset,
    spread_factors,
    stationarity_bound,
)
from fedswitch.theory.montecarlo import descend_by_samples
from fedswitch.theory.problems import logistic, lora_factors, sigmoid

EQUAL = np.full(3, 1 / 3)


def rounds_of(law, rho, reception, gradients, noises):
    """Every outcome of a round: its probability and the step direction; mini-batches err by one of `noises` (2, K, d).

    `law` is "mean" for (1), and "inverse" for weights by inverse probability.
    """
    for received in itertools.product((0, 1), repeat=rho.size):
        a = np.array(received)
        chance = np.where(a, reception, 1 - reception).prod()
        total = rho @ a if law == "mean" else reception
        p = rho * a / np.where(a.any(), total, 1.0)
        for signs in itertools.product((0, 1), repeat=rho.size):
            drawn = gradients + noises[list(signs), np.arange(rho.size)]
            yield chance / 2**rho.size, p @ drawn


@pytest.mark.parametrize("law", ["mean", "inverse"])
@given(seed=st.integers(0, 10_000))
def test_no_round_is_worse_than_the_theorem_says(law, seed):
    """A quadratic with an indefinite Hessian of at most eps, all receptions and mini-batches of three UEs."""
    rng = np.random.default_rng(seed)
    rho, reception = rng.dirichlet(np.ones(3)), rng.uniform(0.05, 1, 3)
    gradients, error = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    epsilon = rng.exponential() + 0.1
    root = rng.normal(size=(2, 2))
    hessian = epsilon * np.eye(2) - root @ root.T
    eta = rng.uniform(0.01, 1) / epsilon
    g = rho @ gradients
    change = 0.0
    for chance, step in rounds_of(law, rho, reception, gradients, np.stack([error, -error])):
        change += chance * (-eta * g @ step + eta**2 / 2 * step @ hessian @ step)
    moments = (received_weights if law == "mean" else inverse_moments)(rho, np.ones((1, 3)), reception[None])
    u = gradients - g if law == "mean" else gradients
    bias, noise = bias_and_noise(rho, moments, u, curvature=np.eye(2), smoothness=1.0)
    sampling = sampling_noise(moments, (error**2).sum(axis=1), 1.0)
    limit = -eta / 2 * (1 - moments.nobody) * (g @ g - bias - epsilon * eta * (noise + sampling))
    assert change <= limit[0] + 1e-9
    chi, largest = spread_factors(rho, moments)
    spread = rho @ (u**2).sum(axis=1)
    assert bias[0] <= chi[0] * spread + 1e-9
    assert noise[0] <= largest[0] * spread + 1e-9


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_weights_by_inverse_probability_are_unbiased(seed, count):
    """By enumeration of all reception patterns."""
    rng = np.random.default_rng(seed)
    rho, beta, success = rng.dirichlet(np.ones(count)), rng.uniform(0.1, 1, count), rng.uniform(0.1, 1, count)
    least = rng.choice([0.0, 0.3])
    weight = inverse_weights(rho, beta[None], success[None], least_probability=least)[0]
    outcomes = np.array(list(itertools.product((0, 1), repeat=count)))
    chances = np.where(outcomes, beta * success, 1 - beta * success).prod(axis=1)
    p = outcomes * weight
    mean = chances @ p
    moments = inverse_moments(rho, beta[None], success[None], least_probability=least)
    np.testing.assert_allclose(moments.mean[0], mean)
    np.testing.assert_allclose(moments.covariance[0], (p - mean).T @ ((p - mean) * chances[:, None]), atol=1e-12)
    assert moments.nobody == 0.0
    np.testing.assert_allclose(mean, rho * np.minimum(1, beta * success / max(least, 1e-12)))
    assert (weight <= rho / max(least, 1e-12)).all()
    assert inverse_weights(rho, 0.0 * beta[None], success[None]).max() == 0.0


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("problem", [sigmoid(0), lora_factors(0)], ids=["sigmoid", "factors"])
@pytest.mark.parametrize("share", [1.0, 0.2])
def test_descent_stays_below_the_bound(problem, inverse, share):
    """Both the parts met on the way, and the constants known beforehand."""
    rho, rounds = problem.weights, 25
    beta = np.ones((rounds, 2, rho.size))
    success = np.stack([np.linspace(0.3, 0.95, rho.size), np.full(rho.size, 0.5)])
    eta, rng = share * problem.learning_rate, np.random.default_rng(1)
    path = descend_by_samples(
        problem, beta, success, learning_rate=eta, batch_size=4, runs=40, rng=rng, inverse=inverse
    )
    law = (inverse_moments if inverse else received_weights)(rho, beta, np.broadcast_to(success, beta.shape))
    gap = problem.risk(problem.start)
    spread_sq = problem.spread_sq
    if inverse:  # gradients in place of deviations, of which that of F is bounded by its gap
        spread_sq += 2 * problem.smoothness * min(problem.level, 1.0)
    bound = stationarity_bound(
        rho, law, initial_gap=gap, smoothness=problem.smoothness, learning_rate=eta, spread_sq=spread_sq,
        sample_variance=problem.sample_variance, batch_size=4,
    )  # fmt: skip
    moves = 1 - law.nobody
    weight = moves / moves.sum(axis=0)
    measured = (weight * path.gradient_sq).sum(axis=0)
    error = 4 * np.sqrt((weight**2 * path.gradient_sq_error**2).sum(axis=0))
    met = path.bias + problem.smoothness * eta * (path.noise + path.sampling)
    on_the_way = 2 * (path.risk[0] - path.risk[-1]) / (eta * moves.sum(axis=0)) + (weight * met).sum(axis=0)
    np.testing.assert_allclose(path.mean_gradient_sq, measured)
    np.testing.assert_allclose(path.limit(problem.smoothness), on_the_way)
    assert (measured <= on_the_way + error).all()
    assert (measured <= bound.total).all()
    assert (path.bias <= bound.bias.max() * 1.01 + 1e-12).all()
    assert (path.left <= bound.exit_probability(problem.level) if np.isfinite(problem.level) else path.left == 0).all()
    np.testing.assert_allclose(bound.moves, moves.sum(axis=0))
    if inverse:
        assert np.abs(bound.bias).max() < 1e-12


def test_the_terms_by_hand():
    """Two UEs, one always received, of which nobody drops out; two rounds."""
    rho, beta = np.array([0.5, 0.5]), np.ones((2, 1, 2))
    law = received_weights(rho, beta, np.broadcast_to([1.0, 0.5], beta.shape))
    bound = stationarity_bound(
        rho, law, initial_gap=3.0, smoothness=2.0, learning_rate=0.25, spread_sq=4.0,
        sample_variance=[1.0, 2.0], batch_size=[1, 4],
    )  # fmt: skip
    # p is (1, 0) or (1/2, 1/2): mean (3/4, 1/4), covariance 1/16 [[1, -1], [-1, 1]]
    assert bound.initial == pytest.approx(2 * 3 / (0.25 * 2))
    assert bound.bias == pytest.approx(4.0 * (2 * 0.25**2 / 0.5))
    assert bound.noise == pytest.approx(2 * 0.25 * 4.0 * (2 / 16 / 0.5))
    assert bound.sampling == pytest.approx(2 * 0.25 * ((9 + 1) / 16 * 1.0 + (1 + 1) / 16 * 0.5))
    assert bound.exit_probability(100.0) == pytest.approx(0.125 * 2 * bound.total / 100)
    assert bound.exit_probability(0.1) == 1.0


def test_a_module_that_never_moves_is_not_bounded():
    law = received_weights(EQUAL, np.zeros((2, 1, 3)), np.ones((2, 1, 3)))
    bound = stationarity_bound(EQUAL, law, initial_gap=1.0, smoothness=1.0, learning_rate=1.0, spread_sq=1.0)
    assert bound.total == np.inf
    assert bound.exit_probability(1.0) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_theorems_gain_the_sampling_term(seed):
    """A round of logistic regression with mini-batches, against the three theorems with what they gain."""
    problem = logistic(seed, num_ues=3, dimension=3, samples=6)
    rng = np.random.default_rng(seed)
    success = rng.uniform(0.3, 1.0, (1, 3))
    w = problem.optimum + rng.normal(size=3)
    signed, count = problem.signed, 6
    slopes = -1 / (1 + np.exp(signed @ w))
    of_samples = slopes[..., None] * signed + problem.regularization * w
    gradients = of_samples.mean(axis=1)
    variance = ((of_samples - gradients[:, None]) ** 2).sum(axis=-1).mean(axis=-1)
    # one sample for each UE: all of them, and all receptions
    after = 0.0
    for received in itertools.product((0, 1), repeat=3):
        a = np.array(received)
        chance = np.where(a, success[0], 1 - success[0]).prod() / count**3
        p = problem.weights * a / (problem.weights @ a) if a.any() else 0.0 * problem.weights
        for i in itertools.product(range(count), repeat=3):
            step = p @ of_samples[np.arange(3), list(i)]
            after += chance * problem.gap(w - step / problem.smoothness)
    law = received_weights(problem.weights, np.ones((1, 3)), success)
    extra = sampling_offset(law, variance, 1.0, smoothness=problem.smoothness)[0]
    shape = {"smoothness": problem.smoothness, "strong_convexity": problem.strong_convexity}
    zeta1, zeta2 = problem.gradient_bounds(1.0)
    delta0, delta1 = problem.dissimilarity(1.0)
    for form in ({"zeta1": zeta1, "zeta2": zeta2}, {"delta0_sq": delta0, "delta1_sq": delta1, "form": "sharp"}):
        A, B = constants(problem.weights, np.ones((1, 3)), success, **shape, **form)
        assert after <= (1 - A[0]) * problem.gap(w) + B[0] + extra + 1e-9
    A, B = bias_and_noise_constants(problem, np.ones((1, 3)), success, splits=[0.05, 1.0, 20.0])
    assert (after <= (1 - A) * problem.gap(w) + B + extra + 1e-9).all()


def test_bad_arguments_are_named():
    law = received_weights(EQUAL, np.ones((2, 1, 3)), np.ones((2, 1, 3)))
    known = {"initial_gap": 1.0, "smoothness": 2.0, "spread_sq": 1.0}
    with pytest.raises(ValueError, match=r"learning_rate = 0\.6 must be at most 1 / smoothness = 0\.5"):
        stationarity_bound(EQUAL, law, learning_rate=0.6, **known)
    once = received_weights(EQUAL, np.ones((1, 3)), np.ones((1, 3)))
    with pytest.raises(ValueError, match=r"moments of several rounds, of shape \(T, N\), got \(1,\)"):
        stationarity_bound(EQUAL, once, learning_rate=0.1, **known)
    with pytest.raises(ValueError, match=r"subscription must have shape \(T, N, K\), got \(1, 8\)"):
        descend_by_samples(
            sigmoid(0), np.ones((1, 8)), np.ones((1, 8)), learning_rate=1.0, batch_size=1, runs=2,
            rng=np.random.default_rng(0),
        )  # fmt: skip
