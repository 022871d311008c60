"""Section II: aggregation (1), reception (2), inference (3) and energy (4)."""

from __future__ import annotations

import numpy as np

from ... import wireless
from ...scenario import Scenario
from ...streams import stream
from ...theory.outcomes import Counterexample
from ._shared import MODEL_BITS, arrives, milliwatts, percent


def eq1_nobody_is_received(num_ues: int = 10) -> Counterexample:
    r"""(1) divides by the data received, which is none with positive probability.

    The claim is that :math:`\prod_k (1 - \beta_{n,k} \lambda_{n,k})` is 0, for :math:`\beta = 1/N` on average over
    random subscriptions and independent receptions, with UEs of one cell at full power. Ten UEs are the fewest of
    Fig. 2.
    """
    s = Scenario.corrected(num_ues=num_ues)
    distance_m = wireless.Cell.draw(s, seed=0).distance_m
    arrives = wireless.Reception.of(s, distance_m, 1.0 / num_ues, 1.0).probability(s.max_power_w)
    empty = float(np.prod(1.0 - arrives / s.num_modules))
    says = f"With {num_ues} UEs, nothing arrives for a module in {percent(empty)} of the rounds, and (1) is 0/0."
    return Counterexample("eq-1", says, empty, 0.0)


def eq2_leaves_the_interferers_power_open(distance_m: float = 60.0, power_w: float = 0.05) -> Counterexample:
    r"""(2) has the power :math:`P_l` of interferers, which nothing fixes; (15) drops it, as if it were the UE's own.

    The claim is that a UE that sends with `power_w` is received as often beside interferers with its own power as
    beside interferers with the largest.
    """
    s = Scenario.corrected()
    alike, full = (
        arrives(Scenario.corrected(interferer_power_w=other_w), distance_m, power_w)
        for other_w in (power_w, s.max_power_w)
    )
    says = (
        f"At {milliwatts(power_w)} from {distance_m:g} m, {percent(alike)} arrive if interferers send with as much, "
        f"and {percent(full)} if they send with {milliwatts(s.max_power_w)}."
    )
    return Counterexample("eq-2", says, alike, full, "==")


def eq2_depends_on_the_first_meter(distance_m: float = 100.0) -> Counterexample:
    """(2) has no loss over the first meter: the claim is that 30 dB there change no probability of reception."""
    unit, usual = (arrives(Scenario.corrected(reference_gain=gain), distance_m, 0.2) for gain in (1.0, 1e-3))
    says = (
        f"From {distance_m:g} m, {percent(unit)} arrive without a loss over the first meter, and {percent(usual)} with "
        "30 dB."
    )
    return Counterexample("eq-2", says, usual, unit, "==")


def eq3_bounds_the_ensemble() -> Counterexample:
    """(3) is no less than the risk of the mean prediction, by Jensen's inequality; here for the logarithmic loss."""
    probability = stream(0, "predictions").uniform(0.05, 1.0, size=(4, 64))
    ensemble, mean_risk = float(-np.log(probability.mean(axis=0)).mean()), float(-np.log(probability).mean())
    says = (
        f"The mean prediction of four modules has a risk of {ensemble:.2g}; (3), the mean of their risks, is "
        f"{mean_risk:.2g}."
    )
    return Counterexample("eq-3", says, ensemble, mean_risk)


def eq4_charges_more_than_the_arithmetic() -> Counterexample:
    """(4), where M is cycles for one bit of the model, charges every sample for the whole model.

    The claim is that, with the values of Section V, this is at most what the arithmetic of RoBERTa-base takes on a
    processor that does one operation a cycle.
    """
    printed_j, slow_j = (
        wireless.training_energy_j(Scenario.corrected(compute_energy=reading, flops_per_cycle=1.0), MODEL_BITS)
        for reading in ("per_model_bit", "flops")
    )
    says = (
        f"Printed, computing costs {printed_j / 1e3:.0f} kJ a round; the arithmetic, at one operation a cycle, needs "
        f"at most {slow_j / 1e3:.0f} kJ."
    )
    return Counterexample("eq-4", says, printed_j, slow_j)
