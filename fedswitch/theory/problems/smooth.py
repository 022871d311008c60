"""Risks of samples that are smooth and not convex: what Theorem A asks of them, computed."""

from __future__ import annotations

import abc
import dataclasses
from functools import cached_property

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from ...arguments import Array, settle, whole
from ...streams import stream
from .logistic import reach, signed_features
from .problem import check_sizes

_STEEPEST_TURN = 1.0 / (6.0 * np.sqrt(3.0))  # the largest second derivative of a sigmoid


@dataclasses.dataclass(frozen=True, eq=False)
class SampledRisks(abc.ABC):
    r"""Risks :math:`F_k` of K UEs, means over M samples, and :math:`F = \sum_k \rho_k F_k \ge 0`; `weights` are (K,).

    `start` (d,) is where training begins, and `level` where it is not followed further: where F is above it.
    """

    weights: Array

    def __post_init__(self) -> None:
        settle(self, finite=("weights",))

    @property
    @abc.abstractmethod
    def start(self) -> Array:
        """Where training begins, (d,)."""

    @property
    def level(self) -> float:
        """Training is followed as long as F is at most this."""
        return np.inf

    @abc.abstractmethod
    def risk(self, w: Array) -> Array:
        """F(w), shape (...) for w of shape (..., d)."""

    @abc.abstractmethod
    def sample_gradients(self, w: Array) -> Array:
        """The gradient of every sample of every UE, (..., K, M, d)."""


@dataclasses.dataclass(frozen=True, eq=False)
class SmoothProblem(SampledRisks):
    """Risks with the constants of Theorem A, which hold where F is at most `level`, and on steps from there."""

    @property
    @abc.abstractmethod
    def smoothness(self) -> float:
        r""":math:`\epsilon`: no eigenvalue of the Hessian of F is larger, on steps of `learning_rate` as well."""

    @property
    @abc.abstractmethod
    def spread_sq(self) -> float:
        r"""An upper bound on :math:`\sum_k \rho_k \|\nabla F_k - \nabla F\|^2`."""

    @property
    @abc.abstractmethod
    def sample_variance(self) -> Array:
        r"""Upper bounds :math:`\sigma_k^2` on the mean over samples of :math:`\|\nabla f - \nabla F_k\|^2`, (K,)."""

    @property
    def learning_rate(self) -> float:
        r""":math:`\eta`, the largest step that Theorem A allows."""
        return 1.0 / self.smoothness


@dataclasses.dataclass(frozen=True, eq=False)
class Sigmoid(SmoothProblem):
    r""":math:`F_k(w) = \tfrac{1}{M} \sum_i 1 / (1 + e^{z_{k,i}^\top w})`, a smooth count of errors.

    `signed` is z, the features times their label of -1 or 1, (K, M, d). The constants hold everywhere.
    """

    signed: Array

    def __post_init__(self) -> None:
        super().__post_init__()
        settle(self, finite=("signed",))

    def risk(self, w: Array) -> Array:
        """See `SmoothProblem`."""
        return expit(-self._margins(w)).mean(axis=-1) @ self.weights

    def sample_gradients(self, w: Array) -> Array:
        """See `SmoothProblem`."""
        right = expit(self._margins(w))
        return -(right * (1.0 - right))[..., np.newaxis] * self.signed

    @property
    def start(self) -> Array:
        """See `SmoothProblem`; the origin, where every sample counts half."""
        return np.zeros(self.signed.shape[-1])

    @cached_property
    def smoothness(self) -> float:
        """See `SmoothProblem`; a sigmoid turns nowhere more than by its largest second derivative."""
        second = np.einsum("k,knd,kne->de", self.weights, self.signed, self.signed) / self.signed.shape[1]
        return float(_STEEPEST_TURN * np.linalg.eigvalsh(second)[-1])

    @cached_property
    def spread_sq(self) -> float:
        """See `SmoothProblem`; the slope of a sigmoid lies in [0, 1/4], within 1/8 of 1/8."""
        middle = self._middle
        radius = reach(self.signed / self.signed.shape[1], np.full(self.signed.shape[:2], 0.125))
        apart = np.linalg.norm(middle - self.weights @ middle, axis=-1)
        return float(self.weights @ (apart + radius) ** 2)

    @cached_property
    def sample_variance(self) -> Array:
        """See `SmoothProblem`; about the gradient with all slopes at 1/8, of which a sample may take either end."""
        middle = self._middle[:, np.newaxis]
        ends = [((middle + slope * self.signed) ** 2).sum(axis=-1) for slope in (0.0, 0.25)]
        return np.maximum(*ends).mean(axis=-1)

    @cached_property
    def _middle(self) -> Array:
        return -0.125 * self.signed.mean(axis=1)

    def _margins(self, w: Array) -> Array:
        return np.einsum("knd,...d->...kn", self.signed, w)


@dataclasses.dataclass(frozen=True, eq=False)
class LoraFactors(SmoothProblem):
    r"""Least squares with LoRA: :math:`\tfrac{1}{2 M} \sum_i \|B A x - y\|^2 + \tfrac{r}{2} (\|A\|^2 + \|B\|^2)`.

    `inputs` x are (K, M, i), `targets` y, what the frozen weights leave, (K, M, o); `regularization` is r, and w are A
    (`rank`, i) and B (o, `rank`), one behind the other. Products of factors are smooth on bounded sets only: here where
    F is at most `start_level` times what it is at the start, so that :math:`\|w\|^2 \le 2 F / r`.
    """

    inputs: Array
    targets: Array
    regularization: float
    rank: int = 1
    start_level: float = 1.25

    def __post_init__(self) -> None:
        super().__post_init__()
        settle(self, finite=("inputs", "targets"), positive=("regularization", "start_level"))
        object.__setattr__(self, "rank", whole("rank", self.rank, low=1))

    def risk(self, w: Array) -> Array:
        """See `SmoothProblem`."""
        residual = self._apply(w) - self.targets
        losses = 0.5 * (residual**2).sum(axis=-1).mean(axis=-1)
        return losses @ self.weights + 0.5 * self.regularization * (w**2).sum(axis=-1)

    def sample_gradients(self, w: Array) -> Array:
        """See `SmoothProblem`."""
        a, b = self._factors(w)
        residual = self._apply(w) - self.targets
        by_a = np.einsum("...or,...kno,kni->...knri", b, residual, self.inputs)
        by_b = np.einsum("...kno,...ri,kni->...knor", residual, a, self.inputs)
        flat = [part.reshape(*part.shape[:-2], -1) for part in (by_a, by_b)]
        return np.concatenate(flat, axis=-1) + self.regularization * w[..., np.newaxis, np.newaxis, :]

    @cached_property
    def start(self) -> Array:
        """See `SmoothProblem`; A at random, B zero."""
        a = stream(0, "factors").normal(size=(self.rank, self.inputs.shape[-1])) / np.sqrt(self.inputs.shape[-1])
        return np.concatenate([a.ravel(), np.zeros(self.targets.shape[-1] * self.rank)])

    @cached_property
    def level(self) -> float:
        """See `SmoothProblem`."""
        return self.start_level * float(self.risk(self.start))

    @cached_property
    def smoothness(self) -> float:
        """See `SmoothProblem`; on a ball that holds the level set and all steps that leave it."""
        return self._smoothness_within(self._radius + self.learning_rate * self._longest)

    @cached_property
    def learning_rate(self) -> float:
        r""":math:`\eta`, such that the ball that one step may reach still has :math:`\epsilon \le 1 / \eta`."""
        most = 1.0 / self._smoothness_within(self._radius)
        return float(
            brentq(lambda eta: eta * self._smoothness_within(self._radius + eta * self._longest) - 1.0, 0.0, most)
        )

    @cached_property
    def spread_sq(self) -> float:
        r"""See `SmoothProblem`; a gradient is :math:`B^\top M, M A^\top` for :math:`M = B A S - C`, S and C moments."""
        common = np.einsum("k,kij->ij", self.weights, self._inner), np.einsum("k,koi->oi", self.weights, self._cross)
        apart = float(self.weights @ self._reach(self._inner - common[0], self._cross - common[1]) ** 2)
        return min(apart, self._loss_times_size * float(np.linalg.norm(self._inner, 2, axis=(1, 2)).max()))

    @cached_property
    def sample_variance(self) -> Array:
        """See `SmoothProblem`; by the moments of a single sample."""
        inner = np.einsum("kni,knj->knij", self.inputs, self.inputs) - self._inner[:, np.newaxis]
        cross = np.einsum("kno,kni->knoi", self.targets, self.inputs) - self._cross[:, np.newaxis]
        variance = (self._reach(inner, cross) ** 2).mean(axis=-1)
        longest = (self.inputs**2).sum(axis=-1).max(axis=-1)
        return np.minimum(variance, self._loss_times_size * longest / self.weights)

    @property
    def _loss_times_size(self) -> float:
        """No more is the mean square of what is left to learn, times that of the factors, on the level set."""
        return self.level**2 / self.regularization

    def _reach(self, inner: Array, cross: Array) -> Array:
        """How long a gradient with these moments can be on the level set, without its regularization."""
        product = 0.5 * self._radius**2 * np.linalg.norm(inner, 2, axis=(-2, -1))
        return self._radius * (product + np.linalg.norm(cross, axis=(-2, -1)))

    def _smoothness_within(self, radius: float) -> float:
        inner = np.linalg.norm(np.einsum("k,kij->ij", self.weights, self._inner), 2)
        cross = np.linalg.norm(np.einsum("k,koi->oi", self.weights, self._cross), 2)
        return float(1.5 * inner * radius**2 + cross + self.regularization)

    @cached_property
    def _radius(self) -> float:
        return float(np.sqrt(2.0 * self.level / self.regularization))

    @cached_property
    def _longest(self) -> float:
        """No gradient of a sample is longer on the level set."""
        own = np.linalg.norm(self.inputs, axis=-1)
        residual = 0.5 * self._radius**2 * own + np.linalg.norm(self.targets, axis=-1)
        return float((self._radius * (own * residual + self.regularization)).max())

    @cached_property
    def _inner(self) -> Array:
        return np.einsum("kni,knj->kij", self.inputs, self.inputs) / self.inputs.shape[1]

    @cached_property
    def _cross(self) -> Array:
        return np.einsum("kno,kni->koi", self.targets, self.inputs) / self.inputs.shape[1]

    def _factors(self, w: Array) -> tuple[Array, Array]:
        width = self.rank * self.inputs.shape[-1]
        a, b = w[..., :width], w[..., width:]
        return a.reshape(*w.shape[:-1], self.rank, -1), b.reshape(*w.shape[:-1], -1, self.rank)

    def _apply(self, w: Array) -> Array:
        a, b = self._factors(w)
        return np.einsum("...or,...ri,kni->...kno", b, a, self.inputs, optimize=True)


def sigmoid(
    seed: int, *, num_ues: int = 8, dimension: int = 5, samples: int = 40, heterogeneity: float = 1.0
) -> Sigmoid:
    """Non-IID classification by a smooth count of errors: every UE labels by a truth of its own.

    Raises ValueError as `ridge`.
    """
    num_ues, dimension, samples, spread = check_sizes(num_ues, dimension, samples, heterogeneity)
    rng = stream(seed, "sigmoid")
    weights = rng.dirichlet(np.full(num_ues, 20.0))
    return Sigmoid(weights, signed_features((num_ues, samples, dimension), spread, rng, steepness=2.0))


def lora_factors(
    seed: int, *, num_ues: int = 8, dimension: int = 4, samples: int = 40, heterogeneity: float = 0.3, rank: int = 1
) -> LoraFactors:
    """Non-IID least squares with LoRA: every UE has a low-rank truth of its own.

    Raises ValueError as `ridge`, and for a rank below 1.
    """
    num_ues, dimension, samples, spread = check_sizes(num_ues, dimension, samples, heterogeneity)
    rng = stream(seed, "lora factors")
    weights = rng.dirichlet(np.full(num_ues, 20.0))
    inputs = rng.normal(size=(num_ues, samples, dimension)) / np.sqrt(dimension)
    left, right = rng.normal(size=(dimension, rank)), rng.normal(size=(rank, dimension))
    truth = left @ right / dimension + spread * rng.normal(size=(num_ues, dimension, dimension)) / dimension
    targets = np.einsum("koi,kni->kno", truth, inputs) + 0.05 * rng.normal(size=inputs.shape)
    return LoraFactors(weights, inputs, targets, regularization=0.2, rank=rank)
