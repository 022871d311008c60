"""What HetLoRA and FlexLoRA share: one common model, and LoRA factors of UEs whose ranks differ.

A layer's update is scale * B @ A with A of shape (r, in), B of shape (out, r) and scale = alpha / r, as in peft.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ...arguments import Array, Bools
from ...scenario import Scenario
from ...streams import stream
from ..federation import Federation
from ..stacked import LocalModel
from ..tokens import Indices
from .base import Scheme, with_one_module

Factors = tuple[torch.Tensor, torch.Tensor]
"""(A, B) of one layer, of shapes (r, in) and (out, r)."""


class Ranked(Scheme):
    """UEs whose means allow LoRA of different ranks: one of `lora_ranks` each, in equal shares, drawn once.

    In every round each UE starts from the common model at its own rank, makes `local_iterations` steps on its
    mini-batch, and sends its factors and its head. A lost upload leaves everything as it was.
    """

    carried = ("ranks",)

    def __init__(self, scenario: Scenario, seed: int) -> None:
        super().__init__(scenario, seed)
        ranks = np.resize(np.asarray(scenario.lora_ranks), scenario.num_ues)
        self.ranks: NDArray[np.int64] = stream(seed, "rank").permutation(ranks)

    @staticmethod
    def adapt(scenario: Scenario) -> Scenario:
        """One module of the largest rank."""
        return with_one_module(scenario, max(scenario.lora_ranks))

    def payload_bits(self, run: Federation) -> Array:
        """Bits of each UE's factors and head, (1, K)."""
        *factors, weight, bias = run.modules.parameters(0)
        per_rank = sum(factor.numel() for factor in factors) / self.rank_max
        numbers = self.ranks[np.newaxis].astype(np.float64) * per_rank + weight.numel() + bias.numel()
        return run.scenario.bits_per_parameter * numbers

    @property
    def rank_max(self) -> int:
        """The rank of the common model."""
        return self.scenario.lora_ranks[0]

    def starts(self, run: Federation, n: int, ues: Indices) -> Sequence[LocalModel]:
        """See `Scheme`: the common model at the rank of each UE."""
        common = LocalModel.of(run.modules.parameters(n), self.scenario.lora_alpha / self.rank_max)
        ranks = self.ranks[ues].tolist()
        cut = {rank: self.distribute(common, rank) for rank in set(ranks)}
        return [cut[rank] for rank in ranks]

    def learn(self, run: Federation, t: int, received: Bools) -> None:
        """Local steps of the UEs that are received, and their aggregate."""
        ues = np.flatnonzero(received[0])
        if not ues.size:
            return
        start = self.starts(run, 0, ues)
        trained, loss = run.ues.train(t, 0, ues, start)
        run.refuse_divergence({0: loss}, t)
        run.modules.assign(0, self.aggregate(ues, start, trained).parameters)

    @abc.abstractmethod
    def distribute(self, common: LocalModel, rank: int) -> LocalModel:
        """What a UE of that rank starts from."""

    @abc.abstractmethod
    def aggregate(
        self, ues: NDArray[np.int64], start: Sequence[LocalModel], trained: Sequence[LocalModel]
    ) -> LocalModel:
        """The common model from what the received UEs `ues` started from and sent; all have equally much data."""


def mean_head(models: Sequence[LocalModel], weights: Sequence[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of the UEs' heads, averaged."""
    pairs = list(zip(weights, models, strict=True))
    return (
        torch.stack([weight * model.head_weight for weight, model in pairs]).sum(dim=0),
        torch.stack([weight * model.head_bias for weight, model in pairs]).sum(dim=0),
    )


def check_factors(factors: Sequence[Factors]) -> None:
    """ValueError unless there is at least one (A, B), all fit, and all are of one layer: equal in and out.

    Of whole numbers the aggregate would be rounded to whole numbers.
    """
    if not factors:
        raise ValueError("factors must hold (A, B) of at least one UE")
    for k, (a, b) in enumerate(factors):
        if not all(isinstance(factor, torch.Tensor) and factor.is_floating_point() for factor in (a, b)):
            raise ValueError(f"factors[{k}] must be two torch tensors of floating-point numbers")
        if a.ndim != 2 or b.ndim != 2 or b.shape[1] != len(a) or len(a) < 1:
            raise ValueError(
                f"factors[{k}] must be A of shape (r, in) and B of shape (out, r) with one r of at least 1, "
                f"got {tuple(a.shape)} and {tuple(b.shape)}"
            )
        first = (len(factors[0][1]), factors[0][0].shape[1])
        if (len(b), a.shape[1]) != first:
            raise ValueError(
                f"factors[{k}] has a product of shape {(len(b), a.shape[1])} but factors[0] one of shape {first}: "
                "all must be of the same layer"
            )
