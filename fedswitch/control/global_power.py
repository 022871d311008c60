r"""Transmit power where no closed form exists: (21) for several modules, by branch and bound or by an interior point.

An upload of several modules has the objective :math:`\sum_n b_n (1 - \lambda_n(P)) + p P`, which may have one valley
for every module. On an interval of powers two things bound it from below. First, reception never gets worse with
power: the loss is at least that at the upper end, and the price at least that at the lower. Second, every
:math:`\ln \lambda_n` is concave in :math:`t = \ln P` (see `field_power`), so that it lies below its tangent in the
middle of the interval, and :math:`\lambda_n` below an exponential, which lies below its chord; with the tangent of
:math:`p e^t` the bound is linear in t, and closes in with the square of the width. Intervals that cannot hold anything
better than what has been seen are dropped, and the others are cut. The search begins at the least of the powers at
which a module gives most receptions per watt; below, nothing is optimal, for the reason given in `field_power`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arguments import Array, check_path_loss_exponent, checked, single
from .field_power import LogSuccess, most_efficient

Indices = NDArray[np.intp]

_LEAST_POWER = 1e-12  # of the largest: where an interior point may not go beyond
_FIRST_INTERVALS, _CUTS, _MAX_ROUNDS = 64, 4, 40
_UES_AT_ONCE = 4096
_LARGEST_EXPONENT = 50.0  # of the hyperbolic functions; the second bound says nothing where it is reached


def optimal_power_several(
    attenuation_w: ArrayLike,
    field: ArrayLike,
    benefit: ArrayLike,
    price_per_w: ArrayLike,
    *,
    path_loss_exponent: float,
    max_power_w: float,
    min_power_w: float = 0.0,
    tolerance: float = 1e-9,
) -> Array:
    r"""Minimizer in W, shape (K,), of :math:`\sum_n b_n (1 - \lambda_n(P)) + p P` over the powers; (21) for N modules.

    The powers are 0, where nothing is received, and all up to `max_power_w`; or, with a positive `min_power_w`, those
    between the two. `attenuation_w`, `field` and `benefit` broadcast to (N, K) and mean what they do in
    `optimal_power_in_field`; `price_per_w` is p, shape (K,) or a number. No power has an objective lower than that of
    the result by more than `tolerance` times the sum of the benefits. Raises ValueError that names the argument for an
    attenuation, largest power or tolerance that is not positive, anything else that is negative, a least power above
    the largest, and a single number where modules are asked for.
    """
    alpha = check_path_loss_exponent(path_loss_exponent)
    attenuation, strength, worth, price, least, limit, allowed = checked(
        positive_or_infinite={"attenuation_w": attenuation_w},
        non_negative={"field": field, "benefit": benefit, "price_per_w": price_per_w, "min_power_w": min_power_w},
        positive={"max_power_w": max_power_w, "tolerance": tolerance},
    )
    if limit.ndim or least.ndim or allowed.ndim:
        raise ValueError("max_power_w, min_power_w and tolerance must be single numbers")
    if least > limit:
        raise ValueError(f"min_power_w = {least:g} W exceeds max_power_w = {limit:g} W")
    if price.ndim > 1:
        raise ValueError(f"price_per_w must have shape (K,) or be a number, got {price.shape}")
    attenuation, strength, worth, price = np.broadcast_arrays(attenuation, strength, worth, price)
    if attenuation.ndim != 2 or not attenuation.shape[0]:
        raise ValueError(
            f"attenuation_w, field, benefit and price_per_w must give shape (N, K), got {attenuation.shape}"
        )
    blocks = []
    for start in range(0, attenuation.shape[1], _UES_AT_ONCE):
        block = slice(start, start + _UES_AT_ONCE)
        problem = _Problem(attenuation[:, block], strength[:, block], worth[:, block], price[0, block], alpha)
        blocks.append(_branch_and_bound(problem, float(least), float(limit), float(allowed)))
    return np.concatenate(blocks) if blocks else np.zeros(0)


def interior_point_power(
    loss: Callable[[Array], Array], price_per_w: float, *, max_power_w: float, start_w: float
) -> float:
    """Where an interior point method ends that starts at `start_w`: what the paper proposes for (21), for one UE.

    `loss` is the expected loss over the power in W. SciPy's trust-region interior point (`trust-constr`) walks downhill
    and ends in whatever local minimum lies there, so that this is a reference to compare with, not a solver to use.
    Raises ValueError that names the argument for a price that is negative, a power that is not positive, and a start
    that is not inside.
    """
    from scipy.optimize import Bounds, minimize  # here, because `import fedswitch` does without SciPy

    price, limit, start = single(
        non_negative={"price_per_w": price_per_w}, positive={"max_power_w": max_power_w, "start_w": start_w}
    )
    if start >= limit:
        raise ValueError(f"start_w = {start:g} W must be below max_power_w = {limit:g} W")

    def objective(x: Array) -> float:
        power = np.maximum(x, _LEAST_POWER) * limit
        return float(np.ravel(loss(power) + price * power)[0])

    scale = abs(objective(np.atleast_1d(start / limit))) or 1.0
    with warnings.catch_warnings():
        # said of its estimate of the curvature, where the objective is flat or straight
        warnings.filterwarnings("ignore", message="delta_grad == 0.0")
        found = minimize(
            lambda x: objective(x) / scale, start / limit, method="trust-constr", bounds=Bounds(0.0, 1.0, True)
        )
    return float(found.x[0] * limit)


class _Problem:
    """The objective of (21) over t = ln P, for UE `index` of shape (n,), and its bound on intervals."""

    def __init__(self, attenuation_w: Array, field: Array, benefit: Array, price_per_w: Array, alpha: float) -> None:
        self.attenuation_w, self.field, self.benefit = attenuation_w, field, benefit
        self.price_per_w = price_per_w
        self.alpha = alpha
        self.without = benefit.sum(axis=0)

    def gains(self, index: Indices, t: Array) -> tuple[Array, Array]:
        """What each module gains at t, shape (N, n), and the slope of its logarithm."""
        success = LogSuccess(self.attenuation_w[:, index], self.field[:, index], self.alpha)
        value, slope, _ = success(t)
        return self.benefit[:, index] * np.exp(value), slope

    def efficient(self, top: Array) -> Array:
        """The least t at which a module of a UE gives most receptions per watt: below, more power is always better."""
        hopeful = np.isfinite(self.attenuation_w)
        success = LogSuccess(np.where(hopeful, self.attenuation_w, 1.0), self.field, self.alpha)
        tops = np.broadcast_to(top, self.attenuation_w.shape)
        return np.where(hopeful, most_efficient(success, tops, success(tops)), tops).min(axis=0)

    def __call__(self, index: Indices, t: Array) -> Array:
        gain, _ = self.gains(index, t)
        return self.without[index] - gain.sum(axis=0) + self.price_per_w[index] * np.exp(t)

    def bound(self, index: Indices, low: Array, high: Array) -> tuple[Array, Array]:
        """A lower bound on the objective on [low, high], and the objective in the middle."""
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        gain, slope = self.gains(index, middle)
        paid = self.price_per_w[index] * np.exp(middle)
        value = self.without[index] - gain.sum(axis=0) + paid
        at_high, _ = self.gains(index, high)
        monotone = self.without[index] - at_high.sum(axis=0) + self.price_per_w[index] * np.exp(low)
        hopeful = self.attenuation_w[:, index] < np.inf
        reach = np.where(hopeful, slope, 0.0) * half  # what is never received gains nothing anywhere
        hyper = np.minimum(reach, _LARGEST_EXPONENT)
        chords = self.without[index] - (gain * np.cosh(hyper)).sum(axis=0) + paid
        chords -= np.abs(paid * half - (gain * np.sinh(hyper)).sum(axis=0))
        known = (reach < _LARGEST_EXPONENT).all(axis=0)
        return np.where(known, np.maximum(monotone, chords), monotone), value


def _branch_and_bound(problem: _Problem, least: float, limit: float, tolerance: float) -> Array:
    num_ues = problem.without.size
    everyone = np.arange(num_ues)
    top = np.full(num_ues, np.log(limit))
    best_t, best = top.copy(), problem(everyone, top)
    if least > 0.0:
        bottom = np.full(num_ues, np.log(least))
        _improve(best, best_t, everyone, bottom, problem(everyone, bottom))
    else:  # 0 W, written as t = -infinity
        bottom = problem.efficient(top)
        _improve(best, best_t, everyone, np.full(num_ues, -np.inf), problem.without)
    edges = np.linspace(bottom, top, _FIRST_INTERVALS + 1)
    index = np.tile(everyone, _FIRST_INTERVALS)
    low, high = edges[:-1].ravel(), edges[1:].ravel()
    for _ in range(_MAX_ROUNDS):
        bound, value = problem.bound(index, low, high)
        _improve(best, best_t, index, 0.5 * (low + high), value)
        hidden = bound < best[index] - tolerance * problem.without[index]
        if not hidden.any():
            break
        index, low, high = _cut(index[hidden], low[hidden], high[hidden])
    return np.where(best_t == top, limit, np.exp(best_t))


def _improve(best: Array, best_t: Array, index: Indices, t: Array, value: Array) -> None:
    """Take into `best` and `best_t` whatever of `value` is lower, in place."""
    order = np.lexsort((value, index))
    first = order[np.unique(index[order], return_index=True)[1]]
    better = first[value[first] < best[index[first]]]
    best[index[better]], best_t[index[better]] = value[better], t[better]


def _cut(index: Indices, low: Array, high: Array) -> tuple[Indices, Array, Array]:
    """Cut every interval into `_CUTS` equal ones."""
    edges = low + (high - low) * np.linspace(0.0, 1.0, _CUTS + 1)[:, np.newaxis]
    return np.tile(index, _CUTS), edges[:-1].ravel(), edges[1:].ravel()
