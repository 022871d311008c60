"""Section IV.A and Algorithm 2: the objective, its constraints, and who subscribes to what."""

from __future__ import annotations

import numpy as np

from ... import control, wireless
from ...scenario import Scenario
from ...streams import stream
from ...theory.claims import Counterexample
from ._roberta import MODEL_BITS, payload_bits


def eq7d_can_be_kept() -> Counterexample:
    """(7c) and (7d) fit together if the participations add up to at most s; with the stated values they do."""
    s = Scenario.paper()
    needed = s.num_modules * s.min_participation
    return Counterexample(
        "eq-7d", "subscriptions a round that (7d) asks for, and s", needed, float(s.subscription_limit)
    )


def eq7e_excludes_silence(least_power_w: float = 1e-3) -> Counterexample:
    r"""(7e) is open at 0, where the best power may lie: the claim is that some power is as good as silence.

    One upload with :math:`\kappa = p a / b = 1/2`, above 1/e; 10,000 powers from `least_power_w` to a kilowatt.
    """
    attenuation_w, benefit, price = 0.1, 1.0, 5.0
    powers_w = np.geomspace(least_power_w, 1e3, 10_000)
    best = (benefit * -np.expm1(-attenuation_w / powers_w) + price * powers_w).min()
    instance = f"least cost with at least {1e3 * least_power_w:g} mW, and cost of silence"
    return Counterexample("eq-7e", instance, float(best), benefit)


def eq11_keeps_its_promise(rounds: int = 200) -> Counterexample:
    r"""Adding up (11): what participation is missing on average is at most :math:`\lambda_n^T / (\varsigma T)`."""
    slope, dual, step, least = np.array([-1.0, -0.8, -0.7, -0.6]), np.zeros(4), 0.4, 0.1
    taken = np.zeros(4)
    for _ in range(rounds):
        chosen = control.subscribe(slope, dual, limit=1)
        dual = control.dual_ascent(dual, chosen, min_participation=least, step=step)
        taken += chosen
    short = least - taken / rounds
    worst = int((short - dual / (step * rounds)).argmax())
    instance = f"missing participation after {rounds} rounds, and the dual over step and rounds"
    return Counterexample("eq-11", instance, float(short[worst]), float(dual[worst] / (step * rounds)))


def eq12_rounding_breaks_the_limit() -> Counterexample:
    r"""Rounding the entries of an interior point's solution of (12) one by one may break (7c).

    Two modules are equally good, and s = 1. The central path keeps their symmetry, and ends at one half of each: the
    barrier problem is solved for a small :math:`\kappa`. The claim is that both are never drawn.
    """
    from scipy.optimize import brentq

    cost, kappa = -1.0, 1e-9

    def slope(b: float) -> float:
        """Derivative with respect to each entry of cost - kappa (log b + log(1 - b) per entry + log(1 - 2 b))."""
        return cost - kappa * (1.0 / b - 1.0 / (1.0 - b) - 1.0 / (1.0 - 2.0 * b))

    half = float(brentq(slope, 1e-3, 0.5 - 1e-15, xtol=1e-16))
    return Counterexample("eq-12", "probability of two subscriptions where one is allowed", half * half, 0.0)


def eq12_is_solved_by_sorting(programs: int = 100) -> Counterexample:
    """(12) as a linear program (HiGHS) costs no less than the modules that `control.subscribe` takes by sorting."""
    from scipy.optimize import linprog

    rng, excess = stream(0, "programs"), []
    for _ in range(programs):
        cost = rng.normal(size=4) - rng.exponential(0.5, size=4)
        program = linprog(cost, A_ub=np.ones((1, 4)), b_ub=[1.0], bounds=(0.0, 1.0))
        excess.append(cost @ control.subscribe(cost, 0.0, limit=1) - program.fun)
    return Counterexample("eq-12", f"largest excess over HiGHS in {programs} programs", float(max(excess)), 0.0)


def eq14_forgets_computing() -> Counterexample:
    """(14) leaves out the computing energy of (9), which depends on the subscription.

    The claim is that one subscription changes (9) and (14) by the same amount, both as printed and with the energy of
    an upload that takes the common delay.
    """
    s = Scenario.paper(num_ues=1, num_modules=1, lora_ranks=(8,))
    success, running, uplink_j = 0.75, 1.0, s.max_power_w * 1.0
    computing_j = wireless.training_energy_j(s, MODEL_BITS)
    off, on = (
        control.ue_cost(s, beta, success, computing_j + uplink_j, running, form="printed")[0] for beta in (0.0, 1.0)
    )
    missed = control.reception_benefit(s, running, form="printed")[0, 0] * (1.0 - success)
    instance = "change by one subscription of (9), and of (14)"
    return Counterexample("eq-14", instance, float(on - off), float(s.energy_weight_per_j * uplink_j - missed), "==")


def alg2_start_breaks_7c() -> Counterexample:
    """Algorithm 2 begins with every UE in every module: the claim is (7c)."""
    s = Scenario.paper()
    first = control.start(s, rng=stream(0, "start"), form="printed").subscription.sum(axis=0).max()
    return Counterexample(
        "alg-2", "subscriptions of a UE at the start, and s", float(first), float(s.subscription_limit)
    )


def alg2_objective_may_rise() -> Counterexample:
    """Step 1 alternates between two problems with other objectives: the claim is that its own never rises.

    Energy costs ten times the default here, and computing nothing.
    """
    s = Scenario.corrected(energy_weight_per_j=1e-2)
    seen = control.Observation(wireless.Cell.draw(s, seed=0).channel(3), payload_bits(s))
    decision, _ = control.decide(s, seen, control.start(s, rng=stream(2, "start")), rng=stream(0, "decisions"))
    objective = decision.inner.objective
    worst = int(np.diff(objective).argmax())
    instance = f"objective after iteration {worst + 2}, and before it"
    return Counterexample("alg-2", instance, float(objective[worst + 1]), float(objective[worst]))
