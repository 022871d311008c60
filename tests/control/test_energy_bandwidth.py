"""The allocation of least energy, against its optimality condition with 120 digits, and against other optimizers."""

import itertools
import re

import cvxpy
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from fedswitch import Scenario
from fedswitch.control import allocate_bandwidth, allocate_energy_optimal
from fedswitch.control.energy_bandwidth import _shape
from fedswitch.wireless import Cell

CELL = {"bandwidth_hz": 1e9, "noise_psd_w_per_hz": 6.31e-20}
LINKS = {
    "payload_bits": [2e6, 5e6, 1e7],
    "signal_w": [3e-10, 2e-11, 5e-10],
    "interference_w": [1e-12, 0.0, 4e-11],
    "power_w": [0.2, 0.1, 0.05],
}


def delays_s(share, payload_bits, signal_w, interference_w, *, bandwidth_hz, noise_psd_w_per_hz):
    """The delay of (13), written out again."""
    ratio = signal_w / (interference_w + bandwidth_hz * share * noise_psd_w_per_hz)
    return payload_bits / (bandwidth_hz * share * np.log1p(ratio) / np.log(2))


def total_energy_j(share, payload_bits, signal_w, interference_w, power_w):
    return (power_w * delays_s(share, payload_bits, signal_w, interference_w, **CELL)).sum()


def marginal_energies(share, links):
    """-P dT/dshare up to a common factor, from the derivative of the rate in (18), exact to a double's last digit."""
    noise_w = CELL["bandwidth_hz"] * CELL["noise_psd_w_per_hz"]
    found = []
    with mpmath.workdps(120):
        for values in zip(share, *links, strict=True):
            x, payload, signal, interference, power = map(mpmath.mpf, map(float, values))
            snr, inr = signal / noise_w, interference / noise_w
            u = mpmath.log(1 + snr / (inr + x))
            slope = u - x * snr / ((inr + x) * (inr + x + snr))
            found.append(float(power * payload * slope / (x * u) ** 2))
    return np.array(found)


def assert_optimal(allocation, *links):
    """The energy is convex in the shares: equal marginal energies and all of the bandwidth are the optimum."""
    payload_bits, signal_w, interference_w, power_w = links = np.broadcast_arrays(*links)
    assert 1 - 1e-10 <= allocation.share.sum() <= 1.0
    delay_s = delays_s(allocation.share, payload_bits, signal_w, interference_w, **CELL)
    np.testing.assert_allclose(allocation.delay_s, delay_s, rtol=1e-12)
    assert allocation.energy_j == pytest.approx((power_w * delay_s).sum(), rel=1e-12)
    some = np.unique(np.linspace(0, delay_s.size - 1, 60).astype(int))  # enough of many
    marginal = marginal_energies(allocation.share[some], [values[some] for values in links])
    np.testing.assert_allclose(marginal / marginal[0], 1.0, rtol=1e-9)


def draw_links(num_ues, seed, *, decades=0.0, fade_decades=0.0):
    """Uploads of one cell in one round: payloads, powers and further fading spread over so many decades."""
    rng = np.random.default_rng(seed)
    channel = Cell.draw(Scenario(num_ues=num_ues), seed).channel(0)
    payload_bits = 2.4e6 * 10.0 ** rng.uniform(0, decades, num_ues)
    power_w = 0.2 * 10.0 ** -rng.uniform(0, decades / 2, num_ues)
    signal_w = power_w * channel.gain * 10.0 ** -rng.uniform(0, fade_decades, num_ues)
    return payload_bits, signal_w, channel.interference_w, power_w


links = st.lists(
    st.tuples(st.floats(3, 8), st.floats(-14, -7), st.floats(-16, -8), st.floats(-4, 0)).map(
        lambda powers: tuple(10.0**p for p in powers)
    ),
    min_size=1,
    max_size=8,
).map(lambda rows: tuple(map(np.array, zip(*rows, strict=True))))


# What is optimal


@given(links=links)
def test_moving_bandwidth_gains_nothing(links):
    assert_optimal(allocate_energy_optimal(*links, **CELL), *links)


@pytest.mark.parametrize("num_ues", [1, 2, 10, 1000])
@pytest.mark.parametrize("decades", [0.0, 7.0], ids=["alike", "payloads and powers"])
@pytest.mark.parametrize("fade_decades", [0.0, 30.0], ids=["plain", "fades"])
@pytest.mark.parametrize("interference", ["drawn", "none", "60 dB over the signal"])
def test_hard_cells(num_ues, decades, fade_decades, interference):
    payload_bits, signal_w, interference_w, power_w = draw_links(
        num_ues, seed=num_ues, decades=decades, fade_decades=fade_decades
    )
    interference_w = {"drawn": interference_w, "none": 0 * signal_w, "60 dB over the signal": 1e6 * signal_w}[
        interference
    ]
    allocation = allocate_energy_optimal(payload_bits, signal_w, interference_w, power_w, **CELL)
    assert_optimal(allocation, payload_bits, signal_w, interference_w, power_w)
    assert allocation.iterations <= 15


@pytest.mark.parametrize("interference_ratio", [0.0, 1e-20, 1e-3, 1.0, 1e3, 1e20])
def test_the_map_to_the_solution_contracts_as_promised(interference_ratio):
    share = np.geomspace(1e-60, 1e60, 20_001)
    ones = np.ones_like(share)
    shape = _shape(ones, interference_ratio * ones, share)
    slope = np.diff(np.log(shape)) / np.diff(np.log(share))
    assert slope.min() > -1e-12
    assert slope.max() < 0.207


@pytest.mark.parametrize("num_ues", [3, 10, 30])
@pytest.mark.parametrize("seed", range(3))
def test_the_energy_is_that_of_a_convex_solver(num_ues, seed):
    # without interference the rate is a relative entropy; x is the shares, scaled like snr to a mean of 1
    payload_bits, signal_w, _, power_w = draw_links(num_ues, seed, decades=1.0)
    snr = num_ues * signal_w / (CELL["bandwidth_hz"] * CELL["noise_psd_w_per_hz"])
    unit_j = total_energy_j(1 / num_ues, payload_bits, signal_w, 0.0, power_w)
    cost = power_w * payload_bits * np.log(2) * num_ues / CELL["bandwidth_hz"] / unit_j
    x = cvxpy.Variable(num_ues)
    energy = cvxpy.sum(cvxpy.multiply(cost, cvxpy.inv_pos(-cvxpy.rel_entr(x, x + snr))))
    problem = cvxpy.Problem(cvxpy.Minimize(energy), [cvxpy.sum(x) <= num_ues])
    problem.solve(solver=cvxpy.CLARABEL)
    allocation = allocate_energy_optimal(payload_bits, signal_w, 0.0, power_w, **CELL)
    assert allocation.energy_j == pytest.approx(problem.value * unit_j, rel=1e-6)
    np.testing.assert_allclose(allocation.share, x.value / num_ues, rtol=0.01)  # where the energy hardly changes


@pytest.mark.parametrize("num_ues", [2, 5, 12])
@pytest.mark.parametrize("seed", range(3))
def test_the_energy_is_that_of_a_general_purpose_optimizer(num_ues, seed):
    # min sum of tau subject to energy_k <= tau_k and sum of shares <= 1, in logarithms, with interference
    payload_bits, signal_w, interference_w, power_w = draw_links(num_ues, seed, decades=1.0)

    def log_energies(log_share):
        return np.log(power_w * delays_s(np.exp(log_share), payload_bits, signal_w, interference_w, **CELL))

    start = np.log(np.full(num_ues, 0.9 / num_ues))
    found = optimize.minimize(
        lambda x: np.logaddexp.reduce(x[num_ues:]),
        np.append(start, log_energies(start)),
        method="SLSQP",
        constraints=[
            {"type": "ineq", "fun": lambda x: x[num_ues:] - log_energies(x[:num_ues])},
            {"type": "ineq", "fun": lambda x: 1 - np.exp(x[:num_ues]).sum()},
        ],
        options={"ftol": 1e-14, "maxiter": 500},
    )
    energy_j = allocate_energy_optimal(payload_bits, signal_w, interference_w, power_w, **CELL).energy_j
    assert energy_j == pytest.approx(np.exp(found.fun), rel=1e-6)


def test_no_other_shares_cost_less():
    links = draw_links(20, seed=7)
    allocation = allocate_energy_optimal(*links, **CELL)
    rng = np.random.default_rng(0)
    for _ in range(200):
        share = rng.dirichlet(np.ones(20)) if rng.random() < 0.5 else allocation.share * rng.uniform(0.9, 1.1, 20)
        assert total_energy_j(share / share.sum(), *links) >= allocation.energy_j * (1 - 1e-9)


# Against the smallest largest delay


@given(links=links)
def test_it_never_costs_more_than_ending_together(links):
    *uploads, power_w = links
    together = allocate_bandwidth(*uploads, **CELL)
    apart = allocate_energy_optimal(*links, **CELL)
    assert apart.energy_j <= together.delay_s * power_w.sum() * (1 + 1e-9)
    assert apart.delay_s.max() >= together.delay_s * (1 - 1e-9)


def test_ending_together_may_cost_ten_times_the_energy():
    # 100 UEs of one cell that differ by distance and fading only: the strong need not wait for the weak
    payload_bits, signal_w, _, power_w = draw_links(100, seed=0)
    together = allocate_bandwidth(payload_bits, signal_w, 0.0, **CELL)
    apart = allocate_energy_optimal(payload_bits, signal_w, 0.0, power_w, **CELL)
    assert together.delay_s * power_w.sum() > 10 * apart.energy_j
    assert np.median(apart.delay_s) < 0.1 * together.delay_s < together.delay_s < apart.delay_s.max()


def test_equal_links_share_equally_and_end_together():
    allocation = allocate_energy_optimal(np.full(7, 1e6), 1e-10, 1e-12, 0.2, **CELL)
    together = allocate_bandwidth(np.full(7, 1e6), 1e-10, 1e-12, **CELL)
    np.testing.assert_allclose(allocation.share, 1 / 7, rtol=1e-9)
    np.testing.assert_allclose(allocation.delay_s, together.delay_s, rtol=1e-9)


# What must not change it


@given(links=links, factor=st.floats(1e-3, 1e3))
def test_shares_have_no_units(links, factor):
    payload_bits, signal_w, interference_w, power_w = links
    width, density = CELL.values()
    base = allocate_energy_optimal(*links, **CELL)

    def scaled(payload=1.0, received=1.0, power=1.0, band=1.0, noise=1.0):
        return allocate_energy_optimal(
            payload * payload_bits,
            received * signal_w,
            received * interference_w,
            power * power_w,
            bandwidth_hz=band * width,
            noise_psd_w_per_hz=noise * density,
        )

    for same, delay_factor, energy_factor in (
        (scaled(received=factor, noise=factor), 1.0, 1.0),
        (scaled(band=factor, noise=1 / factor), 1 / factor, 1 / factor),
        (scaled(payload=factor), factor, factor),
        (scaled(payload=factor, band=factor, noise=1 / factor), 1.0, 1.0),
        (scaled(power=factor), 1.0, factor),
    ):
        np.testing.assert_allclose(same.share, base.share, rtol=1e-9)
        np.testing.assert_allclose(same.delay_s, base.delay_s * delay_factor, rtol=1e-9)
        assert same.energy_j == pytest.approx(base.energy_j * energy_factor, rel=1e-9)


@given(links=links, seed=st.integers(0, 1000))
def test_permuting_the_ues_permutes_the_shares(links, seed):
    order = np.random.default_rng(seed).permutation(links[0].size)
    base = allocate_energy_optimal(*links, **CELL)
    permuted = allocate_energy_optimal(*(values[order] for values in links), **CELL)
    np.testing.assert_allclose(permuted.share, base.share[order], rtol=1e-9)
    np.testing.assert_allclose(permuted.delay_s, base.delay_s[order], rtol=1e-9)
    assert permuted.energy_j == pytest.approx(base.energy_j, rel=1e-9)


@given(links=links, factor=st.floats(1.01, 10.0), index=st.integers(0, 7))
def test_energy_and_every_delay_fall_with_bandwidth_and_energy_rises_with_any_payload(links, factor, index):
    payload_bits, *others = links
    base = allocate_energy_optimal(*links, **CELL)
    wider = allocate_energy_optimal(*links, bandwidth_hz=factor * 1e9, noise_psd_w_per_hz=6.31e-20)
    payload_bits = payload_bits.copy()
    payload_bits[index % payload_bits.size] *= factor
    longer = allocate_energy_optimal(payload_bits, *others, **CELL).energy_j
    # a link at its floor gains nothing from bandwidth: strict but for rounding
    assert np.all(wider.delay_s <= base.delay_s * (1 + 1e-9))
    assert base.energy_j / factor * (1 - 1e-9) <= wider.energy_j <= base.energy_j * (1 + 1e-9)
    assert base.energy_j * (1 - 1e-9) <= longer <= base.energy_j * factor * (1 + 1e-9)


def test_the_energy_falls_and_rises_by_what_can_be_seen():
    base = allocate_energy_optimal(**LINKS, **CELL)
    wider = allocate_energy_optimal(**LINKS, **{**CELL, "bandwidth_hz": 2e9})
    assert wider.energy_j < 0.8 * base.energy_j
    assert np.all(wider.delay_s < 0.9 * base.delay_s)
    for index in range(3):
        payload_bits = np.array(LINKS["payload_bits"]) * np.where(np.arange(3) == index, 2, 1)
        longer = allocate_energy_optimal(**{**LINKS, "payload_bits": payload_bits}, **CELL)
        assert longer.energy_j > 1.05 * base.energy_j


def test_float32_input_is_computed_in_double_precision():
    arguments = [np.asarray(values, dtype=np.float32) for values in LINKS.values()]
    allocation = allocate_energy_optimal(*arguments, **CELL)
    assert allocation.share.dtype == allocation.delay_s.dtype == np.float64
    assert_optimal(allocation, *(values.astype(float) for values in arguments))


# Who takes part


def test_without_payload_or_power_no_share():
    payload_bits = np.array([[1e6, 0.0, 2e6, 1e6], [0.0, 0.0, 3e6, 4e6]])
    signal_w = np.array([1e-10, 0.0, 3e-10, 0.0])  # the second has nothing to send, the fourth no power
    power_w = np.array([0.2, 0.1, 0.1, 0.0])
    allocation = allocate_energy_optimal(payload_bits, signal_w, 1e-12, power_w, **CELL)
    sent = np.array([[True, False, True, False], [False, False, True, False]])
    np.testing.assert_array_equal(allocation.share > 0, sent)
    alone = allocate_energy_optimal([1e6, 2e6, 3e6], [1e-10, 3e-10, 3e-10], 1e-12, [0.2, 0.1, 0.1], **CELL)
    np.testing.assert_array_equal(allocation.share[sent], alone.share)
    np.testing.assert_array_equal(allocation.delay_s[sent], alone.delay_s)
    np.testing.assert_array_equal(allocation.delay_s[~sent], [0.0, np.inf, 0.0, 0.0, np.inf])
    assert allocation.energy_j == alone.energy_j


@pytest.mark.parametrize("shape", [(0,), (4,), (2, 3)])
@pytest.mark.parametrize("missing", ["payload_bits", "power_w"])
def test_nobody_sends(shape, missing):
    ones = {"payload_bits": np.ones(shape), "power_w": np.ones(shape)}
    allocation = allocate_energy_optimal(
        **{**ones, missing: np.zeros(shape)}, signal_w=1e-10, interference_w=0.0, **CELL
    )
    np.testing.assert_array_equal(allocation.share, np.zeros(shape))
    np.testing.assert_array_equal(allocation.delay_s, np.full(shape, 0.0 if missing == "payload_bits" else np.inf))
    assert allocation.energy_j == allocation.iterations == 0


def test_a_single_number_is_a_single_ue():
    allocation = allocate_energy_optimal(1e6, 1e-10, 0.0, 0.2, **CELL)
    assert allocation.share.shape == allocation.delay_s.shape == ()
    assert allocation.share == pytest.approx(1.0, abs=1e-9)
    assert allocation.energy_j == pytest.approx(0.2 * float(delays_s(1.0, 1e6, 1e-10, 0.0, **CELL)))


def test_a_search_cut_short_is_feasible_and_a_longer_one_is_better():
    payload_bits, signal_w, _, power_w = draw_links(100, seed=5)
    links = payload_bits, signal_w, np.zeros(100), power_w
    best = allocate_energy_optimal(*links, **CELL)
    excess = []
    for limit in range(1, 5):
        cut = allocate_energy_optimal(*links, **CELL, max_iterations=limit)
        assert cut.iterations == limit < best.iterations
        assert cut.share.sum() <= 1
        assert cut.energy_j == pytest.approx(total_energy_j(cut.share, *links), rel=1e-12)
        excess.append(cut.energy_j / best.energy_j - 1)
    assert excess[0] > 1e-6
    assert all(later < earlier for earlier, later in itertools.pairwise(excess))


# What is refused


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"payload_bits": [1e6, np.nan, 1e6]}, "payload_bits must be non-negative and finite, got nan"),
        ({"power_w": -1.0}, "power_w must be non-negative and finite, got -1"),
        ({"power_w": np.inf}, "power_w must be non-negative and finite, got inf"),
        ({"signal_w": [1e-10, 0.0, 1e-10]}, "signal_w = 0 gives a positive payload_bits no finite delay"),
        ({"interference_w": np.nan}, "interference_w must be non-negative"),
        (
            {"power_w": np.full(4, 0.2)},
            "do not broadcast: payload_bits (3,), signal_w (3,), interference_w (3,), power",
        ),
        ({"bandwidth_hz": 0.0}, "bandwidth_hz must be positive"),
        ({"noise_psd_w_per_hz": -1e-20}, "noise_psd_w_per_hz must be positive"),
        ({"bandwidth_hz": [1e9, 1e9, 1e9]}, "bandwidth_hz and noise_psd_w_per_hz must be single numbers"),
        ({"signal_w": [1e-200, 1e-10, 1e-10]}, "differ by factors above 1e+150"),
        ({"power_w": [1e-200, 0.1, 0.1]}, "payload_bits times power_w differ by factors above 1e+150"),
        ({"tolerance": 0.0}, "tolerance must lie in [1e-13, 1), got 0"),
        ({"max_iterations": 0}, "max_iterations = 0 must be a whole number of at least 1"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        allocate_energy_optimal(**{**LINKS, **CELL, **changes})
