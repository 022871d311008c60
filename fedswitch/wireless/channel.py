"""The uplink of one round: path loss, Rayleigh fading, noise, SINR and reception, equation (2)."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, Bools, check_generator, check_path_loss_exponent, checked, settle, whole
from ..scenario import Scenario

_POSITIVE = ("bandwidth_hz", "noise_psd_w_per_hz", "base_station_density_per_m2", "reference_gain")


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Radio:
    r"""The constants of a cell's uplinks: numbers, or float64 arrays that broadcast with the links.

    `bandwidth_hz` is W, `noise_psd_w_per_hz` :math:`N_0`, `path_loss_exponent` :math:`\alpha`,
    `base_station_density_per_m2` :math:`\phi`, `interferer_power_w` :math:`P_I`, and `reference_gain` g, the path gain
    at 1 m. Raises ValueError that names the argument for a value out of range, and for an exponent of at most 2. The
    methods do not check the distances.
    """

    bandwidth_hz: Array | float
    noise_psd_w_per_hz: Array | float
    path_loss_exponent: float
    base_station_density_per_m2: Array | float
    interferer_power_w: Array | float
    reference_gain: Array | float = 1.0

    def __post_init__(self) -> None:
        settle(self, positive=_POSITIVE, non_negative=("interferer_power_w",))
        checked(positive=self.positive, non_negative={"interferer_power_w": self.interferer_power_w})
        object.__setattr__(self, "path_loss_exponent", check_path_loss_exponent(self.path_loss_exponent))

    @classmethod
    def of(cls, scenario: Scenario) -> Radio:
        """The constants of a scenario."""
        return cls(**{field.name: getattr(scenario, field.name) for field in dataclasses.fields(cls)})

    @classmethod
    def of_links(
        cls, path_loss_exponent: float, interferer_power_w: ArrayLike | None, **positive: ArrayLike
    ) -> tuple[Radio, list[Array]]:
        """The constants among what is `positive`, and the rest of it; without an interferer power, it is `power_w`."""
        arrays = dict(zip(positive, checked(positive=positive), strict=True))
        interferer = arrays["power_w"] if interferer_power_w is None else interferer_power_w
        own: dict[str, Any] = {"interferer_power_w": interferer} | {name: arrays.pop(name) for name in _POSITIVE}
        return cls(path_loss_exponent=path_loss_exponent, **own), list(arrays.values())

    @property
    def positive(self) -> dict[str, ArrayLike]:
        """By name, what is positive and may be an array."""
        return {name: getattr(self, name) for name in _POSITIVE}

    @property
    def noise_w(self) -> Array | float:
        """Noise power in W in the whole bandwidth."""
        return self.bandwidth_hz * self.noise_psd_w_per_hz

    def path_gain(self, distance_m: Array) -> Array:
        """Power gain of the path loss at distances in m."""
        return self.reference_gain * distance_m**-self.path_loss_exponent

    def stations_within(self, distance_m: Array) -> Array:
        r"""How many gNBs a disc of this radius holds on average, :math:`\pi \phi d^2`."""
        return math.pi * self.base_station_density_per_m2 * distance_m**2


def path_gain(distance_m: ArrayLike, *, path_loss_exponent: ArrayLike, reference_gain: ArrayLike = 1.0) -> Array:
    r"""Power gain ``reference_gain * d^(-alpha)`` of the path loss in (2); any shape.

    `reference_gain` is the gain at 1 m, which the paper leaves at 1. An infinite distance has gain 0. Raises ValueError
    for an argument that is not positive.
    """
    distance, exponent, gain = checked(
        positive_or_infinite={"distance_m": distance_m},
        positive={"path_loss_exponent": path_loss_exponent, "reference_gain": reference_gain},
    )
    return gain * distance**-exponent


def rayleigh_power_gain(shape: int | tuple[int, ...], rng: np.random.Generator) -> Array:
    """Draw the power gains ``|h|^2`` of Rayleigh fading in (2): exponentially distributed with mean 1.

    Raises ValueError for a shape that is not of whole numbers, and for an `rng` that is no generator.
    """
    check_generator(rng)
    sizes = shape if isinstance(shape, (tuple, list)) else (shape,)
    return rng.standard_exponential(tuple(whole("shape", size) for size in sizes))


def noise_power_w(share: ArrayLike, *, bandwidth_hz: ArrayLike, noise_psd_w_per_hz: ArrayLike) -> Array:
    r"""Noise power :math:`\sigma^2 = W \delta N_0` of (2) in W, for a share :math:`\delta` of the bandwidth; any shape.

    Raises ValueError for a negative share, or a bandwidth or noise density that is not positive.
    """
    share, bandwidth, density = checked(
        non_negative={"share": share},
        positive={"bandwidth_hz": bandwidth_hz, "noise_psd_w_per_hz": noise_psd_w_per_hz},
    )
    return bandwidth * share * density


def sinr(signal_w: ArrayLike, interference_w: ArrayLike, noise_w: ArrayLike) -> Array:
    """Signal to interference and noise ratio of (2), linear, from received powers in W; any shape.

    Infinite where there is a signal and nothing else, zero where there is no signal. Raises ValueError for a power that
    is negative, or a signal that is infinite.
    """
    signal, interference, noise = checked(
        non_negative={"signal_w": signal_w},
        non_negative_or_infinite={"interference_w": interference_w, "noise_w": noise_w},
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(signal > 0, signal / (interference + noise), 0.0)


def received(sinr: ArrayLike, threshold: ArrayLike) -> Bools:
    r"""Reception indicator :math:`\gamma` of (2): whether the SINR reaches the threshold :math:`\theta`, both linear.

    Every SINR reaches a threshold of 0, which `reception_threshold` has for nothing to send, and none an infinite one,
    for something without bandwidth. Raises ValueError for values that are negative.
    """
    ratio, least = checked(non_negative_or_infinite={"sinr": sinr, "threshold": threshold})
    return (ratio >= least) & (least < np.inf)
