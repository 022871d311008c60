"""Schemes: who trains what, and how uploads are aggregated. A new one is a subclass of `Scheme`."""

from __future__ import annotations

from ...arguments import shown
from ...errors import nearest
from .base import Plan, Scheme, check_plan
from .fedlora import FedLora
from .flexlora import FlexLora
from .full import Full
from .grouping import Grouping
from .hetlora import HetLora
from .subscribing import Greedy, OneShot, Random, Switching, SwitchingPrinted, SwitchingRisk
from .unbiased import SwitchingUnbiased

SCHEMES: dict[str, type[Scheme]] = {
    "switching": Switching,
    "switching_printed": SwitchingPrinted,
    "switching_risk": SwitchingRisk,
    "switching_unbiased": SwitchingUnbiased,
    "greedy": Greedy,
    "one_shot": OneShot,
    "random": Random,
    "grouping": Grouping,
    "fedlora": FedLora,
    "full": Full,
    "hetlora": HetLora,
    "flexlora": FlexLora,
}
"""The schemes by name."""


def find_scheme(scheme: str | type[Scheme]) -> tuple[str, type[Scheme]]:
    """Name and class of a scheme, given by name or as a class of your own.

    Raises ValueError with the nearest name for an unknown one, and for what is no scheme.
    """
    if isinstance(scheme, type) and issubclass(scheme, Scheme):
        return scheme.__name__, scheme
    if not isinstance(scheme, str) or scheme not in SCHEMES:
        known = f"there are: {', '.join(SCHEMES)}, or a class of your own.{nearest(str(scheme), SCHEMES)}"
        raise ValueError(f"unknown scheme {shown(scheme)}; {known}")
    return str(scheme), SCHEMES[str(scheme)]


__all__ = ["SCHEMES", "Grouping", "Plan", "Scheme", "check_plan", "find_scheme"]
