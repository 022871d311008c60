"""What a scenario's readings make of the bandwidth of a round, and the door at which its arrays are checked."""

import dataclasses

import numpy as np
import pytest

from fedswitch import Scenario
from fedswitch.control import airtime_s, share_bandwidth
from fedswitch.control.sharing import Band
from fedswitch.wireless import Cell, ergodic_spectral_efficiency

PAYLOAD_BITS = 1e6 * np.array([[1.0, 0.0, 3.0], [0.0, 2.0, 2.0]])
POWER_W = np.array([0.2, 0.1, 0.0])  # the last UE sends nothing


def cell(**changes):
    scenario = Scenario.corrected(num_ues=3, **changes)
    return scenario, Cell.draw(scenario, 0).channel(0)


def sent_in(rate_bps, share, sent, delay_s):
    """Check that what is sent, and nothing else, has a share, and that uploads of these rates end after that delay."""
    on = sent > 0
    np.testing.assert_array_equal(share > 0, on)
    np.testing.assert_allclose(sent[on] / rate_bps[on], delay_s, rtol=1e-6)


@pytest.mark.parametrize(("method", "tolerance"), [("newton", 1e-9), ("bisection", 2e-3)])
def test_the_instantaneous_rate(method, tolerance):
    scenario, channel = cell(rate="instantaneous")
    sent = PAYLOAD_BITS * (POWER_W > 0)

    def rate_bps(share):
        width_hz = np.where(sent > 0, share, 1.0) * scenario.bandwidth_hz
        noise_w = width_hz * scenario.noise_psd_w_per_hz
        return width_hz * np.log2(1 + POWER_W * channel.gain / (channel.interference_w + noise_w))

    share, delay_s = share_bandwidth(scenario, channel, PAYLOAD_BITS, POWER_W, method=method)
    sent_in(rate_bps(share), share, sent, delay_s)
    assert share.sum() == pytest.approx(1.0, abs=tolerance)
    needed = Band(scenario, channel).share_in_time(0.7, sent, POWER_W)
    sent_in(rate_bps(needed), needed, sent, 0.7)


def test_the_ergodic_rate():
    scenario, channel = cell(rate="ergodic")
    sent = PAYLOAD_BITS * (POWER_W > 0)
    names = ("noise_psd_w_per_hz", "base_station_density_per_m2", "interferer_power_w", "reference_gain")
    radio = {name: getattr(scenario, name) for name in names}

    def rate_bps(share):
        width_hz, power_w = np.where(sent > 0, share, 1.0) * scenario.bandwidth_hz, np.where(POWER_W > 0, POWER_W, 1.0)
        return width_hz * ergodic_spectral_efficiency(
            channel.distance_m, power_w, width_hz, path_loss_exponent=scenario.path_loss_exponent, **radio
        )

    share, delay_s = share_bandwidth(scenario, channel, PAYLOAD_BITS, POWER_W)
    sent_in(rate_bps(share), share, sent, delay_s)
    assert share.sum() == pytest.approx(1.0, abs=1e-9)
    needed = Band(scenario, channel).share_in_time(0.7, sent, POWER_W)
    sent_in(rate_bps(needed), needed, sent, 0.7)


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
