"""Bandwidth allocation: Theorem 2, equations (16) to (20), Algorithm 1.

The largest delay is smallest when all of the bandwidth is used and all uploads end together (Theorem 2). What remains
is to find one number, the common delay E at which the shares sum to 1. Both methods here keep the same bracket around
it and differ only in where they look next: Algorithm 1 halves the bracket, the default takes Newton's steps.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, check_choice, checked, one_number, shown
from ._efficiency import spectral_efficiency_nat
from ._pool import Demand, Pool, check_stopping_rule, uploads

Method = Literal["newton", "bisection"]
Bracket = tuple[float | None, float | None]


@dataclasses.dataclass(frozen=True, eq=False)
class Trace:
    """The common delays in s that were tried, in order, and the total share of each (infinite: impossible): (J,)."""

    delay_s: Array
    total_share: Array


@dataclasses.dataclass(frozen=True, eq=False)
class Allocation:
    """The `share` of the bandwidth of every upload, in their shape, and the `delay_s` at which the last of them ends.

    `iterations` is J, how many delays were tried, and `trace` tells which.
    """

    share: Array
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
) -> Array:
    r"""Share :math:`\delta` of the bandwidth that uploads G bits in the delay E, (19) and (20); any shape.

    The share may exceed 1. It is infinite where no bandwidth suffices, which is where ``E <= G N0 ln 2 / S``, and 0
    where there is no payload. Raises ValueError for a payload or power that is negative or not finite, and for a delay,
    bandwidth or noise density that is not positive.
    """
    payload, signal, interference, delay, bandwidth, density = checked(
        non_negative={"payload_bits": payload_bits, "signal_w": signal_w, "interference_w": interference_w},
        positive={"delay_s": delay_s, "bandwidth_hz": bandwidth_hz, "noise_psd_w_per_hz": noise_psd_w_per_hz},
    )
    return needed_share(delay, payload, signal, interference, bandwidth, density)


def needed_share(
    delay_s: Array | float,
    payload_bits: Array,
    signal_w: Array,
    interference_w: Array,
    bandwidth_hz: Array | float,
    noise_psd_w_per_hz: Array | float,
) -> Array:
    """The same as `share_for_delay`, of arguments that have been checked."""
    noise = bandwidth_hz * noise_psd_w_per_hz
    with np.errstate(all="ignore"):  # without a signal or a payload, which are sorted out below
        load = payload_bits / (delay_s * bandwidth_hz) * noise * math.log(2) / signal_w
        snr, interference_ratio = signal_w / noise, interference_w / signal_w
    payload, load, snr, interference_ratio = np.broadcast_arrays(payload_bits, load, snr, interference_ratio)
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
    delay_bracket_s: Bracket | None = None,
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
    search = Search(method, tolerance, max_iterations, delay_bracket_s)
    return equalize(payload, signal, interference, bandwidth, density, search)


@dataclasses.dataclass(frozen=True)
class Search:
    """How the common delay is found, as in `allocate_bandwidth`, which tells what is refused."""

    method: Method = "newton"
    tolerance: float = 1e-10
    max_iterations: int = 60
    delay_bracket_s: Bracket | None = None

    def __post_init__(self) -> None:
        tolerance, most = check_stopping_rule(self.tolerance, self.max_iterations)
        object.__setattr__(self, "tolerance", tolerance)
        object.__setattr__(self, "max_iterations", most)
        check_choice("method", self.method, Method)
        bracket = self.delay_bracket_s
        if bracket is None:
            return
        if self.method != "bisection":
            raise ValueError(f"delay_bracket_s is for method bisection only: {self.method} finds its own")
        ends = tuple(bracket) if isinstance(bracket, Iterable) else ()
        numbers = tuple(None if end is None else one_number(end) for end in ends)
        given = [number for end, number in zip(ends, numbers, strict=True) if end is not None]
        if len(ends) != 2 or not all(end and 0.0 < end < math.inf for end in given) or given != sorted(given):  # type: ignore[type-var]
            raise ValueError(
                f"delay_bracket_s must be two positive delays in order, or None for either, got {shown(bracket)}"
            )
        object.__setattr__(self, "delay_bracket_s", numbers)

    @property
    def target(self) -> float:
        """The middle of the totals that are accepted, so that rounding cannot lift a total above 1."""
        return 1.0 - self.tolerance / 2


def equalize(
    payload_bits: Array,
    signal_w: Array,
    interference_w: Array,
    bandwidth_hz: float,
    noise_psd_w_per_hz: float,
    search: Search,
) -> Allocation:
    """The same as `allocate_bandwidth`, of arrays that have been checked: all uploads end together."""
    payload, signal, interference = np.broadcast_arrays(payload_bits, signal_w, interference_w)
    share = np.zeros(payload.shape)
    sent = payload > 0
    if not sent.any():
        return Allocation(share, 0.0, 0, Trace(np.empty(0), np.empty(0)))
    pool = Pool.of(payload[sent], signal[sent], interference[sent], bandwidth_hz, noise_psd_w_per_hz)
    solution, tried = _solve(pool, search)
    share[sent] = solution.share
    delays, totals = np.array([(pool.delay_s(excess), total) for excess, total in tried]).T
    return Allocation(share, pool.delay_s(solution.excess), len(tried), Trace(delays, totals))


def _solve(pool: Pool, search: Search) -> tuple[Demand, list[tuple[float, float]]]:
    """Return the solution, and the excess and the total share of all that was tried on the way."""
    newton = search.method == "newton"
    low, high = _bracket(pool, search)
    excess = high if newton else (low + high) / 2
    tried: list[tuple[float, float]] = []
    while True:
        trial = pool.demand(excess)
        tried.append((excess, trial.total))
        if 1.0 - search.tolerance <= trial.total <= 1.0:
            return trial, tried
        if trial.total > 1.0:
            low = excess
        else:
            high = excess
        if len(tried) == search.max_iterations:
            return pool.demand(high), tried
        excess = _newton(trial, low, high, search.target) if newton else (low + high) / 2


def _bracket(pool: Pool, search: Search) -> tuple[float, float]:
    """Where to begin, as excesses, with any end of Algorithm 1's that is missing or on the wrong side replaced."""
    if search.method == "newton":
        # half the lower bound: where one upload takes nearly everything, the solution lies right next to the bound
        return pool.excess_at_share(1.0) / 2, pool.excess_at_share(search.target * pool.shares_by_need())
    ends = search.delay_bracket_s or (None, None)
    low, high = (None if end is None else pool.excess(end) for end in ends)
    if low is None or pool.demand(low).total <= 1.0:
        low = pool.excess_at_share(1.0)
    if high is None or pool.demand(high).total > 1.0:
        high = pool.excess_at_share(search.target / pool.snr.size)
    return low, high


def _newton(trial: Demand, low: float, high: float, target: float) -> float:
    """Return where the total share meets the target if its logarithm is linear in that of the excess.

    It nearly is, both close to the floor and far above it. A step that leaves the bracket is replaced by its middle.
    """
    step = math.log(trial.excess) + math.log(trial.total / target) / trial.slope
    bottom, top = math.log(low), math.log(high)
    return math.exp(step if bottom < step < top else (bottom + top) / 2)
