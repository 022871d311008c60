r"""What the rule (11), (12) guarantees as it is implemented: without a proximal term, and whatever the costs may be.

With :math:`c^t` the gradient of a UE's cost in round t, :math:`\beta^t` its subscription, :math:`u^t \le \beta^t` what
of it is uploaded, and :math:`\lambda^t` its duals, Algorithm 2 takes in every round

.. math:: \lambda^{t+1} = [\lambda^t + \varsigma_t (v - u^t)]^+, \qquad
   \beta^{t+1} \in \arg\min_\beta\; (c^t - \lambda^{t+1}) \cdot \beta .

So the choice is optimal for the costs of the round before. Two inequalities, one for each half, add up to a limit on
the cost against the best shares in hindsight, and on what is missing of (7d).
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, checked, single, whole
from .subscription import check_modules, check_room

_ROUNDING = 1e-12


@dataclasses.dataclass(frozen=True, eq=False)
class OnlineGuarantee:
    r"""What the rule has cost and promised over T rounds, and the limits on both.

    `cost` (K,) is :math:`\sum_t c^t \cdot u^t`, `static_cost` that of the shares `static` (N, K), the same in every
    round; `excess_limit` (K,) bounds the difference. `shortfall` (N, K) is :math:`v - \frac{1}{T} \sum_t u^t`, and
    `shortfall_limit` its bound.
    """

    cost: Array
    static_cost: Array
    excess_limit: Array
    static: Array
    shortfall: Array
    shortfall_limit: Array

    @property
    def holds(self) -> bool:
        """Whether both limits are kept, as they must be."""
        room = _ROUNDING * (1.0 + np.abs(self.cost) + np.abs(self.static_cost) + np.abs(self.excess_limit))
        within = (self.cost - self.static_cost <= self.excess_limit + room).all()
        return bool(within and (self.shortfall <= self.shortfall_limit + _ROUNDING).all())


def online_guarantee(
    gradients: ArrayLike,
    subscriptions: ArrayLike,
    duals: ArrayLike,
    *,
    steps: ArrayLike,
    limit: int,
    min_participation: float,
    uploads: ArrayLike | None = None,
) -> OnlineGuarantee:
    r"""Hold T rounds of (11) and (12) to what is proved of them, against the best shares of (7c) and (7d) in hindsight.

    .. math:: \sum_t c^t \cdot (u^t - \beta_0) \le \sum_t \Bigl[ \frac{\|\lambda^t\|^2 - \|\lambda^{t+1}\|^2}
       {2 \varsigma_t} + \frac{\varsigma_t}{2} \|v - u^t\|^2 + s\,d_t + (\lambda^t - c^t) \cdot (\beta^t - u^t) \Bigr]

    for every :math:`\beta_0` with :math:`v \le \beta_0 \le 1` and :math:`\sum_n \beta_{0,n} \le s`, where
    :math:`d_t \le 2 \|c^t - c^{t-1}\|_\infty` is how far apart the changes of cost, and 0, are (:math:`c^{-1} = 0`);
    and :math:`\sum_t (v - u^t) \le \sum_t (\lambda^{t+1} - \lambda^t) / \varsigma_t`. With one step :math:`\varsigma`
    the first fractions add up to at most 0, and the second to :math:`\lambda^T / \varsigma`.

    `gradients`, `subscriptions` and `uploads` (where not given, all that is subscribed to) have shape (T, N, K),
    `duals` are :math:`\lambda^1` to :math:`\lambda^T`, after each round, of the same shape, and begin at 0; `steps`
    are :math:`\varsigma_t`, (T, K) or a number. The first subscription may be any. Raises ValueError for values out of
    range, for shapes that do not fit, and where no shares keep (7c) and (7d).
    """
    (cost,) = checked(finite={"gradients": gradients})
    sent = subscriptions if uploads is None else uploads
    beta, taken = checked(share={"subscriptions": subscriptions, "uploads": sent})
    (debts,), (size,) = checked(non_negative={"duals": duals}), checked(positive={"steps": steps})
    most, (wanted,) = whole("limit", limit), single(share={"min_participation": min_participation})
    if cost.ndim != 3 or not cost.shape == beta.shape == taken.shape == debts.shape or not cost.size:
        raise ValueError(
            "gradients, subscriptions, uploads and duals must all have the shape (T, N, K), "
            f"got {cost.shape}, {beta.shape}, {taken.shape} and {debts.shape}"
        )
    per_ue = np.broadcast_to(size, (len(cost), cost.shape[2]))
    before = np.concatenate([np.zeros_like(debts[:1]), debts[:-1]])
    change = np.diff(cost, axis=0, prepend=0.0)
    apart = np.maximum(change.max(axis=1), 0.0) - np.minimum(change.min(axis=1), 0.0)
    falls = ((before**2).sum(axis=1) - (debts**2).sum(axis=1)) / (2.0 * per_ue)
    moves = per_ue / 2.0 * ((wanted - taken) ** 2).sum(axis=1)
    silent = ((before - cost) * (beta - taken)).sum(axis=1)
    static = best_static(cost.sum(axis=0).T, most, min_participation=wanted).T
    return OnlineGuarantee(
        cost=(cost * taken).sum(axis=(0, 1)),
        static_cost=(cost.sum(axis=0) * static).sum(axis=0),
        excess_limit=(falls + moves + most * apart + silent).sum(axis=0),
        static=static,
        shortfall=wanted - taken.mean(axis=0),
        shortfall_limit=((debts - before) / per_ue[:, np.newaxis]).mean(axis=0),
    )


def best_static(cost: ArrayLike, limit: int, *, min_participation: float) -> Array:
    r"""The shares :math:`\beta_0` of least `cost` (..., N) with :math:`v \le \beta_0 \le 1`, :math:`\sum_n \le s`.

    Every module gets its v, and what is left of s goes to the modules that cost least, as long as they cost less than
    nothing. Raises ValueError where N v exceeds s, for values out of range, and a shape without a module axis.
    """
    (prices,) = checked(finite={"cost": cost})
    check_modules("cost", prices)
    most, (wanted,) = whole("limit", limit), single(share={"min_participation": min_participation})
    left = check_room(prices.shape[-1], most, wanted)
    order = np.argsort(prices, axis=-1, kind="stable")
    rank = np.argsort(order, axis=-1)
    more = np.clip(left - rank * (1.0 - wanted), 0.0, 1.0 - wanted)
    return wanted + np.where(prices < 0.0, more, 0.0)


def participation_limit(
    rounds: int, *, num_modules: int, limit: int, min_participation: float, spread_over_step: float
) -> float:
    r"""What can be missing of (7d) after `rounds` rounds, before a single one was played; it falls as 1/T.

    With one step :math:`\varsigma` and gradients that lie no farther apart, with 0 among them, than
    :math:`D` = `spread_over_step` :math:`\cdot \varsigma`, the duals never leave
    :math:`\|\lambda\| \le \varsigma\,[(s D / \varsigma + N / 2) / \kappa + \sqrt{N}]`, where
    :math:`\kappa = \min\{(s - N v) / N, 1 - v\}` is what every module could get beyond its v; infinite without that
    room. All that is subscribed to must be uploaded. Raises ValueError for less than one round or module, a limit or
    spread that is negative, and a participation outside [0, 1].
    """
    rounds, modules = whole("rounds", rounds, low=1), whole("num_modules", num_modules, low=1)
    most = whole("limit", limit)
    wanted, spread = single(
        share={"min_participation": min_participation}, non_negative={"spread_over_step": spread_over_step}
    )
    room = min((most - modules * wanted) / modules, 1.0 - wanted)
    if room <= 0.0:
        return math.inf
    return ((most * spread + modules / 2.0) / room + math.sqrt(modules)) / rounds
