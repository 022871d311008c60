"""What one round costs a UE: the two terms of equation (4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..scenario import Scenario
from ._checks import checked


def compute_energy_j(
    num_samples: ArrayLike,
    bits_per_sample: ArrayLike,
    *,
    local_iterations: ArrayLike,
    cpu_frequency_hz: ArrayLike,
    chip_energy_coefficient: ArrayLike,
    cycles_per_bit: ArrayLike,
) -> NDArray[np.float64]:
    r"""Energy of local computing in J, the first term of (4): :math:`\tau D G f^2 \varrho M`; any shape.

    `num_samples` is the mini-batch D, `bits_per_sample` the bits G that one sample makes the processor work through
    (`compute_bits`), `local_iterations` tau, `cycles_per_bit` M; one cycle costs ``rho f^2`` joules. Raises ValueError
    for an argument that is negative or not finite.
    """
    samples, bits, iterations, frequency, coefficient, cycles = checked(
        non_negative={
            "num_samples": num_samples,
            "bits_per_sample": bits_per_sample,
            "local_iterations": local_iterations,
            "cpu_frequency_hz": cpu_frequency_hz,
            "chip_energy_coefficient": chip_energy_coefficient,
            "cycles_per_bit": cycles_per_bit,
        }
    )
    return iterations * samples * bits * cycles * coefficient * frequency**2


def compute_bits(scenario: Scenario, model_bits: float) -> float:
    """Bits G of (4) for one sample, under the reading `scenario.compute_energy`.

    "per_model_bit" is what the paper prints: every sample is charged for all `model_bits` of the foundation model.
    "per_data_bit" charges the bits of the sample itself, its tokens times the bits of a token. Raises ValueError for
    model bits that are negative or not finite.
    """
    checked(non_negative={"model_bits": model_bits})
    if scenario.compute_energy == "per_model_bit":
        return float(model_bits)
    return float(scenario.tokens_per_sample * scenario.bits_per_token)


def uplink_energy_j(power_w: ArrayLike, delay_s: ArrayLike) -> NDArray[np.float64]:
    """Energy of the upload in J, the second term of (4): transmit power times delay; any shape.

    A UE that transmits at no power spends nothing, even forever. Raises ValueError for a negative argument.
    """
    power, delay = checked(non_negative={"power_w": power_w}, non_negative_or_infinite={"delay_s": delay_s})
    with np.errstate(invalid="ignore"):
        return np.where(power > 0, power * delay, 0.0)
