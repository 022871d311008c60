"""Section IV.B, power: (21), (22), and what Fig. 5 saves."""

from __future__ import annotations

from typing import get_args

import numpy as np

from ... import control
from ...arguments import Array
from ...scenario import Form, Scenario
from ...theory.outcomes import Counterexample
from ._shared import first_decision, milliwatts, percent


def eq21_has_no_minimum() -> Counterexample:
    """A UE that uploads all its modules: the printed cost rises with power everywhere, and has no minimum above 0.

    The claim is that its slope (22) reaches 0 somewhere, on 1,000 powers over 12 decades.
    """
    powers_w = np.geomspace(1e-12, 1.0, 1000)
    slope = control.power_gradient(powers_w, 0.02, 1.0, 2.0, np.ones((1, 1)), form="printed")
    least = float(slope.min())
    says = (
        f"With every module uploaded, as Algorithm 2 starts, the printed cost rises by at least {least:g} per W at "
        "every power; a minimum needs 0."
    )
    return Counterexample("eq-21", says, least, 0.0)


def eq21_interior_point_is_trapped() -> Counterexample:
    """An interior point may end where not to transmit is better: between 1/e and 4/e^2 in kappa.

    The claim is that the cost at its end is at most that of silence, which the cost tends to as the power does to 0.
    """
    attenuation_w, price, limit_w = 0.02, 22.5, 0.2  # benefit 1, so that kappa is 0.45

    def missed(power_w: Array) -> Array:
        return -np.expm1(-attenuation_w / power_w)

    ended_w = control.interior_point_power(missed, price, max_power_w=limit_w, start_w=limit_w / 2.0)
    ended = float(missed(np.array(ended_w)) + price * ended_w)
    says = f"An interior point stops at {milliwatts(ended_w)}, at a cost of {ended:.3g}; silence costs {1.0:g}."
    return Counterexample("eq-21", says, ended, 1.0)


def eq21_silence_beats_what_is_too_weak(kappa: float = 0.1, attenuation_w: float = 0.8) -> Counterexample:
    r"""Where :math:`\kappa = p a / b < 1/e`, sending pays from a power on that :math:`P_{\max}` may not reach.

    That power is :math:`a / -W_{-1}(-\kappa)`, where :math:`b e^{-a/P} = p P`. The claim is that
    `control.optimal_power` costs no more than the best of 10,000 powers up to :math:`P_{\max}`.
    """
    from scipy.special import lambertw

    limit_w, price = Scenario.corrected().max_power_w, kappa / attenuation_w  # benefit 1
    pays_w = attenuation_w / -float(lambertw(-kappa, -1).real)
    best_w = float(control.optimal_power(attenuation_w, 1.0, price, max_power_w=limit_w))
    chosen = 1.0 if best_w == 0.0 else float(-np.expm1(-attenuation_w / best_w) + price * best_w)
    powers_w = np.geomspace(1e-4, 1.0, 10_000) * limit_w
    costs = -np.expm1(-attenuation_w / powers_w) + price * powers_w
    tried, full = float(costs.min()), float(costs[-1])
    says = (
        f"Sending pays from {milliwatts(pays_w)} on. Of at most {milliwatts(limit_w)}, the closed form takes "
        f"{milliwatts(best_w)}, at a cost of {chosen:.4g}; full power costs {full:.4g}."
    )
    return Counterexample("eq-21", says, chosen, tried)


def eq22_serves_the_wrong_modules() -> Counterexample:
    """(22) against the derivative of the cost that is expected, by a complex step, which is exact to rounding.

    One UE uploads the first of two modules.
    """
    attenuation_w, benefit, factor = np.array([[0.02], [0.2]]), np.array([[1.0], [1.0]]), np.array([[0.8], [0.7]])
    beta, price, power_w, step = np.array([[1.0], [0.0]]), 2.0, 0.05, 1e-30
    shifted = power_w + 1j * step
    cost = (benefit * (1.0 - beta * factor * np.exp(-attenuation_w / shifted)) + price * shifted * beta).sum()
    given = [power_w], attenuation_w, benefit, price, beta
    slopes = (control.power_gradient(*given, interference_factor=factor, form=form) for form in get_args(Form))
    printed, corrected = (float(one[0]) for one in slopes)
    slope = float(cost.imag / step)
    says = (
        f"At {milliwatts(power_w)} the expected cost changes by {slope:+.2f} per W of power; (22) says {printed:+.2f}."
    )
    return Counterexample("eq-22", says, slope, printed, "==", corrected=corrected)


def fig5_saving_depends_on_zeta1(zeta1: tuple[float, float] = (1.0, 1e9)) -> Counterexample:
    r"""Fig. 5 states :math:`\mu` and not :math:`\zeta_1`: the claim is that two values of it save equally much power.

    The first round of Algorithm 2 in its corrected form, against all uploads at the largest power.
    """
    scenarios = [Scenario.corrected(energy_weight_per_j=1e5, zeta1=value) for value in zeta1]
    few, many = (float(1.0 - first_decision(s).power_w.mean() / s.max_power_w) for s in scenarios)
    low, high = zeta1
    says = (
        f"At μ = 10⁵ per J, {percent(few)} of the power is saved with ζ₁ = {low:,.0f}, and {percent(many)} with ζ₁ = "
        f"{high:,.0f}."
    )
    return Counterexample("fig-5", says, few, many, "==")
