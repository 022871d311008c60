"""Algorithm 1 and its faster form, against Theorem 2, root finders and a general-purpose optimizer."""

import re

import cvxpy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from fedswitch import Scenario
from fedswitch.control import allocate_bandwidth, share_for_delay
from fedswitch.wireless import Cell

CELL = {"bandwidth_hz": 1e9, "noise_psd_w_per_hz": 6.31e-20}
LINKS = {"payload_bits": [2e6, 5e6, 1e7], "signal_w": [3e-10, 2e-11, 5e-10], "interference_w": [1e-12, 0.0, 4e-11]}


def delays_s(share, payload_bits, signal_w, interference_w, *, bandwidth_hz, noise_psd_w_per_hz):
    """The delay of (13), written out again."""
    share, payload_bits, signal_w, interference_w = map(np.asarray, (share, payload_bits, signal_w, interference_w))
    ratio = signal_w / (interference_w + bandwidth_hz * share * noise_psd_w_per_hz)
    return payload_bits / (bandwidth_hz * share * np.log1p(ratio) / np.log(2))


def assert_optimal(allocation, payload_bits, signal_w, interference_w, cell=CELL):
    """Theorem 2: the delays fall with the share, so equal delays and all of the bandwidth are the optimum."""
    assert allocation.share.sum() <= 1.0
    assert allocation.share.sum() == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(
        delays_s(allocation.share, payload_bits, signal_w, interference_w, **cell), allocation.delay_s, rtol=1e-9
    )


def draw_links(num_ues, seed, *, payload_decades=0.0, fade_decades=0.0):
    """Uploads of one cell in one round, with payloads and further fading spread over so many decades."""
    rng = np.random.default_rng(seed)
    channel = Cell.draw(Scenario(num_ues=num_ues), seed).channel(0)
    payload_bits = 2.4e6 * 10.0 ** rng.uniform(0, payload_decades, num_ues)
    signal_w = 0.2 * channel.gain * 10.0 ** -rng.uniform(0, fade_decades, num_ues)
    return payload_bits, signal_w, channel.interference_w


links = st.lists(
    st.tuples(st.floats(3, 8), st.floats(-14, -7), st.floats(-16, -8)).map(
        lambda powers: tuple(10.0**p for p in powers)
    ),
    min_size=1,
    max_size=8,
).map(lambda rows: tuple(map(np.array, zip(*rows, strict=True))))


# What is optimal


@given(links=links)
def test_all_uploads_end_together_and_use_all_of_the_bandwidth(links):
    assert_optimal(allocate_bandwidth(*links, **CELL), *links)


@pytest.mark.parametrize("num_ues", [1, 2, 10, 100, 1000])
@pytest.mark.parametrize(
    "spread",
    [
        {},
        {"payload_decades": 7.0},
        {"fade_decades": 30.0},
        {"payload_decades": 7.0, "fade_decades": 30.0},
    ],
    ids=["plain", "payloads", "fades", "both"],
)
@pytest.mark.parametrize("interference", ["drawn", "none", "60 dB over the signal"])
def test_hard_cells(num_ues, spread, interference):
    payload_bits, signal_w, interference_w = draw_links(num_ues, seed=num_ues, **spread)
    interference_w = {"drawn": interference_w, "none": 0 * signal_w, "60 dB over the signal": 1e6 * signal_w}[
        interference
    ]
    allocation = allocate_bandwidth(payload_bits, signal_w, interference_w, **CELL)
    assert_optimal(allocation, payload_bits, signal_w, interference_w)
    assert allocation.iterations <= 20


@pytest.mark.parametrize("faded", [1, 2, 5])
def test_links_in_one_and_the_same_deep_fade_share_what_the_others_leave(faded):
    # the solution lies 1e-30 above the floor of these links, where no delay in double precision tells shares apart
    payload_bits, signal_w, _ = draw_links(5, seed=4)
    signal_w[:faded] = 1e-30 * np.median(signal_w)
    allocation = allocate_bandwidth(payload_bits, signal_w, 0.0, **CELL)
    assert_optimal(allocation, payload_bits, signal_w, 0.0)
    np.testing.assert_allclose(allocation.share[:faded], 1 / faded, rtol=1e-9)


def test_one_link_is_held_up_by_noise_and_another_by_interference():
    # the floor of the second is 1e-20 of that of the first, and yet it takes longer
    links, cell = (1e6, [1e-31, 1e-11], [0.0, 0.1]), {"bandwidth_hz": 1e9, "noise_psd_w_per_hz": 1e-35}
    allocation = allocate_bandwidth(*links, **cell)
    assert_optimal(allocation, *links, cell)
    assert allocation.share[1] > 0.99


@pytest.mark.parametrize("long_bits", [2e15, 2.2e15, 2.5e15, 3e15])
def test_a_bit_in_a_deep_fade_beside_a_long_upload(long_bits):
    # over many decades of the excess the total share hardly changes, which sends a plain Newton step out of bounds
    links, cell = ([long_bits, 1.0], [2e-19, 1e-35], 0.0), {"bandwidth_hz": 1.0, "noise_psd_w_per_hz": 1e-20}
    allocation = allocate_bandwidth(*links, **cell)
    assert_optimal(allocation, *links, cell)
    assert 0.01 < allocation.share[1] < 0.99


def test_equal_links_have_equal_shares():
    allocation = allocate_bandwidth(np.full(7, 1e6), 1e-10, 1e-12, **CELL)
    np.testing.assert_allclose(allocation.share, 1 / 7, rtol=1e-9)
    assert allocation.iterations == 1


@pytest.mark.parametrize("seed", range(5))
def test_the_delay_is_that_of_nested_root_finding(seed):
    payload_bits, signal_w, interference_w = draw_links(6, seed, payload_decades=1.0)

    def share(delay_s, k):
        link = payload_bits[k], signal_w[k], interference_w[k]
        return optimize.brentq(lambda x: delays_s(x, *link, **CELL) / delay_s - 1, 1e-9, 1e6, xtol=1e-15, rtol=1e-14)

    floor_s = (payload_bits * CELL["noise_psd_w_per_hz"] * np.log(2) / signal_w).max()
    shortest_s = max(1.001 * floor_s, delays_s(1.0, payload_bits, signal_w, interference_w, **CELL).max())
    delay_s = optimize.brentq(
        lambda e: sum(share(e, k) for k in range(6)) - 1, shortest_s, 100 * shortest_s, rtol=1e-13
    )
    allocation = allocate_bandwidth(payload_bits, signal_w, interference_w, **CELL)
    assert allocation.delay_s == pytest.approx(delay_s, rel=1e-9)
    np.testing.assert_allclose(allocation.share, [share(delay_s, k) for k in range(6)], rtol=1e-7)


@pytest.mark.parametrize("num_ues", [3, 10, 30])
@pytest.mark.parametrize("seed", range(3))
def test_the_delay_is_that_of_a_convex_solver(num_ues, seed):
    # without interference the rate is a relative entropy; x is the shares, scaled like snr to a mean of 1
    payload_bits, signal_w, _ = draw_links(num_ues, seed, payload_decades=1.0)
    snr = num_ues * signal_w / (CELL["bandwidth_hz"] * CELL["noise_psd_w_per_hz"])
    unit_s = delays_s(1.0, payload_bits, signal_w, 0.0, **CELL).sum()
    payload = payload_bits * np.log(2) * num_ues / CELL["bandwidth_hz"] / unit_s
    x, pace = cvxpy.Variable(num_ues), cvxpy.Variable()
    rate = -cvxpy.rel_entr(x, x + snr)
    problem = cvxpy.Problem(cvxpy.Maximize(pace), [rate >= pace * payload, cvxpy.sum(x) <= num_ues])
    problem.solve(solver=cvxpy.CLARABEL)
    delay_s = allocate_bandwidth(payload_bits, signal_w, 0.0, **CELL).delay_s
    assert delay_s == pytest.approx(unit_s / problem.value, rel=1e-6)


@pytest.mark.parametrize("num_ues", [2, 5, 12])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("interference", [0.0, 1.0])
def test_the_delay_is_that_of_a_general_purpose_optimizer(num_ues, seed, interference):
    # min t subject to delay_k <= t and sum of shares <= 1, in logarithms, by sequential quadratic programming
    payload_bits, signal_w, interference_w = draw_links(num_ues, seed)
    interference_w = interference * interference_w

    def log_delays(log_share):
        return np.log(delays_s(np.exp(log_share), payload_bits, signal_w, interference_w, **CELL))

    start = np.log(np.full(num_ues, 0.9 / num_ues))
    found = optimize.minimize(
        lambda x: x[-1],
        np.append(start, log_delays(start).max()),
        method="SLSQP",
        constraints=[
            {"type": "ineq", "fun": lambda x: x[-1] - log_delays(x[:-1])},
            {"type": "ineq", "fun": lambda x: 1 - np.exp(x[:-1]).sum()},
        ],
        options={"ftol": 1e-14, "maxiter": 500},
    )
    delay_s = allocate_bandwidth(payload_bits, signal_w, interference_w, **CELL).delay_s
    assert delay_s == pytest.approx(np.exp(found.fun), rel=1e-6)


def test_nobody_can_be_helped_without_harming_the_slowest():
    payload_bits, signal_w, interference_w = draw_links(20, seed=7)
    allocation = allocate_bandwidth(payload_bits, signal_w, interference_w, **CELL)
    rng = np.random.default_rng(0)
    for _ in range(200):
        share = rng.dirichlet(np.ones(20)) if rng.random() < 0.5 else allocation.share * rng.uniform(0.9, 1.1, 20)
        share /= share.sum()
        assert delays_s(share, payload_bits, signal_w, interference_w, **CELL).max() >= allocation.delay_s * (1 - 1e-9)


# What must not change it


@given(links=links, factor=st.floats(1e-3, 1e3))
def test_shares_have_no_units(links, factor):
    payload_bits, signal_w, interference_w = links
    base = allocate_bandwidth(*links, **CELL)
    width, density = CELL.values()
    powers_and_noise = allocate_bandwidth(
        payload_bits,
        factor * signal_w,
        factor * interference_w,
        bandwidth_hz=width,
        noise_psd_w_per_hz=factor * density,
    )
    wider_and_quieter = allocate_bandwidth(*links, bandwidth_hz=factor * width, noise_psd_w_per_hz=density / factor)
    more_to_send = allocate_bandwidth(factor * payload_bits, signal_w, interference_w, **CELL)
    for scaled, delay_factor in ((powers_and_noise, 1.0), (wider_and_quieter, 1 / factor), (more_to_send, factor)):
        np.testing.assert_allclose(scaled.share, base.share, rtol=1e-8)
        assert scaled.delay_s == pytest.approx(base.delay_s * delay_factor, rel=1e-9)


@given(links=links, seed=st.integers(0, 1000))
def test_permuting_the_ues_permutes_the_shares(links, seed):
    order = np.random.default_rng(seed).permutation(links[0].size)
    base = allocate_bandwidth(*links, **CELL)
    permuted = allocate_bandwidth(*(values[order] for values in links), **CELL)
    np.testing.assert_allclose(permuted.share, base.share[order], rtol=1e-8)
    assert permuted.delay_s == pytest.approx(base.delay_s, rel=1e-9)


@given(links=links, factor=st.floats(1.01, 10.0), index=st.integers(0, 7))
def test_the_delay_falls_with_bandwidth_and_rises_with_any_payload(links, factor, index):
    payload_bits, signal_w, interference_w = links
    base = allocate_bandwidth(*links, **CELL).delay_s
    wider = allocate_bandwidth(*links, bandwidth_hz=factor * 1e9, noise_psd_w_per_hz=6.31e-20).delay_s
    payload_bits = payload_bits.copy()
    payload_bits[index % payload_bits.size] *= factor
    longer = allocate_bandwidth(payload_bits, signal_w, interference_w, **CELL).delay_s
    # a link at its floor gains nothing from bandwidth, and one that needs none costs nothing: strict but for rounding
    assert wider <= base * (1 + 1e-9)
    assert longer >= base * (1 - 1e-9)
    assert base / factor <= wider * (1 + 1e-9)
    assert longer <= base * factor * (1 + 1e-9)


def test_the_delay_falls_and_rises_by_what_can_be_seen():
    # links well above their floors: half the bandwidth more, or one payload doubled
    links = {**LINKS, "signal_w": 1e3 * np.array(LINKS["signal_w"])}
    base = allocate_bandwidth(**links, **CELL).delay_s
    assert allocate_bandwidth(**links, **{**CELL, "bandwidth_hz": 1.5e9}).delay_s < 0.8 * base
    for index in range(3):
        payload_bits = np.array(links["payload_bits"]) * np.where(np.arange(3) == index, 2, 1)
        assert allocate_bandwidth(**{**links, "payload_bits": payload_bits}, **CELL).delay_s > 1.05 * base


@pytest.mark.parametrize("method", ["newton", "bisection"])
def test_float32_input_is_computed_in_double_precision(method):
    arguments = [np.asarray(values, dtype=np.float32) for values in LINKS.values()]
    allocation = allocate_bandwidth(*arguments, **CELL, method=method)
    assert allocation.share.dtype == np.float64
    assert_optimal(allocation, *(values.astype(float) for values in arguments))


# Who takes part


@pytest.mark.parametrize("method", ["newton", "bisection"])
def test_without_payload_no_share(method):
    payload_bits = np.array([[1e6, 0.0, 2e6], [0.0, 0.0, 3e6]])
    signal_w = np.array([1e-10, 0.0, 3e-10])  # the one without a signal has nothing to send
    interference_w = np.array([1e-12, 1e-12, 0.0])
    allocation = allocate_bandwidth(payload_bits, signal_w, interference_w, **CELL, method=method)
    assert allocation.share.shape == (2, 3)
    np.testing.assert_array_equal(allocation.share > 0, payload_bits > 0)
    sent = payload_bits > 0
    alone = allocate_bandwidth(
        payload_bits[sent], np.broadcast_to(signal_w, (2, 3))[sent], [1e-12, 0.0, 0.0], **CELL, method=method
    )
    np.testing.assert_array_equal(allocation.share[sent], alone.share)
    assert allocation.delay_s == alone.delay_s


@pytest.mark.parametrize("method", ["newton", "bisection"])
@pytest.mark.parametrize("shape", [(0,), (4,), (2, 3)])
def test_nobody_sends(method, shape):
    allocation = allocate_bandwidth(np.zeros(shape), 1e-10, 0.0, **CELL, method=method)
    np.testing.assert_array_equal(allocation.share, np.zeros(shape))
    assert allocation.delay_s == 0.0
    assert allocation.iterations == allocation.trace.delay_s.size == 0


def test_a_single_number_is_a_single_ue():
    allocation = allocate_bandwidth(1e6, 1e-10, 0.0, **CELL)
    assert allocation.share.shape == ()
    assert allocation.share == pytest.approx(1.0, abs=1e-9)
    assert allocation.delay_s == pytest.approx(float(delays_s(1.0, 1e6, 1e-10, 0.0, **CELL)))


# Algorithm 1


@pytest.mark.parametrize("num_ues", [1, 3, 30, 300])
@pytest.mark.parametrize("tolerance", [1e-1, 1e-3, 1e-8])
def test_algorithm_1_stops_within_its_tolerance_of_the_optimum(num_ues, tolerance):
    payload_bits, signal_w, interference_w = draw_links(num_ues, seed=num_ues)
    allocation = allocate_bandwidth(
        payload_bits, signal_w, interference_w, **CELL, method="bisection", tolerance=tolerance
    )
    best = allocate_bandwidth(payload_bits, signal_w, interference_w, **CELL)
    assert 1 - tolerance <= allocation.share.sum() <= 1
    np.testing.assert_allclose(
        delays_s(allocation.share, payload_bits, signal_w, interference_w, **CELL), allocation.delay_s, rtol=1e-9
    )
    # the total share falls at least as fast as the delay grows, so an unused share costs at most as much delay
    assert best.delay_s * (1 - 1e-9) <= allocation.delay_s <= best.delay_s / (1 - tolerance)


@pytest.mark.parametrize("method", ["newton", "bisection"])
def test_the_trace_tells_what_was_tried(method):
    payload_bits, signal_w, interference_w = draw_links(8, seed=3)
    allocation = allocate_bandwidth(payload_bits, signal_w, interference_w, **CELL, method=method, tolerance=1e-4)
    trace = allocation.trace
    assert trace.delay_s.shape == trace.total_share.shape == (allocation.iterations,)
    for delay_s, total in zip(trace.delay_s, trace.total_share, strict=True):
        assert share_for_delay(delay_s, payload_bits, signal_w, interference_w, **CELL).sum() == pytest.approx(total)
    assert trace.delay_s[-1] == allocation.delay_s
    assert trace.total_share[-1] == pytest.approx(allocation.share.sum())
    assert np.all((trace.total_share[:-1] > 1) | (trace.total_share[:-1] < 1 - 1e-4))


def test_algorithm_1_halves_the_bracket_it_is_given():
    links = LINKS.values()
    best = allocate_bandwidth(*links, **CELL).delay_s
    low, high = 0.3 * best, 4.0 * best
    allocation = allocate_bandwidth(*links, **CELL, method="bisection", tolerance=1e-3, delay_bracket_s=(low, high))
    for delay_s, total in zip(allocation.trace.delay_s, allocation.trace.total_share, strict=True):
        assert delay_s == pytest.approx((low + high) / 2, rel=1e-12)
        low, high = (delay_s, high) if total > 1 else (low, delay_s)
    assert allocation.delay_s == pytest.approx(best, rel=1e-3)


@pytest.mark.parametrize(
    "bracket",
    [(None, None), (1e-9, None), (None, 1e9), (1e-9, 1e-8), (1e8, 1e9), (1e-12, 1e3), (1e8, None), (None, 1e-9)],
)
def test_a_bracket_that_does_not_hold_the_solution_is_mended(bracket):
    # as printed, Algorithm 1 ends with a total share above 1 when E_input is too short, and with most of the bandwidth
    # unused when E_min is too long
    allocation = allocate_bandwidth(
        **LINKS, **CELL, method="bisection", tolerance=1e-6, max_iterations=100, delay_bracket_s=bracket
    )
    assert 1 - 1e-6 <= allocation.share.sum() <= 1
    assert allocation.delay_s == pytest.approx(allocate_bandwidth(**LINKS, **CELL).delay_s, rel=1e-6)


def test_algorithm_1_finds_the_solution_in_a_deep_fade():
    # as printed, a delay below the floor of a link gives it a negative share, and the wrong half is kept
    payload_bits, signal_w, interference_w = draw_links(4, seed=2)
    signal_w[0] *= 1e-15
    allocation = allocate_bandwidth(payload_bits, signal_w, interference_w, **CELL, method="bisection", tolerance=1e-3)
    assert 1 - 1e-3 <= allocation.share.sum() <= 1
    assert allocation.delay_s == pytest.approx(
        allocate_bandwidth(payload_bits, signal_w, interference_w, **CELL).delay_s, rel=1e-3
    )
    from_5_ms = allocate_bandwidth(
        payload_bits, signal_w, 0.0, **CELL, method="bisection", tolerance=1e-3, delay_bracket_s=(5e-3, None)
    )
    floor_s = payload_bits[0] * CELL["noise_psd_w_per_hz"] * np.log(2) / signal_w[0]
    below = from_5_ms.trace.delay_s < floor_s
    assert below.any()
    np.testing.assert_array_equal(from_5_ms.trace.total_share[below], np.inf)


@pytest.mark.parametrize("method", ["newton", "bisection"])
def test_a_search_cut_short_is_feasible_and_never_better_than_a_longer_one(method):
    payload_bits, signal_w, interference_w = draw_links(50, seed=5)
    best = allocate_bandwidth(payload_bits, signal_w, interference_w, **CELL).delay_s
    previous = np.inf
    for limit in range(1, 12):
        cut = allocate_bandwidth(
            payload_bits, signal_w, interference_w, **CELL, method=method, tolerance=1e-12, max_iterations=limit
        )
        assert cut.iterations <= limit
        assert 0 < cut.share.sum() <= 1
        np.testing.assert_allclose(
            delays_s(cut.share, payload_bits, signal_w, interference_w, **CELL), cut.delay_s, rtol=1e-9
        )
        assert best * (1 - 1e-9) <= cut.delay_s <= previous
        previous = cut.delay_s
    if method == "bisection":  # which tried delays that are too short on its way
        assert (cut.trace.total_share > 1).any()
        assert cut.iterations == 11


# The first tier


@given(links=links, share=st.floats(1e-4, 1.0))
def test_the_share_for_the_delay_of_a_share_is_that_share(links, share):
    delay_s = delays_s(share, *links, **CELL)
    floor_s = links[0] * CELL["noise_psd_w_per_hz"] * np.log(2) / links[1]
    clear = delay_s > 1.001 * floor_s  # next to the floor, a delay in double precision does not know its share
    found = share_for_delay(delay_s, *links, **CELL)
    np.testing.assert_allclose(found[clear], share, rtol=1e-9)


def test_no_bandwidth_meets_a_delay_below_the_floor():
    floor_s = 1e6 * CELL["noise_psd_w_per_hz"] * np.log(2) / 1e-16
    delays = floor_s * np.array([0.5, 1 - 1e-12, 1 + 1e-9, 2.0])
    share = share_for_delay(delays, 1e6, 1e-16, [[0.0], [1e-15]], **CELL)
    assert share.shape == (2, 4)
    np.testing.assert_array_equal(np.isinf(share), [[True, True, False, False]] * 2)


def test_the_first_tier_at_its_limits():
    share = share_for_delay(1.0, [0.0, 0.0, 1e6], [1e-10, 0.0, 0.0], [0.0, 1e-10, 0.0], **CELL)
    np.testing.assert_array_equal(share, [0.0, 0.0, np.inf])


# What is refused


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"payload_bits": [1e6, np.nan, 1e6]}, "payload_bits must be non-negative and finite, got nan"),
        ({"payload_bits": -1.0}, "payload_bits must be non-negative and finite, got -1"),
        ({"payload_bits": np.inf}, "payload_bits must be non-negative and finite, got inf"),
        ({"signal_w": [1e-10, -1e-10, 1e-10]}, "signal_w must be non-negative"),
        ({"signal_w": [1e-10, 0.0, 1e-10]}, "signal_w = 0 gives a positive payload_bits no finite delay"),
        ({"interference_w": np.nan}, "interference_w must be non-negative"),
        ({"signal_w": np.full(4, 1e-10)}, "do not broadcast: payload_bits (3,), signal_w (4,), interference_w (3,)"),
        ({"bandwidth_hz": 0.0}, "bandwidth_hz must be positive"),
        ({"noise_psd_w_per_hz": -1e-20}, "noise_psd_w_per_hz must be positive"),
        ({"bandwidth_hz": [1e9, 1e9, 1e9]}, "bandwidth_hz and noise_psd_w_per_hz must be single numbers"),
        ({"signal_w": [1e-200, 1e-10, 1e-10]}, "differ by factors above 1e+150"),
        ({"method": "bisect"}, "method must be one of newton, bisection, got 'bisect'"),
        ({"tolerance": 0.0}, "tolerance must lie in [1e-13, 1), got 0"),
        ({"tolerance": np.nan}, "tolerance must lie in"),
        ({"max_iterations": 0}, "max_iterations = 0 must be a whole number of at least 1"),
        ({"delay_bracket_s": (1.0, 2.0)}, "delay_bracket_s is for method bisection only"),
        (
            {"method": "bisection", "delay_bracket_s": (2.0, 1.0)},
            "delay_bracket_s must be two positive delays in order",
        ),
        (
            {"method": "bisection", "delay_bracket_s": (0.0, 1.0)},
            "delay_bracket_s must be two positive delays in order",
        ),
        ({"method": "bisection", "delay_bracket_s": (None, np.nan)}, "delay_bracket_s must be two positive delays"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        allocate_bandwidth(**{**LINKS, **CELL, **changes})


@pytest.mark.parametrize("name", ["delay_s", *LINKS, *CELL])
def test_bad_arguments_of_the_first_tier_are_named(name):
    with pytest.raises(ValueError, match=f"{name} must be"):
        share_for_delay(**{"delay_s": 1.0, **LINKS, **CELL, name: np.nan})
