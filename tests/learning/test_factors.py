"""The risk of a LoRA module as a function of its numbers, and Theorem A on the factors of an encoder."""

import dataclasses

import numpy as np
import pytest
import torch

from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.factors import EncoderFactors
from fedswitch.learning.schemes import find_scheme
from fedswitch.theory.montecarlo import descend_by_samples


@pytest.fixture
def federation(small, toy_task):
    return find_scheme("random")[1](dataclasses.replace(small, num_ues=3), 0).federation(
        toy_task, load_backbone("tiny")
    )


def test_gradients_are_those_that_the_engine_computes(federation):
    factors = EncoderFactors.of(federation, module=1, samples=4)
    of_samples = factors.sample_gradients(factors.start)
    for k, own in enumerate(federation.ues.indices.values()):
        loss, gradient = federation.ues.learner.gradient(1, own[:4])
        flat = torch.cat([part.ravel() for part in gradient]).numpy()
        np.testing.assert_allclose(of_samples[k].mean(axis=0), flat, atol=1e-6)
    single = dataclasses.replace(factors, weights=np.eye(3)[2])
    assert single.risk(factors.start) == pytest.approx(float(loss), rel=1e-5)


def test_curvature_is_that_of_finite_differences(federation):
    factors = EncoderFactors.of(federation, samples=4)
    rng = np.random.default_rng(0)
    w = factors.start + 0.02 * rng.normal(size=factors.start.size)
    low, high = factors.curvature(w)
    assert low < high

    def slope(at):
        return factors.weights @ factors.sample_gradients(at).mean(axis=-2)

    vector = rng.normal(size=w.size)
    for _ in range(30):  # the power method finds the largest, where that is larger than the least is small
        vector /= np.linalg.norm(vector)
        turned = (slope(w + 1e-2 * vector) - slope(w - 1e-2 * vector)) / 2e-2
        estimate, vector = vector @ turned, turned
    assert high == pytest.approx(estimate, rel=0.05)
    assert abs(low) < high


def test_theorem_a_on_the_factors_of_an_encoder(federation):
    """With the curvature that is met; bias, noise and variances are measured on the way, and moments are exact."""
    factors, rounds = EncoderFactors.of(federation, samples=6), 12
    epsilon = 1.5 * max(factors.curvature(factors.start)[1], 1e-3)
    beta, success = np.ones((rounds, 1, 3)), np.array([[0.9, 0.5, 0.3]])
    eta = 1.0 / epsilon
    path = descend_by_samples(
        factors, beta, success, learning_rate=eta, batch_size=2, runs=12, rng=np.random.default_rng(0)
    )
    measured, limit = path.mean_gradient_sq, path.limit(epsilon)
    assert (measured <= limit).all()
    assert (measured > 0.02 * limit).all()
    assert path.risk[-1] < path.risk[0]


def test_what_cannot_be_is_refused(federation, small, toy_task):
    with pytest.raises(ValueError, match="samples = 1000 must be a whole number of at most"):
        EncoderFactors.of(federation, samples=1000)
    with pytest.raises(ValueError, match="module = 9 must be"):
        EncoderFactors.of(federation, module=9)
    full = find_scheme("full")[1](small, 0).federation(toy_task, load_backbone("tiny"))
    with pytest.raises(ValueError, match="run must train LoRA modules, got FullModel"):
        EncoderFactors.of(full)
