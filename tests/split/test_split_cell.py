import numpy as np
import pytest

from fedswitch.split import SplitCell, SplitScenario


def test_a_cell_and_its_rounds_are_found_again_from_their_keys():
    scenario = SplitScenario(num_devices=6)
    cell, again = SplitCell.draw(scenario, 3), SplitCell.draw(scenario, 3)
    np.testing.assert_array_equal(cell.distance_m, again.distance_m)
    np.testing.assert_array_equal(cell.gains_w(3)[2], again.gain_w(2))
    np.testing.assert_array_equal(cell.rehearsed_gains_w(5)[:2], again.rehearsed_gains_w(2))
    assert cell.gains_w(0).shape == (0, 6)
    assert np.all(cell.gain_w(0) != cell.gain_w(1))
    assert np.all(cell.gain_w(0) != SplitCell(scenario, 4, cell.distance_m).gain_w(0))
    assert np.all(cell.gain_w(0) != cell.rehearsed_gains_w(1)[0])


def test_devices_are_uniform_in_the_circle():
    scenario = SplitScenario(num_devices=20_000)
    distance = SplitCell.draw(scenario, 0).distance_m
    assert 250.0 <= distance.min() < 252.0
    assert 348.0 < distance.max() <= 350.0
    # E[d^2] = c^2 + r^2 / 2
    assert np.mean(distance**2) == pytest.approx(300.0**2 + 50.0**2 / 2, rel=0.005)
    assert np.mean((distance - 300.0) ** 2) == pytest.approx(50.0**2 / 4, rel=0.05)


@pytest.mark.parametrize("reading", [SplitScenario.corrected, SplitScenario.cell_10db])
def test_gains_are_path_loss_times_rayleigh_fading(reading):
    scenario = reading(num_devices=2)
    cell = SplitCell(scenario, 0, np.array([250.0, 350.0]))
    mean = scenario.power_w * scenario.reference_gain * (cell.distance_m / scenario.reference_distance_m) ** -3.5
    np.testing.assert_allclose(cell.mean_gain_w, mean, rtol=1e-12)
    fading = cell.rehearsed_gains_w(20_000) / mean
    np.testing.assert_allclose(fading.mean(axis=0), 1.0, atol=0.03)
    np.testing.assert_allclose((fading > 1.0).mean(axis=0), np.exp(-1), atol=0.015)


@pytest.mark.parametrize("distance", [[300.0], [300.0, -1.0]])
def test_there_is_one_positive_distance_for_each_device(distance):
    with pytest.raises(ValueError, match="distance_m"):
        SplitCell(SplitScenario(num_devices=2), 0, np.array(distance))
