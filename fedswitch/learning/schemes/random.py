"""Subscription at random: the baseline that every switching rule has to beat."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ...control import random_subscription
from ...scenario import Scenario
from ...streams import stream


@dataclasses.dataclass(frozen=True)
class RandomSubscription:
    """Each UE subscribes to s^t of the N modules, drawn anew in each round."""

    scenario: Scenario
    seed: int

    def subscribe(self, round_index: int) -> NDArray[np.bool_]:
        """beta^t of shape (N, K)."""
        scenario = self.scenario
        rng = stream(self.seed, "subscription", round_index)
        return random_subscription(scenario.num_modules, scenario.num_ues, scenario.subscription_limit, rng)
