import dataclasses

import numpy as np
import pytest

from fedswitch import Scenario, wireless
from fedswitch.learning.uplink import transmit
from fedswitch.wireless import Channel

PAYLOAD_BITS = np.array([1e6, 2e6])
COMPUTE_ENERGY_J = 0.3


@pytest.fixture
def scenario():
    return Scenario.corrected(
        num_ues=3, num_modules=2, lora_ranks=(2, 4), bandwidth_tolerance=1e-9, rate="instantaneous"
    )  # fmt: skip


@pytest.fixture
def channel():
    return Channel(
        distance_m=np.array([20.0, 30.0, 60.0]),
        gain=np.array([1e-8, 3e-9, 2e-10]),
        interference_w=np.array([1e-11, 4e-12, 6e-10]),
    )


SUBSCRIBED = np.array([[True, False, False], [False, True, True]])
POWER_W = np.array([0.2, 0.1, 0.2])


def send(scenario, channel, subscribed=SUBSCRIBED, payload_bits=PAYLOAD_BITS, power_w=POWER_W):
    return transmit(
        scenario, channel, subscribed, power_w, payload_bits=payload_bits, compute_energy_j=COMPUTE_ENERGY_J
    )


@pytest.mark.parametrize("threshold", ["fixed", "deadline"])
def test_a_subscriber_without_power_is_not_received_and_costs_nothing_on_air(scenario, channel, threshold):
    """A plan may do that, and the others then send as if it were not there."""
    scenario = dataclasses.replace(scenario, threshold=threshold, deadline_s=30.0)
    power_w = POWER_W * [1.0, 0.0, 1.0]
    with_it, without = (send(scenario, channel, subscribed=subscribed, power_w=power_w) for subscribed in
                        (SUBSCRIBED, SUBSCRIBED & [True, False, True]))  # fmt: skip
    assert with_it.delay_s == without.delay_s
    np.testing.assert_array_equal(with_it.received, without.received)
    np.testing.assert_array_equal(with_it.success, without.success)
    np.testing.assert_array_equal(with_it.energy_uplink_j, without.energy_uplink_j)
    assert without.success.any()


def shares_needed(scenario, channel, bits_of_ues, delay_s):
    """From Shannon's formula by bisection."""
    needed = []
    for k, bits in enumerate(bits_of_ues):
        low, high = 0.0, 1.0
        for _ in range(200):
            share = (low + high) / 2
            noise = share * scenario.bandwidth_hz * scenario.noise_psd_w_per_hz
            sinr = POWER_W[k] * channel.gain[k] / (channel.interference_w[k] + noise)
            rate = share * scenario.bandwidth_hz * np.log2(1 + sinr)
            low, high = (share, high) if rate * delay_s < bits else (low, share)
        needed.append(high)
    return np.array(needed)


@pytest.mark.parametrize(
    ("payload_bits", "bits_of_ues"),
    [
        (PAYLOAD_BITS, (1e6, 2e6, 2e6)),
        (np.array([[1e6, 9e9, 9e9], [9e9, 3e6, 5e5]]), (1e6, 3e6, 5e5)),  # what is not sent does not count
    ],
)
def test_all_uploads_end_together_and_use_the_whole_bandwidth(scenario, channel, payload_bits, bits_of_ues):
    delay_s = send(scenario, channel, payload_bits=payload_bits).delay_s
    assert shares_needed(scenario, channel, bits_of_ues, delay_s).sum() == pytest.approx(1.0, abs=1e-6)


def test_the_success_of_an_upload_is_15_at_its_share(scenario, channel):
    uplink = send(scenario, channel)
    share = shares_needed(scenario, channel, (1e6, 2e6, 2e6), uplink.delay_s)
    expected = wireless.success_probability(
        channel.distance_m, POWER_W, share * scenario.bandwidth_hz, scenario.sinr_threshold,
        path_loss_exponent=scenario.path_loss_exponent, noise_psd_w_per_hz=scenario.noise_psd_w_per_hz,
        base_station_density_per_m2=scenario.base_station_density_per_m2,
        interferer_power_w=scenario.interferer_power_w, reference_gain=scenario.reference_gain,
    )  # fmt: skip
    np.testing.assert_allclose(uplink.success, SUBSCRIBED * expected, rtol=1e-6)
    assert ((expected > 0.01) & (expected < 1.0)).all()


def test_energy_is_4(scenario, channel):
    twice = SUBSCRIBED | np.array([[False, False, True], [False, False, False]])
    uplink = send(scenario, channel, twice)
    assert uplink.energy_compute_j == pytest.approx(COMPUTE_ENERGY_J * np.array([1, 1, 2]))
    assert uplink.energy_uplink_j == pytest.approx(POWER_W * uplink.delay_s * np.array([1, 1, 2]))


def test_reception_is_2(scenario, channel):
    interfered = dataclasses.replace(channel, interference_w=np.array([1e-6, 1e-14, 1e-14]))
    low_noise = dataclasses.replace(scenario, noise_psd_w_per_hz=1e-24, sinr_threshold=1.0)
    assert send(low_noise, interfered).received.tolist() == [[False, False, False], [False, True, True]]


def test_who_did_not_subscribe_is_not_received_and_costs_nothing(scenario, channel):
    only_first = np.array([[True, False, False], [False, False, False]])
    uplink = send(dataclasses.replace(scenario, sinr_threshold=1e-12), channel, only_first)
    assert uplink.received.tolist() == only_first.tolist()
    assert (uplink.energy_compute_j[1:] == 0).all()
    assert (uplink.energy_uplink_j[1:] == 0).all()


@pytest.mark.parametrize("threshold", ["fixed", "deadline"])
def test_a_round_without_subscriptions_takes_no_time(threshold, scenario, channel):
    scenario = dataclasses.replace(scenario, threshold=threshold, deadline_s=0.7)
    assert (send(scenario, channel).delay_s == 0.7) == (threshold == "deadline")
    uplink = send(scenario, channel, np.zeros((2, 3), dtype=bool))
    assert uplink.delay_s == 0.0
    assert not uplink.received.any()
    assert not uplink.success.any()


def test_what_never_comes_over_a_real_network_is_not_received_and_costs_what_it_did(scenario, channel):
    sent = send(scenario, channel)
    assert not sent.lost.any()
    lost = np.array([[True, False, False], [False, False, False]])
    without = sent.without(lost)
    assert np.array_equal(without.received, sent.received & ~lost)
    assert np.array_equal(without.lost, lost)
    assert np.array_equal(without.energy_uplink_j, sent.energy_uplink_j)
