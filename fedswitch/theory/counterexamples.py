r"""Small instances in which a claim of Section III fails as printed, with both sides of the claim computed.

Each function of `COUNTEREXAMPLES` builds an instance, runs it, and returns a `Counterexample`: gradient steps are taken
and receptions enumerated; nothing is drawn. Where a claim is about a problem, its `settings` say on which domain and
with which constants the instance meets all three assumptions, with one :math:`\epsilon` for slopes and curvature. The
others are algebra, or about an assumption itself. Arguments have defaults that refute; vary them to see how far a
failure reaches. Most instances are two UEs whose risks grow with the squared distance from two places, because nothing
else is needed.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..scenario import Scenario
from ..wireless._checks import checked
from ._quadratics import Setting, aggregate, receptions, setting
from .bounds import unroll
from .claims import Counterexample
from .constants import Reading, constants, missed_data, ue_constants

Array = NDArray[np.float64]

_UNIT = {"smoothness": 1.0, "strong_convexity": 1.0, "zeta1": 1.0, "zeta2": 0.0}
_MOST_UES = 16  # whose 2**K receptions are enumerated in about a second


def ass1_slope_without_end(distance: float = 3.0) -> Counterexample:
    r"""Assumption 1 on all of :math:`\mathbb{R}^d`: a strongly convex risk has no Lipschitz constant.

    The slope of :math:`l(w) = w^2 / 2`, which has :math:`\xi = \epsilon = 1`, between `distance` and `distance` + 1.
    """
    slope = abs((distance + 1.0) ** 2 - distance**2) / 2.0
    return Counterexample(
        "ass-1",
        f"From w = {distance:g} to {distance + 1:g} the risk w²/2, whose ε is 1, has a slope of {slope:g}.",
        left=slope,
        right=1.0,
    )


def ass3_far_from_the_optimum(zeta1: float = 1.0, zeta2: float = 0.9) -> Counterexample:
    r"""Assumption 3 with :math:`\zeta_2 < 1` on all of :math:`\mathbb{R}^d`: it ends far from the optimum.

    By Jensen's inequality :math:`\max_k \|\nabla F_k\|^2 \ge \|\nabla F\|^2`, and where
    :math:`\|\nabla F\|^2 = \zeta_1 / (1 - \zeta_2)` the right-hand side is no more than that. UEs at 1 and -1, for
    which :math:`\zeta_1 = \zeta_2 = 2` holds everywhere. Raises ValueError for `zeta1` < 0 or `zeta2` outside [0, 1).
    """
    checked(non_negative={"zeta1": zeta1, "zeta2": zeta2}, positive={"1 - zeta2": 1.0 - zeta2})
    w = float(np.sqrt(zeta1 / (1.0 - zeta2)))  # whose distance from 0 is the slope of the mean
    steepest, allowed = (w + 1.0) ** 2, zeta1 + zeta2 * w**2
    return Counterexample(
        "ass-3",
        f"At w = {w:.3g} the UE at -1 has a squared slope of {steepest:.3g}; ζ1 = {zeta1:g} and ζ2 = {zeta2:g} allow "
        f"{allowed:.3g}.",
        left=steepest,
        right=allowed,
        corrected=2.0 + 2.0 * w**2,
    )


def thm1_bound_grows(smoothness: float = 4.0) -> Counterexample:
    r"""Theorem 1 is said to ensure convergence; its factor :math:`1 - A` where :math:`\epsilon` is 2 or more.

    Two UEs with the same optimum and :math:`\xi = \epsilon =` `smoothness`, on the domain :math:`|w| \le 1` with
    :math:`\zeta_2 = 0`; nobody is missed, and one step ends at the optimum.
    """
    alike, everybody = setting([[0.0], [0.0]], radius=1.0, start=[1.0], hessians=smoothness), np.ones(2)
    A, _ = _constants(alike, everybody, everybody, "printed")
    return Counterexample(
        "thm-1",
        f"With ε = {smoothness:g} and nobody missed, a round multiplies the bound on the gap by {1 - A:.3g}; "
        "training multiplies the gap by 0.",
        left=1.0 - A,
        right=1.0,
        settings=(alike,),
    )


def thm1_rate_in_other_units(scale: float = 2.0) -> Counterexample:
    r"""A of Theorem 1, the convergence rate, is not the same number when w is measured in units of `scale`.

    In these units :math:`\epsilon` and :math:`\xi` are `scale` squared times what they were. The trajectory is the
    same, and closes the same share of the gap, but A contains :math:`-\frac{\epsilon}{2}`. One UE with the risk
    :math:`w^2 / 2` in units of 1, never missed, on a domain so small that no slope exceeds :math:`\epsilon` in either
    unit. The corrected A is :math:`\xi / \epsilon = 1` in all units.
    """
    always, size = np.ones(1), min(1.0, scale)
    both = [setting([[0.0]], radius=size / unit, start=[size / unit], hessians=unit**2) for unit in (scale, 1.0)]
    rates = [_constants(one, always, always, "printed")[0] for one in both]
    return Counterexample(
        "thm-1",
        f"With w in units of {scale:g} the rate A is {rates[0]:.3g}; in units of 1 it is {rates[1]:.3g}, for the same "
        "training.",
        left=rates[0],
        right=rates[1],
        relation="==",
        settings=tuple(both),
    )


def thm1_sees_no_loss(num_ues: int = 2) -> Counterexample:
    r"""Theorem 1 does not notice a channel that loses everything, as long as all UEs subscribe.

    The sides are by how much B grows when every upload is lost instead of none: as what is lost is missed, and as
    printed. Algebra, with :math:`\zeta_1 = \epsilon = 1`.
    """
    rho, everybody = np.full(num_ues, 1.0 / num_ues), np.ones((2, 1, num_ues))
    success = np.array([[[0.0]], [[1.0]]]) * everybody
    both = (constants(rho, everybody, success, **_UNIT, form=form)[1] for form in ("corrected", "printed"))
    corrected, printed = (float(B[0, 0] - B[1, 0]) for B in both)
    return Counterexample(
        "thm-1",
        f"All UEs subscribe. If every upload is lost instead of none, B grows by {corrected:g} ζ1/ε; printed, by "
        f"{printed:g}.",
        left=corrected,
        right=printed,
        relation="==",
        corrected=corrected,
    )


def eq6_literal(smoothness: float = 4.0, share: float = 0.01, test_samples: int = 10_000) -> Counterexample:
    r"""(6) as it is set, one round: the sum over modules and B stand inside the product, and an empty product is 1.

    UEs at 1/2 and -1/2 with :math:`\xi = \epsilon =` `smoothness`, on the domain between them. The first has `share`
    of the data, and only it is ever received. Start where the other wants to be. B, in place of the 1, would do.
    """
    apart = setting([[0.5], [-0.5]], radius=0.5, start=[-0.5], hessians=smoothness, weights=[share, 1.0 - share])
    left, right, corrected = _eq6(apart, [1, 1], [1, 0], test_samples=test_samples, literal=True)
    return Counterexample(
        "eq-6",
        f"Set literally, with {1 - share:.0%} of the data never heard, (6) allows a gap of {right:.3g}; "
        f"one round leaves {left:.3g}.",
        left=left,
        right=right,
        corrected=corrected,
        settings=(apart,),
    )


def eq6_foundation_apart(curvature: float = 10.0, foundation_sq: float = 1.0) -> Counterexample:
    r"""(6) as its proof reads it: training on :math:`\Delta w` alone, inference at :math:`\Delta w + w_0` by (24).

    One UE, never missed, whose module is at its optimum already; `foundation_sq` is :math:`\|w_0\|^2`, at most 1. With
    :math:`\zeta_1 = 0` three of the four terms vanish, and :math:`\frac{\epsilon + 2}{4} \|w_0\|^2` is too small for
    every `curvature` above 2. The corrected side has what (24) says in place of the fourth term.
    """
    foundation = np.array([np.sqrt(foundation_sq)])
    trained = setting([[0.0]], radius=1.0, hessians=curvature, zeta1=0.0, zeta2=1.0, foundation=foundation)
    _, three_terms, _ = _eq6(trained, [1], [1])
    left = trained.problem.risk(trained.after(trained.start, np.ones(1)) + foundation)
    right = three_terms + _foundation_term(trained)
    return Counterexample(
        "eq-6",
        f"A foundation model of squared length {foundation_sq:g}, apart from a trained module, costs {left:.3g}; "
        f"(6) allows {right:.3g}.",
        left=left,
        right=right,
        corrected=three_terms + trained.taylor_rise(trained.start, foundation),
        settings=(trained,),
    )


def eq6_negative_bound(distance: float = 0.1, test_samples: int = 100) -> Counterexample:
    r"""(6) with every risk at :math:`w_0 + \Delta w` and the sum over modules drawn out: below zero where A < 0.

    UEs at `distance` and -`distance`, nobody missed, start at the optimum of both, where the module stays. For these
    :math:`\zeta_1 = 2\,\mathrm{distance}^2` and :math:`\zeta_2 = 2` hold everywhere, and :math:`\epsilon = 1` is a
    Lipschitz constant too, on the domain :math:`|w| \le 1/2`. It refutes up to a `distance` of 0.36.
    """
    both = setting([[distance], [-distance]], radius=0.5, zeta1=2.0 * distance**2, zeta2=2.0)
    left, right, corrected = _eq6(both, [1, 1], [1, 1], test_samples=test_samples)
    return Counterexample(
        "eq-6",
        f"UEs at {distance:g} and -{distance:g}, nobody missed: the gap is {left:.3g}, its bound (6) {right:.3g}.",
        left=left,
        right=right,
        corrected=corrected,
        settings=(both,),
    )


def eq6_rate_above_one(curvature: float = 0.01, test_samples: int = 10_000) -> Counterexample:
    r"""(6) in the same reading: below zero where A > 1, in the second round.

    UEs at 1/2 and -1/2 with :math:`\xi = \epsilon =` `curvature`, nobody missed, start at the optimum of both. The
    domain lies between them, so that :math:`\zeta_2 = 0` will do.
    """
    both = setting([[0.5], [-0.5]], radius=0.5, hessians=curvature)
    left, right, corrected = _eq6(both, [1, 1], [1, 1], rounds=2, test_samples=test_samples)
    A, _ = _constants(both, np.ones(2), np.ones(2), "printed")
    return Counterexample(
        "eq-6",
        f"With ε = {curvature:g}, A is {A:.3g}; after two rounds the gap is {left:.3g}, its bound (6) {right:.2g}.",
        left=left,
        right=right,
        corrected=corrected,
        settings=(both,),
    )


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
    two = setting(np.zeros((2, 2)), radius=1.0, start=[0.0, 1.0], hessians=hessians, zeta1=0.0, zeta2=zeta2)
    left, right, corrected = _eq6(two, [1, 0], [1, 1])
    return Counterexample(
        "eq-6",
        f"Two UEs want the same, and one is absent: a round leaves {left:.3g} of risk; (6) allows {right:.3g}.",
        left=left,
        right=right,
        corrected=corrected,
        settings=(two,),
    )


def eq6_random_right_side(success: float = 0.5) -> Counterexample:
    r"""(6) bounds a mean by what is random: from its second round on its first term depends on earlier receptions.

    One UE with the risk :math:`w^2 / 2`, received with probability `success` in either of two rounds. Once received,
    the module is at the optimum, and the right-hand side is 0. Corrected by the mean over the first round.
    """
    one, always = setting([[0.0]], radius=1.0, start=[1.0], zeta1=0.0, zeta2=1.0), np.ones(1)
    A, _ = _constants(one, always, success * always, "printed")  # with zeta1 = 0 only the first term is left
    lost, received = ((1.0 - A) * one.problem.risk(one.after(one.start, a * always)) for a in (0.0, 1.0))
    left = one.expected_risk(always, success * always, rounds=2)
    return Counterexample(
        "eq-6",
        f"After two rounds the mean gap is {left:.3g}; the right side of (6) is {received:g} or {lost:.3g}, as the "
        "first upload arrives or not.",
        left=left,
        right=min(lost, received),
        corrected=success * received + (1.0 - success) * lost,
        settings=(one,),
    )


def eq6_literal_product(num_modules: int = 4, rounds: int = 20, rate: float = 0.1) -> Counterexample:
    r"""The second term of (6) as it is set, over many rounds, against running the recursion that it stands for.

    Every module has A = `rate` and B = 1 in each of `rounds` rounds after the first, and in the first. This is a
    misprint rather than a violation, since the larger number bounds the gap as well: the product of sums grows by
    :math:`N (1 - A)` a round instead of shrinking by :math:`1 - A`. Algebra, which assumes nothing.
    """
    A = np.full((rounds + 1, num_modules), rate)
    B = np.ones_like(A)
    left, right = float(unroll(A, B, 0.0)[-1].mean()), _second_term(A, B, literal=True)
    return Counterexample(
        "eq-6",
        f"After {rounds} rounds of {num_modules} modules the second term of (6), set literally, is {right:.3g}; its "
        f"recursion gives {left:.3g}.",
        left=left,
        right=right,
        relation="==",
        corrected=_second_term(A, B),
    )


def eq8a_sees_no_loss() -> Counterexample:
    """What `thm1_sees_no_loss` shows of Theorem 1, for the constants of one UE in (8)."""
    both = (ue_constants(1.0, [0.0, 1.0], num_ues=1, **_UNIT, form=form)[1] for form in ("corrected", "printed"))
    corrected, printed = (float(B[0] - B[1]) for B in both)
    return Counterexample(
        "eq-8a",
        f"For a UE that subscribes, and is always lost instead of never, B grows by {corrected:g} ζ1/ε; printed, by "
        f"{printed:g}.",
        left=corrected,
        right=printed,
        relation="==",
        corrected=corrected,
    )


def eq9_prefers_the_worse_channel(first: float = 0.9, second: float = 0.1) -> Counterexample:
    """(9) as printed lets a UE choose the module that it is least likely to deliver.

    One UE, one subscription, two modules with success probabilities `first` and `second`; energy is free. The sides are
    the success probability of the module that loses the least data, and of the module with the least cost. Algebra,
    with the constants of `Scenario.corrected`.
    """
    success, options, earlier = np.array([first, second]), np.eye(2), 1.0  # what the round before left of the bound
    lost = [missed_data([1.0], option[:, np.newaxis], success[:, np.newaxis]).mean.sum() for option in options]
    chosen = {}
    for form in get_args(Reading):
        A, B = ue_constants(options, success, num_ues=1, form=form, **Scenario.corrected().bound_constants)
        cost = ((1.0 - A) * earlier + B).sum(axis=-1)
        chosen[form] = float(success[cost.argmin()])
    best = float(success[np.argmin(lost)])
    return Counterexample(
        "eq-9",
        f"Of modules that arrive with probability {first:g} and {second:g}, the printed cost chooses "
        f"{chosen['printed']:g}; {best:g} loses the least data.",
        left=best,
        right=chosen["printed"],
        relation="==",
        corrected=chosen["corrected"],
    )


def eq10a_every_round(costs: ArrayLike = ((-1.0, 0.0), (0.0, -1.0)), participation: float = 0.5) -> Counterexample:
    r"""(10a) against (8), which it is said to be: a multiplier for each round enforces (7d) in each round.

    `costs` (T, N) of the subscriptions of one UE to N modules, at most one a round; `participation` is v, the same for
    all modules. Where :math:`z^t \preceq 0` has multipliers of its own, :math:`\beta \ge v` in every round; (8) asks
    for it on average, and so does one multiplier for all rounds, the corrected side. Algebra, which assumes nothing.
    """
    from scipy.optimize import linprog

    cost = np.asarray(costs, dtype=np.float64)
    rounds, modules = cost.shape
    one_a_round, mean = np.kron(np.eye(rounds), np.ones(modules)), np.tile(np.eye(modules), rounds) / rounds
    every_round = linprog(cost.ravel(), one_a_round, np.ones(rounds), bounds=(participation, 1.0)).fun
    limits = np.concatenate([np.ones(rounds), np.full(modules, -participation)])
    on_average = linprog(cost.ravel(), np.concatenate([one_a_round, -mean]), limits, bounds=(0.0, 1.0)).fun
    whole = min(
        float((cost * choice).sum())
        for choice in itertools.product([*np.eye(modules), np.zeros(modules)], repeat=rounds)
        if (np.mean(choice, axis=0) >= participation).all()
    )
    return Counterexample(
        "eq-10a",
        f"Each module wants {participation:.0%} of {rounds} rounds: (8) reaches a cost of {whole:.3g}, but (10a), "
        f"which asks for that in every round, {every_round:.3g}.",
        left=whole,
        right=float(every_round),
        relation="==",
        corrected=float(on_average),
    )


def eq6_without_the_gradient(curvature: float = 1.0, distance: float = 0.4, foundation: float = 0.4) -> Counterexample:
    r"""The fourth term of (6): by (24), :math:`w_0` costs more than :math:`\frac{\epsilon + 2}{4} \|w_0\|^2`.

    One UE with the risk :math:`\frac{\mathrm{curvature}}{2} w^2`, a module at `distance`, and `foundation` for
    :math:`w_0`; together they are at most 1. The corrected side is (24) itself.
    """
    one = setting([[0.0]], radius=1.0, start=[distance], hessians=curvature, foundation=foundation)
    before = one.problem.risk(one.start)
    left = one.problem.risk(one.start + one.foundation)
    right = before + _foundation_term(one)
    return Counterexample(
        "eq-6",
        f"With ε = {curvature:g}, w0 = {foundation:g} takes a module at {distance:g} to a risk of {left:.3g}; without "
        f"the gradient of (24), (6) allows {right:.3g}.",
        left=left,
        right=right,
        corrected=before + one.taylor_rise(one.start, one.foundation),
        settings=(one,),
    )


def eq27_instance(
    gradients: ArrayLike, subscription: ArrayLike, success: ArrayLike, *, weights: ArrayLike | None = None,
    zeta1: float | None = None, zeta2: float = 0.0,
) -> Counterexample:  # fmt: skip
    r"""Both sides of (27) for an instance of your own; receptions are independent and enumerated.

    `gradients` are :math:`\nabla F_k`, (K, d); `subscription` :math:`\beta`, 0 or 1, `success` :math:`\lambda` and
    `weights` :math:`\rho` (equal if None) have shape (K,). `zeta1` is the least that Assumption 3 allows for these
    gradients with `zeta2` if None. A round in which nobody is received leaves the module as it was. The corrected side
    has :math:`1 - \beta \lambda` for :math:`(1 - \lambda)(1 - \beta)`. Raises ValueError that names what is out of
    range or does not fit.
    """
    grads, beta, rate = (np.asarray(value, dtype=np.float64) for value in (gradients, subscription, success))
    rho = np.full(beta.size, 1.0 / beta.size) if weights is None else np.asarray(weights, dtype=np.float64)
    if grads.ndim != 2 or len(grads) != beta.size or beta.ndim != 1:
        raise ValueError(f"gradients must have shape (K, d) and subscription (K,), got {grads.shape} and {beta.shape}")
    if not np.isin(beta, (0.0, 1.0)).all():
        raise ValueError(f"subscription must be 0 or 1 for every UE here, got {_listed(beta)}")
    if beta.size > _MOST_UES:
        raise ValueError(f"{beta.size} UEs have too many receptions to enumerate: take at most {_MOST_UES}")
    missed = missed_data(rho, beta[np.newaxis], rate[np.newaxis]).mean[0]
    mean = rho @ grads
    if zeta1 is None:
        zeta1 = max(0.0, max(_square(gradient) for gradient in grads) - zeta2 * _square(mean))
    error = sum(p * _square(mean - aggregate(rho, grads, received)) for received, p in receptions(beta, rate))
    limit = 4.0 * (zeta1 + zeta2 * _square(mean))
    printed = float(rho @ ((1.0 - rate) * (1.0 - beta))) * limit
    return Counterexample(
        "eq-27",
        f"With β = {_listed(beta)} and λ = {_listed(rate)} the mean squared error of a step is {error:.3g}; "
        f"(27) allows {printed:.3g}.",
        left=error,
        right=printed,
        corrected=float(missed) * limit,
    )


def eq27_subscribed_but_lost(success: float = 0.5) -> Counterexample:
    """(27) with opposite gradients 1 and -1: both UEs subscribe, the second is received with probability `success`."""
    return _eq27_at_the_optimum([1, 1], [1, success])


def eq27_received_but_absent() -> Counterexample:
    """(27) with opposite gradients 1 and -1: both channels are perfect, the second UE does not subscribe."""
    return _eq27_at_the_optimum([1, 0], [1, 1])


def _eq27_at_the_optimum(subscription: ArrayLike, success: ArrayLike) -> Counterexample:
    both = setting([[-0.5], [0.5]], radius=0.5, hessians=2.0)
    gradients = both.problem.gradients(both.start)
    found = eq27_instance(gradients, subscription, success, zeta1=both.zeta1, zeta2=both.zeta2)
    return dataclasses.replace(found, settings=(both,))


def eq27_resampled_batches(curvature: float = 1.0) -> Counterexample:
    r"""(27), where each round draws its batch anew: a UE that is always heard still sends a gradient with noise.

    One UE has samples at 1/2 and -1/2 and draws one of them, at the optimum of both. Corrected by the variance of what
    it sends.
    """
    samples, always = setting([[0.5], [-0.5]], radius=0.5, hessians=curvature), np.ones((1, 1))
    problem, w = samples.problem, samples.start
    mean = problem.mean_gradient(w)
    sent = [samples.epsilon * (w - samples.after(w, drawn)) for drawn in np.eye(2)]
    error = float(problem.weights @ [_square(mean - gradient) for gradient in sent])
    missed = float(missed_data([1.0], always, always).mean[0])
    allowed = 4.0 * missed * (samples.zeta1 + samples.zeta2 * _square(mean))
    variance = float(problem.weights @ [_square(gradient) for gradient in problem.gradients(w)]) - _square(mean)
    return Counterexample(
        "eq-27",
        f"A UE that is always heard draws one of two samples: the mean squared error of a step is {error:.3g}; (27) "
        f"allows {allowed:g}.",
        left=error,
        right=allowed,
        corrected=allowed + variance,
        settings=(samples,),
    )


def eq29_cross_term(
    samples: Sequence[float] = (0.5, 1.5), others: Sequence[float] = (-2.0, 0.0, -1.0)
) -> Counterexample:
    r"""(29), first line, with its products as inner products: the cross term is added instead of subtracted.

    `samples` and `others` are the gradients at the test samples of UEs k and j, for a model of one parameter. The
    corrected side has products of lengths, with which the line holds. Algebra, which assumes nothing.
    """
    first, second = float(np.mean(samples)), float(np.mean(others))
    left, right = (first - second) ** 2, first**2 + second**2 + 2.0 * first * second
    return Counterexample(
        "eq-29",
        f"Mean gradients of {first:g} and {second:g}: their squared distance is {left:.3g}; (29), with inner products, "
        f"allows {right:.3g}.",
        left=left,
        right=right,
        corrected=first**2 + second**2 + 2.0 * abs(first * second),
    )


def eq31_optima_stay_apart(test_samples: int = 1000) -> Counterexample:
    r"""(31), step (c): the squared distance between the optimum of all UEs and that of one, against `test_samples`.

    UEs at 1 and -1, whose samples are all alike. :math:`\zeta_1 = \zeta_2 = 2` holds everywhere. Corrected by strong
    convexity, :math:`\|w^* - w_k^*\|^2 \le \|\nabla F_k(w^*)\|^2 / \xi^2 \le \zeta_1 / \xi^2`.
    """
    both = _wanting_opposites()
    problem = both.problem
    left, right = _square(problem.optimum - problem.centers[0]), _distance_sq(both, test_samples)
    return Counterexample(
        "eq-31",
        f"UEs at 1 and -1: the squared way to the common optimum is {left:g}; with {test_samples} test samples (31) "
        f"allows {right:.3g}.",
        left=left,
        right=right,
        corrected=both.zeta1 / problem.strong_convexity**2,
        settings=(both,),
    )


def eq31_price_of_one_model(test_samples: int = 1000) -> Counterexample:
    r"""(31) from end to end: what one model for all costs a UE does not vanish with `test_samples`.

    UEs as in `eq31_optima_stay_apart`. Corrected by the inequality of Polyak and Łojasiewicz for :math:`F_k`, where
    :math:`\nabla F(w^*) = 0`: :math:`F_k(w^*) - F_k(w_k^*) \le \|\nabla F_k(w^*)\|^2 / (2 \xi) \le \zeta_1 / (2 \xi)`.
    """
    both = _wanting_opposites()
    left = float(both.problem.risks(both.problem.optimum)[0])
    right = both.epsilon * float(np.sqrt(_distance_sq(both, test_samples)))
    return Counterexample(
        "eq-31",
        f"UEs at 1 and -1: sharing a model costs each {left:g}; with {test_samples} test samples (31) allows "
        f"{right:.3g}.",
        left=left,
        right=right,
        corrected=both.zeta1 / (2.0 * both.problem.strong_convexity),
        settings=(both,),
    )


COUNTEREXAMPLES: tuple[Callable[[], Counterexample], ...] = (
    ass1_slope_without_end,
    ass3_far_from_the_optimum,
    thm1_bound_grows,
    thm1_rate_in_other_units,
    thm1_sees_no_loss,
    eq6_literal,
    eq6_foundation_apart,
    eq6_negative_bound,
    eq6_rate_above_one,
    eq6_absent_unseen,
    eq6_random_right_side,
    eq6_literal_product,
    eq8a_sees_no_loss,
    eq9_prefers_the_worse_channel,
    eq10a_every_round,
    eq6_without_the_gradient,
    eq27_subscribed_but_lost,
    eq27_received_but_absent,
    eq27_resampled_batches,
    eq29_cross_term,
    eq31_optima_stay_apart,
    eq31_price_of_one_model,
)
"""All counterexamples of this module, in the order of the paper."""


def _wanting_opposites() -> Setting:
    """UEs at 1 and -1 on the domain between them, where slopes go up to 2."""
    return setting([[1.0], [-1.0]], radius=1.0, epsilon=2.0, zeta1=2.0, zeta2=2.0)


def _constants(one: Setting, subscription: Array, success: Array, form: Reading) -> tuple[float, float]:
    """A and B of one module and round."""
    A, B = constants(
        one.problem.weights, subscription[np.newaxis], success[np.newaxis], smoothness=one.epsilon,
        strong_convexity=one.problem.strong_convexity, zeta1=one.zeta1, zeta2=one.zeta2, form=form,
    )  # fmt: skip
    return float(A[0]), float(B[0])


def _eq6(
    one: Setting, subscription: ArrayLike, success: ArrayLike, *, rounds: int = 1, test_samples: int = 1,
    literal: bool = False,
) -> tuple[float, float, float]:  # fmt: skip
    """(6) for one module after `rounds` rounds that are alike, without its last term: left, right, and corrected."""
    beta, rate = np.asarray(subscription, dtype=np.float64), np.asarray(success, dtype=np.float64)
    (A, B), corrected = (_constants(one, beta, rate, form) for form in get_args(Reading))
    right = (
        (1.0 - A) * one.expected_risk(beta, rate, rounds - 1)
        + _second_term(np.full((rounds, 1), A), np.full((rounds, 1), B), literal=literal)
        + one.epsilon * A * float(np.sqrt(_distance_sq(one, test_samples)))
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


def _foundation_term(one: Setting) -> float:
    """Last term of (6)."""
    return (one.epsilon + 2.0) / 4.0 * _square(one.foundation)


def _distance_sq(one: Setting, test_samples: int) -> float:
    """What (31) allows the squared distance between the optimum of all UEs and that of one."""
    return 4.0 * one.zeta1 / (one.problem.strong_convexity**2 * test_samples)


def _listed(values: Array) -> str:
    return "(" + ", ".join(f"{value:g}" for value in values) + ")"


def _square(vector: Array) -> float:
    return float(vector @ vector)
