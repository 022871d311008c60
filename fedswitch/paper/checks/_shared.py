"""What the checks share: RoBERTa-base, uploads and decisions of a cell, and numbers as a sentence has them."""

from __future__ import annotations

from ... import control, wireless
from ...encoders import ROBERTA_PARAMETERS, lora_payload_bits
from ...scenario import Scenario
from ...streams import stream

MODEL_BITS = ROBERTA_PARAMETERS * 32  # of RoBERTa-base, which the paper fine-tunes, in single precision
SHARE = 0.01  # of the band, for an upload


def arrives(scenario: Scenario, distance_m: float, power_w: float, share: float = SHARE) -> float:
    """Success probability of an upload."""
    return float(wireless.Reception.of(scenario, distance_m, share, 1.0).probability(power_w))


def first_decision(scenario: Scenario, seed: int = 0) -> control.Decision:
    """What Algorithm 2 decides in the first round of a cell."""
    seen = control.Observation(wireless.Cell.draw(scenario, seed).channel(0), lora_payload_bits(scenario))
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
