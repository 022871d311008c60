"""HetLoRA: LoRA of a rank per UE, truncated, penalized, pruned and averaged with zero-padding.

Cho et al., Heterogeneous LoRA for Federated Fine-tuning of On-Device Foundation Models, EMNLP 2024, arXiv 2401.06432.
One round: each UE receives the common factors cut to its own rank (`truncate`), trains them with `tail_penalty` added
to its loss, may give up its last ranks (`pruned_rank`), and sends what is left; `hetlora` makes the new common factors.

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

from ...arguments import floats, whole
from ..stacked import LocalModel
from .ranked import Factors, Ranked, check_factors, mean_head

DECAY = 0.99
"""gamma: the share of its rank that a UE keeps when it prunes; with ranks below 100, all but one."""

PENALTY = 0.01
"""lambda: the weight of the tail in a UE's loss (chosen here: the best value depends on model and task)."""


def truncate(factors: Factors, rank: int) -> Factors:
    """The first `rank` rows of A and columns of B, as views: what a UE of that rank receives, or sends after pruning.

    ValueError where the factors hold fewer, or for a rank below 1.
    """
    a, b = factors
    given, rank = rank, whole("rank", rank)
    if not 1 <= rank <= len(a):
        raise ValueError(f"rank = {given} must be a whole number from 1 to the rank of the factors, {len(a)}")
    return a[:rank], b[:, :rank]


def kept_rank(rank: int, gamma: float = DECAY) -> int:
    """floor(gamma r), the rank that stays when a UE of rank r prunes; at least 1, so that a UE never drops out.

    ValueError unless 0 < gamma <= 1.
    """
    if not 0 < gamma <= 1:
        raise ValueError(f"gamma = {gamma} must be above 0 and at most 1")
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


def tail_penalty(layers: Sequence[Factors], *, gamma: float = DECAY, strength: float = PENALTY) -> torch.Tensor:
    """What a UE adds to its loss, lambda ||B tail||_F ||A tail||_F: it drives the last ranks of each layer to zero."""
    return strength * tail_product(layers, gamma)


def pruned_rank(received: Sequence[Factors], trained: Sequence[Factors], *, gamma: float = DECAY) -> int:
    """The rank of a UE after local training: `kept_rank` if its tail product has become smaller, else as before.

    `received` holds (A, B) of each layer as the UE got them, after truncation, `trained` the same after local training.
    Raises ValueError where the two differ in shape, or the layers in rank.
    """
    shapes = [(tuple(a.shape), tuple(b.shape)) for a, b in trained]
    if shapes != [(tuple(a.shape), tuple(b.shape)) for a, b in received]:
        raise ValueError("received and trained must hold the same layers, of the same shapes")
    ranks = {len(a) for a, _ in trained}
    if len(ranks) != 1:
        raise ValueError(f"all layers of trained must have one rank, got {sorted(ranks)}")
    rank = ranks.pop()
    with torch.no_grad():
        shrunk = bool(tail_product(trained, gamma) < tail_product(received, gamma))
    return kept_rank(rank, gamma) if shrunk else rank


def sparsity_weights(
    ues: Sequence[Sequence[Factors]], *, sample_weights: Sequence[float] | None = None
) -> torch.Tensor:
    """p_k = ||B_k A_k||_F / sum_j ||B_j A_j||_F over all layers of each UE: (K,), float64, sums to 1.

    `ues` holds (A, B) of each layer of each UE. `sample_weights` (K,), of any positive sum, are the weights while all
    products are zero; where not given, equal ones. The square of the norm is the sum of (B^T B) * (A A^T), so no
    product of full size is formed.

    Raises ValueError where the UEs' layers do not fit each other, and where `sample_weights` are not K numbers of at
    least 0, not all 0.
    """
    if not ues or not ues[0] or len({len(layers) for layers in ues}) > 1:
        raise ValueError("ues must hold at least one UE, and the same layers, at least one, of each")
    for layer in zip(*ues, strict=True):
        check_factors(layer)
    given = torch.from_numpy(floats("sample_weights", [1.0] * len(ues) if sample_weights is None else sample_weights))
    if given.shape != (len(ues),) or not (given >= 0).all() or not 0 < given.sum() < math.inf:
        raise ValueError(f"sample_weights must be {len(ues)} numbers of at least 0, not all 0")
    with torch.no_grad():
        norms = torch.stack([torch.stack([_squared_norm(*layer) for layer in layers]).sum() for layers in ues]).sqrt()
        total = norms.sum()
        return torch.where(total > 0, norms / total, (given / given.sum()).to(norms.device))


def average(factors: Sequence[Factors], weights: torch.Tensor, rank_max: int) -> Factors:
    """The factors of one layer, filled up with zeros to `rank_max`, averaged over K UEs: (A, B) of rank `rank_max`.

    `factors` holds (A, B) of each UE, whose ranks may differ; `weights` (K,) are as `sparsity_weights` gives them.
    Raises ValueError for shapes that do not fit or a rank above `rank_max`.
    """
    check_factors(factors)
    rank_max = whole("rank_max", rank_max, low=1)
    if tuple(weights.shape) != (len(factors),):
        raise ValueError(f"weights must have shape ({len(factors)},), one per UE, got {tuple(weights.shape)}")
    largest = max(len(a) for a, _ in factors)
    if largest > rank_max:
        raise ValueError(f"rank_max = {rank_max} is below the largest rank of the factors, {largest}")
    first_a, first_b = factors[0]
    with torch.no_grad():
        mean_a = torch.zeros(rank_max, first_a.shape[1], dtype=torch.float64, device=first_a.device)
        mean_b = torch.zeros(len(first_b), rank_max, dtype=torch.float64, device=first_b.device)
        for weight, (a, b) in zip(weights.double(), factors, strict=True):
            mean_a[: len(a)] += weight * a.double()
            mean_b[:, : len(a)] += weight * b.double()
    return mean_a.to(first_a.dtype), mean_b.to(first_b.dtype)


def hetlora(factors: Sequence[Factors], rank_max: int, *, sample_weights: Sequence[float] | None = None) -> Factors:
    """The aggregate of HetLoRA for a model of one layer: sparsity weights, zero-padding, weighted sums of A and of B.

    `factors` holds (A, B) of each UE, of shapes (r_k, in) and (out, r_k), `rank_max` is the rank of the result, and
    `sample_weights` are as in `sparsity_weights`. With several layers, take those of whole UEs once and `average` each.

    Raises ValueError for shapes that do not fit, a rank above `rank_max`, or sample weights that are not usable.
    """
    check_factors(factors)
    weights = sparsity_weights([[pair] for pair in factors], sample_weights=sample_weights)
    return average(factors, weights, rank_max)


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
        """What a UE adds to its loss."""
        return tail_penalty(model.pairs)

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
