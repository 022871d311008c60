"""Bootstrap intervals of a mean over few independent units, such as the paired differences of five seeds."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from ..streams import stream

LEVEL = 0.95
RESAMPLES = 2999
POWER = 0.8


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean over `units` independent units (seeds or cells) and the ends of its 95 % bootstrap interval.

    Of `unknown` units no value is known. With any of these, or with fewer than two units, there is no interval: its
    ends are NaN. `effect` is the mean over the standard deviation of the units, on the scale that they were averaged
    on.
    """

    mean: float
    low: float
    high: float
    units: int
    unknown: int = 0
    effect: float = math.nan

    def map(self, function: Callable[[float], float]) -> Estimate:
        """The same on another scale, by an increasing function."""
        mean, low, high = (function(value) for value in (self.mean, self.low, self.high))
        return dataclasses.replace(self, mean=mean, low=low, high=high)


def estimate(values: ArrayLike) -> Estimate:
    """The mean of one value for each independent unit, shape (units,), with its bootstrap interval (`interval`)."""
    sample = np.asarray(values, dtype=float)
    unknown = int(np.isnan(sample).sum())
    mean = float(sample.mean()) if len(sample) else math.nan
    low, high = (math.nan, math.nan) if unknown else ends(sample)
    spread = float(sample.std(ddof=1)) if len(sample) > 1 else math.nan
    return Estimate(mean, low, high, len(sample), unknown, mean / spread if spread else math.nan)


def units_to_tell(effect: float) -> int | None:
    """How many units tell a mean of `effect` standard deviations from zero with probability `POWER`; None for no mean.

    By the power of the two-sided t-test at `LEVEL`.
    """
    if math.isnan(effect) or abs(effect) < 1e-6:
        return None
    tail = (1 - LEVEL) / 2
    units: int = max(2, math.floor(((stats.norm.isf(tail) + stats.norm.ppf(POWER)) / effect) ** 2))  # a little too few
    while stats.nct.sf(stats.t.isf(tail, units - 1), units - 1, abs(effect) * math.sqrt(units)) < POWER:
        units += 1
    return units


def ends(values: ArrayLike, statistic: Callable[..., Any] = np.mean) -> tuple[float, float]:
    """Ends of `interval` for one value of each independent unit, shape (units,); NaN with fewer than two."""
    return _ends(tuple(np.asarray(values, dtype=float).tolist()), statistic)


@functools.lru_cache(maxsize=4096)  # the bootstrap always draws the same, and pages ask again
def _ends(values: tuple[float, ...], statistic: Callable[..., Any]) -> tuple[float, float]:
    if len(values) < 2:
        return math.nan, math.nan
    low, high = interval(values, statistic)
    return float(low), float(high)


def interval(
    samples: ArrayLike, statistic: Callable[..., Any] = np.mean, *, resamples: int = RESAMPLES
) -> tuple[Any, Any]:
    """Ends of the expanded percentile interval of a statistic along the last axis, by `scipy.stats.bootstrap`.

    The percentile interval of n values is too narrow by the factor sqrt((n - 1) / n), and by what a normal quantile is
    short of Student's. Quantiles farther out make up for both (T. Hesterberg, What teachers should know about the
    bootstrap, 2015). It still cannot reach beyond the values themselves: see `coverage`.
    """
    sample = np.asarray(samples, dtype=float)
    size = sample.shape[-1]
    beyond = math.sqrt(size / (size - 1)) * stats.t.isf((1 - LEVEL) / 2, size - 1)
    found = stats.bootstrap(
        (sample,),
        statistic,
        axis=-1,
        n_resamples=resamples,
        confidence_level=1 - 2 * stats.norm.sf(beyond),
        method="percentile",
        rng=stream(0, "bootstrap"),
    )
    return found.confidence_interval.low, found.confidence_interval.high


def in_brackets(value: str, low: str, high: str) -> str:
    """A value with its range in brackets, as tables show it; a line breaks before the brackets, never in them."""
    return f"{value} ({low}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{high})"


def with_range(values: pd.Series, statistic: str, digits: str) -> str:
    """A "mean" or "median", as `format` writes it, with the least and the most value in brackets where these differ."""
    middle, low, high = (format(value, digits) for value in values.agg([statistic, "min", "max"]))
    return middle if low == high else in_brackets(middle, low, high)


def coverage(size: int, *, trials: int = 1000, seed: int = 0) -> float:
    """How often the interval of `size` normal values holds their mean, by Monte Carlo; nominally `LEVEL`."""
    samples = stream(seed, "coverage", size).normal(size=(trials, size))
    held = 0
    for some in np.array_split(samples, max(trials // 100, 1)):  # all at once would take a gigabyte
        low, high = interval(some, resamples=999)
        held += int(np.count_nonzero((low <= 0.0) & (high >= 0.0)))
    return held / trials
