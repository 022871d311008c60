r"""How likely an upload arrives: the success probability :math:`\lambda` of (15), printed and as it follows from (2).

Average the reception of (2) over Rayleigh fading and over the Poisson field of interferers, whose density at distance r
is :math:`\phi (1 - e^{-(12/5) \pi \phi r^2})`. Fading turns the average into Laplace transforms, and the substitution
:math:`\pi \phi r^2 = s x` makes of the field's transform one function of one number:

.. math:: \lambda = \exp\Bigl(-\frac{\theta \sigma^2 d^\alpha}{P g} - s\, J_\alpha(\tfrac{12}{5} s)\Bigr), \qquad
   s = \pi \phi d^2 \Bigl(\frac{\theta P_I}{P}\Bigr)^{2/\alpha}, \qquad
   J_\alpha(c) = \int_0^\infty \frac{1 - e^{-c x}}{1 + x^{\alpha/2}}\, dx.

Where every UE's own gNB receives the same mean power P instead, an interferer at distance r from our gNB and R from its
own counts by :math:`w = (R / r)^2` only, which never exceeds 1, since every UE is served by the nearest gNB:

.. math:: \lambda = \exp\Bigl(-\frac{\theta \sigma^2}{P}
   - \int_0^1 h(w) \frac{\theta w^{\alpha/2}}{1 + \theta w^{\alpha/2}}\, dw\Bigr), \qquad
   h(w) = \frac{0.82}{w^2} + \frac{0.4}{w}.

Noise and fading are exact here. That the w of the interferers are a Poisson process of density h approximates. Far UEs
do have the density :math:`m / w^2`, with m the mean of :math:`\pi \phi R^2`, which is 0.82 in drawn networks of Voronoi
cells. The 0.4 is fitted to the share received there: 0.3 of it are UEs nearby, and the rest makes up for UEs of
different cells being spread more evenly than a Poisson process. Tests hold the formula to within 0.02 of drawn
networks, for exponents from 3 to 4.5 and thresholds from -15 to 5 dB.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, check_choice, check_path_loss_exponent, checked
from .channel import Radio
from .geometry import EXCLUSION_RATE

ReceptionForm = Literal["corrected", "printed", "inversion"]

# h(w) = _FAR / w^2 + _NEAR / w: see above
_FAR, _NEAR = 0.82, 0.4
_RELATIVE_ERROR = 1e-11
_ROWS_AT_ONCE = 4096


def success_probability(
    distance_m: ArrayLike,
    power_w: ArrayLike,
    bandwidth_hz: ArrayLike,
    sinr_threshold: ArrayLike,
    *,
    path_loss_exponent: float,
    noise_psd_w_per_hz: ArrayLike,
    base_station_density_per_m2: ArrayLike,
    interferer_power_w: ArrayLike | None = None,
    reference_gain: ArrayLike = 1.0,
    form: ReceptionForm = "corrected",
) -> Array:
    r"""Probability :math:`\lambda` in [0, 1] that an upload is received, (15); arguments broadcast.

    `bandwidth_hz` is what the upload occupies, :math:`W \delta`; `sinr_threshold` is :math:`\theta`, linear;
    `interferer_power_w` is :math:`P_I`, None for the UE's own power; `reference_gain` is g, the path gain at 1 m.

    - "corrected" follows from (2) for interferers of one fixed power.
    - "printed" is (15) as it stands, but for g, which it leaves at 1: the noise grows with d^2 instead of
      :math:`d^\alpha`, the exponential in the integral does not depend on d, and interferers have the UE's own power:
      `interferer_power_w` must be None.
    - "inversion" is for UEs that all, here and elsewhere, set their power such that their own gNB receives `power_w`
      on average: then neither distance, density nor reference gain matters. The noise is exact, the interference an
      approximation, within 0.02 of drawn networks (see the module).

    Raises ValueError that names the argument for values out of range, for a path loss exponent of at most 2 (the
    interference is infinite), an unknown form, and an interferer power that the form has no place for.
    """
    check_choice("form", form, ReceptionForm)
    radio, (distance, power, threshold) = Radio.of_links(
        path_loss_exponent,
        interferer_power_w,
        distance_m=distance_m,
        power_w=power_w,
        sinr_threshold=sinr_threshold,
        bandwidth_hz=bandwidth_hz,
        noise_psd_w_per_hz=noise_psd_w_per_hz,
        base_station_density_per_m2=base_station_density_per_m2,
        reference_gain=reference_gain,
    )
    if interferer_power_w is not None and form != "corrected":
        raise ValueError(f'interferer_power_w must be None with form="{form}", which fixes the power of interferers')
    if form == "inversion":
        nothing = np.zeros(np.broadcast_shapes(*map(np.shape, (distance, *radio.positive.values()))))
        noise = threshold * radio.noise_w / power
        return np.exp(nothing - noise - _inverted_field(threshold, radio.path_loss_exponent))
    noise = threshold * radio.noise_w / (power * noise_gain(distance, radio, form))
    if form == "printed":
        return np.exp(-noise - printed_field(distance, threshold, radio))
    s = radio.stations_within(distance) * (threshold * radio.interferer_power_w / power) ** (
        2.0 / radio.path_loss_exponent
    )
    return np.exp(-noise - s * interference_integral(EXCLUSION_RATE * s, radio.path_loss_exponent))


def interference_integral(c: ArrayLike, path_loss_exponent: float) -> Array:
    r""":math:`J_\alpha(c) = \int_0^\infty (1 - e^{-c x}) / (1 + x^{\alpha/2})\, dx` to 1e-10 relative; any shape of c.

    With :math:`x = e^y` the integrand is analytic in a strip around the real axis, where the trapezoidal rule converges
    exponentially: some 60 nodes do for all c together. Raises ValueError for a negative c, or an exponent of at most 2,
    for which the integral diverges.
    """
    (values,) = checked(non_negative={"c": c})
    alpha = check_path_loss_exponent(path_loss_exponent)
    result = np.zeros(values.shape)
    positive = values > 0.0
    if positive.any():
        result[positive] = _trapezoidal(values[positive], alpha / 2.0)
    return result


def deadline_threshold(payload_bits: ArrayLike, bandwidth_hz: ArrayLike, deadline_s: ArrayLike) -> Array:
    r"""The SINR that carries a payload in time, :math:`\theta = 2^{G / (W \delta E)} - 1`; any shape.

    The threshold of (2) under the reading in which more bandwidth does buy reliability. Raises ValueError for a
    negative payload, or a bandwidth or deadline that is not positive. Infinite where no double holds it.
    """
    payload, bandwidth, deadline = checked(
        non_negative={"payload_bits": payload_bits}, positive={"bandwidth_hz": bandwidth_hz, "deadline_s": deadline_s}
    )
    with np.errstate(over="ignore"):
        return np.expm1(math.log(2.0) * payload / (bandwidth * deadline))


def noise_gain(distance_m: Array, radio: Radio, form: ReceptionForm) -> Array:
    """What the noise of (15) is measured against: the path gain, or what is printed in its place."""
    if form == "printed":
        crowd = (2.0 * radio.base_station_density_per_m2) ** (radio.path_loss_exponent / 2.0 - 1.0)
        return radio.reference_gain * crowd / distance_m**2
    return radio.path_gain(distance_m)


def printed_field(distance_m: Array, threshold: Array, radio: Radio) -> Array:
    """The second term of the exponent of (15) as printed, which no power changes."""
    spread = threshold ** (2.0 / radio.path_loss_exponent)
    inner = interference_integral(EXCLUSION_RATE / math.pi * spread, radio.path_loss_exponent)
    return radio.stations_within(distance_m) * spread * inner


def _inverted_field(threshold: Array, path_loss_exponent: float) -> Array:
    """The interference's part of the exponent of the form "inversion": the integral over w in closed form."""
    from scipy.special import hyp2f1  # here, because `import fedswitch` does without SciPy

    b = 2.0 / path_loss_exponent
    far = b / (1.0 - b) * threshold * hyp2f1(1.0, 1.0 - b, 2.0 - b, -threshold)
    return _FAR * far + _NEAR * b * np.log1p(threshold)


def _trapezoidal(c: Array, half: float) -> Array:
    """The integral of `interference_integral` for c > 0 of shape (n,) and half > 1."""
    digits = -math.log(_RELATIVE_ERROR)
    # the integrand's poles are at a height of pi / half, and 1 - exp(-c x) grows beyond pi / 2
    step = 2.0 * math.pi * min(math.pi / 2.0, math.pi / half) / digits
    first = -digits / 2.0 - math.log(max(1.0, c.max()))
    last = max(digits / half, math.log(digits) - math.log(c.min()))
    x = np.exp(np.arange(first, last + step, step))
    weight = step * x / (1.0 + x**half)
    # beyond the last node the terms are a geometric series, which the last weight takes in
    weight[-1] /= -math.expm1(-(half - 1.0) * step)
    rows = (c[start : start + _ROWS_AT_ONCE, np.newaxis] for start in range(0, c.size, _ROWS_AT_ONCE))
    return np.concatenate([-np.expm1(-row * x) @ weight for row in rows])
