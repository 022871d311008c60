import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fedswitch import Scenario
from fedswitch.units import dbm_to_w, ratio_to_db, w_to_dbm
from fedswitch.wireless import Radio, noise_power_w, path_gain, rayleigh_power_gain, received, sinr

positive = st.floats(1e-12, 1e12)


def test_path_gain_in_decibels():
    # 30 dB in the first meter and 38 dB in every further decade
    gain = path_gain([1.0, 10.0, 100.0, np.inf], path_loss_exponent=3.8, reference_gain=1e-3)
    np.testing.assert_allclose(ratio_to_db(gain[:3]), [-30.0, -68.0, -106.0])
    assert gain[3] == 0.0
    assert path_gain(1.0, path_loss_exponent=3.8) == 1.0


def test_rayleigh_fading_has_an_exponential_power_gain_of_mean_one():
    gain = rayleigh_power_gain((200, 100), np.random.default_rng(1))
    assert gain.shape == (200, 100)
    assert stats.kstest(gain.ravel(), "expon").pvalue > 0.01
    # the same as the squared amplitude of a complex Gaussian channel
    rng = np.random.default_rng(2)
    amplitude = (rng.normal(size=20_000) + 1j * rng.normal(size=20_000)) / np.sqrt(2)
    assert stats.ks_2samp(gain.ravel(), np.abs(amplitude) ** 2).pvalue > 0.01


def test_noise_in_decibels():
    # -162 dBm/Hz over a hundredth of 1 GHz, that is 70 dB Hz
    noise = noise_power_w([0.01, 0.0], bandwidth_hz=1e9, noise_psd_w_per_hz=dbm_to_w(-162.0))
    assert w_to_dbm(noise[0]) == pytest.approx(-92.0)
    assert noise[1] == 0.0


def test_sinr_by_hand_and_by_broadcasting():
    ratio = sinr([[6.0], [12.0]], [1.0, 2.0, 5.0], 1.0)
    np.testing.assert_allclose(ratio, [[3.0, 2.0, 1.0], [6.0, 4.0, 2.0]])


def test_sinr_at_its_limits():
    np.testing.assert_array_equal(
        sinr([1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, np.inf]), [np.inf, 0.0, 0.0, 0.0]
    )


@given(signal=positive, interference=positive, noise=positive, factor=positive)
def test_sinr_has_no_unit_and_its_reciprocal_is_additive(signal, interference, noise, factor):
    ratio = sinr(signal, interference, noise)
    assert sinr(signal * factor, interference * factor, noise * factor) == pytest.approx(ratio)
    # the reciprocal is the sum of what noise and interference alone would give
    assert 1 / ratio == pytest.approx(1 / sinr(signal, interference, 0.0) + 1 / sinr(signal, 0.0, noise))


def test_reception_needs_the_threshold_itself():
    gamma = received([0.0, 0.999, 1.0, np.inf], 1.0)
    assert gamma.dtype == np.bool_
    np.testing.assert_array_equal(gamma, [False, False, True, True])
    np.testing.assert_array_equal(received([0.0, 1.0, np.inf], [[0.0], [np.inf]]), [[True] * 3, [False] * 3])


def test_reception_against_noise_has_the_probability_of_rayleigh_fading():
    # P(|h|^2 P g / noise >= theta) = exp(-theta noise / (P g)) for an exponential |h|^2
    mean_signal_w, noise_w, threshold = 3e-9, 1e-9, np.array([0.3, 1.0, 3.0])
    fading = rayleigh_power_gain((100_000, 1), np.random.default_rng(3))
    measured = received(sinr(fading * mean_signal_w, 0.0, noise_w), threshold).mean(axis=0)
    expected = np.exp(-threshold * noise_w / mean_signal_w)
    assert np.abs(measured - expected).max() < 4 * np.sqrt(0.25 / 100_000)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: path_gain([1.0, 0.0], path_loss_exponent=3.8), "distance_m"),
        (lambda: path_gain(1.0, path_loss_exponent=-3.8), "path_loss_exponent"),
        (lambda: path_gain(1.0, path_loss_exponent=3.8, reference_gain=0.0), "reference_gain"),
        (lambda: noise_power_w(-0.1, bandwidth_hz=1e9, noise_psd_w_per_hz=1e-20), "share"),
        (lambda: noise_power_w(0.1, bandwidth_hz=0.0, noise_psd_w_per_hz=1e-20), "bandwidth_hz"),
        (lambda: noise_power_w(0.1, bandwidth_hz=1e9, noise_psd_w_per_hz=np.nan), "noise_psd_w_per_hz"),
        (lambda: sinr(np.nan, 0.0, 1.0), "signal_w"),
        (lambda: sinr(1.0, -1.0, 1.0), "interference_w"),
        (lambda: sinr(1.0, 0.0, [1.0, -1.0]), "noise_w"),
        (lambda: received(np.nan, 1.0), "sinr"),
        (lambda: received(1.0, -1.0), "threshold"),
        (lambda: received(np.ones(3), np.ones(4)), "sinr"),
    ],
)
def test_bad_arguments_are_named(call, named):
    with pytest.raises(ValueError, match=rf"\b{named}\b"):
        call()


def test_a_radio_has_the_constants_of_its_scenario():
    scenario = Scenario.corrected(bandwidth_hz=2e8, interferer_power_w=0.1)
    radio = Radio.of(scenario)
    assert radio.noise_w == noise_power_w(1.0, bandwidth_hz=2e8, noise_psd_w_per_hz=scenario.noise_psd_w_per_hz)
    distance_m = np.array([5.0, 80.0, np.inf])
    constants = {"path_loss_exponent": scenario.path_loss_exponent, "reference_gain": scenario.reference_gain}
    np.testing.assert_array_equal(radio.path_gain(distance_m), path_gain(distance_m, **constants))
    assert radio.stations_within(np.array(scenario.cell_radius_m)) == pytest.approx(1.0)
    assert radio.interferer_power_w == 0.1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bandwidth_hz": 0.0}, "bandwidth_hz must be positive"),
        ({"interferer_power_w": -0.1}, "interferer_power_w must be non-negative"),
        ({"path_loss_exponent": 2.0}, "path_loss_exponent must be above 2"),
        ({"noise_psd_w_per_hz": np.ones(2), "reference_gain": np.ones(3)}, "do not broadcast"),
    ],
)
def test_a_radio_names_what_is_out_of_range(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(Radio.of(Scenario.corrected()), **changes)
