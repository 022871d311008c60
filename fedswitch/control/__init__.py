"""Section IV of the paper: bandwidth (Theorem 2, Algorithm 1), power (21) and subscription. NumPy and SciPy only."""

from .bandwidth import Allocation, Trace, allocate_bandwidth, share_for_delay
from .power import optimal_power
from .subscription import random_subscription

__all__ = ["Allocation", "Trace", "allocate_bandwidth", "optimal_power", "random_subscription", "share_for_delay"]
