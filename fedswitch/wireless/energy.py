"""What one round costs a UE: the two terms of equation (4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, checked, single
from ..scenario import Scenario

# Forward and backward through frozen weights: two operations each way for every parameter and token; gradients of the
# weights themselves are not computed.
_FLOPS_PER_PARAMETER_AND_TOKEN = 4


def training_energy_j(scenario: Scenario, model_bits: float) -> float:
    r"""Energy in J that one subscription costs a UE in computing in one round.

    That is the first term of (4), :math:`\tau D\, (G M)\, f^2 \varrho`: :math:`\tau` passes over D samples of G M
    cycles each, and a cycle costs :math:`f^2 \varrho` joules. `model_bits` is the size of the foundation model. Raises
    ValueError for one that is negative or not finite.
    """
    (bits,) = single(non_negative={"model_bits": model_bits})
    s = scenario
    cycles = _cycles_per_sample(s, bits)
    return float(s.local_iterations * s.batch_size * cycles * s.chip_energy_coefficient * s.cpu_frequency_hz**2)


def _cycles_per_sample(scenario: Scenario, model_bits: float) -> float:
    """Processor cycles of one sample, G M of (4), under the reading `scenario.compute_energy`.

    "per_model_bit" is what the paper prints: every sample is charged for all `model_bits` of the foundation model, M
    cycles each. "per_data_bit" charges M cycles for each bit of the sample itself, its tokens times the bits of a
    token. "flops" counts the arithmetic of a forward and a backward pass through the frozen model.
    """
    if scenario.compute_energy == "per_model_bit":
        return model_bits * scenario.cycles_per_bit
    if scenario.compute_energy == "per_data_bit":
        return scenario.tokens_per_sample * scenario.bits_per_token * scenario.cycles_per_bit
    parameters = model_bits / scenario.bits_per_parameter
    flops = _FLOPS_PER_PARAMETER_AND_TOKEN * parameters * scenario.tokens_per_sample
    return flops / scenario.flops_per_cycle


def uplink_energy_j(power_w: ArrayLike, delay_s: ArrayLike) -> Array:
    """Energy of the upload in J, the second term of (4): transmit power times delay; any shape.

    A UE that transmits at no power spends nothing, even forever. Raises ValueError for a negative argument.
    """
    power, delay = checked(non_negative={"power_w": power_w}, non_negative_or_infinite={"delay_s": delay_s})
    with np.errstate(invalid="ignore"):
        return np.where(power > 0, power * delay, 0.0)
