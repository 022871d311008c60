"""Both sides of the checks of bandwidth allocation, computed another way."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq, minimize, newton
from scipy.special import exp1, lambertw

from fedswitch import Scenario, control, wireless
from fedswitch.paper.checks import (
    alg1_ends_away_from_the_solution,
    alg1_turns_the_wrong_way_below_the_floor,
    eq13_leaves_the_subscription_out,
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
PAYLOADS = 36864.0 * 32 * np.array([2, 4, 8, 16])


def draw(seed, **changes):
    """The uploads that are sent in a cell of the checks: payload, signal and interference, shape (K,) each."""
    s = Scenario.paper(num_ues=20, **({"reference_gain": 1e-3} | changes))
    seen = wireless.Cell.draw(s, seed).channel(0)
    modules = control.random_subscription(4, 20, 1, stream(seed, "subscription", 0)).argmax(axis=0)
    return PAYLOADS[modules], 0.2 * seen.gain, seen.interference_w


@pytest.fixture(scope="module")
def uploads():
    return draw(0)


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


def test_the_band_serves_one_module_of_each_ue_or_all(uploads):
    found = eq13_leaves_the_subscription_out()
    _, signal, interference = uploads
    every = np.repeat(PAYLOADS, 20), np.tile(signal, 4), np.tile(interference, 4)
    assert found.left == pytest.approx(least_delay(uploads), rel=1e-6)
    assert found.right == pytest.approx(least_delay(every), rel=1e-6)


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


def literal_total(delay, uploads):
    """The sum of the shares (19), with the one root that (20) divided by u has, of either sign."""
    total = 0.0
    for payload, signal, interference in zip(*uploads, strict=True):
        load, ratio = payload * N0 * math.log(2) / (delay * signal), interference / signal
        gap = lambda u, load=load, ratio=ratio: u / math.expm1(u) - load - ratio * u  # noqa: E731
        u = brentq(gap, 1e-14, 700.0) if load < 1 else brentq(gap, -load - 1, -1e-14)
        total += (signal / math.expm1(u) - interference) / (W * N0)
    return total


def literal_delay(uploads, low, high):
    """The steps of Algorithm 1, one after the other."""
    for _ in range(60):
        delay = (low + high) / 2
        total = literal_total(delay, uploads)
        if total > 1:
            low = delay
        elif total < 1 - 1e-3:
            high = delay
        else:
            break
    return delay, total


def test_algorithm_1_is_content_with_negative_shares():
    uploads = draw(1)
    found = alg1_turns_the_wrong_way_below_the_floor()
    need = least_delay(uploads)
    ended, total = literal_delay(uploads, 5e-3, 10.0)
    assert found.left == pytest.approx(need, rel=1e-6)
    assert found.right == pytest.approx(ended, rel=1e-9)
    assert 5e-3 < need < 10.0  # the bracket is not to blame
    assert 1 - 1e-3 <= total <= 1
    assert share_of(ended, uploads).max() == math.inf
    # a bracket whose halvings stay above all floors leads to the solution
    safe = alg1_turns_the_wrong_way_below_the_floor(bracket_s=(0.99 * need, 1.02 * need))
    assert not safe.refutes
    assert safe.right == pytest.approx(need, rel=1e-3)


def test_algorithm_1_fails_as_often_step_by_step():
    cells = [draw(seed) for seed in range(8)]
    needs = [least_delay(cell) for cell in cells]
    held = [(cell, need) for cell, need in zip(cells, needs, strict=True) if 5e-3 < need < 10]
    found = alg1_ends_away_from_the_solution(8)
    assert found.left == sum(literal_delay(cell, 5e-3, 10.0)[0] < need for cell, need in held)
    assert f"In {len(held)} cells" in found.says


def test_wider_cells_without_a_loss_over_the_first_meter_are_the_same():
    wider = 1e3 ** (1 / 3.8)
    near, far = (
        draw(1),
        draw(1, reference_gain=1.0, min_distance_m=5.0 * wider, base_station_density_per_m2=3e-5 / wider**2),
    )
    for here, there in zip(near, far, strict=True):
        np.testing.assert_allclose(here, there, rtol=1e-9)


@pytest.mark.parametrize(("load", "ratio"), [(2.0, 0.0), (1.3, 0.2), (5.0, 0.01)])
def test_newton_on_20_as_printed_finds_the_negative_root_below_the_floor(load, ratio):
    def lw(phi):
        return lambertw(phi).real

    phi = newton(lambda phi: phi - (load - ratio * lw(phi)) * (phi / lw(phi) - 1), 10.0)
    u = -lw(phi)
    assert u == pytest.approx(brentq(lambda u: u / math.expm1(u) - load - ratio * u, -load - 1, -1e-9))
    assert 1 / math.expm1(u) - ratio < 0  # (19) in units of S / (W N0)
    if ratio == 0:
        assert u == pytest.approx(-1.5936, abs=1e-4)


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
