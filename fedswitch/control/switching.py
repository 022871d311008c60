r"""What a subscription is worth: the cost (9) of a UE in a round and its gradient, printed and corrected.

Within a round the cost is affine in :math:`\beta`, so that its gradient says everything. In what the two forms differ,
and why it matters, stands in `forms`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, checked
from ..scenario import Form, Scenario
from ..theory import ue_constants
from .forms import Formulas, formulas


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
    much data; "printed" has none. The constants, N and :math:`\mu` come from `scenario`.

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
    risk = formulas(form).weight(scenario, weights) * ((1.0 - a) * state + b)
    return (risk + scenario.energy_weight_per_j * beta * energy).sum(axis=-2)


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
    own = formulas(form)
    return gradient(scenario, own, rate, energy, own.benefit(scenario, state, own.weight(scenario, weights)))


def gradient(scenario: Scenario, own: Formulas, success: Array, energy_j: Array, benefit: Array) -> Array:
    """The same as `cost_gradient`, from the benefit of reception in the same form, of arrays that have been checked."""
    return scenario.energy_weight_per_j * energy_j - benefit * own.counted(success)


def reception_benefit(
    scenario: Scenario, bound: ArrayLike, *, weights: ArrayLike | None = None, form: Form = "corrected"
) -> Array:
    r"""By how much a certain reception lowers the cost, shape (..., N, K); arguments and errors as in `ue_cost`.

    The factor of :math:`1 - \beta \lambda` in the corrected cost, and of :math:`(1 - \lambda)(1 - \beta)` in (14). As
    "printed", an upload that is certainly *lost* lowers the cost by as much, and one that is received by nothing.
    """
    (state,) = _modules_by_ues(scenario, non_negative={"bound": bound})
    own = formulas(form)
    return own.benefit(scenario, state, own.weight(scenario, weights))


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
