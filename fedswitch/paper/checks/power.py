"""Section IV.B, power: (21), (22), and what Fig. 5 saves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ... import control, wireless
from ...scenario import Scenario
from ...streams import stream
from ...theory.claims import Counterexample
from ._roberta import payload_bits


def eq21_has_no_minimum() -> Counterexample:
    """A UE that uploads all its modules: the printed cost rises with power everywhere, and has no minimum above 0.

    The claim is that its slope (22) reaches 0 somewhere, on 1,000 powers over 12 decades.
    """
    powers_w = np.geomspace(1e-12, 1.0, 1000)
    slope = control.power_gradient(powers_w, 0.02, 1.0, 2.0, np.ones((1, 1)), form="printed")
    return Counterexample("eq-21", "least slope per W of the printed cost, and 0", float(slope.min()), 0.0)


def eq21_interior_point_is_trapped() -> Counterexample:
    """An interior point may end where not to transmit is better: between 1/e and 4/e^2 in kappa.

    The claim is that the cost at its end is at most that of `control.optimal_power`.
    """
    attenuation_w, price = 1.0, 0.45  # benefit 1, so that kappa is 0.45

    def cost(power_w: NDArray[np.float64]) -> NDArray[np.float64]:
        return -np.expm1(-attenuation_w / power_w)

    ended_w = control.interior_point_power(cost, price, max_power_w=10.0, start_w=5.0)
    best_w = float(control.optimal_power(attenuation_w, 1.0, price, max_power_w=10.0))
    least = 1.0 if best_w == 0.0 else float(cost(np.array(best_w)) + price * best_w)
    ended = float(cost(np.array(ended_w)) + price * ended_w)
    return Counterexample("eq-21", f"cost where an interior point ends ({ended_w:.2g} W), and the least", ended, least)


def eq22_serves_the_wrong_modules() -> Counterexample:
    """(22) against the derivative of the cost that is expected, by a complex step, which is exact to rounding.

    One UE uploads the first of two modules.
    """
    attenuation_w, benefit, factor = np.array([[0.02], [0.2]]), np.array([[1.0], [1.0]]), np.array([[0.8], [0.7]])
    beta, price, power_w, step = np.array([[1.0], [0.0]]), 2.0, 0.05, 1e-30
    shifted = power_w + 1j * step
    cost = (benefit * (1.0 - beta * factor * np.exp(-attenuation_w / shifted)) + price * shifted * beta).sum()
    printed, corrected = (
        float(
            control.power_gradient(
                [power_w], attenuation_w, benefit, price, beta, interference_factor=factor, form=form
            )[0]
        )
        for form in ("printed", "corrected")
    )
    instance = "slope per W of the expected cost, and (22)"
    return Counterexample("eq-22", instance, float(cost.imag / step), printed, "==", corrected=corrected)


def fig5_saving_depends_on_zeta1(zeta1: tuple[float, float] = (1.0, 1e9)) -> Counterexample:
    r"""Fig. 5 states :math:`\mu` and not :math:`\zeta_1`: the claim is that two values of it save equally much power.

    Algorithm 2 in its corrected form, against all uploads at the largest power.
    """
    few, many = (_saving(Scenario.corrected(energy_weight_per_j=1e5, zeta1=value)) for value in zeta1)
    low, high = zeta1
    instance = f"share of the power saved at μ = 10⁵ per J with ζ₁ = {low:g}, and with ζ₁ = {high:g}"
    return Counterexample("fig-5", instance, few, many, "==")


def _saving(s: Scenario) -> float:
    """Share of the power that Algorithm 2 saves against full power in the first round of a cell."""
    seen = control.Observation(wireless.Cell.draw(s, seed=0).channel(0), payload_bits(s))
    decision, _ = control.decide(s, seen, control.start(s, rng=stream(0, "start")), rng=stream(0, "decisions"))
    return float(1.0 - decision.power_w.mean() / s.max_power_w)
