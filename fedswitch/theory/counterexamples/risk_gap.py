"""Assumptions 1 and 3, Theorem 1, and the bound (6) on the risk gap."""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import ArrayLike

from ...arguments import Array, checked
from ...scenario import Form
from ..bounds import unroll
from ..constants import constants
from ..outcomes import Counterexample
from ._quadratics import UNIT, Instance, instance


def ass1_slope_without_end(distance: float = 3.0) -> Counterexample:
    r"""Assumption 1 on all of :math:`\mathbb{R}^d`: a strongly convex risk has no Lipschitz constant.

    The slope of :math:`l(w) = w^2 / 2`, which has :math:`\xi = \epsilon = 1`, between `distance` and `distance` + 1.
    """
    slope = abs((distance + 1.0) ** 2 - distance**2) / 2.0
    says = f"From w = {distance:g} to {distance + 1:g} the risk w²/2, whose ε is 1, has a slope of {slope:g}."
    return Counterexample("ass-1", says, slope, 1.0)


def ass3_far_from_the_optimum(zeta1: float = 1.0, zeta2: float = 0.9) -> Counterexample:
    r"""Assumption 3 with :math:`\zeta_2 < 1` on all of :math:`\mathbb{R}^d`: it ends far from the optimum.

    By Jensen's inequality :math:`\max_k \|\nabla F_k\|^2 \ge \|\nabla F\|^2`, and where
    :math:`\|\nabla F\|^2 = \zeta_1 / (1 - \zeta_2)` the right-hand side is no more than that. UEs at 1 and -1, for
    which :math:`\zeta_1 = \zeta_2 = 2` holds everywhere. Raises ValueError for `zeta1` < 0 or `zeta2` outside [0, 1).
    """
    checked(non_negative={"zeta1": zeta1, "zeta2": zeta2}, positive={"1 - zeta2": 1.0 - zeta2})
    w = float(np.sqrt(zeta1 / (1.0 - zeta2)))  # whose distance from 0 is the slope of the mean
    steepest, allowed = (w + 1.0) ** 2, zeta1 + zeta2 * w**2
    says = (
        f"At w = {w:.3g} the UE at -1 has a squared slope of {steepest:.3g}; ζ1 = {zeta1:g} and ζ2 = {zeta2:g} allow "
        f"{allowed:.3g}."
    )
    return Counterexample("ass-3", says, steepest, allowed, corrected=2.0 + 2.0 * w**2)


def thm1_bound_grows(smoothness: float = 4.0) -> Counterexample:
    r"""Theorem 1 is said to ensure convergence; its factor :math:`1 - A` where :math:`\epsilon` is 2 or more.

    Two UEs with the same optimum and :math:`\xi = \epsilon =` `smoothness`, on the domain :math:`|w| \le 1` with
    :math:`\zeta_2 = 0`; nobody is missed, and one step ends at the optimum.
    """
    alike, everybody = instance([[0.0], [0.0]], radius=1.0, start=[1.0], hessians=smoothness), np.ones(2)
    A, _ = alike.constants(everybody, everybody, "printed")
    says = (
        f"With ε = {smoothness:g} and nobody missed, a round multiplies the bound on the gap by {1 - A:.3g}; "
        "training multiplies the gap by 0."
    )
    return Counterexample("thm-1", says, 1.0 - A, 1.0, settings=(alike,))


def thm1_rate_in_other_units(scale: float = 2.0) -> Counterexample:
    r"""A of Theorem 1, the convergence rate, is not the same number when w is measured in units of `scale`.

    In these units :math:`\epsilon` and :math:`\xi` are `scale` squared times what they were. The trajectory is the
    same, and closes the same share of the gap, but A contains :math:`-\frac{\epsilon}{2}`. One UE with the risk
    :math:`w^2 / 2` in units of 1, never missed, on a domain so small that no slope exceeds :math:`\epsilon` in either
    unit. The corrected A is :math:`\xi / \epsilon = 1` in all units.
    """
    always, size = np.ones(1), min(1.0, scale)
    both = [instance([[0.0]], radius=size / unit, start=[size / unit], hessians=unit**2) for unit in (scale, 1.0)]
    rates = [one.constants(always, always, "printed")[0] for one in both]
    says = (
        f"With w in units of {scale:g} the rate A is {rates[0]:.3g}; in units of 1 it is {rates[1]:.3g}, for the same "
        "training."
    )
    return Counterexample("thm-1", says, rates[0], rates[1], "==", settings=tuple(both))


def thm1_sees_no_loss(num_ues: int = 2) -> Counterexample:
    r"""Theorem 1 does not notice a channel that loses everything, as long as all UEs subscribe.

    The sides are by how much B grows when every upload is lost instead of none: as what is lost is missed, and as
    printed. Algebra, with :math:`\zeta_1 = \epsilon = 1`.
    """
    rho, everybody = np.full(num_ues, 1.0 / num_ues), np.ones((2, 1, num_ues))
    success = np.array([[[0.0]], [[1.0]]]) * everybody
    both = (constants(rho, everybody, success, **UNIT, form=form)[1] for form in ("corrected", "printed"))
    corrected, printed = (float(B[0, 0] - B[1, 0]) for B in both)
    says = (
        f"All UEs subscribe. If every upload is lost instead of none, B grows by {corrected:g} ζ1/ε; printed, by "
        f"{printed:g}."
    )
    return Counterexample("thm-1", says, corrected, printed, "==", corrected=corrected)


def eq6_literal(smoothness: float = 4.0, share: float = 0.01, test_samples: int = 10_000) -> Counterexample:
    r"""(6) as it is set, one round: the sum over modules and B stand inside the product, and an empty product is 1.

    UEs at 1/2 and -1/2 with :math:`\xi = \epsilon =` `smoothness`, on the domain between them. The first has `share`
    of the data, and only it is ever received. Start where the other wants to be. B, in place of the 1, would do.
    """
    apart = instance([[0.5], [-0.5]], radius=0.5, start=[-0.5], hessians=smoothness, weights=[share, 1.0 - share])
    left, right, corrected = _eq6(apart, [1, 1], [1, 0], test_samples=test_samples, literal=True)
    says = (
        f"Set literally, with {1 - share:.0%} of the data never heard, (6) allows a gap of {right:.3g}; "
        f"one round leaves {left:.3g}."
    )
    return Counterexample("eq-6", says, left, right, corrected=corrected, settings=(apart,))


def eq6_foundation_apart(curvature: float = 10.0, foundation_sq: float = 1.0) -> Counterexample:
    r"""(6) as its proof reads it: training on :math:`\Delta w` alone, inference at :math:`\Delta w + w_0` by (24).

    One UE, never missed, whose module is at its optimum already; `foundation_sq` is :math:`\|w_0\|^2`, at most 1. With
    :math:`\zeta_1 = 0` three of the four terms vanish, and :math:`\frac{\epsilon + 2}{4} \|w_0\|^2` is too small for
    every `curvature` above 2. The corrected side has what (24) says in place of the fourth term.
    """
    foundation = np.array([np.sqrt(foundation_sq)])
    trained = instance([[0.0]], radius=1.0, hessians=curvature, zetas=(0.0, 1.0), foundation=foundation)
    _, three_terms, _ = _eq6(trained, [1], [1])
    left = trained.problem.risk(trained.after(trained.start, np.ones(1)) + foundation)
    right = three_terms + trained.foundation_term
    says = (
        f"A foundation model of squared length {foundation_sq:g}, apart from a trained module, costs {left:.3g}; "
        f"(6) allows {right:.3g}."
    )
    corrected = three_terms + trained.taylor_rise(trained.start, foundation)
    return Counterexample("eq-6", says, left, right, corrected=corrected, settings=(trained,))


def eq6_without_the_gradient(curvature: float = 1.0, distance: float = 0.4, foundation: float = 0.4) -> Counterexample:
    r"""The fourth term of (6): by (24), :math:`w_0` costs more than :math:`\frac{\epsilon + 2}{4} \|w_0\|^2`.

    One UE, whose upload is lost, so that its module stays at `distance`, where `foundation` is added for
    :math:`w_0`; together they are at most 1. The risk has the `curvature` in this direction, and next to none in
    another, so that A is nearly 0, and the first term of (6) nearly the risk at the start; :math:`\zeta_1 = 0`, and the
    other terms vanish. The corrected side has what (24) says in place of the fourth term.
    """
    flat = 1e-6 * curvature
    one = instance(
        [[0.0, 0.0]], radius=1.0, start=[distance, 0.0], hessians=[np.diag([curvature, flat])], zetas=(0.0, 1.0),
        foundation=[foundation, 0.0],
    )  # fmt: skip
    _, three_terms, _ = _eq6(one, [1], [0])
    left = one.problem.risk(one.start + one.foundation)
    right = three_terms + one.foundation_term
    says = (
        f"With ε = {curvature:g}, w0 = {foundation:g} takes a module that stays at {distance:g} to a risk of "
        f"{left:.3g}; (6), without the gradient of (24), allows {right:.3g}."
    )
    corrected = three_terms + one.taylor_rise(one.start, one.foundation)
    return Counterexample("eq-6", says, left, right, corrected=corrected, settings=(one,))


def eq6_negative_bound(distance: float = 0.1, test_samples: int = 100) -> Counterexample:
    r"""(6) with every risk at :math:`w_0 + \Delta w` and the sum over modules drawn out: below zero where A < 0.

    UEs at `distance` and -`distance`, nobody missed, start at the optimum of both, where the module stays. For these
    :math:`\zeta_1 = 2\,\mathrm{distance}^2` and :math:`\zeta_2 = 2` hold everywhere, and :math:`\epsilon = 1` is a
    Lipschitz constant too, on the domain :math:`|w| \le 1/2`. It refutes up to a `distance` of 0.36.
    """
    both = instance([[distance], [-distance]], radius=0.5, zetas=(2.0 * distance**2, 2.0))
    left, right, corrected = _eq6(both, [1, 1], [1, 1], test_samples=test_samples)
    says = f"UEs at {distance:g} and -{distance:g}, nobody missed: the gap is {left:.3g}, its bound (6) {right:.3g}."
    return Counterexample("eq-6", says, left, right, corrected=corrected, settings=(both,))


def eq6_rate_above_one(curvature: float = 0.01, test_samples: int = 10_000) -> Counterexample:
    r"""(6) in the same reading: below zero where A > 1, in the second round.

    UEs at 1/2 and -1/2 with :math:`\xi = \epsilon =` `curvature`, nobody missed, start at the optimum of both. The
    domain lies between them, so that :math:`\zeta_2 = 0` will do.
    """
    both = instance([[0.5], [-0.5]], radius=0.5, hessians=curvature)
    left, right, corrected = _eq6(both, [1, 1], [1, 1], rounds=2, test_samples=test_samples)
    A, _ = both.constants(np.ones(2), np.ones(2), "printed")
    says = f"With ε = {curvature:g}, A is {A:.3g}; after two rounds the gap is {left:.3g}, its bound (6) {right:.2g}."
    return Counterexample("eq-6", says, left, right, corrected=corrected, settings=(both,))


def eq6_absent_unseen(angle: float = 0.2, curvature: float = 1e-6) -> Counterexample:
    r"""(6) in the same reading: violated through (27), by a UE that is absent.

    Two UEs with the optimum 0 in common, :math:`H_k = u_k u_k^\top + \mathrm{curvature}\, I` with `angle` between the
    unit vectors :math:`u_1, u_2`. Only the first subscribes, and its step takes back what balanced the two.
    :math:`\zeta_1 = 0`, and :math:`\zeta_2` is the least that holds everywhere.
    """
    half = angle / 2.0
    directions = np.array([[np.cos(half), np.sin(half)], [np.cos(half), -np.sin(half)]])
    hessians = directions[:, :, np.newaxis] * directions[:, np.newaxis, :] + curvature * np.eye(2)
    slopes = hessians @ np.linalg.inv(hessians.mean(axis=0))
    zeta2 = float((np.linalg.norm(slopes, 2, axis=(1, 2)) ** 2).max())
    two = instance(np.zeros((2, 2)), radius=1.0, start=[0.0, 1.0], hessians=hessians, zetas=(0.0, zeta2))
    left, right, corrected = _eq6(two, [1, 0], [1, 1])
    says = f"Two UEs want the same, and one is absent: a round leaves {left:.3g} of risk; (6) allows {right:.3g}."
    return Counterexample("eq-6", says, left, right, corrected=corrected, settings=(two,))


def eq6_random_right_side(success: float = 0.5) -> Counterexample:
    r"""(6) bounds a mean by what is random: from its second round on its first term depends on earlier receptions.

    One UE with the risk :math:`w^2 / 2`, received with probability `success` in either of two rounds. Once received,
    the module is at the optimum, and the right-hand side is 0. Corrected by the mean over the first round.
    """
    one, always = instance([[0.0]], radius=1.0, start=[1.0], zetas=(0.0, 1.0)), np.ones(1)
    A, _ = one.constants(always, success * always, "printed")  # with zeta1 = 0 only the first term is left
    lost, received = ((1.0 - A) * one.problem.risk(one.after(one.start, a * always)) for a in (0.0, 1.0))
    left = one.expected_risk(always, success * always, rounds=2)
    says = (
        f"After two rounds the mean gap is {left:.3g}; the right side of (6) is {received:g} or {lost:.3g}, as the "
        "first upload arrives or not."
    )
    mean = success * received + (1.0 - success) * lost
    return Counterexample("eq-6", says, left, min(lost, received), corrected=mean, settings=(one,))


def eq6_literal_product(num_modules: int = 4, rounds: int = 20, rate: float = 0.1) -> Counterexample:
    r"""The second term of (6) as it is set, over many rounds, against running the recursion that it stands for.

    Every module has A = `rate` and B = 1 in each of `rounds` rounds after the first, and in the first. This is a
    misprint rather than a violation, since the larger number bounds the gap as well: the product of sums grows by
    :math:`N (1 - A)` a round instead of shrinking by :math:`1 - A`. Algebra, which assumes nothing.
    """
    A = np.full((rounds + 1, num_modules), rate)
    B = np.ones_like(A)
    left, right = float(unroll(A, B, 0.0)[-1].mean()), _second_term(A, B, literal=True)
    says = (
        f"After {rounds} rounds of {num_modules} modules the second term of (6), set literally, is {right:.3g}; its "
        f"recursion gives {left:.3g}."
    )
    return Counterexample("eq-6", says, left, right, "==", corrected=_second_term(A, B))


def _eq6(
    one: Instance, subscription: ArrayLike, success: ArrayLike, *, rounds: int = 1, test_samples: int = 1,
    literal: bool = False,
) -> tuple[float, float, float]:  # fmt: skip
    """(6) for one module after `rounds` rounds that are alike, without its last term: left, right, and corrected."""
    beta, rate = np.asarray(subscription, dtype=np.float64), np.asarray(success, dtype=np.float64)
    (A, B), corrected = (one.constants(beta, rate, form) for form in get_args(Form))
    right = (
        (1.0 - A) * one.expected_risk(beta, rate, rounds - 1)
        + _second_term(np.full((rounds, 1), A), np.full((rounds, 1), B), literal=literal)
        + one.epsilon * A * float(np.sqrt(one.distance_sq(test_samples)))
    )
    common = one.problem.heterogeneity
    gap = max(one.problem.risk(one.start) - common, 0.0)  # less than 0 by rounding only
    left_to_train = unroll(np.full((rounds, 1), corrected[0]), np.full((rounds, 1), corrected[1]), gap)
    return one.expected_risk(beta, rate, rounds), right, float(left_to_train[-1, 0]) + common


def _second_term(A: Array, B: Array, *, literal: bool = False) -> float:
    """Second term of (6) from A and B of shape (T + 1, N): set literally, or with the sum over modules drawn out."""
    rounds = range(len(A))
    if literal:
        return float(sum(np.prod([((1.0 - A[p]) * B[q]).sum() for p in rounds[q + 1 :]]) for q in rounds))
    return float(sum((1.0 - A[q + 1 :]).prod(axis=0) * B[q] for q in rounds).mean())
