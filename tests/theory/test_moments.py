"""Moments of the received weights against enumeration and simulation."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedswitch.theory import missed_data, received_weights


def enumerated(weights, reception):
    """p0, mean and covariance of the received weights, and E[1 - R], E[(1 - R)^2; R > 0], over all 2^K receptions."""
    outcomes = np.array(list(itertools.product((0.0, 1.0), repeat=weights.size)))
    probability = np.where(outcomes == 1.0, reception, 1.0 - reception).prod(axis=1)
    share = outcomes @ weights
    somebody = share > 0
    p = outcomes[somebody] * weights / share[somebody, None]
    given_somebody = probability[somebody] / probability[somebody].sum()
    mean = given_somebody @ p
    covariance = (p - mean).T @ ((p - mean) * given_somebody[:, None])
    missed = probability @ (1 - share), probability[somebody] @ (1 - share[somebody]) ** 2
    return probability[~somebody].sum(), mean, covariance, *missed


@given(st.integers(0, 10_000), st.integers(1, 7), st.sampled_from([0.2, 1.0, 20.0]), st.sampled_from([1, 5]))
def test_moments_are_those_of_all_receptions(seed, num_ues, concentration, power):
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(num_ues, concentration))
    beta, success = rng.uniform(size=(1, num_ues)), rng.uniform(size=(1, num_ues)) ** power
    beta[rng.uniform(size=beta.shape) < 0.3] = 1.0
    success[rng.uniform(size=beta.shape) < 0.2] = 1.0
    success[0, 1:][rng.uniform(size=num_ues - 1) < 0.2] = 0.0
    nobody, mean, covariance, missed, second = enumerated(weights, (beta * success)[0])
    received = received_weights(weights, beta, success)
    assert received.nobody[0] == pytest.approx(nobody, abs=1e-12)
    np.testing.assert_allclose(received.mean[0], mean, atol=1e-10)
    np.testing.assert_allclose(received.covariance[0], covariance, atol=1e-10)
    data = missed_data(weights, beta, success)
    assert (data.mean[0], data.second[0]) == pytest.approx((missed, second), abs=1e-12)


def test_moments_of_many_ues_are_those_of_simulated_receptions():
    rng = np.random.default_rng(0)
    weights, reception = rng.dirichlet(np.full(30, 5.0)), rng.uniform(0.05, 0.6, 30)
    received = received_weights(weights, np.ones((1, 30)), reception[None])
    draws = weights * (rng.random((200_000, 30)) < reception)
    draws = draws[draws.sum(axis=1) > 0]
    p = draws / draws.sum(axis=1, keepdims=True)
    error = p.std(axis=0) / np.sqrt(len(p))
    assert (np.abs(p.mean(axis=0) - received.mean[0]) < 5 * error).all()
    np.testing.assert_allclose(np.cov(p.T), received.covariance[0], atol=6 * p.var(axis=0).max() / np.sqrt(len(p)))


def test_weights_sum_to_one_in_every_round():
    rng = np.random.default_rng(1)
    received = received_weights(np.full(20, 0.05), np.ones((3, 4, 20)), rng.uniform(size=(3, 4, 20)))
    np.testing.assert_allclose(received.mean.sum(axis=-1), 1.0)
    np.testing.assert_allclose(received.covariance.sum(axis=-1), 0.0, atol=1e-12)
    assert received.nobody.shape == (3, 4)


def test_equal_ues_are_received_without_bias():
    received = received_weights(np.full(5, 0.2), np.ones((1, 5)), np.full((1, 5), 0.3))
    np.testing.assert_allclose(received.mean, 0.2)


def test_where_nobody_is_received_nothing_is_missing_from_the_mean():
    weights = np.array([0.4, 0.6])
    received = received_weights(weights, np.array([[0, 0], [1, 1]]), np.array([[1.0, 1.0], [0.0, 0.5]]))
    assert received.nobody == pytest.approx([1.0, 0.5])
    np.testing.assert_array_equal(received.mean[0], weights)
    np.testing.assert_array_equal(received.covariance[0], 0.0)
    np.testing.assert_allclose(received.mean[1], [0.0, 1.0], atol=1e-12)


def test_a_ue_without_data_does_not_make_a_round():
    """Where only it is received, R = 0 and the module stays."""
    weights, beta, success = np.array([0.0, 1.0]), np.ones((1, 2)), np.array([[0.9, 0.25]])
    received, data = received_weights(weights, beta, success), missed_data(weights, beta, success)
    assert received.nobody == data.nobody == pytest.approx(0.75)
    np.testing.assert_allclose(received.mean, [[0.0, 1.0]], atol=1e-12)
    assert data.second == pytest.approx(0.0)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"weights must have shape \(K,\) and sum to 1"):
        received_weights([0.5, 0.4], [[1, 1]], [[0.5, 0.5]])
    with pytest.raises(ValueError, match=r"success must be in \[0, 1\], got 2"):
        missed_data([0.5, 0.5], [[1, 1]], [[0.5, 2.0]])


def test_rare_receptions_keep_their_digits():
    received = received_weights(np.full(4, 0.25), np.ones((1, 4)), np.full((1, 4), 1e-12))
    assert 1.0 - received.nobody[0] == pytest.approx(4e-12, rel=1e-3)
    np.testing.assert_allclose(received.mean[0], 0.25)
    np.testing.assert_allclose(np.diag(received.covariance[0]), 0.25 * 0.75)  # one UE alone
