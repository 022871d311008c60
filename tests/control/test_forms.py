"""The two forms side by side: what must hold within each of them, and how they differ."""

import numpy as np
import pytest

from fedswitch import Scenario
from fedswitch.control import cost_gradient, ue_cost
from fedswitch.control.forms import CORRECTED, PRINTED, formulas

SUCCESS = np.array([[0.0, 0.3], [0.9, 1.0]])


@pytest.mark.parametrize("own", [PRINTED, CORRECTED], ids=["printed", "corrected"])
def test_a_subscription_brings_what_it_makes_less_likely_to_be_missed(own):
    nobody, everybody = np.zeros((2, 2), dtype=bool), np.ones((2, 2), dtype=bool)
    less = own.missed(nobody, SUCCESS) - own.missed(everybody, SUCCESS)
    np.testing.assert_allclose(less, own.counted(SUCCESS), atol=1e-15)


@pytest.mark.parametrize("form", ["printed", "corrected"])
def test_benefit_and_weight_are_those_of_the_cost(form):
    scenario = Scenario.corrected(num_ues=2, num_modules=2, lora_ranks=(2, 4), zeta2=0.05)
    own, gap = formulas(form), np.array([[0.5, 2.0], [1.0, 0.0]])
    brought = own.benefit(scenario, gap, own.weight(scenario, None)) * own.counted(SUCCESS)
    costs = [ue_cost(scenario, beta, SUCCESS, 0.0, gap, form=form) for beta in (0.0, 1.0)]
    np.testing.assert_allclose(costs[0] - costs[1], brought.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(cost_gradient(scenario, SUCCESS, 0.0, gap, form=form), -brought, rtol=1e-15)


def test_power_serves_what_is_uploaded_or_as_printed_what_is_not():
    subscription = np.array([[True, False]])
    assert CORRECTED.served(subscription).tolist() == [[True, False]]
    assert PRINTED.served(subscription).tolist() == [[False, True]]


def test_the_last_or_the_best_iterate_is_taken_once_all_ues_or_their_sum_rest():
    objectives = np.array([3.0, 1.0, 2.0])
    assert (PRINTED.kept(objectives), CORRECTED.kept(objectives)) == (2, 1)
    before, now = np.array([1.0, 1.0]), np.array([1.5, 0.5])
    assert not PRINTED.settled(before, now, 1e-3)
    assert CORRECTED.settled(before, now, 1e-3)


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="form must be one of printed, corrected, got 'sharp'"):
        formulas("sharp")
