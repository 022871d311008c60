"""The ergodic efficiency against quadrature of (15), a closed form, and draws of the SINR itself."""

import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from fedswitch import Scenario
from fedswitch.wireless import (
    ergodic_spectral_efficiency,
    interferer_distances_m,
    path_gain,
    rayleigh_power_gain,
    success_probability,
)
from fedswitch.wireless.ergodic import efficiency_nat

SCENARIO = Scenario.corrected()
RADIO = {
    "path_loss_exponent": SCENARIO.path_loss_exponent,
    "noise_psd_w_per_hz": SCENARIO.noise_psd_w_per_hz,
    "base_station_density_per_m2": SCENARIO.base_station_density_per_m2,
    "reference_gain": SCENARIO.reference_gain,
}


def efficiency(distance_m, power_w=0.2, bandwidth_hz=1e7, **changes):
    return ergodic_spectral_efficiency(distance_m, power_w, bandwidth_hz, **(RADIO | changes))


@pytest.mark.parametrize("exponent", [2.1, 3.0, 3.8, 6.0])
@pytest.mark.parametrize(
    ("distance_m", "bandwidth_hz", "interferer_power_w"),
    [(5.0, 1e6, 0.2), (50.0, 1e9, 0.2), (103.0, 1e7, 0.2), (103.0, 1e7, 0.0), (300.0, 1e9, 1e-6), (300.0, 1e5, 50.0)],
)
def test_it_is_the_integral_of_the_success_probability(exponent, distance_m, bandwidth_hz, interferer_power_w):
    """By parts of ln theta, with an adaptive rule."""
    changes = {"path_loss_exponent": exponent, "interferer_power_w": interferer_power_w}

    def integrand(y):
        theta = np.exp(y)
        success = success_probability(distance_m, 0.2, bandwidth_hz, theta, **(RADIO | changes))
        return float(success) * theta / (1 + theta)

    pieces = np.arange(-60.0, 60.1, 10.0)
    expected = sum(
        quad(integrand, *ends, epsabs=1e-300, epsrel=1e-11, limit=300)[0] for ends in itertools.pairwise(pieces)
    )
    found = efficiency(distance_m, bandwidth_hz=bandwidth_hz, **changes)
    assert found * np.log(2) == pytest.approx(expected, rel=3e-9)


@pytest.mark.parametrize("noise", [1e-150, 1e-9, 1e-3, 1.0, 30.0, 1e6, 1e150])
def test_without_interference_it_is_an_exponential_integral(noise):
    found, elasticity = (float(x[0]) for x in efficiency_nat(np.array([noise]), np.array([0.0]), 3.8))
    with mpmath.workdps(30):
        m = mpmath.mpf(noise)
        # E_1 underflows for large m, where its asymptotic series is exact
        scaled = mpmath.exp(m) * mpmath.e1(m) if m < 1e4 else 1 / m - 1 / m**2 + 2 / m**3 - 6 / m**4
        derivative = scaled - 1 / m if m < 1e4 else -1 / m**2 + 2 / m**3 - 6 / m**4
        assert found == pytest.approx(float(scaled), rel=3e-9)
        expected = 1 + m * derivative / scaled if m < 1e4 else 1 / m
        assert elasticity == pytest.approx(float(expected), rel=1e-8 if m < 1e4 else 1e-5, abs=1e-19)


@given(st.floats(-8, 8), st.floats(-8, 8), st.sampled_from([2.2, 3.8, 5.0]))
def test_the_elasticity_is_the_slope_in_logarithms(log_noise, log_interference, exponent):
    step = 1e-3
    noise = 10.0**log_noise * np.exp(step * np.array([-1.0, 0.0, 1.0]))
    found, elasticity = efficiency_nat(noise, np.full(3, 10.0**log_interference), exponent)
    slope = 1 + np.log(found[2] / found[0]) / (2 * step)
    assert 0.0 < elasticity[1] < 1.0 + 1e-9
    assert elasticity[1] == pytest.approx(slope, abs=1e-5)


def test_it_is_the_mean_over_the_poisson_field():
    rng = np.random.default_rng(8)
    draws, bandwidth_hz = 20_000, 1e8
    gain = {"path_loss_exponent": RADIO["path_loss_exponent"], "reference_gain": RADIO["reference_gain"]}
    density, extent_radii = RADIO["base_station_density_per_m2"], 10.0
    field_m = interferer_distances_m(draws, base_station_density_per_m2=density, rng=rng, extent_radii=extent_radii)
    extent_m = extent_radii * SCENARIO.cell_radius_m
    far = 2 * np.pi * density * extent_m**2 * path_gain(extent_m, **gain) / 1.8  # Campbell, for alpha = 3.8
    interference_w = 0.2 * ((rayleigh_power_gain(field_m.shape, rng) * path_gain(field_m, **gain)).sum(axis=1) + far)
    noise_w = bandwidth_hz * RADIO["noise_psd_w_per_hz"]
    for distance_m in (10.0, 50.0, 103.0, 160.0):
        signal_w = 0.2 * rayleigh_power_gain(draws, rng) * path_gain(distance_m, **gain)
        drawn = np.log2(1 + signal_w / (interference_w + noise_w))
        expected = efficiency(distance_m, bandwidth_hz=bandwidth_hz)
        assert abs(drawn.mean() - expected) < 3.5 * drawn.std() / np.sqrt(draws)


@given(st.floats(5, 300), st.floats(1e4, 1e9), st.floats(1.01, 10))
def test_what_helps_and_what_hurts(distance_m, bandwidth_hz, factor):
    base = efficiency(distance_m, 0.2, bandwidth_hz, interferer_power_w=0.2)
    assert efficiency(distance_m, 0.2 * factor, bandwidth_hz, interferer_power_w=0.2) > base
    assert efficiency(distance_m, 0.2, bandwidth_hz, interferer_power_w=0.2 * factor) < base
    assert efficiency(distance_m * factor, 0.2, bandwidth_hz, interferer_power_w=0.2) < base
    wider = efficiency(distance_m, 0.2, bandwidth_hz * factor, interferer_power_w=0.2)
    assert wider < base
    assert wider * factor > base


def test_arguments_broadcast_and_float32_is_fine():
    distance_m = np.array([10, 50, 100], dtype=np.float32)
    power_w = np.array([[0.05], [0.2]], dtype=np.float32)
    values = efficiency(distance_m, power_w)
    assert values.shape == (2, 3)
    for row, power in zip(values, power_w[:, 0], strict=True):
        np.testing.assert_allclose(row, [efficiency(d, power) for d in distance_m], rtol=1e-9)
    # no interferer power: the UE's own
    np.testing.assert_array_equal(values, efficiency(distance_m, power_w, interferer_power_w=power_w))
    assert efficiency(np.empty(0)).shape == (0,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"distance_m": 0.0}, "distance_m must be positive"),
        ({"power_w": np.nan}, "power_w must be positive"),
        ({"bandwidth_hz": [1.0, -1.0]}, "bandwidth_hz must be positive and finite, got -1"),
        ({"interferer_power_w": -1.0}, "interferer_power_w must be non-negative"),
        ({"path_loss_exponent": 2.0}, "path_loss_exponent must be above 2"),
        ({"distance_m": [1.0, 2.0], "power_w": [1.0, 2.0, 3.0]}, "do not broadcast"),
        ({"distance_m": 1e50}, "beyond 1e.150 times the signal"),
        ({"distance_m": 1e-50}, "below 1e-150 of it"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        efficiency(**({"distance_m": 50.0} | changes))
