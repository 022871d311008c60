"""A foundation model, in the two halves that LoRA cuts it into.

Any encoder of the BERT family (BERT, RoBERTa, MiniLM, ...) goes through one path: `Backbone.embed` runs the layers that
no LoRA module touches, `Backbone.encode` the others and the mean over tokens.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from ..encoders import LORA_TARGETS
from .tokens import Batch, Tokens

Texts = Sequence[str]
Tokenize = Callable[[Texts, Texts | None, int], Tokens]
Adapter = tuple[torch.Tensor, torch.Tensor]
"""A (r, in) and B (out, r), times the scale, that LoRA adds to a linear layer; of shapes (B, r, in) and (B, out, r)
where each sample of a batch has its own."""


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A frozen encoder w_0 and its tokenizer, which any number of runs may share: none of them changes it.

    `source` says which weights these are. `tokenize(texts, pairs, max_tokens)` returns `Tokens`. The encoder is put in
    evaluation mode, without dropout, and asks for no gradients.
    """

    name: str
    source: str
    encoder: Any  # a transformers PreTrainedModel, whose parts torch's types cannot name
    tokenize: Tokenize

    def __post_init__(self) -> None:
        self.encoder.requires_grad_(False).eval()

    @property
    def hidden_size(self) -> int:
        """Width of the representation that the head reads."""
        return int(self.encoder.config.hidden_size)

    @property
    def num_layers(self) -> int:
        """Encoder layers."""
        return int(self.encoder.config.num_hidden_layers)

    @property
    def max_tokens(self) -> int:
        """Tokens of a sample that there are positions for."""
        positions = self.encoder.embeddings.position_embeddings
        # RoBERTa counts positions from after the one that stands for padding
        return int(positions.num_embeddings - (0 if positions.padding_idx is None else positions.padding_idx + 1))

    @property
    def num_parameters(self) -> int:
        """Parameters of w_0."""
        return sum(p.numel() for p in self.encoder.parameters())

    def cast(self, dtype: torch.dtype) -> Backbone:
        """The same backbone with weights of that type: a copy, where they are of another."""
        if next(self.encoder.parameters()).dtype == dtype:
            return self
        return self.copy(dtype)

    def copy(self, dtype: torch.dtype) -> Backbone:
        """The same backbone with weights of its own, of that type."""
        return dataclasses.replace(self, encoder=copy.deepcopy(self.encoder).to(dtype))

    def embeddings(self, ids: torch.Tensor, segments: torch.Tensor) -> torch.Tensor:
        """Embeddings of tokens: (B, L) -> (B, L, hidden)."""
        # RoBERTa has one segment type only
        types = segments if self.encoder.config.type_vocab_size > 1 else torch.zeros_like(segments)
        hidden: torch.Tensor = self.encoder.embeddings(input_ids=ids, token_type_ids=types)
        return hidden

    def embed(self, batch: Batch, frozen_layers: int) -> torch.Tensor:
        """Embeddings and the first `frozen_layers` layers, without gradients: (B, L, hidden)."""
        with torch.no_grad():
            return self._layers(self.embeddings(batch.ids, batch.segments), batch.mask, slice(0, frozen_layers))

    def encode(
        self, hidden: torch.Tensor, mask: torch.Tensor, frozen_layers: int, adapters: Sequence[Adapter] = ()
    ) -> torch.Tensor:
        """The layers after `frozen_layers`, then the mean over tokens: (B, L, hidden) -> (B, hidden).

        `adapters` are for each of `LORA_TARGETS` in each of these layers, in that order; none means no LoRA. The mean
        is float32 where the layers compute in less.
        """
        hidden = self._layers(hidden, mask, slice(frozen_layers, None), adapters)
        weights = mask.unsqueeze(-1).to(torch.promote_types(hidden.dtype, torch.float32))
        return (hidden * weights).sum(dim=1) / weights.sum(dim=1)

    def _layers(
        self, hidden: torch.Tensor, mask: torch.Tensor, which: slice, adapters: Sequence[Adapter] = ()
    ) -> torch.Tensor:
        unseen = torch.zeros(mask.shape, dtype=hidden.dtype, device=mask.device).masked_fill_(~mask, -math.inf)
        factors = iter([(a.to(hidden.dtype), b.to(hidden.dtype)) for a, b in adapters])
        for layer in self.encoder.encoder.layer[which]:
            hidden = _layer(layer, hidden, unseen, dict(zip(LORA_TARGETS, factors, strict=False)))
        return hidden


def _layer(layer: Any, hidden: torch.Tensor, unseen: torch.Tensor, adapters: Mapping[str, Adapter]) -> torch.Tensor:
    """One layer as BERT has it: (B, L, hidden) -> (B, L, hidden); `unseen` (B, L) is -inf where padding is, else 0.

    In torch's plain operations, since the backward pass of its fused attention is slow in bfloat16 on a CPU.
    """
    attention = layer.attention.self
    samples, length, heads = *unseen.shape, attention.num_attention_heads

    def project(name: str) -> torch.Tensor:
        """(B, L, hidden) -> (B * heads, L, hidden / heads), by a linear layer and what LoRA adds to it."""
        projected: torch.Tensor = getattr(attention, name)(hidden)
        if name in adapters:
            a, b = adapters[name]
            projected.add_((hidden @ a.mT) @ b.mT)
        return projected.view(samples, length, heads, -1).transpose(1, 2).reshape(samples * heads, length, -1)

    query, key, value = project("query"), project("key"), project("value")
    padding = unseen[:, None, None].expand(-1, heads, 1, -1).reshape(samples * heads, 1, length)
    scores = torch.baddbmm(padding, query, key.mT, alpha=1.0 / math.sqrt(query.shape[-1]))
    context = torch.bmm(scores.softmax(dim=-1), value).view(samples, heads, length, -1)
    attended = layer.attention.output(context.transpose(1, 2).reshape(hidden.shape), hidden)
    result: torch.Tensor = layer.output(layer.intermediate(attended), attended)
    return result
