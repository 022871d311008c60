r"""The ergodic rate: what an upload carries that lasts long enough to see every fade and every field of interferers.

The mean of a positive quantity is the integral of its tail. The tail of the SINR is the success probability of (15), so

.. math:: \mathbb{E}\log_2(1 + \mathrm{SINR})
   = \int_0^\infty \Pr\{\mathrm{SINR} \ge \theta\}\, d\log_2(1 + \theta)
   = \frac{1}{\ln 2} \int_0^\infty \frac{\lambda(\theta)}{1 + \theta}\, d\theta .

Two numbers decide it. With the mean signal :math:`S = P g d^{-\alpha}`, they are the noise ratio
:math:`m = \sigma^2 / S` and the interference ratio :math:`\kappa = (\pi \phi d^2)^{\alpha/2} P_I / P`:
:math:`\lambda = e^{-m \theta - \psi(s)}` with :math:`s = (\kappa \theta)^{2/\alpha}` and
:math:`\psi(s) = s\, J_\alpha(\tfrac{12}{5} s)`.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array
from ._field import field_elasticities
from .channel import Radio
from .geometry import EXCLUSION_RATE
from .outage import interference_integral

_STEP = 0.4
_DIGITS = 25.0  # natural ones: what is cut off is below e^-25
_SMALLEST_RATIO, _LARGEST_RATIO = 1e-150, 1e150
_BLOCK = 32768  # values at a time, so that all intermediate arrays stay in the processor's cache


def ergodic_spectral_efficiency(
    distance_m: ArrayLike,
    power_w: ArrayLike,
    bandwidth_hz: ArrayLike,
    *,
    path_loss_exponent: float,
    noise_psd_w_per_hz: ArrayLike,
    base_station_density_per_m2: ArrayLike,
    interferer_power_w: ArrayLike | None = None,
    reference_gain: ArrayLike = 1.0,
) -> Array:
    r"""Mean of :math:`\log_2(1 + \mathrm{SINR})` over fading and interferers, in bit/s/Hz; arguments broadcast.

    The arguments are those of `success_probability`, whose corrected form is averaged here: `bandwidth_hz` is what the
    upload occupies, :math:`W \delta`, and the ergodic rate is that times this; `interferer_power_w` is :math:`P_I`,
    None for the UE's own power. To 1e-8 relative.

    Raises ValueError that names the argument for values out of range, for a path loss exponent of at most 2, and for
    noise or interference beyond 1e150 times the signal, or noise below 1e-150 of it.
    """
    radio, (distance, power) = Radio.of_links(
        path_loss_exponent,
        interferer_power_w,
        distance_m=distance_m,
        power_w=power_w,
        bandwidth_hz=bandwidth_hz,
        noise_psd_w_per_hz=noise_psd_w_per_hz,
        base_station_density_per_m2=base_station_density_per_m2,
        reference_gain=reference_gain,
    )
    noise, interference = np.broadcast_arrays(*link_ratios(distance, power, radio))
    efficiency, _ = efficiency_nat(noise.ravel(), interference.ravel(), radio.path_loss_exponent)
    return efficiency.reshape(noise.shape) / math.log(2.0)


def link_ratios(distance_m: Array, power_w: Array, radio: Radio) -> tuple[Array, Array]:
    """Return the noise ratio at the radio's bandwidth and the interference ratio; ValueError where out of range."""
    with np.errstate(all="ignore"):  # what leaves double precision is out of range, too
        noise = radio.noise_w / (power_w * radio.path_gain(distance_m))
        stations = radio.stations_within(distance_m)
        interference = stations ** (radio.path_loss_exponent / 2.0) * radio.interferer_power_w / power_w
    if not ((noise >= _SMALLEST_RATIO) & (noise <= _LARGEST_RATIO)).all() or not (interference <= _LARGEST_RATIO).all():
        raise ValueError(
            "distance_m, power_w and the noise make links whose noise or interference is beyond "
            f"{_LARGEST_RATIO:g} times the signal, or whose noise is below {_SMALLEST_RATIO:g} of it"
        )
    return noise, interference


def efficiency_nat(noise: Array, interference: Array, path_loss_exponent: float) -> tuple[Array, Array]:
    r"""Ergodic efficiency C in nat/s/Hz, and the elasticity of :math:`m\, C(m)` with respect to m; shape (n,) each.

    `noise` is :math:`m > 0` and `interference` is :math:`\kappa \ge 0`. The elasticity lies in (0, 1); integration by
    parts makes it an integral of something positive, so that it keeps its digits where noise drowns the signal and it
    is tiny.

    With :math:`\theta = e^t / \kappa` the integrand is analytic in a strip around the real axis and the trapezoidal
    rule converges exponentially. Links then share their nodes, and with them the whole effect of the field.
    """
    if not noise.size:
        return np.empty(0), np.empty(0)
    b = path_loss_exponent / 2.0
    # interference this far below the noise is none, also to an elasticity of 1e-20
    kappa = np.maximum(interference, noise * math.exp(-2.0 * _DIGITS * max(1.0, b / 2.0)))
    strength = math.pi / b / math.sin(math.pi / b)  # psi(s) < strength s, and close to it for large s
    # in front of the first node psi falls with a power of theta, min(1, 2 / b), and so does what its weight leaves out
    first = np.log(kappa / (1.0 + noise + kappa * strength**b)).min() - _DIGITS / (1.0 + min(1.0, 2.0 / b))
    last = min(b * math.log((_DIGITS + 1.0) / strength), np.log(_DIGITS * kappa / noise).max())
    z, weight, slope = _nodes(math.floor(first / _STEP), math.ceil(last / _STEP), path_loss_exponent)

    efficiency, growth = np.empty_like(noise), np.empty_like(noise)
    rows = max(1, _BLOCK // z.size)
    for start in range(0, noise.size, rows):
        block = slice(start, start + rows)
        part = z / (kappa[block, np.newaxis] + z)  # theta / (1 + theta)
        terms = np.exp(-(noise[block] / kappa[block])[:, np.newaxis] * z) * part
        efficiency[block] = terms @ weight
        growth[block] = terms @ (weight * slope) + (terms * part) @ weight
    return efficiency, growth / efficiency


@functools.lru_cache(maxsize=128)
def _nodes(first: int, last: int, path_loss_exponent: float) -> tuple[Array, Array, Array]:
    r"""Nodes :math:`e^t`, their weights with the field's factor in them, and :math:`d\psi/dt` there."""
    z = np.exp(_STEP * np.arange(first, last + 1))
    s = z ** (2.0 / path_loss_exponent)
    weight = _STEP * np.exp(-s * interference_integral(EXCLUSION_RATE * s, path_loss_exponent))
    weight[0] /= -math.expm1(-_STEP)  # in front of the first node the terms are a geometric series
    return z, weight, 2.0 / path_loss_exponent * field_elasticities(s, path_loss_exponent)[1]
