"""The lower bound on Step 1 against all powers of a fine grid, written out again, and against Algorithm 2."""

import dataclasses
import itertools

import numpy as np
import pytest

from fedswitch import Scenario
from fedswitch.control import (
    Observation,
    State,
    decide,
    ergodic_share_for_delay,
    reception_benefit,
    share_bandwidth,
    start,
    step_1_bound,
)
from fedswitch.streams import stream
from fedswitch.wireless import Cell, Radio, Reception

PAYLOAD_BITS = 1.18e6 * np.array([2.0, 4.0, 8.0, 16.0])
READINGS = {
    "default": {},
    "dear": {"energy_weight_per_j": 0.3},
    "free": {"energy_weight_per_j": 0.0},
    "instantaneous": {"rate": "instantaneous"},
    "two modules": {"subscription_limit": 2},
    "printed outage": {"outage": "printed"},
}


def objective(scenario, observation, state, power_w):
    """(14) with computing at these powers, everything else decided by Algorithm 1."""
    sent = state.subscription & (power_w > 0)
    charge = np.broadcast_to(reception_benefit(scenario, state.bound) + state.dual, sent.shape)
    payload = PAYLOAD_BITS[:, None] * sent
    if not sent.any():
        return charge.sum()
    share, delay_s = share_bandwidth(scenario, observation.channel, payload, power_w)
    success = np.zeros(sent.shape)
    for n, k in zip(*np.nonzero(sent), strict=True):
        at = Reception.of(scenario, observation.channel.distance_m[k], share[n, k], PAYLOAD_BITS[n])
        success[n, k] = at.probability(power_w[k])
    joules = sent * (observation.compute_energy_j + delay_s * power_w)
    return (charge * (1 - success)).sum() + scenario.energy_weight_per_j * joules.sum()


@pytest.mark.parametrize("reading", READINGS)
def test_no_powers_come_below_the_bound_and_some_come_close(reading):
    scenario = Scenario.corrected(num_ues=2, **READINGS[reading])
    cell, rng = Cell.draw(scenario, 3), stream(0, "test")
    state = start(scenario, rng=rng)
    state = dataclasses.replace(state, dual=rng.exponential(0.05, size=(4, 2)), bound=np.full((4, 1), 2.0))
    observation = Observation(cell.channel(0), PAYLOAD_BITS, 0.2)
    grid = np.append(0.0, scenario.max_power_w * np.geomspace(1e-3, 1.0, 20))
    best = min(objective(scenario, observation, state, np.array(p)) for p in itertools.product(grid, grid))
    bound = step_1_bound(scenario, observation, state, powers=80, cuts=20)
    silent = objective(scenario, observation, state, np.zeros(2))
    assert bound <= best
    assert best - bound < silent - best  # two UEs are the worst case: what the price loses is about theirs
    assert step_1_bound(scenario, observation, state, powers=20, cuts=4) <= bound + 1e-12


@pytest.mark.parametrize("reading", READINGS)
def test_algorithm_2_does_not_beat_it_either(reading):
    scenario = Scenario.corrected(num_ues=20, **READINGS[reading])
    cell, rng = Cell.draw(scenario, 0), stream(0, "test")
    state = start(scenario, rng=rng)
    for t in range(3):
        observation = Observation(cell.channel(t), PAYLOAD_BITS, 0.2)
        bound = step_1_bound(scenario, observation, state, powers=48, cuts=10)
        decision, state = decide(scenario, observation, state, rng=rng)
        assert bound <= decision.inner.objective[decision.inner.kept] + 1e-12
        if reading == "default":  # nothing else would tell a bound from a trivial one
            assert bound >= 0.97 * decision.inner.objective[decision.inner.kept]


def test_with_one_ue_it_is_the_optimum():
    """One UE may take less of the band, and longer: at a fixed threshold less noise is worth more than the time."""
    scenario = Scenario.corrected(num_ues=1, num_modules=1, lora_ranks=(8,), energy_weight_per_j=0.1)
    observation = Observation(Cell(scenario, 0, np.array([60.0])).channel(0), PAYLOAD_BITS[:1], 0.1)
    state = start(scenario, rng=stream(0, "test"))
    decision, _ = decide(scenario, observation, state, rng=stream(0, "test"))
    bound = step_1_bound(scenario, observation, state, powers=200, cuts=100)
    power_w, delay_s = np.meshgrid(
        scenario.max_power_w * np.geomspace(1e-3, 1.0, 60), decision.delay_s * 2.0 ** np.arange(-1, 9, 0.1)
    )
    share = ergodic_share_for_delay(delay_s, PAYLOAD_BITS[0], 60.0, power_w, Radio.of(scenario))
    allowed = share <= 1.0
    success = Reception.of(scenario, 60.0, share[allowed], PAYLOAD_BITS[0]).probability(power_w[allowed])
    joules = 0.1 + power_w[allowed] * delay_s[allowed]
    best = (reception_benefit(scenario, 0.0)[0, 0] * (1 - success) + 0.1 * joules).min()
    assert bound <= best
    assert bound == pytest.approx(best, rel=0.05)
    assert best < decision.inner.objective[decision.inner.kept] / 2  # which takes all of the band


def test_without_subscriptions_everything_is_missed():
    scenario = Scenario.corrected(num_ues=3)
    observation = Observation(Cell.draw(scenario, 0).channel(0), PAYLOAD_BITS)
    nobody = State(0, np.zeros((4, 3), dtype=bool), np.zeros((4, 3)), np.ones(3), np.zeros((4, 1)), 1.0)
    assert step_1_bound(scenario, observation, nobody) == pytest.approx(12 * reception_benefit(scenario, 0.0)[0, 0])


def test_a_deadline_has_no_common_delay():
    scenario = Scenario.corrected(num_ues=3, threshold="deadline")
    observation = Observation(Cell.draw(scenario, 0).channel(0), PAYLOAD_BITS)
    with pytest.raises(ValueError, match='choose threshold = "fixed"'):
        step_1_bound(scenario, observation, start(scenario, rng=stream(0, "test")))
