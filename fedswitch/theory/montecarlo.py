"""Gradient descent with missing gradients, many runs at once: what the bounds of Section III are held to."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, check_generator, checked, whole
from .constants import check_shapes
from .problems import Problem


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


def _mean(values: Array) -> tuple[Array, Array]:
    """Mean over runs, and its standard error."""
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
