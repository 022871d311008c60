"""Switching whose aggregate is unbiased: uploads count by inverse probability, and what is left is a variance."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arguments import Array, Bools
from ...control import Observation
from ...control.inverse_probability import LEAST_PROBABILITY, decide_unbiased
from ...streams import stream
from ...theory import inverse_weights
from ..federation import Federation
from .base import Plan
from .subscribing import Switching


class SwitchingUnbiased(Switching):
    r"""Subscription and power from the variance of Theorem B; each upload counts by inverse probability.

    Subscriptions are drawn, with the probabilities of the round before; what is received has the weight
    :math:`\rho_k / (s \lambda)`, bounded as `control.inverse_probability.LEAST_PROBABILITY` says.
    """

    carried = ("probability",)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        shape = self.scenario.num_modules, self.scenario.num_ues
        self.probability: Array = np.full(shape, self.scenario.subscription_limit / shape[0])
        self.weights: Array = np.zeros(shape)  # of the uploads of the round that was planned last

    def plan(self, t: int, seen: Observation) -> Plan:
        """See `Scheme`."""
        drawn_with, rng = self.probability, stream(self.seed, "decision", t)
        decision, self.decisions, self.probability = decide_unbiased(
            self.scenario, seen, self.decisions, drawn_with, rng=rng
        )
        data = np.full(self.scenario.num_ues, 1.0 / self.scenario.num_ues)
        self.weights = inverse_weights(
            data, drawn_with, decision.success_probability, least_probability=LEAST_PROBABILITY
        )
        return Plan(decision.subscription, decision.power_w)

    def learn(self, run: Federation, t: int, received: Bools) -> None:
        """See `Scheme`; by these weights."""
        run.update(t, received, self.weights)
