"""Simulated descent against exact moments, and the bounds against simulated descent."""

import dataclasses

import numpy as np
import pytest

from fedswitch.theory import received_weights
from fedswitch.theory.montecarlo import descend
from fedswitch.theory.problems import logistic, ridge
from fedswitch.theory.trials import bounds, measure, trials

TRIALS = trials()
NAMES = ("corrected", "sharp", "bias_and_noise")


def exact_gaps(problem, reception, start, rounds):
    """E[F(w^t)] - F* of a quadratic: mean and second moment of w follow linear recursions, without simulation."""
    received = received_weights(problem.weights, np.ones((1, reception.size)), reception[None])
    nobody, mean, gamma = received.nobody[0], received.mean[0], received.covariance[0]
    eps, hessians, at_optimum = problem.smoothness, problem.hessians, problem.gradients_at_optimum
    x = start - problem.optimum
    second = np.outer(x, x)
    turn = np.eye(x.size) - np.einsum("k,kij->ij", mean, hessians) / eps
    push = -mean @ at_optimum / eps
    gaps = [problem.gap(start)]
    for _ in range(rounds):
        moved = turn @ second @ turn.T + np.outer(turn @ x, push) + np.outer(push, turn @ x) + np.outer(push, push)
        for j, k in np.ndindex(gamma.shape):
            left, right = hessians[j], hessians[k]
            inner = left @ second @ right + np.outer(left @ x, at_optimum[k]) + np.outer(at_optimum[j], right @ x)
            moved = moved + gamma[j, k] / eps**2 * (inner + np.outer(at_optimum[j], at_optimum[k]))
        second = nobody * second + (1 - nobody) * moved
        x = nobody * x + (1 - nobody) * (turn @ x + push)
        gaps.append(0.5 * np.sum(problem.curvature * second))
    return np.array(gaps)


def test_measured_gaps_of_a_quadratic_are_the_exact_ones():
    problem = ridge(0, num_ues=5, dimension=3)
    reception = np.array([0.9, 0.2, 0.5, 0.3, 0.1])
    start = problem.optimum + 1.0
    measured = descend(
        problem, np.ones((30, 2, 5)), np.tile(reception, (2, 1)), start, runs=4000, rng=np.random.default_rng(0)
    )
    exact = exact_gaps(problem, reception, start, 30)
    assert measured.gap.shape == (31, 2)
    assert (np.abs(measured.gap - exact[:, None]) <= 5 * measured.gap_error + 1e-12).all()
    assert measured.gap_error[1:].min() > 0


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_no_gap_exceeds_a_theorem(trial):
    """400 module-rounds each; the bounds must hold within three standard errors."""
    measured, above = measure(trial, runs=300), bounds(trial)
    assert measured.gap.shape == (101, 4)
    assert measured.gap[-1].max() < measured.gap[0].min()
    for name in NAMES:
        assert (measured.gap <= getattr(above, name) + 3 * measured.gap_error + 1e-12).all(), name
    # every theorem is tighter than the one before
    last = [getattr(above, name)[-1].mean() for name in NAMES]
    assert last[2] < last[1] < last[0]


@pytest.mark.parametrize("trial", [TRIALS[0], TRIALS[6]], ids=lambda trial: trial.name)
def test_what_is_printed_about_misses_is_exceeded(trial):
    """With all UEs in all modules, (27) as printed says that nothing is missed, and so does what steers Theorem 1."""
    measured = measure(trial, runs=200)
    printed = ((1 - trial.subscription) * (1 - trial.success)) @ trial.problem.weights
    assert printed.max() == 0.0
    assert (measured.error_sq > 3 * measured.error_sq_error).all()
    steered = bounds(trial).without_k
    assert (measured.gap > steered + 3 * measured.gap_error).sum() > 200
    missed = 1 - (trial.subscription * trial.success) @ trial.problem.weights
    zeta1, zeta2 = trial.problem.gradient_bounds(1.0)
    assert (measured.error_sq <= 4 * missed * (zeta1 + zeta2 * measured.gradient_sq)).all()


def test_the_printed_recursion_says_nothing():
    for trial in TRIALS:
        assert bounds(trial).printed[-1].min() > 1e50 * trial.problem.gap(trial.start)


def test_a_module_without_reception_stays():
    problem = logistic(0, num_ues=3, dimension=2)
    start = problem.optimum + 1.0
    never, always = np.zeros((5, 1, 3)), np.ones((5, 1, 3))
    measured = descend(
        problem, np.concatenate([never, always], axis=1), np.ones((2, 3)), start, runs=2, rng=np.random.default_rng(0)
    )
    np.testing.assert_allclose(measured.gap[:, 0], problem.gap(start))
    w = start
    for t in range(5):
        np.testing.assert_allclose(measured.gap[t, 1], problem.gap(w))
        full = problem.weights @ problem.ue_gradients(w)
        assert measured.gradient_sq[t, 1] == pytest.approx(full @ full)
        assert measured.error_sq[t] == pytest.approx([measured.gradient_sq[t, 0], 0.0], abs=1e-20)
        w = w - full / problem.smoothness


def test_trials_and_their_runs_repeat():
    again = trials(rounds=5)[3]
    assert again.subscription.sum(axis=1).max() == 1.0  # one module each
    first, second = (measure(again, runs=3, seed=7).gap for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, measure(again, runs=3, seed=8).gap)


def test_a_trial_that_does_not_fit_is_refused():
    trial = TRIALS[0]
    with pytest.raises(ValueError, match=r"subscription must have shape \(T, N, 8\)"):
        dataclasses.replace(trial, subscription=trial.subscription[0])
    with pytest.raises(ValueError, match=r"start \(6,\), got"):
        dataclasses.replace(trial, start=np.zeros((4, 6)))


def test_bad_arguments_are_named():
    problem = logistic(0, num_ues=3, dimension=2)
    with pytest.raises(ValueError, match=r"subscription of shape \(T, N, K\) and at least 2 runs"):
        descend(problem, np.ones((1, 3)), np.ones((1, 3)), np.zeros(2), runs=5, rng=np.random.default_rng(0))


def test_a_start_or_success_that_does_not_fit_is_named():
    problem, beta = logistic(0, num_ues=3, dimension=2), np.ones((4, 2, 3))
    for success, start in ((np.ones((1, 3)), np.zeros(2)), (np.ones((2, 3)), 0.0), (np.ones((2, 3)), np.zeros((3, 2)))):
        with pytest.raises(ValueError, match=r"success must have shape \(2, 3\) or \(4, 2, 3\) and start \(2,\)"):
            descend(problem, beta, success, start, runs=2, rng=np.random.default_rng(0))
