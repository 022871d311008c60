r"""What a subscription is worth: the cost (9) of a UE in a round and its gradient, printed and corrected.

Within a round the cost is affine in :math:`\beta`, so that its gradient says everything. As printed, A and B contain
the product :math:`(1 - \lambda)(1 - \beta)`: subscribing lowers the cost of a module in proportion to
:math:`1 - \lambda`, which sends UEs where they are *not* received. With the probability that an upload is missed,
:math:`1 - \beta \lambda`, it lowers the cost in proportion to :math:`\lambda`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import check_choice, checked
from ..scenario import Form, Scenario
from ..theory import ue_constants

Array = NDArray[np.float64]


def ue_cost(
    scenario: Scenario,
    subscription: ArrayLike,
    success: ArrayLike,
    energy_j: ArrayLike,
    bound: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    form: Form = "corrected",
) -> Array:
    r"""The cost (9) of every UE in one round, shape (..., K).

    `subscription` :math:`\beta`, `success` :math:`\lambda`, `energy_j` :math:`C_{n,k}` of (4) and `bound` broadcast to
    (..., N, K) with the N and K of `scenario`; `weights` is :math:`\rho_k` of shape (K,), None for UEs with equally
    much data. The constants, N and :math:`\mu` come from `scenario`.

    - "printed": :math:`Q_k = \sum_n [(1 - A_{n,k}) B_{n,k}^{t-1} + B_{n,k}] + \mu \sum_n \beta_{n,k} C_{n,k}`, where
      `bound` is :math:`B_{n,k}^{t-1}`.
    - "corrected" gives the bracket the weight :math:`\rho_k / N` with which UE k enters (7a), and takes A and B of the
      corrected theorem. `bound` is what the bound on the risk gap has run up to, :math:`S_n^{t-1}`, where
      :math:`S^t = (1 - A^t) S^{t-1} + B^t`. The cost of all UEs together then is the bound after the round, averaged
      over modules, and :math:`\mu` times the energy, as long as the recursion contracts (:math:`4 \zeta_2 M_n < 1`).
      To count how much of its own risk a module still leaves to a UE, add that to `bound`: this is the first term of
      (6), which (8a) leaves out.

    Raises ValueError that names the argument for values out of range and shapes that do not fit.
    """
    beta, rate, energy, state = _modules_by_ues(
        scenario, share={"subscription": subscription, "success": success},
        non_negative={"energy_j": energy_j, "bound": bound},
    )  # fmt: skip
    a, b = ue_constants(beta, rate, num_ues=scenario.num_ues, **scenario.bound_constants, form=form)
    risk = _weights(weights, scenario, form) * ((1.0 - a) * state + b)
    cost: Array = (risk + scenario.energy_weight_per_j * beta * energy).sum(axis=-2)
    return cost


def cost_gradient(
    scenario: Scenario,
    success: ArrayLike,
    energy_j: ArrayLike,
    bound: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    form: Form = "corrected",
) -> Array:
    r""":math:`\partial Q_k / \partial \beta_{n,k}` of `ue_cost`, shape (..., N, K); arguments as there.

    It does not depend on :math:`\beta`. "printed" is
    :math:`-\frac{4}{\epsilon} (1 - \lambda)(4 \xi \zeta_2 B_{n,k}^{t-1} + \zeta_1) + \mu C_{n,k}`, and "corrected"
    :math:`-\frac{\rho_k \lambda}{N \epsilon} (4 \xi \zeta_2 S_n^{t-1} + 2 \zeta_1) + \mu C_{n,k}`.
    """
    rate, energy, state = _modules_by_ues(
        scenario, share={"success": success}, non_negative={"energy_j": energy_j, "bound": bound}
    )
    benefit = reception_benefit(scenario, state, weights=weights, form=form)
    return scenario.energy_weight_per_j * energy - benefit * (1.0 - rate if form == "printed" else rate)


def reception_benefit(
    scenario: Scenario, bound: ArrayLike, *, weights: ArrayLike | None = None, form: Form = "corrected"
) -> Array:
    r"""By how much an upload that is certainly received lowers the cost, shape (..., N, K); arguments as in `ue_cost`.

    The factor of :math:`1 - \beta \lambda` in the corrected cost, and of :math:`(1 - \lambda)(1 - \beta)` in (14).
    """
    (state,) = _modules_by_ues(scenario, non_negative={"bound": bound})
    check_choice("form", form, Form)
    s = scenario
    carried = 4.0 * s.strong_convexity * s.zeta2 * state
    if form == "printed":
        return 4.0 / s.smoothness * (carried + s.zeta1)
    return _weights(weights, s, form) / s.smoothness * (carried + 2.0 * s.zeta1)


def _modules_by_ues(scenario: Scenario, **rules: Mapping[str, ArrayLike]) -> list[Array]:
    """Check the arguments by the rules of `checked`, and broadcast them to (..., N, K) of the scenario."""
    shape = (scenario.num_modules, scenario.num_ues)
    arrays = checked(**rules)
    given = np.broadcast_shapes(*(array.shape for array in arrays))
    try:
        fits = np.broadcast_shapes(given, shape)[-2:] == shape
    except ValueError:
        fits = False
    if not fits:
        names = ", ".join(name for arguments in rules.values() for name in arguments)
        raise ValueError(f"{names} must broadcast to (..., N, K) = (..., {shape[0]}, {shape[1]}), got {given}")
    return [np.broadcast_to(array, np.broadcast_shapes(given, shape)) for array in arrays]


def _weights(weights: ArrayLike | None, scenario: Scenario, form: Form) -> Array:
    r"""What a UE's risk counts in its cost: 1 as printed, otherwise :math:`\rho_k / N`."""
    if form == "printed":
        return np.ones(1)
    if weights is None:
        return np.full(1, 1.0 / (scenario.num_ues * scenario.num_modules))
    (rho,) = checked(non_negative={"weights": weights})
    if rho.shape != (scenario.num_ues,) or abs(rho.sum() - 1.0) > 1e-6:
        raise ValueError(f"weights must have shape ({scenario.num_ues},) and sum to 1, got {rho.shape}, {rho.sum():g}")
    return rho / scenario.num_modules
