"""A foundation model, in the two halves that LoRA cuts it into.

Any encoder of the BERT family (BERT, RoBERTa, MiniLM, ...) goes through one path: `Backbone.embed` runs the layers that
no LoRA module touches, `Backbone.encode` the others and the mean over tokens. Vision transformers, whose tokens are
patches of an image, take the same path after the embedding (`vision.VisionBackbone`).
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ..encoders import LORA_TARGETS
from ..errors import FedswitchError
from .anatomy import Layer, Pooling, last_norm, layers_of
from .data import AnySplit, Split
from .patches import ImageBatch, Sequences
from .tokens import Batch, Tokens

Texts = Sequence[str]
Tokenize = Callable[[Texts, Texts | None, int], Tokens]
Adapter = tuple[torch.Tensor, torch.Tensor]
"""A (r, in) and B (out, r), times the scale, that LoRA adds to a linear layer; of shapes (B, r, in) and (B, out, r)
where each sample of a batch has its own."""


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A frozen encoder w_0 and its tokenizer, which any number of runs may share: none of them changes it.

    `source` says which weights these are. `tokenize(texts, pairs, max_tokens)` returns `Tokens`. `pooled_by` is how the
    encoder was made to be pooled; `encode` takes the mean unless it is told otherwise. The encoder is put in evaluation
    mode, without dropout, and asks for no gradients.
    """

    name: str
    source: str
    encoder: Any  # a transformers PreTrainedModel, whose parts torch's types cannot name
    tokenize: Tokenize
    pooled_by: Pooling = "mean"

    def __post_init__(self) -> None:
        self.encoder.requires_grad_(False).eval()

    @functools.cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of the encoder, by their parts."""
        return layers_of(self.encoder)

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

    def embeddings(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Embeddings of tokens, given as the `inputs` of a batch: ids and segments (B, L) -> (B, L, hidden)."""
        ids, segments = inputs
        # RoBERTa has one segment type only
        types = segments if self.encoder.config.type_vocab_size > 1 else torch.zeros_like(segments)
        return self.encoder.embeddings(input_ids=ids, token_type_ids=types)

    def read(self, split: AnySplit, max_tokens: int) -> Sequences:
        """The samples of a split as tokens, at most `max_tokens` each.

        Raises ValueError for more tokens than there are positions for, and FedswitchError, in one sentence, for images,
        and where nothing of a sample is left: there is nothing to learn from.
        """
        if not isinstance(split, Split):
            raise FedswitchError(
                f"The backbone {self.name!r} reads texts, but these samples are images: take a vision transformer, "
                "such as tiny-vit or focus-vit, or a task of texts."
            )
        if max_tokens > self.max_tokens:
            raise ValueError(
                f"tokens_per_sample = {max_tokens} exceeds the {self.max_tokens} tokens that the backbone "
                f"{self.name!r} has positions for"
            )
        tokens = self.tokenize(split.texts, split.pairs, max_tokens)
        empty = np.flatnonzero(tokens.lengths == 0)
        if empty.size:
            raise FedswitchError(
                f"The backbone {self.name!r} makes no token of {split.texts[empty[0]]!r}, the text of sample "
                f"{empty[0]}: leave such samples out, or name a backbone whose tokenizer marks where a text begins."
            )
        return tokens

    def trial(self) -> tuple[Batch | ImageBatch, dict[str, torch.Tensor]]:
        """A small batch to try the encoder with, as `embed` takes it and as the encoder itself does, by name."""
        ids = torch.arange(min(8, self.max_tokens, self.encoder.config.vocab_size))[None]
        batch = Batch(ids, torch.zeros_like(ids), torch.ones_like(ids, dtype=torch.bool))
        return batch, {"input_ids": ids, "attention_mask": torch.ones_like(ids)}

    def embed(self, batch: Batch | ImageBatch, frozen_layers: int) -> torch.Tensor:
        """Embeddings and the first `frozen_layers` layers, without gradients: (B, L, hidden)."""
        with torch.no_grad():
            return self.embed_further(self.embeddings(*batch.inputs), batch.mask, frozen_layers)

    def embed_further(self, hidden: torch.Tensor, mask: torch.Tensor, frozen_layers: int) -> torch.Tensor:
        """The first `frozen_layers` layers, from embeddings, without gradients: (B, L, hidden)."""
        with torch.no_grad():
            return self._layers(hidden, mask, slice(0, frozen_layers))

    def adapted(
        self, lora_layers: int | None, targets: Sequence[str] = LORA_TARGETS
    ) -> tuple[int, list[torch.nn.Linear]]:
        """How many layers stay frozen if the last `lora_layers` (None: all) carry LoRA, and the linear layers that do.

        Raises ValueError for more layers than there are.
        """
        depth = self.num_layers if lora_layers is None else lora_layers
        if depth > self.num_layers:
            raise ValueError(
                f"lora_layers = {depth} exceeds the {self.num_layers} layers of the backbone {self.name!r}"
            )
        frozen = self.num_layers - depth
        return frozen, [layer.projections[target] for layer in self.layers[frozen:] for target in targets]

    def encode(
        self,
        hidden: torch.Tensor,
        mask: torch.Tensor,
        frozen_layers: int,
        adapters: Sequence[Adapter] = (),
        *,
        targets: Sequence[str] = LORA_TARGETS,
        pooled_by: Pooling = "mean",
    ) -> torch.Tensor:
        """The layers after `frozen_layers`, then one vector of each sample: (B, L, hidden) -> (B, hidden).

        `adapters` are for each of `targets` (of query, key and value) in each of these layers, in that order; none
        means no LoRA. `pooled_by` is "mean", over tokens, "first", the first token, or "pooler", of the encoder, for
        whose dense layer the last of the `adapters` then is. The vector is float32 where the layers compute in less.
        """
        inside = adapters[:-1] if pooled_by == "pooler" else adapters
        hidden = last_norm(self.encoder)(self._layers(hidden, mask, slice(frozen_layers, None), inside, targets))
        if pooled_by == "mean":
            weights = mask.unsqueeze(-1).to(torch.promote_types(hidden.dtype, torch.float32))
            return (hidden * weights).sum(dim=1) / weights.sum(dim=1)
        first = hidden[:, 0]
        if pooled_by == "pooler":
            pooler, (a, b) = self.encoder.pooler, adapters[-1]
            added = (first @ a.to(first.dtype).mT) @ b.to(first.dtype).mT
            first = pooler.activation(pooler.dense(first) + added)
        return first.to(torch.promote_types(first.dtype, torch.float32))

    def _layers(
        self,
        hidden: torch.Tensor,
        mask: torch.Tensor,
        which: slice,
        adapters: Sequence[Adapter] = (),
        targets: Sequence[str] = LORA_TARGETS,
    ) -> torch.Tensor:
        unseen = torch.zeros(mask.shape, dtype=hidden.dtype, device=mask.device).masked_fill_(~mask, -math.inf)
        factors = iter([(a.to(hidden.dtype), b.to(hidden.dtype)) for a, b in adapters])
        for layer in self.layers[which]:
            hidden = _layer(layer, hidden, unseen, dict(zip(targets, factors, strict=False)))
        return hidden


def _layer(layer: Layer, hidden: torch.Tensor, unseen: torch.Tensor, adapters: Mapping[str, Adapter]) -> torch.Tensor:
    """One layer: (B, L, hidden) -> (B, L, hidden); `unseen` (B, L) is -inf where padding is, else 0.

    In torch's plain operations, since the backward pass of its fused attention is slow in bfloat16 on a CPU.
    """
    samples, length, heads = *unseen.shape, layer.heads
    seen = layer.before(hidden)

    def project(name: str) -> torch.Tensor:
        """(B, L, hidden) -> (B * heads, L, hidden / heads), by a linear layer and what LoRA adds to it."""
        projected: torch.Tensor = layer.projections[name](seen)
        if name in adapters:
            a, b = adapters[name]
            projected.add_((seen @ a.mT) @ b.mT)
        return projected.view(samples, length, heads, -1).transpose(1, 2).reshape(samples * heads, length, -1)

    query, key, value = project("query"), project("key"), project("value")
    padding = unseen[:, None, None].expand(-1, heads, 1, -1).reshape(samples * heads, 1, length)
    scores = torch.baddbmm(padding, query, key.mT, alpha=1.0 / math.sqrt(query.shape[-1]))
    context = torch.bmm(scores.softmax(dim=-1), value).view(samples, heads, length, -1)
    return layer.after(context.transpose(1, 2).reshape(hidden.shape), hidden)
