import dataclasses

import numpy as np
import pytest

from fedswitch import Scenario
from fedswitch.learning.uplink import transmit
from fedswitch.wireless import Channel

PAYLOAD_BITS = np.array([1e6, 2e6])
MODEL_BITS = 1e9


@pytest.fixture
def scenario():
    return Scenario.corrected(
        num_ues=3, num_modules=2, lora_ranks=(2, 4), batch_size=10, tokens_per_sample=100, bits_per_token=16,
        bandwidth_tolerance=1e-9, rate="instantaneous",
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


def send(scenario, channel, subscribed=SUBSCRIBED):
    return transmit(scenario, channel, subscribed, POWER_W, payload_bits=PAYLOAD_BITS, model_bits=MODEL_BITS)


def test_all_uploads_end_together_and_use_the_whole_bandwidth(scenario, channel):
    """Recomputed backwards: the share that each UE needs for the delay found, from Shannon's formula by bisection."""
    delay = send(scenario, channel).delay_s
    needed = []
    for k, bits in enumerate((1e6, 2e6, 2e6)):
        low, high = 0.0, 1.0
        for _ in range(200):
            share = (low + high) / 2
            noise = share * scenario.bandwidth_hz * scenario.noise_psd_w_per_hz
            sinr = POWER_W[k] * channel.gain[k] / (channel.interference_w[k] + noise)
            rate = share * scenario.bandwidth_hz * np.log2(1 + sinr)
            low, high = (share, high) if rate * delay < bits else (low, share)
        needed.append(high)
    assert sum(needed) == pytest.approx(1.0, abs=1e-6)


def test_energy_is_4(scenario, channel):
    uplink = send(scenario, channel)
    cycles = 4 * 10 * 100 * 16 * 737.5  # local iterations, samples, tokens, bits, cycles per bit
    assert uplink.energy_compute_j == pytest.approx(np.full(3, cycles * 1e-27 * 1.5e9**2))
    assert uplink.energy_uplink_j == pytest.approx(POWER_W * uplink.delay_s)


def test_the_printed_reading_charges_computing_per_bit_of_the_model(scenario, channel):
    printed = dataclasses.replace(scenario, compute_energy="per_model_bit")
    ratio = send(printed, channel).energy_compute_j / send(scenario, channel).energy_compute_j
    assert ratio == pytest.approx(np.full(3, MODEL_BITS / (100 * 16)))


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


def test_a_round_without_subscriptions_takes_no_time(scenario, channel):
    uplink = send(scenario, channel, np.zeros((2, 3), dtype=bool))
    assert uplink.delay_s == 0.0
    assert not uplink.received.any()
