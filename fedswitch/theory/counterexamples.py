r"""Small instances in which a claim of Section III fails as printed, with both sides of the claim computed.

Each function of `COUNTEREXAMPLES` builds an instance, runs it, and returns a `Counterexample`: gradient steps are taken
and receptions enumerated; nothing is drawn. An instance obeys what the claim assumes, except for the Lipschitz constant
of Assumption 1 where no bounded domain is named: nothing could obey that. Arguments have defaults that
refute; vary them to see how far a failure reaches. Most instances are two UEs whose risks grow with the squared
distance from two places, because nothing else is needed.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..scenario import Scenario
from ..wireless._checks import checked
from .bounds import unroll
from .claims import Counterexample
from .constants import Reading, constants, missed_data, ue_constants

Array = NDArray[np.float64]

_MOST_UES = 16  # whose 2**K receptions are enumerated in about a second


def ass1_slope_without_end(distance: float = 3.0) -> Counterexample:
    r"""Assumption 1 on all of :math:`\mathbb{R}^d`: a strongly convex risk has no Lipschitz constant.

    The slope of :math:`l(w) = w^2 / 2`, which has :math:`\xi = \epsilon = 1`, between `distance` and `distance` + 1.
    """
    problem = _quadratics([[0.0]])
    rise = problem.risk(np.array([distance + 1.0])) - problem.risk(np.array([distance]))
    return Counterexample(
        "ass-1",
        f"slope of w²/2 (ξ = ε = 1) from w = {distance:g} to {distance + 1:g}",
        left=abs(rise),
        right=problem.smoothness,
    )


def ass3_far_from_the_optimum(zeta1: float = 1.0, zeta2: float = 0.9) -> Counterexample:
    r"""Assumption 3 with :math:`\zeta_2 < 1` on all of :math:`\mathbb{R}^d`: it ends far from the optimum.

    By Jensen's inequality :math:`\max_k \|\nabla F_k\|^2 \ge \|\nabla F\|^2`, and where
    :math:`\|\nabla F\|^2 = \zeta_1 / (1 - \zeta_2)` the right-hand side is no more than that. UEs at 1 and -1, for
    which :math:`\zeta_1 = \zeta_2 = 2` holds everywhere. Raises ValueError for `zeta1` < 0 or `zeta2` outside [0, 1).
    """
    checked(non_negative={"zeta1": zeta1, "zeta2": zeta2}, positive={"1 - zeta2": 1.0 - zeta2})
    problem = _quadratics([[1.0], [-1.0]])
    w = np.array([np.sqrt(zeta1 / (1.0 - zeta2))])
    gradients = problem.gradients(w)
    mean_sq = _square(problem.weights @ gradients)
    return Counterexample(
        "ass-3",
        f"UEs at 1 and -1, seen from w = {w[0]:.3g}, with ζ1 = {zeta1:g} and ζ2 = {zeta2:g}",
        left=max(_square(gradient) for gradient in gradients),
        right=zeta1 + zeta2 * mean_sq,
        corrected=2.0 + 2.0 * mean_sq,
    )


def thm1_bound_grows(num_ues: int = 2) -> Counterexample:
    r"""Theorem 1 is said to ensure convergence; its factor :math:`1 - A` with :math:`\zeta_2 = 1`.

    No smaller one is possible without bounds on w (`ass3_far_from_the_optimum`). All UEs have the
    risk :math:`w^2 / 2` and nobody is missed, so that one step ends at the optimum.
    """
    everybody = np.ones(num_ues)
    A, _ = _constants(_quadratics(np.zeros((num_ues, 1))), everybody, everybody, zeta1=0.0, zeta2=1.0, form="printed")
    return Counterexample(
        "thm-1",
        f"factor 1 - A of one round for K = {num_ues}, nobody missed, ξ = ε = ζ2 = 1",
        left=1.0 - A,
        right=1.0,
    )


def thm1_rate_in_other_units(scale: float = 2.0) -> Counterexample:
    r"""A of Theorem 1, the convergence rate, is not the same number when w is measured in units of `scale`.

    In these units :math:`\epsilon` and :math:`\xi` are `scale` squared times what they were. The trajectory is the
    same, and closes the same share of the gap, but A contains :math:`-\frac{\epsilon}{2}`. One UE with the risk
    :math:`w^2 / 2` in units of 1, never missed, and :math:`\zeta_2 = 0`, as a bounded domain allows. The corrected A
    is :math:`\xi / \epsilon = 1` in all units.
    """
    always, rates = np.ones(1), []
    for unit in (scale, 1.0):
        problem = _quadratics([[0.0]], hessians=[[[unit**2]]])
        rates.append(_constants(problem, always, always, zeta1=0.0, zeta2=0.0, form="printed")[0])
    return Counterexample(
        "thm-1",
        f"A with w in units of {scale:g} and of 1, where ε = ξ = 1, nobody missed, ζ2 = 0",
        left=rates[0],
        right=rates[1],
        relation="==",
    )


def eq6_literal(radius: float = 10.0, test_samples: int = 10_000) -> Counterexample:
    r"""(6) as it is set, one round: the sum over modules and B stand inside the product, and an empty product is 1.

    UEs at `radius` and -`radius` on the domain between them; both subscribe, only the first is ever received. Start at
    the optimum of both. :math:`\zeta_2 = 0`, and the third term takes the Lipschitz constant for its :math:`\epsilon`.
    """
    problem = _quadratics([[radius], [-radius]])
    steepest = problem.steepest(radius)
    return _eq6_in_one_round(
        f"set literally, UEs at {radius:g} and -{radius:g}, the second always lost",
        problem, [0.0], subscription=[1, 1], success=[1, 0], zeta1=steepest**2, zeta2=0.0,
        test_samples=test_samples, lipschitz=steepest, literal=True,
    )  # fmt: skip


def eq6_foundation_apart(curvature: float = 10.0, foundation_sq: float = 10.0) -> Counterexample:
    r"""(6) as its proof reads it: training on :math:`\Delta w` alone, inference at :math:`\Delta w + w_0` by (24).

    One UE, never missed, whose module is at its optimum already; `foundation_sq` is :math:`\|w_0\|^2`. With
    :math:`\zeta_1 = 0` three of the four terms vanish, and :math:`\frac{\epsilon + 2}{4} \|w_0\|^2` is too small for
    every `curvature` above 2. The corrected side has what (24) says in place of the fourth term.
    """
    problem, w, always = _quadratics([[1.0]], hessians=[[[curvature]]]), np.ones(1), np.ones(1)
    foundation = np.array([np.sqrt(foundation_sq)])
    A, B = _constants(problem, always, always, zeta1=0.0, zeta2=1.0, form="printed")
    return Counterexample(
        "eq-6",
        f"foundation model apart, ε = ξ = {curvature:g}, module at its optimum, ‖w0‖² = {foundation_sq:g}",
        left=problem.expected_risk(w, always, always, foundation),
        right=_eq6(problem, w, A, B, zeta1=0.0, foundation_sq=foundation_sq),
        corrected=_eq6(problem, w, A, B, zeta1=0.0) + problem.taylor_rise(w, foundation),
    )


def eq6_negative_bound(distance: float = 0.1, test_samples: int = 100) -> Counterexample:
    r"""(6) with every risk at :math:`w_0 + \Delta w` and the sum over modules drawn out: below zero with nobody missed.

    UEs at `distance` and -`distance`, start at the optimum of both, where the module stays. For these
    :math:`\zeta_1 = 2\,\mathrm{distance}^2` and :math:`\zeta_2 = 2` hold everywhere, and :math:`\epsilon = 1` is a
    Lipschitz constant too, on the domain :math:`|w| \le 1/2`. It refutes up to a `distance` of 0.36.
    """
    return _eq6_in_one_round(
        f"UEs at {distance:g} and -{distance:g}, nobody missed, {test_samples} test samples",
        _quadratics([[distance], [-distance]]), [0.0], subscription=[1, 1], success=[1, 1],
        zeta1=2.0 * distance**2, zeta2=2.0, test_samples=test_samples,
    )  # fmt: skip


def eq6_absent_unseen(angle: float = 0.2, curvature: float = 1e-6) -> Counterexample:
    r"""(6) in the same reading: violated through (27), by a UE that is absent.

    Two UEs with the optimum 0 in common, :math:`H_k = u_k u_k^\top + \mathrm{curvature}\, I` with `angle` between the
    unit vectors :math:`u_1, u_2`. Only the first subscribes, and its step takes back what balanced the two.
    :math:`\zeta_1 = 0`, and :math:`\zeta_2` is the least that holds everywhere.
    """
    half = angle / 2.0
    directions = np.array([[np.cos(half), np.sin(half)], [np.cos(half), -np.sin(half)]])
    hessians = directions[:, :, np.newaxis] * directions[:, np.newaxis, :] + curvature * np.eye(2)
    problem = _quadratics(np.zeros((2, 2)), hessians=hessians)
    slopes = hessians @ np.linalg.inv(hessians.mean(axis=0))
    return _eq6_in_one_round(
        f"two UEs with a common optimum, {angle:g} rad apart, the second absent",
        problem, [0.0, 100.0], subscription=[1, 0], success=[1, 1],
        zeta1=0.0, zeta2=float((np.linalg.norm(slopes, 2, axis=(1, 2)) ** 2).max()),
    )  # fmt: skip


def eq6_literal_product(num_modules: int = 4, rounds: int = 20, rate: float = 0.1) -> Counterexample:
    r"""The second term of (6) as it is set, over many rounds, against running the recursion that it stands for.

    Every module has A = `rate` and B = 1 in each of `rounds` rounds after the first, and in the first. This is a
    misprint rather than a violation, since the larger number bounds the gap as well: the product of sums grows by
    :math:`N (1 - A)` a round instead of shrinking by :math:`1 - A`.
    """
    A = np.full((rounds + 1, num_modules), rate)
    B = np.ones_like(A)
    return Counterexample(
        "eq-6",
        f"second term after {rounds} rounds, N = {num_modules}, A = {rate:g} and B = 1 throughout",
        left=float(unroll(A, B, 0.0)[-1].mean()),
        right=_second_term(A, B, literal=True),
        relation="==",
        corrected=_second_term(A, B),
    )


def eq9_prefers_the_worse_channel(first: float = 0.9, second: float = 0.1) -> Counterexample:
    """(9) as printed lets a UE choose the module that it is least likely to deliver.

    One UE, one subscription, two modules with success probabilities `first` and `second`; energy is free. The sides are
    the success probability of the module that loses the least data, and of the module with the least cost.
    """
    success, options, earlier = np.array([first, second]), np.eye(2), 1.0  # what the round before left of the bound
    lost = [missed_data([1.0], option[:, np.newaxis], success[:, np.newaxis]).mean.sum() for option in options]
    chosen = {}
    for form in get_args(Reading):
        A, B = ue_constants(options, success, num_ues=1, form=form, **Scenario.corrected().bound_constants)
        cost = ((1.0 - A) * earlier + B).sum(axis=-1)
        chosen[form] = float(success[cost.argmin()])
    return Counterexample(
        "eq-9",
        f"success probability of the module to choose, of {first:g} and {second:g}",
        left=float(success[np.argmin(lost)]),
        right=chosen["printed"],
        relation="==",
        corrected=chosen["corrected"],
    )


def eq24_as_used(curvature: float = 1.0, distance: float = 1.0) -> Counterexample:
    r"""(24) as the proof uses it: :math:`w_0` costs :math:`\frac{\epsilon + 2}{4} \|w_0\|^2`, without a gradient.

    One UE with the risk :math:`\frac{\mathrm{curvature}}{2} w^2`, a module at `distance`, and :math:`w_0 = 1`. The
    corrected side is (24) itself.
    """
    problem = _quadratics([[0.0]], hessians=[[[curvature]]])
    w, foundation = np.array([distance]), np.ones(1)
    return Counterexample(
        "eq-24",
        f"ε = ξ = {curvature:g}, module at {distance:g}, w0 = 1",
        left=problem.risk(w + foundation),
        right=problem.risk(w) + (problem.smoothness + 2.0) / 4.0 * _square(foundation),
        corrected=problem.risk(w) + problem.taylor_rise(w, foundation),
    )


def eq27_instance(
    gradients: ArrayLike, subscription: ArrayLike, success: ArrayLike, *, weights: ArrayLike | None = None,
    zeta2: float = 0.0,
) -> Counterexample:  # fmt: skip
    r"""Both sides of (27) for an instance of your own; receptions are independent and enumerated.

    `gradients` are :math:`\nabla F_k`, (K, d); `subscription` :math:`\beta`, 0 or 1, `success` :math:`\lambda` and
    `weights` :math:`\rho` (equal if None) have shape (K,). :math:`\zeta_1` is the least that Assumption 3 allows here
    with `zeta2`. A round in which nobody is received leaves the module as it was. The corrected side has
    :math:`1 - \beta \lambda` for :math:`(1 - \lambda)(1 - \beta)`. Raises ValueError that names what is out of range
    or does not fit.
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
    zeta1 = max(0.0, max(_square(gradient) for gradient in grads) - zeta2 * _square(mean))
    error = sum(p * _square(mean - _aggregate(rho, grads, received)) for received, p in _receptions(beta, rate))
    limit = 4.0 * (zeta1 + zeta2 * _square(mean))
    return Counterexample(
        "eq-27",
        f"K = {beta.size}, β = {_listed(beta)}, λ = {_listed(rate)}",
        left=error,
        right=float(rho @ ((1.0 - rate) * (1.0 - beta))) * limit,
        corrected=float(missed) * limit,
    )


def eq27_subscribed_but_lost(success: float = 0.5) -> Counterexample:
    """(27) with opposite gradients 1 and -1: both UEs subscribe, the second is received with probability `success`."""
    return eq27_instance([[1.0], [-1.0]], subscription=[1, 1], success=[1, success])


def eq27_received_but_absent() -> Counterexample:
    """(27) with opposite gradients 1 and -1: both channels are perfect, the second UE does not subscribe."""
    return eq27_instance([[1.0], [-1.0]], subscription=[1, 0], success=[1, 1])


def eq29_cross_term(
    samples: Sequence[float] = (0.5, 1.5), others: Sequence[float] = (-2.0, 0.0, -1.0)
) -> Counterexample:
    r"""(29), first line: the square of a difference, with its cross term added instead of subtracted.

    `samples` and `others` are the gradients at the test samples of UEs k and j, for a model of one parameter.
    """
    first, second = float(np.mean(samples)), float(np.mean(others))
    return Counterexample(
        "eq-29",
        f"mean gradients {first:g} and {second:g}",
        left=(first - second) ** 2,
        right=first**2 + second**2 + 2.0 * first * second,
        corrected=first**2 + second**2 - 2.0 * first * second,
    )


def eq30_zeta_for_xi(strong_convexity: float = 0.1, zeta: float = 1.0) -> Counterexample:
    r"""(30), divided by its constant: :math:`F - F^* \le \|\nabla F\|^2 / (2 \zeta)`, where only :math:`\xi` can stand.

    F is :math:`\frac{\xi}{2} w^2` seen from 1; with one UE Assumption 3 holds with :math:`\zeta_2 = 1` and every
    :math:`\zeta_1`, so that `zeta` may be either.
    """
    problem, w = _quadratics([[0.0]], hessians=[[[strong_convexity]]]), np.ones(1)
    slope_sq = _square(problem.mean_gradient(w))
    return Counterexample(
        "eq-30",
        f"F = {strong_convexity / 2:g} w² at w = 1, ζ = {zeta:g}",
        left=problem.risk(w),
        right=slope_sq / (2.0 * zeta),
        corrected=slope_sq / (2.0 * strong_convexity),
    )


def eq31_optima_stay_apart(test_samples: int = 1000) -> Counterexample:
    r"""(31), step (c): the squared distance between the optimum of all UEs and that of one, against `test_samples`.

    UEs at 1 and -1, whose samples are all alike. :math:`\zeta_1 = \zeta_2 = 2` holds everywhere. Corrected by strong
    convexity, :math:`\|w^* - w_k^*\|^2 \le \|\nabla F_k(w^*)\|^2 / \xi^2 \le \zeta_1 / \xi^2`.
    """
    problem, zeta1 = _quadratics([[1.0], [-1.0]]), 2.0
    return Counterexample(
        "eq-31",
        f"UEs at 1 and -1, {test_samples} test samples, ‖w* - wk*‖²",
        left=_square(problem.optimum - problem.centers[0]),
        right=_distance_sq(zeta1, problem.strong_convexity, test_samples),
        corrected=zeta1 / problem.strong_convexity**2,
    )


def eq31_price_of_one_model(test_samples: int = 1000) -> Counterexample:
    r"""(31) from end to end: what one model for all costs a UE does not vanish with `test_samples`.

    UEs as in `eq31_optima_stay_apart`, on the domain :math:`|w| \le 1`; the Lipschitz constant on it stands for
    :math:`\epsilon`. Corrected by the inequality of Polyak and Łojasiewicz for :math:`F_k`, where
    :math:`\nabla F(w^*) = 0`: :math:`F_k(w^*) - F_k(w_k^*) \le \|\nabla F_k(w^*)\|^2 / (2 \xi) \le \zeta_1 / (2 \xi)`.
    """
    problem, zeta1 = _quadratics([[1.0], [-1.0]]), 2.0
    return Counterexample(
        "eq-31",
        f"UEs at 1 and -1, {test_samples} test samples, Fk(w*) - Fk(wk*)",
        left=float(problem.risks(problem.optimum)[0]),
        right=problem.steepest(1.0) * float(np.sqrt(_distance_sq(zeta1, problem.strong_convexity, test_samples))),
        corrected=zeta1 / (2.0 * problem.strong_convexity),
    )


def eq31_smoothness_is_no_slope(distance: float = 4.0) -> Counterexample:
    r"""(31), first step, with the :math:`\epsilon` of Assumption 2: a bound on the curvature does not bound the slope.

    UEs at `distance` and -`distance` with :math:`\xi = \epsilon = 1`. Corrected as in `eq31_price_of_one_model`.
    """
    problem = _quadratics([[distance], [-distance]])
    best = problem.optimum
    return Counterexample(
        "eq-31",
        f"UEs at {distance:g} and -{distance:g}, ε = ξ = 1, Fk(w*) - Fk(wk*)",
        left=float(problem.risks(best)[0]),
        right=problem.smoothness * float(np.sqrt(_square(best - problem.centers[0]))),
        corrected=_square(problem.gradients(best)[0]) / (2.0 * problem.strong_convexity),
    )


COUNTEREXAMPLES: tuple[Callable[[], Counterexample], ...] = (
    ass1_slope_without_end,
    ass3_far_from_the_optimum,
    thm1_bound_grows,
    thm1_rate_in_other_units,
    eq6_literal,
    eq6_foundation_apart,
    eq6_negative_bound,
    eq6_absent_unseen,
    eq6_literal_product,
    eq9_prefers_the_worse_channel,
    eq24_as_used,
    eq27_subscribed_but_lost,
    eq27_received_but_absent,
    eq29_cross_term,
    eq30_zeta_for_xi,
    eq31_optima_stay_apart,
    eq31_price_of_one_model,
    eq31_smoothness_is_no_slope,
)
"""All counterexamples of this module, in the order of the paper."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Quadratics:
    r"""Risks :math:`F_k(w) = \frac{1}{2} (w - c_k)^\top H_k (w - c_k)`, with the least value 0.

    `centers` c has shape (K, d), `hessians` H (K, d, d), `weights` :math:`\rho` (K,).
    """

    centers: Array
    hessians: Array
    weights: Array

    def gradients(self, w: Array) -> Array:
        slopes: Array = np.einsum("kij,kj->ki", self.hessians, w - self.centers)
        return slopes

    def mean_gradient(self, w: Array) -> Array:
        slope: Array = self.weights @ self.gradients(w)
        return slope

    def risks(self, w: Array) -> Array:
        values: Array = 0.5 * ((w - self.centers) * self.gradients(w)).sum(axis=-1)
        return values

    def risk(self, w: Array) -> float:
        return float(self.weights @ self.risks(w))

    def steepest(self, radius: float) -> float:
        """The largest slope of any UE's risk from -radius to radius, in one dimension."""
        return float(max(np.abs(self.gradients(np.array([end]))).max() for end in (-radius, radius)))

    def taylor_rise(self, w: Array, step: Array) -> float:
        """By how much the risk rises along a step at most."""
        return float(self.mean_gradient(w) @ step) + self.smoothness / 2.0 * _square(step)

    def expected_risk(self, w: Array, subscription: Array, success: Array, foundation: Array | float = 0.0) -> float:
        r"""Expected risk at w + `foundation` after the step (1) from w with :math:`\eta = 1 / \epsilon`."""
        gradients = self.gradients(w)
        return sum(
            probability * self.risk(w - _aggregate(self.weights, gradients, received) / self.smoothness + foundation)
            for received, probability in _receptions(subscription, success)
        )

    @property
    def optimum(self) -> Array:
        pull = np.einsum("k,kij,kj->i", self.weights, self.hessians, self.centers)
        place: Array = np.linalg.solve(np.einsum("k,kij->ij", self.weights, self.hessians), pull)
        return place

    @property
    def smoothness(self) -> float:
        return float(np.linalg.eigvalsh(self.hessians).max())

    @property
    def strong_convexity(self) -> float:
        return float(np.linalg.eigvalsh(self.hessians).min())


def _quadratics(centers: ArrayLike, hessians: ArrayLike | None = None) -> _Quadratics:
    """UEs with equal shares of the data, and with curvature 1 in all directions unless `hessians` are given."""
    places = np.asarray(centers, dtype=np.float64)
    count, dimension = places.shape
    curved = np.broadcast_to(np.eye(dimension), (count, dimension, dimension)) if hessians is None else hessians
    return _Quadratics(places, np.asarray(curved, dtype=np.float64), np.full(count, 1.0 / count))


def _receptions(subscription: Array, success: Array) -> Iterator[tuple[Array, float]]:
    """Every outcome of a round, as the UEs that are received, with its probability."""
    for outcome in itertools.product((0.0, 1.0), repeat=subscription.size):
        gamma = np.array(outcome)
        yield subscription * gamma, float(np.where(gamma > 0.0, success, 1.0 - success).prod())


def _aggregate(weights: Array, gradients: Array, received: Array) -> Array:
    """The mean gradient (1) of those received, 0 if nobody is."""
    share = weights * received
    mean: Array = share @ gradients / (share.sum() or 1.0)
    return mean


def _constants(
    problem: _Quadratics, subscription: Array, success: Array, *, zeta1: float, zeta2: float, form: Reading
) -> tuple[float, float]:
    """A and B of one module and round."""
    A, B = constants(
        problem.weights, subscription[np.newaxis], success[np.newaxis], smoothness=problem.smoothness,
        strong_convexity=problem.strong_convexity, zeta1=zeta1, zeta2=zeta2, form=form,
    )  # fmt: skip
    return float(A[0]), float(B[0])


def _eq6(
    problem: _Quadratics, w: Array, A: float, B: float, *, zeta1: float, test_samples: int = 1,
    foundation_sq: float = 0.0, lipschitz: float | None = None, literal: bool = False,
) -> float:  # fmt: skip
    """Right-hand side of (6) as printed, for one module and its first round; `lipschitz` takes the place of epsilon."""
    slope = problem.smoothness if lipschitz is None else lipschitz
    apart = float(np.sqrt(_distance_sq(zeta1, problem.strong_convexity, test_samples)))
    return (
        (1.0 - A) * problem.risk(w)
        + _second_term(np.array([[A]]), np.array([[B]]), literal=literal)
        + slope * A * apart
        + (problem.smoothness + 2.0) / 4.0 * foundation_sq
    )


def _second_term(A: Array, B: Array, *, literal: bool = False) -> float:
    """Second term of (6) from A and B of shape (T + 1, N): set literally, or with the sum over modules drawn out."""
    rounds = range(len(A))
    if literal:
        return float(sum(np.prod([((1.0 - A[p]) * B[q]).sum() for p in rounds[q + 1 :]]) for q in rounds))
    return float(sum((1.0 - A[q + 1 :]).prod(axis=0) * B[q] for q in rounds).mean())


def _eq6_in_one_round(
    instance: str, problem: _Quadratics, start: ArrayLike, *, subscription: ArrayLike, success: ArrayLike,
    zeta1: float, zeta2: float, **printed: Any,
) -> Counterexample:  # fmt: skip
    """(6) after one round from `start`, without a foundation model; `printed` goes to `_eq6`."""
    w, beta, rate = (np.asarray(value, dtype=np.float64) for value in (start, subscription, success))
    both = {form: _constants(problem, beta, rate, zeta1=zeta1, zeta2=zeta2, form=form) for form in get_args(Reading)}
    A, B = both["corrected"]
    heterogeneity = problem.risk(problem.optimum)  # since every least risk is 0
    return Counterexample(
        "eq-6",
        instance,
        left=problem.expected_risk(w, beta, rate),
        right=_eq6(problem, w, *both["printed"], zeta1=zeta1, **printed),
        corrected=(1.0 - A) * (problem.risk(w) - heterogeneity) + B + heterogeneity,
    )


def _distance_sq(zeta1: float, strong_convexity: float, test_samples: int) -> float:
    """What (31) allows the squared distance between the optimum of all UEs and that of one."""
    return 4.0 * zeta1 / (strong_convexity**2 * test_samples)


def _listed(values: Array) -> str:
    return "(" + ", ".join(f"{value:g}" for value in values) + ")"


def _square(vector: Array) -> float:
    return float(vector @ vector)
