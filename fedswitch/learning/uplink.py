"""One round on the air: bandwidth, delay, reception and energy of the subscribed uploads."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from .. import control, wireless
from ..scenario import Scenario
from ..wireless import Channel


@dataclasses.dataclass(frozen=True)
class Uplink:
    """What became of one round's uploads.

    `received` (N, K) is beta * gamma; `delay_s` the common delay (13), 0 where nobody subscribed; `energy_compute_j`
    and `energy_uplink_j` the two terms of (4) for each UE, (K,).
    """

    received: NDArray[np.bool_]
    delay_s: float
    energy_compute_j: NDArray[np.float64]
    energy_uplink_j: NDArray[np.float64]


def transmit(
    scenario: Scenario,
    channel: Channel,
    subscribed: NDArray[np.bool_],
    power_w: NDArray[np.float64],
    *,
    payload_bits: NDArray[np.float64],
    model_bits: float,
) -> Uplink:
    """Send the gradients of a round: Algorithm 1 shares the bandwidth, (2) decides reception, (4) charges energy.

    `subscribed` is beta^t (N, K), `power_w` P_k^t (K,), `payload_bits` G_n (N,), `model_bits` G^w.
    """
    signal_w = power_w * channel.gain
    if subscribed.any():
        allocation = control.allocate_bandwidth(
            subscribed * payload_bits[:, None],
            signal_w,
            channel.interference_w,
            bandwidth_hz=scenario.bandwidth_hz,
            noise_psd_w_per_hz=scenario.noise_psd_w_per_hz,
            method="bisection",
            tolerance=scenario.bandwidth_tolerance,
            max_iterations=scenario.max_bisections,
            delay_bracket_s=(scenario.min_delay_s, scenario.max_delay_s),
        )
        share, delay_s = allocation.share, allocation.delay_s
    else:
        share, delay_s = np.zeros(subscribed.shape), 0.0
    noise_w = wireless.noise_power_w(
        share, bandwidth_hz=scenario.bandwidth_hz, noise_psd_w_per_hz=scenario.noise_psd_w_per_hz
    )
    sinr = wireless.sinr(signal_w, channel.interference_w, noise_w)
    subscriptions = subscribed.sum(axis=0)
    compute_j = wireless.compute_energy_j(
        scenario.batch_size,
        wireless.compute_bits(scenario, model_bits),
        local_iterations=scenario.local_iterations,
        cpu_frequency_hz=scenario.cpu_frequency_hz,
        chip_energy_coefficient=scenario.chip_energy_coefficient,
        cycles_per_bit=scenario.cycles_per_bit,
    )
    return Uplink(
        received=subscribed & wireless.received(sinr, scenario.sinr_threshold),
        delay_s=delay_s,
        energy_compute_j=subscriptions * compute_j,
        energy_uplink_j=subscriptions * wireless.uplink_energy_j(power_w, delay_s),
    )
