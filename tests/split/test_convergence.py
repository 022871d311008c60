"""Both sides of every counterexample to Lemma 1, Theorem 1 and Appendix B, computed in another way."""

import numpy as np
import pytest

from fedswitch.split import convergence
from fedswitch.split.quadratic_round import quadratic_round, round_setting
from fedswitch.theory.outcomes import checks_in

CHECKS = checks_in(convergence).values()

L, ETA = 0.3, 0.5  # of the instances
RNG_RUNS = 100_000


@pytest.mark.parametrize("counterexample", CHECKS)
def test_refutes_what_is_printed_and_not_what_holds(counterexample):
    case = counterexample()
    assert case.refutes
    assert case.corrected is not None
    assert case.corrected_holds
    assert counterexample() == case


def sides(counterexample):
    case = counterexample()
    return case.left, case.right, case.corrected


# counterexample: left, printed right and corrected right by hand
BY_HAND = {
    convergence.three_equal_devices: (1.0, 2 / 3, 1.0),
    convergence.minimum_outside_the_product: (
        L / 2 * (1 - ETA * L) ** 2,  # one full step on (L/2) w^2 from 1
        (1 - 2 * L * (ETA - L * ETA**2) / 9) * (10 + L / 2) - 10,
        (1 - 2 * L * (ETA - L * ETA**2) / 9) * L / 2,
    ),
    convergence.device_that_is_never_scheduled: (L / 4, L / 4 * (1 - L * (ETA - L * ETA**2 - L / 2) / 4), L / 4),
    convergence.reversed_chain: (19e-4 / (1 + 19e-8), 1e-4 / (1 + 1e-8), 1e4),  # divided by (K - N) = 10
    convergence.schedule_that_leaves_the_minimum: (L / 2 * (ETA * L) ** 2, 0.0, L / 2 * (ETA * L) ** 2),
    convergence.half_of_the_sampling: (
        -0.2125 + 2 * L / (2 * 2 * 3),
        -0.2125 + 2 * L / (4 * 2 * 3),
        -0.2125 + 2 * L / (2 * 2 * 3),
    ),
    convergence.noise_of_the_adapter: (L / 2 * ETA**2 / 2, -(0.425 - 0.05), L / 2 * ETA**2 / 2),
    convergence.noise_of_the_task_module: (L / 2 * ETA**2 / 2, -0.425, L / 2 * ETA**2 / 2),
    convergence.lost_step_size: (ETA**2 * 2 / 3, 2 / 3, ETA**2 * 2 / 3),  # means 2, 1, 0 about 1
    convergence.squares_of_the_first_devices: ((4 + 8 + 4) / 3 / 4, 4 / 6, 8 / 6),  # deviations 2, 0, -2
    convergence.products_without_their_weight: (-8 / 3 / 4, -8 / 3, -8 / 3 / 4),
    convergence.descent_where_there_is_none: (0.0, -0.425 / 2 * L**2, 0.0),
    convergence.devices_that_wait: (
        L / 2 * ((1 - ETA * L) ** 2 - 1) / 4,
        -0.425 / 2 * L**2,
        L / 2 * ((1 - ETA * L) ** 2 - 1) / 4,
    ),
    convergence.sum_in_place_of_a_mean: (
        L / 2 * ((1 - ETA * L) ** 2 - 1),
        3 * L / 2 * ((1 - ETA * L) ** 2 - 1),
        L / 2 * ((1 - ETA * L) ** 2 - 1),
    ),
}


@pytest.mark.parametrize("counterexample", BY_HAND)
def test_both_sides_by_hand(counterexample):
    assert sides(counterexample) == pytest.approx(BY_HAND[counterexample], rel=1e-12, abs=1e-15)


def test_every_counterexample_is_recomputed():
    elsewhere = {convergence.channel_sorted_schedule, convergence.objective_with_the_wrong_sign}
    assert set(BY_HAND) | elsewhere == set(CHECKS)


def test_channel_sorted_schedule_by_monte_carlo():
    rng = np.random.default_rng(1)
    means = np.array([250.0, 350.0]) ** -3.5
    strongest = rng.exponential(means, size=(RNG_RUNS, 2)).argmax(axis=1)
    followed = np.array([3.0, -1.0])[strongest]
    left, right, corrected = sides(convergence.channel_sorted_schedule)
    assert right == 1.0
    assert abs(followed.mean() - left) < 4 * followed.std() / np.sqrt(RNG_RUNS)
    assert abs(followed.mean() - corrected) < 4 * followed.std() / np.sqrt(RNG_RUNS)


@pytest.mark.parametrize("num_scheduled", [1, 2, 3, 4])
def test_heads_learn_faster_the_more_devices_are_scheduled_and_the_adapter_does_not(num_scheduled):
    size = {"num_devices": 4, "num_scheduled": num_scheduled}
    heads = quadratic_round(round_setting(**size, task_size=1, adapter_size=0), tasks=(1.0,) * 4)
    shrinks = 1 - (1 - ETA * L) ** 2  # the gap of a head that moves, by this share
    assert heads.change() == pytest.approx(-L / 2 * shrinks * num_scheduled / 4)
    assert quadratic_round(round_setting(**size), adapter=1.0).change() == pytest.approx(-L / 2 * shrinks)


def test_objective_by_its_slope():
    """Both sides against (13) and (17a) written out for T = 1, α = k ζ with k = φ² K²."""
    size, tau = 16, 0.3
    few, every = ((0.425 - s * L / 2) / 16 for s in (1.0, 0.0))

    def dropped(last, sign):
        return (1 - 2 * tau * last) * size * every + sign * size * last

    left, right, corrected = sides(convergence.objective_with_the_wrong_sign)
    assert left == pytest.approx(dropped(every, 1) - dropped(few, 1))
    assert corrected == pytest.approx(left)
    assert right == pytest.approx(dropped(every, -1) - dropped(few, -1))
    assert left > 0 > right  # more devices tighten the bound, and (17a) would rather have fewer
