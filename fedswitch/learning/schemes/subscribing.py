"""Schemes of N modules, which differ in how UEs subscribe: at random, greedily, once, or by Algorithm 2."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from ...control import Observation
from ...control.online import Rule
from ...scenario import Form
from ..federation import Federation
from .base import Scheme


class Random(Scheme):
    """Each UE subscribes to as many modules as (7c) allows, drawn anew in each round."""


class Greedy(Scheme):
    """(8a) for one round after the other: no duals, so that (7d) is not kept."""

    rule: ClassVar[Rule] = "greedy"


class OneShot(Scheme):
    """A greedy choice after the first round, kept from then on."""

    rule: ClassVar[Rule] = "one_shot"


class Switching(Scheme):
    """Algorithm 2 with the corrected objective."""

    rule: ClassVar[Rule] = "switching"


class SwitchingPrinted(Switching):
    """Algorithm 2 as printed: cost (9), charge (14), start with every UE in every module."""

    form: ClassVar[Form] = "printed"


class SwitchingRisk(Switching):
    """Algorithm 2 with the corrected bound in full: what a module still leaves of a UE's own risk counts too.

    That is the first term of (6), which (8a) leaves out. Each UE asks every module for its risk on the UE's training
    data, on the round's mini-batch; the risks are measured every `EVERY` rounds, because the modules change slowly. Of
    a UE that does not answer the last ones stay.
    """

    EVERY: ClassVar[int] = 5
    carried = ("remaining_risk",)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.remaining_risk = np.zeros((self.scenario.num_modules, self.scenario.num_ues))

    def observe(self, run: Federation, t: int) -> Observation:
        """See `Scheme`; with the risks."""
        if t % self.EVERY == 0:
            risk = run.ues.risks(t)
            self.remaining_risk = np.where(np.isnan(risk), self.remaining_risk, risk)
        return dataclasses.replace(super().observe(run, t), remaining_risk=self.remaining_risk)
