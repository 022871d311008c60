"""Many rounds against one after the other, and the theorem on how near to the bound they come."""

import dataclasses

import numpy as np
import pytest

from fedswitch.split import (
    POLICIES,
    SplitCell,
    SplitScenario,
    decide_schedule,
    prefix_delays,
    price_bound,
    schedule_rounds,
    start_queue_s,
)

SMALL = SplitScenario(num_devices=5)
READINGS = (SplitScenario.corrected, SplitScenario.in_band, SplitScenario.cell_10db)


@pytest.mark.parametrize("policy", POLICIES)
def test_many_rounds_are_one_after_the_other(policy):
    cell = SplitCell.draw(SMALL, 5)
    found = schedule_rounds(cell, 8, policy=policy)
    queue_s, presence = start_queue_s(cell, policy), None
    for index in range(8):
        one = decide_schedule(
            SMALL, cell.gain_w(index), queue_s, index + 1, policy=policy, participation_price=presence
        )
        np.testing.assert_array_equal(found.scheduled[index], one.scheduled)
        assert found.delay_s[index] == pytest.approx(one.delay_s, rel=1e-8)
        assert found.queue_s[index] == pytest.approx(one.queue_s, rel=1e-8)
        queue_s, presence = one.queue_s, one.participation_price
    assert found.mean_scheduled == pytest.approx(found.participation.sum())


@pytest.mark.parametrize("reading", READINGS)
def test_proposed_keeps_the_limit_and_comes_as_near_to_the_bound_as_the_theorem_says(reading):
    scenario, rounds = reading(num_devices=8), 300
    scenario = dataclasses.replace(scenario, delay_limit_s_per_bit=0.4 * scenario.delay_limit_s_per_bit)
    cell = SplitCell.draw(scenario, 0)
    found = schedule_rounds(cell, rounds, policy="proposed")
    limit = scenario.delay_limit_s
    start, end = start_queue_s(cell, "proposed") / limit, found.queue_s[-1] / limit
    delay = found.delay_s / limit
    assert delay.mean() <= 1 + (end - start) / rounds + 1e-9
    assert delay.mean() <= 1.02
    loss = scenario.penalty_weight / 2 * (((delay - 1) ** 2).mean() + (start**2 - end**2) / rounds)
    delays = prefix_delays(cell.gains_w(rounds), payload_bits=scenario.payload_bits, **scenario.band)
    bound = price_bound(delays, limit)
    assert found.mean_scheduled >= bound - max(loss, 0.0) - 0.02 * bound  # the bound is that of these rounds
    assert found.mean_scheduled <= price_bound(delays, found.delay_s.mean()) + 1e-9
    greedy = schedule_rounds(cell, rounds, policy="greedy")
    assert greedy.mean_scheduled < found.mean_scheduled


def test_the_queue_starts_at_its_price_or_where_one_says():
    cell = SplitCell.draw(SMALL, 0)
    delays = prefix_delays(cell.rehearsed_gains_w(500), payload_bits=SMALL.payload_bits, **SMALL.band)
    price = SMALL.penalty_weight * start_queue_s(cell, "proposed") / SMALL.delay_limit_s**2
    best = (np.arange(1, 6) - price * delays).argmax(axis=1)
    taken = np.take_along_axis(delays, best[:, None], 1)[:, 0]
    nobody = np.take_along_axis(np.arange(1, 6) - price * delays, best[:, None], 1)[:, 0] < 0
    assert np.where(nobody, 0.0, taken).mean() == pytest.approx(SMALL.delay_limit_s, rel=0.02)
    empty = SplitCell(dataclasses.replace(SMALL, queue_start=0.0), 0, cell.distance_m)
    assert start_queue_s(empty, "proposed") == 0.0
    assert start_queue_s(cell, "proposed_printed") == start_queue_s(cell, "greedy") == 0.0
    first = schedule_rounds(empty, 1, policy="proposed")
    assert first.scheduled.all()
    with pytest.raises(ValueError, match="policy must be one of"):
        start_queue_s(cell, "best")


def test_fair_lifts_the_device_that_takes_part_least():
    scenario = SplitScenario.in_band(num_devices=4, delay_limit_s_per_bit=1.1e-8)
    cell = SplitCell(scenario, 0, np.array([120.0, 300.0, 400.0, 500.0]))
    plain, fair = (schedule_rounds(cell, 250, policy=policy) for policy in ("proposed", "fair"))
    least = [rounds.participation.min() / rounds.participation.mean() for rounds in (plain, fair)]
    assert least[0] < 0.75
    assert least[1] > 0.8
    assert fair.delay_s.mean() <= 1.05 * scenario.delay_limit_s


@pytest.mark.parametrize("reading", READINGS)
def test_what_fair_gives_up_and_what_it_gains(reading):
    """Proved: the certificate of its prices, and the bound. Measured: it lifts the least, and costs a few percent."""
    scenario, rounds = reading(num_devices=8, fairness_step=0.2), 300
    scenario = dataclasses.replace(scenario, delay_limit_s_per_bit=0.4 * scenario.delay_limit_s_per_bit)
    cell = SplitCell.draw(scenario, 0)
    plain, fair = (schedule_rounds(cell, rounds, policy=policy) for policy in ("proposed", "fair"))
    delays = prefix_delays(cell.gains_w(rounds), payload_bits=scenario.payload_bits, **scenario.band)
    for found in (plain, fair):
        assert found.mean_scheduled <= price_bound(delays, found.delay_s.mean()) + 1e-9
        assert found.delay_s.mean() <= 1.05 * scenario.delay_limit_s
    shortfall = scenario.fairness * fair.participation.mean() - fair.participation
    assert (shortfall <= fair.participation_price / (scenario.fairness_step * rounds) + 1e-12).all()
    assert not plain.participation_price.any()
    least, least_fair = (found.participation.min() / found.participation.mean() for found in (plain, fair))
    assert least_fair > least
    assert least_fair > 0.8
    assert 0.9 * plain.mean_scheduled < fair.mean_scheduled < 1.01 * plain.mean_scheduled
