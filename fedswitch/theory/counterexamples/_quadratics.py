"""The problems of the counterexamples, with where they are stated and the constants that the assumptions have there."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from ...arguments import Array
from ...scenario import Form
from ..constants import constants

UNIT = {"smoothness": 1.0, "strong_convexity": 1.0, "zeta1": 1.0, "zeta2": 0.0}


@dataclasses.dataclass(frozen=True, eq=False)
class Quadratics:
    r"""Risks :math:`F_k(w) = \frac{1}{2} (w - c_k)^\top H_k (w - c_k)`, with the least value 0.

    `centers` c has shape (K, d), `hessians` H (K, d, d), `weights` :math:`\rho` (K,).
    """

    centers: Array
    hessians: Array
    weights: Array

    def gradients(self, w: Array) -> Array:
        return np.einsum("kij,kj->ki", self.hessians, w - self.centers)

    def mean_gradient(self, w: Array) -> Array:
        return self.weights @ self.gradients(w)

    def risks(self, w: Array) -> Array:
        return 0.5 * ((w - self.centers) * self.gradients(w)).sum(axis=-1)

    def risk(self, w: Array) -> float:
        return float(self.weights @ self.risks(w))

    @property
    def optimum(self) -> Array:
        pull = np.einsum("k,kij,kj->i", self.weights, self.hessians, self.centers)
        return np.linalg.solve(np.einsum("k,kij->ij", self.weights, self.hessians), pull)

    @property
    def heterogeneity(self) -> float:
        """H, the price of one model for all: what the common optimum costs, since every least risk is 0."""
        return self.risk(self.optimum)

    @property
    def smoothness(self) -> float:
        return float(np.linalg.eigvalsh(self.hessians).max())

    @property
    def strong_convexity(self) -> float:
        return float(np.linalg.eigvalsh(self.hessians).min())


@dataclasses.dataclass(frozen=True, eq=False)
class Instance:
    r"""A problem on the ball of `radius` around 0, and the constants with which it meets Assumptions 1 to 3 there.

    `epsilon` is both, the Lipschitz constant of Assumption 1 and the smoothness of Assumption 2, and the step is its
    inverse. Training begins at `start`, (d,); `foundation`, (d,), is added for inference. The ball holds all that is
    visited, and all optima.
    """

    problem: Quadratics
    start: Array
    radius: float
    epsilon: float
    zetas: tuple[float, float]
    foundation: Array

    def after(self, w: Array, received: Array) -> Array:
        """The step (1) from w: nothing received leaves the module as it is."""
        return w - aggregate(self.problem.weights, self.problem.gradients(w), received) / self.epsilon

    def expected_risk(self, subscription: Array, success: Array, rounds: int = 1) -> float:
        """Expected risk after some rounds, all with the same subscription and success probabilities."""

        def later(w: Array, left: int) -> float:
            if not left:
                return self.problem.risk(w)
            return sum(p * later(self.after(w, a), left - 1) for a, p in receptions(subscription, success) if p > 0.0)

        return later(self.start, rounds)

    def constants(self, subscription: Array, success: Array, form: Form) -> tuple[float, float]:
        """A and B of one module and round."""
        A, B = constants(
            self.problem.weights, subscription[np.newaxis], success[np.newaxis], smoothness=self.epsilon,
            strong_convexity=self.problem.strong_convexity, zeta1=self.zetas[0], zeta2=self.zetas[1], form=form,
        )  # fmt: skip
        return float(A[0]), float(B[0])

    @property
    def foundation_term(self) -> float:
        """Last term of (6)."""
        return (self.epsilon + 2.0) / 4.0 * square(self.foundation)

    def distance_sq(self, test_samples: int) -> float:
        """What (31) allows the squared distance between the optimum of all UEs and that of one."""
        return 4.0 * self.zetas[0] / (self.problem.strong_convexity**2 * test_samples)

    def taylor_rise(self, w: Array, step: Array) -> float:
        """By how much the risk rises along a step at most, by (24)."""
        return float(self.problem.mean_gradient(w) @ step + self.epsilon / 2.0 * step @ step)


def instance(
    centers: ArrayLike, *, radius: float, start: ArrayLike | None = None, hessians: ArrayLike = 1.0,
    weights: ArrayLike | None = None, epsilon: float | None = None, zetas: tuple[float, float] | None = None,
    foundation: ArrayLike = 0.0,
) -> Instance:  # fmt: skip
    r"""A `Instance` of UEs with equal shares of the data that starts at the optimum of all, unless told otherwise.

    `hessians` may be one number for all; `epsilon` is the smoothness if None. Where no slope exceeds :math:`\epsilon`,
    Assumption 3 holds with :math:`\zeta_1 = \epsilon^2` and :math:`\zeta_2 = 0`, the defaults.
    """
    places, curved = np.asarray(centers, dtype=np.float64), np.asarray(hessians, dtype=np.float64)
    count, dimension = places.shape
    if not curved.ndim:
        curved = np.broadcast_to(curved * np.eye(dimension), (count, dimension, dimension))
    shares = np.full(count, 1.0 / count) if weights is None else np.asarray(weights, dtype=np.float64)
    problem = Quadratics(places, curved, shares)
    steepest = problem.smoothness if epsilon is None else epsilon
    return Instance(
        problem,
        start=problem.optimum if start is None else np.asarray(start, dtype=np.float64),
        radius=radius,
        epsilon=steepest,
        zetas=zetas or (steepest**2, 0.0),
        foundation=np.broadcast_to(np.asarray(foundation, dtype=np.float64), (dimension,)),
    )


def receptions(subscription: Array, success: Array) -> Iterator[tuple[Array, float]]:
    """Every outcome of a round, as the UEs that are received, with its probability."""
    for outcome in itertools.product((0.0, 1.0), repeat=subscription.size):
        gamma = np.array(outcome)
        yield subscription * gamma, float(np.where(gamma > 0.0, success, 1.0 - success).prod())


def aggregate(weights: Array, gradients: Array, received: Array) -> Array:
    """The mean gradient (1) of those received, 0 if nobody is."""
    share = weights * received
    return share @ gradients / (share.sum() or 1.0)


def square(vector: Array) -> float:
    """The squared length."""
    return float(vector @ vector)
