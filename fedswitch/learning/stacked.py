"""Local training of many UEs at once, each with LoRA factors, rank and head of its own, on one frozen backbone.

After the first local step the UEs' parameters differ, and the union batch of `engine.cell_gradient` no longer serves.
Here every sample passes the frozen backbone in one common batch, and in each adapted layer the factors of its own UE.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch.nn import functional

from ..encoders import LORA_TARGETS
from .engine import Learner, add
from .tokens import Indices

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
"""Both move every number by its own gradients and the count of steps alone, and all UEs take equally many steps: one
optimizer over the stacked UEs does what one for each of them would. What takes a norm over a tensor (LAMB, clipped
gradients) would mix UEs and does not belong here."""


@dataclasses.dataclass(frozen=True)
class LocalModel:
    """LoRA factors and head of one UE.

    `pairs` holds (A (r, in), B (out, r)) of every adapted layer, in the order of `LoraModules.parameters`, all of one
    rank r; `head_weight` (C, hidden), `head_bias` (C,). A layer adds `scale` * B A, with alpha / r for a scale in LoRA.
    Raises ValueError where ranks differ between factors.
    """

    pairs: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    head_weight: torch.Tensor
    head_bias: torch.Tensor
    scale: float

    def __post_init__(self) -> None:
        ranks = {rank for a, b in self.pairs for rank in (a.shape[0], b.shape[1])}
        if len(ranks) != 1:
            raise ValueError(f"pairs must hold A (r, in) and B (out, r) of one rank r, got {sorted(ranks)}")

    @classmethod
    def of(cls, parameters: Sequence[torch.Tensor], scale: float) -> LocalModel:
        """Copies of `parameters`, given as `LoraModules.parameters` lists them: A, B, A, B, ..., head weight, bias."""
        *factors, head_weight, head_bias = (parameter.detach().clone() for parameter in parameters)
        return cls(tuple(zip(factors[::2], factors[1::2], strict=True)), head_weight, head_bias, scale)

    @property
    def parameters(self) -> list[torch.Tensor]:
        """Factors and head in the order of `LoraModules.parameters`."""
        return [*(factor for pair in self.pairs for factor in pair), self.head_weight, self.head_bias]

    @property
    def rank(self) -> int:
        """The rank r of all factors."""
        return self.pairs[0][0].shape[0]


Penalty = Callable[[LocalModel], torch.Tensor]
"""What a scheme adds to the loss of one UE: a differentiable number () from the factors of that UE."""


def train_locally(
    learner: Learner,
    batches: Sequence[Sequence[Indices]],
    start: Sequence[LocalModel],
    *,
    learning_rate: float,
    optimizer: str = "sgd",
    penalty: Penalty | None = None,
) -> tuple[list[LocalModel], torch.Tensor]:
    """Let K UEs make tau local steps each; return their models and their mean losses (tau, K), each before its step.

    A step of a UE follows the gradient of its mean loss over its own mini-batch, plus its penalty. The modules of
    `learner` have no part in it, and stay as they are.

    Args:
        learner: the samples, and the LoRA modules whose backbone and frozen layers are used.
        batches: the tau mini-batches of each UE, as indices of samples; their sizes may differ.
        start: what each UE starts from, (K,); ranks and scales may differ.
        learning_rate: step of the optimizer.
        optimizer: "sgd" or "adam", with new moments at each call.
        penalty: added to the loss of each UE, but not to the losses returned.

    Raises:
        ValueError: for an argument that does not fit the others, or an unknown optimizer.
    """
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"unknown optimizer {optimizer!r}; there are: {', '.join(OPTIMIZERS)}")
    _check_batches(batches, len(start))
    backbone, frozen_layers = learner.modules.backbone, learner.modules.frozen_layers
    pairs = len(LORA_TARGETS) * (backbone.num_layers - frozen_layers)
    if {len(ue.pairs) for ue in start} != {pairs}:
        raise ValueError(
            f"start must hold {pairs} pairs of factors for every UE, as many as the backbone {backbone.name!r} has "
            f"layers to adapt after {frozen_layers} frozen ones"
        )
    losses = []
    stacks = _stack(start)
    local = OPTIMIZERS[optimizer](stacks, lr=learning_rate)
    scales = torch.tensor([ue.scale for ue in start], dtype=stacks[0].dtype, device=stacks[0].device)
    for step in zip(*batches, strict=True):
        loss, gradients = _gradient(learner, step, stacks, scales)
        losses.append(loss)
        for stack, gradient in zip(stacks, gradients, strict=True):
            stack.grad = gradient
        if penalty is not None:
            torch.stack([penalty(ue) for ue in _unstack(stacks, start)]).sum().backward()
        local.step()
    trained = [LocalModel.of(ue.parameters, ue.scale) for ue in _unstack(stacks, start)]
    return trained, torch.stack(losses)


def _check_batches(batches: Sequence[Sequence[Indices]], num_ues: int) -> None:
    if not batches or len(batches) != num_ues:
        raise ValueError(f"batches and start must be of the same UEs, at least one, got {len(batches)} and {num_ues}")
    steps = {len(own) for own in batches}
    if len(steps) != 1 or 0 in steps:
        raise ValueError(f"batches must hold equally many mini-batches for every UE, at least one, got {sorted(steps)}")
    if any(len(batch) == 0 for own in batches for batch in own):
        raise ValueError("batches must hold no empty mini-batch: a UE without samples has no gradient")


def _stack(start: Sequence[LocalModel]) -> list[torch.Tensor]:
    """The parameters of all UEs, each (K, ...), with zeros where a UE's rank is below the largest.

    These zeros last: the gradient of a padded row of A is a multiple of the padded column of B, and the other way.
    """
    rank_max = max(ue.rank for ue in start)

    def padded(ue: LocalModel) -> Iterator[torch.Tensor]:
        missing = rank_max - ue.rank
        for a, b in ue.pairs:
            yield functional.pad(a, (0, 0, 0, missing))
            yield functional.pad(b, (0, missing))
        yield from (ue.head_weight, ue.head_bias)

    columns = zip(*map(padded, start), strict=True)
    return [torch.stack(column).detach().requires_grad_() for column in columns]


def _unstack(stacks: Sequence[torch.Tensor], start: Sequence[LocalModel]) -> list[LocalModel]:
    """The parameters of each UE without the padding, as views through which gradients flow."""
    rows = zip(*(stack.unbind() for stack in stacks), strict=True)
    return [
        LocalModel(
            tuple((a[: ue.rank], b[:, : ue.rank]) for a, b in zip(row[:-2:2], row[1:-2:2], strict=True)),
            row[-2],
            row[-1],
            ue.scale,
        )
        for ue, row in zip(start, rows, strict=True)
    ]


def _gradient(
    learner: Learner, step: Sequence[Indices], stacks: Sequence[torch.Tensor], scales: torch.Tensor
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Mean losses (K,) of the UEs over their mini-batches in `step`, and their gradients by the stacks."""
    samples, modules = learner.samples, learner.modules
    sizes = [len(batch) for batch in step]
    union = np.concatenate(step)
    labels = learner.labels(union)
    owners = torch.from_numpy(np.repeat(np.arange(len(step)), sizes)).to(samples.device)
    # the sum over UEs of their mean losses: the gradient by the parameters of one UE is that of its own loss
    shares = 1.0 / torch.tensor(sizes, dtype=scales.dtype, device=samples.device)

    def work(places: Indices, frozen: torch.Tensor, mask: torch.Tensor) -> list[torch.Tensor]:
        owner = owners[places]
        # index_select, because the gradient of stack[owner] is summed in no fixed order by more than one thread
        *factors, head_weight, head_bias = (stack.index_select(0, owner) for stack in stacks)
        scale = scales[owner, None, None]
        adapters = [(a, scale * b) for a, b in zip(factors[::2], factors[1::2], strict=True)]
        pooled = modules.backbone.encode(frozen, mask, modules.frozen_layers, adapters)
        logits = torch.bmm(head_weight, pooled[..., None])[..., 0] + head_bias
        parts = shares[owner] * functional.cross_entropy(logits, labels[places], reduction="none")
        losses = torch.zeros_like(shares).index_add_(0, owner, parts.detach())
        return [losses, *torch.autograd.grad(parts.sum(), stacks)]

    sums: list[torch.Tensor] = []
    learner.in_batches(union, work, lambda parts: add(sums, parts))
    return sums[0], sums[1:]
