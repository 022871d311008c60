"""What the gNB trains: N LoRA modules with a head each on one frozen backbone, or the whole model."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence

import numpy as np
import torch

from ..arguments import Array
from ..scenario import Scenario
from ..streams import stream
from .encoding import Backbone
from .patches import ImageBatch
from .tokens import Batch

HEAD_STD = 0.02


class Modules(abc.ABC):
    """N sets of parameters in float32, with a head each, on one backbone; heads start from streams of `seed`.

    `frozen_layers` is how many of the first encoder layers nothing changes.
    """

    def __init__(
        self, backbone: Backbone, scenario: Scenario, *, count: int, num_labels: int, frozen_layers: int
    ) -> None:
        self.backbone = backbone
        self.frozen_layers = frozen_layers
        self.bits_per_parameter = scenario.bits_per_parameter
        device = next(backbone.encoder.parameters()).device
        sizes = (backbone.hidden_size, num_labels)
        # torch would fill them with numbers of its global generator first
        self.heads = [
            torch.nn.utils.skip_init(torch.nn.Linear, *sizes, device=device, dtype=torch.float32) for _ in range(count)
        ]
        self._parameters: list[list[torch.nn.Parameter]] = []

    def __len__(self) -> int:
        return len(self.heads)

    @property
    def payload_bits(self) -> Array:
        """G_n: bits of one gradient of each module, all that is trained of it, shape (N,)."""
        counts = [sum(p.numel() for p in parameters) for parameters in self._parameters]
        return self.bits_per_parameter * np.array(counts, dtype=float)

    @property
    def model_bits(self) -> float:
        """G^w: bits of the foundation model w_0."""
        return float(self.bits_per_parameter * self.backbone.num_parameters)

    def parameters(self, n: int) -> list[torch.nn.Parameter]:
        """All that is trained of module `n`, head last, always in the same order."""
        return self._parameters[n]

    @abc.abstractmethod
    def frozen(self, batch: Batch | ImageBatch) -> torch.Tensor:
        """What no training changes, and `logits` starts from."""

    @abc.abstractmethod
    def logits(self, n: int, frozen: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Class scores (B, C) of module `n`."""

    def state(self) -> list[list[torch.Tensor]]:
        """Copies of all parameters by module, for a checkpoint."""
        return [[p.detach().cpu().clone() for p in parameters] for parameters in self._parameters]

    def load_state(self, state: list[list[torch.Tensor]]) -> None:
        """Put back what `state` returned."""
        for n, saved in enumerate(state):
            self.assign(n, saved)

    def assign(self, n: int, values: Sequence[torch.Tensor]) -> None:
        """Set the parameters of module `n`, in the order of `parameters`."""
        with torch.no_grad():
            for parameter, value in zip(self._parameters[n], values, strict=True):
                parameter.copy_(value)

    def _start_head(self, n: int, rng: np.random.Generator) -> None:
        head = self.heads[n]
        _fill(head.weight, rng.normal(scale=HEAD_STD, size=head.weight.shape))
        torch.nn.init.zeros_(head.bias)


class LoraModules(Modules):
    """Delta w_1, ..., Delta w_N of the paper, each of its own rank, with a head that is sent and aggregated with it.

    The weights of the backbone are frozen, and cast once to the `precision` of the scenario.
    """

    def __init__(self, backbone: Backbone, scenario: Scenario, *, num_labels: int, seed: int) -> None:
        frozen = backbone.cast(getattr(torch, scenario.precision))
        frozen_layers, adapted = backbone.adapted(scenario.lora_layers)
        super().__init__(
            frozen,
            scenario,
            count=len(scenario.lora_ranks),
            num_labels=num_labels,
            frozen_layers=frozen_layers,
        )
        for n, rank in enumerate(scenario.lora_ranks):
            shapes = [s for linear in adapted for s in ((rank, linear.in_features), (linear.out_features, rank))]
            factors = [torch.nn.Parameter(self.heads[n].weight.new_zeros(s)) for s in shapes]
            self._parameters.append([*factors, *self.heads[n].parameters()])
            self._initialize(n, seed)
        self.scales = [scenario.lora_alpha / rank for rank in scenario.lora_ranks]

    def frozen(self, batch: Batch | ImageBatch) -> torch.Tensor:
        """See `Modules`: the output of the frozen layers, (B, L, hidden)."""
        return self.backbone.embed(batch, self.frozen_layers)

    def logits(self, n: int, frozen: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """See `Modules`."""
        adapters = [(a, self.scales[n] * b) for a, b in self._factors(n)]
        return self.heads[n](self.backbone.encode(frozen, mask, self.frozen_layers, adapters))

    def _factors(self, n: int) -> list[tuple[torch.nn.Parameter, torch.nn.Parameter]]:
        """(A, B) of module `n` for each linear layer that LoRA is added to."""
        factors = self._parameters[n][:-2]
        return list(zip(factors[::2], factors[1::2], strict=True))

    def _initialize(self, n: int, seed: int) -> None:
        """A uniform as LoRA does, B zero, head small: from our own stream, not from torch's global one."""
        rng = stream(seed, "module", n)
        for a, _ in self._factors(n):
            bound = 1.0 / math.sqrt(a.shape[1])
            _fill(a, rng.uniform(-bound, bound, size=a.shape))
        self._start_head(n, rng)


class FullModel(Modules):
    """The whole backbone with one head, N = 1: every parameter of a copy of it is trained, and sent.

    Nothing is frozen, so all is float32 whatever the `precision` of the scenario.
    """

    def __init__(self, backbone: Backbone, scenario: Scenario, *, num_labels: int, seed: int) -> None:
        own = backbone.copy(torch.float32)
        super().__init__(own, scenario, count=1, num_labels=num_labels, frozen_layers=0)
        own.encoder.requires_grad_(True)
        used = [p for name, p in own.encoder.named_parameters() if not name.startswith("pooler")]
        self._parameters = [[*used, *self.heads[0].parameters()]]
        self._start_head(0, stream(seed, "module", 0))

    def frozen(self, batch: Batch | ImageBatch) -> torch.Tensor:
        """See `Modules`: token and segment ids, (2, B, L), or pixels (1, B, 3, side, side)."""
        return torch.stack(batch.inputs)

    def logits(self, n: int, frozen: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """See `Modules`."""
        return self.heads[n](self.backbone.encode(self.backbone.embeddings(*frozen), mask, 0))


def _fill(parameter: torch.Tensor, values: Array) -> None:
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(values).to(parameter.dtype))
