"""Risks that are not convex: gradients against finite differences, constants against points of the level set."""

import numpy as np
import pytest

from fedswitch.theory.problems import lora_factors, sigmoid

PROBLEMS = {
    "sigmoid": sigmoid(0, num_ues=4, dimension=3, samples=10),
    "factors": lora_factors(0, num_ues=4, dimension=3, samples=10),
    "rank 2": lora_factors(1, num_ues=3, dimension=3, samples=8, rank=2),
}


def points(problem, rng, count=40):
    """Points of the level set, far from the start and near to it."""
    found = []
    while len(found) < count:
        w = problem.start + rng.normal(size=problem.start.size) * rng.choice([0.1, 0.5, 2.0])
        if problem.risk(w) <= problem.level:
            found.append(w)
    return found


@pytest.mark.parametrize("name", PROBLEMS)
def test_gradients_are_those_of_the_risk(name):
    problem, rng = PROBLEMS[name], np.random.default_rng(0)
    for w in points(problem, rng, 5):
        full = problem.weights @ problem.sample_gradients(w).mean(axis=-2)
        steps = 1e-5 * np.eye(w.size)
        differences = (problem.risk(w + steps) - problem.risk(w - steps)) / 2e-5
        np.testing.assert_allclose(full, differences, atol=1e-7)
    many = np.stack([problem.start, problem.start + 0.1])
    np.testing.assert_allclose(problem.sample_gradients(many)[1], problem.sample_gradients(many[1]))
    np.testing.assert_allclose(problem.risk(many)[1], problem.risk(many[1]))


@pytest.mark.parametrize("name", PROBLEMS)
def test_constants_hold_on_the_level_set(name):
    problem, rng = PROBLEMS[name], np.random.default_rng(1)
    convex = []
    assert problem.risk(problem.start) < problem.level
    assert problem.learning_rate * problem.smoothness == pytest.approx(1.0)
    for w in points(problem, rng):
        of_samples = problem.sample_gradients(w)
        gradients = of_samples.mean(axis=-2)
        variance = ((of_samples - gradients[:, None]) ** 2).sum(axis=-1).mean(axis=-1)
        assert (variance <= problem.sample_variance).all()
        apart = ((gradients - problem.weights @ gradients) ** 2).sum(axis=-1)
        assert problem.weights @ apart <= problem.spread_sq
        for at in (w, w - problem.learning_rate * of_samples[0, 0]):  # on a step, too
            steps = 1e-5 * np.eye(w.size)
            hessian = problem.weights @ (
                (problem.sample_gradients(at + steps) - problem.sample_gradients(at - steps)).mean(axis=-2) / 2e-5
            ).transpose(1, 0, 2).reshape(problem.weights.size, -1)
            values = np.linalg.eigvalsh(hessian.reshape(w.size, w.size))
            assert values[-1] <= problem.smoothness + 1e-6
            convex.append(values[0] > 0)
    assert not all(convex)
