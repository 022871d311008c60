"""The bandwidth of a round under a scenario's readings: whose rate (13) means, and what its delay is."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, check_choice, checked, single
from ..scenario import Scenario
from ..wireless import Channel, Radio, Reception
from .bandwidth import Method, Search, equalize, needed_share
from .ergodic_bandwidth import equalize_ergodic, needed_share_ergodic


def share_bandwidth(
    scenario: Scenario,
    channel: Channel,
    payload_bits: ArrayLike,
    power_w: ArrayLike,
    *,
    method: Method = "newton",
) -> tuple[Array, float]:
    r"""Shares :math:`\delta` that make the largest delay smallest, and that delay in s: (13) and (16).

    `payload_bits` (N, K) is 0 where nothing is uploaded; a `power_w` (K,) of 0 sends nothing. With `scenario.rate`
    "instantaneous" the fading of the round counts, and `method` "bisection" is Algorithm 1 with the scenario's bracket,
    tolerance and iteration limit; with "ergodic" its mean does. Raises ValueError as `allocate_bandwidth`.
    """
    check_choice("method", method, Method)
    payload, power, *_ = checked(
        non_negative={
            "payload_bits": payload_bits,
            "power_w": power_w,
            "channel.gain": channel.gain,
            "channel.interference_w": channel.interference_w,
        },
        positive={"channel.distance_m": channel.distance_m},
    )
    return Band(scenario, channel).share(payload, power, method)


def airtime_s(scenario: Scenario, delay_s: float) -> float:
    """How many s every upload takes: the common delay, or a deadline that sets the threshold; 0 without uploads.

    Raises ValueError for a negative delay.
    """
    (delay,) = single(non_negative_or_infinite={"delay_s": delay_s})
    return airtime_of(scenario, delay)


def airtime_of(scenario: Scenario, delay_s: float) -> float:
    """The same as `airtime_s`, of a delay that has been checked."""
    return scenario.deadline_s if scenario.threshold == "deadline" and delay_s > 0.0 else delay_s


@dataclasses.dataclass(frozen=True, eq=False)
class Band:
    """The bandwidth of one round, for a channel, payloads (N, K) and powers (K,) that have been checked."""

    scenario: Scenario
    channel: Channel

    @functools.cached_property
    def radio(self) -> Radio:
        """The constants of the cell."""
        return Radio.of(self.scenario)

    def share(self, payload_bits: Array, power_w: Array, method: Method) -> tuple[Array, float]:
        """The same as `share_bandwidth`."""
        scenario, channel = self.scenario, self.channel
        sent = np.where(power_w > 0.0, payload_bits, 0.0)
        # the power of a UE that sends nothing does not matter, but must be one
        watts = np.where(power_w > 0.0, power_w, scenario.max_power_w)
        if scenario.rate == "ergodic":
            allocation = equalize_ergodic(sent, channel.distance_m, watts, self.radio)
        else:
            search = Search()
            if method == "bisection":
                bracket = scenario.min_delay_s, scenario.max_delay_s
                search = Search(method, scenario.bandwidth_tolerance, scenario.max_bisections, bracket)
            allocation = equalize(sent, watts * channel.gain, channel.interference_w, *self._width, search)
        return allocation.share, allocation.delay_s

    def share_in_time(self, delay_s: float | Array, payload_bits: Array, power_w: Array) -> Array:
        r"""The share that each upload would need to end after `delay_s`, (19) and (20); infinite where none suffices.

        Algorithm 1 computes it for all modules, also those that a UE does not subscribe to.
        """
        channel = self.channel
        if self.scenario.rate == "ergodic":
            return needed_share_ergodic(delay_s, payload_bits, channel.distance_m, power_w, self.radio)
        return needed_share(delay_s, payload_bits, power_w * channel.gain, channel.interference_w, *self._width)

    def reception(self, share: Array, payload_bits: Array) -> Reception:
        """The uploads at these shares, as a function of the power."""
        return Reception.unchecked(self.scenario, self.radio, self.channel.distance_m, share, payload_bits)

    @property
    def _width(self) -> tuple[float, float]:
        return self.scenario.bandwidth_hz, self.scenario.noise_psd_w_per_hz
