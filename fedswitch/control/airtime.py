"""The bandwidth of a round under a scenario's readings: whose rate (13) means, and what its delay is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_choice, checked
from ..scenario import Scenario
from ..wireless import Channel
from .bandwidth import Method, allocate_bandwidth, share_for_delay
from .ergodic_bandwidth import allocate_bandwidth_ergodic, ergodic_share_for_delay

Array = NDArray[np.float64]

_SURROUNDINGS = ("path_loss_exponent", "base_station_density_per_m2", "interferer_power_w", "reference_gain")


def share_bandwidth(
    scenario: Scenario,
    channel: Channel,
    payload_bits: ArrayLike,
    power_w: ArrayLike,
    *,
    method: Method = "newton",
) -> tuple[Array, float]:
    r"""Shares :math:`\delta` that make the largest delay smallest, and that delay in s: (13) and (16).

    `payload_bits` (N, K) is 0 where nothing is uploaded; a `power_w` (K,) of 0 sends nothing. With
    `scenario.rate` "instantaneous" the fading of the round counts, and `method` "bisection" is Algorithm 1 with the
    scenario's bracket, tolerance and iteration limit; with "ergodic" its mean does. Raises ValueError as
    `allocate_bandwidth`.
    """
    payload, power = checked(non_negative={"payload_bits": payload_bits, "power_w": power_w})
    check_choice("method", method, Method)
    sent = np.where(power > 0.0, payload, 0.0)
    # the power of a UE that sends nothing does not matter, but must be one
    watts = np.where(power > 0.0, power, scenario.max_power_w)
    radio = _fields(scenario, "bandwidth_hz", "noise_psd_w_per_hz")
    if scenario.rate == "ergodic":
        allocation = allocate_bandwidth_ergodic(
            sent, channel.distance_m, watts, **radio, **_fields(scenario, *_SURROUNDINGS)
        )
    elif method == "newton":
        allocation = allocate_bandwidth(sent, watts * channel.gain, channel.interference_w, **radio)
    else:
        allocation = allocate_bandwidth(
            sent,
            watts * channel.gain,
            channel.interference_w,
            **radio,
            method=method,
            tolerance=scenario.bandwidth_tolerance,
            max_iterations=scenario.max_bisections,
            delay_bracket_s=(scenario.min_delay_s, scenario.max_delay_s),
        )
    return allocation.share, allocation.delay_s


def share_in_time(
    scenario: Scenario, channel: Channel, delay_s: float, payload_bits: ArrayLike, power_w: ArrayLike
) -> Array:
    r"""The share that each upload would need to end after `delay_s`, (19) and (20); infinite where none suffices.

    Algorithm 1 computes it for all modules, also those that a UE does not subscribe to. Raises ValueError as
    `share_for_delay`.
    """
    radio = _fields(scenario, "bandwidth_hz", "noise_psd_w_per_hz")
    if scenario.rate == "ergodic":
        return ergodic_share_for_delay(
            delay_s, payload_bits, channel.distance_m, power_w, **radio, **_fields(scenario, *_SURROUNDINGS)
        )
    return share_for_delay(delay_s, payload_bits, np.asarray(power_w) * channel.gain, channel.interference_w, **radio)


def airtime_s(scenario: Scenario, delay_s: float) -> float:
    """How long every upload takes: the common delay, or a deadline that sets the threshold; 0 without uploads."""
    return scenario.deadline_s if scenario.threshold == "deadline" and delay_s > 0.0 else delay_s


def _fields(scenario: Scenario, *names: str) -> dict[str, Any]:
    return {name: getattr(scenario, name) for name in names}
