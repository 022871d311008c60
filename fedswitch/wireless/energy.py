"""What one round costs a UE: the two terms of equation (4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, checked, single
from ..scenario import Scenario

# Forward and backward through frozen weights: two operations each way for every parameter and token; gradients of the
# weights themselves are not computed.
_FLOPS_PER_PARAMETER_AND_TOKEN = 4


def compute_energy_j(
    num_samples: ArrayLike,
    cycles_per_sample: ArrayLike,
    *,
    local_iterations: ArrayLike,
    cpu_frequency_hz: ArrayLike,
    chip_energy_coefficient: ArrayLike,
) -> Array:
    r"""Energy of local computing in J, the first term of (4): :math:`\tau D\, (G M)\, f^2 \varrho`; any shape.

    `num_samples` is the mini-batch D, `cycles_per_sample` the product G M of (4) (`compute_cycles`), `local_iterations`
    tau; one cycle costs ``rho f^2`` joules. Raises ValueError for an argument that is negative or not finite.
    """
    samples, cycles, iterations, frequency, coefficient = checked(
        non_negative={
            "num_samples": num_samples,
            "cycles_per_sample": cycles_per_sample,
            "local_iterations": local_iterations,
            "cpu_frequency_hz": cpu_frequency_hz,
            "chip_energy_coefficient": chip_energy_coefficient,
        }
    )
    return iterations * samples * cycles * coefficient * frequency**2


def compute_cycles(scenario: Scenario, model_bits: float) -> float:
    """Processor cycles of one sample, G M of (4), under the reading `scenario.compute_energy`.

    "per_model_bit" is what the paper prints: every sample is charged for all `model_bits` of the foundation model, M
    cycles each. "per_data_bit" charges M cycles for each bit of the sample itself, its tokens times the bits of a
    token. "flops" counts the arithmetic of a forward and a backward pass through the frozen model. Raises ValueError
    for model bits that are negative or not finite.
    """
    (bits,) = single(non_negative={"model_bits": model_bits})
    if scenario.compute_energy == "per_model_bit":
        return float(bits * scenario.cycles_per_bit)
    if scenario.compute_energy == "per_data_bit":
        return float(scenario.tokens_per_sample * scenario.bits_per_token * scenario.cycles_per_bit)
    parameters = bits / scenario.bits_per_parameter
    flops = _FLOPS_PER_PARAMETER_AND_TOKEN * parameters * scenario.tokens_per_sample
    return float(flops / scenario.flops_per_cycle)


def training_energy_j(scenario: Scenario, model_bits: float) -> float:
    """Energy in J that one subscription costs a UE in computing in one round: the first term of (4) for a scenario.

    `model_bits` is the size of what is trained. Raises ValueError for one that is negative or not finite.
    """
    joules = compute_energy_j(
        scenario.batch_size,
        compute_cycles(scenario, model_bits),
        local_iterations=scenario.local_iterations,
        cpu_frequency_hz=scenario.cpu_frequency_hz,
        chip_energy_coefficient=scenario.chip_energy_coefficient,
    )
    return float(joules)


def uplink_energy_j(power_w: ArrayLike, delay_s: ArrayLike) -> Array:
    """Energy of the upload in J, the second term of (4): transmit power times delay; any shape.

    A UE that transmits at no power spends nothing, even forever. Raises ValueError for a negative argument.
    """
    power, delay = checked(non_negative={"power_w": power_w}, non_negative_or_infinite={"delay_s": delay_s})
    with np.errstate(invalid="ignore"):
        return np.where(power > 0, power * delay, 0.0)
