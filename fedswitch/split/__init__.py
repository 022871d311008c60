"""The sibling paper (arXiv 2407.02924): what it claims of split federated LoRA, checked, and its system.

Elements ("eq-12", "thm-1") are numbered as in the sibling paper, not as in the paper that this book follows.
"""

from ..theory.outcomes import checks_in
from . import convergence, scheduling
from .delays import equal_share_delays, prefix_delays
from .policies import POLICIES, Policy, Schedule, decide_schedule
from .price import price_bound, price_of_delay
from .scheduled_rounds import ScheduledRounds, schedule_rounds, start_queue_s
from .split_cell import SplitCell
from .split_scenario import SplitScenario

__all__ = [
    "COUNTEREXAMPLES",
    "POLICIES",
    "Policy",
    "Schedule",
    "ScheduledRounds",
    "SplitCell",
    "SplitScenario",
    "decide_schedule",
    "equal_share_delays",
    "prefix_delays",
    "price_bound",
    "price_of_delay",
    "schedule_rounds",
    "start_queue_s",
]

COUNTEREXAMPLES = tuple(checks_in(convergence, scheduling).values())
"""All checks of the sibling, counterexamples but for one."""
