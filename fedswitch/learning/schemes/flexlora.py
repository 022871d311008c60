"""FlexLoRA: the products of the UEs' factors are averaged, and split anew by SVD for each rank."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..flexlora import flexlora
from ..stacked import LocalModel
from .ranked import Ranked, mean_head


class FlexLora(Ranked):
    """Each UE applies alpha / r_k; the average of the scaled products is kept at the largest rank."""

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
