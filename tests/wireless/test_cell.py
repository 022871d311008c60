import dataclasses

import numpy as np
import pytest
from scipy import integrate

from fedswitch import Scenario
from fedswitch.streams import stream
from fedswitch.wireless import Cell, interferer_distances_m, rayleigh_power_gain, received, sinr


def reception_probability(distance_m, threshold, noise_w, scenario):
    """P(SINR >= theta) at the largest power, by the Laplace transform of Poisson interference under Rayleigh fading."""
    alpha, density = scenario.path_loss_exponent, scenario.base_station_density_per_m2
    # an interferer at r leaves the upload alone with probability 1 / (1 + theta (P_l / P) (d / r)^alpha)
    strength = threshold * scenario.interferer_power_w / scenario.max_power_w

    def losses(log_radius):
        radius_m = np.exp(log_radius)
        intensity = density * (1 - np.exp(-12 / 5 * np.pi * density * radius_m**2))
        return 2 * np.pi * radius_m**2 * intensity / (1 + (radius_m / distance_m) ** alpha / strength)

    exponent = integrate.quad(losses, np.log(1e-3), np.log(1e9), limit=500)[0]
    mean_signal_w = scenario.max_power_w * scenario.reference_gain * distance_m**-alpha
    return np.exp(-threshold * noise_w / mean_signal_w - exponent)


def test_a_cell_and_its_rounds_are_found_again_from_their_keys():
    scenario = Scenario(num_ues=8)
    cell, again = Cell.draw(scenario, seed=3), Cell.draw(scenario, seed=3)
    np.testing.assert_array_equal(cell.distance_m, again.distance_m)
    later = again.channel(7)  # asked for in another order
    again.channel(0)
    first = cell.channel(0)
    for name in ("gain", "interference_w"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again.channel(0), name))
        np.testing.assert_array_equal(getattr(later, name), getattr(cell.channel(7), name))
        assert np.all(getattr(first, name) != getattr(later, name))
        assert np.all(getattr(first, name) != getattr(Cell(scenario, 4, cell.distance_m).channel(0), name))


def test_ues_lie_in_the_cell():
    scenario = Scenario(num_ues=2_000, min_distance_m=20.0)
    distance = Cell.draw(scenario, seed=0).distance_m
    assert distance.shape == (2_000,)
    assert distance.min() >= 20.0
    assert distance.max() <= scenario.cell_radius_m
    assert distance.max() > 0.99 * scenario.cell_radius_m


def test_schemes_with_other_powers_see_the_same_fading_and_interferers():
    base = Cell.draw(Scenario(num_ues=5), seed=1).channel(2)
    changed = Cell.draw(Scenario(num_ues=5, interferer_power_w=0.1, sinr_threshold=1.0), seed=1).channel(2)
    np.testing.assert_array_equal(base.gain, changed.gain)
    np.testing.assert_allclose(changed.interference_w, base.interference_w / 2)


def test_reception_over_many_rounds_has_the_probability_of_the_model():
    # UEs from next to the gNB to beyond the edge of its cell, at thresholds of -10, 0 and 10 dB
    distances, copies, rounds = np.array([5.0, 40.0, 80.0, 103.0, 150.0]), 400, 10
    scenario = Scenario(num_ues=distances.size * copies)
    cell = Cell(scenario, 11, np.repeat(distances, copies))
    noise_w = 0.01 * scenario.bandwidth_hz * scenario.noise_psd_w_per_hz
    thresholds = np.array([0.1, 1.0, 10.0])
    total = 0
    for round_index in range(rounds):
        channel = cell.channel(round_index)
        ratio = sinr(scenario.max_power_w * channel.gain, channel.interference_w, noise_w)
        total = total + received(ratio[:, np.newaxis], thresholds).reshape(distances.size, copies, -1).sum(axis=1)
    trials = copies * rounds
    expected = np.array([[reception_probability(d, t, noise_w, scenario) for t in thresholds] for d in distances])
    standard_error = np.sqrt(expected * (1 - expected) / trials) + 1 / trials
    assert np.abs((total / trials - expected) / standard_error).max() < 3.5
    assert expected.min() < 0.1  # the test covers bad channels and good ones
    assert expected.max() > 0.99


def test_the_gain_is_fading_of_its_own_stream_times_path_gain():
    cell = Cell(Scenario(num_ues=3), 2, np.array([10.0, 50.0, 100.0]))
    fading = rayleigh_power_gain((3,), stream(2, "fading", 5))
    np.testing.assert_allclose(cell.channel(5).gain, fading * 1e-3 * np.array([10.0, 50.0, 100.0]) ** -3.8)


def test_interference_is_the_sum_of_the_drawn_field_and_the_mean_of_what_lies_beyond():
    scenario = Scenario(num_ues=6)
    channel = Cell.draw(scenario, seed=2).channel(5)
    rng = stream(2, "interference", 5)
    distance = interferer_distances_m(6, base_station_density_per_m2=3e-5, rng=rng, extent_radii=10.0)
    drawn_w = 0.2 * 1e-3 * (rayleigh_power_gain(distance.shape, rng) * distance**-3.8).sum(axis=1)
    # Campbell: the mean of a sum over points is the integral over their intensity, here that of the gNBs
    beyond_w, _ = integrate.quad(
        lambda r: 0.2 * 1e-3 * r**-3.8 * 3e-5 * 2 * np.pi * r, 10 * scenario.cell_radius_m, np.inf, epsabs=0
    )
    np.testing.assert_allclose(channel.interference_w - drawn_w, beyond_w, rtol=1e-6)


def test_distances_must_fit_the_scenario():
    scenario = Scenario(num_ues=3)
    with pytest.raises(ValueError, match=r"distance_m has shape \(2,\), but the scenario has 3 UEs"):
        Cell(scenario, 0, np.ones(2))
    with pytest.raises(ValueError, match="distance_m must be positive"):
        Cell(scenario, 0, np.array([1.0, 2.0, 0.0]))


def test_a_cell_cannot_be_changed():
    cell = Cell.draw(Scenario(num_ues=3), seed=0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        cell.seed = 1
