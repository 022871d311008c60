import numpy as np
import pytest

from fedswitch import Scenario
from fedswitch.wireless import training_energy_j, uplink_energy_j


def test_a_cycle_costs_the_coefficient_times_the_squared_frequency():
    """3 samples of 2 tokens with 8 bits, 5 times over, at 7 cycles a bit: 1,680 cycles of 4e-9 J."""
    scenario = Scenario.corrected(
        batch_size=3, tokens_per_sample=2, bits_per_token=8, local_iterations=5, cycles_per_bit=7.0,
        cpu_frequency_hz=2e9, chip_energy_coefficient=1e-27,
    )  # fmt: skip
    assert training_energy_j(scenario, 1.0) == pytest.approx(1680 * 4e-9)


def test_the_printed_reading_charges_the_whole_model_for_every_sample():
    roberta_bits = 125e6 * 32
    printed, corrected = Scenario.paper(), Scenario.corrected()
    for scenario, bits in ((printed, roberta_bits), (corrected, 128 * 16)):
        joules_per_bit = 737.5 * 1e-27 * 1.5e9**2
        assert training_energy_j(scenario, roberta_bits) == pytest.approx(32 * 4 * bits * joules_per_bit)
    # with 32 samples and 4 iterations a round: 0.85 MJ against half a joule
    assert training_energy_j(printed, roberta_bits) == pytest.approx(0.85e6, rel=0.01)
    assert training_energy_j(corrected, roberta_bits) == pytest.approx(0.435, rel=0.01)
    assert training_energy_j(corrected, 0.0) == training_energy_j(corrected, roberta_bits)


def test_flops_count_a_forward_and_a_backward_pass_through_frozen_weights():
    """By hand for one matrix: x W is a multiplication and an addition per entry, and so is the gradient g W^T."""
    inputs, outputs, tokens = 24, 32, 5
    by_hand = 2 * (2 * tokens * inputs * outputs)
    scenario = Scenario.corrected(compute_energy="flops", tokens_per_sample=tokens, flops_per_cycle=8.0)
    passes = scenario.local_iterations * scenario.batch_size
    joules_per_cycle = scenario.cpu_frequency_hz**2 * scenario.chip_energy_coefficient
    assert training_energy_j(scenario, 32.0 * inputs * outputs) == pytest.approx(
        passes * by_hand / 8 * joules_per_cycle
    )
    # twice the model, twice the energy; per bit of data the model does not count
    assert training_energy_j(scenario, 2e6) == pytest.approx(2 * training_energy_j(scenario, 1e6))


def test_a_round_with_roberta_by_flops_and_of_a_cell_by_data():
    """The figures that the pages quote: 1.15 kJ for a UE, and some 44 J for the computing of a hundred."""
    assert training_energy_j(Scenario.corrected(compute_energy="flops"), 125e6 * 32) == pytest.approx(1150, rel=0.005)
    assert 100 * training_energy_j(Scenario.corrected(), 125e6 * 32) == pytest.approx(43.5, rel=0.01)


def test_uplink_energy_is_power_times_delay():
    np.testing.assert_array_equal(
        uplink_energy_j([0.2, 0.2, 0.0, 0.0], [3.0, np.inf, 3.0, np.inf]), [0.2 * 3.0, np.inf, 0.0, 0.0]
    )


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="model_bits must be"):
        training_energy_j(Scenario(), -1.0)
    with pytest.raises(ValueError, match="power_w must be"):
        uplink_energy_j(-0.1, 1.0)
    with pytest.raises(ValueError, match="delay_s must be"):
        uplink_energy_j(0.1, np.nan)
