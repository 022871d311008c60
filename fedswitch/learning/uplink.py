"""One round on the air: bandwidth, delay, reception and energy of the subscribed uploads."""

from __future__ import annotations

import dataclasses

import numpy as np

from .. import control, wireless
from ..arguments import Array, Bools
from ..scenario import Scenario
from ..wireless import Channel


@dataclasses.dataclass(frozen=True)
class Uplink:
    """What became of one round's uploads.

    `received` (N, K) is beta * gamma, and `success` (N, K) the probability (15) with which a subscribed upload is
    received, 0 where nobody subscribed; `delay_s` how long every upload takes: the common delay (13), or the deadline
    where one sets the threshold, and 0 where nobody subscribed; `energy_compute_j` and `energy_uplink_j` the two terms
    of (4) for each UE, (K,); `sent_bits` the payload of all uploads, received or not. `lost` (N, K) are uploads,
    received or not, that never came: over a real network, or of UEs that have not joined yet (`learning.turns`).
    """

    received: Bools
    success: Array
    delay_s: float
    energy_compute_j: Array
    energy_uplink_j: Array
    sent_bits: float
    lost: Bools

    def without(self, lost: Bools) -> Uplink:
        """The same with `lost` (N, K) uploads, of which none counts as received."""
        return dataclasses.replace(self, received=self.received & ~lost, lost=lost)


def transmit(
    scenario: Scenario,
    channel: Channel,
    subscribed: Bools,
    power_w: Array,
    *,
    payload_bits: Array,
    compute_energy_j: float,
) -> Uplink:
    """Send the gradients of a round: Algorithm 1 shares the bandwidth, (2) decides reception, (4) charges energy.

    `subscribed` is beta^t (N, K), `power_w` P_k^t (K,), `payload_bits` G_n (N,), or (N, K) where UEs differ,
    `compute_energy_j` the first term of (4) for one subscription.
    """
    payload = payload_bits[:, np.newaxis] if payload_bits.ndim == 1 else payload_bits
    share, delay_s = control.share_bandwidth(scenario, channel, subscribed * payload, power_w, method="bisection")
    noise_w = wireless.noise_power_w(
        share, bandwidth_hz=scenario.bandwidth_hz, noise_psd_w_per_hz=scenario.noise_psd_w_per_hz
    )
    threshold = wireless.reception_threshold(scenario, share, payload)
    airtime_s = control.airtime_s(scenario, delay_s)
    sinr = wireless.sinr(power_w * channel.gain, channel.interference_w, noise_w)
    subscriptions = subscribed.sum(axis=0)
    width = np.where(share > 0.0, share, 1.0)  # what is not sent, or without power, asks for no probability
    reception = wireless.Reception.of(scenario, channel.distance_m, width, payload)
    return Uplink(
        received=subscribed & wireless.received(sinr, threshold),
        success=reception.probability(power_w) * subscribed,
        delay_s=airtime_s,
        energy_compute_j=subscriptions * compute_energy_j,
        energy_uplink_j=subscriptions * wireless.uplink_energy_j(power_w, airtime_s),
        sent_bits=float((subscribed * payload).sum()),
        lost=np.zeros_like(subscribed),
    )
