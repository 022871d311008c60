"""HetLoRA: LoRA of a rank per UE, truncated, penalized, pruned and averaged with zero-padding.

Cho et al., Heterogeneous LoRA for Federated Fine-tuning of On-Device Foundation Models, EMNLP 2024, arXiv 2401.06432.
One round: each UE receives the common factors cut to its own rank (`truncate`), trains them with a multiple of its
`tail_product` added to its loss, may give up its last ranks (`pruned_rank`), and sends what is left; `hetlora` makes
the new common factors.

The method is stated for one layer and leaves three things open, chosen here. A UE has one rank for all its layers, so
the products of the tails are summed over layers, and the norm that weighs a UE is that of all its layers together. The
update is B @ A without a scale: all UEs must therefore apply the same one, say alpha / rank_max, whatever their rank,
or truncating would change what remains. And a first round in which nobody has moved B has no norms to weigh by.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ...arguments import whole
from ..stacked import LocalModel
from .ranked import Factors, Ranked, check_factors, mean_head

DECAY = 0.99
"""gamma: the share of its rank that a UE keeps when it prunes; with ranks below 100, all but one."""

PENALTY = 0.01
"""lambda: the weight of the tail in a UE's loss (chosen here: the best value depends on model and task)."""


def truncate(factors: Factors, rank: int) -> Factors:
    """The first `rank` rows of A and columns of B, as views: what a UE of that rank receives, or has after pruning."""
    a, b = factors
    return a[:rank], b[:, :rank]


def kept_rank(rank: int, gamma: float = DECAY) -> int:
    """floor(gamma r), the rank that stays when a UE of rank r prunes; at least 1, so that a UE never drops out."""
    # a gamma such as 0.29 is no binary fraction: 0.29 * 100 falls just short of 29
    return max(1, math.floor(gamma * rank + 1e-9))


def tail_product(layers: Sequence[Factors], gamma: float = DECAY) -> torch.Tensor:
    """The norm of the tail of B times that of the tail of A, summed over a UE's layers: a scalar with a gradient.

    The tail is all beyond `kept_rank`. Where one of the two norms is 0 the gradient through it is 0: B starts there.
    """
    products = []
    for a, b in layers:
        kept = kept_rank(len(a), gamma)
        products.append(torch.linalg.vector_norm(b[:, kept:]) * torch.linalg.vector_norm(a[kept:]))
    return torch.stack(products).sum()


def pruned_rank(received: Sequence[Factors], trained: Sequence[Factors], *, gamma: float = DECAY) -> int:
    """The rank of a UE after local training: `kept_rank` if its tail product has become smaller, else as before.

    `received` holds (A, B) of each layer as the UE got them, after truncation, `trained` the same after local training.
    """
    rank = len(trained[0][0])
    with torch.no_grad():
        shrunk = bool(tail_product(trained, gamma) < tail_product(received, gamma))
    return kept_rank(rank, gamma) if shrunk else rank


def sparsity_weights(ues: Sequence[Sequence[Factors]]) -> torch.Tensor:
    """p_k = ||B_k A_k||_F / sum_j ||B_j A_j||_F over all layers of each UE: (K,), float64, sums to 1.

    `ues` holds (A, B) of each layer of each UE. While all products are zero the weights are equal. The square of the
    norm is the sum of (B^T B) * (A A^T), so no product of full size is formed.
    """
    with torch.no_grad():
        norms = torch.stack([torch.stack([_squared_norm(*layer) for layer in layers]).sum() for layers in ues]).sqrt()
        total = norms.sum()
        return torch.where(total > 0, norms / total, 1.0 / len(ues))


def average(factors: Sequence[Factors], weights: torch.Tensor, rank_max: int) -> Factors:
    """The factors of one layer, filled up with zeros to `rank_max`, averaged over K UEs: (A, B) of rank `rank_max`.

    `factors` holds (A, B) of each UE, whose ranks may differ; `weights` (K,) are as `sparsity_weights` gives them.
    """
    first_a, first_b = factors[0]
    with torch.no_grad():
        mean_a = torch.zeros(rank_max, first_a.shape[1], dtype=torch.float64, device=first_a.device)
        mean_b = torch.zeros(len(first_b), rank_max, dtype=torch.float64, device=first_b.device)
        for weight, (a, b) in zip(weights.double(), factors, strict=True):
            mean_a[: len(a)] += weight * a.double()
            mean_b[:, : len(a)] += weight * b.double()
    return mean_a.to(first_a.dtype), mean_b.to(first_b.dtype)


def hetlora(factors: Sequence[Factors], rank_max: int) -> Factors:
    """The aggregate of HetLoRA for a model of one layer: sparsity weights, zero-padding, weighted sums of A and of B.

    `factors` holds (A, B) of each UE, of shapes (r_k, in) and (out, r_k), and `rank_max` is the rank of the result.
    With several layers, take the weights of whole UEs once and `average` each layer. Raises ValueError for shapes that
    do not fit, and a rank above `rank_max`.
    """
    check_factors(factors)
    rank_max = whole("rank_max", rank_max, low=max(len(a) for a, _ in factors))
    return average(factors, sparsity_weights([[pair] for pair in factors]), rank_max)


def _squared_norm(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    # in double precision, and never below zero: the terms of the sum cancel where B and A nearly do
    a, b = a.double(), b.double()
    return ((b.T @ b) * (a @ a.T)).sum().clamp(min=0.0)


class HetLora(Ranked):
    """HetLoRA complete: truncation, tail penalty, rank pruning, sparsity weights and zero-padding.

    All UEs apply the scale of the largest rank, because the method's update is B A without one.
    """

    @staticmethod
    def penalty(model: LocalModel) -> torch.Tensor:
        """What a UE adds to its loss, lambda ||B tail||_F ||A tail||_F: it drives its last ranks to zero."""
        return PENALTY * tail_product(model.pairs)

    def distribute(self, common: LocalModel, rank: int) -> LocalModel:
        """The first rows of A and columns of B."""
        pairs = tuple(truncate(pair, rank) for pair in common.pairs)
        return LocalModel(pairs, common.head_weight, common.head_bias, common.scale)

    def aggregate(
        self, ues: NDArray[np.int64], start: Sequence[LocalModel], trained: Sequence[LocalModel]
    ) -> LocalModel:
        """Prune, weigh by the norms of the products, fill up with zeros, and average."""
        for k, before, after in zip(ues, start, trained, strict=True):
            self.ranks[k] = pruned_rank(before.pairs, after.pairs)
        sent = [
            [truncate(pair, int(self.ranks[k])) for pair in model.pairs] for k, model in zip(ues, trained, strict=True)
        ]
        weights = sparsity_weights(sent)
        pairs = tuple(average(layer, weights, self.rank_max) for layer in zip(*sent, strict=True))
        return LocalModel(pairs, *mean_head(trained, weights.tolist()), start[0].scale)
