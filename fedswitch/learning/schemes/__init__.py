"""Schemes: who subscribes to what. A new one is a class with `subscribe`, entered in `SCHEMES`."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...scenario import Scenario
from .random import RandomSubscription


class Scheme(Protocol):
    """What the engine asks of a scheme."""

    def subscribe(self, round_index: int) -> NDArray[np.bool_]:
        """beta^t of shape (N, K): which UE subscribes to which module in this round."""
        ...


SCHEMES: dict[str, Callable[[Scenario, int], Scheme]] = {"random": RandomSubscription}


def make_scheme(name: str, scenario: Scenario, seed: int) -> Scheme:
    """The scheme `name` for a scenario and seed; ValueError with the nearest name for an unknown one."""
    if name not in SCHEMES:
        near = difflib.get_close_matches(name, SCHEMES, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"unknown scheme {name!r}; there are: {', '.join(SCHEMES)}.{hint}")
    return SCHEMES[name](scenario, seed)


__all__ = ["SCHEMES", "RandomSubscription", "Scheme", "make_scheme"]
