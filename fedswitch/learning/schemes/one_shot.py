"""One-shot switching: choose once."""

from __future__ import annotations

from typing import ClassVar

from ...control.online import Rule
from .base import Scheme


class OneShot(Scheme):
    """A greedy choice after the first round, kept from then on."""

    rule: ClassVar[Rule] = "one_shot"
