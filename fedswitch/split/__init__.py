"""The sibling paper (arXiv 2407.02924): what it claims of split federated LoRA, checked. NumPy and SciPy only.

Elements ("eq-12", "thm-1") are numbered as in the sibling paper, not as in the paper that this book follows.
"""

from __future__ import annotations

import importlib
from typing import Any

from ..theory.outcomes import checks_in
from . import convergence, scheduling

COUNTEREXAMPLES = tuple(checks_in(convergence, scheduling).values())
"""All checks of the sibling, counterexamples but for one."""

_IMPORTED_ON_USE = {"SplitHistory": "split_history", "simulate_split": "split_simulation"}  # these need torch


def __getattr__(name: str) -> Any:
    if name in _IMPORTED_ON_USE:
        return getattr(importlib.import_module(f".{_IMPORTED_ON_USE[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
