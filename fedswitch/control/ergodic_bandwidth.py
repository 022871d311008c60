r"""Bandwidth allocation for uploads that last long: (13) and (16) with the ergodic rate.

As with one known channel, the largest delay is smallest when all of the bandwidth is used and all uploads end together.
Written over :math:`w = 1 / \delta`, the delay of an upload is

.. math:: T(w) = \frac{G}{W} \cdot \frac{w}{\varphi(w)}, \qquad
   \varphi(w) = \mathbb{E} \log_2\Bigl(1 + \frac{S w}{I w + W N_0}\Bigr).

:math:`\log(1 + z)` and :math:`S w / (I w + W N_0)` are complete Bernstein functions, and so are compositions and means
of such functions, and :math:`w / \varphi` with :math:`\varphi`. Hence T is increasing and concave: its tangent in w
bounds it from above, with a floor plus a term in :math:`1 / \delta`. The allocation that is optimal for the tangents is
one rational equation away, never worse than the one where they touch, and Newton's step for the real problem. So the
largest delay falls from step to step, and in the end the digits that are right double.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, checked
from ..wireless import Radio
from ..wireless.ergodic import efficiency_nat, link_ratios
from ._efficiency import spectral_efficiency_nat
from ._pool import check_one_band, check_tolerance
from .bandwidth import Allocation, Trace

_SMALLEST_TOLERANCE = 1e-12  # delays are hardly better known in double precision
_MAX_STEPS = 60


def ergodic_share_for_delay(
    delay_s: ArrayLike, payload_bits: ArrayLike, distance_m: ArrayLike, power_w: ArrayLike, radio: Radio
) -> Array:
    r"""Share :math:`\delta` of the bandwidth that uploads G bits in the delay E at the ergodic rate; any shape.

    The share may exceed 1. It is infinite where no bandwidth suffices, which is where ``E <= G N0 ln 2 / S`` with the
    mean signal ``S = P g d^-alpha``, and 0 where there is no payload, which needs no power. Raises ValueError for a
    delay or distance that is not positive, a payload or power that is negative, a payload without power, and links that
    `ergodic_spectral_efficiency` refuses.
    """
    payload, power, delay, distance, *_ = checked(
        non_negative={"payload_bits": payload_bits, "power_w": power_w},
        positive={"delay_s": delay_s, "distance_m": distance_m, **radio.positive},
    )
    return needed_share_ergodic(delay, payload, distance, power, radio)


def needed_share_ergodic(
    delay_s: Array | float, payload_bits: Array, distance_m: Array, power_w: Array, radio: Radio
) -> Array:
    """The same as `ergodic_share_for_delay`, of arrays that have been checked."""
    payload, noise, interference, delay, bandwidth = np.broadcast_arrays(
        *_links(payload_bits, distance_m, power_w, radio), delay_s, radio.bandwidth_hz
    )
    with np.errstate(over="ignore", invalid="ignore"):
        load = payload / (delay * bandwidth) * noise * math.log(2.0)
    share = np.where(payload > 0, np.inf, 0.0)
    can = (payload > 0) & (load < 1.0)
    share[can] = _noise_at_load(load[can], interference[can], radio.path_loss_exponent) / noise[can]
    return share


def allocate_bandwidth_ergodic(
    payload_bits: ArrayLike, distance_m: ArrayLike, power_w: ArrayLike, radio: Radio, *, tolerance: float = 1e-10
) -> Allocation:
    r"""Share the bandwidth so that the largest delay at the ergodic rate is smallest: (13) and (16) under (7f).

    `payload_bits` is G (0: not subscribed), `distance_m` is d and `power_w` is P. They broadcast, and all entries are
    one pool: payloads (N, K) and distances (K,) give shares (N, K). `radio` has the whole bandwidth W.

    Ends when no two delays differ by more than `tolerance`, relative, or after 60 steps; `delay_s` is the largest of
    them, and the total share lies in ``[1 - tolerance, 1]``. The trace holds the largest delay of each step. Without
    any payload, shares and delay are 0.

    Raises ValueError that names the argument for shapes that do not broadcast, for values out of range, for a payload
    without power (no finite delay exists), and for a tolerance outside [1e-12, 1).
    """
    tolerance = check_tolerance(tolerance, _SMALLEST_TOLERANCE)
    check_one_band(radio.bandwidth_hz, radio.noise_psd_w_per_hz)
    payload, power, distance, *_ = checked(
        non_negative={"payload_bits": payload_bits, "power_w": power_w},
        positive={"distance_m": distance_m, **radio.positive},
    )
    return equalize_ergodic(payload, distance, power, radio, tolerance)


def equalize_ergodic(
    payload_bits: Array, distance_m: Array, power_w: Array, radio: Radio, tolerance: float = 1e-10
) -> Allocation:
    """The same as `allocate_bandwidth_ergodic`, of arrays that have been checked: all uploads end together."""
    payload, noise, interference = _links(payload_bits, distance_m, power_w, radio)
    share = np.zeros(payload.shape)
    sent = payload > 0
    if not sent.any():
        return Allocation(share, 0.0, 0, Trace(np.empty(0), np.empty(0)))

    payload, noise, interference = payload[sent], noise[sent], interference[sent]
    seconds = payload * (math.log(2.0) / radio.bandwidth_hz)
    total = 1.0 - tolerance / 2.0  # the middle of what is accepted, so that rounding cannot lift it above 1
    x = _shares_by_need(payload, noise, interference, total)
    largest: list[float] = []
    while True:
        efficiency, elasticity = efficiency_nat(noise * x, interference, radio.path_loss_exponent)
        delay = seconds / (x * efficiency)
        largest.append(float(delay.max()))
        if largest[-1] <= (1.0 + tolerance) * delay.min() or len(largest) == _MAX_STEPS:
            break
        x = _shares_for_tangents(delay * (1.0 - elasticity), delay * elasticity * x, total)
    share[sent] = x
    return Allocation(share, largest[-1], len(largest), Trace(np.array(largest), np.full(len(largest), total)))


def _links(payload_bits: Array, distance_m: Array, power_w: Array, radio: Radio) -> tuple[Array, Array, Array]:
    """Payload, and noise and interference ratio at the whole bandwidth, broadcast.

    Without a payload, a link needs no power, and its ratios mean nothing.
    """
    if ((payload_bits > 0) & (power_w == 0)).any():
        raise ValueError("power_w = 0 gives a positive payload_bits no finite delay")
    noise, interference = link_ratios(distance_m, np.where(power_w > 0, power_w, 1.0), radio)
    payload, noise, interference = np.broadcast_arrays(payload_bits, noise, interference)
    return payload, noise, interference


def _shares_by_need(payload: Array, noise: Array, interference: Array, total: float) -> Array:
    """Shares in proportion to payload over the efficiency of a channel without fading, and so nearly the solution."""
    share = np.full_like(noise, total / noise.size)
    for _ in range(5):
        need = payload / np.log1p(1.0 / (interference + noise * share))
        share = need * (total / need.sum())
    return share


def _shares_for_tangents(floor: Array, slope: Array, total: float) -> Array:
    """Shares of this total for which all ``floor + slope / share``, with positive slopes, are equal.

    With D the excess of the common value over the largest floor, the total is ``S(D) = sum(slope / (gap + D))``. As
    1 / S is concave, Newton's steps on it never pass the root from below, where they begin.
    """
    gap = floor.max() - floor
    excess = float((slope / total - gap).max())
    share: Array = slope / (gap + excess)
    for _ in range(_MAX_STEPS):
        taken = float(share.sum())
        step = taken * (taken / total - 1.0) / float((share / (gap + excess)).sum())
        excess += step
        share = slope / (gap + excess)
        if step <= 1e-14 * excess:
            break
    share *= total / share.sum()
    return share


def _noise_at_load(load: Array, interference: Array, path_loss_exponent: float) -> Array:
    """Return the noise ratio m at which ``m C(m)`` is the load in (0, 1); shape (n,) each.

    With v = 1 / m, the delay ``1 / (m C)`` is 1 at v = 0 and concave in v. Newton's step thus lands at or below the
    root, and climbs to it from there. A step that would leave the positive axis is replaced by the chord's from v = 0,
    which lands between the root and where it came from.
    """
    noise = load / spectral_efficiency_nat(load, 1.0 - load, interference)  # that of a channel without fading
    if not noise.size:
        return noise
    for _ in range(_MAX_STEPS):
        efficiency, elasticity = efficiency_nat(noise, interference, path_loss_exponent)
        reached = noise * efficiency
        newton = 1.0 + (reached / load - 1.0) / elasticity
        with np.errstate(divide="ignore", invalid="ignore"):
            chord = (1.0 / load - 1.0) / (1.0 / reached - 1.0)
        factor = np.where(newton > 0.0, newton, chord)
        noise = noise / factor
        if np.abs(factor - 1.0).max() < 1e-8:
            break
    return noise
