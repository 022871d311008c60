"""Section II: aggregation (1), reception (2), inference (3) and energy (4)."""

from __future__ import annotations

import numpy as np

from ... import wireless
from ...scenario import Scenario
from ...streams import stream
from ...theory.claims import Counterexample
from ._roberta import MODEL_BITS


def eq1_nobody_is_received(num_ues: int = 8) -> Counterexample:
    r"""(1) divides by the data received, which is none with positive probability.

    The claim is that :math:`\prod_k (1 - \beta_{n,k} \lambda_{n,k})` is 0, for :math:`\beta = 1/N` on average over
    random subscriptions and independent receptions, with UEs of one cell at full power.
    """
    s = Scenario.corrected(num_ues=num_ues)
    distance_m = wireless.Cell.draw(s, seed=0).distance_m
    arrives = wireless.Reception.of(s, distance_m, 1.0 / num_ues, 1.0).probability(s.max_power_w)
    empty = float(np.prod(1.0 - arrives / s.num_modules))
    return Counterexample("eq-1", f"probability that nothing arrives for a module, {num_ues} UEs", empty, 0.0)


def eq2_depends_on_the_first_meter(distance_m: float = 100.0) -> Counterexample:
    """(2) has no loss over the first meter: the claim is that 30 dB there change no probability of reception."""
    unit, usual = (
        wireless.Reception.of(Scenario.corrected(reference_gain=gain), distance_m, 0.01, 1.0).probability(0.2)
        for gain in (1.0, 1e-3)
    )
    instance = f"success probability from {distance_m:g} m on 1 % of the band, 30 dB and 0 dB over the first meter"
    return Counterexample("eq-2", instance, float(usual), float(unit), "==")


def eq3_bounds_the_ensemble() -> Counterexample:
    """(3) is no less than the risk of the mean prediction, by Jensen's inequality; here for the logarithmic loss."""
    probability = stream(0, "predictions").uniform(0.05, 1.0, size=(4, 64))
    ensemble, mean_risk = -np.log(probability.mean(axis=0)).mean(), -np.log(probability).mean()
    return Counterexample("eq-3", "risk of the mean prediction, and (3)", float(ensemble), float(mean_risk))


def eq4_charges_more_than_the_arithmetic() -> Counterexample:
    """(4) charges every sample for all bits of the model.

    The claim is that this is at most what the arithmetic of RoBERTa-base takes on a processor that does one operation a
    cycle.
    """
    printed, slow = (
        wireless.training_energy_j(Scenario.corrected(compute_energy=reading, flops_per_cycle=1.0), MODEL_BITS)
        for reading in ("per_model_bit", "flops")
    )
    return Counterexample("eq-4", "J of computing in a round, as printed, and at one operation a cycle", printed, slow)
