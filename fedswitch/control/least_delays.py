r"""The least common delay of any n of K uploads, for all n at once: Theorem 2 where one chooses who transmits.

Without interference, an upload of G bits takes at least its floor :math:`G N_0 \ln 2 / S`, and to end within a delay E
it needs the share :math:`\delta_k(E)` of (19), which falls with E. Let :math:`f_n(E)` be the sum of the n *smallest*
shares. The least delay in which any n uploads can end is the E at which :math:`f_n(E) = 1`. *Proof*: n uploads can end
within E where their shares sum to at most 1. Of all sums of n shares :math:`f_n` is the least, and it falls with E as
every one of them does: where it exceeds 1, no set of n can end, and where it is 1, one can.

With equal payloads the smallest shares are those of the strongest signals, at every E. With payloads that differ their
order changes with E, so that no order of the uploads has the best sets as its first ones: the best n uploads need not
even be among the best n + 1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arguments import Array, Bools, checked, flags
from ._efficiency import bernoulli, share_elasticity, spectral_efficiency_nat
from ._pool import check_one_band

_TOLERANCE = 1e-13  # of the bandwidth, left over or missing
_MAX_STEPS = 100
_BLOCK = 1 << 18  # links that are looked at together


def least_delays(
    payload_bits: ArrayLike, signal_w: ArrayLike, *, bandwidth_hz: float, noise_psd_w_per_hz: float
) -> Array:
    """Least delay in s in which any n of K uploads end together, n = 1..K: (..., K) gives (..., K).

    `payload_bits` is G and `signal_w` the received power S, with the uploads on the last axis; they broadcast. A delay
    is infinite where fewer than n uploads have a signal. All are found at once, by safeguarded Newton steps, until the
    bandwidth is used to within 1e-13. Raises ValueError that names the argument for a signal that is negative, a
    payload, bandwidth or noise density that is not positive, all that is not finite, and a single number.
    """
    floor_s, snr = _links(payload_bits, signal_w, bandwidth_hz, noise_psd_w_per_hz)
    size = floor_s.shape[-1]
    return _delays(floor_s, snr, np.ones((size, size), dtype=bool), np.arange(1, size + 1))


def set_delays(
    payload_bits: ArrayLike, signal_w: ArrayLike, members: ArrayLike, *, bandwidth_hz: float, noise_psd_w_per_hz: float
) -> Array:
    """Least delay in s in which the uploads of a set end together, for many sets at once; as `least_delays`.

    `members` (..., S, K) holds S sets, of any sizes, and the delays have the shape (..., S); that of nobody is 0.
    """
    floor_s, snr = _links(payload_bits, signal_w, bandwidth_hz, noise_psd_w_per_hz)
    sets = flags("members", members)
    return _delays(floor_s, snr, sets, sets.sum(axis=-1))


def _links(
    payload_bits: ArrayLike, signal_w: ArrayLike, bandwidth_hz: float, noise_psd_w_per_hz: float
) -> tuple[Array, Array]:
    """The floor in s of every upload, infinite without a signal, and its signal over the noise in the whole band."""
    signal, payload, bandwidth, density = checked(
        non_negative={"signal_w": signal_w},
        positive={
            "payload_bits": payload_bits,
            "bandwidth_hz": bandwidth_hz,
            "noise_psd_w_per_hz": noise_psd_w_per_hz,
        },
    )
    check_one_band(bandwidth, density)
    snr = signal / (bandwidth * density)
    with np.errstate(divide="ignore", over="ignore"):
        floor_s = payload / snr * (math.log(2) / bandwidth)
    if floor_s.ndim == 0:
        raise ValueError("signal_w or payload_bits must have the uploads on its last axis")
    return floor_s, np.broadcast_to(snr, floor_s.shape)


def _delays(floor_s: Array, snr: Array, members: Bools, count: NDArray[np.intp]) -> Array:
    """The least delay of `count` (..., S) uploads among the members (..., S, K) of a set, some links at a time."""
    shape = np.broadcast_shapes(floor_s[..., np.newaxis, :].shape, members.shape)
    sets, size = shape[-2:]
    floors, snrs = (np.broadcast_to(array, (*shape[:-2], size)).reshape(-1, size) for array in (floor_s, snr))
    among, counts = np.broadcast_to(members, shape).reshape(-1, size), np.broadcast_to(count, shape[:-1]).ravel()
    result, step = np.empty(len(counts)), max(1, _BLOCK // size)
    for start in range(0, len(counts), step):
        now = np.arange(start, min(start + step, len(counts)))
        link = now // sets
        # who is no member is so far away that others always end before
        result[now] = _solve(np.where(among[now], floors[link], np.inf), snrs[link], counts[now])
    return result.reshape(shape[:-1])


def _solve(floor_s: Array, snr: Array, count: NDArray[np.intp]) -> Array:
    """The delay in s in which any `count` (m,) of the uploads (m, K) end together.

    As in `Pool`, a delay is written as ``lowest (1 + excess)``, here with the floor of the n-th upload, below which no
    n uploads can end.
    """
    lowest = _nth(floor_s, np.maximum(count, 1))
    possible = np.flatnonzero(np.isfinite(lowest) & (count > 0))
    delay_s = np.where(count > 0, np.inf, 0.0)
    if not possible.size:
        return delay_s
    floor_s, snr, count = floor_s[possible], snr[possible], count[possible]
    load = floor_s / lowest[possible, np.newaxis]
    # nobody can end before having the whole band alone, and everybody can with equal shares
    low = np.log(_nth(_excess(load, snr, 1.0), count)) - 1.0
    high = np.log(_nth(_excess(load, snr, 1.0 / count[:, np.newaxis]), count))
    x, left = high.copy(), np.arange(len(possible))
    for _ in range(_MAX_STEPS):
        total, slope = _trial(np.exp(x[left]), load[left], snr[left], count[left])
        error = np.log(total)
        high[left] = np.where(error <= 0.0, x[left], high[left])
        low[left] = np.where(error > 0.0, x[left], low[left])
        step = x[left] + error / slope
        inside = (low[left] < step) & (step < high[left])
        going = (np.abs(error) > _TOLERANCE) & (high[left] > np.nextafter(low[left], np.inf))
        x[left] = np.where(going, np.where(inside, step, (low[left] + high[left]) / 2), x[left])
        left = left[going]
        if not left.size:
            break
    delay_s[possible] = lowest[possible] * (1.0 + np.exp(x))
    return delay_s


def _trial(excess: Array, load: Array, snr: Array, count: NDArray[np.intp]) -> tuple[Array, Array]:
    """The sum of the smallest shares at these excesses, and ``-d ln(sum) / d ln(excess)``."""
    grown = (1.0 + excess)[:, np.newaxis]
    headroom = ((1.0 - load) + excess[:, np.newaxis]) / grown
    share, growth = np.full(load.shape, np.inf), np.zeros(load.shape)
    can = headroom > 0.0
    a, room, none = (load / grown)[can], headroom[can], np.zeros(np.count_nonzero(can))
    u = spectral_efficiency_nat(a, room, none)
    share[can] = a * snr[can] / u
    growth[can] = share[can] * share_elasticity(a, room, none, u)
    order = np.argsort(share, axis=-1)
    chosen = np.arange(load.shape[-1]) < count[:, np.newaxis]
    total, rise = (np.where(chosen, np.take_along_axis(x, order, -1), 0.0).sum(axis=-1) for x in (share, growth))
    return total, rise / total * (excess / (1.0 + excess))


def _excess(load: Array, snr: Array, share: Array | float) -> Array:
    """The excess of an upload that has this share; 1e-300 if it ends before what the others wait for."""
    can = np.isfinite(load)
    excess = np.full(load.shape, np.inf)
    psi, complement = bernoulli(np.log1p((snr / share)[can]))
    excess[can] = np.maximum(load[can] * (complement / psi) - (1.0 - load[can]), 1e-300)
    return excess


def _nth(values: Array, count: NDArray[np.intp]) -> Array:
    """The n-th smallest in each row."""
    return np.take_along_axis(np.sort(values, axis=-1), count[:, np.newaxis] - 1, -1)[:, 0]
