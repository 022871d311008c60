r"""From one round to many: the bounds of Theorems 1', 1'' and 1''' on the risk gap.

Each theorem bounds what a round does to the gap between the risk of a module and the least risk,
:math:`\mathbb{E}[\mathrm{gap}^{t+1}] \le (1 - A_n^t)\,\mathrm{gap}^t + B_n^t`. `constants` has A and B of the first
two; those of the third, which sees how *unevenly* UEs are received, are `bias_and_noise_constants`.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, checked, floats, single
from .constants import check_weights
from .moments import ReceivedWeights, received_weights

if TYPE_CHECKING:
    from .problems import Problem


_ROUNDING = 1e-12


@dataclasses.dataclass(frozen=True, eq=False)
class RiskGapBound:
    r"""The bound on :math:`\Phi` after 0, 1, ..., T rounds, term by term, each of shape (T + 1,).

    `initial` is what is left of the first gap, `reception` what missed gradients added since, both averaged over
    modules; `heterogeneity` is H, which no training can reduce.
    """

    initial: Array
    reception: Array
    heterogeneity: Array

    @property
    def total(self) -> Array:
        """The sum of the three."""
        return self.initial + self.reception + self.heterogeneity


def next_bound(bound: ArrayLike, A: ArrayLike, B: ArrayLike) -> Array:
    r"""One round: :math:`S^t = (1 - A^t) S^{t-1} + B^t`; the arrays broadcast. ValueError names what is no number."""
    state, rate, offset = checked(any={"bound": bound, "A": A, "B": B})
    return (1.0 - rate) * state + offset


def unroll(A: ArrayLike, B: ArrayLike, start: ArrayLike) -> Array:
    r"""The bound on the gap of every module after 0, 1, ..., T rounds, shape (T + 1, N).

    `A` and `B` have shape (T, N), or (C, T, N) for C recursions that all hold: then every round takes the least of
    them, which is as good as long as no A exceeds 1. `start` is the gap at the beginning, shape (N,) or a number.
    Raises ValueError for shapes that do not fit, for values that are not finite, a negative `start`, and A above 1
    with C > 1.
    """
    rate, offset, gap = checked(finite={"A": A, "B": B}, non_negative={"start": start})
    if rate.shape != offset.shape or rate.ndim not in (2, 3):
        raise ValueError(f"A and B must both have shape (T, N) or (C, T, N), got {rate.shape} and {offset.shape}")
    if rate.ndim == 2:
        rate, offset = rate[np.newaxis], offset[np.newaxis]
    if gap.ndim > 1 or (gap.ndim and gap.shape != rate.shape[2:]):
        raise ValueError(f"start must be a number or have shape ({rate.shape[2]},), got {gap.shape}")
    if len(rate) > 1 and rate.max() > 1.0 + _ROUNDING:  # a larger bound would then lead to a smaller one
        raise ValueError(f"several recursions need every A to be at most 1, got {rate.max():g}")
    gaps = [np.broadcast_to(gap, rate.shape[2:])]
    # a recursion that does not contract may leave the range of floats
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(rate.shape[1]):
            gaps.append(next_bound(gaps[-1], rate[:, t], offset[:, t]).min(axis=0))
    return np.stack(gaps)


def risk_gap_bound(A: ArrayLike, B: ArrayLike, start: ArrayLike, heterogeneity_gap: float) -> RiskGapBound:
    r"""The corrected (6), term by term; arguments as in `unroll`, but A and B of shape (T, N) only.

    .. math:: \Phi_t \le \frac{1}{N} \sum_n \Bigl\{ \prod_{p \le t} (1 - A_n^p) [F(w_n^0) - F^*]
       + \sum_{q \le t} \prod_{p = q + 1}^t (1 - A_n^p) B_n^q \Bigr\} + H

    Round t is the last of t + 1, at place t + 1 of the result. Raises ValueError as `unroll` does, and for a negative
    `heterogeneity_gap`.
    """
    (least,) = single(non_negative={"heterogeneity_gap": heterogeneity_gap})
    rate, offset, gap = floats("A", A), floats("B", B), floats("start", start)
    if rate.ndim != 2:
        raise ValueError(f"A and B must have shape (T, N), got {rate.shape}: terms of several recursions do not add up")
    initial = unroll(rate, np.zeros_like(offset), gap).mean(axis=1)
    reception = unroll(rate, offset, np.zeros_like(gap)).mean(axis=1)
    return RiskGapBound(initial, reception, np.full_like(initial, least))


def heterogeneity_bound(weights: ArrayLike, gradients_at_optimum: ArrayLike, *, strong_convexity: float) -> float:
    r""":math:`\frac{1}{2\xi} \sum_k \rho_k \|\nabla F_k(w^*)\|^2`, which takes the place of (31).

    `weights` is :math:`\rho` (K,), `gradients_at_optimum` has shape (K, d); `strong_convexity` :math:`\xi` is that of
    every :math:`F_k`. It bounds :math:`H = \sum_k \rho_k [F_k(w^*) - F_k(w_k^*)]`. Raises ValueError for values out of
    range and shapes that do not fit.
    """
    (xi,) = single(positive={"strong_convexity": strong_convexity})
    (rho,) = checked(non_negative={"weights": weights})
    (gradients,) = checked(finite={"gradients_at_optimum": gradients_at_optimum})
    check_weights(rho)
    if gradients.shape[:-1] != rho.shape:
        raise ValueError(f"gradients_at_optimum must have shape ({rho.size}, d), got {gradients.shape}")
    return float(rho @ (gradients**2).sum(axis=-1) / (2.0 * xi))


def bias_and_noise(
    weights: ArrayLike, received: ReceivedWeights, deviations: ArrayLike, *, curvature: ArrayLike, smoothness: float
) -> tuple[Array, Array]:
    r"""The two parts of :math:`\mathcal{N}^2`, what missing gradients add to a step, each of shape (..., N).

    Bias is :math:`\|\sum_k d_k u_k\|^2` with :math:`d_k = \rho_k - \mathbb{E}[p_k \mid R > 0]`, noise
    :math:`\frac{1}{\epsilon} \sum_{jk} \Gamma_{jk}\, u_j^\top \bar{H} u_k`. `weights` is :math:`\rho` (K,),
    `deviations` are :math:`u_k = \nabla F_k - \nabla F`, (K, d), `curvature` is :math:`\bar{H}` (d, d), an upper bound
    on the Hessian of F, and `smoothness` :math:`\epsilon` its largest eigenvalue. Raises ValueError for values that are
    not finite, negative weights, and a smoothness that is not positive.
    """
    (epsilon,) = single(positive={"smoothness": smoothness})
    (rho,), (u,) = checked(non_negative={"weights": weights}), checked(finite={"deviations": deviations})
    (bar,) = checked(finite={"curvature": curvature})
    mean = (rho - received.mean) @ u
    noise = np.einsum("...jk,jk->...", received.covariance, u @ bar @ u.T) / epsilon
    return (mean**2).sum(axis=-1), noise


def bias_and_noise_constants(
    problem: Problem, subscription: ArrayLike, success: ArrayLike, *, splits: ArrayLike
) -> tuple[Array, Array]:
    r"""A and B of Theorem 1''' for a schedule, shapes (2C, T, N): each c of `splits` (C,) by way (a), then by (b).

    :math:`A = (1 - p_0)\,\alpha_c` and
    :math:`B = \frac{1 - p_0}{2\epsilon} [(1 + 1/c)\,\mathcal{N}_*^2 + (1 + c)\,\nu]`, with :math:`\mathcal{N}_*` at the
    optimum and :math:`\alpha_c, \nu` from `Problem.convex_drift` (a) and `Problem.own_drift` (b). `subscription` and
    `success` have shape (T, N, K), or (N, K) for one round; receptions are independent. All of these recursions hold;
    `unroll` takes the best of every round. Raises ValueError for `splits` that are not positive, and as
    `received_weights`.
    """
    received = received_weights(problem.weights, subscription, success)
    bias, noise = bias_and_noise(
        problem.weights, received, problem.gradients_at_optimum,
        curvature=problem.curvature, smoothness=problem.smoothness,
    )  # fmt: skip
    at_optimum = bias + noise
    (given,) = checked(positive={"splits": splits})
    values = np.atleast_1d(given)
    ways = problem.convex_drift(received, values), problem.own_drift(received, values)
    alpha, grows = map(np.concatenate, zip(*ways, strict=True))
    c = np.tile(values, len(ways)).reshape(-1, *([1] * at_optimum.ndim))
    moves = 1.0 - received.nobody
    rate = moves * alpha
    offset = moves / (2.0 * problem.smoothness) * ((1.0 + 1.0 / c) * at_optimum + (1.0 + c) * grows)
    return (rate, offset) if rate.ndim == 3 else (rate[:, np.newaxis], offset[:, np.newaxis])
