"""Gradients and risks: the aggregate of (1) by one pass over the whole cell, and by its definition, UE by UE.

With one gradient per UE and round, the D_k-weighted mean of the UEs' gradients is the mean over the union of their
samples. `cell_gradient` uses that; `per_ue_gradient` does what (1) says, and a test holds both equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from ..arguments import Array
from .modules import Modules
from .samples import Cut, Kept, Samples
from .tokens import Indices, micro_batches
from .workers import in_order

Done = TypeVar("Done")

TOKEN_BUDGET = 1024
"""Tokens of one forward pass on a CPU: enough for fast products, few enough for the caches and for little padding."""

GPU_TOKEN_BUDGET = 32768
"""Tokens of one forward pass on a GPU, where a small one would leave most of it idle."""


class Feed:
    """Samples, cut into micro-batches of similar length, and what the frozen part of a cut encoder makes of them.

    The output of frozen layers is taken from, and added to, `kept`.
    """

    def __init__(self, cut: Cut, samples: Samples, *, kept: Kept | None = None) -> None:
        self.samples = samples
        self._cut = cut
        self._outputs = (kept or Kept()).outputs(samples, cut)

    def state(self) -> dict[str, NDArray[np.int32]]:
        """What a resumed run needs to get the output of frozen layers to the last bit, for a checkpoint."""
        return {} if self._outputs is None else {"batch_of": self._outputs.batch_of}

    def restore(self, state: dict[str, NDArray[np.int32]]) -> None:
        """Put back what `state` returned; a GPU keeps no output, and its runs say nothing of any."""
        if self._outputs is not None and state:
            self._outputs.restore(state["batch_of"])

    def in_batches(
        self,
        indices: Indices,
        work: Callable[[Indices, torch.Tensor, torch.Tensor], Done],
        take: Callable[[Done], object],
    ) -> None:
        """Give `take` what `work` makes of each micro-batch of the samples at `indices`, always in the same order.

        `work` gets places in `indices` (B,), the output of the frozen part, and the mask (B, L); see
        `workers.in_order` for the threads that it runs in.
        """
        tokens, device = self.samples.tokens, self.samples.device
        budget = TOKEN_BUDGET if device.type == "cpu" else GPU_TOKEN_BUDGET
        groups = list(micro_batches(tokens.lengths[indices], budget))
        outputs = self._outputs
        if outputs is not None:
            outputs.learn([indices[places] for places in groups])

        def do(places: Indices) -> Done:
            if outputs is not None:
                return work(places, *outputs.batch(indices[places]))
            batch = tokens.batch(indices[places], device)
            return work(places, self._cut.frozen(batch), batch.mask)

        in_order(do, groups, take, device)

    def labels(self, indices: Indices) -> torch.Tensor:
        """Labels of the samples at `indices` (M,), on the device that computes."""
        return self.samples.labels[torch.from_numpy(indices).to(self.samples.device)]


class Learner(Feed):
    """Modules and the samples that they learn from or are tested on."""

    def __init__(self, modules: Modules, samples: Samples, *, kept: Kept | None = None) -> None:
        super().__init__(modules, samples, kept=kept)
        self.modules = modules

    def gradient(
        self, n: int, indices: Indices, weights: Array | None = None
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Loss of module n, mean over the samples at `indices`, and its gradient by each of the module's parameters.

        With `weights` (M,) it is the sum of the losses weighted with them.
        """
        parameters, labels = self.modules.parameters(n), self.labels(indices)
        weight = None if weights is None else torch.from_numpy(weights.astype(np.float32)).to(labels.device)

        def work(places: Indices, frozen: torch.Tensor, mask: torch.Tensor) -> list[torch.Tensor]:
            logits = self.modules.logits(n, frozen, mask)
            if weight is None:
                loss = cross_entropy(logits, labels[places], reduction="sum") / len(indices)
            else:
                loss = cross_entropy(logits, labels[places], reduction="none") @ weight[places]
            return [loss.detach(), *torch.autograd.grad(loss, parameters)]

        sums: list[torch.Tensor] = []
        self.in_batches(indices, work, lambda parts: add(sums, parts))
        return sums[0], sums[1:]

    def log_probabilities(self, indices: Indices | None = None) -> NDArray[np.float32]:
        """Log p(label) of every module, sample at `indices` (all where not given) and label: (N, M, C)."""
        modules = self.modules
        chosen = np.arange(len(self.samples.tokens)) if indices is None else indices
        shape = (len(modules), len(chosen), modules.heads[0].out_features)
        scores = torch.empty(shape, dtype=torch.float32, device=self.samples.device)

        @torch.inference_mode()
        def work(places: Indices, frozen: torch.Tensor, mask: torch.Tensor) -> None:
            logits = torch.stack([modules.logits(n, frozen, mask) for n in range(len(modules))])
            scores[:, torch.from_numpy(places).to(scores.device)] = logits.log_softmax(dim=-1).float()

        self.in_batches(chosen, work, take=lambda _: None)
        return scores.cpu().numpy()


def add(sums: list[torch.Tensor], parts: Sequence[torch.Tensor]) -> None:
    """Add `parts`, tensor by tensor, to `sums`, which begin empty."""
    if not sums:
        sums.extend(parts)
        return
    for total, part in zip(sums, parts, strict=True):
        total += part


def cell_gradient(learner: Learner, n: int, batches: Sequence[Indices], weights: Array | None = None) -> torch.Tensor:
    """Leave the aggregated gradient of (1) for module `n` in its parameters' `.grad`; return the mean loss, shape ().

    `batches` holds the mini-batch of each UE that was received, as indices of samples: one forward and backward pass
    over their union. At least one batch is needed: with none, (1) is 0/0 and the module stays as it is. With `weights`,
    one for each batch, the gradient is the sum of the UEs' mean gradients weighted with them, and so is the loss.
    """
    each = None
    if weights is not None:
        each = np.concatenate([np.full(len(batch), w / len(batch)) for w, batch in zip(weights, batches, strict=True)])
    return _leave(learner, n, *learner.gradient(n, np.concatenate(batches), each))


def per_ue_gradient(learner: Learner, n: int, batches: Sequence[Indices], weights: Array | None = None) -> torch.Tensor:
    """The same as `cell_gradient` by the definition (1): the gradient of each UE, weighted by its D_k or as given."""
    sizes = np.array([len(batch) for batch in batches])
    shares = (sizes / sizes.sum() if weights is None else weights).tolist()
    sums: list[torch.Tensor] = []
    for batch, share in zip(batches, shares, strict=True):
        loss, gradient = learner.gradient(n, batch)
        add(sums, [share * part for part in (loss, *gradient)])
    return _leave(learner, n, sums[0], sums[1:])


GRADIENTS: dict[str, Callable[[Learner, int, Sequence[Indices], Array | None], torch.Tensor]] = {
    "cell": cell_gradient,
    "per_ue": per_ue_gradient,
}


def _leave(learner: Learner, n: int, loss: torch.Tensor, gradient: Sequence[torch.Tensor]) -> torch.Tensor:
    for parameter, part in zip(learner.modules.parameters(n), gradient, strict=True):
        parameter.grad = part
    return loss
