"""Both sides of the checks of bandwidth allocation, computed another way."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq, minimize
from scipy.special import exp1

from fedswitch import Scenario, control, wireless
from fedswitch.paper.checks import (
    alg1_takes_longer_for_short_delays,
    alg1_trusts_its_lower_end,
    alg1_trusts_its_upper_end,
    eq13_mean_delay_is_infinite,
    eq16_least_delay_is_not_least_energy,
    eq17_unused_bandwidth_costs_time,
    eq19_main_branch_is_wrong,
    eq20_main_branch_has_no_solution,
    fig3_iterations_may_fall,
    thm2_no_other_allocation_is_faster,
)
from fedswitch.streams import stream

W, N0 = 1e9, 10 ** (-162 / 10) / 1000


@pytest.fixture(scope="module")
def uploads():
    """The uploads that are sent in the cell of the checks: payload, signal and interference, shape (K,) each."""
    s = Scenario.paper(num_ues=20, reference_gain=1e-3)
    seen = wireless.Cell.draw(s, 0).channel(0)
    modules = control.random_subscription(4, 20, 1, stream(0, "subscription", 0)).argmax(axis=0)
    return 36864.0 * 32 * np.array([2, 4, 8, 16])[modules], 0.2 * seen.gain, seen.interference_w


def delays(share, uploads, width=W):
    payload, signal, interference = uploads
    rate = share * width * np.log1p(signal / (interference + share * width * N0)) / math.log(2)
    return payload / rate


def share_of(delay, uploads, width=W):
    """Share that each upload needs to end after `delay`; infinite where none suffices."""
    found = []
    for upload in zip(*uploads, strict=True):
        lowest = upload[0] * N0 * math.log(2) / upload[1]
        # by a root in the logarithm of the share; the delay falls with it
        root = lambda t, upload=upload: math.log(delays(math.exp(t), upload, width) / delay)  # noqa: E731
        found.append(math.exp(brentq(root, -30, 30, xtol=1e-13)) if delay > lowest else math.inf)
    return np.array(found)


def least_delay(uploads, width=W):
    return brentq(lambda delay: min(share_of(delay, uploads, width).sum(), 1e3) - 1, 1e-3, 1e3, xtol=1e-12)


@pytest.mark.parametrize("bound", [5.0, 100.0, 600.0])
def test_the_mean_of_the_inverse_fade_is_an_exponential_integral(bound):
    found = eq13_mean_delay_is_infinite(bound)
    assert found.left == pytest.approx(exp1(math.exp(-bound - 1)), rel=1e-8)
    assert found.refutes


def test_energy_at_the_least_delay_and_the_least(uploads):
    found = eq16_least_delay_is_not_least_energy()
    assert found.left == pytest.approx(20 * 0.2 * least_delay(uploads), rel=1e-6)

    def energy(logits):
        share = np.exp(logits - np.logaddexp.reduce(logits))
        return math.log(0.2 * delays(share, uploads).sum())

    ended = minimize(energy, np.zeros(20), method="BFGS", options={"gtol": 1e-8, "maxiter": 2000})
    assert found.right == pytest.approx(math.exp(ended.fun), rel=1e-5)


def test_theorem_2_is_the_least_delay_and_others_are_near(uploads):
    found = thm2_no_other_allocation_is_faster(500)
    assert found.left == pytest.approx(least_delay(uploads), rel=1e-6)
    assert found.left < found.right < 1.05 * found.left


def test_less_bandwidth_takes_longer(uploads):
    found = eq17_unused_bandwidth_costs_time(0.9)
    assert found.left == pytest.approx(least_delay(uploads), rel=1e-6)
    assert found.right == pytest.approx(least_delay(uploads, 0.9 * W), rel=1e-6)
    assert found.left < found.right


@pytest.mark.parametrize(("share", "snr"), [(0.1, 100.0), (0.5, 3.0)])
def test_the_main_branch_gives_the_other_u_of_the_same_phi(share, snr):
    found = eq19_main_branch_is_wrong(share, snr)
    u = math.log1p(snr / share)
    other = brentq(lambda v: v * math.exp(-v) - u * math.exp(-u), 1e-12, 1.0, xtol=1e-15)
    assert found.left == share
    assert found.right == pytest.approx(snr / math.expm1(other), rel=1e-6)
    assert found.corrected == pytest.approx(share)


def test_below_an_sinr_of_e_minus_1_the_main_branch_is_right():
    found = eq19_main_branch_is_wrong(share=1.0, snr=0.5)
    assert not found.refutes
    assert found.corrected != pytest.approx(1.0)


def test_the_sides_of_20_come_closest_at_the_end_of_the_main_branch():
    assert eq20_main_branch_has_no_solution(0.01, 0.02).left == pytest.approx(1 - 0.03 * (math.e - 1))
    # with a root below u = 1, here at 0.5, they do meet
    load = 0.5 / math.expm1(0.5)
    assert eq20_main_branch_has_no_solution(load, 0.0).left == pytest.approx(0.0, abs=1e-4)


def test_algorithm_1_runs_into_the_end_of_a_bracket_without_the_solution(uploads):
    need = least_delay(uploads)
    assert alg1_trusts_its_upper_end().left == pytest.approx(share_of(0.99 * need, uploads).sum(), rel=1e-5)
    found = alg1_trusts_its_lower_end()
    assert found.left == pytest.approx(1 - 1e-3)
    assert found.right == pytest.approx(share_of(2 * need, uploads).sum(), rel=1e-5)


def test_iterations_are_those_of_halving_the_bracket():
    def count(num_ues, seed):
        s = Scenario.paper(num_ues=num_ues, reference_gain=1e-3)
        seen = wireless.Cell.draw(s, seed).channel(0)
        modules = control.random_subscription(4, num_ues, 1, stream(seed, "subscription", 0)).argmax(axis=0)
        payload = 36864.0 * 32 * np.array([2, 4, 8, 16])[modules]
        low, high, steps = 5e-3, 1e3, 0
        while True:
            steps += 1
            delay = (low + high) / 2
            total = control.share_for_delay(
                delay, payload, 0.2 * seen.gain, seen.interference_w, bandwidth_hz=W, noise_psd_w_per_hz=N0
            ).sum()
            if 1 - 1e-3 <= total <= 1:
                return steps
            low, high = (delay, high) if total > 1 else (low, delay)

    found = fig3_iterations_may_fall(cells=3)
    assert found.left == np.mean([count(10, seed) for seed in range(3)])
    assert found.right == np.mean([count(100, seed) for seed in range(3)])


@pytest.mark.parametrize("factor", [1e-2, 1e-4])
def test_a_hundredth_of_the_delay_takes_some_seven_halvings_more(factor):
    found = alg1_takes_longer_for_short_delays(factor)
    # halving ends by chance a little earlier or later
    assert found.left - found.right == pytest.approx(math.log2(1 / factor), abs=2.5)
    assert found.left.is_integer()
