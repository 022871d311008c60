"""Which statements hold, by how much the others fail, and both of their sides against NumPy and against the package."""

import inspect
import itertools
import subprocess
import sys

import numpy as np
import pytest
import sympy
from scipy.special import lambertw

from fedswitch import Scenario
from fedswitch.control.power import power_gradient
from fedswitch.control.switching import cost_gradient, ue_cost
from fedswitch.theory import constants, ue_constants
from fedswitch.theory.moments import received_weights
from fedswitch.theory.statements import STATEMENTS

HOLD = {
    "eq23_adds_and_subtracts", "eq24_taylor", "eq24_young", "eq25_taylor", "eq26_average", "eq26_cross_term",
    "eq26_descent", "eq27_error", "eq27_constant", "eq28_cauchy_schwarz", "eq28_zero", "eq28_brings_k", "eq29_lengths",
    "eq29_limit", "eq30_polyak_lojasiewicz", "ass3_mean_square", "thm1_offset", "thm1_no_rate", "eq6_one_round",
    "eq6_where_it_holds", "eq6_where_it_holds_alone",
    "corrected_miss_probability", "corrected_error_bound", "corrected_smooth_gradient", "corrected_heterogeneity",
    "corrected_rate", "corrected_offset", "corrected_growth", "corrected_unrolled",
    "sharp_error", "sharp_spread", "sharp_spread_limit", "sharp_rate", "sharp_offset",
    "moment_error", "moment_error_square", "moment_step", "moment_split", "moment_drift",
    "running_step", "running_sampling", "running_bias", "inverse_mean", "inverse_variance", "inverse_convex",
    "inverse_share", "online_dual", "online_sum",
    "eq8_constants", "eq8_unrolled", "eq9_affine", "eq14_consistent", "eq18_derivative", "eq18_positive",
    "eq18_logarithm", "eq19_share", "eq20_delay", "eq20_turns", "eq20_convex", "eq22_restored",
    "corrected_power_slope", "corrected_power",
}  # fmt: skip

# printed minus derived, worked out on paper; Mp is M', l is lambda
FAIL = {
    "eq24_index": "(w_n_1 - w_0_1)*g_1 + (w_n_2 - w_0_2)*g_2 + epsilon/2*(w_n_1**2 + w_n_2**2 - w_0_1**2 - w_0_2**2)",
    "eq6_foundation_term": "-g_sq/(2 - epsilon)",
    "eq27_miss_probability": "-rho_1*(beta_1 + lambda_1 - 2*beta_1*lambda_1)"
    " - rho_2*(beta_2 + lambda_2 - 2*beta_2*lambda_2)",
    "eq29_cross_sign": "4*(s_1*r_1 + s_2*r_2)/(D_k*D_j)",
    "eq31_vanishes": "-c**2",
    "thm1_rate": "xi/epsilon*(1 - 8*zeta_2*Mp - 4*zeta_2*K) - xi",
    "thm1_scaling": "xi*(1 - c**2)",
    "eq6_rounds": "(1 - A_1)*(1 - A_2)*B_0 + (1 - A_2)*B_1",
    "eq6_unrolled": "1 + 2*(1 - A_2)*B_1 + 4*(1 - A_1)*(1 - A_2)*B_0**2"
    " - (1 - A_1)*(1 - A_2)*B_0 - (1 - A_2)*B_1 - B_2",
    "eq8_weights": "(1 - rho/2)*(B_1 + B_2)",
    "eq8_product": "-rho_1*(1 - rho_1)*(A_1 - A_2)*(B_1 - B_2)",  # minus the covariance over the UEs
    "eq8_linear": "(16*xi*zeta_2/epsilon*(1 - lambda_2))*(4*zeta_1/epsilon*(1 - lambda_1))",
    "eq8_dropped": "16*xi*zeta_2/epsilon*rho*(1 - l)*(epsilon*S - Y)",
    "eq8_energy": "2*beta_2*C_2 - beta_1*C_1 - beta_0*C_0",
    "eq9_truncated": "-(1 - A_1)*(1 - A_2)*B_0",
    "eq9_gradient": "-4/epsilon*(1 - l)*(4*xi*zeta_2*B + zeta_1) + l/epsilon*(4*xi*zeta_2*B + 2*zeta_1)",
    "eq10a_braces": "4*zeta_1/epsilon**2*(16*xi*zeta_2 - epsilon)*(1 - l)*(-beta)",
    "eq10a_gradient": "-4/epsilon*(1 - l)*(4*xi*zeta_2*B + zeta_1) + l/epsilon*(4*xi*zeta_2*B + 2*zeta_1)",
    "eq22_interference": "-(1 - beta)*(1 - Lambda)*(16*xi*zeta_2/epsilon*B + 4*zeta_1/epsilon)*a/P**2*exp(-a/P)",
    "eq22_subscription": "-(1 - 2*beta)*Lambda*(16*xi*zeta_2/epsilon*B + 4*zeta_1/epsilon)*a/P**2*exp(-a/P)",
}


def test_every_statement_is_expected_to_hold_or_to_fail():
    assert set(STATEMENTS) == HOLD | set(FAIL)
    assert not HOLD & set(FAIL)


@pytest.mark.parametrize("name", sorted(HOLD))
def test_holds(name):
    assert STATEMENTS[name]().holds


@pytest.mark.parametrize("name", sorted(FAIL))
def test_fails_by_exactly_this(name):
    statement = STATEMENTS[name]()
    assert not statement.holds
    short = {"lambda": "l", "M'": "Mp"}
    known = {short.get(symbol.name, symbol.name): symbol for symbol in statement.difference.free_symbols}
    assert sympy.simplify(statement.difference - sympy.sympify(FAIL[name], locals=known)) == 0


def test_every_equation_that_was_to_be_checked_has_a_statement():
    elements = {statement().element for statement in STATEMENTS.values()}
    numbers = [*range(23, 32), 1, 6, 9, 11, 12, 14, 18, 19, 20, 22]
    assert elements == {f"eq-{number}" for number in numbers} | {"eq-8a", "eq-10a", "thm-1", "ass-3"}


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_names_and_claims_say_which_equation(name):
    statement = STATEMENTS[name]()
    prefix = name.split("_")[0]
    if prefix not in ("corrected", "sharp", "moment", "running", "inverse", "online"):
        assert statement.element.replace("-", "").startswith(prefix)
    assert statement.claim == inspect.getdoc(STATEMENTS[name]).splitlines()[0]
    assert statement.claim.endswith(".")


def test_sympy_is_not_imported_with_the_package():
    code = "import sys, fedswitch, fedswitch.theory; sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# both sides, as numbers


def sides(name, values):
    """Printed and derived at these values, which are by the names of the symbols."""
    expressions = inspect.unwrap(STATEMENTS[name])()
    symbols = set().union(*(side.free_symbols for side in expressions))
    assert {symbol.name for symbol in symbols} <= set(values)
    return [float(side.subs({symbol: values[symbol.name] for symbol in symbols})) for side in expressions]


def numbered(name, array):
    """An array as values of symbols that are numbered from 1 on every axis."""
    return {"_".join([name, *(str(i + 1) for i in index)]): x for index, x in np.ndenumerate(array)}


@pytest.fixture
def rng():
    return np.random.default_rng(4)


@pytest.fixture
def assumptions(rng):
    """The constants of the assumptions, by symbol and by argument."""
    values = dict(zip(("epsilon", "xi", "zeta_1", "zeta_2"), rng.uniform(0.2, 2.0, 4), strict=True))
    arguments = dict(zip(("smoothness", "strong_convexity", "zeta1", "zeta2"), values.values(), strict=True))
    return values, arguments


def test_constants_of_theorem_1_are_those_of_the_package(rng, assumptions):
    values, arguments = assumptions
    rho, beta, rate = rng.dirichlet(np.ones(3)), np.array([1.0, 0.0, 0.0]), rng.uniform(size=3)
    both, any_reason = (rho @ miss for miss in ((1 - beta) * (1 - rate), 1 - beta * rate))
    at = {**values, "K": 3, "M'": both, "M": any_reason}
    for form, (rate_name, offset_name) in {
        "printed": ("thm1_rate", "thm1_offset"),
        "corrected": ("corrected_rate", "corrected_offset"),
    }.items():
        a, b = constants(rho, beta[np.newaxis], rate[np.newaxis], **{**arguments, "zeta2": 0.1}, form=form)
        at["zeta_2"] = 0.1  # small enough for the corrected recursion to contract
        assert sides(rate_name, at)[0] == pytest.approx(a[0])
        assert sides(offset_name, at)[0] == pytest.approx(b[0])
    a, _ = constants(rho, beta[np.newaxis], rate[np.newaxis], **{**arguments, "zeta2": 9.0}, form="corrected")
    assert sides("corrected_growth", {**at, "zeta_2": 9.0})[0] == pytest.approx(a[0])


def test_constants_of_the_sharp_theorem_are_those_of_the_package(rng):
    rho, rate = rng.dirichlet(np.ones(3)), rng.uniform(0.3, 1.0, 3)
    a, b = constants(
        rho, np.ones((1, 3)), rate[np.newaxis],
        smoothness=1.5, strong_convexity=0.4, delta0_sq=0.49, delta1_sq=0.04, form="sharp",
    )  # fmt: skip
    at = {"epsilon": 1.5, "xi": 0.4, "Delta_0": 0.7, "Delta_1": 0.2, **numbered("rho", rho), **numbered("m", 1 - rate)}
    assert sides("sharp_rate", at)[0] == pytest.approx(a[0])
    assert sides("sharp_offset", at)[0] == pytest.approx(b[0])


def test_constants_of_the_ues_are_those_of_the_package(rng, assumptions):
    values, arguments = assumptions
    rho, beta, rate = rng.dirichlet(np.ones(3)), np.zeros(3), rng.uniform(size=3)
    a, b = ue_constants(beta, rate, num_ues=3, **arguments, form="printed")
    at = {**values, "K": 3, "z": 0.7, **numbered("rho", rho), **numbered("x", 1 - rate)}
    assert sides("eq8_constants", at)[0] == pytest.approx(rho @ (a + 0.7 * b))


def test_mean_missed_share_by_simulation(rng):
    rho, rate, beta = np.array([0.2, 0.5, 0.3]), np.array([0.9, 0.3, 0.6]), np.array([1.0, 1.0, 0.0])
    received = beta * (rng.random((200_000, 3)) < rate)
    at = {**numbered("rho", rho), **numbered("beta", beta), **numbered("lambda", rate)}
    assert sides("corrected_miss_probability", at)[1] == pytest.approx((1 - received @ rho).mean(), abs=3e-3)
    printed, derived = sides("eq27_miss_probability", at)
    assert printed == pytest.approx(0.0)  # both UEs are subscribed
    assert derived == pytest.approx(0.2 * 0.1 + 0.5 * 0.7)


def test_appendix_at_random_gradients(rng):
    """(25) and (26) from a step along w - (g - e)/epsilon, in NumPy."""
    rho, gradients, error, epsilon = rng.dirichlet(np.ones(3)), rng.normal(size=(3, 2)), rng.normal(size=2), 1.7
    mean = rho @ gradients
    at = {"epsilon": epsilon, **numbered("rho", rho), **numbered("g", gradients), **numbered("e", error)}
    step = -(mean - error) / epsilon
    change = rho @ (gradients @ step) + epsilon / 2 * step @ step
    for name in ("eq26_average", "eq26_descent"):
        assert sides(name, at)[0] == pytest.approx(change)
    sizes = rng.integers(1, 9, 3).astype(float)
    at |= numbered("D", sizes)
    spread = [((own - gradients) ** 2).sum() * (sizes**2).sum() / sizes.sum() ** 2 for own in gradients]
    right = 0.5 * rho @ (error @ error + np.array(spread))
    assert sides("eq28_zero", at) == pytest.approx([right, right])
    left = (mean - sizes @ gradients / sizes.sum()) @ error
    assert sides("eq28_cauchy_schwarz", at) == pytest.approx([right - left, right - left])


@pytest.mark.parametrize("name", ["eq6_where_it_holds", "eq6_where_it_holds_alone"])
def test_where_6_holds_no_term_is_negative(rng, name):
    """At random values with A >= 0, against right minus left put together from the constants of the package."""
    alone, seen = name.endswith("alone"), 0
    for _ in range(100):
        more = 0 if alone else int(rng.integers(0, 3))
        num_ues = 1 if alone else 2 + more
        rho, beta, rate = np.full(num_ues, 1 / num_ues), rng.integers(0, 2, num_ues), rng.uniform(size=num_ues)
        spares = dict(zip(("s_1", "s_2", "s_3", "s_4", "g_sq"), rng.exponential(size=5), strict=True))
        epsilon, xi, zeta2 = rng.uniform(1.0, 2.0), rng.uniform(0.1, 1.0), rng.uniform(0, 0.25 / num_ues)
        zeta1 = spares["g_sq"] * (1 - zeta2) + spares["s_4"]
        A, B = constants(
            rho, beta[np.newaxis], rate[np.newaxis], smoothness=epsilon, strong_convexity=xi, zeta1=zeta1, zeta2=zeta2,
            form="printed",
        )  # fmt: skip
        if A[0] < 0:
            continue
        seen += 1
        gap = (spares["g_sq"] - spares["s_1"]) / (2 * xi)
        if alone:
            change = -spares["s_3"]
        else:
            gap += (zeta1 - spares["s_2"]) / (2 * xi)
            change = (4 * (zeta1 + zeta2 * spares["g_sq"]) - spares["s_3"] - spares["g_sq"]) / (2 * epsilon)
        missed_twice = rho @ ((1 - beta) * (1 - rate))
        at = {**spares, "epsilon": epsilon, "xi": xi, "zeta_2": zeta2, "k": more, "M'": missed_twice}
        left_over = sides(name, at)
        assert left_over == pytest.approx([(B - A * gap)[0] - change] * 2)
        assert left_over[1] >= 0
    assert seen >= 10


def test_error_at_random_receptions(rng):
    rho, gradients, z = rng.dirichlet(np.ones(3)), rng.normal(size=(3, 2)), rng.normal(size=2)
    for received in ((1, 0, 1), (0, 1, 0)):
        a = np.array(received)
        error = rho @ gradients - (rho * a) @ gradients / (rho @ a)
        at = {**numbered("rho", rho), **numbered("g", gradients), **numbered("z", z), **numbered("a", a)}
        for name in ("eq27_error", "moment_error"):
            assert sides(name, at) == pytest.approx([z @ error, z @ error])


def test_moments_agree_with_a_round_in_numpy(rng):
    """Two UEs; then three, by the moments of the package and all of their receptions."""
    root = np.tril(rng.normal(size=(2, 2))) / 2
    epsilon = 3.0
    hessian = epsilon * np.eye(2) - root @ root.T
    for count in (2, 3):
        rho, rate, gradients = rng.dirichlet(np.ones(count)), rng.uniform(0.2, 0.9, count), rng.normal(size=(count, 2))
        mean = rho @ gradients
        outcomes = [np.array(a) for a in itertools.product((0, 1), repeat=count) if any(a)]
        chances = np.array([np.where(a, rate, 1 - rate).prod() for a in outcomes])
        chances /= chances.sum()
        errors = np.array([mean - (rho * a) @ gradients / (rho @ a) for a in outcomes])
        steps = -(mean - errors) / epsilon
        change = chances @ (steps @ mean + 0.5 * np.einsum("si,ij,sj->s", steps, hessian, steps))
        square = chances @ (errors**2).sum(axis=1)
        if count == 2:
            at = {"epsilon": epsilon, **numbered("rho", rho), **numbered("g", gradients), **numbered("pi", chances)}
            assert sides("moment_error_square", at) == pytest.approx([square, square])
            expressions = inspect.unwrap(STATEMENTS["moment_step"])()
            matrix = sympy.MatrixSymbol("L", 2, 2)
            entries = {matrix[i, j]: root[i, j] for i in range(2) for j in range(i + 1)}
            for side in expressions:
                symbols = {s: at[s.name] for s in side.free_symbols if s.name in at}
                assert float(side.subs(entries).subs(symbols)) == pytest.approx(change)
        else:
            law = received_weights(rho, np.ones((1, 3)), rate[np.newaxis])
            u, covariance = gradients - mean, law.covariance[0]
            bias = (rho - law.mean[0]) @ u
            assert bias @ bias + (covariance * (u @ u.T)).sum() == pytest.approx(square)
            noise = (covariance * (u @ hessian @ u.T)).sum() / epsilon
            lost = ((mean - bias) @ root) @ ((mean - bias) @ root) / epsilon
            assert (bias @ bias - mean @ mean + noise - lost) / (2 * epsilon) == pytest.approx(change)


def test_cost_and_its_slope_are_those_of_the_package(assumptions):
    values, arguments = assumptions
    scenario = Scenario(num_ues=1, num_modules=1, lora_ranks=(8,), **arguments, energy_weight_per_j=0.3)
    at = {
        **values,
        "K": 1,
        "lambda": 0.4,
        "beta": 0.0,
        "B": 0.8,
        "C": 0.6,
        "mu": 0.3,
        "P": 0.5,
        "E": 2,
    }
    one = np.ones((1, 1))
    for form, side in (("printed", 0), ("corrected", 1)):
        slope = cost_gradient(scenario, 0.4 * one, 0.6 * one, 0.8 * one, form=form)
        assert sides("eq9_gradient", at)[side] == pytest.approx(slope[0, 0])

    def varying(energy, beta):
        on, off = (ue_cost(scenario, b * one, 0.4 * one, energy * one, 0.8 * one, form="printed") for b in (beta, 0.0))
        return (on - off)[0]

    at["beta"] = 1.0
    assert sides("eq10a_braces", at)[1] == pytest.approx(varying(0.6, 1.0))
    assert sides("eq14_consistent", at)[0] == pytest.approx(varying(0.5 * 2, 1.0))


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_power_slope_is_that_of_the_package(assumptions, beta):
    values, _ = assumptions
    at = {**values, "B": 0.8, "a": 0.3, "P": 0.5, "Lambda": 0.7, "mu": 0.3, "E": 2.0, "beta": beta}
    worth = 4 / values["epsilon"] * (4 * values["xi"] * values["zeta_2"] * 0.8 + values["zeta_1"])
    arguments = (0.5, [[0.3]], [[worth]], 0.3 * 2.0, [[beta]])
    printed = power_gradient(*arguments, form="printed")
    corrected = power_gradient(*arguments, interference_factor=0.7)
    assert sides("eq22_interference", at)[0] == pytest.approx(printed[0])
    assert sides("eq22_subscription", at)[1] == pytest.approx(corrected[0])
    assert sides("corrected_power_slope", at)[0] == pytest.approx(corrected[0])


def test_share_and_delay_by_scipys_lambert_function():
    """(19) and (20) at a share that is chosen first, and the slope (18) by a difference quotient."""
    signal, interference, band, noise, payload, share = 2.0, 0.3, 1.5, 0.4, 0.9, 0.6
    sinr = signal / (interference + band * noise * share)
    delay = payload / (band * share * np.log2(1 + sinr))
    u = np.log(1 + sinr)
    phi = -u * np.exp(-u)
    assert -lambertw(phi, 0 if u < 1 else -1).real == pytest.approx(u)
    names = {"S": signal, "I": interference, "W": band, "N_0": noise, "G": payload, "E": delay, "u": u, "delta": share}
    assert sides("eq19_share", names) == pytest.approx([sinr, sinr])
    assert sides("eq20_delay", names) == pytest.approx([0.0, 0.0])
    assert sides("eq20_delay", {**names, "E": 2 * delay})[0] != pytest.approx(0.0)

    def rate(x):
        return band * x * np.log2(1 + signal / (interference + band * noise * x))

    slope = (rate(share + 1e-6) - rate(share - 1e-6)) / 2e-6
    assert sides("eq18_derivative", names)[0] == pytest.approx(slope, rel=1e-7)


@pytest.mark.parametrize("branch", [0, -1])
def test_the_slope_vanishes_at_the_powers_that_scipys_lambert_function_gives(assumptions, branch):
    values, _ = assumptions
    worth = 4 / values["epsilon"] * (4 * values["xi"] * values["zeta_2"] * 0.8 + values["zeta_1"])
    kappa = 0.2
    price = kappa * worth * 0.7 / 0.3  # mu E
    power = -0.3 / (2 * lambertw(-np.sqrt(kappa) / 2, branch).real)
    at = {**values, "B": 0.8, "a": 0.3, "P": power, "Lambda": 0.7, "mu": price / 2.0, "E": 2.0, "beta": 1.0}
    assert sides("corrected_power_slope", at) == pytest.approx([0.0, 0.0], abs=1e-12)


def test_unrolling_by_hand(rng):
    rates, offsets = rng.uniform(0.1, 0.9, 3), rng.uniform(0.1, 0.9, 3)
    at = {
        "H": 0.4,
        "X_0": 2.0,
        **{f"A_{p}": a for p, a in enumerate(rates)},
        **{f"B_{p}": b for p, b in enumerate(offsets)},
    }
    gap, from_zero = 2.0, 0.0
    for a, b in zip(rates, offsets, strict=True):
        gap = (1 - a) * gap + a * 0.4 + b
        from_zero = (1 - a) * from_zero + b
    assert sides("corrected_unrolled", at) == pytest.approx([gap, gap])
    assert sides("eq8_unrolled", at) == pytest.approx([from_zero, from_zero])
    literal = 1.0  # the empty product
    for q in (0, 1):
        literal += np.prod([2 * (1 - rates[p]) * offsets[q] for p in range(q + 1, 3)])
    assert sides("eq6_unrolled", at) == pytest.approx([literal, from_zero])
