"""Gradient descent with missing gradients, many runs at once: what the bounds of Section III are held to."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, check_flag, check_generator, checked, single, whole
from .constants import check_shapes
from .moments import inverse_moments, received_weights
from .problems import Problem, SampledRisks


@dataclasses.dataclass(frozen=True, eq=False)
class Measured:
    r"""Means over independent runs.

    `gap` is :math:`\mathbb{E}[F(w_n^t) - F^*]` before round t and after the last, shape (T + 1, N), and `gap_error` the
    standard error of that mean. `error_sq` is :math:`\mathbb{E}\|e_n^t\|^2` of (26) and `gradient_sq`
    :math:`\mathbb{E}\|\nabla F(w_n^t)\|^2`, both (T, N), and `error_sq_error` the standard error of the former.
    """

    gap: Array
    gap_error: Array
    error_sq: Array
    error_sq_error: Array
    gradient_sq: Array
    runs: int


def descend(
    problem: Problem,
    subscription: ArrayLike,
    success: ArrayLike,
    start: ArrayLike,
    *,
    runs: int,
    rng: np.random.Generator,
) -> Measured:
    r"""Run (1) with :math:`\eta = 1/\epsilon` and full local gradients, `runs` times at once.

    `subscription` :math:`\beta` has shape (T, N, K), `success` :math:`\lambda` (N, K) or (T, N, K); receptions are
    independent over UEs, rounds and runs. `start` is :math:`w_n^0`, shape (N, d) or (d,). A module that nobody is
    received for stays where it is. Raises ValueError for values out of range and shapes that do not fit.
    """
    beta, rate = checked(share={"subscription": subscription, "success": success})
    (begin,) = checked(finite={"start": start})
    check_shapes(problem.weights, beta, rate)
    check_generator(rng)
    runs = whole("runs", runs)
    if beta.ndim != 3 or runs < 2:
        raise ValueError(f"needs a subscription of shape (T, N, K) and at least 2 runs, got {beta.shape} and {runs}")
    rounds, modules, count = beta.shape
    starts = problem.optimum.shape, (modules, *problem.optimum.shape)
    if rate.shape[-2:] != beta.shape[-2:] or begin.shape not in starts:
        raise ValueError(
            f"with a subscription of shape {beta.shape}, success must have shape {beta.shape[1:]} or {beta.shape} and "
            f"start {starts[0]} or {starts[1]}, got {rate.shape} and {begin.shape}"
        )
    received = np.broadcast_to(beta * rate, beta.shape)
    w = np.broadcast_to(begin, (runs, modules, begin.shape[-1])).copy()
    gap, gap_error = np.empty((2, rounds + 1, modules))
    error_sq, error_sq_error, gradient_sq = np.empty((3, rounds, modules))
    gap[0], gap_error[0] = problem.gap(w[0]), 0.0
    for t in range(rounds):
        share = problem.weights * (rng.random((runs, modules, count)) < received[t])
        total = share.sum(axis=-1, keepdims=True)
        share = np.divide(share, total, out=np.zeros_like(share), where=total > 0.0)
        gradients = problem.ue_gradients(w)
        step = np.matmul(share[..., np.newaxis, :], gradients)[..., 0, :]
        full = problem.weights @ gradients
        error_sq[t], error_sq_error[t] = _mean(((full - step) ** 2).sum(axis=-1))
        gradient_sq[t] = (full**2).sum(axis=-1).mean(axis=0)
        w -= step / problem.smoothness
        gap[t + 1], gap_error[t + 1] = _mean(problem.gap(w))
    return Measured(gap, gap_error, error_sq, error_sq_error, gradient_sq, runs)


@dataclasses.dataclass(frozen=True, eq=False)
class Path:
    r"""What runs with mini-batches met on their way, as long as they stayed on the level set; means over runs.

    `gradient_sq`, `bias`, `noise` and `sampling` (T, N) are :math:`\|\nabla F\|^2` before a round and the three parts
    of what a step adds (without :math:`\epsilon \eta`), all 0 from where a run has left the level set, and
    `gradient_sq_error` is the standard error of the first. `risk` (T + 1, N) is F, which stays as it is where a run
    leaves, and `left` (N,) the share of the runs that did. `moves` (T, N) is :math:`1 - p_0`.
    """

    gradient_sq: Array
    gradient_sq_error: Array
    bias: Array
    noise: Array
    sampling: Array
    risk: Array
    left: Array
    moves: Array
    learning_rate: float
    runs: int

    @property
    def mean_gradient_sq(self) -> Array:
        r"""The mean of :math:`\|\nabla F\|^2` in which rounds count by how likely they move the module, (N,)."""
        return self._mean(self.gradient_sq)

    def limit(self, smoothness: float) -> Array:
        r"""What Theorem A says of that mean with what was met, and the decrease of F, in place of constants, (N,)."""
        (epsilon,) = single(positive={"smoothness": smoothness})
        fallen = 2.0 * (self.risk[0] - self.risk[-1]) / (self.learning_rate * self.moves.sum(axis=0))
        return fallen + self._mean(self.bias + epsilon * self.learning_rate * (self.noise + self.sampling))

    def _mean(self, values: Array) -> Array:
        return (self.moves * values).sum(axis=0) / self.moves.sum(axis=0)


def descend_by_samples(
    problem: SampledRisks,
    subscription: ArrayLike,
    success: ArrayLike,
    *,
    learning_rate: float,
    batch_size: int,
    runs: int,
    rng: np.random.Generator,
    inverse: bool = False,
) -> Path:
    r"""Run (1) with mini-batches drawn without replacement, from `problem.start`, `runs` times at once.

    `subscription` :math:`\beta` has shape (T, N, K), `success` :math:`\lambda` (N, K) or (T, N, K); receptions are
    independent. What arrives is weighted as (1) says, or, with `inverse`, by `inverse_weights`. Raises ValueError for
    values out of range and shapes that do not fit.
    """
    beta, rate = checked(share={"subscription": subscription, "success": success})
    (eta,) = single(positive={"learning_rate": learning_rate})
    check_shapes(problem.weights, beta, rate)
    check_generator(rng)
    inverse = check_flag("inverse", inverse)
    runs, rho = whole("runs", runs, low=2), problem.weights
    if beta.ndim != 3:
        raise ValueError(f"subscription must have shape (T, N, K), got {beta.shape}")
    rounds, modules, count = beta.shape
    w = np.tile(problem.start, (runs, modules, 1))
    samples = problem.sample_gradients(problem.start).shape[-2]
    size = whole("batch_size", batch_size, low=1, high=samples)
    law = (inverse_moments if inverse else received_weights)(rho, beta, rate)
    shift = rho - law.mean
    left_over = (samples - size) / max(samples - 1, 1) / size  # of the variance of a sample
    chance = np.broadcast_to(beta * rate, beta.shape)
    inside = np.ones((runs, modules), dtype=bool)
    met = np.empty((4, rounds, modules))
    error = np.empty((rounds, modules))
    risk = np.empty((rounds + 1, modules))
    held = problem.risk(w)
    risk[0] = held.mean(axis=0)
    for t in range(rounds):
        of_samples = problem.sample_gradients(w)
        gradients = of_samples.mean(axis=-2)
        variance = ((of_samples - gradients[..., np.newaxis, :]) ** 2).sum(axis=-1).mean(axis=-1)
        mean = rho @ gradients
        u = gradients if inverse else gradients - mean[..., np.newaxis, :]
        square = (mean**2).sum(axis=-1)
        bias = (np.einsum("nk,rnkd->rnd", shift[t], u) ** 2).sum(axis=-1)
        noise = np.einsum("njk,rnjd,rnkd->rn", law.covariance[t], u, u, optimize=True)
        second = np.diagonal(law.covariance[t], axis1=-2, axis2=-1) + law.mean[t] ** 2
        sampling = (second * variance).sum(axis=-1) * left_over
        for place, values in enumerate((square, bias, noise, sampling)):
            met[place, t] = (values * inside).mean(axis=0)
        _, error[t] = _mean(square * inside)

        received = rng.random((runs, modules, count)) < chance[t]
        share = rho * received
        if inverse:
            share = np.divide(share, chance[t], out=np.zeros_like(share), where=received)
        else:
            total = share.sum(axis=-1, keepdims=True)
            share = np.divide(share, total, out=np.zeros_like(share), where=total > 0.0)
        drawn = rng.random((runs, modules, count, samples)).argsort(axis=-1) < size  # each sample equally likely
        batch = np.einsum("rnkm,rnkmd->rnkd", drawn / size, of_samples, optimize=True)
        step = np.einsum("rnk,rnkd->rnd", share, batch)
        w = np.where(inside[..., np.newaxis], w - eta * step, w)
        held = problem.risk(w)
        risk[t + 1] = held.mean(axis=0)
        inside &= held <= problem.level
    moves = 1.0 - np.broadcast_to(law.nobody, (rounds, modules))
    left = 1.0 - inside.mean(axis=0)
    return Path(met[0], error, met[1], met[2], met[3], risk, left, moves, eta, runs)


def _mean(values: Array) -> tuple[Array, Array]:
    """Mean over runs, and its standard error."""
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
