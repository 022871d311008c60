"""Section III of the paper: Theorem 1 as printed, as it follows from its proof, and better. NumPy and SciPy only.

What needs more is imported by name: `statements` (SymPy), `counterexamples`, `problems`, `montecarlo`, `trials`.
"""

from .bounds import (
    RiskGapBound,
    bias_and_noise,
    bias_and_noise_constants,
    heterogeneity_bound,
    next_bound,
    risk_gap_bound,
    unroll,
)
from .constants import Missed, constants, missed_data, ue_constants
from .moments import ReceivedWeights, inverse_moments, inverse_weights, received_weights
from .stationarity import StationarityBound, sampling_noise, sampling_offset, spread_factors, stationarity_bound

__all__ = [
    "Missed",
    "ReceivedWeights",
    "RiskGapBound",
    "StationarityBound",
    "bias_and_noise",
    "bias_and_noise_constants",
    "constants",
    "heterogeneity_bound",
    "inverse_moments",
    "inverse_weights",
    "missed_data",
    "next_bound",
    "received_weights",
    "risk_gap_bound",
    "sampling_noise",
    "sampling_offset",
    "spread_factors",
    "stationarity_bound",
    "ue_constants",
    "unroll",
]
