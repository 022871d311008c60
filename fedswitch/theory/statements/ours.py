"""The algebra of the theorems that are this project's own: A (training as it runs), B (inverse weights), C (online)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import sympy
from sympy import Matrix

from ._algebra import (
    GRADIENTS,
    MEAN,
    PARAMETERS,
    RHO,
    UES,
    Law,
    Sides,
    average,
    dot,
    epsilon,
    reception_law,
    receptions,
    square,
    states,
    symbols,
    vector,
    vectors,
)

_eta = sympy.Symbol("eta", positive=True)


@states("thm-1")
def running_step() -> Sides:
    """The mean of -η g·v + εη²/2 ‖v‖² is -η/2 [‖g‖² - ‖b‖² - εη (noise + sampling)] less η/2 (1-εη) ‖g-b‖²."""
    law, noises = reception_law(), vectors("n", 2)
    sampling = _second_moments(law, noises)
    noise = law.form(sympy.eye(PARAMETERS))
    change = _mean_over_batches(law, noises, lambda v: -_eta * law.gradient.dot(v) + epsilon * _eta**2 / 2 * square(v))
    bracket = square(law.gradient) - square(law.bias) - epsilon * _eta * (noise + sampling)
    lost = _eta / 2 * (1 - epsilon * _eta) * square(law.gradient - law.bias)
    return -_eta / 2 * bracket - lost, change


@states("thm-1")
def running_sampling() -> Sides:
    """Mini-batches add Σ E[p²] ‖n‖² to the mean of ‖e‖², and nothing else, if they err to both sides alike."""
    law, noises = reception_law(), vectors("n", 2)
    with_batches = _mean_over_batches(law, noises, lambda v: square(law.gradient - v))
    return law.mean(square) + _second_moments(law, noises), with_batches


@states("thm-1")
def running_bias() -> Sides:
    """χ Σ ρ ‖u‖² - ‖Σ d u‖² is a sum of squares, where χ = Σ d²/ρ: how far the bias can reach."""
    rho, shift, apart = symbols("rho", UES), symbols("d", UES), vectors("u")
    chi = sum(d**2 / r for d, r in zip(shift, rho, strict=True))
    left = chi * dot(rho, map(square, apart)) - square(average(shift, apart))
    squares = sum(
        rho[i] * rho[j] * square(shift[i] / rho[i] * apart[j] - shift[j] / rho[j] * apart[i])
        for i, j in itertools.combinations(range(UES), 2)
    )
    return left, squares


@states("eq-1")
def inverse_mean() -> Sides:
    """Weights ρ a/π of what arrives, with π = s λ, have the mean gradient of F, whatever s and λ are."""
    chances, direction = _chances(), vector("z")
    mean = sum(
        (probability * _inverse(received, chances) for received, probability in receptions(chances)),
        sympy.zeros(PARAMETERS, 1),
    )
    return direction.dot(mean), direction.dot(MEAN)


@states("eq-1")
def inverse_variance() -> Sides:
    """The mean of ‖v - g‖² is Σ ρ² [(1/π - 1) ‖∇F_k‖² + ‖n_k‖²/π], if mini-batches err by n_k to both sides alike."""
    chances, noises = symbols("pi", UES), vectors("n")
    spread = sympy.S.Zero
    for signs in itertools.product((1, -1), repeat=UES):
        drawn = [g + sign * n for g, sign, n in zip(GRADIENTS, signs, noises, strict=True)]
        for received, probability in receptions(chances):
            spread += probability * square(_inverse(received, chances, drawn) - MEAN) / 2**UES
    parts = [
        r**2 * ((1 / p - 1) * square(g) + square(n) / p)
        for r, p, g, n in zip(RHO, chances, GRADIENTS, noises, strict=True)
    ]
    return sum(parts), spread


@states("eq-22")
def inverse_convex() -> Sides:
    """In t = ln P, 1/λ = exp(-ln λ) turns by (ln λ)'² - (ln λ)'' times itself: it is convex, as ln λ is concave."""
    t = sympy.Symbol("t", real=True)
    log_success = sympy.Function("L")(t)
    inverse = sympy.exp(-log_success)
    claimed = log_success.diff(t) ** 2 - log_success.diff(t, 2)
    return claimed, sympy.expand(sympy.simplify(inverse.diff(t, 2) / inverse))


@states("eq-8a")
def inverse_share() -> Sides:
    """V/(λ s) + (c + ν) s exceeds its value at s = √(V / (λ (c + ν))) by a square: there it is least."""
    root, share = sympy.symbols("r s", positive=True)  # of (c + nu), and the share; V / lambda is q^2
    worth = sympy.Symbol("q", positive=True)
    best = worth / root
    cost = worth**2 / share + root**2 * share
    return cost - (worth**2 / best + root**2 * best), (worth - root * share) ** 2 / share


@states("eq-11")
def online_dual() -> Sides:
    """λ·(u-v) is (‖λ‖² - ‖λ + ς (v-u)‖²)/(2ς) + ς/2 ‖v-u‖²; taking [·]⁺ shortens what is subtracted."""
    dual, taken, wanted, step = vector("l"), vector("u"), vector("v"), sympy.Symbol("varsigma", positive=True)
    moved = dual + step * (wanted - taken)
    return dual.dot(taken - wanted), (square(dual) - square(moved)) / (2 * step) + step / 2 * square(wanted - taken)


@states("eq-12")
def online_sum() -> Sides:
    """c·(u-β0) is (12)'s (c'-λ)·(β-β0) ≤ 0, (c-c')·(β-β0), λ·(u-v), -λ·(β0-v) ≤ 0 and (λ-c)·(β-u)."""
    cost, before, dual = vector("c"), vector("c'"), vector("l")
    chosen, static, taken, wanted = vector("b"), vector("b0"), vector("u"), vector("v")
    parts = (before - dual).dot(chosen - static) + (cost - before).dot(chosen - static)
    parts += dual.dot(taken - wanted) - dual.dot(static - wanted) + (dual - cost).dot(chosen - taken)
    return cost.dot(taken - static), parts


def _chances() -> list[sympy.Expr]:
    """Subscription times success probability, of every UE."""
    return [s * p for s, p in zip(symbols("s", UES), symbols("lambda", UES), strict=True)]


def _inverse(received: Sequence[int], chances: Sequence[sympy.Expr], sent: Sequence[Matrix] = GRADIENTS) -> Matrix:
    return average([r * a / p for r, a, p in zip(RHO, received, chances, strict=True)], sent)


def _second_moments(law: Law, noises: list[Matrix]) -> sympy.Expr:
    """The sum over UEs of E[p_k^2] |n_k|^2."""
    return sum(
        q * p[k] ** 2 * square(noise)
        for q, p in zip(law.probabilities, law.weights, strict=True)
        for k, noise in enumerate(noises)
    )


def _mean_over_batches(law: Law, noises: list[Matrix], of_step: Callable[[Matrix], sympy.Expr]) -> sympy.Expr:
    """The mean over receptions, and over mini-batches that err by `noises` to one side or the other."""
    gradients = vectors("g", 2)
    total = sympy.S.Zero
    for q, p in zip(law.probabilities, law.weights, strict=True):
        for signs in itertools.product((1, -1), repeat=2):
            drawn = [g + sign * n for g, sign, n in zip(gradients, signs, noises, strict=True)]
            total += q * of_step(average(p, drawn)) / 4
    return total
