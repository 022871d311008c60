"""Section IV: the costs of switching, (8) to (14), and bandwidth and power, (18) to (22).

Costs are those of one UE and one module: sums over modules are term by term.
"""

from __future__ import annotations

import sympy
from sympy import exp, log

from ._algebra import (
    MODULES,
    UES,
    Sides,
    as_corrected,
    as_printed,
    dot,
    epsilon,
    recursion,
    rounds,
    shares,
    states,
    symbols,
    unrolled,
    xi,
    zeta1,
    zeta2,
)

_beta, _rate, _energy = sympy.symbols("beta lambda C", real=True)
_mu, _power, _delay, _carried = sympy.symbols("mu P E B", positive=True)  # B of the round before
_signal, _interference, _band, _noise, _payload = sympy.symbols("S I W N_0 G", positive=True)
_attenuation, _unjammed = sympy.symbols("a Lambda", positive=True)  # what noise and interference make of (15)
_success = _unjammed * exp(-_attenuation / _power)


@states("eq-8a")
def eq8_constants() -> Sides:
    """Weighted by ρ_k, the constants of the UEs in (8) add up to A and B of Theorem 1; here A + zB for every z."""
    rho, missed, z = shares("rho"), symbols("x", UES), sympy.Symbol("z")
    parts, whole = map(as_printed, missed), as_printed(dot(rho, missed))
    return dot(rho, [a + z * b for a, b in parts]), whole[0] + z * whole[1]


@states("eq-8a")
def eq8_weights() -> Sides:
    """B of a UE counts in (8a) as much as in (7a), where it has the weight ρ and the modules are averaged."""
    rho, offsets = sympy.Symbol("rho"), symbols("B", MODULES)
    return sum(offsets), rho * sum(offsets) / MODULES


@states("eq-8a")
def eq8_unrolled() -> Sides:
    """The first sum of (8a) is what the recursion makes of B, for one module."""
    rates, offsets = rounds("A"), rounds("B")
    return unrolled(rates, offsets), recursion(sympy.S.Zero, rates, offsets)


@states("eq-8a")
def eq8_product() -> Sides:
    """(1 - A) B of a module is the sum over its UEs of ρ_k (1 - A_k) B_k."""
    rho, rates, offsets = shares("rho", 2), symbols("A", 2), symbols("B", 2)
    printed = dot(rho, [(1 - a) * b for a, b in zip(rates, offsets, strict=True)])
    return printed, (1 - dot(rho, rates)) * dot(rho, offsets)


@states("eq-8a")
def eq8_linear() -> Sides:
    """(8a), called a linear program, is linear: no slope in the β of one round depends on the β of another."""
    beta, rates = symbols("beta", 2), symbols("lambda", 2)
    parts = [as_printed((1 - p) * (1 - b)) for b, p in zip(beta, rates, strict=True)]
    return unrolled(*zip(*parts, strict=True)).diff(*beta), sympy.S.Zero


@states("eq-8a")
def eq8_dropped() -> Sides:
    """The first and third terms of (6), which (8a) leaves out, do not depend on β.

    S is the root in (6).
    """
    rho, own, root = sympy.symbols("rho Y S", positive=True)
    rate, _ = as_printed(rho * (1 - _rate) * (1 - _beta))
    return ((1 - rate) * own + epsilon * rate * root).diff(_beta), sympy.S.Zero


@states("eq-8a")
def eq8_energy() -> Sides:
    """The energy in (8a), a sum over q of βᵗ C(t), is that of all rounds."""
    beta, energy = rounds("beta"), rounds("C")
    return len(beta) * beta[-1] * energy[-1], dot(beta, energy)


@states("eq-9")
def eq9_truncated() -> Sides:
    """(1 - Aᵗ) Bᵗ⁻¹ + Bᵗ in (9) is all of (8a) that round t contributes to."""
    rates, offsets = rounds("A"), rounds("B")
    return (1 - rates[-1]) * offsets[-2] + offsets[-1], unrolled(rates, offsets)


@states("eq-9")
def eq9_gradient() -> Sides:
    """The slope of (9) in β is the one that follows where 1 - βλ of a UE's data is missed."""
    return _eq9(_energy).diff(_beta), _eq9(_energy, as_corrected(1 - _beta * _rate)).diff(_beta)


@states("eq-9")
def eq9_affine() -> Sides:
    """(9) is affine in β: its slope does not depend on β."""
    slope = _eq9(_energy).diff(_beta)
    return slope, slope.subs(_beta, 0)


@states("eq-10a")
def eq10a_braces() -> Sides:
    """Q after (10a), whose braces put 16ξζ2/ε before both sums, is (9) up to what does not depend on β."""
    lost = (1 - _rate) * (1 - _beta)
    braces = _carried * lost + 4 * zeta1 / epsilon * lost
    return _varying(16 * xi * zeta2 / epsilon * braces + _mu * _beta * _energy), _varying(_eq9(_energy))


@states("eq-10a")
def eq10a_gradient() -> Sides:
    """The slope of Q after (10a) in β, its brace mended, is the one that follows where 1 - βλ is missed."""
    lost = (1 - _rate) * (1 - _beta)
    mended = (16 * xi * zeta2 * _carried + 4 * zeta1) / epsilon * lost + _mu * _beta * _energy
    return mended.diff(_beta), _eq9(_energy, as_corrected(1 - _beta * _rate)).diff(_beta)


@states("eq-14")
def eq14_consistent() -> Sides:
    """(14) is (9) up to what does not depend on β, if energy is the power P for the time E and nothing else."""
    return _varying(_eq14(_rate)), _varying(_eq9(_power * _delay))


@states("eq-18")
def eq18_derivative() -> Sides:
    """(18) is the derivative of the rate by the share of the bandwidth."""
    share = sympy.Symbol("delta", positive=True)
    rest = _interference + _band * _noise * share
    lost = _signal * _band * _noise * share / ((_signal + rest) * rest)
    printed = _band / log(2) * (log(1 + _signal / rest) - lost)
    return printed, (_band * share * log(1 + _signal / rest) / log(2)).diff(share)


@states("eq-18")
def eq18_positive() -> Sides:
    """What (18) takes from ln(1+x), x the SINR, is x/(1+x) less a positive term where there is interference."""
    noise = sympy.Symbol("c", positive=True)  # W N0 delta
    rest = _interference + noise
    x = _signal / rest
    return _signal * noise / ((_signal + rest) * rest), x / (1 + x) - x / (1 + x) * _interference / rest


@states("eq-18")
def eq18_logarithm() -> Sides:
    """ln(1+x) - x/(1+x), which is 0 at x = 0, grows by x/(1+x)² > 0."""
    x = sympy.Symbol("x", positive=True)
    return x / (1 + x) ** 2, (log(1 + x) - x / (1 + x)).diff(x)


@states("eq-19")
def eq19_share() -> Sides:
    """At the share (19) the SINR is e^u - 1, where u = -LW(φ)."""
    u = sympy.Symbol("u", positive=True)
    return exp(u) - 1, _signal / (_interference + _band * _noise * _share(u))


@states("eq-20")
def eq20_delay() -> Sides:
    """(20) with φ = LW e^LW is, up to a factor, the delay (13) at the share (19)."""
    u = sympy.Symbol("u", positive=True)
    load, ratio = _payload * _noise * log(2) / (_delay * _signal), _interference / _signal
    unsent = _payload - _delay * _band * _share(u) * u / log(2)  # bits that E leaves
    return _eq20(u, load, ratio), unsent * _noise * log(2) / (_delay * _signal) * (1 - exp(-u))


@states("eq-20")
def eq20_turns() -> Sides:
    """φ = -u e^-u turns where u = 1, so that φ alone does not tell the branch of LW."""
    u = sympy.Symbol("u", positive=True)
    return (-u * exp(-u)).diff(u).subs(u, 1), sympy.S.Zero


@states("eq-20")
def eq20_convex() -> Sides:
    """(20) times e^u, as a function of u, is convex: its second derivative is (a + bu + 2b) e^u."""
    u, a, b = sympy.symbols("u a b", positive=True)
    return (a + b * u + 2 * b) * exp(u), (_eq20(u, a, b) * exp(u)).diff(u, 2)


@states("eq-22")
def eq22_interference() -> Sides:
    """(22) is the derivative of (14) by the power, where (15) is Λ exp(-a/P): Λ for interference, a for noise."""
    return _eq22(1 - _beta), _eq14(_success).diff(_power)


@states("eq-22")
def eq22_restored() -> Sides:
    """(22) with the factor Λ is the derivative of (14) by the power."""
    return _eq22(1 - _beta, _unjammed), _eq14(_success).diff(_power)


@states("eq-22")
def eq22_subscription() -> Sides:
    """(22) with the factor Λ is the derivative that follows where 1 - βλ of a UE's data is missed."""
    return _eq22(1 - _beta, _unjammed), _power_cost().diff(_power)


@states("eq-22")
def corrected_power_slope() -> Sides:
    """(22) with the factor Λ and β in place of 1 - β is the derivative where 1 - βλ of a UE's data is missed."""
    return _eq22(_beta, _unjammed), _power_cost().diff(_power)


@states("eq-22")
def corrected_power() -> Sides:
    """The corrected (22) is 0 at P = -a/(2w), where w is the Lambert function of -sqrt(κ)/2 and κ = μEa/(bΛ)."""
    w, worth = sympy.Symbol("w", negative=True), _worth()
    kappa = (2 * w * exp(w)) ** 2
    price = kappa * worth * _unjammed / _attenuation  # mu E
    slope = _eq22(sympy.S.One, _unjammed).subs({_beta: 1, _mu: price / _delay})
    return sympy.S.Zero, slope.subs(_power, -_attenuation / (2 * w))


def _worth() -> sympy.Expr:
    """What (14) charges for a module that is missed."""
    return 16 * xi * zeta2 / epsilon * _carried + 4 * zeta1 / epsilon


def _eq9(energy: sympy.Expr, constants: Sides | None = None) -> sympy.Expr:
    """(9), with A and B of Theorem 1 unless others are given."""
    rate, offset = constants or as_printed((1 - _rate) * (1 - _beta))
    return (1 - rate) * _carried + offset + _mu * _beta * energy


def _eq14(rate: sympy.Expr) -> sympy.Expr:
    return _worth() * (1 - rate) * (1 - _beta) + _mu * _beta * _power * _delay


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
