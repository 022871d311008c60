r"""The algebra of Theorem 1 and of Section IV, decided by SymPy.

Each statement is a function without arguments that returns a `Statement`; its docstring is the claim. Two expressions
are built on separate ways, what the paper prints and what follows from the definitions, and the claim holds exactly
where their difference is zero. `STATEMENTS` has all of them by name, and a name begins with the equation that is
decided, or with what is proved in its place: "corrected" (Theorem 1' and single equations), "sharp" (1'') or "moment"
(1''', by the exact moments of the received weights).

Sums and vectors are written out, for K = 3 UEs or fewer, N = 2 modules and 2 parameters. An inequality becomes an
identity: right minus left is a sum of squares and of other terms that cannot be negative. Assumptions enter in the same
manner, a Hessian of at most :math:`\epsilon` as :math:`\epsilon I - L L^\top`, and an inequality as an equation with
something to spare, :math:`s \ge 0`. Quadratics are general enough for a step of a twice differentiable function: by
Taylor's theorem it is one, with the Hessian of a point on the way.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

import sympy
from sympy import Matrix, exp, log

from ._algebra import (
    MODULES,
    PARAMETERS,
    UES,
    average,
    average_missed,
    average_where_received,
    dot,
    lower,
    received_weights,
    reception_law,
    receptions,
    rounds,
    shares,
    square,
    symbols,
    vector,
    vectors,
)
from .claims import Statement

Sides = tuple[sympy.Expr, sympy.Expr]

STATEMENTS: dict[str, Callable[[], Statement]] = {}
"""All statements by name."""

_epsilon, _xi, _zeta1, _zeta2 = sympy.symbols("epsilon xi zeta_1 zeta_2", positive=True)
_delta0, _delta1 = sympy.symbols("Delta_0 Delta_1", nonnegative=True)
_num_ues, _missed, _missed_twice = sympy.symbols("K M M'", nonnegative=True)
_gap, _gradient_sq = sympy.symbols("X g_sq", nonnegative=True)  # F - F* and |grad F|^2
_LIMIT = _zeta1 + _zeta2 * _gradient_sq  # of Assumption 3, on the squared gradient of every sample


def _states(element: str) -> Callable[[Callable[[], Sides]], Callable[[], Statement]]:
    """Make a statement about `element` from a function that returns both sides, and put it into `STATEMENTS`."""

    def register(sides: Callable[[], Sides]) -> Callable[[], Statement]:
        claim = str(sides.__doc__).partition("\n")[0]

        @functools.wraps(sides)
        def statement() -> Statement:
            printed, derived = sides()
            return Statement(element, claim, sympy.factor(printed - derived))

        STATEMENTS[sides.__name__] = statement
        return statement

    return register


# (23) to (25): from the risk gap to one gradient step


@_states("eq-23")
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


@_states("eq-24")
def eq24_taylor() -> Sides:
    """Right minus left of (24) is a square, once both sides have the step w0."""
    at, step, root = vector("w"), vector("w_0"), lower("L")
    value, gradient = _quadratic(root)
    right = value(at) + step.dot(gradient(at)) + _epsilon / 2 * square(step)
    return right - value(at + step), square(root.T * step) / 2


@_states("eq-24")
def eq24_index() -> Sides:
    """The right of (24), which has w_n, is that of a step by w0."""
    slope, module, foundation = vector("g"), vector("w_n"), vector("w_0")
    printed, derived = (v.dot(slope) + _epsilon / 2 * square(v) for v in (module, foundation))
    return printed, derived


@_states("eq-24")
def eq24_young() -> Sides:
    """Young's inequality for w0ᵀ∇F with a weight c: right minus left is a square."""
    slope, foundation, c = vector("g"), vector("w_0"), sympy.Symbol("c", positive=True)
    right = c / 2 * square(foundation) + square(slope) / (2 * c)
    return right - foundation.dot(slope), square(c * foundation - slope) / (2 * c)


@_states("eq-6")
def eq6_foundation_term() -> Sides:
    """(ε+2)/4 ‖w0‖², the last term of (6), is all that (24) and Young's inequality leave."""
    foundation_sq, slope_sq, c = sympy.symbols("w0_sq g_sq c", positive=True)
    printed = (_epsilon + 2) / 4 * foundation_sq
    derived = (_epsilon + c) / 2 * foundation_sq + slope_sq / (2 * c)
    (weight,) = sympy.solve(printed.coeff(foundation_sq) - derived.coeff(foundation_sq), c)
    return printed, derived.subs(c, weight)


@_states("eq-25")
def eq25_taylor() -> Sides:
    """Right minus left of (25) is a square."""
    at, root = vector("w"), lower("L")
    value, own_gradient = _quadratic(root)
    gradient, error, eta = vector("g"), vector("e"), sympy.Symbol("eta", positive=True)
    step = -eta * (gradient - error)
    right = value(at) + _taylor(eta, gradient, error, own_gradient(at))
    return right - value(at + step), square(root.T * step) / 2


# (26): the average over the UEs


@_states("eq-26")
def eq26_average() -> Sides:
    """(26) is (25) with η = 1/ε, averaged over the UEs."""
    rho, gradients, error = shares("rho"), vectors("g"), vector("e")
    mean = average(rho, gradients)
    steps = [_taylor(1 / _epsilon, mean, error, own) for own in gradients]
    return _eq26(rho, gradients, error), dot(rho, steps)


@_states("eq-26")
def eq26_cross_term() -> Sides:
    """The third term of (26) is zero, whatever the gradients and the error are."""
    return _cross_term(shares("rho"), vectors("g"), vector("e")), sympy.S.Zero


@_states("eq-26")
def eq26_descent() -> Sides:
    """The right of (26) is (‖e‖² - ‖∇F‖²) / (2ε)."""
    rho, gradients, error = shares("rho"), vectors("g"), vector("e")
    return _eq26(rho, gradients, error), (square(error) - square(average(rho, gradients))) / (2 * _epsilon)


# (27): the error of a round


@_states("eq-27")
def eq27_error() -> Sides:
    """The error e is (1 - R) (g_miss - g_received), with the mean gradients of the data missed and received."""
    rho, gradients, received, direction = shares("rho"), vectors("g"), symbols("a", UES), vector("z")
    got = average(received_weights(rho, received), gradients)
    missed = average(received_weights(rho, [1 - a for a in received]), gradients)
    share = dot(rho, received)
    error = average(rho, gradients) - got
    return direction.dot((1 - share) * (missed - got)), direction.dot(error)


@_states("eq-27")
def eq27_miss_probability() -> Sides:
    """The sum in (27), over ρ (1-λ) (1-β), is the mean share of the data that is missed."""
    rho, beta, rate = symbols("rho", 2), symbols("beta", 2), symbols("lambda", 2)
    printed = dot(rho, [(1 - p) * (1 - b) for b, p in zip(beta, rate, strict=True)])
    return printed, average_missed(rho, beta, rate)


@_states("eq-27")
def corrected_miss_probability() -> Sides:
    """The sum over ρ (1 - βλ) is the mean share of the data that is missed."""
    rho, beta, rate = symbols("rho", UES), symbols("beta", UES), symbols("lambda", UES)
    claimed = dot(rho, [1 - b * p for b, p in zip(beta, rate, strict=True)])
    return claimed, average_missed(rho, beta, rate)


@_states("eq-27")
def corrected_error_bound() -> Sides:
    """4 (1-R) Γ² - ‖e‖² is a sum of terms that are at least 0 if Γ² bounds ‖g_miss‖² and ‖g_received‖²."""
    (share, limit), missed, got = sympy.symbols("R Gamma_sq", nonnegative=True), vector("m"), vector("r")
    right_minus_left = 4 * (1 - share) * limit - square((1 - share) * (missed - got))
    within = 2 * (limit - square(missed)) + 2 * (limit - square(got)) + square(missed + got)
    return right_minus_left, 4 * share * (1 - share) * limit + (1 - share) ** 2 * within


@_states("ass-3")
def ass3_mean_square() -> Sides:
    """The mean of ‖∇F_k‖² is ‖∇F‖² and a sum of squares, so that no ζ2 < 1 suits gradients that grow without end."""
    rho, gradients = shares("rho"), vectors("g")
    mean = average(rho, gradients)
    excess = dot(rho, map(square, gradients)) - square(mean)
    return excess, dot(rho, [square(g - mean) for g in gradients])


@_states("eq-27")
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


# (28) and (29): what bounds a term that is zero


@_states("eq-28")
def eq28_cauchy_schwarz() -> Sides:
    """If F̄ weighs by the sizes of the test sets, right minus left of (28) is a sum of squares."""
    rho, sizes, gradients, error = shares("rho"), symbols("D", UES), vectors("g"), vector("e")
    weights = [size / sum(sizes) for size in sizes]
    mean = average(weights, gradients)
    left = dot(rho, [error.dot(own - mean) for own in gradients])
    squares = 0
    for r, own in zip(rho, gradients, strict=True):
        apart = [own - other for other in gradients]
        pairs = itertools.combinations(range(UES), 2)
        lagrange = sum(square(weights[i] * apart[j] - weights[j] * apart[i]) for i, j in pairs)
        squares += r / 2 * (square(error - (own - mean)) + lagrange)
    return _eq28(rho, sizes, gradients, error) - left, squares


@_states("eq-28")
def eq28_zero() -> Sides:
    """If F̄ is F, left of (28) is zero, so that right minus left is the right, a sum of squares."""
    rho, sizes, gradients, error = shares("rho"), symbols("D", UES), vectors("g"), vector("e")
    right = _eq28(rho, sizes, gradients, error)
    return right - _cross_term(rho, gradients, error), right


@_states("eq-28")
def eq28_brings_k() -> Sides:
    """Of B in Theorem 1, (28) alone brings 2ζ1/ε (K + M'), although the third term of (26) is zero."""
    without = _rate_and_offset(_change(4 * _missed_twice * _LIMIT))[1]
    return _printed(_missed_twice)[1] - without, 2 * _zeta1 / _epsilon * (_num_ues + _missed_twice)


@_states("eq-29")
def eq29_cross_sign() -> Sides:
    """The middle of (29), its products taken as inner products, is the square of a difference, multiplied out."""
    (own, other), (own_size, other_size) = (vector("s"), vector("r")), sympy.symbols("D_k D_j", positive=True)
    printed = square(own) / own_size**2 + square(other) / other_size**2
    printed += 2 * own_size * other_size * own.dot(other) / (own_size**2 * other_size**2)
    return printed, square(own / own_size - other / other_size)


@_states("eq-29")
def eq29_lengths() -> Sides:
    """With products of lengths x and y, the middle of (29) less its left is ‖y g + x h‖²/(x y), for ∇F_k = g, ∇F_j = h.

    A gradient of length x is x times a unit vector, which a rational parameter turns.
    """
    (x, y), turns = sympy.symbols("x y", positive=True), sympy.symbols("r s", real=True)
    units = [Matrix([1 - turn**2, 2 * turn]) / (1 + turn**2) for turn in turns]
    own, other = x * units[0], y * units[1]
    middle = x**2 + y**2 + 2 * x * y
    return middle - square(own - other), square(y * own + x * other) / (x * y)


@_states("eq-29")
def eq29_limit() -> Sides:
    """The last of (29) less its middle, with products of lengths, is a sum of terms ≥ 0, if Γ bounds both lengths."""
    x, y, limit = sympy.symbols("x y Gamma_sq", nonnegative=True)
    return 4 * limit - (x + y) ** 2, 2 * (limit - x**2) + 2 * (limit - y**2) + (x - y) ** 2


# (30) and (31): curvature


@_states("eq-30")
def eq30_polyak_lojasiewicz() -> Sides:
    """Left minus right of (30) is a square and what strong convexity leaves."""
    gradient, to_best, spare = vector("g"), vector("v"), sympy.Symbol("s", nonnegative=True)
    gap = -(gradient.dot(to_best) + _xi / 2 * square(to_best) + spare)
    return square(gradient) - 2 * _xi * gap, square(gradient + _xi * to_best) + 2 * _xi * spare


@_states("eq-30")
def corrected_smooth_gradient() -> Sides:
    """2ε (F - F*) - ‖∇F‖² is what smoothness leaves at the step -∇F/ε, and what that step leaves to F*."""
    gradient, (spare, rest) = vector("g"), sympy.symbols("s r", nonnegative=True)
    step = -gradient / _epsilon
    gap = rest + spare - gradient.dot(step) - _epsilon / 2 * square(step)
    return 2 * _epsilon * gap - square(gradient), 2 * _epsilon * (spare + rest)


@_states("eq-31")
def eq31_vanishes() -> Sides:
    """With ever more data, ‖w* - w_k*‖² vanishes as the bound in (31) does, for (w-c)²/2 and (w+c)²/2."""
    w, (c, size) = sympy.Symbol("w", real=True), sympy.symbols("c D", positive=True)
    first, second = (w - c) ** 2 / 2, (w + c) ** 2 / 2
    (own,), (common,) = (sympy.solve(risk.diff(w), w) for risk in (first, first + second))
    bound = 4 * _zeta1 / (first.diff(w, 2) ** 2 * size)
    return sympy.limit(bound, size, sympy.oo), (common - own) ** 2


@_states("eq-31")
def corrected_heterogeneity() -> Sides:
    """ζ1/(2ξ) - [F_k(w*) - F_k(w_k*)] is a sum of terms that are at least 0, since ‖∇F_k(w*)‖² ≤ ζ1."""
    gradient, to_own, (spare, rest) = vector("g"), vector("v"), sympy.symbols("s r", nonnegative=True)
    gap = -(gradient.dot(to_own) + _xi / 2 * square(to_own) + spare)
    right = (square(gradient) + rest) / (2 * _xi)
    return right - gap, (rest + square(gradient + _xi * to_own)) / (2 * _xi) + spare


# Theorem 1: A, B and the recursion


@_states("thm-1")
def thm1_rate() -> Sides:
    """A of Theorem 1 follows from (26) to (30)."""
    return _printed(_missed_twice)[0], _rate_and_offset(_paper_change())[0]


@_states("thm-1")
def thm1_offset() -> Sides:
    """B of Theorem 1 follows from (26) to (30)."""
    return _printed(_missed_twice)[1], _rate_and_offset(_paper_change())[1]


@_states("thm-1")
def thm1_scaling() -> Sides:
    """In another unit of w, which makes ε and ξ c² times as large and moves no iterate, A of Theorem 1 is the same."""
    c = sympy.Symbol("c", positive=True)
    units = {_epsilon: c**2 * _epsilon, _xi: c**2 * _xi}
    rate = _printed(_missed_twice)[0]
    return rate.subs(units, simultaneous=True), rate


@_states("thm-1")
def thm1_no_rate() -> Sides:
    """Where ε = 2 + s, A of Theorem 1 is -2ξ/ε (8 ζ2 M' + 4 ζ2 K + s/2): never above 0, whoever is heard."""
    s = sympy.Symbol("s", nonnegative=True)
    claimed = -2 * _xi / _epsilon * (8 * _zeta2 * _missed_twice + 4 * _zeta2 * _num_ues + s / 2)
    return claimed.subs(_epsilon, 2 + s), _printed(_missed_twice)[0].subs(_epsilon, 2 + s)


@_states("thm-1")
def corrected_rate() -> Sides:
    """A = ξ/ε (1 - 4 ζ2 M) follows from (26) without its third term, the corrected (27), and (30)."""
    return _corrected(_missed)[0], _rate_and_offset(_change(4 * _missed * _LIMIT))[0]


@_states("thm-1")
def corrected_offset() -> Sides:
    """B = 2ζ1/ε M follows from (26) without its third term, the corrected (27), and (30)."""
    return _corrected(_missed)[1], _rate_and_offset(_change(4 * _missed * _LIMIT))[1]


@_states("thm-1")
def corrected_growth() -> Sides:
    """A = 1 - 4 ζ2 M where that is negative, since ‖∇F‖² is at most 2ε (F - F*)."""
    return 1 - 4 * _zeta2 * _missed, _rate_and_offset(_change(4 * _missed * _LIMIT), curvature=_epsilon)[0]


@_states("eq-6")
def eq6_where_it_holds() -> Sides:
    """For K = 2 + k UEs, right minus left of (6) in one round is a sum of terms that are at least 0 where A is.

    All risks are at w0 + Δw, the sum over modules stands outside the product, and the third and fourth terms, at least
    0 as well, are left away. An assumption enters with what it has to spare: Polyak and Łojasiewicz for F at the module
    and for F_k at w* (with Assumption 3), ‖e‖² ≤ 4 Z² in (26), and ‖∇F‖² ≤ Z². A ≥ 0 keeps ζ2 below 1/8. After more
    rounds the second term has further parts, at least 0 where no A exceeds 1.
    """
    more, spare_gap, spare_own, spare_step, spare_slope = sympy.symbols("k s_1 s_2 s_3 s_4", nonnegative=True)
    rate, offset = _printed(_missed_twice)
    first = _gradient_sq * (1 - _zeta2) + spare_slope  # zeta_1
    own = (_gradient_sq - spare_gap + first - spare_own) / (2 * _xi)  # the gap to the least risk of each UE
    change = _change(4 * _LIMIT - spare_step)
    right_minus_left = (1 - rate) * own + offset - (own + change)
    lost = 4 * _zeta2 * more + 8 * _zeta2 * _missed_twice + _epsilon / 2
    bracket = 1 - 8 * _zeta2 - lost  # of A
    terms = bracket * (spare_gap + spare_own) + spare_step / 2
    terms += spare_slope * (1 + 2 * more + 4 * _missed_twice + 8 * _zeta2 + lost)
    by_slope = sympy.Rational(1, 2) + 5 * _zeta2 + (1 - _zeta2) * (8 * _zeta2 + 2 * more + 4 * _missed_twice)
    terms += _gradient_sq * (by_slope + (2 - _zeta2) * lost)
    return right_minus_left.subs(_num_ues, 2 + more).subs(_zeta1, first), terms / _epsilon


@_states("eq-6")
def eq6_where_it_holds_alone() -> Sides:
    """For one UE, whose gap no round raises, right minus left of (6) is a sum of terms that are at least 0 where A is.

    As `eq6_where_it_holds`, where the least risk of the UE is the common one.
    """
    spare_gap, fall, spare_slope = sympy.symbols("s_1 s_3 s_4", nonnegative=True)
    rate, offset = _printed(_missed_twice)
    first = _gradient_sq * (1 - _zeta2) + spare_slope
    own = (_gradient_sq - spare_gap) / (2 * _xi)
    right_minus_left = (1 - rate) * own + offset - (own - fall)
    lost = 8 * _zeta2 * _missed_twice + _epsilon / 2
    terms = (1 - 4 * _zeta2 - lost) * spare_gap + _epsilon * fall + 2 * spare_slope * (1 + 2 * _missed_twice)
    terms += _gradient_sq * (1 + 2 * _zeta2 + 4 * _missed_twice * (1 - _zeta2) + lost)
    return right_minus_left.subs(_num_ues, 1).subs(_zeta1, first), terms / _epsilon


@_states("eq-6")
def eq6_one_round() -> Sides:
    """With H for the risk of a common optimum, (1 - A) X + B + H is (1 - A) Y + A H + B, for Y = X + H."""
    rate, offset, common = sympy.symbols("A B H")
    own = _gap + common
    return (1 - rate) * own + rate * common + offset, (1 - rate) * _gap + offset + common


@_states("eq-6")
def eq6_rounds() -> Sides:
    """The first term of (6), of the last round alone, and its second, of all rounds, add up to one recursion."""
    rates, offsets, gaps = rounds("A"), rounds("B"), [sympy.Symbol("X_0")]
    for rate, offset in zip(rates, offsets, strict=True):
        gaps.append((1 - rate) * gaps[-1] + offset)
    return (1 - rates[-1]) * gaps[-2] + _unrolled(rates, offsets), gaps[-1]


@_states("eq-6")
def eq6_unrolled() -> Sides:
    """The second term of (6) is what the recursion makes of B, on average over the modules; here two of a kind."""
    rates, offsets = rounds("A"), rounds("B")
    alike = [(rates, offsets)] * MODULES
    last = len(rates) - 1
    printed = sum(
        sympy.prod(sum((1 - a[p]) * b[q] for a, b in alike) for p in range(q + 1, last + 1)) for q in range(last + 1)
    )
    return printed, sum(_run(sympy.S.Zero, a, b) for a, b in alike) / MODULES


@_states("eq-6")
def corrected_unrolled() -> Sides:
    """Unrolled, X⁺ = (1 - A) X + A H + B is H + Π(1-A) (X - H) + Σ Π(1-A) B."""
    rates, offsets, (start, common) = rounds("A"), rounds("B"), sympy.symbols("X_0 H")
    claimed = common + sympy.prod(1 - a for a in rates) * (start - common) + _unrolled(rates, offsets)
    pulled = [a * common + b for a, b in zip(rates, offsets, strict=True)]
    return claimed, _run(start, rates, pulled)


# Theorem 1'': the error by how far the gradients are apart


@_states("thm-1")
def sharp_error() -> Sides:
    """The mean of ‖g_j - g_k‖² over missed j and received k exceeds ‖g_miss - g_received‖² by two variances."""
    missed, received, gradients = shares("q"), shares("p"), vectors("g")
    means = average(missed, gradients), average(received, gradients)
    pairs = itertools.product(range(UES), repeat=2)
    apart = sum(missed[j] * received[k] * square(gradients[j] - gradients[k]) for j, k in pairs)
    variances = (
        dot(weights, [square(g - mean) for g in gradients])
        for weights, mean in zip((missed, received), means, strict=True)
    )
    return apart - square(means[0] - means[1]), sum(variances)


@_states("thm-1")
def sharp_spread() -> Sides:
    """V = M² + Σ ρ² m (1-m) - p0 is the mean of (1-R)² where some UE is received, if receptions are independent."""
    rho, miss = shares("rho"), symbols("m", UES)
    return _spread(rho, miss), average_where_received(rho, miss, lambda share: (1 - share) ** 2)


@_states("thm-1")
def sharp_spread_limit() -> Sides:
    """M - p0 - V is the mean of R (1-R), and so not negative."""
    rho, miss = shares("rho"), symbols("m", UES)
    claimed = dot(rho, miss) - sympy.prod(miss) - _spread(rho, miss)
    return claimed, average_where_received(rho, miss, lambda share: share * (1 - share))


@_states("thm-1")
def sharp_rate() -> Sides:
    """A = ξ/ε (1 - p0 - Δ1² V) is what is left where no UE received leaves the module as it was."""
    rho, miss = shares("rho"), symbols("m", UES)
    claimed = _xi / _epsilon * (1 - sympy.prod(miss) - _delta1**2 * _spread(rho, miss))
    return claimed, _rate_and_offset(_sharp_change(rho, miss))[0]


@_states("thm-1")
def sharp_offset() -> Sides:
    """B = Δ0² V / (2ε) is what is left where no UE received leaves the module as it was."""
    rho, miss = shares("rho"), symbols("m", UES)
    claimed = _delta0**2 * _spread(rho, miss) / (2 * _epsilon)
    return claimed, _rate_and_offset(_sharp_change(rho, miss))[1]


# the moments of the received weights p = ρ a / R


@_states("thm-1")
def moment_error() -> Sides:
    """The error e is Σ (ρ - p) u with the deviations u_k = ∇F_k - ∇F."""
    rho, gradients, received, direction = shares("rho"), vectors("g"), symbols("a", UES), vector("z")
    weights, mean = received_weights(rho, received), average(rho, gradients)
    claimed = average([r - p for r, p in zip(rho, weights, strict=True)], [g - mean for g in gradients])
    return direction.dot(claimed), direction.dot(mean - average(weights, gradients))


@_states("thm-1")
def moment_error_square() -> Sides:
    """The mean of ‖e‖² over the receptions is ‖b‖² + Σ Γ_jk u_j·u_k, with the mean b of e and the covariance Γ of p."""
    law = reception_law()
    return square(law.bias) + law.form(sympy.eye(PARAMETERS)), law.mean(square)


@_states("thm-1")
def moment_step() -> Sides:
    """The mean change in a step is (‖b‖² - ‖g‖² + Σ Γ_jk u_j·H u_k / ε) / (2ε) less a square, where H = ε I - L Lᵀ."""
    law, root = reception_law(), lower("L")
    hessian = _epsilon * sympy.eye(PARAMETERS) - root * root.T

    def change(error: Matrix) -> sympy.Expr:
        step = -(law.gradient - error) / _epsilon
        return law.gradient.dot(step) + step.dot(hessian * step) / 2

    lost = (square(root.T * (law.gradient - law.bias)) - law.form(hessian)) / _epsilon
    return (square(law.bias) - square(law.gradient) - lost) / (2 * _epsilon), law.mean(change)


@_states("thm-1")
def moment_split() -> Sides:
    """(1 + 1/c) ‖a‖² + (1 + c) ‖b‖² - ‖a + b‖² is a square for every c > 0, to tell the optimum from the way to it."""
    first, second, c = vector("a"), vector("b"), sympy.Symbol("c", positive=True)
    right = (1 + 1 / c) * square(first) + (1 + c) * square(second)
    return right - square(first + second), square(first - c * second) / c


@_states("thm-1")
def moment_drift() -> Sides:
    r"""‖∇F‖² - 2λE is (4s - 2λ) (F - F*) and squares and terms ≥ 0, where s² = ξλ: how an error grows with the gap.

    E is at most D and D', the rise of the risks without their :math:`\tfrac{\xi}{2} \|w\|^2` above their tangents at
    the optimum and back, and :math:`\nabla F^\top x = D + D' + \xi \|x\|^2` at the distance x.
    """
    gradient, distance = vector("g"), vector("x")
    least, rise, root = sympy.symbols("E D s", positive=True)
    curved = _xi / 2 * square(distance)
    back = gradient.dot(distance) - rise - 2 * curved
    ratio = root**2 / _xi
    right = (4 * root - 2 * ratio) * (rise + curved) + square(gradient - root * distance)
    return square(gradient) - 2 * ratio * least, right + 2 * root * (back - least) + 2 * (ratio - root) * (rise - least)


# Section IV: switching, (8) to (14)

_beta, _rate, _energy = sympy.symbols("beta lambda C", real=True)
_mu, _power, _delay, _carried = sympy.symbols("mu P E B", positive=True)  # B of the round before


@_states("eq-8a")
def eq8_constants() -> Sides:
    """Weighted by ρ_k, the constants of the UEs in (8) add up to A and B of Theorem 1; here A + zB for every z."""
    rho, missed, z = shares("rho"), symbols("x", UES), sympy.Symbol("z")
    parts, whole = map(_printed, missed), _printed(dot(rho, missed))
    return dot(rho, [a + z * b for a, b in parts]), whole[0] + z * whole[1]


@_states("eq-8a")
def eq8_weights() -> Sides:
    """B of a UE counts in (8a) as much as in (7a), where it has the weight ρ and the modules are averaged."""
    rho, offsets = sympy.Symbol("rho"), symbols("B", MODULES)
    return sum(offsets), rho * sum(offsets) / MODULES


@_states("eq-8a")
def eq8_unrolled() -> Sides:
    """The first sum of (8a) is what the recursion makes of B, for one module."""
    rates, offsets = rounds("A"), rounds("B")
    return _unrolled(rates, offsets), _run(sympy.S.Zero, rates, offsets)


@_states("eq-8a")
def eq8_product() -> Sides:
    """(1 - A) B of a module is the sum over its UEs of ρ_k (1 - A_k) B_k."""
    rho, rates, offsets = shares("rho", 2), symbols("A", 2), symbols("B", 2)
    printed = dot(rho, [(1 - a) * b for a, b in zip(rates, offsets, strict=True)])
    return printed, (1 - dot(rho, rates)) * dot(rho, offsets)


@_states("eq-8a")
def eq8_linear() -> Sides:
    """(8a), called a linear program, is linear: no slope in the β of one round depends on the β of another."""
    beta, rates = symbols("beta", 2), symbols("lambda", 2)
    parts = [_printed((1 - p) * (1 - b)) for b, p in zip(beta, rates, strict=True)]
    return _unrolled(*zip(*parts, strict=True)).diff(*beta), sympy.S.Zero


@_states("eq-8a")
def eq8_dropped() -> Sides:
    """The first and third terms of (6), which (8a) leaves out, do not depend on β.

    S is the root in (6).
    """
    rho, own, root = sympy.symbols("rho Y S", positive=True)
    rate, _ = _printed(rho * (1 - _rate) * (1 - _beta))
    return ((1 - rate) * own + _epsilon * rate * root).diff(_beta), sympy.S.Zero


@_states("eq-8a")
def eq8_energy() -> Sides:
    """The energy in (8a), a sum over q of βᵗ C(t), is that of all rounds."""
    beta, energy = rounds("beta"), rounds("C")
    return len(beta) * beta[-1] * energy[-1], dot(beta, energy)


@_states("eq-9")
def eq9_truncated() -> Sides:
    """(1 - Aᵗ) Bᵗ⁻¹ + Bᵗ in (9) is all of (8a) that round t contributes to."""
    rates, offsets = rounds("A"), rounds("B")
    return (1 - rates[-1]) * offsets[-2] + offsets[-1], _unrolled(rates, offsets)


@_states("eq-9")
def eq9_gradient() -> Sides:
    """The slope of (9) in β is the one that follows where 1 - βλ of a UE's data is missed."""
    return _eq9(_energy).diff(_beta), _eq9(_energy, _corrected(1 - _beta * _rate)).diff(_beta)


@_states("eq-9")
def eq9_affine() -> Sides:
    """(9) is affine in β: its slope does not depend on β."""
    slope = _eq9(_energy).diff(_beta)
    return slope, slope.subs(_beta, 0)


@_states("eq-10a")
def eq10a_braces() -> Sides:
    """Q after (10a), whose braces put 16ξζ2/ε before both sums, is (9) up to what does not depend on β."""
    lost = (1 - _rate) * (1 - _beta)
    braces = _carried * lost + 4 * _zeta1 / _epsilon * lost
    return _varying(16 * _xi * _zeta2 / _epsilon * braces + _mu * _beta * _energy), _varying(_eq9(_energy))


@_states("eq-10a")
def eq10a_gradient() -> Sides:
    """The slope of Q after (10a) in β, its brace mended, is the one that follows where 1 - βλ is missed."""
    lost = (1 - _rate) * (1 - _beta)
    mended = (16 * _xi * _zeta2 * _carried + 4 * _zeta1) / _epsilon * lost + _mu * _beta * _energy
    return mended.diff(_beta), _eq9(_energy, _corrected(1 - _beta * _rate)).diff(_beta)


@_states("eq-14")
def eq14_consistent() -> Sides:
    """(14) is (9) up to what does not depend on β, if energy is the power P for the time E and nothing else."""
    return _varying(_eq14(_rate)), _varying(_eq9(_power * _delay))


# Section IV: bandwidth and power, (18) to (22)

_signal, _interference, _band, _noise, _payload = sympy.symbols("S I W N_0 G", positive=True)
_attenuation, _unjammed = sympy.symbols("a Lambda", positive=True)  # what noise and interference make of (15)
_success = _unjammed * exp(-_attenuation / _power)


@_states("eq-18")
def eq18_derivative() -> Sides:
    """(18) is the derivative of the rate by the share of the bandwidth."""
    share = sympy.Symbol("delta", positive=True)
    rest = _interference + _band * _noise * share
    lost = _signal * _band * _noise * share / ((_signal + rest) * rest)
    printed = _band / log(2) * (log(1 + _signal / rest) - lost)
    return printed, (_band * share * log(1 + _signal / rest) / log(2)).diff(share)


@_states("eq-18")
def eq18_positive() -> Sides:
    """What (18) takes from ln(1+x), x the SINR, is x/(1+x) less a positive term where there is interference."""
    noise = sympy.Symbol("c", positive=True)  # W N0 delta
    rest = _interference + noise
    x = _signal / rest
    return _signal * noise / ((_signal + rest) * rest), x / (1 + x) - x / (1 + x) * _interference / rest


@_states("eq-18")
def eq18_logarithm() -> Sides:
    """ln(1+x) - x/(1+x), which is 0 at x = 0, grows by x/(1+x)² > 0."""
    x = sympy.Symbol("x", positive=True)
    return x / (1 + x) ** 2, (log(1 + x) - x / (1 + x)).diff(x)


@_states("eq-19")
def eq19_share() -> Sides:
    """At the share (19) the SINR is e^u - 1, where u = -LW(φ)."""
    u = sympy.Symbol("u", positive=True)
    return exp(u) - 1, _signal / (_interference + _band * _noise * _share(u))


@_states("eq-20")
def eq20_delay() -> Sides:
    """(20) with φ = LW e^LW is, up to a factor, the delay (13) at the share (19)."""
    u = sympy.Symbol("u", positive=True)
    load, ratio = _payload * _noise * log(2) / (_delay * _signal), _interference / _signal
    unsent = _payload - _delay * _band * _share(u) * u / log(2)  # bits that E leaves
    return _eq20(u, load, ratio), unsent * _noise * log(2) / (_delay * _signal) * (1 - exp(-u))


@_states("eq-20")
def eq20_turns() -> Sides:
    """φ = -u e^-u turns where u = 1, so that φ alone does not tell the branch of LW."""
    u = sympy.Symbol("u", positive=True)
    return (-u * exp(-u)).diff(u).subs(u, 1), sympy.S.Zero


@_states("eq-20")
def eq20_convex() -> Sides:
    """(20) times e^u, as a function of u, is convex: its second derivative is (a + bu + 2b) e^u."""
    u, a, b = sympy.symbols("u a b", positive=True)
    return (a + b * u + 2 * b) * exp(u), (_eq20(u, a, b) * exp(u)).diff(u, 2)


@_states("eq-22")
def eq22_interference() -> Sides:
    """(22) is the derivative of (14) by the power, where (15) is Λ exp(-a/P): Λ for interference, a for noise."""
    return _eq22(1 - _beta), _eq14(_success).diff(_power)


@_states("eq-22")
def eq22_restored() -> Sides:
    """(22) with the factor Λ is the derivative of (14) by the power."""
    return _eq22(1 - _beta, _unjammed), _eq14(_success).diff(_power)


@_states("eq-22")
def eq22_subscription() -> Sides:
    """(22) with the factor Λ is the derivative that follows where 1 - βλ of a UE's data is missed."""
    return _eq22(1 - _beta, _unjammed), _power_cost().diff(_power)


@_states("eq-22")
def corrected_power_slope() -> Sides:
    """(22) with the factor Λ and β in place of 1 - β is the derivative where 1 - βλ of a UE's data is missed."""
    return _eq22(_beta, _unjammed), _power_cost().diff(_power)


@_states("eq-22")
def corrected_power() -> Sides:
    """The corrected (22) is 0 at P = -a/(2w), where w is the Lambert function of -sqrt(κ)/2 and κ = μEa/(bΛ)."""
    w, worth = sympy.Symbol("w", negative=True), _worth()
    kappa = (2 * w * exp(w)) ** 2
    price = kappa * worth * _unjammed / _attenuation  # mu E
    slope = _eq22(sympy.S.One, _unjammed).subs({_beta: 1, _mu: price / _delay})
    return sympy.S.Zero, slope.subs(_power, -_attenuation / (2 * w))


# Appendix A, as printed


def _quadratic(root: Matrix) -> tuple[Callable[[Matrix], sympy.Expr], Callable[[Matrix], Matrix]]:
    """Return the value and the gradient of a quadratic with the Hessian epsilon I - L L'."""
    level, slope = sympy.Symbol("F"), vector("c")
    hessian = _epsilon * sympy.eye(PARAMETERS) - root * root.T
    return lambda w: level + slope.dot(w) + w.dot(hessian * w) / 2, lambda w: slope + hessian * w


def _taylor(eta: sympy.Expr, gradient: Matrix, error: Matrix, own_gradient: Matrix) -> sympy.Expr:
    """What (25) adds to the risk of one UE."""
    descent = -eta * (gradient - error).dot(own_gradient)
    return descent + eta**2 * _epsilon * (square(gradient) / 2 - error.dot(gradient) + square(error) / 2)


def _cross_term(rho: Sequence[sympy.Expr], gradients: Sequence[Matrix], error: Matrix) -> sympy.Expr:
    """The sum that (28) bounds."""
    mean = average(rho, gradients)
    return dot(rho, [error.dot(own - mean) for own in gradients])


def _eq26(rho: Sequence[sympy.Expr], gradients: Sequence[Matrix], error: Matrix) -> sympy.Expr:
    mean = average(rho, gradients)
    aligned = -mean.dot(average(rho, gradients)) / _epsilon + square(mean) / (2 * _epsilon)
    return aligned + _cross_term(rho, gradients, error) / _epsilon + square(error) / (2 * _epsilon)


def _eq28(
    rho: Sequence[sympy.Expr], sizes: Sequence[sympy.Expr], gradients: Sequence[Matrix], error: Matrix
) -> sympy.Expr:
    """The right of (28), where `sizes` are the weights that it has in its fraction."""
    squares = sum(size**2 for size in sizes) / sum(sizes) ** 2
    apart = [squares * sum(square(own - other) for other in gradients) for own in gradients]
    return dot(rho, [square(error) + a for a in apart]) / 2


# A, B and what one round does to the gap


def _printed(missed_twice: sympy.Expr) -> Sides:
    """A and B of Theorem 1."""
    rate = 2 * _xi / _epsilon * (1 - 8 * _zeta2 * missed_twice - 4 * _zeta2 * _num_ues - _epsilon / 2)
    return rate, 2 * _zeta1 / _epsilon * (_num_ues + 2 * missed_twice)


def _corrected(missed: sympy.Expr) -> Sides:
    """A and B of Theorem 1'."""
    return _xi / _epsilon * (1 - 4 * _zeta2 * missed), 2 * _zeta1 / _epsilon * missed


def _spread(rho: Sequence[sympy.Expr], miss: Sequence[sympy.Expr]) -> sympy.Expr:
    """V of Theorem 1''."""
    single = sum(r**2 * m * (1 - m) for r, m in zip(rho, miss, strict=True))
    return dot(rho, miss) ** 2 + single - sympy.prod(miss)


def _change(error_sq: sympy.Expr, cross_term: sympy.Expr = sympy.S.Zero) -> sympy.Expr:
    """What (26) adds to the gap, where these bound the square of the error and the sum in its third term."""
    return (-_gradient_sq + error_sq) / (2 * _epsilon) + cross_term / _epsilon


def _paper_change() -> sympy.Expr:
    """What (26) adds to the gap by (27), (28) and (29), as printed; the fraction of (28) is at most 1."""
    error_sq = 4 * _missed_twice * _LIMIT
    return _change(error_sq, (error_sq + _num_ues * 4 * _LIMIT) / 2)


def _sharp_change(rho: Sequence[sympy.Expr], miss: Sequence[sympy.Expr]) -> sympy.Expr:
    """What a round adds to the gap on average if gradients are at most Delta_0^2 + Delta_1^2 |grad F|^2 apart."""
    apart = _delta0**2 + _delta1**2 * _gradient_sq
    return average_where_received(rho, miss, lambda share: _change((1 - share) ** 2 * apart))


def _rate_and_offset(change: sympy.Expr, curvature: sympy.Expr = _xi) -> Sides:
    """A and B of gap + change = (1 - A) gap + B, with 2 `curvature` gap for the squared gradient."""
    after = sympy.expand((_gap + change).subs(_gradient_sq, 2 * curvature * _gap))
    return 1 - after.coeff(_gap, 1), after.coeff(_gap, 0)


def _run(start: sympy.Expr, rates: Sequence[sympy.Expr], offsets: Sequence[sympy.Expr]) -> sympy.Expr:
    """The recursion itself, round by round."""
    for rate, offset in zip(rates, offsets, strict=True):
        start = (1 - rate) * start + offset
    return start


def _unrolled(rates: Sequence[sympy.Expr], offsets: Sequence[sympy.Expr]) -> sympy.Expr:
    """The sum over the rounds q of B^q times the product of 1 - A^p over the rounds p after q."""
    return sum(sympy.prod(1 - a for a in rates[q + 1 :]) * b for q, b in enumerate(offsets))


# the costs of Section IV, of one UE and one module: their sums over modules are term by term


def _worth() -> sympy.Expr:
    """What (14) charges for a module that is missed."""
    return 16 * _xi * _zeta2 / _epsilon * _carried + 4 * _zeta1 / _epsilon


def _eq9(energy: sympy.Expr, constants: Sides | None = None) -> sympy.Expr:
    """(9), with A and B of Theorem 1 unless others are given."""
    rate, offset = constants or _printed((1 - _rate) * (1 - _beta))
    return (1 - rate) * _carried + offset + _mu * _beta * energy


def _eq14(rate: sympy.Expr) -> sympy.Expr:
    lost = (1 - rate) * (1 - _beta)
    risk = 16 * _xi * _zeta2 / _epsilon * _carried * lost + 4 * _zeta1 / _epsilon * lost
    return risk + _mu * _beta * _power * _delay


def _eq22(counted: sympy.Expr, factor: sympy.Expr = sympy.S.One) -> sympy.Expr:
    """(22), which counts 1 - beta and has no factor."""
    slope = factor * _attenuation / _power**2 * exp(-_attenuation / _power)
    return -counted * _worth() * slope + _mu * _beta * _delay


def _power_cost() -> sympy.Expr:
    """(14) with the probability 1 - beta lambda to be missed."""
    return _worth() * (1 - _beta * _success) + _mu * _beta * _power * _delay


def _varying(cost: sympy.Expr) -> sympy.Expr:
    """What of a cost depends on the subscription."""
    return cost - cost.subs(_beta, 0)


def _eq20(u: sympy.Expr, load: sympy.Expr, ratio: sympy.Expr) -> sympy.Expr:
    """Left minus right of (20) with phi = LW exp(LW) and LW = -u, where `load` and `ratio` are its two fractions."""
    lambert = -u
    phi = lambert * exp(lambert)
    return phi - (load - ratio * lambert) * (phi / lambert - 1)


def _share(u: sympy.Expr) -> sympy.Expr:
    """(19), where u = -LW(phi)."""
    return _signal / (_band * _noise * (exp(u) - 1)) - _interference / (_band * _noise)
