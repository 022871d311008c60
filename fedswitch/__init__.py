"""Federated fine-tuning in a wireless cell: the module behind the companion book to arXiv 2509.19306.

`Scenario`, `wireless`, `theory` and `control` need NumPy and SciPy only. The rest is imported when first used: `paper`
and `split`, and `learning`, `network`, `studies` and `figures`, which need torch and its company.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from types import ModuleType

from . import control, theory, wireless
from .scenario import Scenario

__version__ = version("fedswitch")
__all__ = ["Scenario", "control", "figures", "learning", "network", "paper", "split", "studies", "theory", "wireless"]

_IMPORTED_ON_USE = ("figures", "learning", "network", "paper", "split", "studies")


def __getattr__(name: str) -> ModuleType:
    if name in _IMPORTED_ON_USE:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
