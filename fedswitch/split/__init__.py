"""The sibling paper (arXiv 2407.02924): what it claims of split federated LoRA, checked, and its system.

Elements ("eq-12", "thm-1") are numbered as in the sibling paper, not as in the paper that this book follows.
"""

from __future__ import annotations

import importlib
from typing import Any

from ..theory.outcomes import checks_in
from . import convergence, long_run, readings, scheduling
from .delays import equal_share_delays, prefix_delays
from .long_run import excess_bound, first_round_risk, follow_queue, settled, shortfall_bound
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
    "SplitHistory",
    "SplitScenario",
    "decide_schedule",
    "equal_share_delays",
    "excess_bound",
    "first_round_risk",
    "follow_queue",
    "prefix_delays",
    "price_bound",
    "price_of_delay",
    "schedule_rounds",
    "settled",
    "shortfall_bound",
    "simulate_split",
    "start_queue_s",
]

COUNTEREXAMPLES = tuple(checks_in(convergence, scheduling, long_run, readings).values())
"""All checks of the sibling, counterexamples but for one."""

_IMPORTED_ON_USE = {"SplitHistory": "split_history", "simulate_split": "split_simulation"}  # these need torch


def __getattr__(name: str) -> Any:
    if name in _IMPORTED_ON_USE:
        return getattr(importlib.import_module(f".{_IMPORTED_ON_USE[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
