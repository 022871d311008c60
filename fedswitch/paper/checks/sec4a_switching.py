"""Section IV.A, (14) and Algorithm 2: the objective, its constraints, and who subscribes to what."""

from __future__ import annotations

import math

import numpy as np

from ... import control
from ...scenario import Scenario
from ...streams import stream
from ...theory.outcomes import Counterexample
from ._shared import first_decision, percent


def eq7d_can_be_kept(rounds: int = 100) -> Counterexample:
    r"""(7c) and (7d) fit together over T rounds exactly if all v are at most 1 and the whole subscriptions suffice.

    A module needs :math:`\lceil v_n T \rceil` of them, so that the claim is :math:`\sum_n \lceil v_n T \rceil \le s
    T`. It suffices, too: deal the needs out to the rounds in turn, over and over; no module comes up twice in a round.
    In the limit of many rounds what remains is :math:`\sum_n v_n \le s`.
    """
    s = Scenario.paper()
    needed = s.num_modules * math.ceil(round(s.min_participation * rounds, 9))  # 0.1 is no binary fraction
    allowed = s.subscription_limit * rounds
    says = (
        f"Over {rounds} rounds, {percent(s.min_participation)} participation in each of {s.num_modules} modules takes "
        f"{needed} subscriptions; (7c) allows {allowed}."
    )
    return Counterexample("eq-7d", says, float(needed), float(allowed))


def eq7e_excludes_silence(least_power_w: float = 1e-3) -> Counterexample:
    r"""(7e) is open at 0, where the best power may lie: the claim is that some power is as good as silence.

    One upload with :math:`\kappa = p a / b = 1/2`, above 1/e; 10,000 powers from `least_power_w` to a kilowatt.
    """
    attenuation_w, benefit, price = 0.1, 1.0, 5.0
    powers_w = np.geomspace(least_power_w, 1e3, 10_000)
    best = float((benefit * -np.expm1(-attenuation_w / powers_w) + price * powers_w).min())
    says = (
        f"From {1e3 * least_power_w:g} mW on, an upload costs at least {best:.4g}; silence, which (7e) excludes, costs "
        f"{benefit:g}."
    )
    return Counterexample("eq-7e", says, best, benefit)


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
    missing, allowed = float(short[worst]), float(dual[worst] / (step * rounds))
    says = (
        f"After {rounds} rounds the worst module has {percent(least - missing)} participation; its dual promises "
        f"{percent(least - allowed)} of the {percent(least)} asked for."
    )
    return Counterexample("eq-11", says, missing, allowed)


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
    says = (
        f"Two modules tie for one place: an interior point gives each {percent(half)}, and rounding one by one takes "
        f"both in {percent(half * half)} of draws."
    )
    return Counterexample("eq-12", says, half * half, 0.0)


def eq12_is_solved_by_sorting(programs: int = 100) -> Counterexample:
    """(12) as a linear program (HiGHS) costs no less than the modules that `control.subscribe` takes by sorting."""
    from scipy.optimize import linprog

    rng, sorted_cost, program_cost = stream(0, "programs"), 0.0, 0.0
    for _ in range(programs):
        cost = rng.normal(size=4) - rng.exponential(0.5, size=4)
        sorted_cost += float(cost @ control.subscribe(cost, 0.0, limit=1))
        program_cost += float(linprog(cost, A_ub=np.ones((1, 4)), b_ub=[1.0], bounds=(0.0, 1.0)).fun)
    says = (
        f"Over {programs} random programs, taking the best module costs {sorted_cost:.6g}; a solver's optimum costs "
        f"{program_cost:.6g}."
    )
    return Counterexample("eq-12", says, sorted_cost, program_cost)


def eq14_charges_nothing_for_a_loss(success: float = 0.5) -> Counterexample:
    r"""(14), like (9), has :math:`(1 - \lambda)(1 - \beta)`: no charge for an upload, however often it is lost.

    The data that the gNB misses is :math:`1 - \beta \lambda`. The claim is that (14) charges as much of what a module
    costs that is never received.
    """
    s = Scenario.paper(num_ues=1, num_modules=1, lora_ranks=(8,), energy_weight_per_j=0.0)
    follows, printed = (
        float((lost - heard)[0] / (never - heard)[0])
        for lost, heard, never in (
            [control.ue_cost(s, beta, rate, 0.0, 1.0, form=form) for beta, rate in ((1, success), (1, 1), (0, 0))]
            for form in ("corrected", "printed")
        )
    )
    says = (
        f"An upload that is lost in {percent(1.0 - success)} of rounds leaves {percent(follows)} of its data "
        f"missing; (14) charges for {percent(printed)}."
    )
    return Counterexample("eq-14", says, follows, printed, "==")


def alg2_start_breaks_7c() -> Counterexample:
    """Algorithm 2 begins with every UE in every module: the claim is (7c)."""
    s = Scenario.paper()
    first = int(control.start(s, rng=stream(0, "start"), form="printed").subscription.sum(axis=0).max())
    says = f"In the first round every UE subscribes to {first} modules; (7c) allows {s.subscription_limit}."
    return Counterexample("alg-2", says, float(first), float(s.subscription_limit))


def alg2_settles_above_its_start() -> Counterexample:
    """Step 1 is to lower (14): the claim is that its loop ends at no more than it began with, at the largest powers.

    It alternates between two problems, of which the first minimizes the delay and not (14). All equations are
    corrected; energy costs ten times the default, and computing nothing.
    """
    objective = first_decision(Scenario.corrected(energy_weight_per_j=1e-2), seed=10).inner.objective
    begun, least, settled = (float(objective[index]) for index in (0, objective.argmin(), -1))
    says = (
        f"Even with all equations mended, the loop begins at a cost of {begun:.4g}, comes down to {least:.4g}, and "
        f"settles at {settled:.4g}."
    )
    return Counterexample("alg-2", says, settled, begun)
