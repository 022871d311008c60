"""The constants that the problems claim, against derivatives, other optimizers, and random points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, minimize

from fedswitch.theory import bias_and_noise, heterogeneity_bound, received_weights
from fedswitch.theory.problems import Logistic, Ridge, logistic, ridge

PROBLEMS = {
    "ridge": ridge(0, num_ues=5, dimension=3, samples=20),
    "common": ridge(1, num_ues=4, dimension=3, samples=20, common_hessian=True),
    "logistic": logistic(2, num_ues=5, dimension=3, samples=20),
}
each = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)


def points(problem, seed, count=40):
    """Points near the optimum, and far away."""
    rng = np.random.default_rng(seed)
    return problem.optimum + rng.normal(size=(count, problem.optimum.size)) * 10.0 ** rng.uniform(-2, 2, (count, 1))


@each
def test_gradients_and_hessians_are_derivatives(problem):
    w = problem.optimum + 0.7
    for k in range(problem.weights.size):
        slope = approx_fprime(w, lambda v, k=k: problem.ue_risks(v)[k], 1e-7)
        np.testing.assert_allclose(problem.ue_gradients(w)[k], slope, atol=1e-5)
        bend = approx_fprime(w, lambda v, k=k: problem.ue_gradients(v)[k], 1e-7)
        np.testing.assert_allclose(problem.ue_hessians(w)[k], bend, atol=1e-5)


def test_risks_are_those_of_the_data():
    rng = np.random.default_rng(0)
    signed, w = rng.normal(size=(2, 5, 3)), rng.normal(size=3)
    problem = Logistic(np.array([0.3, 0.7]), signed, 0.2)
    by_hand = [np.mean([np.log1p(np.exp(-z @ w)) for z in ue]) + 0.1 * w @ w for ue in signed]
    np.testing.assert_allclose(problem.ue_risks(w), by_hand)
    assert problem.risk(w) == pytest.approx(0.3 * by_hand[0] + 0.7 * by_hand[1])
    matrix = np.array([[[2.0, 0.5], [0.5, 1.0]]])
    assert Ridge(np.ones(1), matrix, np.array([[1.0, -1.0]])).ue_risks(np.array([1.0, 3.0]))[0] == pytest.approx(
        0.5 * (2.0 + 3.0 + 9.0) - (1.0 - 3.0)
    )


@each
def test_optimum_and_heterogeneity_are_found_by_another_optimizer(problem):
    def least(weights):
        return minimize(lambda w: problem.ue_risks(w) @ weights, np.zeros(3), method="Nelder-Mead",
                        options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 10_000})  # fmt: skip

    common = least(problem.weights)
    np.testing.assert_allclose(problem.optimum, common.x, atol=1e-5)
    own = [least(one).fun for one in np.eye(problem.weights.size)]
    assert problem.heterogeneity_gap == pytest.approx(common.fun - problem.weights @ own, rel=1e-6)
    assert problem.gap(problem.optimum) == 0.0


@each
def test_heterogeneity_stays_below_its_bound(problem):
    bound = heterogeneity_bound(
        problem.weights, problem.gradients_at_optimum, strong_convexity=problem.ue_strong_convexity
    )
    assert 0.0 < problem.heterogeneity_gap <= bound
    if isinstance(problem, Ridge):  # exact with the inverse Hessians in place of 1 / xi
        g, H = problem.gradients_at_optimum, problem.hessians
        exact = sum(r * 0.5 * u @ np.linalg.solve(h, u) for r, u, h in zip(problem.weights, g, H, strict=True))
        assert problem.heterogeneity_gap == pytest.approx(exact)


@each
def test_curvature_and_convexity_enclose_every_hessian(problem):
    for w in points(problem, 0):
        hessians = problem.ue_hessians(w)
        assert np.linalg.eigvalsh(problem.ue_curvature - hessians).min() > -1e-12
        assert np.linalg.eigvalsh(hessians).min() > problem.ue_strong_convexity - 1e-12
        whole = np.einsum("k,kij->ij", problem.weights, hessians)
        least, most = np.linalg.eigvalsh(whole)[[0, -1]]
        assert problem.strong_convexity - 1e-12 < least
        assert most < problem.smoothness + 1e-12


@each
@pytest.mark.parametrize("split", [0.1, 1.0, 20.0])
def test_gradient_bounds_and_dissimilarity_hold_everywhere(problem, split):
    zeta1, zeta2 = problem.gradient_bounds(split)
    first, second = problem.dissimilarity(split)
    for w in points(problem, 1, 200):
        g = problem.ue_gradients(w)
        square = ((problem.weights @ g) ** 2).sum()
        assert (g**2).sum(axis=1).max() <= zeta1 + zeta2 * square + 1e-9 * square
        apart = ((g[:, None] - g) ** 2).sum(axis=-1).max()
        assert apart <= first + second * square + 1e-9 * square


def test_no_constant_is_larger_than_it_must_be():
    """At the optimum and far from it, where the bounds of a quadratic are attained as the split goes to its limits."""
    problem = PROBLEMS["ridge"]
    at_optimum = (problem.gradients_at_optimum**2).sum(axis=1).max()
    assert problem.gradient_bounds(1e9)[0] == pytest.approx(at_optimum)
    slopes = np.linalg.norm(problem.hessians @ np.linalg.inv(problem.curvature), 2, axis=(1, 2))
    assert problem.gradient_bounds(1e-9)[1] == pytest.approx(slopes.max() ** 2)
    common = PROBLEMS["common"].gradients_at_optimum
    largest = max(((a - b) ** 2).sum() for a in common for b in common)
    assert PROBLEMS["common"].dissimilarity(1.0) == (pytest.approx(largest), 0.0)


def test_the_reach_of_logistic_gradients_is_not_far_from_what_occurs():
    problem = PROBLEMS["logistic"]
    far = 100.0 * np.random.default_rng(0).normal(size=(2000, 3))
    g = problem.ue_gradients(far)
    seen = ((g[:, :, None] - g[:, None]) ** 2).sum(axis=-1).max()
    assert seen <= problem.dissimilarity(1.0)[0] <= 6.0 * seen


@each
@given(seed=st.integers(0, 10_000))
def test_errors_grow_no_faster_than_drift_says(problem, seed):
    """The assumption of Theorem 1''', for receptions and points drawn at random."""
    rng = np.random.default_rng(seed)
    count = problem.weights.size
    received = received_weights(problem.weights, np.ones((1, count)), rng.uniform(0, 1, (1, count)) ** 0.3)
    splits = np.array([0.01, 0.3, 5.0])
    ways = [problem.convex_drift(received, splits), problem.own_drift(received, splits)]
    alpha, grows = (np.stack(sides) for sides in zip(*ways, strict=True))
    assert alpha.shape == grows.shape == (2, 3, 1)
    assert (alpha <= problem.strong_convexity / problem.smoothness + 1e-12).all()
    for w in points(problem, seed, 10):
        gradients = problem.ue_gradients(w)
        full = problem.weights @ gradients
        change = gradients - full - problem.gradients_at_optimum
        grown = sum(
            bias_and_noise(
                problem.weights, received, change, curvature=problem.curvature, smoothness=problem.smoothness
            )
        )
        left = (full**2).sum() - (1 + splits) * grown
        right = 2 * problem.smoothness * alpha[..., 0] * problem.gap(w) - (1 + splits) * grows[..., 0]
        assert (left >= right - 1e-9 * np.abs(right) - 1e-9 * (full**2).sum() - 1e-12).all()


def test_ues_with_one_hessian_do_not_drift():
    problem = PROBLEMS["common"]
    received = received_weights(problem.weights, np.ones((1, 4)), np.full((1, 4), 0.3))
    alpha, grows = problem.own_drift(received, np.array([1.0]))
    assert alpha[0, 0] == pytest.approx(problem.strong_convexity / problem.smoothness)
    assert grows.max() == 0.0


def test_problems_are_the_same_for_one_seed():
    np.testing.assert_array_equal(logistic(3).signed, logistic(3).signed)
    assert not np.array_equal(ridge(3).hessians, ridge(4).hessians)


def test_the_drift_of_ridge_is_attained():
    """It is an equality in the worst direction."""
    problem = PROBLEMS["ridge"]
    received = received_weights(problem.weights, np.ones((1, 5)), np.array([[0.2, 0.9, 0.5, 0.7, 0.3]]))
    alpha, _ = problem.own_drift(received, np.array([0.5]))
    best = np.inf
    for x in np.random.default_rng(0).normal(size=(20_000, 3)):
        gradients = (problem.hessians @ x) - problem.curvature @ x
        parts = bias_and_noise(
            problem.weights, received, gradients, curvature=problem.curvature, smoothness=problem.smoothness
        )
        square = ((problem.curvature @ x) ** 2).sum() - 1.5 * sum(parts)[0]
        best = min(best, square / (problem.smoothness * x @ problem.curvature @ x))
    assert alpha[0, 0] <= best
    assert alpha[0, 0] == pytest.approx(best, rel=1e-2)


@each
def test_the_ratio_behind_drift_is_attained(problem):
    """The largest error for gradients that move by delta, over delta, from a generalized eigenproblem."""
    count, size = problem.weights.size, problem.weights.size * 3
    received = received_weights(problem.weights, np.ones((1, count)), np.linspace(0.1, 0.3, count)[None])
    shift, gamma = (problem.weights - received.mean)[0], received.covariance[0]
    error = np.kron(np.outer(shift, shift), np.eye(3)) + np.kron(gamma, problem.curvature / problem.smoothness)
    apart = np.zeros((size, size))
    for k in range(count):
        excess = problem.ue_curvature[k] - problem.ue_strong_convexity * np.eye(3)
        apart[3 * k : 3 * k + 3, 3 * k : 3 * k + 3] = problem.weights[k] * np.linalg.pinv(
            excess, hermitian=True, rcond=1e-9
        )
    within = np.linalg.pinv(apart, hermitian=True, rcond=1e-9)
    ratio = np.linalg.eigvals(within @ error).real.max()
    alpha, _ = problem.convex_drift(received, np.array([1.0]))
    xi = problem.ue_strong_convexity
    assert 2 * ratio > xi
    assert alpha[0, 0] == pytest.approx((2 * np.sqrt(2 * xi * ratio) - 2 * ratio) / problem.smoothness)


def test_a_bounded_error_uses_the_nearest_reach():
    """Logistic regression's own way: K times the largest eigenvalue, with the radii by hand."""
    problem = PROBLEMS["logistic"]
    received = received_weights(problem.weights, np.ones((1, 5)), np.full((1, 5), 0.4))
    sigma = 1 / (1 + np.exp(problem.signed @ problem.optimum))
    most = np.maximum(sigma, 1 - sigma) / 20
    radii = []
    for z, m in zip(problem.signed, most, strict=True):
        spectral = np.sqrt(np.linalg.eigvalsh(z.T @ z)[-1]) * np.sqrt((m**2).sum())
        radii.append(min((np.sqrt((z**2).sum(axis=1)) * m).sum(), spectral))
    shift = (problem.weights - received.mean)[0]
    second = np.outer(shift, shift) + received.covariance[0]
    largest = np.linalg.eigvalsh(np.diag(radii) @ second @ np.diag(radii))[-1]
    alpha, grows = problem.own_drift(received, np.array([1.0]))
    assert grows[0, 0] == pytest.approx(5 * largest)
    assert alpha[0, 0] == pytest.approx(problem.strong_convexity / problem.smoothness)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_ues": 0}, "num_ues = 0 must be a whole number of at least 1"),
        ({"samples": 0}, "samples = 0 must be a whole number of at least 1"),
        ({"regularization": 0.0}, "regularization must be positive"),
        ({"heterogeneity": -1.0}, "heterogeneity must be non-negative"),
    ],
)
@pytest.mark.parametrize("make", [ridge, logistic])
def test_what_makes_no_problem_is_named(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(0, **arguments)
