r"""Mean and covariance of the weights with which (1) averages the gradients that arrive.

In a round module n moves along :math:`\sum_k p_k \nabla F_k` with :math:`p_k = \rho_k a_k / R`, where
:math:`a_k = \beta_k \gamma_k` says whether UE k is received and :math:`R = \sum_k \rho_k a_k` how much of the data. The
weights of a round in which nobody is missed are :math:`\rho`; what the moments of p add to that is all that receptions
do to the mean and the variance of a step.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, checked, settle, single
from .constants import check_shapes

# The trapezoidal rule after s = scale * exp(t - exp(-t)) converges exponentially; these give some 12 digits (a test
# enumerates). The upper end of t follows from the smallest weight, whose exponential decays last.
_STEP = 0.08
_FIRST = -4.2
_DECADES = 45.0  # where exp(-s * weight) ends, in units of 1 / weight


@dataclasses.dataclass(frozen=True, eq=False)
class ReceivedWeights:
    r"""Moments of the received weights p, given that somebody is received.

    `nobody` is :math:`p_0`, the probability that nobody is, of shape (..., N); `mean` :math:`\mathbb{E}[p \mid R > 0]`
    has shape (..., N, K), `covariance` :math:`\Gamma` (..., N, K, K). Where nobody ever is, `mean` is :math:`\rho` and
    `covariance` zero.
    """

    nobody: Array
    mean: Array
    covariance: Array

    def __post_init__(self) -> None:
        settle(self, share=("nobody",), finite=("mean", "covariance"))


def received_weights(weights: ArrayLike, subscription: ArrayLike, success: ArrayLike) -> ReceivedWeights:
    r"""Moments of :math:`p_k = \rho_k a_k / R` for independent receptions with probability :math:`\beta_k \lambda_k`.

    `weights` :math:`\rho` (K,) sums to 1, `subscription` :math:`\beta` and `success` :math:`\lambda` in [0, 1] have
    shape (..., N, K). With :math:`1/R = \int_0^\infty e^{-sR} ds` and :math:`1/R^2 = \int_0^\infty s\,e^{-sR} ds` the
    expectations of ratios become integrals of products over UEs, so that the effort grows with :math:`K^2` and not with
    the :math:`2^K` possible receptions. Raises ValueError that names what is out of range or does not fit.
    """
    rho, beta, rate = checked(
        non_negative={"weights": weights}, share={"subscription": subscription, "success": success}
    )
    check_shapes(rho, beta, rate)
    received = beta * rate * (rho > 0.0)
    missed = 1.0 - received
    with np.errstate(divide="ignore"):
        somebody = -np.expm1(np.log1p(-received).sum(axis=-1))

    nodes, step = _nodes(rho)
    decay = np.exp(-nodes[:, np.newaxis] * rho)  # (S, K)
    factors = missed[..., np.newaxis, :] + received[..., np.newaxis, :] * decay  # (..., N, S, K): E[exp(-s rho a)]
    # of each factor, the part in which that UE is received; all of a factor that underflows
    part = np.divide(received[..., np.newaxis, :] * decay, factors, out=np.ones_like(factors), where=factors > 0.0)
    part = part * rho
    product = factors.prod(axis=-1) * step
    first = np.einsum("...s,...sk->...k", product, part)
    second = np.einsum("...s,...sj,...sk->...jk", product * nodes, part, part)
    diagonal = np.einsum("...s,...sk->...k", product * nodes, part * rho)
    second = np.where(np.eye(rho.size, dtype=bool), diagonal[..., np.newaxis], second)

    moves = somebody > 0.0
    share = np.where(moves, somebody, 1.0)[..., np.newaxis]
    mean = np.where(moves[..., np.newaxis], first / share, rho)
    covariance = second / share[..., np.newaxis] - mean[..., :, np.newaxis] * mean[..., np.newaxis, :]
    return ReceivedWeights(1.0 - somebody, mean, np.where(moves[..., np.newaxis, np.newaxis], covariance, 0.0))


def inverse_weights(
    weights: ArrayLike, subscription: ArrayLike, success: ArrayLike, *, least_probability: float = 0.0
) -> Array:
    r"""The weight of an upload that is received, by inverse probability: :math:`\rho_k / \max(\pi_k, \pi_{\min})`.

    :math:`\pi_k = \beta_k \lambda_k` is the probability that UE k subscribes and is received, with `subscription` and
    `success` of shape (..., N, K). Weighted so, what arrives has the mean :math:`\sum_k \rho_k \nabla F_k`, whatever
    the channels are, as long as no :math:`\pi_k` lies below `least_probability`, which bounds the weights. 0 where
    :math:`\pi_k = 0`. Raises ValueError for values outside [0, 1] and shapes that do not fit.
    """
    rho, beta, rate = checked(
        non_negative={"weights": weights}, share={"subscription": subscription, "success": success}
    )
    (least,) = single(share={"least_probability": least_probability})
    check_shapes(rho, beta, rate)
    chance = np.broadcast_to(beta * rate, np.broadcast_shapes(beta.shape, rate.shape))
    return np.divide(rho, np.maximum(chance, least), out=np.zeros(chance.shape), where=chance > 0.0)


def inverse_moments(
    weights: ArrayLike, subscription: ArrayLike, success: ArrayLike, *, least_probability: float = 0.0
) -> ReceivedWeights:
    r"""Moments of the weights that `inverse_weights` gives to independent receptions; arguments and errors as there.

    A round in which nobody is received is one of the outcomes, in which all weights are 0; so `nobody` is 0. The
    weights sum to 1 on average only, and deviations from :math:`\nabla F` do not do: gradients take their place.
    """
    weight = inverse_weights(weights, subscription, success, least_probability=least_probability)
    beta, rate = checked(share={"subscription": subscription, "success": success})
    chance = beta * rate
    spread = weight**2 * chance * (1.0 - chance)
    covariance = spread[..., np.newaxis] * np.eye(weight.shape[-1])
    return ReceivedWeights(np.zeros(weight.shape[:-1]), weight * chance, covariance)


def _nodes(weights: Array) -> tuple[Array, Array]:
    """Nodes s and their weights for an integral over the positive axis, shapes (S,)."""
    last = np.log(_DECADES / weights[weights > 0.0].min())
    t = np.arange(_FIRST, last + _STEP, _STEP)
    nodes = np.exp(t - np.exp(-t))
    return nodes, nodes * (1.0 + np.exp(-t)) * _STEP
