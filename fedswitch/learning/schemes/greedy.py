"""Greedy switching: the best of each round, without regard to the long run."""

from __future__ import annotations

from typing import ClassVar

from ...control.online import Rule
from .base import Scheme


class Greedy(Scheme):
    """(8a) for one round after the other: no duals, so that (7d) is not kept."""

    rule: ClassVar[Rule] = "greedy"
