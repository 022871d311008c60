"""The parts of an encoder, found by structure: names differ between architectures and versions of transformers.

Two builds are known. BERT and its family normalize after adding what a layer computes, vision transformers before they
compute it, with one more normalization after the last layer. That the parts, put together as here, are all that an
encoder does is proved when it is loaded, by comparing with its own forward pass.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal

import torch

Pooling = Literal["mean", "first", "pooler"]
"""How an encoder was made to sum a sample up: mean over tokens, first token, or a dense layer on the first token."""

PROJECTIONS = {"query": ("query", "q_proj"), "key": ("key", "k_proj"), "value": ("value", "v_proj")}
"""The linear layers that attention begins with, and the names that they go by."""

Before = Callable[[torch.Tensor], torch.Tensor]
After = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer: `before` stands in front of attention, `after(context, hidden)` makes its output, (B, L, hidden).

    `projections` are the linear layers to query, key and value, by these names, `heads` the attention heads.
    """

    projections: dict[str, torch.nn.Linear]
    heads: int
    before: Before
    after: After

    @classmethod
    def of(cls, layer: Any) -> Layer:
        """The parts of a layer. Raises ValueError for one that is built in neither of the two ways."""
        attention = next((part for part in layer.modules() if _projections(part)), None)
        if attention is None:
            raise ValueError(f"a {type(layer).__name__} holds no attention with query, key and value")
        before: Before
        after: After
        norms = [part for part in layer.children() if isinstance(part, torch.nn.LayerNorm)]
        within = {name for name, part in layer.named_modules() if isinstance(part, torch.nn.LayerNorm)}
        if within == {"attention.output.LayerNorm", "output.LayerNorm"}:
            before, after = _unchanged, _post_norm(layer)
        elif len(norms) == len(within) == 2:
            before, after = norms[0], _pre_norm(layer, attention, norms[1])
        else:
            raise ValueError(f"a {type(layer).__name__} is built neither like BERT nor like a vision transformer")
        return cls(_projections(attention), attention.num_attention_heads, before, after)


def layers_of(encoder: Any) -> tuple[Layer, ...]:
    """The layers of an encoder in their order. Raises ValueError where it has none of the builds that are known."""
    depth = encoder.config.num_hidden_layers
    lists = (part for part in encoder.modules() if isinstance(part, torch.nn.ModuleList) and len(part) == depth)
    found = next(lists, None)
    if found is None:
        raise ValueError(f"a {type(encoder).__name__} holds no list of {depth} layers")
    return tuple(map(Layer.of, found))


def last_norm(encoder: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    """What stands after the last layer: a normalization where layers begin with one, else nothing."""
    return next((part for part in encoder.children() if isinstance(part, torch.nn.LayerNorm)), _unchanged)


def pooling_of(folder: Path, encoder: Any, absent: Collection[str], otherwise: Pooling = "mean") -> Pooling:
    """How the encoder in a folder was made to be pooled: as a sentence encoder, or by a pooler that has weights.

    `absent` are the names of weights that the folder lacks.
    """
    if (folder / "1_Pooling").is_dir():
        return "mean"
    parts = {name for name, _ in encoder.named_parameters() if name.startswith("pooler.")}
    whole = parts == {"pooler.dense.weight", "pooler.dense.bias"} and not parts & set(absent)
    return "pooler" if whole else otherwise


def _unchanged(hidden: torch.Tensor) -> torch.Tensor:
    return hidden


def _projections(part: Any) -> dict[str, torch.nn.Linear]:
    """Query, key and value of a part that has all three, else nothing."""
    own = dict(part.named_children())
    found = {role: own[name] for role, names in PROJECTIONS.items() for name in names if name in own}
    return found if len(found) == len(PROJECTIONS) else {}


def _post_norm(layer: Any) -> After:
    """What BERT does after attention: its two outputs add and normalize."""

    def after(context: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        attended = layer.attention.output(context, hidden)
        return layer.output(layer.intermediate(attended), attended)

    return after


def _pre_norm(layer: Any, attention: Any, norm: torch.nn.LayerNorm) -> After:
    """What vision transformers do after attention; what attention and perceptron add may be scaled."""
    used, children = set(_projections(attention).values()), dict(layer.named_children())
    # the one linear layer of attention besides query, key and value
    (output,) = (p for p in layer.attention.modules() if isinstance(p, torch.nn.Linear) and p not in used)
    # where the perceptron has two parts, as BERT's, the second would also add
    perceptron = children["mlp"] if "mlp" in children else lambda x: layer.output.dense(layer.intermediate(x))
    first, second = [part for name, part in children.items() if "scale" in name] or [_unchanged, _unchanged]

    def after(context: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        attended = hidden + first(output(context))
        return attended + second(perceptron(norm(attended)))

    return after
