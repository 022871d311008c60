"""Both sides of the checks of Section IV.A and of Algorithm 2, computed another way."""

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from fedswitch import Scenario, control, wireless
from fedswitch.paper.checks import (
    alg2_objective_may_rise,
    alg2_start_breaks_7c,
    eq7d_can_be_kept,
    eq7e_excludes_silence,
    eq11_keeps_its_promise,
    eq12_is_solved_by_sorting,
    eq12_rounding_breaks_the_limit,
    eq14_forgets_computing,
)
from fedswitch.streams import stream


def test_stated_participations_by_hand():
    assert (eq7d_can_be_kept().left, eq7d_can_be_kept().right) == (pytest.approx(4 * 0.1), 1.0)


def test_any_power_costs_more_than_silence():
    def cost(log_power):
        return 1 - math.exp(-0.1 / math.exp(log_power)) + 5 * math.exp(log_power)

    for least_w in (1e-3, 1e-2):
        inner = minimize_scalar(cost, bounds=(math.log(2e-2), math.log(1.0)), method="bounded").fun
        found = eq7e_excludes_silence(least_w)
        assert found.left == pytest.approx(min(inner, cost(math.log(least_w))), rel=1e-5)
        assert found.right == 1.0


@pytest.mark.parametrize("rounds", [1, 7, 50, 1000])
def test_what_is_missing_is_at_most_the_dual(rounds):
    found = eq11_keeps_its_promise(rounds)
    assert not found.refutes
    # the sum behind (11), step by step for the module that comes off worst
    dual, taken = np.zeros(4), np.zeros(4)
    for _ in range(rounds):
        cost = np.array([-1.0, -0.8, -0.7, -0.6]) - dual
        chosen = np.arange(4) == cost.argmin()
        dual = np.maximum(dual + 0.4 * (0.1 - chosen), 0.0)
        taken += chosen
    pairs = [(0.1 - t / rounds, d / (0.4 * rounds)) for t, d in zip(taken, dual, strict=True)]
    assert (found.left, found.right) == pytest.approx(max(pairs, key=lambda pair: pair[0] - pair[1]))


def test_the_interior_point_ends_at_halves_and_rounding_them_apart_breaks_the_limit():
    found = eq12_rounding_breaks_the_limit()
    assert found.left == pytest.approx(0.25, abs=1e-6)
    b = math.sqrt(found.left)

    def barrier(first, second, kappa=1e-9):
        inside = (first, 1 - first, second, 1 - second, 1 - first - second)
        return -first - second - kappa * sum(map(math.log, inside))

    for shift, along in itertools.product((1e-4, -1e-4), (0.0, -1.0)):
        assert barrier(b, b) < barrier(b + shift, b + along * shift if along else b - abs(shift))
    drawn = stream(0, "rounding").random((10_000, 2)) < b
    assert drawn.all(axis=1).mean() == pytest.approx(found.left, abs=0.02)


def test_sorting_is_the_best_of_all_corners():
    found = eq12_is_solved_by_sorting(50)
    assert found.left == pytest.approx(0.0, abs=1e-12)
    corners = np.vstack([np.zeros(4), np.eye(4)])
    rng = stream(1, "programs")
    for cost in rng.normal(size=(50, 4)):
        assert cost @ control.subscribe(cost, 0.0, limit=1) == pytest.approx((corners @ cost).min())


def test_the_two_costs_differ_by_the_energy_of_computing():
    found = eq14_forgets_computing()
    computing_j = 4 * 32 * 125e6 * 32 * 737.5 * 1e-27 * 1.5e9**2
    assert found.left - found.right == pytest.approx(1e5 * computing_j)
    benefit = 4 * (4 * 0.1 * 5e-4 * 1.0 + 1.0)  # (14) with epsilon = zeta_1 = 1, and B = 1 before
    assert found.right == pytest.approx(1e5 * 0.2 - 0.25 * benefit)


def test_the_start_has_every_ue_in_every_module():
    assert (alg2_start_breaks_7c().left, alg2_start_breaks_7c().right) == (4.0, 1.0)


def test_the_objective_that_rises_is_14_at_two_iterations():
    s = Scenario.corrected(energy_weight_per_j=1e-2)
    payload_bits = 36864.0 * 32 * np.array(s.lora_ranks)
    seen = control.Observation(wireless.Cell.draw(s, seed=0).channel(3), payload_bits)
    begin = control.start(s, rng=stream(2, "start"))
    objective = control.decide(s, seen, begin, rng=stream(9, "any"))[0].inner.objective.tolist()
    rises = [(after, before) for before, after in itertools.pairwise(objective) if after > before]
    found = alg2_objective_may_rise()
    assert (found.left, found.right) == pytest.approx(max(rises, key=lambda pair: pair[0] - pair[1]))
    assert str(1 + objective.index(pytest.approx(found.left))) in found.instance
