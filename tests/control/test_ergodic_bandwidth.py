"""The allocation for ergodic rates, against nested root finding and what the min-max problem demands."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from fedswitch import Scenario
from fedswitch.control import allocate_bandwidth_ergodic, ergodic_share_for_delay
from fedswitch.wireless import Radio, ergodic_spectral_efficiency

SCENARIO = Scenario.corrected()
RADIO = {
    "noise_psd_w_per_hz": SCENARIO.noise_psd_w_per_hz,
    "path_loss_exponent": SCENARIO.path_loss_exponent,
    "base_station_density_per_m2": SCENARIO.base_station_density_per_m2,
    "reference_gain": SCENARIO.reference_gain,
}
WIDTH_HZ = 1e9


def radio(**changes):
    return Radio(**RADIO | {"bandwidth_hz": WIDTH_HZ, "interferer_power_w": 0.2} | changes)


def allocate(payload_bits, distance_m, power_w=0.2, tolerance=1e-10, **changes):
    return allocate_bandwidth_ergodic(payload_bits, distance_m, power_w, radio(**changes), tolerance=tolerance)


def share_for_delay(delay_s, payload_bits, distance_m, power_w=0.2, **changes):
    return ergodic_share_for_delay(delay_s, payload_bits, distance_m, power_w, radio(**changes))


def delays_s(share, payload_bits, distance_m, power_w=0.2, *, bandwidth_hz=WIDTH_HZ, interferer_power_w=0.2, **changes):
    width_hz = np.asarray(share) * bandwidth_hz
    efficiency = ergodic_spectral_efficiency(
        distance_m, power_w, width_hz, interferer_power_w=interferer_power_w, **(RADIO | changes)
    )
    return np.asarray(payload_bits) / (width_hz * efficiency)


def draw(num_ues, seed, *, payload_decades=1.0, distance_decades=1.3):
    rng = np.random.default_rng(seed)
    return 2e6 * 10.0 ** rng.uniform(0, payload_decades, num_ues), 5.0 * 10.0 ** rng.uniform(
        0, distance_decades, num_ues
    )


links = st.lists(
    st.tuples(st.floats(3, 8), st.floats(0.5, 3), st.floats(-4, 1)).map(lambda powers: tuple(10.0**p for p in powers)),
    min_size=1,
    max_size=8,
).map(lambda rows: tuple(map(np.array, zip(*rows, strict=True))))


@given(links=links, interferer_power_w=st.sampled_from([0.0, 1e-9, 0.2, 100.0]))
def test_all_uploads_end_together_and_use_all_of_the_bandwidth(links, interferer_power_w):
    allocation = allocate(*links, interferer_power_w=interferer_power_w)
    assert 1 - 1e-9 <= allocation.share.sum() <= 1.0
    np.testing.assert_allclose(
        delays_s(allocation.share, *links, interferer_power_w=interferer_power_w), allocation.delay_s, rtol=1e-9
    )


@pytest.mark.parametrize("num_ues", [1, 2, 10, 100, 1000])
@pytest.mark.parametrize("payload_decades", [0.0, 7.0])
@pytest.mark.parametrize("distance_decades", [1.3, 6.0])
@pytest.mark.parametrize("interferer_power_w", [0.0, 0.2, 2e5])
def test_hard_cells(num_ues, payload_decades, distance_decades, interferer_power_w):
    cell = draw(num_ues, num_ues, payload_decades=payload_decades, distance_decades=distance_decades)
    allocation = allocate(*cell, interferer_power_w=interferer_power_w)
    assert 1 - 1e-9 <= allocation.share.sum() <= 1.0
    delays = delays_s(allocation.share, *cell, interferer_power_w=interferer_power_w)
    np.testing.assert_allclose(delays, allocation.delay_s, rtol=1e-9)
    assert allocation.iterations <= 12
    # after the first step it never gets worse
    trace = allocation.trace
    assert trace.delay_s.size == trace.total_share.size == allocation.iterations
    assert trace.delay_s[-1] == allocation.delay_s
    assert (np.diff(trace.delay_s[1:]) <= 1e-9 * allocation.delay_s).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("interferer_power_w", [0.0, 0.2])
def test_the_delay_is_that_of_nested_root_finding(seed, interferer_power_w):
    payload_bits, distance_m = draw(4, seed)
    field = {"interferer_power_w": interferer_power_w}

    def share(delay_s, k):
        def late(log_share):
            return np.log(delays_s(np.exp(log_share), payload_bits[k], distance_m[k], **field) / delay_s)

        return np.exp(optimize.brentq(late, -25.0, 25.0, xtol=1e-13))

    shortest_s = delays_s(1.0, payload_bits, distance_m, **field).max()
    longest_s = delays_s(0.25, payload_bits, distance_m, **field).max()
    delay_s = optimize.brentq(lambda e: sum(share(e, k) for k in range(4)) - 1, shortest_s, longest_s, rtol=1e-12)
    allocation = allocate(payload_bits, distance_m, **field)
    assert allocation.delay_s == pytest.approx(delay_s, rel=1e-9)
    np.testing.assert_allclose(allocation.share, [share(delay_s, k) for k in range(4)], rtol=1e-8)


@given(links=links, seed=st.integers(0, 1000))
def test_permuting_the_ues_permutes_the_shares(links, seed):
    order = np.random.default_rng(seed).permutation(links[0].size)
    base = allocate(*links)
    permuted = allocate(*(values[order] for values in links))
    assert permuted.delay_s == pytest.approx(base.delay_s, rel=1e-9)
    np.testing.assert_allclose(delays_s(permuted.share, *(values[order] for values in links)), base.delay_s, rtol=1e-9)


@given(links=links, factor=st.floats(1.05, 10.0))
def test_more_bandwidth_is_faster_and_more_payload_slower(links, factor):
    base = allocate(*links)
    assert allocate(*links, bandwidth_hz=factor * WIDTH_HZ).delay_s <= base.delay_s * (1 + 1e-9)
    payload_bits, *others = links
    assert allocate(factor * payload_bits, *others).delay_s == pytest.approx(factor * base.delay_s, rel=1e-9)
    payload_bits = payload_bits.copy()
    payload_bits[0] *= factor
    assert allocate(payload_bits, *others).delay_s > base.delay_s * (1 - 1e-9)


def test_equal_links_have_equal_shares():
    allocation = allocate(np.full(7, 1e6), 60.0)
    np.testing.assert_allclose(allocation.share, 1 / 7, rtol=1e-9)
    assert allocation.iterations == 1


def test_one_upload_has_all_of_the_bandwidth():
    allocation = allocate(1e6, 80.0)
    assert allocation.share.shape == ()
    assert allocation.delay_s == pytest.approx(delays_s(1.0, 1e6, 80.0), rel=1e-9)


def test_modules_and_ues_are_one_pool_and_no_payload_takes_nothing():
    payload_bits = np.array([[2e6, 0.0, 5e6], [0.0, 0.0, 1e7]])
    distance_m, power_w = np.array([20.0, 50.0, 90.0]), np.array([0.2, 0.0, 0.1])
    allocation = allocate(payload_bits, distance_m, power_w)
    assert allocation.share.shape == (2, 3)
    assert (allocation.share[payload_bits == 0] == 0).all()
    sent = payload_bits > 0
    alone = allocate(payload_bits[sent], [20.0, 90.0, 90.0], [0.2, 0.1, 0.1])
    np.testing.assert_allclose(allocation.share[sent], alone.share, rtol=1e-12)
    nothing = allocate(np.zeros(3), distance_m, power_w)
    assert (nothing.share == 0).all()
    assert nothing.delay_s == 0.0
    assert nothing.iterations == 0


@given(st.floats(1, 4), st.floats(-7, 1), st.floats(4, 8), st.sampled_from([0.0, 0.2, 1e3]))
def test_a_share_for_a_delay_takes_that_long(log_distance, log_share, log_payload, interferer_power_w):
    link = 10.0**log_payload, 10.0**log_distance
    delay_s = float(delays_s(10.0**log_share, *link, interferer_power_w=interferer_power_w))
    share = share_for_delay(delay_s, *link, interferer_power_w=interferer_power_w)
    if np.isfinite(share):  # in deep noise the delay may be its floor to the last digit
        assert delays_s(share, *link, interferer_power_w=interferer_power_w) == pytest.approx(delay_s, rel=1e-9)


def test_no_bandwidth_beats_the_floor_and_a_little_above_enough_does():
    payload_bits, distance_m = 1e7, 90.0
    signal_w = 0.2 * SCENARIO.reference_gain * distance_m**-SCENARIO.path_loss_exponent
    floor_s = payload_bits * SCENARIO.noise_psd_w_per_hz * np.log(2) / signal_w
    shares = share_for_delay(floor_s * np.array([0.5, 0.999999, 1.000001, 1.1, 3.0]), payload_bits, distance_m)
    assert np.isinf(shares[:2]).all()
    assert np.isfinite(shares[2:]).all()
    assert (np.diff(shares[2:]) < 0).all()
    np.testing.assert_allclose(
        delays_s(shares[2:], payload_bits, distance_m), floor_s * np.array([1.000001, 1.1, 3.0]), rtol=1e-9
    )
    np.testing.assert_array_equal(share_for_delay(1.0, [0.0, 0.0], distance_m, [0.2, 0.0]), 0.0)


def test_float32_is_fine():
    payload_bits, distance_m = (values.astype(np.float32) for values in draw(5, 0))
    single = allocate(payload_bits, distance_m)
    double = allocate(payload_bits.astype(float), distance_m.astype(float))
    np.testing.assert_array_equal(single.share, double.share)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"payload_bits": [1e6, np.nan]}, "payload_bits must be non-negative and finite"),
        ({"distance_m": 0.0}, "distance_m must be positive"),
        ({"power_w": -1.0}, "power_w must be non-negative"),
        ({"power_w": [0.2, 0.0]}, "power_w = 0 gives a positive payload_bits no finite delay"),
        ({"interferer_power_w": np.inf}, "interferer_power_w must be non-negative and finite"),
        ({"bandwidth_hz": [1e9, 1e9]}, "must be single numbers"),
        ({"path_loss_exponent": 1.9}, "path_loss_exponent must be above 2"),
        ({"tolerance": 0.0}, r"tolerance must lie in \[1e-12, 1\)"),
        ({"distance_m": [1.0, 2.0, 3.0]}, "do not broadcast"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        allocate(**({"payload_bits": [1e6, 2e6], "distance_m": 50.0} | changes))


def test_a_share_for_a_delay_names_bad_arguments_too():
    with pytest.raises(ValueError, match="delay_s must be positive and finite, got 0"):
        share_for_delay(0.0, 1e6, 50.0)
    with pytest.raises(ValueError, match=r"do not broadcast: .*bandwidth_hz \(2,\)"):
        share_for_delay(1.0, [1e6, 1e6, 1e6], 50.0, bandwidth_hz=np.array([1e9, 2e9]))
    shares = share_for_delay(1.0, 1e6, 50.0, bandwidth_hz=np.array([1e9, 2e9]))
    np.testing.assert_allclose(shares, [share_for_delay(1.0, 1e6, 50.0, bandwidth_hz=hz) for hz in (1e9, 2e9)])


@given(links=links, factor=st.floats(0.1, 10.0))
def test_shares_have_no_units(links, factor):
    """As many times the bandwidth at as many times less noise per hertz, and larger payloads, change no share."""
    scaled = allocate(
        factor * links[0], *links[1:], bandwidth_hz=factor * WIDTH_HZ,
        noise_psd_w_per_hz=RADIO["noise_psd_w_per_hz"] / factor,
    )  # fmt: skip
    plain = allocate(*links)
    np.testing.assert_allclose(scaled.share, plain.share, rtol=1e-6)
    assert scaled.delay_s == pytest.approx(plain.delay_s, rel=1e-8)
