"""Both sides of the checks of Section IV.A and of Algorithm 2, computed another way."""

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from fedswitch import Scenario, control, wireless
from fedswitch.paper.checks import (
    alg2_settles_above_its_start,
    alg2_start_breaks_7c,
    eq7d_can_be_kept,
    eq7e_excludes_silence,
    eq11_keeps_its_promise,
    eq12_is_solved_by_sorting,
    eq12_rounding_breaks_the_limit,
    eq14_charges_nothing_for_a_loss,
)
from fedswitch.streams import stream

PAYLOADS = 36864.0 * 32 * np.array([2, 4, 8, 16])


@pytest.mark.parametrize("rounds", range(1, 7))
def test_participation_can_be_kept_where_some_schedule_keeps_it(rounds):
    # one of four modules in each round; without rest, for a further one never hurts
    schedules = itertools.product(range(4), repeat=rounds)
    kept = any(all(10 * schedule.count(module) >= rounds for module in range(4)) for schedule in schedules)
    assert eq7d_can_be_kept(rounds).refutes is not kept


def test_stated_participations_by_hand():
    assert (eq7d_can_be_kept().left, eq7d_can_be_kept().right) == (4 * 10, 100)
    assert eq7d_can_be_kept(30).left == 4 * 3  # 0.1 * 30 is above 3 in double precision
    assert eq7d_can_be_kept(11).left == 4 * 2


@pytest.mark.parametrize("limit", [1, 2])
def test_needs_dealt_out_in_turn_keep_every_round_within_the_limit(limit):
    rounds = 5
    for needs in itertools.product(range(rounds + 1), repeat=3):
        dealt = [module for module, need in enumerate(needs) for _ in range(need)]
        schedule = [dealt[start::rounds] for start in range(rounds)]
        assert all(len(set(taken)) == len(taken) for taken in schedule)
        assert all(len(taken) <= limit for taken in schedule) == (sum(needs) <= limit * rounds)


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
    assert not found.refutes
    rng = stream(0, "programs")
    costs = [rng.normal(size=4) - rng.exponential(0.5, size=4) for _ in range(50)]
    assert found.left == found.right == pytest.approx(sum(min(0.0, cost.min()) for cost in costs))
    corners = np.vstack([np.zeros(4), np.eye(4)])
    rng = stream(1, "programs")
    for cost in rng.normal(size=(50, 4)):
        assert cost @ control.subscribe(cost, 0.0, limit=1) == pytest.approx((corners @ cost).min())


@pytest.mark.parametrize("success", [0.0, 0.5, 0.9])
def test_a_lost_upload_is_missed_data(success):
    found = eq14_charges_nothing_for_a_loss(success)
    received = stream(0, "received").random(100_000) < success
    assert found.left == pytest.approx(1 - received.mean(), abs=0.01)
    assert found.right == 0.0
    assert not eq14_charges_nothing_for_a_loss(1.0).refutes


def test_the_start_has_every_ue_in_every_module():
    assert (alg2_start_breaks_7c().left, alg2_start_breaks_7c().right) == (4.0, 1.0)


def test_the_loop_goes_down_and_then_up_again():
    s = Scenario.corrected(energy_weight_per_j=1e-2)
    distance = wireless.Cell.draw(s, seed=10).distance_m
    payload = PAYLOADS[control.start(s, rng=stream(10, "start")).subscription.argmax(axis=0)]
    worth = 2.0 / 100 / 4  # of each of 400 uploads that may be missed
    radio = {
        "path_loss_exponent": 3.8,
        "base_station_density_per_m2": 3e-5,
        "noise_psd_w_per_hz": s.noise_psd_w_per_hz,
        "interferer_power_w": 0.2,
        "reference_gain": 1e-3,
    }
    grid = np.geomspace(1e-4, 0.2, 1000)[:, np.newaxis]
    power, costs = np.full(100, 0.2), []
    while len(costs) < 2 or abs(costs[-1] - costs[-2]) > 1e-4 * costs[-2]:
        sends = power > 0
        shared = control.allocate_bandwidth_ergodic(
            payload[sends], distance[sends], power[sends], wireless.Radio(bandwidth_hz=1e9, **radio)
        )
        upload = distance[sends], shared.share * 1e9, 10**-0.5

        def gain(watts, upload=upload, price=1e-2 * shared.delay_s):
            place, width, threshold = upload
            return worth * wireless.success_probability(place, watts, width, threshold, **radio) - price * watts

        costs.append(400 * worth - gain(power[sends]).sum())
        gains = gain(grid)
        power[sends] = np.where(gains.max(axis=0) > 0, grid[gains.argmax(axis=0), 0], 0.0)
    found = alg2_settles_above_its_start()
    assert (found.left, found.right) == pytest.approx((costs[-1], costs[0]), rel=1e-3)
    assert found.refutes
