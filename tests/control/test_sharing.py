"""What a scenario's readings make of the bandwidth of a round, and the door at which its arrays are checked."""

import dataclasses

import numpy as np
import pytest

from fedswitch import Scenario
from fedswitch.control import (
    airtime_s,
    allocate_bandwidth,
    allocate_bandwidth_ergodic,
    ergodic_share_for_delay,
    share_bandwidth,
    share_for_delay,
)
from fedswitch.control.sharing import Band
from fedswitch.wireless import Cell, Radio

PAYLOAD_BITS = 1e6 * np.array([[1.0, 0.0, 3.0], [0.0, 2.0, 2.0]])
POWER_W = np.array([0.2, 0.1, 0.0])  # the last UE sends nothing


def cell(**changes):
    scenario = Scenario.corrected(num_ues=3, **changes)
    return scenario, Cell.draw(scenario, 0).channel(0)


@pytest.mark.parametrize("method", ["newton", "bisection"])
def test_the_instantaneous_rate(method):
    scenario, channel = cell(rate="instantaneous")
    width = {"bandwidth_hz": scenario.bandwidth_hz, "noise_psd_w_per_hz": scenario.noise_psd_w_per_hz}
    signal_w = np.array([0.2, 0.1, 0.2]) * channel.gain
    sent = PAYLOAD_BITS * (POWER_W > 0)
    bracket = {"tolerance": 1e-3, "delay_bracket_s": (scenario.min_delay_s, None)} if method == "bisection" else {}
    expected = allocate_bandwidth(sent, signal_w, channel.interference_w, **width, method=method, **bracket)
    share, delay_s = share_bandwidth(scenario, channel, PAYLOAD_BITS, POWER_W, method=method)
    np.testing.assert_array_equal(share, expected.share)
    assert delay_s == expected.delay_s
    needed = Band(scenario, channel).share_in_time(0.7, sent, POWER_W)
    np.testing.assert_array_equal(
        needed, share_for_delay(0.7, sent, POWER_W * channel.gain, channel.interference_w, **width)
    )


def test_the_ergodic_rate():
    scenario, channel = cell(rate="ergodic")
    radio, sent = Radio.of(scenario), PAYLOAD_BITS * (POWER_W > 0)
    expected = allocate_bandwidth_ergodic(sent, channel.distance_m, [0.2, 0.1, 0.2], radio)
    share, delay_s = share_bandwidth(scenario, channel, PAYLOAD_BITS, POWER_W)
    np.testing.assert_array_equal(share, expected.share)
    assert delay_s == expected.delay_s
    needed = Band(scenario, channel).share_in_time(0.7, sent, POWER_W)
    np.testing.assert_array_equal(needed, ergodic_share_for_delay(0.7, sent, channel.distance_m, POWER_W, radio))


def test_a_deadline_is_how_long_uploads_take():
    scenario, _ = cell(threshold="deadline", deadline_s=0.7)
    assert (airtime_s(scenario, 0.2), airtime_s(scenario, 0.0)) == (0.7, 0.0)
    assert airtime_s(cell()[0], 0.2) == 0.2


@pytest.mark.parametrize("rate", ["ergodic", "instantaneous"])
def test_bad_arguments_are_named(rate):
    scenario, channel = cell(rate=rate)
    bad = dataclasses.replace(channel, distance_m=0.0 * channel.distance_m)
    for arguments, message in (
        ((channel, -PAYLOAD_BITS, POWER_W), "payload_bits must be non-negative and finite"),
        ((channel, PAYLOAD_BITS, np.nan * POWER_W), "power_w must be non-negative and finite, got nan"),
        ((channel, PAYLOAD_BITS[:, :2], POWER_W), r"do not broadcast: .*payload_bits \(2, 2\)"),
        ((bad, PAYLOAD_BITS, POWER_W), r"channel\.distance_m must be positive"),
    ):
        with pytest.raises(ValueError, match=message):
            share_bandwidth(scenario, *arguments)
    with pytest.raises(ValueError, match="method must be one of newton, bisection, got 'guess'"):
        share_bandwidth(scenario, channel, PAYLOAD_BITS, POWER_W, method="guess")
    if rate == "instantaneous":
        deaf = dataclasses.replace(channel, gain=0.0 * channel.gain)
        with pytest.raises(ValueError, match="signal_w = 0 gives a positive payload_bits no finite delay"):
            share_bandwidth(scenario, deaf, PAYLOAD_BITS, POWER_W)
