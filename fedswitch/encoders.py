"""Foundation models by their sizes alone: where LoRA sits, and the bits of a gradient, without loading any weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .arguments import whole
from .scenario import Scenario

LORA_TARGETS = ("query", "value")
"""The linear layers of a layer of the encoder that LoRA is added to."""

ROBERTA_WIDTH, ROBERTA_LAYERS, ROBERTA_PARAMETERS = 768, 12, 125e6
"""Of RoBERTa-base, which the paper fine-tunes."""


def lora_payload_bits(
    scenario: Scenario, *, hidden_size: int = ROBERTA_WIDTH, layers: int = ROBERTA_LAYERS
) -> NDArray[np.float64]:
    """G_n of shape (N,): bits of one gradient of each module for an encoder of that size, without its small head.

    Raises ValueError that names the argument unless both sizes are whole numbers from 1.
    """
    width, depth = whole("hidden_size", hidden_size, low=1), whole("layers", layers, low=1)
    parameters = len(LORA_TARGETS) * depth * 2 * width * np.array(scenario.lora_ranks, dtype=float)
    return scenario.bits_per_parameter * parameters
