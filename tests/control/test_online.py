"""Algorithm 2: what every decision must satisfy, recomputed from the equations, and what the printed form does."""

import dataclasses

import numpy as np
import pytest
from scipy.optimize import minimize

from fedswitch import Scenario
from fedswitch.control import (
    Observation,
    cost_gradient,
    decide,
    reception_benefit,
    start,
    subscribe,
    subscribe_greedy,
)
from fedswitch.streams import stream
from fedswitch.theory import constants
from fedswitch.wireless import Cell, success_probability

PAYLOAD_BITS = 1.18e6 * np.array([2.0, 4.0, 8.0, 16.0])
READINGS = {
    "default": {},
    "instantaneous": {"rate": "instantaneous"},
    "deadline": {"threshold": "deadline"},
    "printed outage": {"outage": "printed"},
    "two modules": {"subscription_limit": 2},
    "costly energy": {"energy_weight_per_j": 0.2},
    "no energy": {"energy_weight_per_j": 0.0},
}


def scenario_of(reading, num_ues=20, **changes):
    return Scenario.corrected(num_ues=num_ues, **{**READINGS[reading], **changes})


def run(scenario, rounds, *, seed=0, compute_energy_j=0.0, **options):
    """The decisions of so many rounds, and the states around them."""
    cell, rng = Cell.draw(scenario, seed), stream(seed, "test")
    state = start(scenario, rng=rng, form=options.get("form", "corrected"))
    decisions, states = [], [state]
    for t in range(rounds):
        observation = Observation(cell.channel(t), PAYLOAD_BITS, compute_energy_j)
        decision, state = decide(scenario, observation, state, rng=rng, **options)
        decisions.append(decision)
        states.append(state)
    return decisions, states


# Every decision


@pytest.mark.parametrize("reading", READINGS)
def test_a_decision_keeps_the_constraints(reading):
    """(7b), (7c), (7e) and (7f)."""
    scenario = scenario_of(reading)
    decisions, states = run(scenario, 6)
    for decision, state in zip(decisions, states, strict=False):
        assert (decision.subscription <= state.subscription).all()
        assert decision.subscription.sum(axis=0).max() <= scenario.subscription_limit
        assert decision.power_w.max() <= scenario.max_power_w
        np.testing.assert_array_equal(decision.power_w > 0, decision.subscription.any(axis=0))
        np.testing.assert_array_equal(decision.share > 0, decision.subscription)
        assert decision.share.sum() <= 1.0
        if decision.subscription.any():
            assert decision.share.sum() == pytest.approx(1.0, abs=1e-9)
        assert decision.success_probability.shape == (4, 20)
        assert (decision.success_probability >= 0).all()
        assert (decision.success_probability <= 1).all()


def test_all_uploads_take_the_common_delay():
    """(13) at the instantaneous SINR, written out again."""
    scenario = scenario_of("instantaneous")
    decisions, _ = run(scenario, 3)
    for t, decision in enumerate(decisions):
        channel = Cell.draw(scenario, 0).channel(t)
        n, k = np.nonzero(decision.subscription)
        width_hz = decision.share[n, k] * scenario.bandwidth_hz
        noise_w = width_hz * scenario.noise_psd_w_per_hz
        sinr = decision.power_w[k] * channel.gain[k] / (channel.interference_w[k] + noise_w)
        np.testing.assert_allclose(PAYLOAD_BITS[n] / (width_hz * np.log2(1 + sinr)), decision.delay_s, rtol=1e-8)


@pytest.mark.parametrize("reading", ["default", "instantaneous", "printed outage"])
def test_the_success_probability_is_15_at_the_decision(reading):
    scenario = scenario_of(reading)
    decisions, _ = run(scenario, 2)
    cell = Cell.draw(scenario, 0)
    for decision in decisions:
        n, k = np.nonzero(decision.subscription)
        exact = reading != "printed outage"
        expected = success_probability(
            cell.distance_m[k],
            decision.power_w[k],
            decision.share[n, k] * scenario.bandwidth_hz,
            scenario.sinr_threshold,
            path_loss_exponent=scenario.path_loss_exponent,
            noise_psd_w_per_hz=scenario.noise_psd_w_per_hz,
            base_station_density_per_m2=scenario.base_station_density_per_m2,
            interferer_power_w=scenario.interferer_power_w if exact else None,
            reference_gain=scenario.reference_gain,
            form="corrected" if exact else "printed",
        )
        np.testing.assert_allclose(decision.success_probability[n, k], expected, rtol=1e-8)


def test_the_energy_of_a_decision_is_4():
    decision = run(scenario_of("two modules"), 1)[0][0]
    expected = [decision.power_w[k] * decision.delay_s * decision.subscription[:, k].sum() for k in range(20)]
    np.testing.assert_allclose(decision.uplink_energy_j, expected)


def test_a_deadline_is_the_delay():
    decisions, _ = run(scenario_of("deadline", deadline_s=0.7), 2)
    assert [decision.delay_s for decision in decisions] == [0.7, 0.7]


# Step 1


@pytest.mark.parametrize("reading", READINGS)
def test_the_best_iterate_is_kept_and_iterations_are_bounded(reading):
    scenario = scenario_of(reading, max_inner_iterations=7)
    for decision in run(scenario, 6)[0]:
        inner = decision.inner
        assert 1 <= len(inner.objective) <= 7
        assert inner.converged or len(inner.objective) == 7
        assert inner.objective[inner.kept] == inner.objective.min() <= inner.objective[0]
        assert inner.transmitting[inner.kept] == decision.subscription.sum()


def test_the_objective_is_14_at_the_decision():
    """With the duals, which are 0 in the first round."""
    scenario = scenario_of("costly energy")
    decision = run(scenario, 1)[0][0]
    state = start(scenario, rng=stream(0, "test"))
    benefit = reception_benefit(scenario, np.zeros((4, 20)))
    received = decision.success_probability * decision.subscription
    energy_j = decision.delay_s * (decision.power_w * decision.subscription).sum()
    expected = (benefit * (1 - received)).sum() + 0.2 * energy_j
    assert decision.inner.objective[decision.inner.kept] == pytest.approx(expected)
    assert decision.subscription.sum() < state.subscription.sum()  # some are better off without


def test_the_objective_may_rise_on_the_way():
    """Which is why no descent is promised."""
    rises = 0
    for seed in range(10):
        decisions, _ = run(scenario_of("costly energy", rate="instantaneous"), 3, seed=seed)
        rises += sum((np.diff(decision.inner.objective) > 1e-9).any() for decision in decisions)
    assert rises > 0


def test_at_convergence_no_other_power_serves_a_ue_better():
    scenario = scenario_of("costly energy")
    decision = run(scenario, 1)[0][0]
    assert decision.inner.converged
    cell = Cell.draw(scenario, 0)
    benefit = reception_benefit(scenario, np.zeros((4, 20)))[0, 0]
    grid_w = np.linspace(1e-4, scenario.max_power_w, 2000)
    for n, k in zip(*np.nonzero(decision.subscription), strict=True):
        success = success_probability(
            cell.distance_m[k], np.r_[decision.power_w[k], grid_w], decision.share[n, k] * scenario.bandwidth_hz,
            scenario.sinr_threshold, path_loss_exponent=3.8, noise_psd_w_per_hz=scenario.noise_psd_w_per_hz,
            base_station_density_per_m2=3e-5, interferer_power_w=0.2, reference_gain=scenario.reference_gain,
        )  # fmt: skip
        cost = benefit * (1 - success) + 0.2 * decision.delay_s * np.r_[decision.power_w[k], grid_w]
        assert cost[0] <= cost[1:].min() * (1 + 1e-3)


def test_energy_that_costs_nothing_is_used_in_full():
    for decision in run(scenario_of("no energy"), 3)[0]:
        assert (decision.power_w == 0.2).all()
        assert len(decision.inner.objective) == 2


def test_costlier_energy_takes_less_of_it():
    spent = []
    for weight in (1e-3, 1e-2, 1e-1):
        decision = run(scenario_of("default", energy_weight_per_j=weight, num_ues=50), 1)[0][0]
        spent.append(decision.power_w.sum() * decision.delay_s)
    assert spent[0] > spent[1] > spent[2]


# Later rounds, recomputed from the decision


def recomputed(scenario, rounds, *, form="corrected", compute_energy_j=0.0):
    """For every round: state before and after, decision, benefit, and success and energy of each module."""
    decisions, states = run(scenario, rounds, form=form, compute_energy_j=compute_energy_j)
    for decision, before, after in zip(decisions, states, states[1:], strict=False):
        benefit = reception_benefit(scenario, before.bound, form=form)
        yield decision, before, after, benefit


@pytest.mark.parametrize("reading", ["default", "deadline", "printed outage", "instantaneous"])
def test_the_objective_of_a_later_round(reading):
    """(14) with computing and duals: of the subscriptions, those that are sent, and those that are not."""
    scenario = scenario_of(reading, energy_weight_per_j=0.02, deadline_s=0.7)
    for decision, before, _, benefit in list(recomputed(scenario, 12, compute_energy_j=0.3))[8:]:
        received = decision.success_probability * decision.subscription
        charged = ((benefit + before.dual) * (1 - received)).sum()
        energy_j = decision.uplink_energy_j.sum() + 0.3 * decision.subscription.sum()
        kept = decision.inner.objective[decision.inner.kept]
        assert kept == pytest.approx(charged + 0.02 * energy_j, rel=1e-9)
        assert (before.dual > 0).any()


@pytest.mark.parametrize("reading", ["default", "deadline", "printed outage"])
def test_the_next_subscription_is_12_on_the_gradient_of_this_round(reading):
    scenario = scenario_of(reading, energy_weight_per_j=0.02, deadline_s=0.7)
    for decision, before, after, _ in list(recomputed(scenario, 12, compute_energy_j=0.3))[8:]:
        watts = np.where(decision.power_w > 0, decision.power_w, scenario.max_power_w)
        airtime = decision.delay_s or after.delay_s
        energy_j = 0.3 + watts * airtime
        gradient = cost_gradient(scenario, decision.success_probability, energy_j, before.bound)
        np.testing.assert_array_equal(after.subscription, subscribe(gradient.T, after.dual.T, 1).T)


def test_what_does_not_earn_its_computing_stays_off():
    # hardly any noise, or those who stay would be received less for the bandwidth that the others leave them
    scenario = scenario_of("default", noise_psd_w_per_hz=1e-23)
    cheap, dear = (run(scenario, 1, compute_energy_j=joules)[0][0] for joules in (0.0, 14.0))
    assert cheap.subscription.sum() == 20
    earned = reception_benefit(scenario, 0.0) * dear.success_probability
    spent = scenario.energy_weight_per_j * (14.0 + dear.power_w * dear.delay_s)
    assert 0 < dear.subscription.sum() < 20
    assert (earned >= spent)[dear.subscription].all()


def test_a_dual_is_worth_something_to_step_1():
    """A UE far out, for whom an upload is not worth its energy, transmits once it owes enough."""
    scenario = scenario_of("default", energy_weight_per_j=1.0)
    rng, channel = stream(0, "test"), Cell.draw(scenario, 0).channel(0)
    state = start(scenario, rng=rng)
    owing = dataclasses.replace(state, dual=np.full((4, 20), 10.0))
    alone, driven = (decide(scenario, Observation(channel, PAYLOAD_BITS), s, rng=rng)[0] for s in (state, owing))
    assert alone.subscription.sum() < 20
    assert driven.subscription.sum() == 20


def test_ties_are_broken_by_the_generator():
    scenario = scenario_of("no energy", zeta1=0.0)  # nothing is worth anything: all gradients are 0
    channel = Cell.draw(scenario, 0).channel(0)
    state = start(scenario, rng=stream(0, "test"))
    state = dataclasses.replace(state, dual=np.ones((4, 20)))
    chosen = [
        decide(scenario, Observation(channel, PAYLOAD_BITS), state, rng=stream(seed, "ties"))[1].subscription
        for seed in range(3)
    ]
    assert not np.array_equal(chosen[0], chosen[1])
    assert all((subscription.sum(axis=0) == 1).all() for subscription in chosen)


# Step 2


def test_the_state_moves_as_11_and_the_theorem_say():
    scenario = scenario_of("default")
    decisions, states = run(scenario, 4)
    weights = np.full(20, 1 / 20)
    bound = {name: getattr(scenario, name) for name in ("smoothness", "strong_convexity", "zeta1", "zeta2")}
    for decision, before, after in zip(decisions, states, states[1:], strict=False):
        a, b = constants(weights, decision.subscription, decision.success_probability, **bound)
        np.testing.assert_allclose(after.bound[:, 0], (1 - a) * before.bound[:, 0] + b)
        moved = before.dual + after.dual_step * (scenario.min_participation - decision.subscription)
        np.testing.assert_allclose(after.dual, np.maximum(moved, 0.0))
        assert after.round_index == before.round_index + 1


def test_greedy_and_one_shot_and_random():
    scenario = scenario_of("default")
    for rule in ("greedy", "one_shot", "random"):
        _, states = run(scenario, 5, rule=rule)
        chosen = [state.subscription for state in states]
        assert all((state.dual == 0).all() for state in states)
        if rule == "one_shot":
            assert not np.array_equal(chosen[0], chosen[1])
            assert all(np.array_equal(chosen[1], later) for later in chosen[2:])
        if rule == "random":
            assert len({later.tobytes() for later in chosen}) == 6


def test_greedy_takes_the_best_module_of_every_round():
    scenario = scenario_of("default", energy_weight_per_j=0.02)
    decisions, states = run(scenario, 12, rule="greedy", compute_energy_j=0.3)
    for decision, after in zip(decisions, states[1:], strict=True):
        best = np.arange(4)[:, np.newaxis] == decision.gradient.argmin(axis=0)
        np.testing.assert_array_equal(after.subscription, best & (decision.gradient < 0))
    assert len({state.subscription.tobytes() for state in states[1:]}) > 1  # it may choose anew


def test_proximal_draws_from_a_projection_and_moves_by_one_over_the_step_of_the_duals():
    scenario = scenario_of("no energy", num_ues=3, dual_step=0.05)
    _, states = run(scenario, 3, rule="proximal")
    seen = Observation(Cell.draw(scenario, 0).channel(3), PAYLOAD_BITS)
    drawn = [decide(scenario, seen, states[-1], rng=stream(seed, "draw"), rule="proximal") for seed in range(300)]
    decision, after = drawn[0]
    mean = np.mean([state.subscription for _, state in drawn], axis=0)
    fractional = 0
    for k in range(3):
        point = decision.subscription[:, k] - (decision.gradient[:, k] - after.dual[:, k]) / 0.05
        nearest = minimize(
            lambda share, point=point: ((share - point) ** 2).sum(), np.full(4, 0.2), bounds=[(0, 1)] * 4,
            constraints={"type": "ineq", "fun": lambda share: 1 - share.sum()},
        ).x  # fmt: skip
        np.testing.assert_allclose(mean[:, k], nearest, atol=0.1)
        fractional += ((nearest > 0.15) & (nearest < 0.85)).any()
    assert fractional


@pytest.mark.parametrize("rule", ["switching", "proximal"])
@pytest.mark.parametrize("reading", ["default", "instantaneous", "costly energy"])
def test_participation_is_kept_in_the_long_run(rule, reading):
    """(7d), counted by the uploads that take place."""
    scenario = scenario_of(reading, num_ues=6)
    decisions, _ = run(scenario, 300, rule=rule, compute_energy_j=0.4)
    participation = np.mean([decision.subscription for decision in decisions], axis=0)
    assert participation.min() >= scenario.min_participation - 0.02


@pytest.mark.parametrize("reading", ["default", "instantaneous", "costly energy"])
def test_without_duals_some_pair_is_never_served(reading):
    decisions, _ = run(scenario_of(reading, num_ues=6), 100, rule="greedy")
    assert not np.any([decision.subscription for decision in decisions], axis=0).all()


def test_a_module_with_risk_left_for_a_ue_attracts_that_ue():
    scenario = scenario_of("default", zeta2=0.05)
    cell, rng = Cell.draw(scenario, 0), stream(0, "test")
    risk = np.zeros((4, 20))
    risk[3, :10] = 1e3
    observation = Observation(cell.channel(0), PAYLOAD_BITS, remaining_risk=risk)
    decision, after = decide(scenario, observation, start(scenario, rng=rng), rng=rng)
    in_reach = decision.success_probability[3] > 0.2
    np.testing.assert_array_equal(after.subscription[3], in_reach & (np.arange(20) < 10))
    assert in_reach.sum() > 10


def test_permuting_the_ues_permutes_the_decision():
    scenario = scenario_of("default")
    order = np.random.default_rng(0).permutation(20)
    cell = Cell.draw(scenario, 0)
    channel = cell.channel(0)
    permuted = dataclasses.replace(channel, **{field: values[order] for field, values in vars(channel).items()})
    state = start(scenario, rng=stream(0, "test"))
    straight, after = decide(scenario, Observation(channel, PAYLOAD_BITS), state, rng=stream(1, "ties"))
    shuffled_state = dataclasses.replace(state, subscription=state.subscription[:, order])
    shuffled, shuffled_after = decide(
        scenario, Observation(permuted, PAYLOAD_BITS), shuffled_state, rng=stream(1, "ties")
    )
    np.testing.assert_allclose(shuffled.power_w, straight.power_w[order], rtol=1e-6)
    np.testing.assert_allclose(shuffled.share, straight.share[:, order], rtol=1e-6)
    np.testing.assert_array_equal(shuffled_after.subscription, after.subscription[:, order])


def test_the_generator_decides():
    scenario = scenario_of("default")
    first, again = (run(scenario, 3, rule="random")[1][-1].subscription for _ in range(2))
    np.testing.assert_array_equal(first, again)


# As printed


def test_as_printed_the_start_breaks_7c():
    scenario = Scenario.paper(num_ues=10)
    assert start(scenario, rng=stream(0, "test"), form="printed").subscription.sum(axis=0).tolist() == [4] * 10
    corrected = start(scenario, rng=stream(0, "test")).subscription.sum(axis=0)
    assert corrected.tolist() == [1] * 10


def test_as_printed_nobody_transmits_after_the_first_round():
    """A UE in every module gains nothing from power, so (21) drives it to the least; then energy decides everything."""
    scenario = Scenario.paper(num_ues=10)
    decisions, _ = run(scenario, 4, form="printed", rule="greedy", compute_energy_j=0.85e6)
    assert decisions[0].subscription.all()
    np.testing.assert_allclose(decisions[0].power_w, scenario.min_power_w)
    assert decisions[0].delay_s > 1e5  # days
    assert not any(decision.subscription.any() for decision in decisions[1:])
    assert decisions[1].delay_s == 0.0


def test_as_printed_only_the_duals_bring_anyone_back():
    scenario = Scenario.paper(num_ues=10)
    decisions, states = run(scenario, 14, form="printed", compute_energy_j=0.85e6)
    back = [decision.subscription.any() for decision in decisions]
    assert not any(back[1:8])
    assert any(back[8:])
    assert states[-1].dual.max() > 1e10


def test_the_printed_gradient_sends_ues_to_the_module_in_which_they_are_lost_most():
    """The largest module needs the widest band, lets in most noise, and is received least."""
    scenario = Scenario.corrected(num_ues=10, energy_weight_per_j=0.0)
    success = run(scenario, 1)[0][0].success_probability
    assert (np.diff(success, axis=0) < 0).all()
    printed, corrected = (
        subscribe_greedy(cost_gradient(scenario, success, 0.0, 0.0, form=form).T, 1).T
        for form in ("printed", "corrected")
    )
    assert printed[3].all()
    assert corrected[0].all()


@pytest.mark.parametrize("weight", [1e-3, 1.0])
@pytest.mark.parametrize("rate", ["ergodic", "instantaneous"])
def test_as_printed_a_round_is_14_and_21_and_9(weight, rate):
    """Where energy leaves room for transmitting: the objective, the power and the state, written out again."""
    scenario = Scenario.corrected(num_ues=12, energy_weight_per_j=weight, rate=rate, max_inner_iterations=6)
    for decision, before, after, benefit in recomputed(scenario, 4, form="printed"):
        sent = decision.subscription
        np.testing.assert_array_equal(sent, before.subscription)
        if sent.any():
            missed = np.where(decision.power_w > 0, 1 - decision.success_probability, 1.0) * ~sent
            expected = (benefit * missed).sum() + weight * decision.uplink_energy_j.sum()
            assert decision.inner.objective[-1] == pytest.approx(expected, rel=1e-6)
            assert decision.inner.kept == len(decision.inner.objective) - 1
            assert decision.share.sum() >= 1.0 - scenario.bandwidth_tolerance
        rate_b = 2 * scenario.zeta1 * (12 + 2 * (1 - decision.success_probability) * (1 - sent))
        np.testing.assert_allclose(after.bound, rate_b)


def test_as_printed_power_serves_the_modules_that_are_not_uploaded():
    """At a fixed price a UE takes the more power, the more the modules that it leaves out would need."""
    scenario = Scenario.corrected(num_ues=12, energy_weight_per_j=0.5, max_inner_iterations=2)
    channel = Cell.draw(scenario, 0).channel(0)
    state = start(scenario, rng=stream(0, "test"), form="printed")
    one = np.zeros((4, 12), dtype=bool)
    one[0] = True
    power = {}
    for name, subscription in {"one": one, "all": np.ones((4, 12), dtype=bool)}.items():
        begin = dataclasses.replace(state, subscription=subscription)
        decision, _ = decide(scenario, Observation(channel, PAYLOAD_BITS), begin, rng=stream(0, "ties"), form="printed")
        power[name] = decision.power_w
    np.testing.assert_allclose(power["all"], scenario.min_power_w)
    assert (power["one"] > 1e3 * scenario.min_power_w).any()


# Errors


def test_bad_arguments_are_named():
    scenario = Scenario.corrected(num_ues=3)
    rng = stream(0, "test")
    state, channel = start(scenario, rng=rng), Cell.draw(scenario, 0).channel(0)
    with pytest.raises(
        ValueError, match="rule must be one of switching, proximal, greedy, one_shot, random, got 'best'"
    ):
        decide(scenario, Observation(channel, PAYLOAD_BITS), state, rng=rng, rule="best")
    with pytest.raises(ValueError, match="form must be one of printed, corrected, got 'exact'"):
        start(scenario, rng=rng, form="exact")
    with pytest.raises(ValueError, match=r"payload_bits has shape \(3,\), but the scenario asks for \(4,\)"):
        decide(scenario, Observation(channel, PAYLOAD_BITS[:3]), state, rng=rng)
    other = Scenario.corrected(num_ues=5)
    other_channel = Cell.draw(other, 0).channel(0)
    with pytest.raises(ValueError, match=r"subscription has shape \(4, 3\), but the scenario asks for \(4, 5\)"):
        decide(other, Observation(other_channel, PAYLOAD_BITS), state, rng=rng)
    for field, value, name in (
        ("compute_energy_j", -1.0, "compute_energy_j"),
        ("remaining_risk", np.nan, "remaining_risk"),
        ("payload_bits", 0 * PAYLOAD_BITS, "payload_bits"),
        ("channel", dataclasses.replace(channel, gain=channel.gain * np.nan), "channel.gain"),
    ):
        with pytest.raises(ValueError, match=f"{name} must be"):
            Observation(**{"channel": channel, "payload_bits": PAYLOAD_BITS, field: value})
    for field in ("dual", "bound"):
        owing = dataclasses.replace(state, **{field: -np.ones((4, 3))})
        with pytest.raises(ValueError, match=rf"state\.{field} must be non-negative and finite, got -1"):
            decide(scenario, Observation(channel, PAYLOAD_BITS), owing, rng=rng)
    with pytest.raises(ValueError, match=r"do not broadcast: .*remaining_risk \(4, 5\)"):
        decide(scenario, Observation(channel, PAYLOAD_BITS, remaining_risk=np.ones((4, 5))), state, rng=rng)
    with pytest.raises(ValueError, match=r"min_participation = 0\.5 in each of 4 modules needs more"):
        Scenario.corrected(min_participation=0.5)  # (7d) that no subscription can keep is refused up front
