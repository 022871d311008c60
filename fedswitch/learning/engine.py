"""Gradients and risks: the aggregate of (1) by one pass over the whole cell, and by its definition, UE by UE.

With one gradient per UE and round, the D_k-weighted mean of the UEs' gradients is the mean over the union of their
samples. `cell_gradient` uses that; `per_ue_gradient` does what (1) says, and a test holds both equal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from .modules import LoraModules
from .tokens import Indices, Tokens, micro_batches

TOKEN_BUDGET = 4096
"""Tokens of one forward pass: large enough to fill the cores, small enough for the caches and for memory."""


@dataclasses.dataclass(frozen=True)
class Samples:
    """A tokenized data set with its labels (M,)."""

    tokens: Tokens
    labels: torch.Tensor


def cell_gradient(modules: LoraModules, n: int, samples: Samples, batches: Sequence[Indices]) -> float:
    """Leave the aggregated gradient of (1) for module `n` in its parameters' `.grad`; return the mean loss.

    `batches` holds the mini-batch of each UE that was received, as indices into `samples`: one forward and backward
    pass over their union. At least one batch is needed: with none, (1) is 0/0 and the module stays as it is.
    """
    union = np.concatenate(batches)
    _clear_gradients(modules, n)
    return _accumulate(modules, n, samples, union, weight=1.0 / len(union))


def per_ue_gradient(modules: LoraModules, n: int, samples: Samples, batches: Sequence[Indices]) -> float:
    """The same as `cell_gradient` by the definition (1): the gradient of each UE, weighted by its D_k."""
    total = sum(len(batch) for batch in batches)
    aggregate = [torch.zeros_like(p) for p in modules.parameters(n)]
    loss = 0.0
    for batch in batches:
        _clear_gradients(modules, n)
        share = len(batch) / total
        loss += share * _accumulate(modules, n, samples, batch, weight=1.0 / len(batch))
        for mean, parameter in zip(aggregate, modules.parameters(n), strict=True):
            assert parameter.grad is not None
            mean += share * parameter.grad
    for mean, parameter in zip(aggregate, modules.parameters(n), strict=True):
        parameter.grad = mean
    return loss


GRADIENTS: dict[str, Callable[[LoraModules, int, Samples, Sequence[Indices]], float]] = {
    "cell": cell_gradient,
    "per_ue": per_ue_gradient,
}


class Evaluator:
    """Runs every module over one fixed test set; the output of the frozen layers is computed once and kept."""

    def __init__(self, modules: LoraModules, samples: Samples) -> None:
        self.modules = modules
        self.samples = samples
        device = samples.labels.device
        self._groups = []
        everything = np.arange(len(samples.tokens))
        for group in micro_batches(samples.tokens.lengths, everything, TOKEN_BUDGET):
            batch = samples.tokens.batch(group, device)
            hidden = modules.backbone.embed(batch, modules.frozen_layers)
            self._groups.append((torch.from_numpy(group).to(device), hidden, batch.mask))

    def log_probabilities(self) -> NDArray[np.float32]:
        """Log p(label) of every module, sample and label: (N, M, C)."""
        modules, count = self.modules, len(self.samples.tokens)
        device = self.samples.labels.device
        scores = torch.empty((len(modules), count, modules.heads[0].out_features), device=device)
        with torch.inference_mode():
            for n in range(len(modules)):
                modules.activate(n)
                for group, hidden, mask in self._groups:
                    scores[n, group] = modules.logits(n, hidden, mask).log_softmax(dim=-1)
        return scores.cpu().numpy()


def _clear_gradients(modules: LoraModules, n: int) -> None:
    modules.activate(n)
    for parameter in modules.parameters(n):
        parameter.grad = None


def _accumulate(modules: LoraModules, n: int, samples: Samples, indices: Indices, weight: float) -> float:
    """Add `weight` times the gradient of the summed loss over `indices`; return `weight` times that loss."""
    loss = 0.0
    device = samples.labels.device
    for group in micro_batches(samples.tokens.lengths, indices, TOKEN_BUDGET):
        batch = samples.tokens.batch(group, device)
        hidden = modules.backbone.embed(batch, modules.frozen_layers)
        labels = samples.labels[torch.from_numpy(group).to(device)]
        part = weight * torch.nn.functional.cross_entropy(
            modules.logits(n, hidden, batch.mask), labels, reduction="sum"
        )
        part.backward()
        loss += float(part.detach())
    return loss
