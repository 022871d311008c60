r"""Which modules a UE subscribes to in a round: :math:`\beta` of (7b) and (7c), the duals (11), and the rule (12).

The rules share one pattern: costs of the modules in, a boolean subscription out. `subscribe` solves (12) as it stands,
`subscribe_greedy` does without the long run, `subscribe_proximal` adds the term that keeps a step small, and
`random_subscription` looks at nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, Bools, check_generator, checked, one_number, shown, whole


def random_subscription(num_modules: int, num_ues: int, limit: int, rng: np.random.Generator) -> Bools:
    """Draw a subscription, shape (N, K): every UE takes `limit` modules at random, without replacement.

    Each choice of `limit` modules is equally likely, independently for every UE, so that (7c) holds with equality and
    every module is taken with probability ``limit / num_modules``. Raises ValueError unless
    ``0 <= limit <= num_modules``.
    """
    check_generator(rng)
    num_modules, num_ues = whole("num_modules", num_modules), whole("num_ues", num_ues)
    most = one_number(limit)
    if most is None or not 0 <= most <= num_modules or most != int(most):
        raise ValueError(f"limit = {shown(limit)} must be a whole number between 0 and num_modules = {num_modules}")
    first_modules = np.arange(num_modules)[:, np.newaxis] < most
    return rng.permuted(np.repeat(first_modules, num_ues, axis=1), axis=0)


def subscribe(gradient: ArrayLike, dual: ArrayLike, limit: int, *, rng: np.random.Generator | None = None) -> Bools:
    r"""Solve (12): the subscription (..., N) that minimizes :math:`(\nabla Q - \lambda) \cdot \beta` under (7c).

    A linear program over a polytope whose corners are whole numbers: its solution takes the modules whose entry of
    ``gradient - dual`` is negative, the smallest first, and at most `limit` of them. No interior point and no rounding
    are needed. `gradient` and `dual` have the **modules on the last axis**, one row for each UE, and broadcast; where
    they are (N, K), as everywhere else, give their transposes. Ties go to the module that comes
    first, or, with `rng`, to a random one.

    Raises ValueError for a gradient or dual that is not a number, a dual that is negative or infinite, a shape without
    a module axis, or a limit below 0.
    """
    slope, price = checked(number={"gradient": gradient}, non_negative={"dual": dual})
    most = whole("limit", limit)
    if rng is not None:
        check_generator(rng)
    cost = np.asarray(slope - price)
    check_modules("gradient or dual", cost)
    tie_break = np.broadcast_to(np.arange(cost.shape[-1]), cost.shape) if rng is None else rng.random(cost.shape)
    order = np.lexsort((tie_break, cost), axis=-1)
    chosen = np.zeros(cost.shape, dtype=bool)
    np.put_along_axis(chosen, order[..., :most], True, axis=-1)
    return chosen & (cost < 0.0)


def subscribe_greedy(gradient: ArrayLike, limit: int, *, rng: np.random.Generator | None = None) -> Bools:
    """What is best in this round alone: (12) without its duals, so that (7d) plays no part; as `subscribe`."""
    return subscribe(gradient, 0.0, limit, rng=rng)


def subscribe_proximal(
    previous: ArrayLike, gradient: ArrayLike, dual: ArrayLike, limit: int, *, step: ArrayLike
) -> Array:
    r"""(12) with a proximal term: minimize :math:`(\nabla Q - \lambda) \cdot \beta + \|\beta - \hat\beta\|^2 / (2 a)`.

    Online methods with long-term constraints usually have this term, which keeps a round close to the one before;
    without it every round jumps from corner to corner. `previous` is :math:`\hat\beta` and `step` is a; the solution,
    of shape (..., N), is the projection of :math:`\hat\beta - a (\nabla Q - \lambda)` on what (7c) leaves. It is
    fractional: `round_subscription` draws a subscription from it. Raises ValueError as `subscribe`, and for a gradient
    that is infinite, a `previous` outside [0, 1], or a step that is not positive.
    """
    before, slope, price, size = checked(
        share={"previous": previous},
        finite={"gradient": gradient},
        non_negative={"dual": dual},
        positive={"step": step},
    )
    return project_capped_simplex(before - size * (slope - price), limit)


def project_capped_simplex(point: ArrayLike, limit: int) -> Array:
    r"""The point of :math:`\{\beta \in [0, 1]^N : \sum_n \beta_n \le s\}` nearest to `point`; the last axis is N.

    Clipped to [0, 1] if that keeps the sum within `limit`; otherwise the point is lowered by one number before it is
    clipped, found exactly from the 2N numbers at which an entry reaches 0 or 1. Raises ValueError for a point that is
    not a number, a shape without a module axis, or a limit below 0.
    """
    (target,) = checked(finite={"point": point})
    check_modules("point", target)
    limit = whole("limit", limit)
    clipped = np.clip(target, 0.0, 1.0)
    target = target - target.max(axis=-1, keepdims=True)  # only differences matter where the limit is met
    # the sum falls with the shift, and is linear between these
    knots = np.sort(np.concatenate([target - 1.0, target], axis=-1), axis=-1)
    totals = np.clip(target[..., np.newaxis, :] - knots[..., np.newaxis], 0.0, 1.0).sum(axis=-1)
    before = np.clip((totals > limit).sum(axis=-1, keepdims=True) - 1, 0, knots.shape[-1] - 2)
    left, right = (np.take_along_axis(knots, before + side, axis=-1) for side in (0, 1))
    above, below = (np.take_along_axis(totals, before + side, axis=-1) for side in (0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = np.where(above > below, (above - limit) / (above - below), 0.0)
    shifted = np.clip(target - (left + fraction * (right - left)), 0.0, 1.0)
    return np.where(clipped.sum(axis=-1, keepdims=True) <= limit, clipped, shifted)


def round_subscription(fraction: ArrayLike, rng: np.random.Generator) -> Bools:
    """Draw a subscription that takes each module with the probability `fraction`, (..., N), and keeps (7c).

    Systematic sampling: the fractions are laid end to end, and a comb of unit spacing with a random start picks the
    modules under its teeth. So the number of modules is the sum of the fractions, rounded up or down, whereas
    independent draws break (7c) every so often. Raises ValueError for a fraction outside [0, 1].
    """
    check_generator(rng)
    (share,) = checked(share={"fraction": fraction})
    ends = np.cumsum(share, axis=-1)
    # a sum that rounding has left just above a whole number is that number
    whole = np.round(ends)
    ends = np.where(np.abs(ends - whole) < 1e-9, whole, ends)
    start = 1.0 - rng.random((*share.shape[:-1], 1))
    teeth = np.floor(ends - start)
    return np.diff(teeth, axis=-1, prepend=-1.0) > 0.0


def dual_ascent(dual: ArrayLike, subscription: ArrayLike, *, min_participation: ArrayLike, step: ArrayLike) -> Array:
    r"""The dual update (11): :math:`\lambda^{t+1} = [\lambda^t + \varsigma\,(v - \hat\beta^t)]^+`; arguments broadcast.

    The gradient of (10a) with respect to :math:`\lambda` is :math:`v_n - \hat\beta_{n,k}^t`: the dual of a module grows
    by v in every round in which the UE stays away, and falls when it takes part. Raises ValueError that names the
    argument for a negative dual, a participation or subscription outside [0, 1], or a step that is not positive.
    """
    price, taken, wanted, size = checked(
        non_negative={"dual": dual},
        share={"subscription": subscription, "min_participation": min_participation},
        positive={"step": step},
    )
    return np.maximum(price + size * (wanted - taken), 0.0)


def check_modules(name: str, array: Array) -> None:
    """ValueError for a single number."""
    if array.ndim == 0:
        raise ValueError(f"{name} must have the modules on its last axis")


def check_room(num_modules: int, limit: int, wanted: float) -> float:
    """What (7c) leaves of `limit` when every module gets its v of (7d); ValueError where that takes more."""
    left = limit - num_modules * wanted
    if left < -1e-12:
        raise ValueError(
            f"min_participation = {wanted:g} in each of {num_modules} modules needs more than limit = {limit}"
        )
    return left
