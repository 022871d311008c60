"""What the checks share: RoBERTa-base, uploads and decisions of a cell, and numbers as a sentence has them."""

from __future__ import annotations

import numpy as np

from ... import control, wireless
from ...arguments import Array
from ...scenario import Scenario
from ...streams import stream

MODEL_BITS = 125e6 * 32  # of RoBERTa-base, which the paper fine-tunes, in single precision
_PARAMETERS_PER_RANK = 2 * 12 * 2 * 768  # LoRA on query and value of 12 layers: two factors, 768 wide
SHARE = 0.01  # of the band, for an upload


def payload_bits(scenario: Scenario) -> Array:
    """G_n of shape (N,): bits of one gradient of each module."""
    return scenario.bits_per_parameter * _PARAMETERS_PER_RANK * np.array(scenario.lora_ranks, dtype=np.float64)


def arrives(scenario: Scenario, distance_m: float, power_w: float, share: float = SHARE) -> float:
    """Success probability of an upload."""
    return float(wireless.Reception.of(scenario, distance_m, share, 1.0).probability(power_w))


def first_decision(scenario: Scenario, seed: int = 0) -> control.Decision:
    """What Algorithm 2 decides in the first round of a cell."""
    seen = control.Observation(wireless.Cell.draw(scenario, seed).channel(0), payload_bits(scenario))
    begun = control.start(scenario, rng=stream(seed, "start"))
    return control.decide(scenario, seen, begun, rng=stream(seed, "decisions"))[0]


def percent(share: float) -> str:
    """A share in percent, to three digits."""
    return f"{100.0 * share:.3g} %"


def duration(seconds: float) -> str:
    """A time in s, or in ms if it is shorter than that, to four digits."""
    return f"{seconds:.4g} s" if seconds >= 1.0 else f"{1e3 * seconds:.4g} ms"


def milliwatts(watts: float) -> str:
    """A power in mW, to three digits."""
    return f"{1e3 * watts:.3g} mW"
