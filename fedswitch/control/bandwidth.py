"""Bandwidth allocation: Theorem 2, equations (16) to (20), Algorithm 1.

The largest delay is smallest when all of the bandwidth is used and all uploads end together (Theorem 2). What remains
is to find one number, the common delay E at which the shares sum to 1. Both methods here keep the same bracket around
it and differ only in where they look next: Algorithm 1 halves the bracket, the default takes Newton's steps.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_choice, checked
from ._efficiency import spectral_efficiency_nat
from ._pool import Pool, Trial, check_stopping_rule, uploads

Method = Literal["newton", "bisection"]


@dataclasses.dataclass(frozen=True, eq=False)
class Trace:
    """The common delays in s that were tried, in order, and the total share that each takes (infinite: impossible)."""

    delay_s: NDArray[np.float64]
    total_share: NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Allocation:
    """The `share` of the bandwidth for every upload, and the `delay_s` at which all of them end.

    `iterations` is how many delays were tried, and `trace` tells which.
    """

    share: NDArray[np.float64]
    delay_s: float
    iterations: int
    trace: Trace


def share_for_delay(
    delay_s: ArrayLike,
    payload_bits: ArrayLike,
    signal_w: ArrayLike,
    interference_w: ArrayLike,
    *,
    bandwidth_hz: ArrayLike,
    noise_psd_w_per_hz: ArrayLike,
) -> NDArray[np.float64]:
    r"""Share :math:`\delta` of the bandwidth that uploads G bits in the delay E, (19) and (20); any shape.

    The share may exceed 1. It is infinite where no bandwidth suffices, which is where ``E <= G N0 ln 2 / S``, and 0
    where there is no payload. Raises ValueError for a payload or power that is negative or not finite, and for a delay,
    bandwidth or noise density that is not positive.
    """
    payload, signal, interference, delay, bandwidth, density = checked(
        non_negative={"payload_bits": payload_bits, "signal_w": signal_w, "interference_w": interference_w},
        positive={"delay_s": delay_s, "bandwidth_hz": bandwidth_hz, "noise_psd_w_per_hz": noise_psd_w_per_hz},
    )
    noise = bandwidth * density
    with np.errstate(all="ignore"):  # without a signal or a payload, which are sorted out below
        load = payload / (delay * bandwidth) * noise * math.log(2) / signal
        snr, interference_ratio = signal / noise, interference / signal
    payload, load, snr, interference_ratio = np.broadcast_arrays(payload, load, snr, interference_ratio)
    share = np.where(payload > 0, np.inf, 0.0)
    can = (payload > 0) & (load < 1.0)
    share[can] = load[can] * snr[can] / spectral_efficiency_nat(load[can], 1.0 - load[can], interference_ratio[can])
    return share


def allocate_bandwidth(
    payload_bits: ArrayLike,
    signal_w: ArrayLike,
    interference_w: ArrayLike,
    *,
    bandwidth_hz: float,
    noise_psd_w_per_hz: float,
    method: Method = "newton",
    tolerance: float = 1e-10,
    max_iterations: int = 60,
    delay_bracket_s: tuple[float | None, float | None] | None = None,
) -> Allocation:
    r"""Share the bandwidth so that the largest delay is smallest: (13) and (16) under (7f), by Theorem 2.

    `payload_bits` is G (0: not subscribed), `signal_w` the received power S, and `interference_w` the power I. They
    broadcast, and all entries are one pool: payloads (N, K) and powers (K,) give shares (N, K).

    "newton" takes safeguarded Newton steps. "bisection" is Algorithm 1 made safe: where an upload cannot end in time
    with any bandwidth, its share counts as infinite. Both stop when the total share lies in ``[1 - tolerance, 1]``, so
    that `tolerance` is the paper's :math:`\omega`, or after `max_iterations`, the paper's :math:`j_\max`, with the best
    allocation of their bracket. The total share never exceeds 1. Without any payload, shares and delay are 0.

    `delay_bracket_s` is the bracket (E_min, E_input) of Algorithm 1. An end that is None, or on the wrong side of the
    solution, is replaced: E_min by the largest delay when each upload has all the bandwidth to itself, and E_input by
    the largest delay at equal shares.

    Raises ValueError that names the argument for shapes that do not broadcast, for values that are NaN, negative or
    infinite, for a payload without a signal (no finite delay exists), an unknown method, a tolerance outside
    [1e-13, 1), no iterations, and a bracket that is not positive, not in order, or not for "bisection".
    """
    (payload, signal, interference), bandwidth, density = uploads(
        payload_bits=payload_bits,
        signal_w=signal_w,
        interference_w=interference_w,
        bandwidth_hz=bandwidth_hz,
        noise_psd_w_per_hz=noise_psd_w_per_hz,
    )
    check_stopping_rule(tolerance, max_iterations)
    _check_method(method, delay_bracket_s)

    share = np.zeros(payload.shape)
    sent = payload > 0
    if not sent.any():
        return Allocation(share, 0.0, 0, Trace(np.empty(0), np.empty(0)))
    pool = Pool.of(payload[sent], signal[sent], interference[sent], bandwidth, density)
    solution, tried = _search(pool, method, tolerance, max_iterations, delay_bracket_s or (None, None))
    share[sent] = solution.share
    delays, totals = np.array([(pool.delay_s(excess), total) for excess, total in tried]).T
    return Allocation(share, pool.delay_s(solution.excess), len(tried), Trace(delays, totals))


def _check_method(method: str, bracket: tuple[float | None, float | None] | None) -> None:
    check_choice("method", method, Method)
    if bracket is None:
        return
    if method != "bisection":
        raise ValueError(f"delay_bracket_s is for method bisection only: {method} finds its own")
    given = [end for end in bracket if end is not None]
    if not all(0.0 < end < math.inf for end in given) or given != sorted(given):
        raise ValueError(f"delay_bracket_s must be two positive delays in order, or None for either, got {bracket}")


def _search(
    pool: Pool,
    method: Method,
    tolerance: float,
    max_iterations: int,
    delay_bracket_s: tuple[float | None, float | None],
) -> tuple[Trial, list[tuple[float, float]]]:
    """Return the solution, and the excess and the total share of all that was tried on the way."""
    target = 1.0 - tolerance / 2  # the middle of what is accepted, so that rounding cannot lift a total above 1
    if method == "newton":
        # half the lower bound: where one upload takes nearly everything, the solution lies right next to the bound
        low, high = pool.excess_at_share(1.0) / 2, pool.excess_at_share(target * pool.shares_by_need())
        excess = high
    else:
        low, high = _bracket(pool, target, delay_bracket_s)
        excess = (low + high) / 2
    tried: list[tuple[float, float]] = []
    while True:
        trial = pool.trial(excess)
        tried.append((excess, trial.total))
        if 1.0 - tolerance <= trial.total <= 1.0:
            return trial, tried
        if trial.total > 1.0:
            low = excess
        else:
            high = excess
        if len(tried) == max_iterations:
            return pool.trial(high), tried
        excess = _newton(trial, low, high, target) if method == "newton" else (low + high) / 2


def _bracket(pool: Pool, target: float, delay_bracket_s: tuple[float | None, float | None]) -> tuple[float, float]:
    """Return Algorithm 1's bracket as excesses, with any end that is missing or on the wrong side replaced."""
    low, high = (None if end is None else pool.excess(end) for end in delay_bracket_s)
    if low is None or pool.trial(low).total <= 1.0:
        low = pool.excess_at_share(1.0)
    if high is None or pool.trial(high).total > 1.0:
        high = pool.excess_at_share(target / pool.snr.size)
    return low, high


def _newton(trial: Trial, low: float, high: float, target: float) -> float:
    """Return where the total share meets the target if its logarithm is linear in that of the excess.

    It nearly is, both close to the floor and far above it. A step that leaves the bracket is replaced by its middle.
    """
    step = math.log(trial.excess) + math.log(trial.total / target) / trial.slope
    bottom, top = math.log(low), math.log(high)
    return math.exp(step if bottom < step < top else (bottom + top) / 2)
