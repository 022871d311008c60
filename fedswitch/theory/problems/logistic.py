"""L2-regularized logistic regression: risks whose gradients differ by a bounded amount."""

from __future__ import annotations

import dataclasses
from functools import cached_property

import numpy as np
from scipy.special import expit

from ...arguments import Array
from ...streams import stream
from ..moments import ReceivedWeights
from .problem import Problem, check_sizes


@dataclasses.dataclass(frozen=True, eq=False)
class Logistic(Problem):
    r""":math:`F_k(w) = \tfrac{1}{n} \sum_i \ln(1 + e^{-z_{k,i}^\top w}) + \tfrac{r}{2} \|w\|^2`.

    `signed` is z, the features times their label of -1 or 1, (K, n, d); `regularization` is r.
    """

    signed: Array
    regularization: float

    def ue_risks(self, w: Array) -> Array:
        """See `Problem`."""
        losses = np.logaddexp(0.0, -self._margins(w)).mean(axis=-1)
        return losses + 0.5 * self.regularization * (w**2).sum(axis=-1, keepdims=True)

    def ue_gradients(self, w: Array) -> Array:
        """See `Problem`."""
        residual = expit(-self._margins(w)) / self.signed.shape[1]
        data = np.matmul(residual[..., np.newaxis, :], self.signed)[..., 0, :]
        return self.regularization * w[..., np.newaxis, :] - data

    def ue_hessians(self, w: Array) -> Array:
        """See `Problem`."""
        right = expit(self._margins(w))
        return self._hessians(right * (1.0 - right))

    @cached_property
    def ue_curvature(self) -> Array:
        """See `Problem`; a sigmoid is nowhere steeper than 1/4."""
        return self._hessians(np.full(self.signed.shape[:2], 0.25))

    @property
    def strong_convexity(self) -> float:
        """See `Problem`; the regularization, for every UE as well, since far away the data add nothing."""
        return self.regularization

    ue_strong_convexity = strong_convexity

    def gradient_bounds(self, split: float) -> tuple[float, float]:
        r"""See `Problem`; :math:`\nabla F_k - \nabla F` is made of data alone, and bounded."""
        shares = np.eye(self.weights.size) - self.weights
        farthest = max(self._farthest(share) for share in shares)
        return (1.0 + 1.0 / split) * farthest**2, 1.0 + split

    def dissimilarity(self, split: float) -> tuple[float, float]:
        """See `Problem`; the same for every `split`."""
        ues = np.eye(self.weights.size)
        pairs = zip(*np.triu_indices(self.weights.size, 1), strict=True)
        return max(self._farthest(ues[j] - ues[k]) for j, k in pairs) ** 2, 0.0

    def own_drift(self, received: ReceivedWeights, splits: Array) -> tuple[Array, Array]:
        r"""See `Problem`; gradients of data move no farther than a radius.

        The regularization cancels in :math:`\mathcal{N}`. Then :math:`\alpha_c` is :math:`\xi / \epsilon`, and with the
        radii :math:`s_k`, :math:`\nu` is K times the largest eigenvalue of :math:`s_j (d_j d_k + \Gamma_{jk}) s_k`.
        """
        shift = self.weights - received.mean
        second = shift[..., :, np.newaxis] * shift[..., np.newaxis, :] + received.covariance
        largest = np.linalg.eigvalsh(self._radius[:, np.newaxis] * second * self._radius)[..., -1]
        bounded = np.broadcast_to(self.weights.size * largest, (len(splits), *largest.shape))
        return np.full(bounded.shape, self.strong_convexity / self.smoothness), bounded

    @cached_property
    def _radius(self) -> Array:
        """How far the gradient of a UE's data can be from where it is at the optimum, (K,)."""
        at_optimum = expit(-self._margins(self.optimum))
        return reach(self.signed / self.signed.shape[1], np.maximum(at_optimum, 1.0 - at_optimum))

    def _margins(self, w: Array) -> Array:
        count, samples, dimension = self.signed.shape
        product: Array = w @ self.signed.reshape(count * samples, dimension).T
        return product.reshape(*w.shape[:-1], count, samples)

    def _hessians(self, steepness: Array) -> Array:
        data = np.einsum("kn,knd,kne->kde", steepness, self.signed, self.signed, optimize=True)
        return data / self.signed.shape[1] + self.regularization * np.eye(self.signed.shape[2])

    def _farthest(self, shares: Array) -> float:
        """An upper bound on the norm of the data's gradients weighted with `shares`, which sum to 0, over all w."""
        data = shares[:, np.newaxis, np.newaxis] * self.signed / self.signed.shape[1]
        flat = data.reshape(1, -1, data.shape[-1])
        center = 0.5 * flat.sum(axis=1)
        return float(np.linalg.norm(center) + reach(flat, np.full(flat.shape[:2], 0.5))[0])


def logistic(
    seed: int, *, num_ues: int = 8, dimension: int = 5, samples: int = 40, regularization: float = 0.1,
    heterogeneity: float = 1.0,
) -> Logistic:  # fmt: skip
    """Non-IID logistic regression: every UE labels by a truth of its own; `heterogeneity` is the spread of them.

    Raises ValueError as `ridge`.
    """
    num_ues, dimension, samples, heterogeneity, regularization = check_sizes(
        num_ues, dimension, samples, heterogeneity, regularization=regularization
    )
    rng = stream(seed, "logistic")
    weights = rng.dirichlet(np.full(num_ues, 20.0))
    return Logistic(weights, signed_features((num_ues, samples, dimension), heterogeneity, rng), regularization)


def signed_features(
    shape: tuple[int, int, int], heterogeneity: float, rng: np.random.Generator, *, steepness: float = 1.0
) -> Array:
    """Features (K, n, d) times their labels of -1 or 1, which a truth of each UE draws, the surer the steeper it is."""
    num_ues, samples, dimension = shape
    features = rng.normal(size=shape)
    truth = rng.normal(size=dimension) + heterogeneity * rng.normal(size=(num_ues, dimension))
    positive = rng.random((num_ues, samples)) < expit(steepness * np.einsum("knd,kd->kn", features, truth))
    return np.where(positive, 1.0, -1.0)[..., np.newaxis] * features


def reach(vectors: Array, most: Array) -> Array:
    """An upper bound on the norm of a sum of vectors (..., n, d), each with a coefficient up to `most` (..., n)."""
    lengths = (np.linalg.norm(vectors, axis=-1) * most).sum(axis=-1)
    spectral = np.linalg.norm(vectors, 2, axis=(-2, -1)) * np.linalg.norm(most, axis=-1)
    return np.minimum(lengths, spectral)
