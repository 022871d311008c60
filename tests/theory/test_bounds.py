"""The bounds over rounds against their formulas, and one round of each theorem against all receptions."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedswitch.theory import (
    bias_and_noise,
    bias_and_noise_constants,
    constants,
    heterogeneity_bound,
    next_bound,
    received_weights,
    risk_gap_bound,
    unroll,
)
from fedswitch.theory.problems import Ridge, logistic, ridge

PROBLEMS = [
    ridge(0, num_ues=4, dimension=3, samples=20),
    ridge(1, num_ues=4, dimension=3, samples=20, common_hessian=True),
    logistic(2, num_ues=4, dimension=3, samples=20),
]


def steps(problem, w, reception):
    """Every outcome of a round from w: its probability, whether somebody is received, the mean gradient, the error."""
    gradients = problem.ue_gradients(w)
    for received in itertools.product((0, 1), repeat=reception.size):
        share = problem.weights * received
        probability = np.where(received, reception, 1 - reception).prod()
        moves = share.sum() > 0
        mean = share @ gradients / share.sum() if moves else np.zeros_like(w)
        yield probability, moves, mean, problem.weights @ gradients - mean


def test_unrolled_is_the_sum_of_products():
    rng = np.random.default_rng(0)
    A, B, start = rng.uniform(-0.5, 0.9, (6, 3)), rng.uniform(size=(6, 3)), rng.uniform(size=3)
    gaps = unroll(A, B, start)
    assert gaps.shape == (7, 3)
    for t in range(7):
        expected = np.prod(1 - A[:t], axis=0) * start
        for q in range(t):
            expected = expected + np.prod(1 - A[q + 1 : t], axis=0) * B[q]
        np.testing.assert_allclose(gaps[t], expected)


def test_of_several_recursions_every_round_takes_the_least():
    A, B = (
        np.array([0.1, 0.5])[:, None, None] * np.ones((1, 6, 1)),
        np.array([0.0, 1.0])[:, None, None] * np.ones((1, 6, 1)),
    )
    gap, expected = 10.0, [10.0]
    for _ in range(6):
        gap = min(0.9 * gap, 0.5 * gap + 1.0)
        expected.append(gap)
    np.testing.assert_allclose(unroll(A, B, 10.0)[:, 0], expected)
    assert expected[1] == 6.0
    assert expected[-1] == pytest.approx(0.9 * expected[-2])


def test_the_terms_of_the_bound_add_up():
    rng = np.random.default_rng(1)
    A, B = rng.uniform(0, 0.5, (20, 4)), rng.uniform(size=(20, 4))
    bound = risk_gap_bound(A, B, 3.0, 0.7)
    np.testing.assert_allclose(bound.total, unroll(A, B, 3.0).mean(axis=1) + 0.7)
    assert bound.initial[0] == 3.0
    assert bound.reception[0] == 0.0
    np.testing.assert_allclose(bound.initial[1], 3.0 * (1 - A[0]).mean())
    assert next_bound(2.0, 0.25, 1.0) == pytest.approx(2.5)


def test_heterogeneity_by_hand():
    assert heterogeneity_bound([0.25, 0.75], [[3.0, 4.0], [1.0, 0.0]], strong_convexity=0.5) == pytest.approx(7.0)


@pytest.mark.parametrize("problem", PROBLEMS, ids=["ridge", "common", "logistic"])
@given(seed=st.integers(0, 10_000))
def test_bias_and_noise_are_those_of_all_receptions(problem, seed):
    rng = np.random.default_rng(seed)
    reception, w = rng.uniform(size=4), problem.optimum + rng.normal(size=3)
    gradients = problem.ue_gradients(w)
    deviations = gradients - problem.weights @ gradients
    outcomes = [(p, error) for p, moves, _, error in steps(problem, w, reception) if moves]
    total = sum(p for p, _ in outcomes)
    mean = sum(p * error for p, error in outcomes) / total
    noise = sum(p * (e - mean) @ problem.curvature @ (e - mean) for p, e in outcomes) / total / problem.smoothness
    received = received_weights(problem.weights, np.ones((1, 4)), reception[None])
    found = bias_and_noise(
        problem.weights, received, deviations, curvature=problem.curvature, smoothness=problem.smoothness
    )
    np.testing.assert_allclose(np.concatenate(found), [mean @ mean, noise], atol=1e-9)
    assert sum(found)[0] <= sum(p * e @ e for p, e in outcomes) / total + 1e-9


@pytest.mark.parametrize("problem", PROBLEMS, ids=["ridge", "common", "logistic"])
@given(seed=st.integers(0, 10_000))
def test_no_theorem_is_beaten_by_a_round(problem, seed):
    """E[gap] after a round, over all receptions, from points near and far."""
    rng = np.random.default_rng(seed)
    beta, success = rng.integers(0, 2, (1, 4)).astype(float), rng.uniform(size=(1, 4))
    w = problem.optimum + 10.0 ** rng.uniform(-2, 1) * rng.normal(size=3)
    gap = problem.gap(w)
    after = sum(
        p * problem.gap(w - mean / problem.smoothness) for p, _, mean, _ in steps(problem, w, (beta * success)[0])
    )
    shape = {"smoothness": problem.smoothness, "strong_convexity": problem.strong_convexity}
    for split in (0.05, 1.0, 20.0):
        zeta1, zeta2 = problem.gradient_bounds(split)
        first, second = problem.dissimilarity(split)
        for extra in (
            {"zeta1": zeta1, "zeta2": zeta2},
            {"delta0_sq": first, "delta1_sq": second, "form": "sharp"},
        ):
            A, B = constants(problem.weights, beta, success, **shape, **extra)
            assert after <= (1 - A[0]) * gap + B[0] + 1e-9
    A, B = bias_and_noise_constants(problem, beta, success, splits=[0.05, 1.0, 20.0])
    assert A.shape == B.shape == (6, 1, 1)
    assert (after <= (1 - A) * gap + B + 1e-9).all()


def test_without_misses_the_third_theorem_is_gradient_descent():
    """p0 = 0, no bias and no noise: the gap shrinks by xi / epsilon, and nothing is added."""
    for problem in PROBLEMS:
        A, B = bias_and_noise_constants(problem, np.ones((1, 4)), np.ones((1, 4)), splits=[1e-6])
        assert A.max() == pytest.approx(problem.strong_convexity / problem.smoothness, rel=1e-4)
        assert np.abs(B).max() < 1e-9


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"A and B must both have shape \(T, N\) or \(C, T, N\)"):
        unroll(np.zeros(3), np.zeros(3), 1.0)
    with pytest.raises(ValueError, match="start must be non-negative"):
        unroll(np.zeros((2, 1)), np.zeros((2, 1)), -1.0)
    with pytest.raises(ValueError, match="splits must be positive"):
        bias_and_noise_constants(PROBLEMS[0], np.ones((1, 4)), np.ones((1, 4)), splits=[0.0])


def test_the_third_theorem_by_hand():
    """Two UEs in one dimension, one always received, from the formulas of the book alone; c = 1."""
    problem = Ridge(np.array([0.5, 0.5]), np.array([[[1.0]], [[0.4]]]), np.array([[1.0], [-1.0]]))
    assert problem.smoothness == pytest.approx(0.7)
    assert problem.optimum == pytest.approx(0.0)
    A, B = bias_and_noise_constants(problem, np.ones((1, 2)), [[1.0, 0.5]], splits=[1.0])
    # p is (1, 0) or (1/2, 1/2), each half of the time
    d, gamma = np.array([-0.25, 0.25]), np.array([[1.0, -1.0], [-1.0, 1.0]]) / 16
    u = np.array([-1.0, 1.0])
    at_optimum = (d @ u) ** 2 + u @ gamma @ u  # the curvature is smoothness itself
    np.testing.assert_allclose(B[:, 0, 0], 2 * at_optimum / 1.4)
    # any problem: the second UE has the least curvature, so that only the first one's gradient can move
    ratio = (d[0] ** 2 + gamma[0, 0]) * (1.0 - 0.4) / 0.5
    assert 2 * ratio < 0.4  # so the rate is that of gradient descent with the UEs' own convexity
    # ridge: the change of u is -+0.3 per unit of w
    change = np.array([0.3, -0.3])
    grows = (d @ change) ** 2 + change @ gamma @ change
    np.testing.assert_allclose(A[:, 0, 0], [0.4 / 0.7, (0.7 - 2 * grows / 0.7) / 0.7])


def test_a_large_error_slows_the_third_theorem_as_its_formula_says():
    """The first UE is received half of the time: (1 + c) lambda exceeds xi."""
    problem = Ridge(np.array([0.5, 0.5]), np.array([[[1.0]], [[0.1]]]), np.array([[1.0], [-1.0]]))
    success, c = np.array([[0.5, 1.0]]), 0.5
    A, _ = bias_and_noise_constants(problem, np.ones((1, 2)), success, splits=[c])
    assert A.shape == (2, 1, 1)
    mean = np.array([0.25, 0.75])
    gamma = 0.5 * 0.5 * 0.25 * np.array([[1.0, -1.0], [-1.0, 1.0]])
    ratio = (1 + c) * ((0.5 - mean[0]) ** 2 + gamma[0, 0]) * (1.0 - 0.1) / 0.5
    assert 0.1 < ratio < 0.4
    assert A[0, 0, 0] == pytest.approx((2 * np.sqrt(0.1 * ratio) - ratio) / 0.55)


def test_terms_of_several_recursions_are_refused():
    several = np.full((2, 3, 1), 0.5)
    with pytest.raises(ValueError, match=r"A and B must have shape \(T, N\), got \(2, 3, 1\)"):
        risk_gap_bound(several, several, 1.0, 0.0)
    with pytest.raises(ValueError, match=r"several recursions need every A to be at most 1, got 1\.5"):
        unroll(several + 1.0, several, 1.0)
    assert unroll(several[0] + 1.0, several[0], 1.0)[1, 0] == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: unroll(np.zeros((2, 3)), np.zeros((2, 3)), [[1.0]]), r"start must be a number or have shape \(3,\)"),
        (lambda: heterogeneity_bound([1.0, 1.0], [[0.0], [0.0]], strong_convexity=1.0), "weights must have shape"),
        (lambda: heterogeneity_bound([1.0], [0.0], strong_convexity=1.0), r"must have shape \(1, d\)"),
        (lambda: risk_gap_bound(np.zeros((1, 1)), np.zeros((1, 1)), 1.0, -1.0), "heterogeneity_gap must be non-neg"),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
