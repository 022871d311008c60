"""Every public function and dataclass with odd values: the result of the plain ones, or one sentence that names what.

The walk covers all that the numeric layers export; what is left out stands in `GIVEN_BACK`.
"""

import dataclasses
import inspect
import random
import re
import warnings

import numpy as np
import pytest
import torch
from odd_values import no_number, no_numbers, same_number, same_numbers

from fedswitch import Scenario, control, encoders, learning, split, streams, theory, units, wireless
from fedswitch.control.bandwidth import Search
from fedswitch.learning import partition, reviews, tasks
from fedswitch.learning.data import Split
from fedswitch.learning.schemes.base import Plan
from fedswitch.learning.schemes.flexlora import flexlora
from fedswitch.theory import montecarlo, problems, trials
from fedswitch.wireless import Radio

GIVEN_BACK = {
    "control": {"Allocation", "Decision", "EnergyAllocation", "Inner", "OnlineGuarantee", "Trace"},
    "theory": {"Missed", "RiskGapBound", "StationarityBound"},
    "wireless": set(),
    "split": {"Schedule", "ScheduledRounds", "SplitHistory"},
}
"""Dataclasses that functions return and none takes."""

TAKES_NAN = {"db_to_ratio", "dbm_to_w", "next_bound", "Channel", "State", "Reception", "Plan"}
"""What a function or a later door judges."""

SMALL = Scenario(num_ues=2, num_modules=1, lora_ranks=(2,), path_loss_exponent=4)
TWO = split.SplitScenario(num_devices=2)
PAPER = Scenario.paper(num_ues=2, num_modules=1, lora_ranks=(2,))


class Rng:
    """Stands for a fresh generator."""


RNG = Rng()


def plain(call):
    """Where it stands for a generator, put a fresh one."""
    return {name: np.random.default_rng(5) if value is RNG else value for name, value in call.items()}


def radio(**changes):
    return Radio(**LINK | changes)


LINK = {
    "bandwidth_hz": 3, "noise_psd_w_per_hz": 0.5, "path_loss_exponent": 4, "base_station_density_per_m2": 0.25,
    "interferer_power_w": 2, "reference_gain": 1,
}  # fmt: skip
BAND = {"bandwidth_hz": 100, "noise_psd_w_per_hz": 0.25}
LINKS = {"payload_bits": [5, 9], "signal_w": [2, 3], "interference_w": [0, 1]}
POWER = {"attenuation_w": 0.5, "benefit": 9, "price_per_w": 1}
FIELD = {"path_loss_exponent": 4, "max_power_w": 2}
SCHEDULE = {"weights": [0.25, 0.75], "subscription": [[1, 0], [1, 1]], "success": [[0.5, 0.75], [1, 0]]}
SHAPE = {"smoothness": 2, "strong_convexity": 1}
CHANNEL = {"distance_m": [20, 50], "gain": [0.5, 0.25], "interference_w": [0, 0.5]}
OBSERVED = {"payload_bits": [100], "compute_energy_j": 2, "remaining_risk": 1}
CARRIED = {
    "round_index": 1, "subscription": [[1, 0]], "dual": [[0, 1]], "dual_step": [1, 2], "bound": [[3]], "delay_s": 2,
}  # fmt: skip


def observe(**changes):
    return control.Observation(wireless.Channel(**{n: np.array(v, dtype=float) for n, v in CHANNEL.items()}), **changes)


def decide(seen=None, state=None, scenario=PAPER, **options):
    before = control.State(**{"round_index": 1, **CARRIED, **(state or {})})
    return control.decide(scenario, seen or observe(**OBSERVED), before, **{"rng": np.random.default_rng(5)} | options)


def known():
    return SMALL, observe(**OBSERVED), control.State(**CARRIED)


def received(**fields):
    return theory.bias_and_noise(
        [0.25, 0.75], theory.ReceivedWeights(**fields), np.eye(2), curvature=np.eye(2), smoothness=1.0
    )


CALLS = {
    # units, streams, encoders
    "db_to_ratio": (units.db_to_ratio, {"value_db": [3, -7]}),
    "ratio_to_db": (units.ratio_to_db, {"ratio": [3, 0.5]}),
    "dbm_to_w": (units.dbm_to_w, {"power_dbm": [3, -7]}),
    "w_to_dbm": (units.w_to_dbm, {"power_w": [3, 0.5]}),
    "stream": (lambda seed, purpose, indices: streams.stream(seed, purpose, indices).random(3),
               {"seed": 7, "purpose": "fading", "indices": 100}),
    "lora_payload_bits": (encoders.lora_payload_bits, {"scenario": SMALL, "hidden_size": 100, "layers": 12}),
    # wireless
    "Cell": (lambda **f: wireless.Cell(**f).channel(2), {"scenario": SMALL, "seed": 3, "distance_m": [50, 100]}),
    "Channel": (lambda **f: decide(control.Observation(wireless.Channel(**f), [100.0])), CHANNEL),
    "Radio": (lambda **f: (radio(**f).path_gain(np.array([3.0, 5.0])), radio(**f).noise_w), LINK),
    "Reception": (lambda **f: wireless.Reception(**f).probability([1.0, 3.0]),
                  {"attenuation_w": [1, 2], "field": [0.5, 1], "interference": [0, 1], "path_loss_exponent": 4}),
    "deadline_threshold": (wireless.deadline_threshold, {
        "payload_bits": [100, 9], "bandwidth_hz": 50, "deadline_s": 3}),
    "delay_s": (wireless.delay_s, {"payload_bits": [100, 9], "rate_bit_per_s": [3, 7]}),
    "ergodic_spectral_efficiency": (wireless.ergodic_spectral_efficiency, {"distance_m": [2, 3], "power_w": 1, **LINK}),
    "interference_integral": (wireless.interference_integral, {"c": [1, 0.5], "path_loss_exponent": 4}),
    "interferer_distances_m": (wireless.interferer_distances_m, {
        "num_ues": 3, "base_station_density_per_m2": 0.25, "rng": RNG, "extent_radii": 12}),
    "noise_power_w": (wireless.noise_power_w, {"share": [0.5, 1], **BAND}),
    "path_gain": (wireless.path_gain, {"distance_m": [50, 100], "path_loss_exponent": 4, "reference_gain": 0.5}),
    "rate_bit_per_s": (wireless.rate_bit_per_s, {"share": 0.5, "signal_w": [2, 3], "interference_w": [0, 1], **BAND}),
    "rayleigh_power_gain": (wireless.rayleigh_power_gain, {"shape": 3, "rng": RNG}),
    "received": (wireless.received, {"sinr": [3, 1], "threshold": 2}),
    "reception_threshold": (wireless.reception_threshold, {
        "scenario": Scenario(threshold="deadline"), "share": [0.5, 0.25], "payload_bits": [100, 9]}),
    "sinr": (wireless.sinr, {"signal_w": [2, 3], "interference_w": [0, 1], "noise_w": 0.5}),
    "success_probability": (wireless.success_probability, {
        "distance_m": [2, 3], "power_w": 1, "sinr_threshold": 2, **LINK, "form": "corrected"}),
    "training_energy_j": (wireless.training_energy_j, {"scenario": PAPER, "model_bits": 120}),
    "ue_distances_m": (wireless.ue_distances_m, {
        "num_ues": 3, "min_distance_m": 100, "cell_radius_m": 120, "rng": RNG}),
    "uplink_energy_j": (wireless.uplink_energy_j, {"power_w": [100, 120], "delay_s": [100, 120]}),
    "voronoi_link_distances_m": (wireless.voronoi_link_distances_m, {
        "num_networks": 2, "base_station_density_per_m2": 0.25, "rng": RNG, "extent_radii": 2}),
    # theory
    "ReceivedWeights": (received, {"nobody": [0.5], "mean": [[0.5, 0.5]], "covariance": [[[1, 0], [0, 1]]]}),
    "bias_and_noise": (lambda **a: theory.bias_and_noise(received=theory.received_weights(**SCHEDULE), **a), {
        "weights": [0.25, 0.75], "deviations": [[1, 2], [3, 4]], "curvature": [[1, 0], [0, 1]], "smoothness": 1}),
    "bias_and_noise_constants": (lambda **a: theory.bias_and_noise_constants(PROBLEM, **a), {
        "subscription": [[1, 0], [1, 1]], "success": [[0.5, 0.75], [1, 1]], "splits": [1, 2]}),
    "constants": (theory.constants, {**SCHEDULE, **SHAPE, "zeta1": 3, "zeta2": 0.125, "form": "corrected"}),
    "heterogeneity_bound": (theory.heterogeneity_bound, {
        "weights": [0.25, 0.75], "gradients_at_optimum": [[100, 2], [3, 4]], "strong_convexity": 2}),
    "missed_data": (theory.missed_data, SCHEDULE),
    "next_bound": (theory.next_bound, {"bound": [100, 9], "A": [0.5, 2], "B": [100, 1]}),
    "received_weights": (theory.received_weights, SCHEDULE),
    "risk_gap_bound": (theory.risk_gap_bound, {
        "A": [[0.5, 1]], "B": [[100, 9]], "start": [9, 5], "heterogeneity_gap": 2}),
    "ue_constants": (theory.ue_constants, {
        "subscription": [[1, 0]], "success": [[0.5, 0.75]], "num_ues": 100, **SHAPE, "zeta1": 3, "zeta2": 0.125,
        "form": "printed"}),
    "unroll": (theory.unroll, {"A": [[0.5, 1]], "B": [[100, 9]], "start": [9, 5]}),
    "inverse_moments": (theory.inverse_moments, {**SCHEDULE, "least_probability": 0.25}),
    "inverse_weights": (theory.inverse_weights, {**SCHEDULE, "least_probability": 0.25}),
    "sampling_noise": (lambda **a: theory.sampling_noise(theory.received_weights(**SCHEDULE), **a), {
        "sample_variance": [3, 4], "batch_size": [2, 1]}),
    "sampling_offset": (lambda **a: theory.sampling_offset(theory.received_weights(**SCHEDULE), **a), {
        "sample_variance": [3, 4], "batch_size": [2, 1], "smoothness": 2}),
    "spread_factors": (lambda **a: theory.spread_factors(received=theory.received_weights(**SCHEDULE), **a), {
        "weights": [0.25, 0.75]}),
    "stationarity_bound": (
        lambda **a: theory.stationarity_bound(
            received=theory.received_weights([0.25, 0.75], [[[1, 1]]], [[[0.5, 0.75]]]), **a), {
            "weights": [0.25, 0.75], "initial_gap": 3, "smoothness": 2, "learning_rate": 0.25, "spread_sq": 4,
            "sample_variance": [3, 4], "batch_size": [2, 1]}),
    "descend": (lambda **a: montecarlo.descend(PROBLEM, **a), {
        "subscription": [[[1, 0]]], "success": [[0.5, 0.75]], "start": [3, 4], "runs": 3, "rng": RNG}),
    "Trial": (lambda **f: trials.measure(trials.Trial("one", PROBLEM, **f), runs=2), {
        "subscription": [[[1, 0]]], "success": [[0.5, 0.75]], "start": [3, 4]}),
    "ridge": (problems.ridge, {"seed": 1, "num_ues": 2, "dimension": 2, "samples": 9, "regularization": 0.5,
                               "heterogeneity": 2}),
    "logistic": (problems.logistic, {"seed": 1, "num_ues": 2, "dimension": 2, "samples": 9, "regularization": 0.5,
                                     "heterogeneity": 2}),
    "Ridge": (lambda **f: problems.Ridge(**f).optimum, {
        "weights": [0.25, 0.75], "hessians": [[[2, 0], [0, 1]]] * 2, "linear": [[100, 9], [3, 7]]}),
    "Logistic": (lambda **f: problems.Logistic(**f).optimum, {
        "weights": [0.25, 0.75], "signed": [[[1, 2], [2, -1]]] * 2, "regularization": 0.5}),
    # control
    "best_static": (control.best_static, {"cost": [-3, 1], "limit": 1, "min_participation": 0.25}),
    "online_guarantee": (control.online_guarantee, {
        "gradients": [[[3], [-1]]], "subscriptions": [[[0], [1]]], "duals": [[[0.5], [0]]], "steps": 2, "limit": 1,
        "min_participation": 0.25, "uploads": [[[0], [1]]]}),
    "participation_limit": (control.participation_limit, {
        "rounds": 100, "num_modules": 4, "limit": 2, "min_participation": 0.25, "spread_over_step": 3}),
    "step_1_bound": (lambda **a: control.step_1_bound(*known(), **a), {"powers": 3, "cuts": 2}),
    "decide_unbiased": (lambda **a: control.decide_unbiased(*known(), **a), {
        "probability": [[0.5, 0.25]], "rng": RNG}),
    "subscription_probabilities": (control.subscription_probabilities, {
        "worth": [3, 1], "success": [0.5, 0.25], "price": [2, 1], "limit": 1, "min_participation": 0.125}),
    "unbiased_power": (
        lambda **a: control.unbiased_power(wireless.Reception(*np.array([[[1, 2]], [[1, 1]], [[0, 0]]]), 4), **a),
        {"uploads": [[1, 0]], "worth": [[3, 1]], "price_per_w": [2, 1], "max_power_w": 4}),
    "Observation": (lambda **f: decide(observe(**f)), OBSERVED),
    "State": (lambda **f: decide(state=f), CARRIED),
    "Search": (lambda **f: control.allocate_bandwidth(**LINKS, **BAND, **vars(Search(**f))), {
        "method": "bisection", "tolerance": 0.5, "max_iterations": 100}),
    "airtime_s": (control.airtime_s, {"scenario": SMALL, "delay_s": 3}),
    "allocate_bandwidth": (control.allocate_bandwidth, {
        **LINKS, **BAND, "method": "newton", "tolerance": 0.125, "max_iterations": 100}),
    "allocate_bandwidth_ergodic": (lambda **a: control.allocate_bandwidth_ergodic(radio=radio(), **a), {
        "payload_bits": [5, 9], "distance_m": [2, 3], "power_w": [1, 2], "tolerance": 0.125}),
    "least_delays": (control.least_delays, {"payload_bits": [5, 9], "signal_w": [3, 4], **BAND}),
    "set_delays": (control.set_delays, {
        "payload_bits": [5, 9], "signal_w": [3, 4], "members": [[1, 0], [1, 1]], **BAND}),
    "allocate_energy_optimal": (control.allocate_energy_optimal, {
        **LINKS, "power_w": [1, 2], **BAND, "tolerance": 0.125, "max_iterations": 100}),
    "cost_gradient": (control.cost_gradient, {
        "scenario": SMALL, "success": [[0.5, 0.75]], "energy_j": [[100, 9]], "bound": [[100, 9]],
        "weights": [0.25, 0.75], "form": "corrected"}),
    "decide": (decide, {"rng": RNG, "rule": "switching", "form": "printed"}),
    "dual_ascent": (control.dual_ascent, {
        "dual": [0, 3], "subscription": [1, 0], "min_participation": 0.5, "step": 100}),
    "ergodic_share_for_delay": (lambda **a: control.ergodic_share_for_delay(radio=radio(), **a), {
        "delay_s": 100, "payload_bits": [5, 9], "distance_m": [2, 3], "power_w": [1, 2]}),
    "interior_point_power": (lambda **a: control.interior_point_power(lambda p: np.exp(-p), **a), {
        "price_per_w": 0.25, "max_power_w": 4, "start_w": 1}),
    "optimal_power": (control.optimal_power, {**POWER, "max_power_w": 100}),
    "optimal_power_in_field": (control.optimal_power_in_field, {**POWER, "field": 0.5, **FIELD}),
    "optimal_power_several": (control.optimal_power_several, {
        "attenuation_w": [[0.5, 1]], "field": [[0.5, 1]], "benefit": [[9, 5]], "price_per_w": [1, 2], **FIELD,
        "min_power_w": 0.5, "tolerance": 0.125}),
    "power_gradient": (control.power_gradient, {
        "power_w": [1, 2], "attenuation_w": [[0.5, 1]], "benefit": [[9, 5]], "price_per_w": 1, "subscription": [[1, 0]],
        "interference_factor": 0.5, "form": "corrected"}),
    "project_capped_simplex": (control.project_capped_simplex, {"point": [0.5, 2, -1], "limit": 1}),
    "random_subscription": (control.random_subscription, {"num_modules": 4, "num_ues": 3, "limit": 2, "rng": RNG}),
    "reception_benefit": (control.reception_benefit, {
        "scenario": SMALL, "bound": [[100, 9]], "weights": [0.25, 0.75], "form": "corrected"}),
    "round_subscription": (control.round_subscription, {"fraction": [[0.5, 0.25]], "rng": RNG}),
    "share_bandwidth": (lambda **a: control.share_bandwidth(PAPER, observe(**OBSERVED).channel, **a), {
        "payload_bits": [[100, 9]], "power_w": [1, 2], "method": "bisection"}),
    "share_for_delay": (control.share_for_delay, {"delay_s": 100, **LINKS, **BAND}),
    "start": (control.start, {"scenario": SMALL, "rng": RNG, "form": "corrected"}),
    "subscribe": (control.subscribe, {"gradient": [-1, 2], "dual": [0, 3], "limit": 1, "rng": RNG}),
    "subscribe_greedy": (control.subscribe_greedy, {"gradient": [-1, 2], "limit": 1, "rng": RNG}),
    "subscribe_proximal": (control.subscribe_proximal, {
        "previous": [1, 0], "gradient": [-1, 2], "dual": [0, 3], "limit": 1, "step": 0.5}),
    "ue_cost": (control.ue_cost, {
        "scenario": SMALL, "subscription": [[1, 0]], "success": [[0.5, 0.75]], "energy_j": [[100, 9]],
        "bound": [[100, 9]], "weights": [0.25, 0.75], "form": "corrected"}),
    # learning
    "Plan": (Plan, {"power_w": [1, 2], "subscription": np.ones((1, 2), dtype=bool).tolist()}),
    "Split": (lambda **f: Split(texts=("a", "b"), **f), {"labels": [0, 1], "domains": [3, 100]}),
    "dirichlet_partition": (learning.dirichlet_partition, {
        "labels": [0, 1] * 20, "num_ues": 2, "concentration": 2, "min_samples": 1, "rng": RNG}),
    "quantity_partition": (partition.quantity_partition, {
        "labels": [0, 1] * 20, "num_ues": 2, "concentration": 2, "min_samples": 1, "rng": RNG}),
    "domain_partition": (partition.domain_partition, {
        "domains": [0, 1] * 20, "num_ues": 2, "domains_per_ue": 1, "min_samples": 1, "rng": RNG}),
    "ue_test_indices": (partition.ue_test_indices, {
        "groups": [0, 1] * 9, "proportions": [[0.5, 0.5]], "samples": 4, "seed": 3}),
    "write_reviews": (lambda **a: reviews.write_reviews(reviews.TEST_WORDS, rng=np.random.default_rng(5), **a),
                      {"count": 3}),
    "reviews_task": (tasks.reviews_task, {"train": 5, "test": 3, "seed": 2}),
    "questions_task": (tasks.questions_task, {"train": 5, "test": 3, "seed": 2}),
    "flexlora": (lambda **a: flexlora([(torch.ones(2, 3), torch.ones(4, 2))] * 2, **a), {
        "weights": [0.25, 0.75], "scales": [100, 100], "rank": 2, "scale": 2}),
    # split
    "SplitCell": (lambda **f: split.SplitCell(**f).gain_w(2), {"scenario": TWO, "seed": 3, "distance_m": [50, 100]}),
    "decide_schedule": (split.decide_schedule, {
        "scenario": TWO, "gain_w": [3, 1], "queue_s": 2, "t": 4, "policy": "fair", "participation_price": [0, 1],
        "payload_bits": [100, 9]}),
    "equal_share_delays": (split.equal_share_delays, {"gain_w": [3, 4], "payload_bits": 5, **BAND}),
    "prefix_delays": (split.prefix_delays, {"gain_w": [3, 4], "payload_bits": 5, **BAND}),
    "excess_bound": (split.excess_bound, {
        "rounds": [100, 9], "exponent": 0.5, "num_devices": 3, "target_s": 2, "longest_s": 4, "scale": 0.25,
        "form": "corrected"}),
    "first_round_risk": (split.first_round_risk, {
        "rounds": [100, 9], "mean_gain_w": [0.5, 2], "target_s": 3, "payload_bits": 5, "noise_psd_w_per_hz": 0.25}),
    "follow_queue": (split.follow_queue, {
        "delays_s": [[1, 3], [2, 4]], "target_s": 2, "exponent": 0.5, "scale": 0.25, "queue": 3,
        "least_price_per_s": 0.5, "form": "printed"}),
    "price_bound": (split.price_bound, {"delays_s": [[1, 3], [2, 4]], "target_s": 2}),
    "price_of_delay": (split.price_of_delay, {"delays_s": [[1, 3], [2, 4]], "target_s": 2}),
    "schedule_rounds": (lambda **a: split.schedule_rounds(split.SplitCell.draw(TWO, 3), **a), {
        "rounds": 3, "policy": "proposed"}),
    "settled": (split.settled, {
        "delays_s": [[1, 3], [2, 4]], "target_s": 2, "exponent": 0.5, "scale": 0.25, "form": "printed"}),
    "shortfall_bound": (split.shortfall_bound, {
        "rounds": 100, "exponent": 0.5, "target_s": 2, "longest_s": 4, "scale": 0.25, "form": "corrected"}),
    "start_queue_s": (lambda **a: split.start_queue_s(split.SplitCell.draw(TWO, 3), **a), {"policy": "fair"}),
}  # fmt: skip
PROBLEM = problems.ridge(0, num_ues=2, dimension=2, samples=9)

OTHER_NAMES = {"train": "count", "test": "count", ("Search", "max_iterations"): "max_iterations"}
"""Arguments that the message calls by the name of the one that they become."""


def of_kind(*kinds):
    """The arguments of all calls whose plain value is of one of these types."""
    return [
        (name, argument)
        for name, (_, call) in CALLS.items()
        for argument, value in call.items()
        if type(value) in kinds
    ]


def content(result):
    """A result to the last bit: what it is made of, types of arrays included."""
    if dataclasses.is_dataclass(result):
        return [(f.name, content(getattr(result, f.name))) for f in dataclasses.fields(result)]
    if isinstance(result, (tuple, list)):
        return [content(part) for part in result]
    if isinstance(result, torch.Tensor):
        return content(result.numpy())
    if isinstance(result, (np.ndarray, np.generic)):
        return str(result.dtype), result.shape, result.tobytes()
    if isinstance(result, float):
        return content(np.float64(result))
    return type(result).__name__, repr(result)


def outcome(name, **changes):
    """What a call gives when some of its arguments are other ones; a warning is an error."""
    function, call = CALLS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return content(function(**plain(call | changes)))


def refusal(function, *arguments, **named):
    """The message with which a call refuses what it is given; none where it admits it."""
    try:
        function(*arguments, **named)
    except ValueError as error:
        return str(error)
    return f"was admitted: {arguments}, {named}"


def check_sentence(message, argument):
    named = OTHER_NAMES.get(argument, argument)
    assert re.search(rf"\b{named}\b", message), message
    assert "\n" not in message
    assert len(message) < 400


# All are there


@pytest.mark.parametrize("room", [wireless, theory, control, split])
def test_the_walk_leaves_nothing_out(room):
    public = {
        name for name in room.__all__ if inspect.isroutine(getattr(room, name)) or inspect.isclass(getattr(room, name))
    }
    elsewhere = {one.__name__ for one in (*RUNS, *SCENARIOS)}
    assert not public - CALLS.keys() - GIVEN_BACK[room.__name__.split(".")[-1]] - elsewhere


# Numbers


@pytest.mark.parametrize(("name", "argument"), of_kind(int, float))
def test_a_number_of_another_type_is_that_number(name, argument):
    value, expected = CALLS[name][1][argument], outcome(name)
    for kind, same in same_number(value).items():
        assert outcome(name, **{argument: same}) == expected, kind


@pytest.mark.parametrize(("name", "argument"), of_kind(list))
def test_numbers_of_another_type_are_these_numbers(name, argument):
    values, expected = CALLS[name][1][argument], outcome(name)
    if name == "Plan" and argument == "subscription":
        pytest.skip("what a scheme of one's own returns must be boolean: `check_plan` tells")
    for kind, same in same_numbers(values).items():
        assert outcome(name, **{argument: same}) == expected, kind


@pytest.mark.parametrize(("name", "argument"), of_kind(int, float, list))
def test_what_is_no_number_is_refused_in_a_sentence(name, argument):
    if name == "Plan" and argument == "subscription":
        pytest.skip("`check_plan` tells")
    value = CALLS[name][1][argument]
    several = isinstance(value, list)
    odd = {**(no_numbers(value) if several else no_number(value)), **(no_number(1) if several else {})}
    for kind, wrong in odd.items():
        if (name in TAKES_NAN and "nan" in kind) or (argument in ("seed", "indices") and kind.startswith("too")):
            continue
        check_sentence(refusal(outcome, name, **{argument: wrong}), argument)


# Words, flags and generators


@pytest.mark.parametrize(("name", "argument"), of_kind(str))
@pytest.mark.parametrize("wrong", ["odd", "", 1, None, b"corrected", ["corrected"], np.array(["printed"] * 2), {}])
def test_words_that_are_none_are_refused_in_a_sentence(name, argument, wrong):
    if name == "stream" and isinstance(wrong, str):
        return  # any word is a purpose
    check_sentence(refusal(outcome, name, **{argument: wrong}), argument)


@pytest.mark.parametrize(("name", "argument"), of_kind(Rng))
@pytest.mark.parametrize("wrong", [0, np.random, np.random.RandomState(0), random.Random(0), np.random.PCG64(0), "rng"])
def test_what_is_no_generator_of_its_own_is_refused(name, argument, wrong):
    check_sentence(refusal(outcome, name, **{argument: wrong}), argument)


# The scenario

SCENARIOS = (Scenario, split.SplitScenario)
FIELDS = [(kind, field.name) for kind in SCENARIOS for field in dataclasses.fields(kind)]


@pytest.mark.parametrize(("scenario", "field"), FIELDS)
def test_a_field_keeps_a_plain_value_whatever_it_was_given_as(scenario, field):
    value = getattr(scenario(), field)
    if isinstance(value, str):
        clothed = {"numpy": np.str_(value)}
    elif isinstance(value, tuple):
        clothed = same_numbers(value)
        clothed = {kind: same for kind, same in clothed.items() if not kind.startswith(("torch", "Series"))}
    else:
        clothed = same_number(3 if value is None else value)
    for kind, same in clothed.items():
        kept = getattr(scenario(**{field: same}), field)
        assert kept == (3 if value is None else value), kind
        for entry in kept if isinstance(kept, tuple) else (kept,):
            assert type(entry) in (int, float, str), kind
        if "int" in scenario.__annotations__[field]:
            assert all(type(entry) is int for entry in (kept if isinstance(kept, tuple) else (kept,))), kind


@pytest.mark.parametrize(("scenario", "field"), FIELDS)
def test_a_field_refuses_what_is_none_of_its_values_in_a_sentence(scenario, field):
    value = getattr(scenario(), field)
    odd = no_number(1) | {"huge": 1e308, "huge and whole": 10**200, "infinite": np.inf, "several": [1, 2]}
    if "int" in scenario.__annotations__[field]:
        odd |= {"wide": 2**63, "above what is counted": 10**30, "a fraction": np.float16(2.5)}
    if isinstance(value, tuple):
        odd |= no_numbers(value) | {"nested": (value,)}
    for kind, wrong in odd.items():
        if isinstance(value, tuple) and kind == "several":
            continue
        check_sentence(refusal(scenario, **{field: wrong}), field)


@pytest.mark.parametrize(("scenario", "field"), FIELDS)
def test_a_misspelled_field_is_named_with_the_nearest_one(scenario, field):
    wrong = field[:2] + field[3:]
    with pytest.raises(TypeError, match=f"^{scenario.__name__} has no field '{wrong}'. Did you mean '"):
        scenario(**{wrong: getattr(scenario(), field)})


def test_energy_does_not_depend_on_the_type_of_a_number():
    """The report: 3,288 J for 60,304 J, since 32 bits do not hold the bits of the model."""
    from fedswitch.learning.modules import Modules

    joules = []
    for bits in (200, np.int32(200), np.uint8(200)):
        backbone = type("Backbone", (), {"num_parameters": 22_713_216})
        one = type("One", (), {"bits_per_parameter": Scenario(bits_per_parameter=bits).bits_per_parameter,
                               "backbone": backbone})()  # fmt: skip
        joules.append(wireless.training_energy_j(Scenario.paper(), Modules.model_bits.fget(one)))
    assert joules[0] == joules[1] == joules[2]


# Runs

SHARED = [
    "rounds", "seed", "evaluate_every", "checkpoint_every", "progress", "engine", "task", "backbone", "device",
    "scenario", "kept", "resume", "data",
]  # fmt: skip
OWN = {learning.simulate: ["personal", "scheme", "also_test", "stop"], split.simulate_split: ["policy"]}
RUNS = {learning.simulate: SMALL, split.simulate_split: split.SplitScenario(num_devices=2)}


@pytest.mark.parametrize(("run", "argument"), [(run, name) for run, own in OWN.items() for name in [*SHARED, *own]])
def test_a_run_refuses_what_means_nothing_before_it_begins(run, argument):
    odd = {kind: wrong for kind, wrong in no_number(1).items() if not kind.startswith("function")}
    if argument == "seed":
        odd = {kind: wrong for kind, wrong in odd.items() if not kind.startswith("too")}
    if argument in ("task", "scheme", "backbone", "device", "data", "resume", "policy"):
        odd = {"object": object(), "bytes": b"tiny", "list": ["tiny"], "number": 3.5, "dict": {"a": 1}}
    if argument in ("also_test", "stop"):
        odd = {"word": "always", "number": 1, "list": [1]}
    call = {"scenario": RUNS[run], "task": "reviews", "rounds": 1, "backbone": "tiny", "progress": False}
    if argument == "data":
        call["task"] = "sst2"
    for wrong in odd.values():
        check_sentence(refusal(run, **call | {argument: wrong}), argument)


# Nothing that others set is read or changed


def test_no_call_reads_or_changes_what_all_share():
    def shared():
        return (
            random.getstate(), str(np.random.get_state()), torch.random.get_rng_state().tolist(), np.geterr(),  # noqa: NPY002
            torch.get_default_dtype(), np.get_printoptions(), tuple(warnings.filters),
        )  # fmt: skip

    first = {name: outcome(name) for name in CALLS}
    before = shared()
    for name in CALLS:
        outcome(name)
    assert shared() == before
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    with np.errstate(all="ignore"):
        assert {name: outcome(name) for name in CALLS} == first


def test_modules_start_without_the_generator_and_the_type_of_all():
    def start():
        modules = learning.LoraModules(learning.load_backbone("tiny"), SMALL, num_labels=2, seed=3)
        return [parameter.detach() for n in range(len(modules)) for parameter in modules.parameters(n)]

    backbone = learning.load_backbone("tiny")
    expected, state = start(), torch.random.get_rng_state()
    torch.set_default_dtype(torch.float64)
    try:
        modules = learning.LoraModules(backbone, SMALL, num_labels=2, seed=3)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.random.get_rng_state(), state)
    for found, wanted in zip(modules.parameters(0), expected, strict=True):
        assert found.dtype == torch.float32
        assert torch.equal(found, wanted)
