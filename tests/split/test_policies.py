"""Schedules against all sets of devices, against the definitions of (28), (29) and Algorithm 1, and in their limits."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedswitch.control import set_delays
from fedswitch.split import (
    POLICIES,
    SplitCell,
    SplitScenario,
    decide_schedule,
    prefix_delays,
)

SMALL = SplitScenario(num_devices=6)
LIMIT = SMALL.delay_limit_s
EVERY_SET = np.array(list(itertools.product([False, True], repeat=SMALL.num_devices)))
gains = st.lists(st.floats(-2, 2), min_size=6, max_size=6).map(lambda x: 1e-5 * 10.0 ** np.array(x))
payloads = st.one_of(
    st.none(), st.lists(st.floats(0.2, 5.0), min_size=6, max_size=6).map(lambda x: SMALL.payload_bits * np.array(x))
)
queues = st.floats(0.0, 400.0).map(lambda limits: limits * LIMIT)
of_each = pytest.mark.parametrize("policy", POLICIES)


def score(found, payload, gain, price, weight):
    payload = SMALL.payload_bits if payload is None else payload
    delays = set_delays(payload, gain, EVERY_SET, **SMALL.band)
    mine = set_delays(payload, gain, found.scheduled[np.newaxis], **SMALL.band)[0]
    assert mine == pytest.approx(found.delay_s, rel=1e-8)
    return found.scheduled @ weight - price * mine, EVERY_SET @ weight - price * delays


@settings(max_examples=15, deadline=None)
@given(gains, payloads, queues)
def test_proposed_is_the_best_of_all_sets(gain, payload, queue_s):
    found = decide_schedule(SMALL, gain, queue_s, 1, policy="proposed", payload_bits=payload)
    value, values = score(found, payload, gain, SMALL.penalty_weight * queue_s / LIMIT**2, np.ones(6))
    assert value == pytest.approx(values.max(), abs=1e-7)


@settings(max_examples=15, deadline=None)
@given(gains, payloads, queues, st.lists(st.floats(0, 3), min_size=6, max_size=6))
def test_fair_loses_less_than_one_device_against_all_sets(gain, payload, queue_s, presence):
    found = decide_schedule(SMALL, gain, queue_s, 1, policy="fair", payload_bits=payload, participation_price=presence)
    weight = np.maximum(1 + np.array(presence) - SMALL.fairness * np.mean(presence), 0)
    value, values = score(found, payload, gain, SMALL.penalty_weight * queue_s / LIMIT**2, weight)
    assert value + 1e-7 >= 0
    assert values.max() - weight.max() - 1e-7 <= value <= values.max() + 1e-7
    mean = found.scheduled.mean()
    prices = np.maximum(np.array(presence) + SMALL.fairness_step * (SMALL.fairness * mean - found.scheduled), 0)
    np.testing.assert_allclose(found.participation_price, prices, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(gains, payloads)
def test_benchmarks_by_definition(gain, payload):
    payload_bits = SMALL.payload_bits if payload is None else payload
    sets = set_delays(payload_bits, gain, EVERY_SET, **SMALL.band)
    greedy, equal, everybody = (
        decide_schedule(SMALL, gain, 0.0, 1, policy=policy, payload_bits=payload)
        for policy in ("greedy", "equal_share", "all_in")
    )
    assert greedy.scheduled.sum() == EVERY_SET[sets <= LIMIT].sum(axis=1).max()
    assert greedy.delay_s <= LIMIT * (1 + 1e-9)
    assert everybody.scheduled.all()
    assert everybody.delay_s == pytest.approx(sets[-1], rel=1e-8)

    def slowest(n):
        share = SMALL.bandwidth_hz / n
        alone = payload_bits / (share * np.log2(1 + gain / (share * SMALL.noise_psd_w_per_hz)))
        return np.sort(alone)[n - 1]

    count = max((n for n in range(1, 7) if slowest(n) <= LIMIT), default=0)
    assert equal.scheduled.sum() == count <= greedy.scheduled.sum()
    assert equal.delay_s == pytest.approx(slowest(count) if count else 0.0)
    np.testing.assert_allclose(equal.share, equal.scheduled / max(count, 1))


def test_the_printed_algorithm_line_by_line():
    cell = SplitCell.draw(SMALL, 0)
    queue, limit = 0.0, SMALL.delay_limit_s
    for t in range(1, 40):
        gain = cell.gain_w(t - 1)
        found = decide_schedule(SMALL, gain, queue, t, policy="proposed_printed")
        zeta = SMALL.printed_weight * t**-SMALL.printed_decay
        order, chosen, best = np.argsort(-gain), 0, 0.0
        delays = prefix_delays(gain, payload_bits=SMALL.payload_bits, **SMALL.band)
        while chosen < 6:
            value = chosen + 1 - zeta * (queue / limit) * (delays[chosen] / limit)
            if value < best:
                break
            chosen, best = chosen + 1, value
        assert set(np.flatnonzero(found.scheduled)) == set(order[:chosen])
        delay = delays[chosen - 1] if chosen else 0.0
        queue = max(0.0, queue + zeta * (delay - limit))
        assert found.queue_s == pytest.approx(queue, rel=1e-8)
        queue = found.queue_s
        assert chosen == 6 or t > 1


@of_each
def test_the_band_is_shared_by_those_who_are_scheduled(policy):
    gain = np.array([3.0, 9.0, 4.0, 8.0, 5.0, 7.0]) * 1e-5
    found = decide_schedule(SMALL, gain, 5.0 * LIMIT, 3, policy=policy)
    assert found.scheduled.dtype == bool
    assert found.scheduled.any()
    np.testing.assert_array_equal(found.share > 0, found.scheduled)
    assert found.share.sum() <= 1.0 + 1e-12
    assert found.share.sum() == pytest.approx(1.0, abs=1e-9)
    share_hz = found.share[found.scheduled] * SMALL.bandwidth_hz
    rate = share_hz * np.log2(1 + gain[found.scheduled] / (share_hz * SMALL.noise_psd_w_per_hz))
    delays = SMALL.payload_bits / rate
    assert delays.max() == pytest.approx(found.delay_s, rel=1e-8)
    if policy != "equal_share":
        np.testing.assert_allclose(delays, found.delay_s, rtol=1e-8)
    weight = SMALL.printed_weight * 3**-SMALL.printed_decay if policy == "proposed_printed" else 1.0
    assert found.queue_s == pytest.approx(5.0 * LIMIT + weight * (found.delay_s - LIMIT))
    assert found.says == ""


@of_each
def test_names_of_devices_and_units_do_not_matter(policy):
    gain, order = SplitCell.draw(SMALL, 2).gain_w(0), np.array([3, 0, 5, 1, 4, 2])
    presence = np.linspace(0.0, 1.0, 6)
    found = decide_schedule(SMALL, gain, 20.0 * LIMIT, 2, policy=policy, participation_price=presence)
    moved = decide_schedule(SMALL, gain[order], 20.0 * LIMIT, 2, policy=policy, participation_price=presence[order])
    np.testing.assert_array_equal(moved.scheduled, found.scheduled[order])
    # noise and gains, and payload and time, in other units
    scaled = dataclasses.replace(SMALL, noise_psd_w_per_hz=7 * SMALL.noise_psd_w_per_hz, batch_size=2 * 32)
    other = decide_schedule(scaled, 7 * gain, 40.0 * LIMIT, 2, policy=policy, participation_price=presence)
    np.testing.assert_array_equal(other.scheduled, found.scheduled)
    assert other.delay_s == pytest.approx(2 * found.delay_s, rel=1e-8)
    assert other.queue_s == pytest.approx(2 * found.queue_s, rel=1e-8)


@of_each
def test_who_has_no_gain_is_never_scheduled(policy):
    gain = np.array([0.0, 1e-4, 0.0, 2e-4, 0.0, 0.0])
    found = decide_schedule(SMALL, gain, 0.0, 1, policy=policy)
    assert list(np.flatnonzero(found.scheduled)) == [1, 3]
    nobody = decide_schedule(SMALL, np.zeros(6), 5.0 * LIMIT, 4, policy=policy)
    assert not nobody.scheduled.any()
    assert nobody.delay_s == nobody.share.sum() == 0.0
    assert nobody.queue_s < 5.0 * LIMIT
    assert nobody.says.startswith("Nobody is scheduled in round 4: no device has a gain")


@pytest.mark.parametrize("policy", ["greedy", "equal_share", "proposed", "proposed_printed", "fair"])
def test_a_delay_that_nobody_can_meet_schedules_nobody_and_says_so(policy):
    slow = dataclasses.replace(SMALL, delay_limit_s_per_bit=1e-12)
    gain = SplitCell.draw(slow, 0).gain_w(0)
    fastest = prefix_delays(gain, payload_bits=slow.payload_bits, **slow.band)[0]
    found = decide_schedule(slow, gain, 1.0, 1, policy=policy)
    assert not found.scheduled.any()
    assert f"the fastest device takes {fastest:.3g} s" in found.says
    assert found.says.endswith("the limit is 0.000102 s.")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gain_w": [-1.0, 1, 1, 1, 1, 1]}, "gain_w must be non-negative and finite, got -1"),
        ({"gain_w": [1.0, 2.0]}, r"gain_w must have shape \(6,\), one for each device, got \(2,\)"),
        ({"queue_s": -1.0}, "queue_s must be non-negative"),
        ({"t": 0}, "t = 0 must be a whole number of at least 1"),
        ({"policy": "best"}, "policy must be one of proposed, proposed_printed"),
        ({"participation_price": [-1.0] * 6}, "participation_price must be non-negative"),
        ({"payload_bits": [0.0] * 6}, "payload_bits must be positive"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    arguments = {"gain_w": np.ones(6), "queue_s": 0.0, "t": 1, "policy": "proposed"} | changes
    with pytest.raises(ValueError, match=message):
        decide_schedule(SMALL, **arguments)
