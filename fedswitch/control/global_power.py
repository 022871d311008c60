r"""Transmit power where no closed form exists: (21) for several modules, by branch and bound or by an interior point.

An upload of several modules has the objective :math:`L(P) + p P`, where the expected loss
:math:`L(P) = \sum_n b_n (1 - \lambda_n(P))` only falls with power. That alone bounds the objective on an interval: it
is at least :math:`L(P_\mathrm{high}) + p P_\mathrm{low}`. Intervals whose bound is no better than a value already seen
are dropped, and the others are cut, until none is left that could hide anything better.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..wireless._checks import checked

Array = NDArray[np.float64]

Loss = Callable[[NDArray[np.intp], Array], Array]
"""The expected loss of UE `index` at `power_w` > 0, both of shape (n,): it never rises with the power."""

_LEAST_POWER = 1e-12  # of the largest: where the search for the best positive power begins
_FIRST_INTERVALS, _CUTS, _MAX_ROUNDS = 64, 4, 40
_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
_POLISHED = 0.02  # how far around the best power the last, local search looks, relative
_POLISHING_STEPS = 32


def optimal_power_several(
    loss: Loss,
    loss_without: ArrayLike,
    price_per_w: ArrayLike,
    *,
    max_power_w: float,
    min_power_w: float = 0.0,
    tolerance: float = 1e-6,
) -> Array:
    """Minimizer in W, shape (K,), of ``loss(k, P) + price_per_w P`` over the powers, up to `tolerance`.

    The powers are 0 and all up to `max_power_w`, or, with a positive `min_power_w`, those between the two.
    `loss_without` is the loss at power 0, where nothing is received; it and `price_per_w` have shape (K,). No power has
    an objective lower than that of the result by more than `tolerance` times `loss_without`. Raises ValueError that
    names the argument for values that are negative or not finite, a largest power that is not positive, a least power
    above it, or a tolerance that is not positive.
    """
    without, price, least, limit, _ = checked(
        non_negative={"loss_without": loss_without, "price_per_w": price_per_w, "min_power_w": min_power_w},
        positive={"max_power_w": max_power_w, "tolerance": tolerance},
    )
    if least > limit:
        raise ValueError(f"min_power_w = {least:g} W exceeds max_power_w = {limit:g} W")
    without, price = np.broadcast_arrays(*np.atleast_1d(without, price))
    num_ues = without.size
    slack = tolerance * without

    edges = np.geomspace(least if least > 0.0 else _LEAST_POWER * limit, limit, _FIRST_INTERVALS + 1)
    index = np.repeat(np.arange(num_ues), edges.size)
    low, high = np.tile(np.r_[least if least > 0.0 else 0.0, edges[:-1]], num_ues), np.tile(edges, num_ues)
    best_power = np.full(num_ues, least)
    best = without.copy() if least == 0.0 else np.full(num_ues, np.inf)
    for _ in range(_MAX_ROUNDS):
        losses = loss(index, high)
        _improve(best, best_power, index, high, losses + price[index] * high)
        hidden = losses + price[index] * low < best[index] - slack[index]
        if not hidden.any():
            break
        index, low, high = _cut(index[hidden], low[hidden], high[hidden])
    return _polish(loss, best, best_power, price, float(least), float(limit))


def interior_point_power(loss: Loss, price_per_w: ArrayLike, *, max_power_w: float, start_w: ArrayLike) -> Array:
    """Where an interior point method ends that starts at `start_w`: what the paper proposes for (21); shape (K,).

    SciPy's trust-region interior point (`trust-constr`), one UE after the other. It walks downhill and ends in whatever
    local minimum lies there, so that this is a reference to compare with, not a solver to use. Raises ValueError that
    names the argument for a price that is negative, or a power that is not positive.
    """
    from scipy.optimize import Bounds, minimize  # here, because `import fedswitch` does without SciPy

    price, limit, start = checked(
        non_negative={"price_per_w": price_per_w}, positive={"max_power_w": max_power_w, "start_w": start_w}
    )
    price, start = np.broadcast_arrays(*np.atleast_1d(price, start))

    def solve(k: int) -> float:
        def objective(x: Array) -> float:
            power = np.maximum(x, _LEAST_POWER) * limit
            return float((loss(np.array([k]), power) + price[k] * power)[0])

        scale = abs(objective(start[[k]] / limit)) or 1.0
        found = minimize(
            lambda x: objective(x) / scale, start[k] / limit, method="trust-constr", bounds=Bounds(0.0, 1.0, True)
        )
        return float(found.x[0] * limit)

    return np.array([solve(k) for k in range(price.size)])


def _improve(best: Array, best_power: Array, index: NDArray[np.intp], power: Array, value: Array) -> None:
    """Take into `best` and `best_power` whatever of `value` is lower, in place."""
    order = np.lexsort((value, index))
    first = order[np.unique(index[order], return_index=True)[1]]
    better = first[value[first] < best[index[first]]]
    best[index[better]], best_power[index[better]] = value[better], power[better]


def _cut(index: NDArray[np.intp], low: Array, high: Array) -> tuple[NDArray[np.intp], Array, Array]:
    """Cut every interval into `_CUTS` equal ones."""
    edges = low + (high - low) * np.linspace(0.0, 1.0, _CUTS + 1)[:, np.newaxis]
    return np.tile(index, _CUTS), edges[:-1].ravel(), edges[1:].ravel()


def _polish(loss: Loss, best: Array, best_power: Array, price: Array, least: float, limit: float) -> Array:
    """Golden-section search around the best power; it is kept where nothing better turns up."""
    everyone = np.flatnonzero(best_power > 0.0)
    near = best_power[everyone]
    low, high = np.maximum(near * (1.0 - _POLISHED), least), np.minimum(near * (1.0 + _POLISHED), limit)
    for _ in range(_POLISHING_STEPS):
        width = _GOLDEN * (high - low)
        left, right = high - width, low + width
        to_the_left = loss(everyone, left) + price[everyone] * left < loss(everyone, right) + price[everyone] * right
        low, high = np.where(to_the_left, low, left), np.where(to_the_left, right, high)
    middle = 0.5 * (low + high)
    _improve(best, best_power, everyone, middle, loss(everyone, middle) + price[everyone] * middle)
    return best_power
