r"""The federated problems on which the book holds the bounds of Section III to gradient descent.

Least squares and logistic regression, alike and unlike UEs, channels from good to poor; UEs in all modules, in each
with some probability, or in one at a time (:math:`s^t = 1`) by a schedule that is known beforehand.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, checked, settle, whole
from ..streams import stream
from .bounds import bias_and_noise_constants, unroll
from .constants import BoundForm, constants
from .montecarlo import Measured, descend
from .problems import Problem, logistic, ridge

NUM_MODULES = 4
_START = 2.0  # how far from the optimum the modules begin
_SPLITS = np.geomspace(1e-3, 1e3, 25)  # the c of Young's inequality; every round takes the best


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    r"""A problem with its schedule.

    `subscription` (T, N, K) is the probability that a UE subscribes, 0 or 1 where the schedule is known beforehand;
    `success` is :math:`\lambda`, (N, K) or (T, N, K), and `start` (d,) where all modules begin. Raises ValueError for
    shapes that do not fit.
    """

    name: str
    problem: Problem
    subscription: Array
    success: Array
    start: Array

    def __post_init__(self) -> None:
        settle(self, share=("subscription", "success"), finite=("start",))
        schedule, dimension = np.shape(self.subscription), self.problem.optimum.shape
        fits = len(schedule) == 3 and schedule[2:] == self.problem.weights.shape
        if not fits or np.shape(self.success)[-2:] != schedule[1:] or np.shape(self.start) != dimension:
            raise ValueError(
                f"subscription must have shape (T, N, {self.problem.weights.size}), success (N, K) or the same, and "
                f"start {dimension}, got {schedule}, {np.shape(self.success)} and {np.shape(self.start)}"
            )


@dataclasses.dataclass(frozen=True, eq=False)
class Bounds:
    r"""Bounds on :math:`\mathbb{E}[F(w_n^t) - F^*]`, each of shape (T + 1, N).

    `printed` is the recursion of Theorem 1 as it stands. `without_k` is what the printed steps (26) to (30) give less
    their terms in K, which are constants: the part that subscriptions can change. `corrected`, `sharp` and
    `bias_and_noise` are Theorems 1', 1'' and 1'''; `bias_and_noise_convex` is the last one by way (a) alone.
    """

    printed: Array
    without_k: Array
    corrected: Array
    sharp: Array
    bias_and_noise: Array
    bias_and_noise_convex: Array


def trials(rounds: int = 100) -> list[Trial]:
    """Eight problems of eight UEs and four modules; the same for every call."""
    rounds = whole("rounds", rounds, low=1)
    good, fair, poor = (0.9, 1.0), (0.4, 0.95), (0.1, 0.6)
    half, one_of_four = 0.5, 1.0 / NUM_MODULES
    return [
        _trial("ridge, unlike UEs, all subscribe", ridge(0), good, 1.0, rounds),
        _trial("ridge, unlike UEs, half subscribe", ridge(1), fair, half, rounds),
        _trial("ridge, similar UEs, a quarter subscribes", ridge(2, heterogeneity=0.3), fair, one_of_four, rounds),
        _trial("ridge, similar UEs, known schedule", ridge(3, heterogeneity=0.3), fair, None, rounds),
        _trial("ridge, common Hessian, half subscribe", ridge(4, common_hessian=True), poor, half, rounds),
        _trial("ridge, common Hessian, known schedule", ridge(5, common_hessian=True), fair, None, rounds),
        _trial("logistic, all subscribe", logistic(6), good, 1.0, rounds),
        _trial("logistic, half subscribe", logistic(7), fair, half, rounds),
    ]


def measure(trial: Trial, *, runs: int, seed: int = 0) -> Measured:
    """Gradient descent on a trial, `runs` times."""
    rng = stream(seed, f"descent: {trial.name}")
    return descend(trial.problem, trial.subscription, trial.success, trial.start, runs=runs, rng=rng)


def bounds(trial: Trial, *, splits: ArrayLike = _SPLITS) -> Bounds:
    """All bounds for the schedule of a trial, with the constants of its problem."""
    problem, beta, rate = trial.problem, trial.subscription, trial.success
    start = problem.gap(trial.start)
    (choices,) = checked(positive={"splits": splits})
    zetas = [dict(zip(("zeta1", "zeta2"), problem.gradient_bounds(c), strict=True)) for c in choices]
    deltas = [dict(zip(("delta0_sq", "delta1_sq"), problem.dissimilarity(c), strict=True)) for c in choices]

    def recursion(form: BoundForm, limits: list[dict[str, float]]) -> Array:
        shape = {"smoothness": problem.smoothness, "strong_convexity": problem.strong_convexity}
        pairs = [constants(problem.weights, beta, rate, form=form, **shape, **limit) for limit in limits]
        A, B = map(np.stack, zip(*pairs, strict=True))
        return unroll(A, B, start)

    A, B = bias_and_noise_constants(problem, beta, rate, splits=choices)
    return Bounds(
        printed=recursion("printed", zetas),
        without_k=unroll(*_without_k(problem, beta, rate, zetas), start),
        corrected=recursion("corrected", zetas),
        sharp=recursion("sharp", deltas),
        bias_and_noise=unroll(A, B, start),
        bias_and_noise_convex=unroll(A[: choices.size], B[: choices.size], start),  # way (a) comes first
    )


def _without_k(problem: Problem, beta: Array, rate: Array, zetas: list[dict[str, float]]) -> tuple[Array, Array]:
    r"""A and B as (26) to (30) give them with the printed (27), less the K: shapes (C, T, N)."""
    twice = ((1.0 - beta) * (1.0 - rate)) @ problem.weights
    contraction = problem.strong_convexity / problem.smoothness
    first, second = (np.array([limit[name] for limit in zetas]) for name in ("zeta1", "zeta2"))
    A = contraction * (1.0 - 8.0 * np.multiply.outer(second, twice))
    return A, 4.0 / problem.smoothness * np.multiply.outer(first, twice)


def _trial(name: str, problem: Problem, reach: tuple[float, float], participation: float | None, rounds: int) -> Trial:
    """Put a schedule to a problem: each UE with a probability in each module, or in one module that is drawn here."""
    rng = stream(0, f"schedule: {name}")
    shape = (rounds, NUM_MODULES, problem.weights.size)
    if participation is None:
        chosen = rng.integers(NUM_MODULES, size=(rounds, 1, problem.weights.size))
        subscription = (chosen == np.arange(NUM_MODULES)[:, np.newaxis]).astype(float)
    else:
        subscription = np.full(shape, participation)
    success = rng.uniform(*reach, size=shape[1:])
    direction = rng.normal(size=problem.optimum.size)
    start = problem.optimum + _START * direction / np.linalg.norm(direction)
    return Trial(name, problem, subscription, success, start)
