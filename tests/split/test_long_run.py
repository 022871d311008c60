"""When (8) is kept: the algebra of the proofs by SymPy, the bounds on any delays, the limits by simulation."""

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from fedswitch.split import long_run
from fedswitch.split.long_run import excess_bound, first_round_risk, follow_queue, settled, shortfall_bound
from fedswitch.split.scheduling import least_delay
from fedswitch.theory.outcomes import checks_in

FORMS = ("printed", "corrected")
FALL = {"printed": 2.0, "corrected": 1.0}  # alpha / a


@pytest.mark.parametrize("counterexample", checks_in(long_run).values())
def test_refutes_what_is_printed_and_not_what_holds(counterexample):
    case = counterexample()
    assert case.refutes
    assert case.corrected_holds


def test_the_instances_by_hand():
    fading, twice = long_run.penalty_that_fades(), long_run.line_19_counts_the_weight_twice()
    assert (fading.left, fading.right, fading.corrected) == (2.0, 1.0, 2.0)
    assert twice.right == pytest.approx(1 + (10_000**0.75 + 1) / 10_000)
    waits = 0
    queue = 0.0
    for t in range(1, 10_001):  # line 19, written out for one device
        taken = 1 - t**-0.75 * queue * 2 > 0
        waits += not taken
        queue = max(0.0, queue + t**-0.75 * (2 * taken - 1))
    assert twice.left == pytest.approx(2 - 2 * waits / 10_000)
    assert twice.corrected == pytest.approx(1 + queue / 10_000**0.25)


# the steps of the proofs, as algebra

q, u, D, target, zeta, p, z, t, a = sympy.symbols("q u D Dbar zeta p z t a", positive=True)


def test_a_step_of_the_squared_queue():
    assert (
        sympy.expand(((q + u * (D - target)) ** 2 - q**2) / 2 - u * q * (D - target) - u**2 * (D - target) ** 2 / 2)
        == 0
    )


def test_times_zeta_over_u_the_drift_is_the_penalty_of_22():
    scheduled = sympy.Symbol("N")
    drift = zeta / u * (u * q * (D - target) + u**2 * (D - target) ** 2 / 2)
    claimed = -(scheduled - zeta * q * D) - zeta * q * target + zeta * u * (D - target) ** 2 / 2
    assert sympy.expand(drift - scheduled - claimed) == 0


def test_summation_by_parts():
    Q, U = sympy.symbols("Q0:5", nonnegative=True), (None, *sympy.symbols("U1:5", positive=True))
    steps = sum((Q[i] - Q[i - 1]) / U[i] for i in range(1, 5))
    parts = Q[4] / U[4] - Q[0] / U[1] - sum(Q[i] * (1 / U[i + 1] - 1 / U[i]) for i in range(1, 4))
    assert sympy.expand(steps - parts) == 0


@pytest.mark.parametrize("form", FORMS)
def test_the_queue_that_holds_a_price_grows_as_settled_says(form):
    weight = z * t**-a
    step = sympy.S.One if form == "corrected" else weight
    queue = p / weight
    needed = sympy.simplify(sympy.diff(queue, t) / step)  # the mean excess of a round that keeps the price
    alpha, product = (a, z) if form == "corrected" else (2 * a, z**2)
    assert sympy.simplify(needed - a * p * t ** (alpha - 1) / product) == 0


# the bounds, on any delays

cell = st.builds(
    lambda seed, rounds, devices: np.cumsum(np.random.default_rng(seed).exponential(size=(rounds, devices)), axis=1),
    st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 5),
)  # fmt: skip
settings = st.fixed_dictionaries({
    "exponent": st.floats(0, 2), "scale": st.floats(0.01, 10), "form": st.sampled_from(FORMS)
})  # fmt: skip


@given(cell, st.floats(0.1, 5), settings)
def test_no_run_exceeds_the_bound_whatever_the_delays(delays, target, weights):
    run, rounds = follow_queue(delays, target, **weights), len(delays)
    excess = np.cumsum(run.delay_s) / np.arange(1, rounds + 1) - target
    count = np.arange(1.0, rounds + 1)
    step = weights["scale"] * count ** -weights["exponent"] if weights["form"] == "printed" else 1.0
    assert (excess <= run.queue / (step * count) + 1e-9 * (1 + abs(excess))).all()
    bound = excess_bound(
        count, num_devices=delays.shape[1], target_s=target, longest_s=run.delay_s.max() or 1.0, **weights
    )
    assert (run.queue / (step * count) <= bound * (1 + 1e-9)).all()


@given(cell, st.floats(0.1, 5), st.floats(0.05, 5), settings)
def test_a_least_price_makes_every_delay_short(delays, target, floor, weights):
    run = follow_queue(delays * 1e3, target, least_price_per_s=floor, **weights)
    assert run.delay_s.max() <= delays.shape[1] / floor * (1 + 1e-12)
    assert (run.price_per_s >= floor).all()


@given(cell, st.floats(0.1, 5), settings, st.floats(0, 5))
def test_each_round_takes_the_best_prefix_at_its_price(delays, target, weights, start):
    run = follow_queue(delays, target, queue=start, **weights)
    best = np.max(np.arange(1, delays.shape[1] + 1) - run.price_per_s[:, np.newaxis] * delays, axis=1).clip(0)
    assert run.scheduled - run.price_per_s * run.delay_s == pytest.approx(best)
    assert run.price_per_s[0] == pytest.approx(weights["scale"] * start)


# the limits

RNG = np.random.default_rng(5)
DELAYS = np.cumsum(RNG.uniform(0, 1, (8000, 5)), axis=1)  # at most 5 s; all five take 2.5 s on average
KEPT = {"num_devices": 5, "target_s": 1.0, "longest_s": 5.0}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("alpha", [0.25, 0.5, 1.0, 2.0])
def test_the_price_settles_where_it_should(form, alpha):
    exponent, scale = alpha / FALL[form], 1.0
    run = follow_queue(DELAYS, 1.0, exponent=exponent, scale=scale, form=form)
    price, excess = settled(DELAYS, 1.0, exponent=exponent, scale=scale, form=form)
    later = slice(len(DELAYS) // 2, None)
    assert run.price_per_s[later].mean() == pytest.approx(price, abs=0.06)
    assert run.delay_s[later].mean() - 1.0 == pytest.approx(excess, abs=0.08)
    assert (excess > 0.1) == (alpha >= 1)


def test_it_is_the_product_of_the_weights_that_decides():
    """Line 19 with a is as (18a) with 2a, up to the constant in front, and breaks (8) at half of the exponent."""
    excess = {
        (form, exponent): follow_queue(DELAYS, 1.0, exponent=exponent, form=form).delay_s.mean() - 1.0
        for form in FORMS for exponent in (0.25, 0.5, 0.75)
    }  # fmt: skip
    assert excess["printed", 0.25] < 0.05
    assert excess["corrected", 0.5] < 0.05
    assert excess["printed", 0.5] > 0.3
    assert excess["printed", 0.75] > excess["corrected", 0.75] + 0.5


def most_devices(delays, target):
    """The most devices a round, on average, of a policy that draws prefixes by the channels: a linear program."""
    rounds, devices = delays.shape
    program = linprog(
        -np.tile(np.arange(1.0, devices + 1), rounds) / rounds,
        A_ub=np.vstack([delays.ravel() / rounds, np.kron(np.eye(rounds), np.ones(devices))]),
        b_ub=np.concatenate([[target], np.ones(rounds)]), method="highs",
    )  # fmt: skip
    return -program.fun


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("exponent", "scale"), [(0.0, 0.1), (0.0, 0.02), (0.25, 0.3), (0.4, 0.3)])
def test_the_shortfall_is_within_its_bound(form, exponent, scale):
    """Rounds drawn anew from 40 that are equally likely, for which the best policy is a linear program."""
    kinds = DELAYS[:40]
    rounds, rng = 4000, np.random.default_rng(1)
    best = most_devices(kinds, 1.0)
    counts = [
        follow_queue(kinds[rng.integers(40, size=rounds)], 1.0, exponent=exponent, scale=scale, form=form)
        .scheduled.mean()
        for _ in range(3)
    ]  # fmt: skip
    bound = shortfall_bound(rounds, exponent, target_s=1.0, longest_s=5.0, scale=scale, form=form)
    assert best - np.mean(counts) <= bound + 0.05


@pytest.mark.parametrize("form", FORMS)
def test_both_bounds_go_to_zero_together_below_one_and_not_from_there_on(form):
    for alpha in (0.25, 0.5, 0.75):
        early, late = (
            np.array([excess_bound(T, alpha / FALL[form], form=form, **KEPT),
                      shortfall_bound(T, alpha / FALL[form], target_s=1.0, longest_s=5.0, form=form)])
            for T in (10_000, 160_000)
        )  # fmt: skip
        assert late / early == pytest.approx([16 ** (alpha - 1), 16**-alpha], rel=0.1)
    assert excess_bound(10**8, 1 / FALL[form], form=form, **KEPT) > 1


def test_settled_where_the_mean_delay_is_no_limit_and_at_a_jump():
    assert settled(DELAYS, 9.0) == (0.0, pytest.approx(DELAYS[:, -1].mean() - 9.0))
    price, excess = settled([[2.0]], 1.0)  # one device: scheduled below the price 1/2
    assert (price, excess) == (pytest.approx(0.5), 0.0)
    assert settled([[2.0]], 1.0, exponent=1.0, scale=1.0) == (pytest.approx(0.5), pytest.approx(0.5))
    assert settled([[2.0]], 1.0, exponent=1.0, scale=0.1) == (pytest.approx(0.1), pytest.approx(1.0))


def test_the_first_round_by_monte_carlo():
    gains, rounds = np.array([0.1, 0.3, 1.0]), 50
    radio = {"payload_bits": 2.0, "noise_psd_w_per_hz": 0.5}
    drawn = np.random.default_rng(3).exponential(gains, size=(3000, 3))
    taken = np.array([least_delay(one, bandwidth_hz=1.0, **radio) for one in drawn])
    broken = (taken > rounds * 0.4).mean()
    risk = float(first_round_risk(rounds, gains, 0.4, **radio))
    assert risk <= broken + 3 * np.sqrt(broken / 3000)
    assert broken < 3 * risk
    many = first_round_risk(np.array([1e3, 1e4, 1e5]), gains, 0.4, **radio) * [1e3, 1e4, 1e5]
    assert many == pytest.approx(2.0 * 0.5 * np.log(2) / 0.4 * (1 / gains).sum(), rel=0.05)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: follow_queue([[1.0]], 1.0, form="new"), "form must be one of printed, corrected"),
        (lambda: follow_queue([1.0], 1.0), r"delays_s must have a row for each round .*, got \(1,\)"),
        (lambda: follow_queue([[-1.0]], 1.0), "delays_s must be non-negative"),
        (lambda: follow_queue([[1.0]], 1.0, least_price_per_s=-1.0), "least_price_per_s must be non-negative"),
        (lambda: settled([[1.0]], 0.0), "target_s must be positive"),
        (lambda: settled([[1.0]], 1.0, scale=0.0), "scale must be positive"),
        (lambda: excess_bound(0, 0.5, **KEPT), "rounds must be positive"),
        (lambda: excess_bound(5, -0.5, **KEPT), "exponent must be non-negative"),
        (lambda: shortfall_bound(5, 0.5, target_s=1.0, longest_s=0.0), "longest_s must be positive"),
        (
            lambda: first_round_risk(5, [0.0], 1.0, payload_bits=1.0, noise_psd_w_per_hz=1.0),
            "mean_gain_w must be positive",
        ),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
