r"""Transmit power: (21) solved in closed form.

For one upload the objective of (21) is, up to a constant,

.. math:: f(P) = b\,(1 - e^{-a / P}) + p\,P, \qquad 0 < P \le P_{\max},

where :math:`a = \theta \sigma^2 d^\alpha / g` in W is what noise asks for, b what a received upload is worth and p the
price of a watt, :math:`\mu E`. Not to transmit costs b, the limit of f at 0. With :math:`x = a / P` the derivative is
zero where :math:`x^2 e^{-x} = \kappa = p a / b`, which has two roots as long as :math:`\kappa < 4 / e^2`:
:math:`-2 W_0(-\sqrt\kappa / 2)` is the local minimum of f and :math:`-2 W_{-1}(-\sqrt\kappa / 2)` its local maximum, at
less power. The minimum is below b exactly when its x is below 1, that is, when :math:`\kappa < 1/e`; between 1/e and
4/e^2 it is a trap for any method that walks downhill.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, check_choice, checked
from ..scenario import Form


def optimal_power(
    attenuation_w: ArrayLike, benefit: ArrayLike, price_per_w: ArrayLike, *, max_power_w: ArrayLike
) -> Array:
    """Global minimizer in W of ``benefit (1 - exp(-attenuation_w / P)) + price_per_w P`` on [0, max_power_w]; (21).

    0 means that not to transmit is best. All arguments broadcast. Raises ValueError that names the argument for an
    attenuation or largest power that is not positive (without attenuation no least power exists), and for a benefit
    or price that is negative or not finite.
    """
    from scipy.special import lambertw  # here, because it would double the time that `import fedswitch` takes

    attenuation, limit, benefit, price = checked(
        positive={"attenuation_w": attenuation_w, "max_power_w": max_power_w},
        non_negative={"benefit": benefit, "price_per_w": price_per_w},
    )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        kappa = np.where(benefit > 0.0, price * attenuation / benefit, np.inf)
        worthwhile = kappa < math.exp(-1.0)
        x = -2.0 * lambertw(-0.5 * np.sqrt(np.where(worthwhile, kappa, 0.0))).real
        # f falls towards its minimum, so that P_max is best below it, unless it costs more than not to transmit
        power = np.minimum(attenuation / x, limit)
        gain = benefit * np.exp(-attenuation / power) - price * power
    return np.where(worthwhile & (gain > 0.0), power, 0.0)


def power_gradient(
    power_w: ArrayLike,
    attenuation_w: ArrayLike,
    benefit: ArrayLike,
    price_per_w: ArrayLike,
    subscription: ArrayLike,
    *,
    interference_factor: ArrayLike = 1.0,
    form: Form = "corrected",
) -> Array:
    r"""Derivative of (14) with respect to the power, (22), shape (..., K).

    `power_w` has shape (..., K); `attenuation_w` :math:`a_n`, `benefit` :math:`b_n` (what (14) charges for a module
    that is missed), `subscription` :math:`\beta_n` and `interference_factor` :math:`\Lambda_n` broadcast to (..., N,
    K); `price_per_w` is :math:`\mu E`, for each module that is uploaded.

    - "corrected": :math:`\mu E \sum_n \beta_n - \sum_n \beta_n b_n \Lambda_n \frac{a_n}{P^2} e^{-a_n / P}`, the
      derivative of the expected loss :math:`\sum_n b_n (1 - \beta_n \Lambda_n e^{-a_n / P})` plus the energy.
    - "printed" has :math:`1 - \beta_n` in place of :math:`\beta_n`, so that power serves the modules that are *not*
      uploaded, and leaves :math:`\Lambda_n` out although (15) has it.

    Raises ValueError that names the argument for a power or attenuation that is not positive, a subscription or factor
    outside [0, 1], anything else that is negative, an unknown form, and a single number where modules are asked for.
    """
    power, attenuation, worth, price, beta, factor = checked(
        positive={"power_w": power_w, "attenuation_w": attenuation_w},
        non_negative={"benefit": benefit, "price_per_w": price_per_w},
        share={"subscription": subscription, "interference_factor": interference_factor},
    )
    check_choice("form", form, Form)
    if beta.ndim < 2:
        raise ValueError(f"subscription must have shape (..., N, K), got {beta.shape}")
    watts = power[..., np.newaxis, :] if power.ndim else power
    counted, factor = (beta, factor) if form == "corrected" else (1.0 - beta, np.ones(()))
    gain = counted * worth * factor * attenuation / watts**2 * np.exp(-attenuation / watts)
    return price * beta.sum(axis=-2) - gain.sum(axis=-2)
