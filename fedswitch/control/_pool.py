"""The uploads of one round as a pool that shares the bandwidth, without dimensions."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, checked, single, whole
from ._efficiency import bernoulli, share_elasticity, spectral_efficiency_nat

LARGEST_RATIO = 1e150  # products of two such ratios are still finite

_SMALLEST_TOLERANCE = 1e-13  # the sum of many shares is hardly better known in double precision


def uploads(
    *, bandwidth_hz: ArrayLike, noise_psd_w_per_hz: ArrayLike, **per_upload: ArrayLike
) -> tuple[tuple[Array, ...], float, float]:
    """Return what is given per upload, broadcast, then bandwidth and noise density; ValueError names what is wrong."""
    *given, bandwidth, density = checked(
        non_negative=per_upload,
        positive={"bandwidth_hz": bandwidth_hz, "noise_psd_w_per_hz": noise_psd_w_per_hz},
    )
    check_one_band(bandwidth, density)
    return np.broadcast_arrays(*given), float(bandwidth), float(density)


def check_one_band(bandwidth_hz: ArrayLike, noise_psd_w_per_hz: ArrayLike) -> None:
    """Raise ValueError unless bandwidth and noise density are single numbers."""
    if np.ndim(bandwidth_hz) or np.ndim(noise_psd_w_per_hz):
        raise ValueError("bandwidth_hz and noise_psd_w_per_hz must be single numbers: the uploads share one bandwidth")


def check_tolerance(tolerance: ArrayLike, least: float) -> float:
    """The tolerance as a float; ValueError for one that cannot be met or means nothing."""
    (value,) = single(any={"tolerance": tolerance})
    if not least <= value < 1.0:
        raise ValueError(f"tolerance must lie in [{least:g}, 1), got {value:g}")
    return value


def check_stopping_rule(tolerance: ArrayLike, max_iterations: int) -> tuple[float, int]:
    """Both as numbers of Python's; ValueError for a tolerance that means nothing, and for no iterations."""
    return check_tolerance(tolerance, _SMALLEST_TOLERANCE), whole("max_iterations", max_iterations, low=1)


@dataclasses.dataclass(frozen=True)
class Demand:
    """A common delay that was tried: the shares it takes, their total, and ``-d ln(total) / d ln(excess)``."""

    excess: float
    share: Array
    total: float
    slope: float


@dataclasses.dataclass(frozen=True)
class Pool:
    """Uploads that each have a payload and a signal, shape (n,).

    However much bandwidth it has, an upload takes longer than its floor, ``G N0 ln 2 / S``. `floor_s` is the largest
    floor, and every common delay is written as ``floor_s (1 + excess)``: in a deep fade the solution lies so little
    above the floor that two delays in double precision cannot tell them apart, but two excesses can.
    """

    snr: Array  # S / (W N0)
    inr: Array  # I / (W N0)
    interference_ratio: Array  # I / S
    load: Array  # the upload's own floor over the largest, in (0, 1]; its load in _efficiency when the excess is 0
    floor_s: float

    @classmethod
    def of(
        cls, payload_bits: Array, signal_w: Array, interference_w: Array, bandwidth_hz: float, noise_psd_w_per_hz: float
    ) -> Pool:
        """Make the pool; ValueError without a finite floor, and for ratios that would overflow double precision."""
        noise_w = bandwidth_hz * noise_psd_w_per_hz
        with np.errstate(all="ignore"):
            snr, inr, interference_ratio = signal_w / noise_w, interference_w / noise_w, interference_w / signal_w
            floor = payload_bits / snr * (math.log(2) / bandwidth_hz)
        floor_s = float(floor.max())
        if not math.isfinite(floor_s):
            raise ValueError(f"signal_w = {signal_w.min():g} gives a positive payload_bits no finite delay")
        if max(snr.max(), inr.max(), interference_ratio.max()) > LARGEST_RATIO or floor.min() < floor_s / LARGEST_RATIO:
            raise ValueError(
                f"payload_bits, signal_w, interference_w and noise differ by factors above {LARGEST_RATIO:g}"
            )
        return cls(snr, inr, interference_ratio, floor / floor_s, floor_s)

    def delay_s(self, excess: float) -> float:
        """Delay in s of an excess."""
        return self.floor_s * (1.0 + excess)

    def excess(self, delay_s: float) -> float:
        """Excess of a delay in s; not positive where no bandwidth suffices."""
        return delay_s / self.floor_s - 1.0

    def shares_by_need(self) -> Array:
        """Shares that sum to 1 and are nearly the solution: in proportion to payload over spectral efficiency.

        The efficiency is that of the previous shares, which are equal ones at first. The solution is the fixed point of
        this, and a few sweeps, each of one logarithm, come near it.
        """
        share = np.full_like(self.snr, 1.0 / self.snr.size)
        payload = self.load * self.snr
        for _ in range(10):
            need = payload / np.log1p(self.snr / (self.inr + share))
            share = need / need.sum()
        return share

    def excess_at_share(self, share: Array | float) -> float:
        """Excess of the largest delay when the uploads have these shares of the bandwidth."""
        u = np.log1p(self.snr / (self.inr + share))
        load = u * share / self.snr
        headroom = bernoulli(u)[1] + u * self.interference_ratio
        # (self.load - load) / load, where the difference of two loads near 1 is that of their headrooms
        difference = np.where(load < 0.5, self.load - load, headroom - (1.0 - self.load))
        return float((difference / load).max())

    def demand(self, excess: float) -> Demand:
        """Try a common delay; if it leaves no excess, no bandwidth suffices, and the total share is infinite."""
        if excess <= 0.0:
            return Demand(excess, np.full_like(self.snr, np.inf), math.inf, math.nan)
        load = self.load / (1.0 + excess)
        headroom = ((1.0 - self.load) + excess) / (1.0 + excess)
        u = spectral_efficiency_nat(load, headroom, self.interference_ratio)
        share = load * self.snr / u
        total = float(share.sum())
        growth = float(share @ share_elasticity(load, headroom, self.interference_ratio, u))
        return Demand(excess, share, total, growth / total * (excess / (1.0 + excess)))
