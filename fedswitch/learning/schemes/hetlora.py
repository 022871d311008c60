"""HetLoRA: LoRA of a rank per UE, truncated, penalized, pruned and averaged with zero-padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ..hetlora import average, pruned_rank, sparsity_weights, tail_penalty, truncate
from ..stacked import LocalModel
from .ranked import Ranked, mean_head


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
