"""The checks of (15) against draws, and by hand."""

import math

import numpy as np
import pytest

from fedswitch import Scenario, wireless
from fedswitch.paper.checks import (
    eq15_is_too_high_at_the_edge,
    eq15_is_too_low_near_the_gnb,
    eq15_noise_hangs_on_the_density,
    fig2_bandwidth_costs_reliability,
)

PHI, ALPHA, NOISE_W = 3e-5, 3.8, 1e7 * 10 ** (-162 / 10) / 1000


def drawn(distance_m, threshold, rounds):
    """Share of uploads received in draws of (2), and its standard error."""
    s = Scenario.paper(sinr_threshold=threshold)
    cell = wireless.Cell(s, 7, np.full(100, distance_m))
    ratios = [
        wireless.sinr(0.2 * seen.gain, seen.interference_w, NOISE_W)
        for seen in (cell.channel(t) for t in range(rounds))
    ]
    share = (np.array(ratios) >= threshold).mean()
    return share, math.sqrt(share * (1 - share) / (100 * rounds))


def printed(distance_m, threshold, noise_w=NOISE_W):
    """(15) as it stands, with its integral by the midpoint rule in x = y / (1 - y)."""
    spread = threshold ** (2 / ALPHA)
    y = (np.arange(200_000) + 0.5) / 200_000
    x = y / (1 - y)
    integral = np.mean(-np.expm1(-12 / (5 * math.pi) * spread * x) / (1 + x ** (ALPHA / 2)) / (1 - y) ** 2)
    noise = noise_w * threshold * distance_m**2 / (0.2 * (2 * PHI) ** (ALPHA / 2 - 1))
    return math.exp(-noise - PHI * math.pi * distance_m**2 * spread * integral)


@pytest.mark.parametrize(("distance_m", "threshold_db"), [(40.0, 5.0), (60.0, 0.0)])
def test_the_quadrature_is_the_mean_of_draws(distance_m, threshold_db):
    found = eq15_is_too_low_near_the_gnb(distance_m, threshold_db)
    share, error = drawn(distance_m, 10 ** (threshold_db / 10), 300)
    assert found.left == pytest.approx(share, abs=4 * error)
    assert found.left == pytest.approx(found.corrected, rel=1e-6)
    assert found.right == pytest.approx(printed(distance_m, 10 ** (threshold_db / 10)), rel=1e-4)


def test_noise_alone_does_not_hang_on_the_density():
    """By fades, and by hand; at d = 1 / sqrt(2 phi) the print happens to be right."""
    power_w, faintest = 0.2, 100 * NOISE_W * 10**-0.5 * 100.0**ALPHA / 0.2
    fades = np.random.default_rng(1).exponential(size=1_000_000)
    found = eq15_noise_hangs_on_the_density()
    assert found.refutes
    assert found.left == pytest.approx((fades >= faintest).mean(), abs=4e-4)
    noise = 100 * NOISE_W * 10**-0.5 * 100.0**2 / (power_w * 2e-8 ** (ALPHA / 2 - 1))
    assert found.right == pytest.approx(math.exp(-noise), rel=1e-6)
    assert not eq15_noise_hangs_on_the_density(1 / (2 * 100.0**2)).refutes


def test_the_printed_form_is_too_low_near_the_gnb_and_too_high_at_the_edge():
    assert eq15_is_too_low_near_the_gnb().refutes
    assert not eq15_is_too_low_near_the_gnb(100.0, -5.0).refutes
    assert eq15_is_too_high_at_the_edge().refutes
    assert not eq15_is_too_high_at_the_edge(40.0, 5.0, rounds=50).refutes


def test_the_outage_at_the_edge_is_that_of_other_draws():
    found = eq15_is_too_high_at_the_edge()
    share, error = drawn(100.0, 10**-0.5, 300)
    own_error = math.sqrt(share * (1 - share) / 40_000)
    assert found.left + 5 * own_error == pytest.approx(1 - share, abs=4 * math.hypot(error, own_error))
    assert found.right == pytest.approx(1 - printed(100.0, 10**-0.5), rel=1e-3)
    assert found.corrected == pytest.approx(1 - share, abs=4 * error)


def test_bandwidth_multiplies_the_noise_of_the_printed_form():
    found = fig2_bandwidth_costs_reliability(100.0, 5.0, 0.01)
    assert found.left == pytest.approx(printed(100.0, 10**0.5), rel=1e-3)
    assert found.right == pytest.approx(printed(100.0, 10**0.5, 100 * NOISE_W), rel=1e-3)
    assert not fig2_bandwidth_costs_reliability(narrow=1.0).refutes
