"""FlexLoRA: the products of the UEs' factors are averaged, and split anew by SVD for each rank.

Bai et al., Federated Fine-tuning of Large Language Models under Heterogeneous Tasks and Client Resources, 2024, arXiv
2402.11505. The method forms each product at full size and decomposes the average. Here that matrix, out x in, is never
formed: it is [B_1 ... B_K] times the stacked A_k, two QR decompositions reduce it to a core with at most as many rows
and columns as the UEs have ranks together, and the SVD of that core gives the same singular values and vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ...arguments import checked
from ...scenario import Scenario
from ..encoding import Backbone
from ..modules import Modules
from ..stacked import LocalModel
from .ranked import Factors, Ranked, check_factors, mean_head


def flexlora(
    factors: Sequence[Factors], weights: Sequence[float], scales: Sequence[float], rank: int, scale: float
) -> Factors:
    """(A, B) of rank `rank` for which scale * B @ A is nearest to sum_k weights_k scales_k B_k @ A_k (Frobenius norm).

    B takes the singular values and A is left with orthonormal rows. Any other split has the same product, but this one
    can always train on: where the product has fewer singular values than `rank`, above all in a first round with B = 0,
    B has zero columns and A full rows, as where LoRA starts. With square roots on both sides both would be zero there,
    and so would be their gradients, for good.

    A UE of another rank receives `flexlora([(A, B)], [1.0], [scale], its_rank, its_scale)`: cutting a best product
    to a smaller rank gives the best one of that rank.

    Args:
        factors: (A, B) of each UE, of shapes (r_k, in) and (out, r_k).
        weights: (K,) one per UE, used as they are; shares of the samples, which sum to 1, in the method.
        scales: (K,) alpha / r_k of each UE.
        rank: of the result, at most min(in, out).
        scale: with which the result will be applied, above 0.

    Returns:
        A (rank, in) with orthonormal rows and B (out, rank) with orthogonal columns of falling norm, in the type of the
        factors; computed in double precision.

    Raises ValueError for shapes, counts or numbers that do not fit.
    """
    check_factors(factors)
    first_a, first_b = factors[0]
    num_in, num_out = first_a.shape[1], len(first_b)
    if len(weights) != len(factors) or len(scales) != len(factors):
        raise ValueError(
            f"weights and scales must have one entry for each of the {len(factors)} factors, "
            f"got {len(weights)} and {len(scales)}"
        )
    checked(finite={"weights": weights, "scales": scales}, positive={"scale": scale})
    if not 1 <= rank <= min(num_in, num_out):
        raise ValueError(f"rank = {rank} must be a whole number from 1 to {min(num_in, num_out)}, the smaller side")
    with torch.no_grad():
        wide = [
            (weight * own / scale) * b.double() for (_, b), weight, own in zip(factors, weights, scales, strict=True)
        ]
        tall = [a.double() for a, _ in factors]
        # fewer ranks than asked for: with zeros added, Q still has orthonormal columns, which fill up the rows of A
        missing = max(0, rank - sum(len(a) for a in tall))
        wide.append(wide[0].new_zeros(num_out, missing))
        tall.append(tall[0].new_zeros(missing, num_in))
        left, left_core = torch.linalg.qr(torch.cat(wide, dim=1))
        right, right_core = torch.linalg.qr(torch.cat(tall).T)
        u, singular, vh = torch.linalg.svd(left_core @ right_core.T, full_matrices=False)
        a = vh[:rank] @ right.T
        b = left @ (u[:, :rank] * singular[:rank])
    return a.to(first_a.dtype), b.to(first_b.dtype)


class FlexLora(Ranked):
    """Each UE applies alpha / r_k; the average of the scaled products is kept at the largest rank."""

    @staticmethod
    def make_modules(backbone: Backbone, scenario: Scenario, *, num_labels: int, seed: int) -> Modules:
        """See `Scheme`; ValueError for a rank that no product of the backbone has."""
        width = int(backbone.encoder.config.hidden_size)
        if max(scenario.lora_ranks) > width:
            raise ValueError(
                f"lora_ranks up to {max(scenario.lora_ranks)} exceed the width {width} of the backbone "
                f"{backbone.name!r}, and FlexLoRA splits products of that size: lower them, or take a wider backbone"
            )
        return Ranked.make_modules(backbone, scenario, num_labels=num_labels, seed=seed)

    def distribute(self, common: LocalModel, rank: int) -> LocalModel:
        """The best factors of that rank, for the UE's own scale."""
        scale = self.scenario.lora_alpha / rank
        pairs = tuple(flexlora([pair], [1.0], [common.scale], rank, scale) for pair in common.pairs)
        return LocalModel(pairs, common.head_weight, common.head_bias, scale)

    def aggregate(
        self, ues: NDArray[np.int64], start: Sequence[LocalModel], trained: Sequence[LocalModel]
    ) -> LocalModel:
        """Average the products by shares of the data, which are equal, and split."""
        scales, weights = [model.scale for model in trained], [1.0 / len(trained)] * len(trained)
        scale = self.scenario.lora_alpha / self.rank_max
        layers = zip(*(model.pairs for model in trained), strict=True)
        pairs = tuple(flexlora(layer, weights, scales, self.rank_max, scale) for layer in layers)
        return LocalModel(pairs, *mean_head(trained, weights), scale)
