"""The queue, Lemma 3 and Algorithm 1 against root finding, another solver, and all sets of devices."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar, root_scalar
from scipy.special import lambertw

from fedswitch.split import COUNTEREXAMPLES, scheduling
from fedswitch.split.scheduling import (
    drift_bound,
    least_delay,
    objective,
    queue_step,
    required_bandwidth,
    schedule,
)
from fedswitch.theory.outcomes import checks_in

UNIT = {"payload_bits": 1.0, "bandwidth_hz": 1.0, "noise_psd_w_per_hz": 1.0}
seconds = st.floats(0, 1e3)


@pytest.mark.parametrize("counterexample", checks_in(scheduling).values())
def test_refutes_what_is_printed_and_not_what_holds(counterexample):
    case = counterexample()
    right = counterexample is scheduling.nobody_is_within_delta
    assert case.refutes == (not right)
    assert case.corrected_holds
    assert (case.corrected is None) == right


def test_the_package_has_all_of_them():
    assert len(set(COUNTEREXAMPLES)) == len(COUNTEREXAMPLES) == 31


@pytest.mark.parametrize("check", COUNTEREXAMPLES)
def test_the_sentence_has_both_numbers(check):
    case = check()
    numbers = [abs(float(number)) for number in re.findall(r"\d+(?:\.\d+)?", case.says)]
    for side in (case.left, case.right):
        assert any(number == pytest.approx(abs(side), rel=0.05, abs=1e-12) for number in numbers)
    assert len(case.says.split()) <= 25


@given(seconds, seconds, seconds)
def test_lemma_2_holds_as_corrected_and_is_a_lower_bound_as_printed(queue, delay, target):
    drift = (max(0.0, queue + delay - target) ** 2 - queue**2) / 2
    rounding = 1e-9 * (1 + queue + delay + target) ** 2
    assert drift <= drift_bound(queue, delay, target) + rounding
    assert drift >= drift_bound(queue, delay, target, form="printed") - rounding


def test_drift_by_hand():
    case = scheduling.drift_from_an_empty_queue()
    assert (case.left, case.right, case.corrected) == (0.5, 0.0, 0.5)
    np.testing.assert_allclose(drift_bound([0.0, 3.0], 2.0, 1.5), [0.125, 1.625])
    np.testing.assert_allclose(drift_bound([0.0, 3.0], 2.0, 1.5, form="printed"), [0.0, 1.5])
    assert queue_step(1.0, 2.0, 4.0) == 0.0
    assert queue_step(1.0, 2.0, 4.0, weight=0.25) == 0.5


def delay_of(bandwidth, gain, payload, noise):
    return payload / (bandwidth * np.log2(1 + gain / (bandwidth * noise)))


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(0.01, 0.9))
def test_lemma_3_holds_as_corrected(gain, payload, noise, margin):
    """At the bandwidth that it returns, (5) and (7) give the delay that was asked for."""
    delay = payload * np.log(2) * noise / gain / margin
    bandwidth = required_bandwidth(gain, delay, payload_bits=payload, noise_psd_w_per_hz=noise)
    assert delay_of(bandwidth, gain, payload, noise) == pytest.approx(delay, rel=1e-9)


def test_lemma_3_has_no_solution_where_the_noise_is_too_strong():
    limit = 7.0 * np.log(2) * 0.5 / 2.0
    impossible = [
        required_bandwidth(2.0, f * limit, payload_bits=7.0, noise_psd_w_per_hz=0.5) for f in np.linspace(0.1, 1, 37)
    ]
    assert np.isinf(impossible).all()
    assert 0 < required_bandwidth(2.0, 1.01 * limit, payload_bits=7.0, noise_psd_w_per_hz=0.5) < np.inf
    assert delay_of(1e6, 2.0, 7.0, 0.5) == pytest.approx(limit, rel=1e-5)


def test_lemma_3_as_printed_knows_neither_payload_nor_delay():
    case = scheduling.inverted_argument()
    found = root_scalar(lambda y: 2.0 ** (y / 2) - 1 - 4 * y, x0=20.0, x1=15.0)  # (40)
    assert case.left == pytest.approx(found.root, rel=1e-9)
    assert case.corrected == pytest.approx(found.root, rel=1e-9)
    assert case.right == pytest.approx(2.0 / 0.5 - 0.5 / 2.0)
    for payload, delay in ((1.0, 0.7), (3.0, 4.0), (5.0, 2.0)):
        printed = required_bandwidth(2.0, delay, payload_bits=payload, noise_psd_w_per_hz=0.5, form="printed")
        assert 1 / printed == pytest.approx(3.75)


def delay_by_lambert(gains, payload=1.0, bandwidth=1.0, noise=1.0):
    """The least delay by Lemma 3 on the lower branch of Lambert's function, at which the bandwidths sum to B."""
    gains = np.array(gains)

    def unused(delay):
        c, s = payload * np.log(2) / delay, gains / noise
        ratio = c / s
        return 1 - (1 / (-lambertw(-ratio * np.exp(-ratio), -1).real / c - 1 / s)).sum() / bandwidth

    alone, even = (delay_of(bandwidth / count, gains.min(), payload, noise) for count in (1, gains.size))
    return brentq(unused, alone * (1 - 1e-9), 2 * even, xtol=1e-300, rtol=1e-14)


@pytest.mark.parametrize("seed", range(5))
def test_least_delay_by_another_solver(seed):
    rng = np.random.default_rng(seed)
    gains, payload, bandwidth, noise = rng.uniform(0.5, 50, 6), 3e4, 2e6, 4e-7
    ours = least_delay(gains, payload_bits=payload, bandwidth_hz=bandwidth, noise_psd_w_per_hz=noise)
    assert ours == pytest.approx(delay_by_lambert(gains, payload, bandwidth, noise), rel=1e-12)
    assert least_delay(
        gains[:1], payload_bits=payload, bandwidth_hz=bandwidth, noise_psd_w_per_hz=noise
    ) == pytest.approx(delay_of(bandwidth, gains[0], payload, noise), rel=1e-12)


def split_delay(gains):
    """The least delay of two devices, by a search over how they share the band."""
    found = minimize_scalar(
        lambda share: max(delay_of(share, gains[0], 1, 1), delay_of(1 - share, gains[1], 1, 1)),
        bounds=(1e-9, 1 - 1e-9), method="bounded", options={"xatol": 1e-12},
    )  # fmt: skip
    return found.fun


def test_objective_of_nobody_of_one_and_of_two():
    assert objective((), 3.0) == 0.0
    assert objective((3.0,), 2.0) == pytest.approx(1 - 2 * 0.5)
    assert objective((9.0, 2.0), 0.7) == pytest.approx(2 - 0.7 * split_delay((9.0, 2.0)), rel=1e-6)


def every_set(gains):
    return itertools.chain.from_iterable(itertools.combinations(gains, count) for count in range(len(gains) + 1))


@given(st.lists(st.floats(0.2, 100), min_size=1, max_size=5), st.floats(0.01, 10))
def test_the_full_scan_is_optimal_and_algorithm_1_within_k(gains, price):
    best = max(objective(chosen, price) for chosen in every_set(gains))
    strongest = sorted(gains, reverse=True)
    assert objective(strongest[: schedule(gains, price)], price) == pytest.approx(best, abs=1e-9)
    stopped = objective(strongest[: schedule(gains, price, form="printed")], price)
    assert 0 <= stopped <= best + 1e-9
    assert best <= len(gains)  # so that whatever has J >= 0, nobody as well, is within K of the best


def test_schedule_follows_the_printed_lines():
    """J is 0, 0.77, 0.43, 1.05, 1.68: it falls once and rises above what it was."""
    gains = (1.0, 100.0, 1.0, 1.0)  # not yet sorted
    values = [objective(sorted(gains)[::-1][:count], 1.5) for count in range(5)]
    assert values[1] > values[2] < values[3] < values[4]
    assert values[1] < values[4]
    assert schedule(gains, 1.5, form="printed") == 1
    assert schedule(gains, 1.5) == 4
    assert schedule(gains, 1e-3, form="printed") == schedule(gains, 1e-3) == 4
    assert schedule(gains, 100.0, form="printed") == schedule(gains, 100.0) == 0


def test_early_stop_and_theorem_2_recomputed():
    one, every = delay_of(1.0, 100.0, 1.0, 1.0), delay_by_lambert([100.0, 1.0, 1.0, 1.0])
    case = scheduling.early_stop()
    assert case.left == pytest.approx(4 - 1.5 * every, rel=1e-8)
    assert case.corrected == pytest.approx(case.left, rel=1e-12)
    assert case.right == pytest.approx(1 - 1.5 * one, rel=1e-8)
    empty = scheduling.nobody_is_within_delta()
    assert empty.left == case.left
    assert empty.right == 8.0


@given(st.lists(st.floats(0.2, 100), min_size=1, max_size=5), st.floats(0.01, 10), st.data())
def test_step_b_of_theorem_2_is_right_for_the_swap(gains, price, data):
    """As many of the strongest devices lose nothing against any set."""
    chosen = data.draw(st.lists(st.sampled_from(range(len(gains))), min_size=1, unique=True))
    swapped = sorted(gains, reverse=True)[: len(chosen)]
    assert objective([gains[k] for k in chosen], price) <= objective(swapped, price) + 1e-9


@given(st.lists(st.floats(0, 10), min_size=1, max_size=20), st.floats(0, 5))
def test_the_queue_of_18a_bounds_the_mean_excess(delays, target):
    queue = 0.0
    for delay in delays:
        queue = queue_step(queue, delay, target)
    assert np.mean(delays) - target <= queue / len(delays) + 1e-9


@pytest.mark.parametrize("form", ["printed", "corrected"])
@pytest.mark.parametrize("price", [0.0, 0.1])
def test_who_has_no_gain_is_not_scheduled(form, price):
    assert schedule([1.0, 0.0, 0.0], price, form=form) == 1
    assert schedule([0.0, 0.0], price, form=form) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: drift_bound(-1.0, 1.0, 1.0), "queue_s must be non-negative"),
        (lambda: drift_bound(1.0, 1.0, 1.0, form="new"), "form must be one of printed, corrected"),
        (lambda: required_bandwidth(0.0, 1.0, payload_bits=1.0, noise_psd_w_per_hz=1.0), "gain_w must be positive"),
        (lambda: required_bandwidth(1.0, -1.0, payload_bits=1.0, noise_psd_w_per_hz=1.0), "delay_s must be positive"),
        (
            lambda: required_bandwidth(1.0, 1.0, payload_bits=1.0, noise_psd_w_per_hz=1.0, form=""),
            "form must be one of",
        ),
        (lambda: least_delay([1.0, np.nan], **UNIT), "gains_w must be positive"),
        (lambda: schedule([1.0], 1.0, form="new"), "form must be one of printed, corrected"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
