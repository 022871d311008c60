r"""Theorem A: a bound for training as it runs, on risks that need not be convex and with mini-batches.

A module moves along :math:`v = \sum_k p_k \tilde{g}_k`, with weights p of what arrives and mini-batch gradients
:math:`\tilde{g}_k = \nabla F_k + n_k`, :math:`\mathbb{E} \|n_k\|^2 \le \sigma_k^2 / D_k`. Where F is
:math:`\epsilon`-smooth, a step of :math:`\eta \le 1 / \epsilon` has

.. math:: \mathbb{E}[F(w^+) - F(w)] \le -\frac{\eta}{2} (1 - p_0) \Bigl[ \|\nabla F\|^2 - \Bigl\| \sum_k d_k u_k
   \Bigr\|^2 - \epsilon \eta \Bigl( \sum_{jk} \Gamma_{jk} u_j^\top u_k
   + \sum_k \mathbb{E}[p_k^2] \frac{\sigma_k^2}{D_k} \Bigr) \Bigr]

with :math:`d = \rho - \mathbb{E}\,p`, :math:`\Gamma` the covariance of p, both given that somebody is received, and
:math:`u_k = \nabla F_k - \nabla F` (or :math:`\nabla F_k` itself, where the weights do not always sum to 1). Summed
over rounds it bounds the mean of :math:`\|\nabla F\|^2`, in which every round counts as often as it moves the module.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, checked, single
from .constants import check_weights
from .moments import ReceivedWeights

_ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True, eq=False)
class StationarityBound:
    r"""What the receptions-weighted mean of :math:`\mathbb{E}\|\nabla F\|^2` cannot exceed, term by term, (N,) each.

    `initial` is what the first gap allows, and vanishes with the rounds; `bias` stays whatever the step is; `noise`, of
    receptions, and `sampling`, of mini-batches, are in proportion to the step. `moves` is :math:`\sum_t (1 - p_0^t)`,
    how often the module moves on average, and infinite bounds are of modules that never do.
    """

    initial: Array
    bias: Array
    noise: Array
    sampling: Array
    moves: Array
    learning_rate: float

    @property
    def total(self) -> Array:
        """The sum of the four terms."""
        return self.initial + self.bias + self.noise + self.sampling

    def exit_probability(self, room: ArrayLike) -> Array:
        r"""How likely F rises to :math:`F^* +` `room` in any of the rounds, at most; `room` is a number or (N,).

        F and what is still to be added to it make a supermartingale, to which Ville's inequality applies. So constants
        that hold on a level set :math:`\{F \le F^* + \mathrm{room}\}` alone are enough. Raises ValueError for room that
        is not positive.
        """
        (above,) = checked(positive={"room": room})
        with np.errstate(invalid="ignore"):
            added = np.where(self.moves > 0.0, self.learning_rate / 2.0 * self.moves * self.total, 0.0)
        return np.minimum(added / above, 1.0)


def sampling_noise(received: ReceivedWeights, sample_variance: ArrayLike, batch_size: ArrayLike) -> Array:
    r""":math:`\sum_k \mathbb{E}[p_k^2 \mid R > 0]\, \sigma_k^2 / D_k`, shape (..., N): what mini-batches add to a step.

    `sample_variance` :math:`\sigma_k^2` bounds :math:`\mathbb{E}\|\nabla f - \nabla F_k\|^2` over the samples of UE k,
    and `batch_size` is :math:`D_k`; both (K,) or a number. Drawn without replacement from :math:`M_k` samples,
    :math:`\sigma_k^2` may be multiplied by :math:`(M_k - D_k) / (M_k - 1)`. Raises ValueError for a negative variance,
    or a batch size that is not positive.
    """
    variance, size = checked(non_negative={"sample_variance": sample_variance}, positive={"batch_size": batch_size})
    second = np.diagonal(received.covariance, axis1=-2, axis2=-1) + received.mean**2
    return (second * (variance / size)).sum(axis=-1)


def sampling_offset(
    received: ReceivedWeights, sample_variance: ArrayLike, batch_size: ArrayLike, *, smoothness: float
) -> Array:
    r"""What mini-batches add to B of Theorems 1', 1'' and 1''', shape (..., N).

    :math:`\frac{1 - p_0}{2 \epsilon} \sum_k \mathbb{E}[p_k^2 \mid R > 0]\, \sigma_k^2 / D_k`, where
    :math:`\sigma_k^2` bounds the variance wherever the module goes. Raises ValueError as `sampling_noise`, and for a
    smoothness that is not positive.
    """
    (epsilon,) = single(positive={"smoothness": smoothness})
    noise = sampling_noise(received, sample_variance, batch_size)
    return (1.0 - np.asarray(received.nobody)) / (2.0 * epsilon) * noise


def spread_factors(weights: ArrayLike, received: ReceivedWeights) -> tuple[Array, Array]:
    r"""By what :math:`\sum_k \rho_k \|u_k\|^2` must be multiplied to bound bias and noise, (..., N) each.

    :math:`\|\sum_k d_k u_k\|^2` is at most :math:`\chi = \sum_k d_k^2 / \rho_k` times as large, the chi-square distance
    of the mean received weights from :math:`\rho`, and :math:`\sum_{jk} \Gamma_{jk} u_j^\top u_k` at most as many times
    as the largest eigenvalue of :math:`\Gamma_{jk} / \sqrt{\rho_j \rho_k}`. No smaller factors do. UEs without data
    have no part in it. Raises ValueError for weights that are negative or do not sum to 1.
    """
    (rho,) = checked(non_negative={"weights": weights})
    check_weights(rho)
    has = rho > 0.0
    shift = (rho - received.mean)[..., has]
    root = np.sqrt(rho[has])
    covariance = received.covariance[..., has, :][..., has] / root[:, np.newaxis] / root
    return (shift**2 / rho[has]).sum(axis=-1), np.maximum(np.linalg.eigvalsh(covariance)[..., -1], 0.0)


def stationarity_bound(
    weights: ArrayLike,
    received: ReceivedWeights,
    *,
    initial_gap: ArrayLike,
    smoothness: float,
    learning_rate: float,
    spread_sq: float,
    sample_variance: ArrayLike = 0.0,
    batch_size: ArrayLike = 1.0,
) -> StationarityBound:
    r"""Theorem A over the rounds of `received`, whose moments have shape (T, N), (T, N, K) and (T, N, K, K).

    `initial_gap` is :math:`F(w^0) - \inf F`, a number or (N,); `smoothness` :math:`\epsilon` and `spread_sq`, which
    bounds :math:`\sum_k \rho_k \|u_k\|^2`, hold wherever the module goes, on a level set for instance (see
    `StationarityBound.exit_probability`). `sample_variance` and `batch_size` are those of `sampling_noise`. Given the
    rounds before, receptions must have these moments, and mini-batches must not depend on them. Raises ValueError for a
    step above :math:`1 / \epsilon`, values out of range and shapes that do not fit.
    """
    epsilon, eta = single(positive={"smoothness": smoothness, "learning_rate": learning_rate})
    (spread,) = single(non_negative={"spread_sq": spread_sq})
    (gap,) = checked(non_negative={"initial_gap": initial_gap})
    if eta * epsilon > 1.0 + _ROUNDING:
        raise ValueError(f"learning_rate = {eta:g} must be at most 1 / smoothness = {1.0 / epsilon:g}")
    nobody = np.asarray(received.nobody)
    if nobody.ndim != 2:
        raise ValueError(f"received must have moments of several rounds, of shape (T, N), got {nobody.shape}")
    chi, largest = spread_factors(weights, received)
    each = 1.0 - nobody
    moves = each.sum(axis=0)

    def mean(term: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(moves > 0.0, (each * term).sum(axis=0) / moves, np.inf)

    with np.errstate(divide="ignore"):
        initial = np.where(moves > 0.0, 2.0 * gap / (eta * np.where(moves > 0.0, moves, 1.0)), np.inf)
    return StationarityBound(
        initial=initial,
        bias=mean(chi * spread),
        noise=mean(epsilon * eta * largest * spread),
        sampling=mean(epsilon * eta * sampling_noise(received, sample_variance, batch_size)),
        moves=moves,
        learning_rate=eta,
    )
