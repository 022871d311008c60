"""Section IV of the paper: bandwidth allocation (Theorem 2, Algorithm 1) and subscription. NumPy only."""

from .bandwidth import Allocation, Trace, allocate_bandwidth, share_for_delay
from .subscription import random_subscription

__all__ = ["Allocation", "Trace", "allocate_bandwidth", "random_subscription", "share_for_delay"]
