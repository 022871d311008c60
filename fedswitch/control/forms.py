r"""In what the printed and the corrected form of Section IV differ: all of it, from the cost (9) to Algorithm 2.

As printed, A and B contain the product :math:`(1 - \lambda)(1 - \beta)`: subscribing lowers the cost of a module in
proportion to :math:`1 - \lambda`, which sends UEs where they are *not* received, and power serves the modules that are
*not* uploaded. With the probability that an upload is missed, :math:`1 - \beta \lambda`, it is the other way round.
What else differs is said where it stands in `Formulas`; `PRINTED` and `CORRECTED` have it side by side.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_choice, checked
from ..scenario import Form, Scenario
from ..theory import constants, next_bound, ue_constants
from ..wireless import Reception
from .bandwidth import Method
from .field_power import power_in_field
from .global_power import optimal_power_several
from .subscription import random_subscription

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, eq=False)
class Power:
    """What (21) is solved for: uploads as functions of the power, and their `subscription` (N, K).

    `served` (N, K) are the modules that power is for, `benefit` (N, K) is what each is worth, `price_per_w` (K,) what a
    watt costs, and `computing` (K,) what the computing of a UE costs.
    """

    scenario: Scenario
    reception: Reception
    served: Bools
    benefit: Array
    price_per_w: Array
    computing: Array

    @property
    def worth(self) -> Array:
        """What reception is worth that power can still change, (N, K)."""
        return self.benefit * self.served * np.exp(-self.reception.interference)

    def several(self, min_power_w: float) -> Array:
        """The best power for several modules, (K,)."""
        return optimal_power_several(
            self.reception.attenuation_w,
            self.reception.field,
            self.worth,
            self.price_per_w,
            path_loss_exponent=self.scenario.path_loss_exponent,
            max_power_w=self.scenario.max_power_w,
            min_power_w=min_power_w,
        )


@dataclasses.dataclass(frozen=True)
class Formulas:
    """One form of everything that has two."""

    # the cost (9) and its gradient
    weight: Callable[[Scenario, ArrayLike | None], Array]
    """What a UE's risk counts in its cost."""
    benefit: Callable[[Scenario, Array, Array], Array]
    """What a certain reception is worth, from that weight and the bound (N, K)."""
    counted: Callable[[Array], Array]
    """The part of the benefit that a subscription brings, from the success probability."""

    # the first round
    start: Callable[[Scenario, np.random.Generator], tuple[Bools, Array]]
    """The first subscription (N, K), and the bound before it."""

    # Step 1 of Algorithm 2
    gap: Callable[[Array, Array | float], Array]
    """The risk gap that a round begins with, from the bound and what a module still leaves of a UE's own risk."""
    charge: Callable[[Array, Array], Array]
    """What a missed module is charged, from benefit and dual."""
    method: Method
    """How the common delay is found."""
    missed: Callable[[Bools, Array], Array]
    """How likely modules are missed, from subscription and success probability."""
    asks_for_all: bool
    """Whether that asks for the success probability of modules that are not uploaded."""
    counts_computing: bool
    """Whether (14) has the computing of uploads."""
    served: Callable[[Bools], Bools]
    """The modules that power serves."""
    power: Callable[[Power], Array]
    """The solution of (21)."""
    settled: Callable[[Array, Array, float], bool]
    """Whether the objective (K,) has come to rest, from what it was before, what it is now, and the tolerance."""
    kept: Callable[[Array], int]
    """Which iterate is taken, from the objectives of all."""

    # Step 2
    bound: Callable[[Scenario, Array, Bools, Array], Array]
    """The bound after the round, from that before, the uploads and their success probability."""


def formulas(form: Form) -> Formulas:
    """What belongs to a form; ValueError for an unknown one."""
    check_choice("form", form, Form)
    return PRINTED if form == "printed" else CORRECTED


def _share_of_risk(scenario: Scenario, weights: ArrayLike | None) -> Array:
    r""":math:`\rho_k / N`, with which UE k enters (7a)."""
    if weights is None:
        return np.full(1, 1.0 / (scenario.num_ues * scenario.num_modules))
    (rho,) = checked(non_negative={"weights": weights})
    if rho.shape != (scenario.num_ues,) or abs(rho.sum() - 1.0) > 1e-6:
        raise ValueError(f"weights must have shape ({scenario.num_ues},) and sum to 1, got {rho.shape}, {rho.sum():g}")
    return rho / scenario.num_modules


def _carried(s: Scenario, bound: Array) -> Array:
    return 4.0 * s.strong_convexity * s.zeta2 * bound


def _start_everywhere(s: Scenario, rng: np.random.Generator) -> tuple[Bools, Array]:
    shape = s.num_modules, s.num_ues
    return np.ones(shape, dtype=bool), np.zeros(shape)


def _start_feasible(s: Scenario, rng: np.random.Generator) -> tuple[Bools, Array]:
    return random_subscription(s.num_modules, s.num_ues, s.subscription_limit, rng), np.zeros((s.num_modules, 1))


def _close(before: Array, now: Array, tolerance: float) -> bool:
    return bool(np.all(np.abs(now - before) <= tolerance * np.abs(before)))


def _power_that_earns(asked: Power) -> Array:
    """In closed form where each UE has one module at most; what does not earn its computing stays off."""
    reception, served = asked.reception, asked.served
    if served.sum(axis=0).max(initial=0) <= 1:
        module = served.argmax(axis=0), np.arange(served.shape[1])
        best = power_in_field(
            reception.attenuation_w[module],
            reception.field[module],
            asked.worth[module],
            asked.price_per_w,
            reception.path_loss_exponent,
            asked.scenario.max_power_w,
        )
    else:
        best = asked.several(0.0)
    earned = (asked.benefit * served * reception.at(best)).sum(axis=0)
    return np.where(earned > asked.price_per_w * best + asked.computing, best, 0.0)


def _printed_bound(s: Scenario, bound: Array, uploads: Bools, success: Array) -> Array:
    r""":math:`B_{n,k}^t`."""
    return ue_constants(uploads, success, num_ues=s.num_ues, **s.bound_constants, form="printed")[1]


def _corrected_bound(s: Scenario, bound: Array, uploads: Bools, success: Array) -> Array:
    r""":math:`S_n^t = (1 - A_n^t) S_n^{t-1} + B_n^t`."""
    a, b = constants(np.full(s.num_ues, 1.0 / s.num_ues), uploads, success, **s.bound_constants)
    return next_bound(bound, a[:, np.newaxis], b[:, np.newaxis])


PRINTED = Formulas(
    weight=lambda s, weights: np.ones(1),
    benefit=lambda s, bound, weight: 4.0 / s.smoothness * (_carried(s, bound) + s.zeta1),
    counted=lambda success: 1.0 - success,
    start=_start_everywhere,  # against (7c)
    gap=lambda bound, own: bound,
    charge=lambda benefit, dual: benefit,
    method="bisection",
    missed=lambda subscription, success: (1.0 - success) * ~subscription,
    asks_for_all=True,
    counts_computing=False,
    served=lambda subscription: ~subscription,
    power=lambda asked: asked.several(asked.scenario.min_power_w),
    settled=_close,  # for every UE
    kept=lambda objectives: len(objectives) - 1,  # the last
    bound=_printed_bound,
)

CORRECTED = Formulas(
    weight=_share_of_risk,
    benefit=lambda s, bound, weight: weight / s.smoothness * (_carried(s, bound) + 2.0 * s.zeta1),
    counted=lambda success: success,
    start=_start_feasible,
    gap=lambda bound, own: bound + own,
    charge=lambda benefit, dual: benefit + dual,  # (7d) wants uploads and not intentions
    method="newton",
    missed=lambda subscription, success: 1.0 - success * subscription,
    asks_for_all=False,
    counts_computing=True,
    served=lambda subscription: subscription,
    power=_power_that_earns,
    settled=lambda before, now, tolerance: _close(before.sum(), now.sum(), tolerance),  # for all UEs together
    kept=lambda objectives: int(objectives.argmin()),  # the best
    bound=_corrected_bound,
)
