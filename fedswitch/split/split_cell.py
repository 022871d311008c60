"""One cell of the sibling's Section V: devices that stay in a circle beside the server, and new fading every round."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from ..arguments import Array, seed_number, settle
from ..streams import stream
from ..wireless import path_gain, rayleigh_power_gain
from .split_scenario import SplitScenario


@dataclasses.dataclass(frozen=True, eq=False)
class SplitCell:
    """The devices of one cell: `distance_m`, shape (K,), for the devices of `scenario`; `seed` decides all its fading.

    `SplitCell.draw` places the devices at random; made directly, they stand where `distance_m` says. Raises ValueError
    when there is not one positive distance for each device.
    """

    scenario: SplitScenario
    seed: int
    distance_m: Array

    def __post_init__(self) -> None:
        settle(self, positive_or_infinite=("distance_m",))
        if np.shape(self.distance_m) != (self.scenario.num_devices,):
            raise ValueError(
                f"distance_m has shape {np.shape(self.distance_m)}, but the scenario has {self.scenario.num_devices} "
                "devices: give one distance for each of them"
            )
        object.__setattr__(self, "seed", seed_number("seed", self.seed))

    @classmethod
    def draw(cls, scenario: SplitScenario, seed: int) -> SplitCell:
        """Place the devices uniformly in the circle."""
        rng, shape = stream(seed, "distance"), (scenario.num_devices,)
        radius_m = scenario.circle_radius_m * np.sqrt(rng.random(shape))
        angle = rng.uniform(0.0, 2.0 * math.pi, shape)
        distance_m = np.hypot(scenario.center_distance_m + radius_m * np.cos(angle), radius_m * np.sin(angle))
        return cls(scenario, seed, distance_m)

    @property
    def mean_gain_w(self) -> Array:
        """Received power in W of every device at its full power, without fading; shape (K,)."""
        scenario = self.scenario
        return scenario.power_w * path_gain(
            self.distance_m / scenario.reference_distance_m,
            path_loss_exponent=scenario.path_loss_exponent,
            reference_gain=scenario.reference_gain,
        )

    def gain_w(self, round_index: int) -> Array:
        r"""The :math:`|h_k(t)|^2` of (5) in W, shape (K,), in a round counted from 0: Rayleigh fading, new every round.

        Always the same for the same cell, seed and round.
        """
        return self.mean_gain_w * rayleigh_power_gain(self.distance_m.shape, stream(self.seed, "fading", round_index))

    def gains_w(self, rounds: int) -> Array:
        """The same of the first `rounds` rounds, shape (T, K)."""
        return np.reshape([self.gain_w(index) for index in range(rounds)], (rounds, self.scenario.num_devices))

    def rehearsed_gains_w(self, rounds: int) -> Array:
        """Gains in W, shape (T, K), of rounds that do not take place: what a server can know of its cell beforehand."""
        rng = stream(self.seed, "rehearsal")
        return self.mean_gain_w * rayleigh_power_gain((rounds, self.scenario.num_devices), rng)
