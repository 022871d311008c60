"""Delays of the strongest devices against CVXPY, against all sets, and against (28) as it is written."""

import itertools

import cvxpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedswitch.control import least_delays
from fedswitch.split import SplitCell, SplitScenario, equal_share_delays, prefix_delays
from fedswitch.split.scheduling import least_delay

READINGS = (SplitScenario.corrected, SplitScenario.in_band, SplitScenario.cell_10db, SplitScenario.paper)
ONE = {"payload_bits": 1.0, "bandwidth_hz": 1.0, "noise_psd_w_per_hz": 1.0}

gains = st.lists(st.floats(-4, 4).map(lambda power: 10.0**power), min_size=1, max_size=6)


def solved_by_cvxpy(snr):
    """The least common delay of devices with these SNRs over the whole band, times B, per bit: P2 as it stands."""
    share, pace = cvxpy.Variable(len(snr)), cvxpy.Variable()
    strength = np.maximum(snr, 1.0)
    rate = cvxpy.multiply(np.log(strength), share) - cvxpy.rel_entr(share, cvxpy.multiply(1 / strength, share + snr))
    cvxpy.Problem(cvxpy.Maximize(pace), [rate >= pace, cvxpy.sum(share) <= 1]).solve(solver=cvxpy.CLARABEL)
    return np.log(2) / pace.value


@pytest.mark.parametrize("reading", READINGS)
def test_prefixes_by_cvxpy(reading):
    scenario = reading(num_devices=5)
    gain = SplitCell.draw(scenario, seed=2).gain_w(0)
    found = prefix_delays(gain, payload_bits=scenario.payload_bits, **scenario.band)
    snr = np.sort(gain)[::-1] / (scenario.bandwidth_hz * scenario.noise_psd_w_per_hz)
    expected = [solved_by_cvxpy(snr[:n]) * scenario.payload_bits / scenario.bandwidth_hz for n in (1, 2, 3, 5)]
    np.testing.assert_allclose(found[[0, 1, 2, 4]], expected, rtol=1e-5)


@settings(max_examples=25)
@given(gains)
def test_no_set_of_n_devices_is_faster_than_the_n_strongest(values):
    found = prefix_delays(values, **ONE)
    for n, delay in enumerate(found, start=1):
        best = min(least_delay(chosen, payload_bits=1, bandwidth_hz=1, noise_psd_w_per_hz=1)
                   for chosen in itertools.combinations(values, n))  # fmt: skip
        assert delay == pytest.approx(best, rel=1e-9)
    np.testing.assert_allclose(found, least_delays(1.0, values, bandwidth_hz=1.0, noise_psd_w_per_hz=1.0), rtol=1e-9)


def test_the_strongest_count_with_their_own_payloads():
    found = prefix_delays([1.0, 50.0, 2.0], **ONE | {"payload_bits": [2.0, 10.0, 3.0]})
    assert found[0] == pytest.approx(10 / np.log2(51))
    assert found[1] > least_delays([2.0, 10.0, 3.0], [1.0, 50.0, 2.0], bandwidth_hz=1.0, noise_psd_w_per_hz=1.0)[1]


@given(gains)
def test_equal_shares_are_those_of_28(values):
    strongest = np.sort(values)[::-1]
    expected = [n / np.log2(1 + n * strongest[n - 1]) for n in range(1, len(values) + 1)]
    found = equal_share_delays(values, **ONE)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert (np.diff(found) > 0).all()
    assert (found >= prefix_delays(values, **ONE) * (1 - 1e-12)).all()


def test_equal_shares_of_payloads_that_differ():
    """The two that end first with half the band each are not the strongest."""
    gain, payload = np.array([50.0, 1.0, 2.0]), np.array([10.0, 2.0, 3.0])
    half = payload / (0.5 * np.log2(1 + gain / 0.5))
    assert equal_share_delays(gain, **ONE | {"payload_bits": payload})[1] == pytest.approx(np.sort(half)[1])


@pytest.mark.parametrize("delays", [prefix_delays, equal_share_delays])
def test_any_number_of_rounds_at_once_and_devices_without_gain(delays):
    gain = np.array([[[1.0, 0.0, 3.0]], [[2.0, 5.0, 0.0]]])
    found = delays(gain, **ONE)
    assert found.shape == gain.shape
    assert np.isinf(found[..., 2]).all()
    np.testing.assert_allclose(found[1, 0, :2], delays([2.0, 5.0], **ONE), rtol=1e-12)


@pytest.mark.parametrize("delays", [prefix_delays, equal_share_delays])
@pytest.mark.parametrize(
    ("gain", "changes", "message"),
    [
        ([1.0, -2.0], {}, "gain_w must be non-negative and finite, got -2"),
        ([np.nan], {}, "gain_w must be non-negative"),
        ([1.0], {"payload_bits": 0.0}, "payload_bits must be positive"),
        ([1.0], {"bandwidth_hz": -1.0}, "bandwidth_hz must be positive"),
        ([1.0], {"noise_psd_w_per_hz": 0.0}, "noise_psd_w_per_hz must be positive"),
        ([1.0, 2.0], {"payload_bits": [1.0, 2.0, 3.0]}, "do not broadcast"),
    ],
)
def test_bad_arguments_are_named(delays, gain, changes, message):
    with pytest.raises(ValueError, match=message):
        delays(gain, **ONE | changes)
