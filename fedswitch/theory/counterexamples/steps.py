"""The costs (8) to (10) of Section IV, and the steps (24) to (31) of Appendix A."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike

from ...arguments import Array
from ...scenario import Form, Scenario
from ..constants import missed_data, ue_constants
from ..outcomes import Counterexample
from ._quadratics import UNIT, Instance, aggregate, instance, receptions, square

_MOST_UES = 16  # whose 2**K receptions are enumerated in about a second


def eq8a_sees_no_loss() -> Counterexample:
    """What `thm1_sees_no_loss` shows of Theorem 1, for the constants of one UE in (8)."""
    both = (ue_constants(1.0, [0.0, 1.0], num_ues=1, **UNIT, form=form)[1] for form in ("corrected", "printed"))
    corrected, printed = (float(B[0] - B[1]) for B in both)
    says = (
        f"For a UE that subscribes, and is always lost instead of never, B grows by {corrected:g} ζ1/ε; printed, by "
        f"{printed:g}."
    )
    return Counterexample("eq-8a", says, corrected, printed, "==", corrected=corrected)


def eq9_prefers_the_worse_channel(first: float = 0.9, second: float = 0.1) -> Counterexample:
    """(9) as printed lets a UE choose the module that it is least likely to deliver.

    One UE, one subscription, two modules with success probabilities `first` and `second`; energy is free. The sides are
    the success probability of the module that loses the least data, and of the module with the least cost. Algebra,
    with the constants of `Scenario.corrected`.
    """
    success, options, earlier = np.array([first, second]), np.eye(2), 1.0  # what the round before left of the bound
    lost = [missed_data([1.0], option[:, np.newaxis], success[:, np.newaxis]).mean.sum() for option in options]
    chosen = {}
    for form in get_args(Form):
        A, B = ue_constants(options, success, num_ues=1, form=form, **Scenario.corrected().bound_constants)
        cost = ((1.0 - A) * earlier + B).sum(axis=-1)
        chosen[form] = float(success[cost.argmin()])
    best = float(success[np.argmin(lost)])
    says = (
        f"Of modules that arrive with probability {first:g} and {second:g}, the printed cost chooses "
        f"{chosen['printed']:g}; {best:g} loses the least data."
    )
    return Counterexample("eq-9", says, best, chosen["printed"], "==", corrected=chosen["corrected"])


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
    says = (
        f"Each module wants {participation:.0%} of {rounds} rounds: (8) reaches a cost of {whole:.3g}, but (10a), "
        f"which asks for that in every round, {every_round:.3g}."
    )
    return Counterexample("eq-10a", says, whole, float(every_round), "==", corrected=float(on_average))


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
        zeta1 = max(0.0, max(square(gradient) for gradient in grads) - zeta2 * square(mean))
    error = sum(p * square(mean - aggregate(rho, grads, received)) for received, p in receptions(beta, rate))
    limit = 4.0 * (zeta1 + zeta2 * square(mean))
    printed = float(rho @ ((1.0 - rate) * (1.0 - beta))) * limit
    says = (
        f"With β = {_listed(beta)} and λ = {_listed(rate)} the mean squared error of a step is {error:.3g}; "
        f"(27) allows {printed:.3g}."
    )
    return Counterexample("eq-27", says, error, printed, corrected=float(missed) * limit)


def eq27_subscribed_but_lost(success: float = 0.5) -> Counterexample:
    """(27) with opposite gradients 1 and -1: both UEs subscribe, the second is received with probability `success`."""
    return _eq27_at_the_optimum([1, 1], [1, success])


def eq27_received_but_absent() -> Counterexample:
    """(27) with opposite gradients 1 and -1: both channels are perfect, the second UE does not subscribe."""
    return _eq27_at_the_optimum([1, 0], [1, 1])


def eq27_resampled_batches(curvature: float = 1.0) -> Counterexample:
    r"""(27), where each round draws its batch anew: a UE that is always heard still sends a gradient with noise.

    One UE has samples at 1/2 and -1/2 and draws one of them, at the optimum of both. Corrected by the variance of what
    it sends.
    """
    samples, always = instance([[0.5], [-0.5]], radius=0.5, hessians=curvature), np.ones((1, 1))
    problem, w = samples.problem, samples.start
    mean = problem.mean_gradient(w)
    sent = [samples.epsilon * (w - samples.after(w, drawn)) for drawn in np.eye(2)]
    error = float(problem.weights @ [square(mean - gradient) for gradient in sent])
    missed = float(missed_data([1.0], always, always).mean[0])
    allowed = 4.0 * missed * (samples.zetas[0] + samples.zetas[1] * square(mean))
    variance = float(problem.weights @ [square(gradient) for gradient in problem.gradients(w)]) - square(mean)
    says = (
        f"A UE that is always heard draws one of two samples: the mean squared error of a step is {error:.3g}; (27) "
        f"allows {allowed:g}."
    )
    return Counterexample("eq-27", says, error, allowed, corrected=allowed + variance, settings=(samples,))


def eq29_cross_term(
    samples: Sequence[float] = (0.5, 1.5), others: Sequence[float] = (-2.0, 0.0, -1.0)
) -> Counterexample:
    r"""(29), first line, with its products as inner products: the cross term is added instead of subtracted.

    `samples` and `others` are the gradients at the test samples of UEs k and j, for a model of one parameter. The
    corrected side has products of lengths, with which the line holds. Algebra, which assumes nothing.
    """
    first, second = float(np.mean(samples)), float(np.mean(others))
    left, right = (first - second) ** 2, first**2 + second**2 + 2.0 * first * second
    says = (
        f"Mean gradients of {first:g} and {second:g}: their squared distance is {left:.3g}; (29), with inner products, "
        f"allows {right:.3g}."
    )
    return Counterexample("eq-29", says, left, right, corrected=first**2 + second**2 + 2.0 * abs(first * second))


def eq31_optima_stay_apart(test_samples: int = 1000) -> Counterexample:
    r"""(31), step (c): the squared distance between the optimum of all UEs and that of one, against `test_samples`.

    UEs at 1 and -1, whose samples are all alike. :math:`\zeta_1 = \zeta_2 = 2` holds everywhere. Corrected by strong
    convexity, :math:`\|w^* - w_k^*\|^2 \le \|\nabla F_k(w^*)\|^2 / \xi^2 \le \zeta_1 / \xi^2`.
    """
    both = _wanting_opposites()
    problem = both.problem
    left, right = square(problem.optimum - problem.centers[0]), both.distance_sq(test_samples)
    says = (
        f"UEs at 1 and -1: the squared way to the common optimum is {left:g}; with {test_samples} test samples (31) "
        f"allows {right:.3g}."
    )
    corrected = both.zetas[0] / problem.strong_convexity**2
    return Counterexample("eq-31", says, left, right, corrected=corrected, settings=(both,))


def eq31_price_of_one_model(test_samples: int = 1000) -> Counterexample:
    r"""(31) from end to end: what one model for all costs a UE does not vanish with `test_samples`.

    UEs as in `eq31_optima_stay_apart`. Corrected by the inequality of Polyak and Łojasiewicz for :math:`F_k`, where
    :math:`\nabla F(w^*) = 0`: :math:`F_k(w^*) - F_k(w_k^*) \le \|\nabla F_k(w^*)\|^2 / (2 \xi) \le \zeta_1 / (2 \xi)`.
    """
    both = _wanting_opposites()
    left = float(both.problem.risks(both.problem.optimum)[0])
    right = both.epsilon * float(np.sqrt(both.distance_sq(test_samples)))
    says = (
        f"UEs at 1 and -1: sharing a model costs each {left:g}; with {test_samples} test samples (31) allows "
        f"{right:.3g}."
    )
    corrected = both.zetas[0] / (2.0 * both.problem.strong_convexity)
    return Counterexample("eq-31", says, left, right, corrected=corrected, settings=(both,))


def _eq27_at_the_optimum(subscription: ArrayLike, success: ArrayLike) -> Counterexample:
    both = instance([[-0.5], [0.5]], radius=0.5, hessians=2.0)
    gradients = both.problem.gradients(both.start)
    found = eq27_instance(gradients, subscription, success, zeta1=both.zetas[0], zeta2=both.zetas[1])
    return dataclasses.replace(found, settings=(both,))


def _wanting_opposites() -> Instance:
    """UEs at 1 and -1 on the domain between them, where slopes go up to 2."""
    return instance([[1.0], [-1.0]], radius=1.0, epsilon=2.0, zetas=(2.0, 2.0))


def _listed(values: Array) -> str:
    return "(" + ", ".join(f"{value:g}" for value in values) + ")"
