"""One cell of a scenario: UEs that stay where they are, and a new channel in every round."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..arguments import Array, seed_number, settle
from ..scenario import Scenario
from ..streams import stream
from .channel import Radio, rayleigh_power_gain
from .geometry import EXTENT_RADII, interferer_distances_m, ue_distances_m


@dataclasses.dataclass(frozen=True, eq=False)
class Channel:
    """The uplinks of one round, shape (K,) each.

    `distance_m` is where the UEs stand. `gain` is the power gain of every UE, fading times path gain: times the
    transmit power it is the signal S of Section IV. `interference_w` is the power I in W that out-of-cell UEs add.
    """

    distance_m: Array
    gain: Array
    interference_w: Array

    def __post_init__(self) -> None:
        settle(self, any=("distance_m", "gain", "interference_w"))


@dataclasses.dataclass(frozen=True, eq=False)
class Cell:
    """The UEs of one cell: `distance_m`, shape (K,), for the UEs of `scenario`; `seed` decides all its channels.

    `Cell.draw` places the UEs at random; made directly, they stand where `distance_m` says. Raises ValueError when
    there is not one positive distance for each UE.
    """

    scenario: Scenario
    seed: int
    distance_m: Array

    def __post_init__(self) -> None:
        settle(self, positive_or_infinite=("distance_m",))
        if np.shape(self.distance_m) != (self.scenario.num_ues,):
            raise ValueError(
                f"distance_m has shape {np.shape(self.distance_m)}, but the scenario has {self.scenario.num_ues} UEs"
            )
        object.__setattr__(self, "seed", seed_number("seed", self.seed))

    @classmethod
    def draw(cls, scenario: Scenario, seed: int) -> Cell:
        """Place the UEs of `scenario` uniformly in its cell."""
        distance_m = ue_distances_m(
            scenario.num_ues,
            min_distance_m=scenario.min_distance_m,
            cell_radius_m=scenario.cell_radius_m,
            rng=stream(seed, "distance"),
        )
        return cls(scenario, seed, distance_m)

    def channel(self, round_index: int) -> Channel:
        """Return the channel of a round, counted from 0: always the same for the same cell, seed and round.

        Fading and interferers are new in every round; interferers transmit at `scenario.interferer_power_w` and have
        Rayleigh fading of their own. Those beyond `EXTENT_RADII` count with their mean.
        """
        fading = rayleigh_power_gain(self.distance_m.shape, stream(self.seed, "fading", round_index))
        rng = stream(self.seed, "interference", round_index)
        interferer_m = interferer_distances_m(
            self.scenario.num_ues, base_station_density_per_m2=self.scenario.base_station_density_per_m2, rng=rng
        )
        radio = Radio.of(self.scenario)
        near = (rayleigh_power_gain(interferer_m.shape, rng) * radio.path_gain(interferer_m)).sum(axis=1)
        # beyond, the mean total gain: the integral of 2 pi phi r g(r)
        gain_at_extent = float(radio.path_gain(np.asarray(EXTENT_RADII * self.scenario.cell_radius_m)))
        far = 2 * EXTENT_RADII**2 * gain_at_extent / (radio.path_loss_exponent - 2)
        return Channel(
            distance_m=self.distance_m,
            gain=fading * radio.path_gain(self.distance_m),
            interference_w=radio.interferer_power_w * (near + far),
        )
