"""The adapter that all devices share: LoRA on query, key and value of the server's encoder, and on its pooler."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ..learning.encoding import Backbone
from ..learning.patches import ImageBatch
from ..learning.stacked import OPTIMIZERS
from ..learning.tokens import Batch
from ..streams import stream
from .split_scenario import SplitScenario

TARGETS = ("query", "key", "value")
"""The linear layers of attention that carry LoRA; where the encoder is pooled by its pooler, that carries it too."""


class Adapter:
    """:math:`w^a` on a frozen backbone, with the optimizer of the server.

    `factors` are A (r, in) and B (out, r) of each linear layer that carries LoRA, A, B, A, B, ...: A uniform as LoRA
    has it, from a stream of `seed`, and B zero. They are float32, or float64 where the backbone is. Raises ValueError
    where `scenario` asks for LoRA on more layers than there are.
    """

    def __init__(self, backbone: Backbone, scenario: SplitScenario, *, seed: int) -> None:
        self.backbone = backbone
        self.frozen_layers, adapted = backbone.adapted(scenario.lora_layers, TARGETS)
        pooler = [backbone.encoder.pooler.dense] if backbone.pooled_by == "pooler" else []
        self._scale = scenario.lora_alpha / scenario.lora_rank
        rng, any_weight = stream(seed, "adapter"), next(backbone.encoder.parameters())
        kind = {"dtype": torch.promote_types(any_weight.dtype, torch.float32), "device": any_weight.device}
        self.factors: list[torch.nn.Parameter] = []
        for linear in adapted + pooler:
            bound, shape = 1.0 / math.sqrt(linear.in_features), (scenario.lora_rank, linear.in_features)
            a = torch.from_numpy(rng.uniform(-bound, bound, size=shape)).to(**kind)
            b = torch.zeros((linear.out_features, scenario.lora_rank), **kind)
            self.factors += [torch.nn.Parameter(a), torch.nn.Parameter(b)]
        self.optimizer = OPTIMIZERS[scenario.optimizer](self.factors, lr=scenario.learning_rate)

    @property
    def num_parameters(self) -> int:
        """What is trained of it: 454,656 numbers with BERT-base and rank 8."""
        return sum(factor.numel() for factor in self.factors)

    def frozen(self, batch: Batch | ImageBatch) -> torch.Tensor:
        """What no training changes: embedding and frozen layers, (B, L, hidden)."""
        return self.backbone.embed(batch, self.frozen_layers)

    def features(self, hidden: torch.Tensor, mask: torch.Tensor, *, embedded: bool = False) -> torch.Tensor:
        """Z of each sample (B, hidden), from what `frozen` returned, or from embeddings alone (`embedded`)."""
        pairs = zip(self.factors[::2], self.factors[1::2], strict=True)
        adapters = [(a, self._scale * b) for a, b in pairs]
        if embedded:
            hidden = self.backbone.embed_further(hidden, mask, self.frozen_layers)
        b = self.backbone
        return b.encode(hidden, mask, self.frozen_layers, adapters, targets=TARGETS, pooled_by=b.pooled_by)

    def step(self, gradients: Sequence[torch.Tensor]) -> None:
        """(4), by the optimizer."""
        for factor, gradient in zip(self.factors, gradients, strict=True):
            factor.grad = gradient
        self.optimizer.step()
