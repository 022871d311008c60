r"""What one round does to the risk of a module: A and B of Theorem 1, printed and corrected.

Theorem 1 bounds the gap between the risk of module n and the least risk by a recursion over rounds,
:math:`\mathbb{E}[\mathrm{gap}^{t+1}] \le (1 - A_n^t)\, \mathrm{gap}^t + B_n^t`. What matters is how much of the data is
*missed*. UE k is missed if it does not subscribe or is not received, with probability
:math:`m_{n,k} = 1 - \beta_{n,k} \lambda_{n,k}`, and :math:`M_n = \sum_k \rho_k m_{n,k}` is the share of the data missed
on average. The paper prints :math:`(1 - \lambda)(1 - \beta)` instead, which is the probability to be missed for *both*
reasons.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, check_choice, checked
from ..scenario import Form

BoundForm = Literal["printed", "corrected", "sharp"]

_SUM_TOLERANCE = 1e-6  # what single precision makes of weights that sum to 1


@dataclasses.dataclass(frozen=True, eq=False)
class Missed:
    r"""How much of the data a module misses in a round, shapes (..., N); R is the share that it receives.

    `mean` is :math:`M = \mathbb{E}[1 - R]`, `second` :math:`V = \mathbb{E}[(1 - R)^2; R > 0]`, and `nobody`
    :math:`p_0 = \mathbb{P}(R = 0)`.
    """

    mean: Array
    second: Array
    nobody: Array


def missed_data(weights: ArrayLike, subscription: ArrayLike, success: ArrayLike) -> Missed:
    r"""M, V and :math:`p_0` for independent receptions, with :math:`m_k = 1 - \beta_k \lambda_k`.

    :math:`M = \sum_k \rho_k m_k`, :math:`p_0 = \prod_k m_k` over the UEs that have data, and
    :math:`V = M^2 + \sum_k \rho_k^2 m_k (1 - m_k) - p_0`. Arguments and errors as in `constants`.
    """
    rho, beta, rate = checked(
        non_negative={"weights": weights}, share={"subscription": subscription, "success": success}
    )
    check_shapes(rho, beta, rate)
    miss = 1.0 - beta * rate
    mean = miss @ rho
    nobody = miss[..., rho > 0.0].prod(axis=-1)
    spread = mean**2 + (miss * (1.0 - miss)) @ rho**2
    # rounding may leave less than nothing where all are missed
    return Missed(mean, np.maximum(spread - nobody, 0.0), nobody)


def constants(
    weights: ArrayLike,
    subscription: ArrayLike,
    success: ArrayLike,
    *,
    smoothness: float,
    strong_convexity: float,
    zeta1: float | None = None,
    zeta2: float | None = None,
    delta0_sq: float | None = None,
    delta1_sq: float | None = None,
    form: BoundForm = "corrected",
) -> tuple[Array, Array]:
    r"""A and B of shape (..., N): the one-round recursion :math:`\mathrm{gap}^+ \le (1 - A)\,\mathrm{gap} + B`.

    `weights` is :math:`\rho_k` of shape (K,), summing to 1; `subscription` :math:`\beta` and `success` :math:`\lambda`,
    in [0, 1], have shape (..., N, K). `smoothness` is :math:`\epsilon`, `strong_convexity` :math:`\xi`.

    - "printed" is Theorem 1 as it stands, from `zeta1` and `zeta2` of Assumption 3:
      :math:`A = \frac{2\xi}{\epsilon}[1 - 8\zeta_2 M' - 4\zeta_2 K - \frac{\epsilon}{2}]` and
      :math:`B = \frac{2\zeta_1}{\epsilon}[K + 2 M']` with :math:`M' = \sum_k \rho_k (1 - \lambda)(1 - \beta)`.
    - "corrected" follows from the same assumptions: :math:`A = \frac{\xi}{\epsilon} q`, or q itself where q is
      negative, with :math:`q = 1 - 4\zeta_2 M`, and :math:`B = \frac{2\zeta_1}{\epsilon} M`.
    - "sharp" assumes :math:`\|\nabla F_k - \nabla F_j\|^2 \le \Delta_0^2 + \Delta_1^2 \|\nabla F\|^2` instead of
      Assumption 3, and independent receptions. With V and :math:`p_0` of `missed_data` it has
      :math:`q = 1 - p_0 - \Delta_1^2 V` and :math:`B = \Delta_0^2 V / (2\epsilon)`.

    Raises ValueError for an unknown form, a constant that is missing, negative or not finite, a smoothness of 0,
    a strong convexity of 0 or above the smoothness, values outside [0, 1], weights that do not sum to 1, and shapes
    that do not fit together.
    """
    check_choice("form", form, BoundForm)
    names = ("delta0_sq", "delta1_sq") if form == "sharp" else ("zeta1", "zeta2")
    values = (delta0_sq, delta1_sq) if form == "sharp" else (zeta1, zeta2)
    given = {name: value for name, value in zip(names, values, strict=True) if value is not None}
    if len(given) < len(names):
        raise ValueError(f'form="{form}" needs {" and ".join(name for name in names if name not in given)}')
    rho, first, second, beta, success_rate, epsilon, xi = checked(
        non_negative={"weights": weights, **given},
        share={"subscription": subscription, "success": success},
        positive={"smoothness": smoothness, "strong_convexity": strong_convexity},
    )
    check_shapes(rho, beta, success_rate)
    if (xi > epsilon).any():
        raise ValueError(f"strong_convexity cannot exceed smoothness, got {strong_convexity:g} and {smoothness:g}")
    if form == "printed":
        return _printed(((1.0 - beta) * (1.0 - success_rate)) @ rho, rho.size, epsilon, xi, first, second)
    missed = missed_data(rho, beta, success_rate)
    if form == "corrected":
        bracket, offset = 1.0 - 4.0 * second * missed.mean, 2.0 * first / epsilon * missed.mean
    else:
        bracket = 1.0 - missed.nobody - second * missed.second
        offset = first * missed.second / (2.0 * epsilon)
    return np.where(bracket >= 0.0, xi / epsilon, 1.0) * bracket, offset


def ue_constants(
    subscription: ArrayLike,
    success: ArrayLike,
    *,
    num_ues: int,
    smoothness: float,
    strong_convexity: float,
    zeta1: float,
    zeta2: float,
    form: Form = "corrected",
) -> tuple[Array, Array]:
    r""":math:`A_{n,k}` and :math:`B_{n,k}` of (8), one UE's part in A and B of Theorem 1; any shape.

    Weighted by :math:`\rho_k` and summed over the UEs they give A and B of `constants` in the same form (as long as the
    corrected recursion contracts). `num_ues` is K, which only the printed form contains. Raises ValueError that names
    the argument for an unknown form, shares outside [0, 1], and constants that are out of range.
    """
    beta, rate, first, second, count, epsilon, xi = checked(
        share={"subscription": subscription, "success": success},
        non_negative={"zeta1": zeta1, "zeta2": zeta2},
        positive={"num_ues": num_ues, "smoothness": smoothness, "strong_convexity": strong_convexity},
    )
    check_choice("form", form, Form)
    if form == "printed":
        return _printed((1.0 - rate) * (1.0 - beta), count, epsilon, xi, first, second)
    miss = 1.0 - beta * rate
    return xi / epsilon * (1.0 - 4.0 * second * miss), 2.0 * first / epsilon * miss


def _printed(
    missed_twice: Array, num_ues: Array | int, epsilon: Array, xi: Array, first: Array, second: Array
) -> tuple[Array, Array]:
    rate = 1.0 - 8.0 * second * missed_twice - 4.0 * second * num_ues - epsilon / 2.0
    return 2.0 * xi / epsilon * rate, 2.0 * first / epsilon * (num_ues + 2.0 * missed_twice)


def check_weights(weights: Array) -> None:
    """Raise ValueError unless weights have shape (K,) and sum to 1."""
    if weights.ndim != 1 or abs(weights.sum() - 1.0) > _SUM_TOLERANCE:
        raise ValueError(f"weights must have shape (K,) and sum to 1, got {weights.shape} and {weights.sum():g}")


def check_shapes(weights: Array, subscription: Array, success: Array) -> None:
    """Raise ValueError unless weights (K,) sum to 1, and the others have shape (..., N, K)."""
    check_weights(weights)
    for name, value in (("subscription", subscription), ("success", success)):
        if value.ndim < 2 or value.shape[-1] != weights.size:
            raise ValueError(f"{name} must have shape (..., N, {weights.size}), got {value.shape}")
