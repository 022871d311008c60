r"""Which modules a UE subscribes to in a round: :math:`\beta` of (7b) and (7c), the duals (11), and the rule (12)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..wireless._checks import checked


def random_subscription(num_modules: int, num_ues: int, limit: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw a subscription, shape (N, K): every UE takes `limit` modules at random, without replacement.

    Each choice of `limit` modules is equally likely, independently for every UE, so that (7c) holds with equality and
    every module is taken with probability ``limit / num_modules``. Raises ValueError unless
    ``0 <= limit <= num_modules``.
    """
    if not 0 <= limit <= num_modules:
        raise ValueError(f"limit = {limit} must lie between 0 and num_modules = {num_modules}")
    first_modules = np.arange(num_modules)[:, np.newaxis] < limit
    return rng.permuted(np.repeat(first_modules, num_ues, axis=1), axis=0)


def subscribe(
    gradient: ArrayLike, dual: ArrayLike, limit: int, *, rng: np.random.Generator | None = None
) -> NDArray[np.bool_]:
    r"""Solve (12): the subscription (..., N) that minimizes :math:`(\nabla Q - \lambda) \cdot \beta` under (7c).

    A linear program over a polytope whose corners are whole numbers: its solution takes the modules whose entry of
    ``gradient - dual`` is negative, the smallest first, and at most `limit` of them. No interior point and no rounding
    are needed. `gradient` and `dual` have the modules on the last axis and broadcast. Ties go to the module that comes
    first, or, with `rng`, to a random one.

    Raises ValueError for a gradient or dual that is not a number, a dual that is negative or infinite, a shape without
    a module axis, or a limit below 0.
    """
    slope, price = np.asarray(gradient, dtype=np.float64), checked(non_negative={"dual": dual})[0]
    if np.isnan(slope).any():
        raise ValueError("gradient must not hold NaN")
    if limit < 0:
        raise ValueError(f"limit must not be negative, got {limit}")
    cost = np.asarray(slope - price)
    if cost.ndim == 0:
        raise ValueError("gradient or dual must have the modules on its last axis")
    tie_break = np.broadcast_to(np.arange(cost.shape[-1]), cost.shape) if rng is None else rng.random(cost.shape)
    order = np.lexsort((tie_break, cost), axis=-1)
    chosen = np.zeros(cost.shape, dtype=bool)
    np.put_along_axis(chosen, order[..., :limit], True, axis=-1)
    return chosen & (cost < 0.0)


def dual_ascent(
    dual: ArrayLike, subscription: ArrayLike, *, min_participation: ArrayLike, step: ArrayLike
) -> NDArray[np.float64]:
    r"""The dual update (11): :math:`\lambda^{t+1} = [\lambda^t + \varsigma\,(v - \hat\beta^t)]^+`; arguments broadcast.

    The gradient of (10a) with respect to :math:`\lambda` is :math:`v_n - \hat\beta_{n,k}^t`: the dual of a module grows
    by v in every round in which the UE stays away, and falls when it takes part. Raises ValueError that names the
    argument for a dual, participation or subscription that is negative, or a step that is not positive.
    """
    price, taken, wanted, size = checked(
        non_negative={"dual": dual, "subscription": subscription, "min_participation": min_participation},
        positive={"step": step},
    )
    return np.maximum(price + size * (wanted - taken), 0.0)
