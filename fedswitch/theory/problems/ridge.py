"""Ridge regression: quadratic risks, whose gradients differ by an affine function of the parameters."""

from __future__ import annotations

import dataclasses
from functools import cached_property

import numpy as np

from ...arguments import Array
from ...streams import stream
from ..moments import ReceivedWeights
from .problem import Problem, check_sizes


@dataclasses.dataclass(frozen=True, eq=False)
class Ridge(Problem):
    r""":math:`F_k(w) = \tfrac{1}{2} w^\top H_k w - b_k^\top w`, the least squares of a UE up to a constant.

    `hessians` (K, d, d) contain the regularization, `linear` is b, (K, d).
    """

    hessians: Array
    linear: Array

    def ue_risks(self, w: Array) -> Array:
        """See `Problem`."""
        curved = self.ue_gradients(w) - self.linear
        return 0.5 * np.einsum("...kd,...d->...k", curved, w)

    def ue_gradients(self, w: Array) -> Array:
        """See `Problem`."""
        count, dimension = self.linear.shape
        product = w @ self.hessians.reshape(count * dimension, dimension).T
        return product.reshape(*w.shape[:-1], count, dimension) - self.linear

    def ue_hessians(self, w: Array) -> Array:
        """See `Problem`."""
        return self.hessians

    @property
    def ue_curvature(self) -> Array:
        """See `Problem`; exact here."""
        return self.hessians

    @cached_property
    def strong_convexity(self) -> float:
        """See `Problem`."""
        return float(np.linalg.eigvalsh(self.curvature)[0])

    @cached_property
    def ue_strong_convexity(self) -> float:
        """See `Problem`."""
        return float(np.linalg.eigvalsh(self.hessians)[:, 0].min())

    def gradient_bounds(self, split: float) -> tuple[float, float]:
        r"""See `Problem`; :math:`\nabla F_k = \nabla F_k(w^*) + H_k H^{-1} \nabla F`."""
        slopes = self.hessians @ np.linalg.inv(self.curvature)
        return _young(self.gradients_at_optimum, slopes, split)

    def dissimilarity(self, split: float) -> tuple[float, float]:
        """See `Problem`."""
        slopes = self.hessians @ np.linalg.inv(self.curvature)
        first, second = np.triu_indices(self.weights.size, 1)
        at_optimum = self.gradients_at_optimum
        return _young(at_optimum[first] - at_optimum[second], slopes[first] - slopes[second], split)

    def own_drift(self, received: ReceivedWeights, splits: Array) -> tuple[Array, Array]:
        r"""See `Problem`; the change of the error is linear in w.

        :math:`\mathcal{N}^2(u(w) - u(w^*)) = (w - w^*)^\top S (w - w^*)`, whence :math:`\epsilon \alpha_c` is the least
        eigenvalue of :math:`H - (1 + c) H^{-1/2} S H^{-1/2}`.
        """
        deviations = self.hessians - self.curvature
        mean = np.einsum("...k,kij->...ij", self.weights - received.mean, deviations)
        pairs = np.einsum("jab,bc,kcd->jkad", deviations, self.curvature, deviations, optimize=True)
        error = mean @ mean + np.einsum("...jk,jkad->...ad", received.covariance, pairs) / self.smoothness
        values, vectors = np.linalg.eigh(self.curvature)
        inverse_root = vectors / np.sqrt(values) @ vectors.T
        remains = self.curvature - np.multiply.outer(1.0 + splits, inverse_root @ error @ inverse_root)
        rate: Array = np.linalg.eigvalsh(remains)[..., 0] / self.smoothness
        return rate, np.zeros_like(rate)


def ridge(
    seed: int, *, num_ues: int = 8, dimension: int = 6, samples: int = 40, regularization: float = 0.1,
    heterogeneity: float = 1.0, common_hessian: bool = False,
) -> Ridge:  # fmt: skip
    """Non-IID least squares: every UE has a truth of its own, and features on a scale of its own.

    `heterogeneity` is the spread of both, `common_hessian` gives all UEs the same features. Their shares of the data
    are drawn too. Raises ValueError for sizes below 1, a negative spread, and regularization that is not
    positive.
    """
    num_ues, dimension, samples, heterogeneity, regularization = check_sizes(
        num_ues, dimension, samples, heterogeneity, regularization=regularization
    )
    rng = stream(seed, "ridge")
    weights = rng.dirichlet(np.full(num_ues, 20.0))
    scale = np.linspace(1.0, 0.4, dimension)
    own = np.exp(0.3 * heterogeneity * rng.normal(size=(num_ues, 1, dimension)))
    features = scale * own * rng.normal(size=(num_ues, samples, dimension))
    if common_hessian:
        features = np.broadcast_to(features[:1], features.shape)
    truth = rng.normal(size=dimension) + heterogeneity * rng.normal(size=(num_ues, dimension))
    targets = np.einsum("knd,kd->kn", features, truth) + 0.1 * rng.normal(size=(num_ues, samples))
    hessians = np.einsum("knd,kne->kde", features, features) / samples + regularization * np.eye(dimension)
    return Ridge(weights, hessians, np.einsum("knd,kn->kd", features, targets) / samples)


def _young(constants: Array, slopes: Array, split: float) -> tuple[float, float]:
    """Largest of |a + B g|^2 as c0 + c1 |g|^2, over a of shape (P, d) and B of (P, d, d)."""
    steepest = float((np.linalg.norm(slopes, 2, axis=(1, 2)) ** 2).max())
    largest = float((constants**2).sum(axis=1).max())
    if steepest < np.finfo(float).eps:  # nothing to trade
        return largest, 0.0
    return (1.0 + 1.0 / split) * largest, (1.0 + split) * steepest
