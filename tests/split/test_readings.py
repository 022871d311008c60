"""Both sides of the checks of further elements, computed in another way."""

import numpy as np
import pytest

from fedswitch.split import readings
from fedswitch.theory.outcomes import checks_in

CHECKS = checks_in(readings).values()
L, ETA = 0.3, 0.5  # of the instances
SLOPE = ETA * L**2 * (L * ETA - 1) / 2  # (33) and (34) at two gradients of length L

BY_HAND = {
    readings.nobody_to_average: (1.0, 0.0, 1.0),
    readings.clashing_indices: ((4**2 - 1) / 2, 1 + 1 / 2, 3 + 9 / 2),  # queues 0, 1, 4
    readings.prefixes_are_enough: (9.0, 2.0**8, 9.0),
    readings.equal_share_with_a_stray_factor: (2 / np.log2(3), 2 / np.log2(5), 2 / np.log2(3)),
    readings.one_index_for_two_devices: (0.0, SLOPE, SLOPE + ETA * L**2),
    readings.unbiased_is_not_equal: (0.0, SLOPE, SLOPE + ETA * L**2),
    readings.sets_without_a_threshold: (2.0**4 - 5, 2.0**4 - 5 - 4, 2.0**4 - 5),
}


@pytest.mark.parametrize("counterexample", CHECKS)
def test_refutes_what_is_printed_and_not_what_holds(counterexample):
    case = counterexample()
    assert case.refutes
    assert case.corrected_holds
    assert counterexample() == case


@pytest.mark.parametrize("counterexample", BY_HAND)
def test_both_sides_by_hand(counterexample):
    case = counterexample()
    assert (case.left, case.right, case.corrected) == pytest.approx(BY_HAND[counterexample], abs=1e-12)


def test_every_check_is_recomputed():
    elsewhere = {readings.substitution_upside_down, readings.bandwidth_again}
    assert set(BY_HAND) | elsewhere == set(CHECKS)


def test_the_appendix_from_40_to_43():
    """The bandwidth by (40) itself, and (41) with both signs of its logarithm."""
    case, again = readings.substitution_upside_down(), readings.bandwidth_again()
    y = again.left
    assert 2 ** (y / 2) == pytest.approx(4 * y + 1)
    printed, meant = -8.0, -1 / 8  # -mu |h|^2 / (D sigma^2), and its inverse
    ratio = [(y / 2 - nu) * 2 ** -(y / 2 - nu) / (-nu * 2**nu) for nu in (printed, meant)]
    assert case.right == pytest.approx(ratio[0])
    assert case.corrected == pytest.approx(ratio[1])
    assert again.right == pytest.approx(4 - 1 / 4)


def test_the_sets_that_44_leaves_out_by_hand():
    """Their zeros and ones stand side by side only, so that no k* fits between."""
    threshold = {(0,) * 4, (1, 0, 0, 0), (1, 1, 0, 0), (1, 1, 1, 0), (1,) * 4}
    left_out = {(0, 1, 0, 0), (0, 1, 0, 1), (1, 0, 1, 0), (1, 1, 0, 1)}
    assert {rho for rho in np.ndindex(2, 2, 2, 2) if not readings._has_blocks(rho)} == threshold | left_out
