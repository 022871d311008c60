"""Both sides of the checks of Section II, computed another way."""

import math

import numpy as np
import pytest

from fedswitch import Scenario, wireless
from fedswitch.control import random_subscription
from fedswitch.paper.checks import (
    eq1_nobody_is_received,
    eq2_depends_on_the_first_meter,
    eq2_leaves_the_interferers_power_open,
    eq3_bounds_the_ensemble,
    eq4_charges_more_than_the_arithmetic,
)
from fedswitch.streams import stream


def test_nobody_is_received_as_often_as_in_draws():
    s = Scenario.corrected(num_ues=10)
    cell, empty = wireless.Cell.draw(s, seed=0), []
    noise_w = s.bandwidth_hz / 10 * s.noise_psd_w_per_hz
    for t in range(3000):
        seen = cell.channel(t)
        gamma = wireless.received(wireless.sinr(s.max_power_w * seen.gain, seen.interference_w, noise_w), 10**-0.5)
        beta = random_subscription(4, 10, 1, stream(5, "subscription", t))
        empty.append((~(beta & gamma).any(axis=1)).mean())
    error = np.std(empty) / math.sqrt(len(empty))
    assert eq1_nobody_is_received().left == pytest.approx(np.mean(empty), abs=4 * error)


def test_more_ues_leave_fewer_rounds_empty():
    assert 0.0 < eq1_nobody_is_received(40).left < eq1_nobody_is_received().left < eq1_nobody_is_received(2).left < 1.0


@pytest.mark.parametrize(("distance_m", "power_w"), [(60.0, 0.05), (30.0, 0.02)])
def test_interferers_of_either_power_in_draws(distance_m, power_w):
    found = eq2_leaves_the_interferers_power_open(distance_m, power_w)
    for other_w, share in ((power_w, found.left), (0.2, found.right)):
        cell = wireless.Cell(Scenario.corrected(interferer_power_w=other_w), 3, np.full(100, distance_m))
        ratios = [
            power_w * seen.gain / (seen.interference_w + 1e7 * 10 ** (-162 / 10) / 1000)
            for seen in (cell.channel(t) for t in range(200))
        ]
        drawn = (np.array(ratios) >= 10**-0.5).mean()
        assert share == pytest.approx(drawn, abs=4 * math.sqrt(drawn * (1 - drawn) / 20_000))


@pytest.mark.parametrize("distance_m", [20.0, 100.0])
def test_the_first_meter_multiplies_the_noise(distance_m):
    found = eq2_depends_on_the_first_meter(distance_m)
    noise_w = 1e7 * 10 ** (-162 / 10) / 1000  # 1 % of 1 GHz at -162 dBm/Hz
    exponent = 10**-0.5 * noise_w * distance_m**3.8 / 0.2
    # all powers see the same interference, whose effect cancels but for the power of the interferers
    assert found.left / found.right == pytest.approx(math.exp(-exponent * (1e3 - 1)), rel=1e-9)


def test_the_mean_of_the_risks_is_above_the_risk_of_the_mean():
    found = eq3_bounds_the_ensemble()
    probability = stream(0, "predictions").uniform(0.05, 1.0, size=(4, 64))
    columns = [[float(p) for p in column] for column in probability.T]
    assert found.left == pytest.approx(sum(-math.log(sum(column) / 4) for column in columns) / 64)
    assert found.right == pytest.approx(sum(-math.log(p) for column in columns for p in column) / 256)
    assert found.left < found.right


def test_computing_by_hand():
    found = eq4_charges_more_than_the_arithmetic()
    joules_per_cycle, samples = 1e-27 * 1.5e9**2, 4 * 32
    assert found.left == pytest.approx(samples * 125e6 * 32 * 737.5 * joules_per_cycle)
    assert found.right == pytest.approx(samples * 4 * 125e6 * 128 * joules_per_cycle)
