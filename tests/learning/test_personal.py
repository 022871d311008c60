import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedswitch.learning.personal import label_odds, mixture_weights, own_module


def likelihoods(seed: int, modules: int = 3, ues: int = 4, samples: int = 12) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.05, 0.95, size=(modules, ues, samples))


def mean_log(weights: np.ndarray, likelihood: np.ndarray) -> np.ndarray:
    """What weights (N, K) are chosen to make large, for each UE, (K,)."""
    return np.log(np.einsum("nk,nks->ks", weights, likelihood)).mean(axis=1)


@given(st.integers(0, 10_000))
def test_the_own_module_has_the_smallest_risk(seed):
    likelihood = likelihoods(seed)
    chosen = own_module(np.log(likelihood))
    for k in range(4):
        risks = [-np.log(likelihood[n, k]).sum() for n in range(3)]
        assert chosen[:, k].tolist() == [float(n == risks.index(min(risks))) for n in range(3)]


@pytest.mark.parametrize("seed", range(3))
def test_mixture_weights_are_those_of_a_convex_solver(seed):
    likelihood = likelihoods(seed)
    weights = mixture_weights(np.log(likelihood), steps=3000)
    assert weights.sum(axis=0) == pytest.approx(1.0)
    for k in range(4):
        w = cp.Variable(3, nonneg=True)
        problem = cp.Problem(cp.Maximize(cp.sum(cp.log(likelihood[:, k].T @ w)) / 12), [cp.sum(w) == 1])
        problem.solve(solver=cp.CLARABEL)
        assert mean_log(weights, likelihood)[k] == pytest.approx(problem.value, abs=1e-4)
        assert weights[:, k] == pytest.approx(w.value, abs=0.02)


def test_few_steps_come_near_and_more_come_nearer():
    likelihood = likelihoods(7)
    values = [mean_log(mixture_weights(np.log(likelihood), steps=steps), likelihood) for steps in (0, 1, 50, 3000)]
    assert (np.diff(values, axis=0) > 0).all()
    assert (values[3] - values[2] < 0.01).all()


def test_one_module_has_all_the_weight():
    likelihood = likelihoods(1, modules=1)
    assert (own_module(np.log(likelihood)) == 1.0).all()
    assert mixture_weights(np.log(likelihood)) == pytest.approx(1.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sample_that_every_module_gets_wrong_for_certain_leaves_weights(dtype):
    """Its probability is 0 in float32; that modules differ in how wrong they are still counts."""
    logs = np.log(likelihoods(3)).astype(dtype)
    logs[:, 0, 0] = [-2000.0, -2000.0 + np.log(4.0), -4000.0]
    weights = mixture_weights(logs)
    assert weights.sum(axis=0) == pytest.approx(1.0)
    same = np.exp(logs.astype(np.float64) + 2000.0 * (np.arange(12) == 0) * (np.arange(4) == 0)[:, np.newaxis])
    assert weights == pytest.approx(mixture_weights(np.log(np.maximum(same, 1e-300))), abs=1e-5)
    assert own_module(logs)[:, 0].tolist() == [0.0, 1.0, 0.0]


def test_label_odds_compare_a_ue_with_all_and_rule_no_label_out():
    """One more of each label: shares of 4/6, 1/6, 1/6 and 2/6, 2/6, 2/6, whose means are 1/2, 1/4, 1/4."""
    odds = label_odds(np.array([[0, 0, 0], [0, 1, 2]]), 3)
    np.testing.assert_allclose(odds, [[4 / 3, 2 / 3, 2 / 3], [2 / 3, 4 / 3, 4 / 3]])
    assert (label_odds(np.array([[0, 0, 0], [0, 1, 1]]), 3)[:, 2] == 1.0).all()  # a label that nobody holds
