"""The gNB's LoRA modules: N adapters with a classification head each, on one frozen backbone."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer

from ..scenario import Scenario
from ..streams import stream
from .backbones import Backbone

LORA_TARGETS = ("query", "value")
HEAD_STD = 0.02


class LoraModules:
    """Delta w_1, ..., Delta w_N of the paper, each of its own rank, with a head that is sent and aggregated with it.

    `backbone.encoder` carries the adapters from then on. Only the active module has parameters that ask for gradients:
    `activate` before a forward pass.
    """

    def __init__(self, backbone: Backbone, scenario: Scenario, *, num_labels: int, seed: int) -> None:
        self.backbone = backbone
        depth = backbone.num_layers if scenario.lora_layers is None else scenario.lora_layers
        if depth > backbone.num_layers:
            raise ValueError(
                f"lora_layers = {depth} exceeds the {backbone.num_layers} layers of the backbone {backbone.name!r}"
            )
        self.frozen_layers = backbone.num_layers - depth
        self.bits_per_parameter = scenario.bits_per_parameter
        for n, rank in enumerate(scenario.lora_ranks):
            config = LoraConfig(
                r=rank,
                lora_alpha=scenario.lora_alpha,
                target_modules=list(LORA_TARGETS),
                layers_to_transform=list(range(self.frozen_layers, backbone.num_layers)),
                layers_pattern="layer",
            )
            with warnings.catch_warnings():
                # peft asks whether several adapters on one model are meant: they are
                warnings.filterwarnings("ignore", message="Already found a `peft_config`")
                inject_adapter_in_model(config, backbone.encoder, adapter_name=_name(n))
        self._layers: list[Any] = [layer for layer in backbone.encoder.modules() if isinstance(layer, LoraLayer)]
        device = next(backbone.encoder.parameters()).device
        self.heads = [torch.nn.Linear(backbone.hidden_size, num_labels, device=device) for _ in scenario.lora_ranks]
        self._parameters = [self._collect(n) for n in range(len(scenario.lora_ranks))]
        for n in range(len(self)):
            self._initialize(n, seed)

    def __len__(self) -> int:
        return len(self.heads)

    @property
    def payload_bits(self) -> NDArray[np.float64]:
        """G_n: bits of one gradient of each module, LoRA factors and head, shape (N,)."""
        counts = [sum(p.numel() for p in parameters) for parameters in self._parameters]
        return self.bits_per_parameter * np.array(counts, dtype=float)

    @property
    def model_bits(self) -> float:
        """G^w: bits of the foundation model w_0."""
        return float(self.bits_per_parameter * self.backbone.num_parameters)

    def parameters(self, n: int) -> list[torch.nn.Parameter]:
        """Factors and head of module `n`, always in the same order."""
        return self._parameters[n]

    def activate(self, n: int) -> None:
        """Route the backbone through module `n`, and let its parameters alone ask for gradients."""
        for layer in self._layers:
            layer.set_adapter(_name(n))
        for i, head in enumerate(self.heads):
            head.requires_grad_(i == n)

    def logits(self, n: int, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Class scores (B, C) of the active module `n` from the output (B, L, hidden) of the frozen layers."""
        scores: torch.Tensor = self.heads[n](self.backbone.encode(hidden, mask, self.frozen_layers))
        return scores

    def state(self) -> list[list[torch.Tensor]]:
        """Copies of all parameters by module, for a checkpoint."""
        return [[p.detach().cpu().clone() for p in parameters] for parameters in self._parameters]

    def load_state(self, state: list[list[torch.Tensor]]) -> None:
        """Put back what `state` returned."""
        with torch.no_grad():
            for parameters, saved in zip(self._parameters, state, strict=True):
                for parameter, value in zip(parameters, saved, strict=True):
                    parameter.copy_(value)

    def _collect(self, n: int) -> list[torch.nn.Parameter]:
        return [*(factor for pair in self._factors(n) for factor in pair), *self.heads[n].parameters()]

    def _factors(self, n: int) -> list[tuple[torch.nn.Parameter, torch.nn.Parameter]]:
        """(A, B) of module `n` in every layer that LoRA is applied to."""
        return [(layer.lora_A[_name(n)].weight, layer.lora_B[_name(n)].weight) for layer in self._layers]

    def _initialize(self, n: int, seed: int) -> None:
        """A uniform as LoRA does, B zero, head small: from our own stream, not from torch's global one."""
        rng = stream(seed, "module", n)

        def fill(parameter: torch.Tensor, values: NDArray[np.float64]) -> None:
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(values).to(parameter.dtype))

        for a, b in self._factors(n):
            bound = 1.0 / math.sqrt(a.shape[1])
            fill(a, rng.uniform(-bound, bound, size=a.shape))
            fill(b, np.zeros(b.shape))
        head = self.heads[n]
        fill(head.weight, rng.normal(scale=HEAD_STD, size=head.weight.shape))
        fill(head.bias, np.zeros(head.bias.shape))


def _name(n: int) -> str:
    return f"module{n}"
