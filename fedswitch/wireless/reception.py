r"""The success probability (15) of a scenario as a function of the transmit power, which power control optimizes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, check_path_loss_exponent, checked, settle
from ..scenario import Form, Scenario
from ._field import field_exponent
from .channel import Radio
from .outage import deadline_threshold, noise_gain, printed_field


def reception_threshold(scenario: Scenario, share: ArrayLike, payload_bits: ArrayLike) -> Array:
    r"""The SINR threshold :math:`\theta` of (2) under the reading `scenario.threshold`; arguments broadcast.

    "fixed" is the scenario's own, for all. "deadline" is what carries the payload within `scenario.deadline_s`; it is
    infinite for a share of 0, and 0 for an infinite one. Raises ValueError that names the argument for a share or
    payload that is negative.
    """
    share_of, payload = np.broadcast_arrays(
        *checked(non_negative_or_infinite={"share": share}, non_negative={"payload_bits": payload_bits})
    )
    return _threshold(scenario, share_of, payload)


def _threshold(scenario: Scenario, share: Array, payload_bits: Array) -> Array:
    if scenario.threshold == "fixed":
        return np.full(share.shape, scenario.sinr_threshold)
    usable = (share > 0.0) & np.isfinite(share)
    width_hz = scenario.bandwidth_hz * np.where(usable, share, 1.0)
    return np.where(
        usable,
        deadline_threshold(payload_bits, width_hz, scenario.deadline_s),
        np.where(share > 0.0, 0.0, np.inf),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Reception:
    r"""Uploads at given shares of the bandwidth: :math:`\lambda(P) = \exp(-a / P - \psi(\varsigma P^{-2/\alpha}) - c)`.

    `attenuation_w` is a in W, what noise asks for (infinite: never received). `field` is :math:`\varsigma`, the number
    s of `outage` at 1 W, and `interference` is c, an exponent that does not depend on the power: the exact form has
    only the first of the two, the printed form only the second. All have the shape of the uploads.
    """

    attenuation_w: Array
    field: Array
    interference: Array
    path_loss_exponent: float

    def __post_init__(self) -> None:
        settle(self, any=("attenuation_w", "field", "interference"))
        object.__setattr__(self, "path_loss_exponent", check_path_loss_exponent(self.path_loss_exponent))

    @classmethod
    def of(cls, scenario: Scenario, distance_m: ArrayLike, share: ArrayLike, payload_bits: ArrayLike) -> Reception:
        r"""Uploads of `payload_bits` from `distance_m` on a `share` of the bandwidth, under the scenario's readings.

        `scenario.outage` chooses the form of (15), and `scenario.threshold` whether :math:`\theta` is fixed or set by
        the deadline. Arguments broadcast. An infinite share, which no upload can have, is never received. Raises
        ValueError that names the argument for a distance or share that is not positive, or a negative payload.
        """
        distance, share_of, payload = checked(
            positive={"distance_m": distance_m},
            positive_or_infinite={"share": share},
            non_negative={"payload_bits": payload_bits},
        )
        return cls.unchecked(scenario, Radio.of(scenario), distance, share_of, payload)

    @classmethod
    def unchecked(
        cls, scenario: Scenario, radio: Radio, distance_m: Array, share: Array, payload_bits: Array
    ) -> Reception:
        """The same as `of`, with the scenario's radio, of arrays that have been checked."""
        distance, share, payload = np.broadcast_arrays(distance_m, share, payload_bits)
        threshold = _threshold(scenario, share, payload)
        possible = np.isfinite(share) & np.isfinite(threshold)
        threshold = np.where(possible, threshold, 1.0)
        noise_w = radio.bandwidth_hz * np.where(possible, share, 1.0) * radio.noise_psd_w_per_hz
        alpha = radio.path_loss_exponent
        form: Form = "printed" if scenario.outage == "printed" else "corrected"
        attenuation = np.where(possible, threshold * noise_w / noise_gain(distance, radio, form), np.inf)
        nothing = np.zeros(attenuation.shape)
        if form == "printed":
            return cls(attenuation, nothing, nothing + printed_field(distance, threshold, radio), alpha)
        field = radio.stations_within(distance) * (threshold * radio.interferer_power_w) ** (2.0 / alpha)
        return cls(attenuation, nothing + field, nothing, alpha)

    def probability(self, power_w: ArrayLike) -> Array:
        r""":math:`\lambda` at a power in W, 0 at 0 W; broadcasts. Raises ValueError for a power that is negative."""
        return self.at(*checked(non_negative={"power_w": power_w}))

    def at(self, power_w: Array) -> Array:
        """The same as `probability`, of a power that has been checked."""
        watts = np.where(power_w > 0.0, power_w, 1.0)
        field = field_exponent(self.field * watts ** (-2.0 / self.path_loss_exponent), self.path_loss_exponent)
        return np.where(power_w > 0.0, np.exp(-self.attenuation_w / watts - field - self.interference), 0.0)

    def __getitem__(self, index: Any) -> Reception:
        """Some of the uploads, by any NumPy index."""
        parts = (self.attenuation_w[index], self.field[index], self.interference[index])
        return Reception(*parts, self.path_loss_exponent)
