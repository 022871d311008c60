r"""Subscription and power for weights by inverse probability: what Theorem B leaves to be minimized.

Where UE k subscribes to module n with probability s and is received with :math:`\lambda`, the weight
:math:`\rho_k / (s \lambda)` makes the aggregate unbiased, and the variance is what is left: a sum over UEs,
:math:`\frac{1}{N} \frac{\epsilon \eta^2}{2} \rho_k^2 G^2 / (s \lambda)` each, with :math:`G^2 \le \zeta_1` for the
square of a mini-batch gradient and :math:`\eta = 1 / \epsilon`. Together with the energy a UE has

.. math:: \min_{s, P} \sum_n \Bigl[ \frac{V_k}{s_n \lambda_n(P)} + \mu s_n C_n(P) \Bigr], \qquad
   V_k = \frac{\rho_k^2 \zeta_1}{2 \epsilon N}, \qquad v \le s_n \le 1, \qquad \sum_n s_n \le s^t .

It is convex in the :math:`s_n`, and in :math:`\ln P`. To go silent, or to forget a module, has no finite price, so that
(7d) follows from the objective; v keeps it from becoming rare.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, Bools, check_generator, checked, flags, single, whole
from ..scenario import Scenario
from ..wireless import Reception
from .field_power import LogSuccess
from .forms import CORRECTED
from .online import Decision, Observation, State, check_observation, step_1
from .subscription import check_modules, check_room, round_subscription

LEAST_PROBABILITY = 0.02
"""What is received more rarely counts as if it were not so rare: no upload weighs more than its share over this."""

_HOPELESS = 1e-12  # a success probability that is as good as none, but has an inverse
_STEPS = 70  # of bisections, each of which halves the interval
_LOWEST = 60.0  # e-foldings below the largest power at which a search begins


def subscription_probabilities(
    worth: ArrayLike, success: ArrayLike, price: ArrayLike, *, limit: int, min_participation: float
) -> Array:
    r"""The :math:`s_n` (..., N) of least :math:`\sum_n [V / (s_n \lambda_n) + c_n s_n]` under (7c) and (7d).

    `worth` is V, `success` :math:`\lambda` and `price` c, with the modules on the last axis; they broadcast. Where
    :math:`\lambda` is at most `LEAST_PROBABILITY` no subscription helps, and the module gets its v. By a price
    :math:`\nu` on subscriptions it is :math:`s_n = \sqrt{V / (\lambda_n (c_n + \nu))}`, between v and 1. Raises
    ValueError for values out of range, a shape without a module axis, and where N v exceeds `limit`.
    """
    value, cost, rate = np.broadcast_arrays(
        *checked(non_negative={"worth": worth, "price": price}, share={"success": success})
    )
    check_modules("worth, success or price", value)
    most, (wanted,) = whole("limit", limit), single(share={"min_participation": min_participation})
    modules = value.shape[-1]
    check_room(modules, most, wanted)
    hopeful = (rate > LEAST_PROBABILITY) & (value > 0.0)
    square = np.where(hopeful, value / np.where(hopeful, rate, 1.0), 0.0)

    def at(extra: Array) -> Array:
        total = cost + extra
        free = np.where(square > 0.0, np.inf, 0.0)
        ratio = np.divide(square, total, out=free, where=total > 0.0)
        return np.clip(np.sqrt(ratio), wanted, 1.0)

    low = np.zeros((*value.shape[:-1], 1))
    fits = at(low).sum(axis=-1, keepdims=True) <= most
    high = square.max(axis=-1, keepdims=True) * (modules / most) ** 2 if most else low + np.inf
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        within = at(middle).sum(axis=-1, keepdims=True) <= most
        low, high = np.where(within, low, middle), np.where(within, middle, high)
    return np.where(fits, at(np.zeros_like(low)), at(high))


def unbiased_power(
    reception: Reception, uploads: ArrayLike, worth: ArrayLike, price_per_w: ArrayLike, *, max_power_w: float
) -> Array:
    r"""The power in W, (K,), of least :math:`\sum_n V_n / \lambda_n(P) + p P` up to the largest.

    `reception` and `uploads` have shape (N, K), `worth` is V (N, K), and `price_per_w` p (K,). The sum is convex in
    :math:`\ln P`, since :math:`\ln \lambda` is concave there (see `field_power`): its slope has one root. It is never 0
    for an upload that can arrive, and 0 for a UE that has none. Raises ValueError for values out of range.
    """
    value, price = (checked(non_negative={name: x})[0] for name, x in (("worth", worth), ("price_per_w", price_per_w)))
    (largest,) = single(positive={"max_power_w": max_power_w})
    sent = flags("uploads", uploads) & np.isfinite(reception.attenuation_w)
    success = LogSuccess(np.where(sent, reception.attenuation_w, 0.0), reception.field, reception.path_loss_exponent)
    top = np.log(largest)
    with np.errstate(divide="ignore"):
        log_worth = np.where(sent & (value > 0.0), np.log(value), -np.inf)
        log_price = np.log(price)

    def falls(t: Array) -> Bools:
        """Whether the sum still falls with power at t (K,)."""
        log_rate, slope, _ = success(t)
        with np.errstate(divide="ignore", over="ignore"):
            gains = log_worth - log_rate + np.log(slope) + reception.interference
        best = gains.max(axis=0)
        shift = np.where(np.isfinite(best), best, 0.0)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            gain = np.log(np.exp(gains - shift).sum(axis=0)) + shift
        return (best == np.inf) | (gain > log_price + t)

    low, high = np.full(price.shape, top - _LOWEST), np.full(price.shape, top)
    at_top = falls(high)
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        still = falls(middle)
        low, high = np.where(still, middle, low), np.where(still, high, middle)
    return np.where(sent.any(axis=0), np.where(at_top, largest, np.exp(high)), 0.0)


def upload_worth(scenario: Scenario) -> float:
    """V of a UE with as much data as the others."""
    return scenario.zeta1 / (2.0 * scenario.smoothness * scenario.num_modules * scenario.num_ues**2)


def _power(s: Scenario, reception: Reception, served: Bools, charge: Array, price: Array, _: Any) -> Array:
    return unbiased_power(reception, served, np.where(served, charge, 0.0), price, max_power_w=s.max_power_w)


def _inverse(subscription: Bools | bool, success: Array) -> Array:
    return np.where(subscription, 1.0 / np.maximum(success, _HOPELESS), 0.0)


UNBIASED = dataclasses.replace(CORRECTED, missed=_inverse, power=_power)
"""Step 1 as corrected, but for what an upload costs, which is V / (s lambda), and for power."""


def decide_unbiased(
    scenario: Scenario, observation: Observation, state: State, probability: ArrayLike, *, rng: np.random.Generator
) -> tuple[Decision, State, Array]:
    r"""One round: the decision, the state before the next, and the probabilities with which it was subscribed to.

    `probability` (N, K) are those with which the subscriptions of `state` were drawn: after `start`,
    ``subscription_limit / num_modules``.

    Step 1 chooses power and shares as Algorithm 2 does, for the objective above. Step 2 chooses the next probabilities,
    and draws from them such that (7b) and (7c) hold in every round, and (7d) for the mean. An upload that is received
    counts `theory.inverse_weights` of this probability and of `Decision.success_probability`.

    Raises ValueError as `decide`, and for probabilities outside [0, 1].
    """
    check_generator(rng)
    check_observation(scenario, observation, state)
    (share,) = checked(share={"probability": probability})
    chance = np.broadcast_to(share, state.subscription.shape)
    worth = upload_worth(scenario)
    charge = np.divide(worth, chance, out=np.zeros(chance.shape), where=chance > 0.0)
    first = step_1(UNBIASED, scenario, observation, state, charge)
    price = np.broadcast_to(scenario.energy_weight_per_j * first.energy_j, chance.shape)
    following = subscription_probabilities(
        worth, first.success.T, price.T,
        limit=scenario.subscription_limit, min_participation=scenario.min_participation,
    ).T  # fmt: skip
    chosen = round_subscription(following.T, rng).T
    slope = price - charge * _inverse(True, first.success) / np.where(chance > 0.0, chance, 1.0)
    bound = UNBIASED.bound(scenario, state.bound, first.uploads, first.success)
    after = State(state.round_index + 1, chosen, state.dual, state.dual_step, bound, first.delay_s)
    return first.decision(slope), after, following
