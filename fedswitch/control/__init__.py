"""Section IV of the paper: bandwidth (Theorem 2, Algorithm 1), power (21) and subscription. NumPy and SciPy only."""

from .bandwidth import Allocation, Trace, allocate_bandwidth, share_for_delay
from .power import optimal_power
from .subscription import dual_ascent, random_subscription, subscribe

__all__ = [
    "Allocation",
    "Trace",
    "allocate_bandwidth",
    "dual_ascent",
    "optimal_power",
    "random_subscription",
    "share_for_delay",
    "subscribe",
]
