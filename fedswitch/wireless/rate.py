"""How long an upload takes: the rate of a share of the bandwidth, and the delay inside (13)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, checked
from .channel import sinr

_LN2 = math.log(2)


def rate_bit_per_s(
    share: ArrayLike,
    signal_w: ArrayLike,
    interference_w: ArrayLike,
    *,
    bandwidth_hz: ArrayLike,
    noise_psd_w_per_hz: ArrayLike,
) -> Array:
    r"""Rate :math:`W \delta \log_2(1 + \mathrm{SINR})` of (4) and (13) in bit/s, from received powers in W; any shape.

    The noise grows with the share, so that the rate is concave in it, and bounded by ``S / (N0 ln 2)`` without
    interference however much bandwidth there is. A share of 0 has rate 0. Raises ValueError for a share or power
    that is negative or not finite, and for a bandwidth or noise density that is not positive.
    """
    share, signal, interference, bandwidth, density = checked(
        non_negative={"share": share, "signal_w": signal_w, "interference_w": interference_w},
        positive={"bandwidth_hz": bandwidth_hz, "noise_psd_w_per_hz": noise_psd_w_per_hz},
    )
    width_hz = share * bandwidth
    with np.errstate(invalid="ignore"):  # no bandwidth and no interference: 0 times infinity
        return np.where(width_hz > 0, width_hz * np.log1p(sinr(signal, interference, width_hz * density)), 0.0) / _LN2


def delay_s(payload_bits: ArrayLike, rate_bit_per_s: ArrayLike) -> Array:
    """Delay ``G / rate`` of (13) in s; any shape.

    No payload takes 0 s, and a payload at rate 0 takes forever. Raises ValueError for a negative argument.
    """
    payload, rate = checked(
        non_negative={"payload_bits": payload_bits}, non_negative_or_infinite={"rate_bit_per_s": rate_bit_per_s}
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(payload > 0, payload / rate, 0.0)
