"""Gradients and risks: the aggregate of (1) by one pass over the whole cell, and by its definition, UE by UE.

With one gradient per UE and round, the D_k-weighted mean of the UEs' gradients is the mean over the union of their
samples. `cell_gradient` uses that; `per_ue_gradient` does what (1) says, and a test holds both equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from .modules import Modules
from .samples import Kept, Samples
from .tokens import Indices, micro_batches

TOKEN_BUDGET = 1024
"""Tokens of one forward pass on a CPU: enough to fill the cores, few enough to leave little to padding."""

GPU_TOKEN_BUDGET = 32768
"""Tokens of one forward pass on a GPU, where a small one would leave most of it idle."""


class Learner:
    """Modules and the samples that they learn from or are tested on, cut into micro-batches of similar length.

    The output of frozen layers is taken from, and added to, `kept`.
    """

    def __init__(self, modules: Modules, samples: Samples, *, kept: Kept | None = None) -> None:
        self.modules = modules
        self.samples = samples
        self._outputs = (kept or Kept()).outputs(samples, modules)

    def state(self) -> dict[str, NDArray[np.int32]]:
        """What a resumed run needs to get the output of frozen layers to the last bit, for a checkpoint."""
        return {} if self._outputs is None else {"batch_of": self._outputs.batch_of}

    def restore(self, state: dict[str, NDArray[np.int32]]) -> None:
        """Put back what `state` returned."""
        if self._outputs is not None:
            self._outputs.batch_of = state["batch_of"]

    def batches(self, indices: Indices) -> Iterator[tuple[Indices, torch.Tensor, torch.Tensor]]:
        """Micro-batches of the samples at `indices`: places in `indices`, output of the frozen part, and mask."""
        tokens = self.samples.tokens
        budget = TOKEN_BUDGET if self.samples.device.type == "cpu" else GPU_TOKEN_BUDGET
        for places in micro_batches(tokens.lengths[indices], np.arange(len(indices)), budget):
            if self._outputs is not None:
                yield places, *self._outputs.batch(indices[places])
            else:
                batch = tokens.batch(indices[places], self.samples.device)
                yield places, self.modules.frozen(batch), batch.mask

    def accumulate(self, n: int, indices: Indices, weight: float) -> torch.Tensor:
        """Add `weight` times the gradient of module n's summed loss over `indices`; return `weight` times that loss."""
        device = self.samples.device
        loss = torch.zeros((), device=device)
        for places, frozen, mask in self.batches(indices):
            labels = self.samples.labels[torch.from_numpy(indices[places]).to(device)]
            with precision(device):
                logits = self.modules.logits(n, frozen, mask)
            part = weight * torch.nn.functional.cross_entropy(logits.float(), labels, reduction="sum")
            part.backward()
            loss += part.detach()
        return loss

    def log_probabilities(self, indices: Indices | None = None) -> NDArray[np.float32]:
        """Log p(label) of every module, sample at `indices` (all where not given) and label: (N, M, C)."""
        modules, device = self.modules, self.samples.device
        chosen = np.arange(len(self.samples.tokens)) if indices is None else indices
        scores = torch.empty((len(modules), len(chosen), modules.heads[0].out_features), device=device)
        with torch.inference_mode():
            for places, frozen, mask in self.batches(chosen):
                rows = torch.from_numpy(places).to(device)
                for n in range(len(modules)):
                    modules.activate(n)
                    with precision(device):
                        logits = modules.logits(n, frozen, mask)
                    scores[n, rows] = logits.float().log_softmax(dim=-1)
        return scores.cpu().numpy()


def cell_gradient(learner: Learner, n: int, batches: Sequence[Indices]) -> torch.Tensor:
    """Leave the aggregated gradient of (1) for module `n` in its parameters' `.grad`; return the mean loss, shape ().

    `batches` holds the mini-batch of each UE that was received, as indices of samples: one forward and backward pass
    over their union. At least one batch is needed: with none, (1) is 0/0 and the module stays as it is.
    """
    union = np.concatenate(batches)
    _clear_gradients(learner.modules, n)
    return learner.accumulate(n, union, weight=1.0 / len(union))


def per_ue_gradient(learner: Learner, n: int, batches: Sequence[Indices]) -> torch.Tensor:
    """The same as `cell_gradient` by the definition (1): the gradient of each UE, weighted by its D_k."""
    modules = learner.modules
    total = sum(len(batch) for batch in batches)
    aggregate = [torch.zeros_like(p) for p in modules.parameters(n)]
    loss = torch.zeros((), device=learner.samples.device)
    for batch in batches:
        _clear_gradients(modules, n)
        share = len(batch) / total
        loss += share * learner.accumulate(n, batch, weight=1.0 / len(batch))
        for mean, parameter in zip(aggregate, modules.parameters(n), strict=True):
            assert parameter.grad is not None
            mean += share * parameter.grad
    for mean, parameter in zip(aggregate, modules.parameters(n), strict=True):
        parameter.grad = mean
    return loss


GRADIENTS: dict[str, Callable[[Learner, int, Sequence[Indices]], torch.Tensor]] = {
    "cell": cell_gradient,
    "per_ue": per_ue_gradient,
}


def _clear_gradients(modules: Modules, n: int) -> None:
    modules.activate(n)
    for parameter in modules.parameters(n):
        parameter.grad = None


def precision(device: torch.device) -> torch.autocast:
    """Bfloat16 on a GPU, with parameters and gradients in float32; nothing on a CPU."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
