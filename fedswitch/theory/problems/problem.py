"""What the theorems of Section III ask of a federated problem, each constant computed from it."""

from __future__ import annotations

import abc
import dataclasses
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import root

from ...arguments import Array, settle, single, whole
from ..moments import ReceivedWeights

_SLOPE_TOLERANCE = 1e-10  # what may be left of the gradient at a minimizer, relative to those of the UEs


@dataclasses.dataclass(frozen=True, eq=False)
class Problem(abc.ABC):
    r"""Risks :math:`F_k` of K UEs in d dimensions, and :math:`F = \sum_k \rho_k F_k`; `weights` is :math:`\rho`, (K,).

    Each is strongly convex, and its Hessian bounded.
    """

    weights: Array

    def __post_init__(self) -> None:
        settle(self, finite=[field.name for field in dataclasses.fields(self)])

    @abc.abstractmethod
    def ue_risks(self, w: Array) -> Array:
        """:math:`F_k(w)`, shape (..., K) for w of shape (..., d)."""

    @abc.abstractmethod
    def ue_gradients(self, w: Array) -> Array:
        r""":math:`\nabla F_k(w)`, shape (..., K, d)."""

    @abc.abstractmethod
    def ue_hessians(self, w: Array) -> Array:
        r""":math:`\nabla^2 F_k(w)` at one w of shape (d,), shape (K, d, d)."""

    @property
    @abc.abstractmethod
    def ue_curvature(self) -> Array:
        """The least known upper bounds on the Hessians of all :math:`F_k`, as positive matrices, (K, d, d)."""

    @abc.abstractmethod
    def gradient_bounds(self, split: float) -> tuple[float, float]:
        r""":math:`\zeta_1, \zeta_2` with :math:`\|\nabla F_k\|^2 \le \zeta_1 + \zeta_2 \|\nabla F\|^2` everywhere."""

    @abc.abstractmethod
    def dissimilarity(self, split: float) -> tuple[float, float]:
        r""":math:`\Delta_0^2, \Delta_1^2` of Theorem 1''.

        :math:`\|\nabla F_k - \nabla F_j\|^2 \le \Delta_0^2 + \Delta_1^2 \|\nabla F\|^2` for all pairs, everywhere.
        """

    @abc.abstractmethod
    def own_drift(self, received: ReceivedWeights, splits: Array) -> tuple[Array, Array]:
        r""":math:`\alpha_c` and :math:`\nu` as in `convex_drift`, by a way that only problems of this kind have."""

    def convex_drift(self, received: ReceivedWeights, splits: Array) -> tuple[Array, Array]:
        r""":math:`\alpha_c`, :math:`\nu` of Theorem 1''': how the error of a step may grow away from the optimum.

        With :math:`\mathcal{N}` of `bias_and_noise` for the deviations :math:`u_k = \nabla F_k - \nabla F`, everywhere
        :math:`\|\nabla F\|^2 - (1 + c) \mathcal{N}^2(u - u^*) \ge 2 \epsilon \alpha_c (F - F^*) - (1 + c) \nu`.
        Both have shape (C, ..., N), with the C values of c in `splits` (C,) and the axes of `received`.

        For every convex problem gradients move little where the gap is small. Less
        :math:`\tfrac{\xi}{2} \|w\|^2` a risk is still convex, with curvature up to :math:`\bar{H}_k - \xi I`, and it
        leaves its tangent at the optimum by at least
        :math:`\tfrac{1}{2} \delta_k^\top (\bar{H}_k - \xi I)^{-1} \delta_k` when its gradient moves by
        :math:`\delta_k`; where that matrix is singular, it moves within its range only, and a pseudo-inverse does. With
        :math:`\kappa`, the largest ratio of :math:`\mathcal{N}^2` to the mean of twice that,
        :math:`\epsilon \alpha_c = \xi` while :math:`(1 + c) \kappa \le \xi`, and
        :math:`2 \sqrt{\xi (1 + c) \kappa} - (1 + c) \kappa` beyond; :math:`\nu = 0`.
        """
        shift, identity = self.weights - received.mean, np.eye(self.curvature.shape[0])
        error = np.einsum("...j,...k,ab->...jakb", shift, shift, identity) + np.einsum(
            "...jk,ab->...jakb", received.covariance, self.curvature / self.smoothness
        )
        half = self._excess_curvature_root
        error = np.einsum("jia,...jakb,kbm->...jikm", half, error, half, optimize=True)
        size = half.shape[0] * half.shape[1]
        ratio = np.linalg.eigvalsh(error.reshape(*shift.shape[:-1], size, size))[..., -1]
        grown = np.maximum(np.multiply.outer(1.0 + splits, ratio), self.ue_strong_convexity)
        rate = 2.0 * np.sqrt(self.ue_strong_convexity * grown) - grown
        return rate / self.smoothness, np.zeros_like(rate)

    def risk(self, w: Array) -> Array:
        """F(w), shape (...)."""
        return self.ue_risks(w) @ self.weights

    def gap(self, w: Array) -> Array:
        """F(w) less its minimum, shape (...)."""
        return self.risk(w) - self.risk(self.optimum)

    @cached_property
    def curvature(self) -> Array:
        r"""The upper bound :math:`\bar{H}` on the Hessian of F, (d, d)."""
        return np.einsum("k,kij->ij", self.weights, self.ue_curvature)

    @cached_property
    def smoothness(self) -> float:
        r""":math:`\epsilon`, the largest eigenvalue of `curvature`."""
        return float(np.linalg.eigvalsh(self.curvature)[-1])

    @property
    @abc.abstractmethod
    def strong_convexity(self) -> float:
        r""":math:`\xi` of F."""

    @property
    @abc.abstractmethod
    def ue_strong_convexity(self) -> float:
        r""":math:`\xi` of every :math:`F_k`."""

    @cached_property
    def optimum(self) -> Array:
        r""":math:`w^*`, shape (d,)."""
        return self._minimizer(self.weights)

    @cached_property
    def gradients_at_optimum(self) -> Array:
        r""":math:`\nabla F_k(w^*)`, shape (K, d)."""
        return self.ue_gradients(self.optimum)

    @cached_property
    def heterogeneity_gap(self) -> float:
        r""":math:`H = \sum_k \rho_k [F_k(w^*) - F_k(w_k^*)]`: what one model for all must cost."""
        own = [self.ue_risks(self._minimizer(one))[k] for k, one in enumerate(np.eye(self.weights.size))]
        return float(self.weights @ (self.ue_risks(self.optimum) - own))

    @cached_property
    def _excess_curvature_root(self) -> Array:
        r"""Square roots of :math:`(\bar{H}_k - \xi I) / \rho_k`, (K, d, d); zero for a UE without data."""
        values, vectors = np.linalg.eigh(self.ue_curvature)
        share = np.where(self.weights > 0.0, self.weights, np.inf)[:, np.newaxis]
        roots = np.sqrt(np.maximum(values - self.ue_strong_convexity, 0.0) / share)
        return np.einsum("kia,ka,kja->kij", vectors, roots, vectors)

    def _minimizer(self, weights: Array) -> Array:
        """Where the weighted mean of the UEs' risks is least, (d,)."""
        solution: Any = root(
            lambda w: weights @ self.ue_gradients(w),
            np.zeros(self.ue_curvature.shape[-1]),
            jac=lambda w: np.einsum("k,kij->ij", weights, self.ue_hessians(w)),
            tol=1e-14,
        )
        slopes = self.ue_gradients(solution.x)
        if not np.linalg.norm(weights @ slopes) <= _SLOPE_TOLERANCE * (1.0 + np.linalg.norm(slopes)):
            raise ArithmeticError(f"the minimizer of a {type(self).__name__} problem was not found: {solution.message}")
        return np.asarray(solution.x)


def check_sizes(num_ues: int, dimension: int, samples: int, heterogeneity: float, **positive: float) -> tuple[Any, ...]:
    """All of them as numbers of Python's; ValueError that names what no problem can be made with."""
    counts = {"num_ues": num_ues, "dimension": dimension, "samples": samples}
    sizes = (whole(name, count, low=1) for name, count in counts.items())
    return *sizes, *single(non_negative={"heterogeneity": heterogeneity}, positive=positive)
