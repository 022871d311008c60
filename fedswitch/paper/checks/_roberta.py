"""The sizes of RoBERTa-base, which the paper fine-tunes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...scenario import Scenario

MODEL_BITS = 125e6 * 32  # in single precision
_PARAMETERS_PER_RANK = 2 * 12 * 2 * 768  # LoRA on query and value of 12 layers: two factors, 768 wide


def payload_bits(scenario: Scenario) -> NDArray[np.float64]:
    """G_n of shape (N,): bits of one gradient of each module."""
    return scenario.bits_per_parameter * _PARAMETERS_PER_RANK * np.array(scenario.lora_ranks, dtype=np.float64)
