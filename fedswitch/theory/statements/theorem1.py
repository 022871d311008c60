"""Theorem 1, its recursion (6), and what is proved in its place: Theorems 1', 1'' and 1'''."""

from __future__ import annotations

import itertools

import sympy
from sympy import Matrix

from ._algebra import (
    GRADIENTS,
    LIMIT,
    MEAN,
    MISS,
    MODULES,
    PARAMETERS,
    RHO,
    UES,
    Sides,
    added,
    as_corrected,
    as_printed,
    average,
    average_where_received,
    dot,
    epsilon,
    gap,
    gradient_sq,
    lower,
    missed,
    missed_twice,
    num_ues,
    rate_and_offset,
    received_weights,
    reception_law,
    recursion,
    rounds,
    shares,
    square,
    states,
    symbols,
    unrolled,
    vector,
    xi,
    zeta1,
    zeta2,
)

_delta0, _delta1 = sympy.symbols("Delta_0 Delta_1", nonnegative=True)


@states("thm-1")
def thm1_rate() -> Sides:
    """A of Theorem 1 follows from (26) to (30)."""
    return as_printed(missed_twice)[0], rate_and_offset(_paper_change())[0]


@states("thm-1")
def thm1_offset() -> Sides:
    """B of Theorem 1 follows from (26) to (30)."""
    return as_printed(missed_twice)[1], rate_and_offset(_paper_change())[1]


@states("thm-1")
def thm1_scaling() -> Sides:
    """In another unit of w, which makes ε and ξ c² times as large and moves no iterate, A of Theorem 1 is the same."""
    c = sympy.Symbol("c", positive=True)
    units = {epsilon: c**2 * epsilon, xi: c**2 * xi}
    rate = as_printed(missed_twice)[0]
    return rate.subs(units, simultaneous=True), rate


@states("thm-1")
def thm1_no_rate() -> Sides:
    """Where ε = 2 + s, A of Theorem 1 is -2ξ/ε (8 ζ2 M' + 4 ζ2 K + s/2): never above 0, whoever is heard."""
    s = sympy.Symbol("s", nonnegative=True)
    claimed = -2 * xi / epsilon * (8 * zeta2 * missed_twice + 4 * zeta2 * num_ues + s / 2)
    return claimed.subs(epsilon, 2 + s), as_printed(missed_twice)[0].subs(epsilon, 2 + s)


@states("thm-1")
def corrected_rate() -> Sides:
    """A = ξ/ε (1 - 4 ζ2 M) follows from (26) without its third term, the corrected (27), and (30)."""
    return as_corrected(missed)[0], rate_and_offset(added(4 * missed * LIMIT))[0]


@states("thm-1")
def corrected_offset() -> Sides:
    """B = 2ζ1/ε M follows from (26) without its third term, the corrected (27), and (30)."""
    return as_corrected(missed)[1], rate_and_offset(added(4 * missed * LIMIT))[1]


@states("thm-1")
def corrected_growth() -> Sides:
    """A = 1 - 4 ζ2 M where that is negative, since ‖∇F‖² is at most 2ε (F - F*)."""
    return 1 - 4 * zeta2 * missed, rate_and_offset(added(4 * missed * LIMIT), curvature=epsilon)[0]


@states("eq-6")
def eq6_where_it_holds() -> Sides:
    """For K = 2 + k UEs, right minus left of (6) in one round is a sum of terms that are at least 0 where A is.

    All risks are at w0 + Δw, the sum over modules stands outside the product, and the third and fourth terms, at least
    0 as well, are left away. An assumption enters with what it has to spare: Polyak and Łojasiewicz for F at the module
    and for F_k at w* (with Assumption 3), ‖e‖² ≤ 4 Z² in (26), and ‖∇F‖² ≤ Z². A ≥ 0 keeps ζ2 below 1/8. After more
    rounds the second term has further parts, at least 0 where no A exceeds 1.
    """
    more, spare_gap, spare_own, spare_step, spare_slope = sympy.symbols("k s_1 s_2 s_3 s_4", nonnegative=True)
    rate, offset = as_printed(missed_twice)
    first = gradient_sq * (1 - zeta2) + spare_slope  # zeta_1
    own = (gradient_sq - spare_gap + first - spare_own) / (2 * xi)  # the gap to the least risk of each UE
    change = added(4 * LIMIT - spare_step)
    right_minus_left = (1 - rate) * own + offset - (own + change)
    lost = 4 * zeta2 * more + 8 * zeta2 * missed_twice + epsilon / 2
    bracket = 1 - 8 * zeta2 - lost  # of A
    terms = bracket * (spare_gap + spare_own) + spare_step / 2
    terms += spare_slope * (1 + 2 * more + 4 * missed_twice + 8 * zeta2 + lost)
    by_slope = sympy.Rational(1, 2) + 5 * zeta2 + (1 - zeta2) * (8 * zeta2 + 2 * more + 4 * missed_twice)
    terms += gradient_sq * (by_slope + (2 - zeta2) * lost)
    return right_minus_left.subs(num_ues, 2 + more).subs(zeta1, first), terms / epsilon


@states("eq-6")
def eq6_where_it_holds_alone() -> Sides:
    """For one UE, whose gap no round raises, right minus left of (6) is a sum of terms that are at least 0 where A is.

    As `eq6_where_it_holds`, where the least risk of the UE is the common one.
    """
    spare_gap, fall, spare_slope = sympy.symbols("s_1 s_3 s_4", nonnegative=True)
    rate, offset = as_printed(missed_twice)
    first = gradient_sq * (1 - zeta2) + spare_slope
    own = (gradient_sq - spare_gap) / (2 * xi)
    right_minus_left = (1 - rate) * own + offset - (own - fall)
    lost = 8 * zeta2 * missed_twice + epsilon / 2
    terms = (1 - 4 * zeta2 - lost) * spare_gap + epsilon * fall + 2 * spare_slope * (1 + 2 * missed_twice)
    terms += gradient_sq * (1 + 2 * zeta2 + 4 * missed_twice * (1 - zeta2) + lost)
    return right_minus_left.subs(num_ues, 1).subs(zeta1, first), terms / epsilon


@states("eq-6")
def eq6_one_round() -> Sides:
    """With H for the risk of a common optimum, (1 - A) X + B + H is (1 - A) Y + A H + B, for Y = X + H."""
    rate, offset, common = sympy.symbols("A B H")
    own = gap + common
    return (1 - rate) * own + rate * common + offset, (1 - rate) * gap + offset + common


@states("eq-6")
def eq6_rounds() -> Sides:
    """The first term of (6), of the last round alone, and its second, of all rounds, add up to one recursion."""
    rates, offsets, start = rounds("A"), rounds("B"), sympy.Symbol("X_0")
    before = recursion(start, rates[:-1], offsets[:-1])
    return (1 - rates[-1]) * before + unrolled(rates, offsets), recursion(start, rates, offsets)


@states("eq-6")
def eq6_unrolled() -> Sides:
    """The second term of (6) is what the recursion makes of B, on average over the modules; here two of a kind."""
    rates, offsets = rounds("A"), rounds("B")
    alike = [(rates, offsets)] * MODULES
    last = len(rates) - 1
    printed = sum(
        sympy.prod(sum((1 - a[p]) * b[q] for a, b in alike) for p in range(q + 1, last + 1)) for q in range(last + 1)
    )
    return printed, sum(recursion(sympy.S.Zero, a, b) for a, b in alike) / MODULES


@states("eq-6")
def corrected_unrolled() -> Sides:
    """Unrolled, X⁺ = (1 - A) X + A H + B is H + Π(1-A) (X - H) + Σ Π(1-A) B."""
    rates, offsets, (start, common) = rounds("A"), rounds("B"), sympy.symbols("X_0 H")
    claimed = common + sympy.prod(1 - a for a in rates) * (start - common) + unrolled(rates, offsets)
    pulled = [a * common + b for a, b in zip(rates, offsets, strict=True)]
    return claimed, recursion(start, rates, pulled)


@states("eq-6")
def eq6_foundation_term() -> Sides:
    """(ε+2)/4 ‖w0‖², the last term of (6), is all that (24) and Young's inequality leave."""
    foundation_sq, slope_sq, c = sympy.symbols("w0_sq g_sq c", positive=True)
    printed = (epsilon + 2) / 4 * foundation_sq
    derived = (epsilon + c) / 2 * foundation_sq + slope_sq / (2 * c)
    (weight,) = sympy.solve(printed.coeff(foundation_sq) - derived.coeff(foundation_sq), c)
    return printed, derived.subs(c, weight)


def _paper_change() -> sympy.Expr:
    """What (26) adds to the gap by (27), (28) and (29), as printed; the fraction of (28) is at most 1."""
    error_sq = 4 * missed_twice * LIMIT
    return added(error_sq, (error_sq + num_ues * 4 * LIMIT) / 2)


@states("thm-1")
def sharp_error() -> Sides:
    """The mean of ‖g_j - g_k‖² over missed j and received k exceeds ‖g_miss - g_received‖² by two variances."""
    missed, received = shares("q"), shares("p")
    means = average(missed, GRADIENTS), average(received, GRADIENTS)
    pairs = itertools.product(range(UES), repeat=2)
    apart = sum(missed[j] * received[k] * square(GRADIENTS[j] - GRADIENTS[k]) for j, k in pairs)
    variances = (
        dot(weights, [square(g - mean) for g in GRADIENTS])
        for weights, mean in zip((missed, received), means, strict=True)
    )
    return apart - square(means[0] - means[1]), sum(variances)


@states("thm-1")
def sharp_spread() -> Sides:
    """V = M² + Σ ρ² m (1-m) - p0 is the mean of (1-R)² where some UE is received, if receptions are independent."""
    return _spread(), average_where_received(lambda share: (1 - share) ** 2)


@states("thm-1")
def sharp_spread_limit() -> Sides:
    """M - p0 - V is the mean of R (1-R), and so not negative."""
    claimed = dot(RHO, MISS) - sympy.prod(MISS) - _spread()
    return claimed, average_where_received(lambda share: share * (1 - share))


@states("thm-1")
def sharp_rate() -> Sides:
    """A = ξ/ε (1 - p0 - Δ1² V) is what is left where no UE received leaves the module as it was."""
    claimed = xi / epsilon * (1 - sympy.prod(MISS) - _delta1**2 * _spread())
    return claimed, rate_and_offset(_sharp_change())[0]


@states("thm-1")
def sharp_offset() -> Sides:
    """B = Δ0² V / (2ε) is what is left where no UE received leaves the module as it was."""
    claimed = _delta0**2 * _spread() / (2 * epsilon)
    return claimed, rate_and_offset(_sharp_change())[1]


@states("thm-1")
def moment_error() -> Sides:
    """The error e is Σ (ρ - p) u with the deviations u_k = ∇F_k - ∇F."""
    direction, weights = vector("z"), received_weights(RHO, symbols("a", UES))
    claimed = average([r - p for r, p in zip(RHO, weights, strict=True)], [g - MEAN for g in GRADIENTS])
    return direction.dot(claimed), direction.dot(MEAN - average(weights, GRADIENTS))


@states("thm-1")
def moment_error_square() -> Sides:
    """The mean of ‖e‖² over the receptions is ‖b‖² + Σ Γ_jk u_j·u_k, with the mean b of e and the covariance Γ of p."""
    law = reception_law()
    return square(law.bias) + law.form(sympy.eye(PARAMETERS)), law.mean(square)


@states("thm-1")
def moment_step() -> Sides:
    """The mean change in a step is (‖b‖² - ‖g‖² + Σ Γ_jk u_j·H u_k / ε) / (2ε) less a square, where H = ε I - L Lᵀ."""
    law, root = reception_law(), lower("L")
    hessian = epsilon * sympy.eye(PARAMETERS) - root * root.T

    def change(error: Matrix) -> sympy.Expr:
        step = -(law.gradient - error) / epsilon
        return law.gradient.dot(step) + step.dot(hessian * step) / 2

    lost = (square(root.T * (law.gradient - law.bias)) - law.form(hessian)) / epsilon
    return (square(law.bias) - square(law.gradient) - lost) / (2 * epsilon), law.mean(change)


@states("thm-1")
def moment_split() -> Sides:
    """(1 + 1/c) ‖a‖² + (1 + c) ‖b‖² - ‖a + b‖² is a square for every c > 0, to tell the optimum from the way to it."""
    first, second, c = vector("a"), vector("b"), sympy.Symbol("c", positive=True)
    right = (1 + 1 / c) * square(first) + (1 + c) * square(second)
    return right - square(first + second), square(first - c * second) / c


@states("thm-1")
def moment_drift() -> Sides:
    r"""‖∇F‖² - 2λE is (4s - 2λ) (F - F*) and squares and terms ≥ 0, where s² = ξλ: how an error grows with the gap.

    E is at most D and D', the rise of the risks without their :math:`\tfrac{\xi}{2} \|w\|^2` above their tangents at
    the optimum and back, and :math:`\nabla F^\top x = D + D' + \xi \|x\|^2` at the distance x.
    """
    gradient, distance = vector("g"), vector("x")
    least, rise, root = sympy.symbols("E D s", positive=True)
    curved = xi / 2 * square(distance)
    back = gradient.dot(distance) - rise - 2 * curved
    ratio = root**2 / xi
    right = (4 * root - 2 * ratio) * (rise + curved) + square(gradient - root * distance)
    return square(gradient) - 2 * ratio * least, right + 2 * root * (back - least) + 2 * (ratio - root) * (rise - least)


def _spread() -> sympy.Expr:
    """V of Theorem 1''."""
    return dot(RHO, MISS) ** 2 + sum(r**2 * m * (1 - m) for r, m in zip(RHO, MISS, strict=True)) - sympy.prod(MISS)


def _sharp_change() -> sympy.Expr:
    """What a round adds to the gap on average if gradients are at most Delta_0^2 + Delta_1^2 |grad F|^2 apart."""
    apart = _delta0**2 + _delta1**2 * gradient_sq
    return average_where_received(lambda share: added((1 - share) ** 2 * apart))
