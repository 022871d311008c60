r"""In what the printed and the corrected form of Section IV differ: all of it, from the cost (9) to Algorithm 2.

As printed, A and B contain the product :math:`(1 - \lambda)(1 - \beta)`: subscribing lowers the cost of a module in
proportion to :math:`1 - \lambda`, which sends UEs where they are *not* received, and power serves the modules that are
*not* uploaded. With the probability that an upload is missed, :math:`1 - \beta \lambda`, it is the other way round.
`Formulas` tells what has two forms, and `PRINTED` and `CORRECTED` have them side by side.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, Bools, check_choice, checked
from ..scenario import Form, Scenario
from ..theory import constants, next_bound, ue_constants
from ..wireless import Reception
from .bandwidth import Method
from .field_power import power_in_field
from .global_power import optimal_power_several
from .subscription import random_subscription


@dataclasses.dataclass(frozen=True)
class Formulas:
    """One form of everything that has two; (N, K) and (K,) are the shapes, and nothing is checked but weights."""

    # the cost (9) and its gradient
    weight: Callable[[Scenario, ArrayLike | None], Array]  # what a UE's risk counts
    benefit: Callable[[Scenario, Array, Array], Array]  # what a reception is worth, from weight and risk gap (N, K)
    counted: Callable[[Array], Array]  # how much of that a subscription brings, from the success probability
    # Algorithm 2: the first subscription (N, K), and the bound before it
    start: Callable[[Scenario, np.random.Generator], tuple[Bools, Array]]
    # Step 1
    gap: Callable[[Array, Array | float], Array]  # where a round begins, from the bound and a UE's own remaining risk
    charge: Callable[[Array, Array], Array]  # what a missed module is charged, from benefit and dual
    method: Method  # how the common delay is found
    missed: Callable[[Bools, Array], Array]  # how likely modules are missed, from subscription and success probability
    asks_for_all: bool  # whether that needs the success probability of modules that are not uploaded
    counts_computing: bool  # whether (14) contains it
    served: Callable[[Bools], Bools]  # the modules that power is for, from the subscription
    # (21): the best power (K,) from scenario, uploads, modules served, their charges, price of a watt and of computing
    power: Callable[..., Array]
    settled: Callable[[Array, Array, float], bool]  # whether the objective (K,) rests: before, now, tolerance
    kept: Callable[[Array], int]  # which iterate is taken, from the objectives of all
    # Step 2: the bound after a round, from that before, the uploads and their success probability
    bound: Callable[[Scenario, Array, Bools, Array], Array]


def formulas(form: Form) -> Formulas:
    """What belongs to a form; ValueError for an unknown one."""
    check_choice("form", form, Form)
    return PRINTED if form == "printed" else CORRECTED


def _share_of_risk(s: Scenario, weights: ArrayLike | None) -> Array:
    r""":math:`\rho_k / N`, with which UE k enters (7a)."""
    if weights is None:
        return np.full(1, 1.0 / (s.num_ues * s.num_modules))
    (rho,) = checked(non_negative={"weights": weights})
    if rho.shape != (s.num_ues,) or abs(rho.sum() - 1.0) > 1e-6:
        raise ValueError(f"weights must have shape ({s.num_ues},) and sum to 1, got {rho.shape}, {rho.sum():g}")
    return rho / s.num_modules


def _carried(s: Scenario, gap: Array) -> Array:
    return 4.0 * s.strong_convexity * s.zeta2 * gap


def _close(before: Array, now: Array, tolerance: float) -> bool:
    return bool(np.all(np.abs(now - before) <= tolerance * np.abs(before)))


def _power_of_ues(
    s: Scenario, reception: Reception, served: Bools, charge: Array, price: Array, computing: Array
) -> Array:
    """Any power up to the largest, in closed form where a UE has one module; who does not earn its computing is off."""
    if served.sum(axis=0).max(initial=0) <= 1:
        module = served.argmax(axis=0), np.arange(served.shape[1])
        one = reception[module]
        worth = (charge * served)[module] * np.exp(-one.interference)
        best = power_in_field(one.path_loss_exponent, one.attenuation_w, one.field, worth, price, s.max_power_w)
    else:
        best = _power_of_modules(s, reception, served, charge, price, min_power_w=0.0)
    earned = (charge * served * reception.at(best)).sum(axis=0)
    return np.where(earned > price * best + computing, best, 0.0)


def _power_of_modules(
    s: Scenario, reception: Reception, served: Bools, charge: Array, price: Array, *, min_power_w: float
) -> Array:
    worth = charge * served * np.exp(-reception.interference)  # what power cannot change is no longer at stake
    limits = {"min_power_w": min_power_w, "max_power_w": s.max_power_w}
    return optimal_power_several(
        reception.attenuation_w, reception.field, worth, price, path_loss_exponent=s.path_loss_exponent, **limits
    )


def _next_bound(s: Scenario, bound: Array, uploads: Bools, success: Array) -> Array:
    r""":math:`S_n^t = (1 - A_n^t) S_n^{t-1} + B_n^t`."""
    a, b = constants(np.full(s.num_ues, 1.0 / s.num_ues), uploads, success, **s.bound_constants)
    return next_bound(bound, a[:, np.newaxis], b[:, np.newaxis])


PRINTED = Formulas(
    weight=lambda s, weights: np.ones(1),
    benefit=lambda s, gap, weight: 4.0 / s.smoothness * (_carried(s, gap) + s.zeta1),
    counted=lambda success: 1.0 - success,
    # everywhere, against (7c)
    start=lambda s, rng: (np.ones((s.num_modules, s.num_ues), dtype=bool), np.zeros((s.num_modules, s.num_ues))),
    gap=lambda bound, own: bound,
    charge=lambda benefit, dual: benefit,
    method="bisection",
    missed=lambda subscription, success: (1.0 - success) * ~subscription,
    asks_for_all=True,
    counts_computing=False,
    served=lambda subscription: ~subscription,
    power=lambda s, *asked: _power_of_modules(s, *asked[:-1], min_power_w=s.min_power_w),
    settled=_close,  # for every UE
    kept=lambda objectives: len(objectives) - 1,  # the last
    # the B of (8) alone
    bound=lambda s, _, *sent: ue_constants(*sent, num_ues=s.num_ues, **s.bound_constants, form="printed")[1],
)

CORRECTED = Formulas(
    weight=_share_of_risk,
    benefit=lambda s, gap, weight: weight / s.smoothness * (_carried(s, gap) + 2.0 * s.zeta1),
    counted=lambda success: success,
    start=lambda s, rng: (
        random_subscription(s.num_modules, s.num_ues, s.subscription_limit, rng),
        np.zeros((s.num_modules, 1)),
    ),
    gap=lambda bound, own: bound + own,
    charge=lambda benefit, dual: benefit + dual,  # (7d) wants uploads and not intentions
    method="newton",
    missed=lambda subscription, success: 1.0 - success * subscription,
    asks_for_all=False,
    counts_computing=True,
    served=lambda subscription: subscription,
    power=_power_of_ues,
    settled=lambda before, now, tolerance: _close(before.sum(), now.sum(), tolerance),  # for all UEs together
    kept=lambda objectives: int(objectives.argmin()),  # the best
    bound=_next_bound,
)
