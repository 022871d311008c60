"""The least delays of any n uploads, against the allocation of all sets, one at a time, and against themselves."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedswitch.control import allocate_bandwidth, least_delays, set_delays

ONE = {"bandwidth_hz": 1.0, "noise_psd_w_per_hz": 1.0}

uploads = st.lists(
    st.tuples(st.floats(-2, 2), st.floats(-4, 4)).map(lambda powers: tuple(10.0**p for p in powers)),
    min_size=1, max_size=5,
).map(lambda rows: tuple(map(np.array, zip(*rows, strict=True))))  # fmt: skip


def delay_of(payload, signal, chosen):
    chosen = list(chosen)
    return allocate_bandwidth(payload[chosen], signal[chosen], 0.0, **ONE).delay_s


def sets_of(size):
    return np.array(list(itertools.product([False, True], repeat=size)))


@settings(max_examples=40)
@given(uploads)
def test_no_set_of_n_ends_before_and_one_ends_then(links):
    payload, signal = links
    found, sets = least_delays(payload, signal, **ONE), sets_of(len(payload))
    alone = np.array([delay_of(payload, signal, np.flatnonzero(one)) for one in sets])
    np.testing.assert_allclose(set_delays(payload, signal, sets, **ONE), alone, rtol=1e-9)
    best = [alone[sets.sum(axis=1) == n].min() for n in range(1, len(payload) + 1)]
    np.testing.assert_allclose(found, best, rtol=1e-9)


def test_the_best_pair_can_do_without_the_best_one():
    """With payloads that differ, neither the strongest devices nor any other order is best for every number."""
    payload, signal = np.array([10.0, 2.0, 3.0]), np.array([50.0, 1.0, 2.0])
    one, two, _ = least_delays(payload, signal, **ONE)
    assert one == pytest.approx(10 / np.log2(51)) == delay_of(payload, signal, [0])  # the strongest
    assert one < 3 / np.log2(3) < 2 / np.log2(2)
    assert two == pytest.approx(delay_of(payload, signal, [1, 2]), rel=1e-9)
    assert two < 0.95 * min(delay_of(payload, signal, [0, other]) for other in (1, 2))


@settings(max_examples=30)
@given(uploads, st.floats(1e-3, 1e3), st.randoms())
def test_scales_and_orders_change_nothing(links, scale, random):
    payload, signal = links
    found = least_delays(payload, signal, **ONE)
    assert (np.diff(found) > 0).all()
    order = random.sample(range(len(payload)), len(payload))
    for same in (
        least_delays(payload[order], signal[order], **ONE),
        least_delays(scale * payload, signal, **ONE) / scale,
        least_delays(payload, scale * signal, bandwidth_hz=1.0, noise_psd_w_per_hz=scale),
        least_delays(payload, scale * signal, bandwidth_hz=scale, noise_psd_w_per_hz=1.0) * scale,
    ):
        np.testing.assert_allclose(same, found, rtol=1e-9)


def test_many_cells_at_once_are_each_of_them_alone():
    rng = np.random.default_rng(0)
    payload, signal = rng.uniform(1, 9, 4), 10 ** rng.uniform(-3, 3, (3, 2, 4))
    found = least_delays(payload, signal, **ONE)
    assert found.shape == (3, 2, 4)
    np.testing.assert_allclose(found[2, 1], least_delays(payload, signal[2, 1], **ONE), rtol=1e-12)
    sets = sets_of(4)[np.newaxis]
    np.testing.assert_allclose(
        set_delays(payload, signal, sets, **ONE)[2, 1], set_delays(payload, signal[2, 1], sets[0], **ONE), rtol=1e-12
    )


def test_who_has_no_signal_never_ends():
    found = least_delays(1.0, [0.0, 1.0, 0.0], **ONE)
    assert found[0] == pytest.approx(1.0)
    assert np.isinf(found[1:]).all()
    np.testing.assert_array_equal(set_delays(1.0, np.zeros(2), sets_of(2), **ONE), [0, np.inf, np.inf, np.inf])


@pytest.mark.parametrize("fade", [1e-5, 1e-15, 1e-30, 1e-60])
def test_deep_fades(fade):
    """The delay lies so little above its floor that only the excess over it can tell shares apart."""
    signal = np.array([1.0, 5.0, fade, fade, 2.0 * fade])
    found = least_delays(1.0, signal, **ONE)
    order = np.argsort(-signal)
    expected = [delay_of(np.ones(5), signal, order[:n]) for n in range(1, 6)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, [1.0, -1.0], ONE), "signal_w must be non-negative and finite, got -1"),
        ((0.0, [1.0], ONE), "payload_bits must be positive"),
        ((1.0, [np.inf], ONE), "signal_w must be non-negative and finite"),
        ((1.0, [1.0], ONE | {"bandwidth_hz": 0.0}), "bandwidth_hz must be positive"),
        ((1.0, [1.0], ONE | {"noise_psd_w_per_hz": [1.0, 2.0]}), "must be single numbers"),
        (([1.0, 2.0, 3.0], [1.0, 2.0], ONE), "do not broadcast"),
        ((1.0, 1.0, ONE), "must have the uploads on its last axis"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    payload, signal, band = arguments
    with pytest.raises(ValueError, match=message):
        least_delays(payload, signal, **band)
