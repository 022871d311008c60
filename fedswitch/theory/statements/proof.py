"""Appendix A: the steps (23) to (31) of the proof of Theorem 1."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import sympy
from sympy import Matrix

from ._algebra import (
    ERROR,
    GRADIENTS,
    LIMIT,
    MEAN,
    MODULES,
    PARAMETERS,
    RHO,
    UES,
    Sides,
    added,
    as_printed,
    average,
    average_missed,
    dot,
    epsilon,
    lower,
    missed_twice,
    num_ues,
    rate_and_offset,
    received_weights,
    receptions,
    square,
    states,
    symbols,
    vector,
    xi,
    zeta1,
)

# (23) to (25): from the risk gap to one gradient step


@states("eq-23")
def eq23_adds_and_subtracts() -> Sides:
    """Both sums of (23) together are the risk gap (5) of the ensemble (3)."""
    rho = symbols("rho", UES)
    risk = [symbols(f"F_{k + 1}", MODULES) for k in range(UES)]
    at_common, at_own = symbols("F_common", UES), symbols("F_own", UES)
    printed = sum(
        rho[k] / MODULES * (risk[k][n] - at_common[k]) + rho[k] / MODULES * (at_common[k] - at_own[k])
        for k in range(UES)
        for n in range(MODULES)
    )
    return printed, sum(rho[k] * (sum(risk[k]) / MODULES - at_own[k]) for k in range(UES))


@states("eq-24")
def eq24_taylor() -> Sides:
    """Right minus left of (24) is a square, once both sides have the step w0."""
    at, step, root = vector("w"), vector("w_0"), lower("L")
    value, gradient = _quadratic(root)
    right = value(at) + step.dot(gradient(at)) + epsilon / 2 * square(step)
    return right - value(at + step), square(root.T * step) / 2


@states("eq-24")
def eq24_index() -> Sides:
    """The right of (24), which has w_n, is that of a step by w0."""
    slope, module, foundation = vector("g"), vector("w_n"), vector("w_0")
    printed, derived = (v.dot(slope) + epsilon / 2 * square(v) for v in (module, foundation))
    return printed, derived


@states("eq-24")
def eq24_young() -> Sides:
    """Young's inequality for w0ᵀ∇F with a weight c: right minus left is a square."""
    slope, foundation, c = vector("g"), vector("w_0"), sympy.Symbol("c", positive=True)
    right = c / 2 * square(foundation) + square(slope) / (2 * c)
    return right - foundation.dot(slope), square(c * foundation - slope) / (2 * c)


@states("eq-25")
def eq25_taylor() -> Sides:
    """Right minus left of (25) is a square."""
    at, root = vector("w"), lower("L")
    value, own_gradient = _quadratic(root)
    gradient, error, eta = vector("g"), vector("e"), sympy.Symbol("eta", positive=True)
    step = -eta * (gradient - error)
    right = value(at) + _taylor(eta, gradient, error, own_gradient(at))
    return right - value(at + step), square(root.T * step) / 2


@states("eq-26")
def eq26_average() -> Sides:
    """(26) is (25) with η = 1/ε, averaged over the UEs."""
    return _eq26(), dot(RHO, [_taylor(1 / epsilon, MEAN, ERROR, own) for own in GRADIENTS])


@states("eq-26")
def eq26_cross_term() -> Sides:
    """The third term of (26) is zero, whatever the gradients and the error are."""
    return _cross_term(), sympy.S.Zero


@states("eq-26")
def eq26_descent() -> Sides:
    """The right of (26) is (‖e‖² - ‖∇F‖²) / (2ε)."""
    return _eq26(), (square(ERROR) - square(MEAN)) / (2 * epsilon)


@states("eq-27")
def eq27_error() -> Sides:
    """The error e is (1 - R) (g_miss - g_received), with the mean gradients of the data missed and received."""
    received, direction = symbols("a", UES), vector("z")
    got, missed = (average(received_weights(RHO, who), GRADIENTS) for who in (received, [1 - a for a in received]))
    return direction.dot((1 - dot(RHO, received)) * (missed - got)), direction.dot(MEAN - got)


@states("eq-27")
def eq27_miss_probability() -> Sides:
    """The sum in (27), over ρ (1-λ) (1-β), is the mean share of the data that is missed."""
    rho, beta, rate = symbols("rho", 2), symbols("beta", 2), symbols("lambda", 2)
    printed = dot(rho, [(1 - p) * (1 - b) for b, p in zip(beta, rate, strict=True)])
    return printed, average_missed(rho, beta, rate)


@states("eq-27")
def corrected_miss_probability() -> Sides:
    """The sum over ρ (1 - βλ) is the mean share of the data that is missed."""
    rho, beta, rate = symbols("rho", UES), symbols("beta", UES), symbols("lambda", UES)
    claimed = dot(rho, [1 - b * p for b, p in zip(beta, rate, strict=True)])
    return claimed, average_missed(rho, beta, rate)


@states("eq-27")
def corrected_error_bound() -> Sides:
    """4 (1-R) Γ² - ‖e‖² is a sum of terms that are at least 0 if Γ² bounds ‖g_miss‖² and ‖g_received‖²."""
    (share, limit), missed, got = sympy.symbols("R Gamma_sq", nonnegative=True), vector("m"), vector("r")
    right_minus_left = 4 * (1 - share) * limit - square((1 - share) * (missed - got))
    within = 2 * (limit - square(missed)) + 2 * (limit - square(got)) + square(missed + got)
    return right_minus_left, 4 * share * (1 - share) * limit + (1 - share) ** 2 * within


@states("ass-3")
def ass3_mean_square() -> Sides:
    """The mean of ‖∇F_k‖² is ‖∇F‖² and a sum of squares, so that no ζ2 < 1 suits gradients that grow without end."""
    return dot(RHO, map(square, GRADIENTS)) - square(MEAN), dot(RHO, [square(g - MEAN) for g in GRADIENTS])


@states("eq-27")
def eq27_constant() -> Sides:
    """No constant below the 4 of (27) would do, once its sum is corrected.

    Of two UEs with opposite gradients, the one with the share s of the data is always received, and the other with
    probability λ. Then the mean of ‖e‖² over the corrected sum tends to the constant as s tends to 0.
    """
    share, rate, limit = sympy.symbols("s lambda Gamma", positive=True)
    rho, gradients, rates = (share, 1 - share), (limit, -limit), (sympy.S.One, rate)

    def error_sq(received: Sequence[sympy.Expr]) -> sympy.Expr:
        return (dot(rho, gradients) - dot(received_weights(rho, received), gradients)) ** 2

    mean = sum(p * error_sq(received) for received, p in receptions(rates) if p != 0)
    return sympy.Integer(4), sympy.limit(mean / (average_missed(rho, (1, 1), rates) * limit**2), share, 0)


@states("eq-28")
def eq28_cauchy_schwarz() -> Sides:
    """If F̄ weighs by the sizes of the test sets, right minus left of (28) is a sum of squares."""
    sizes, squares = symbols("D", UES), 0
    weights = [size / sum(sizes) for size in sizes]
    mean = average(weights, GRADIENTS)
    left = dot(RHO, [ERROR.dot(own - mean) for own in GRADIENTS])
    for r, own in zip(RHO, GRADIENTS, strict=True):
        apart = [own - other for other in GRADIENTS]
        pairs = itertools.combinations(range(UES), 2)
        lagrange = sum(square(weights[i] * apart[j] - weights[j] * apart[i]) for i, j in pairs)
        squares += r / 2 * (square(ERROR - (own - mean)) + lagrange)
    return _eq28(sizes) - left, squares


@states("eq-28")
def eq28_zero() -> Sides:
    """If F̄ is F, left of (28) is zero, so that right minus left is the right, a sum of squares."""
    right = _eq28(symbols("D", UES))
    return right - _cross_term(), right


@states("eq-28")
def eq28_brings_k() -> Sides:
    """Of B in Theorem 1, (28) alone brings 2ζ1/ε (K + M'), although the third term of (26) is zero."""
    without = rate_and_offset(added(4 * missed_twice * LIMIT))[1]
    return as_printed(missed_twice)[1] - without, 2 * zeta1 / epsilon * (num_ues + missed_twice)


@states("eq-29")
def eq29_cross_sign() -> Sides:
    """The middle of (29), its products taken as inner products, is the square of a difference, multiplied out."""
    (own, other), (own_size, other_size) = (vector("s"), vector("r")), sympy.symbols("D_k D_j", positive=True)
    printed = square(own) / own_size**2 + square(other) / other_size**2
    printed += 2 * own_size * other_size * own.dot(other) / (own_size**2 * other_size**2)
    return printed, square(own / own_size - other / other_size)


@states("eq-29")
def eq29_lengths() -> Sides:
    """With products of lengths x and y, the middle of (29) less its left is ‖y g + x h‖²/(x y), for ∇F_k = g, ∇F_j = h.

    A gradient of length x is x times a unit vector, which a rational parameter turns.
    """
    (x, y), turns = sympy.symbols("x y", positive=True), sympy.symbols("r s", real=True)
    units = [Matrix([1 - turn**2, 2 * turn]) / (1 + turn**2) for turn in turns]
    own, other = x * units[0], y * units[1]
    middle = x**2 + y**2 + 2 * x * y
    return middle - square(own - other), square(y * own + x * other) / (x * y)


@states("eq-29")
def eq29_limit() -> Sides:
    """The last of (29) less its middle, with products of lengths, is a sum of terms ≥ 0, if Γ bounds both lengths."""
    x, y, limit = sympy.symbols("x y Gamma_sq", nonnegative=True)
    return 4 * limit - (x + y) ** 2, 2 * (limit - x**2) + 2 * (limit - y**2) + (x - y) ** 2


@states("eq-30")
def eq30_polyak_lojasiewicz() -> Sides:
    """Left minus right of (30) is a square and what strong convexity leaves."""
    gradient, to_best, spare = vector("g"), vector("v"), sympy.Symbol("s", nonnegative=True)
    gap = -(gradient.dot(to_best) + xi / 2 * square(to_best) + spare)
    return square(gradient) - 2 * xi * gap, square(gradient + xi * to_best) + 2 * xi * spare


@states("eq-30")
def corrected_smooth_gradient() -> Sides:
    """2ε (F - F*) - ‖∇F‖² is what smoothness leaves at the step -∇F/ε, and what that step leaves to F*."""
    gradient, (spare, rest) = vector("g"), sympy.symbols("s r", nonnegative=True)
    step = -gradient / epsilon
    gap = rest + spare - gradient.dot(step) - epsilon / 2 * square(step)
    return 2 * epsilon * gap - square(gradient), 2 * epsilon * (spare + rest)


@states("eq-31")
def eq31_vanishes() -> Sides:
    """With ever more data, ‖w* - w_k*‖² vanishes as the bound in (31) does, for (w-c)²/2 and (w+c)²/2."""
    w, (c, size) = sympy.Symbol("w", real=True), sympy.symbols("c D", positive=True)
    first, second = (w - c) ** 2 / 2, (w + c) ** 2 / 2
    (own,), (common,) = (sympy.solve(risk.diff(w), w) for risk in (first, first + second))
    bound = 4 * zeta1 / (first.diff(w, 2) ** 2 * size)
    return sympy.limit(bound, size, sympy.oo), (common - own) ** 2


@states("eq-31")
def corrected_heterogeneity() -> Sides:
    """ζ1/(2ξ) - [F_k(w*) - F_k(w_k*)] is a sum of terms that are at least 0, since ‖∇F_k(w*)‖² ≤ ζ1."""
    gradient, to_own, (spare, rest) = vector("g"), vector("v"), sympy.symbols("s r", nonnegative=True)
    gap = -(gradient.dot(to_own) + xi / 2 * square(to_own) + spare)
    right = (square(gradient) + rest) / (2 * xi)
    return right - gap, (rest + square(gradient + xi * to_own)) / (2 * xi) + spare


def _quadratic(root: Matrix) -> tuple[Callable[[Matrix], sympy.Expr], Callable[[Matrix], Matrix]]:
    """Return the value and the gradient of a quadratic with the Hessian epsilon I - L L'."""
    level, slope = sympy.Symbol("F"), vector("c")
    hessian = epsilon * sympy.eye(PARAMETERS) - root * root.T
    return lambda w: level + slope.dot(w) + w.dot(hessian * w) / 2, lambda w: slope + hessian * w


def _taylor(eta: sympy.Expr, gradient: Matrix, error: Matrix, own_gradient: Matrix) -> sympy.Expr:
    """What (25) adds to the risk of one UE."""
    descent = -eta * (gradient - error).dot(own_gradient)
    return descent + eta**2 * epsilon * (square(gradient) / 2 - error.dot(gradient) + square(error) / 2)


def _cross_term() -> sympy.Expr:
    """The sum that (28) bounds."""
    return dot(RHO, [ERROR.dot(own - MEAN) for own in GRADIENTS])


def _eq26() -> sympy.Expr:
    aligned = -MEAN.dot(MEAN) / epsilon + square(MEAN) / (2 * epsilon)
    return aligned + _cross_term() / epsilon + square(ERROR) / (2 * epsilon)


def _eq28(sizes: Sequence[sympy.Expr]) -> sympy.Expr:
    """The right of (28), where `sizes` are the weights that it has in its fraction."""
    squares = sum(size**2 for size in sizes) / sum(sizes) ** 2
    apart = [squares * sum(square(own - other) for other in GRADIENTS) for own in GRADIENTS]
    return dot(RHO, [square(ERROR) + a for a in apart]) / 2
