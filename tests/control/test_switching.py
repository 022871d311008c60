"""The cost (9) and its gradient: against Theorem 1, against finite differences, and what they reward."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedswitch import Scenario
from fedswitch.control import cost_gradient, reception_benefit, subscribe, ue_cost
from fedswitch.theory import constants

SCENARIO = Scenario.corrected(num_ues=5, zeta2=0.1, energy_weight_per_j=0.01)
SHAPE = (SCENARIO.num_modules, SCENARIO.num_ues)
BOUND = {name: getattr(SCENARIO, name) for name in ("smoothness", "strong_convexity", "zeta1", "zeta2")}


def draw(seed):
    rng = np.random.default_rng(seed)
    return {
        "success": rng.uniform(0, 1, SHAPE),
        "energy_j": rng.uniform(0, 5, SHAPE),
        "bound": rng.uniform(0, 20, (SHAPE[0], 1)),
        "weights": rng.dirichlet(np.ones(SHAPE[1])),
    }, rng.integers(0, 2, SHAPE)


@pytest.mark.parametrize("form", ["printed", "corrected"])
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_is_the_difference_that_a_subscription_makes(form, seed):
    """Exactly, since the cost is affine."""
    arguments, beta = draw(seed)
    gradient = cost_gradient(SCENARIO, **arguments, form=form)
    for n, k in np.ndindex(*SHAPE):
        on, off = beta.copy(), beta.copy()
        on[n, k], off[n, k] = 1, 0
        change = ue_cost(SCENARIO, on, **arguments, form=form) - ue_cost(SCENARIO, off, **arguments, form=form)
        assert change[k] == pytest.approx(gradient[n, k], rel=1e-9, abs=1e-12)
        assert np.delete(change, k) == pytest.approx(0.0)


@pytest.mark.parametrize("seed", range(3))
def test_the_corrected_costs_of_all_ues_are_the_bound_and_the_energy(seed):
    """(7a) in one round: the mean over modules of (1 - A) S + B from the theorem itself, and mu times the joules."""
    arguments, beta = draw(seed)
    a, b = constants(arguments["weights"], beta, arguments["success"], **BOUND)
    expected = ((1 - a) * arguments["bound"][:, 0] + b).mean() + 0.01 * (beta * arguments["energy_j"]).sum()
    assert ue_cost(SCENARIO, beta, **arguments).sum() == pytest.approx(expected)


def test_the_printed_cost_by_hand():
    scenario = Scenario.paper(num_ues=1, num_modules=1, lora_ranks=(4,), smoothness=0.5, zeta2=0.01, zeta1=2.0,
                              energy_weight_per_j=3.0)  # fmt: skip
    a = 0.4 * (1 - 0.08 * 0.7 - 0.04 - 0.25)
    b = 8.0 * (1 + 2 * 0.7)
    off = ue_cost(scenario, [[0]], [[0.3]], [[7.0]], [[11.0]], form="printed")
    assert off == pytest.approx((1 - a) * 11.0 + b)
    on = ue_cost(scenario, [[1]], [[0.3]], [[7.0]], [[11.0]], form="printed")
    assert on == pytest.approx((1 - 0.4 * (1 - 0.04 - 0.25)) * 11.0 + 8.0 + 21.0)


def test_printed_prefers_the_worse_channel_and_corrected_the_better_one():
    scenario = Scenario.corrected(num_ues=1, num_modules=2, lora_ranks=(4, 4), zeta2=0.5, zeta1=0.4)
    success, nothing = [[0.9], [0.1]], np.zeros((2, 1))
    printed, corrected = (
        cost_gradient(scenario, success, nothing, nothing + 5.0, form=form)[:, 0] for form in ("printed", "corrected")
    )
    np.testing.assert_allclose(printed, [-0.56, -5.04])
    np.testing.assert_allclose(corrected, [-0.5 * 0.9 * (0.2 * 5.0 + 0.8), -0.5 * 0.1 * (0.2 * 5.0 + 0.8)])
    assert subscribe(printed, 0.0, 1).tolist() == [False, True]
    assert subscribe(corrected, 0.0, 1).tolist() == [True, False]


@given(st.integers(0, 500), st.floats(0.0, 1.0))
def test_a_better_channel_is_worth_more_only_when_corrected(seed, factor):
    arguments, _ = draw(seed)
    worse = {**arguments, "success": factor * arguments["success"]}
    assert (cost_gradient(SCENARIO, **worse) >= cost_gradient(SCENARIO, **arguments)).all()
    printed = cost_gradient(SCENARIO, **worse, form="printed")
    assert (printed <= cost_gradient(SCENARIO, **arguments, form="printed")).all()


def test_risk_that_a_module_leaves_to_a_ue_draws_that_ue_to_it():
    arguments, _ = draw(4)
    risk = np.zeros(SHAPE)
    risk[2, 3] = 50.0
    change = cost_gradient(SCENARIO, **{**arguments, "bound": arguments["bound"] + risk}) - cost_gradient(
        SCENARIO, **arguments
    )
    assert change[2, 3] < 0.0
    assert np.count_nonzero(change) == 1


def test_the_benefit_is_the_slope_in_the_success_probability():
    arguments, _ = draw(6)
    step = 1e-6
    better = {**arguments, "success": arguments["success"] * (1 - step)}
    slope = (cost_gradient(SCENARIO, **better) - cost_gradient(SCENARIO, **arguments)) / step
    benefit = reception_benefit(SCENARIO, arguments["bound"], weights=arguments["weights"])
    np.testing.assert_allclose(slope, benefit * arguments["success"], rtol=1e-6)


def test_ues_have_equal_weights_where_none_are_given():
    arguments, beta = draw(8)
    del arguments["weights"]
    np.testing.assert_array_equal(
        ue_cost(SCENARIO, beta, **arguments), ue_cost(SCENARIO, beta, **arguments, weights=np.full(5, 0.2))
    )


def test_one_number_for_all_modules_or_ues_is_enough():
    full = cost_gradient(SCENARIO, np.full(SHAPE, 0.5), np.full(SHAPE, 1.0), np.full(SHAPE, 3.0))
    np.testing.assert_array_equal(cost_gradient(SCENARIO, 0.5, 1.0, np.full((SHAPE[0], 1), 3.0)), full)
    assert reception_benefit(SCENARIO, 3.0).shape == SHAPE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"form": "sharp"}, "form must be one of printed, corrected, got 'sharp'"),
        ({"success": np.full((5, 4), 0.5)}, r"must broadcast to \(..., N, K\) = \(..., 4, 5\), got \(5, 4\)"),
        ({"success": 1.5}, r"success must be in \[0, 1\], got 1.5"),
        ({"energy_j": [[-1.0]]}, "energy_j must be non-negative"),
        ({"weights": [0.5, 0.5]}, r"weights must have shape \(5,\) and sum to 1, got \(2,\), 1"),
        ({"weights": np.ones(5)}, r"weights must have shape \(5,\) and sum to 1, got \(5,\), 5"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    arguments = {"success": 0.5, "energy_j": 1.0, "bound": 0.0, **changes}
    with pytest.raises(ValueError, match=message):
        cost_gradient(SCENARIO, **arguments)
