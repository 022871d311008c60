"""The success probability as a function of power against `success_probability`, which computes it directly."""

import numpy as np
import pytest

from fedswitch import Scenario
from fedswitch.wireless import Reception, deadline_threshold, success_probability

DISTANCE_M = np.array([6.0, 30.0, 70.0, 103.0])
SHARE = np.array([[0.002, 0.01, 0.02, 0.03], [0.01, 0.04, 0.1, 0.2]])
PAYLOAD_BITS = np.array([[2.4e6], [9.4e6]])
POWER_W = np.array([0.2, 0.01, 0.1, 0.05])


def directly(scenario, threshold):
    printed = scenario.outage == "printed"
    return success_probability(
        DISTANCE_M,
        POWER_W,
        SHARE * scenario.bandwidth_hz,
        threshold,
        path_loss_exponent=scenario.path_loss_exponent,
        noise_psd_w_per_hz=scenario.noise_psd_w_per_hz,
        base_station_density_per_m2=scenario.base_station_density_per_m2,
        interferer_power_w=None if printed else scenario.interferer_power_w,
        reference_gain=scenario.reference_gain,
        form="printed" if printed else "corrected",
    )


@pytest.mark.parametrize("outage", ["exact", "printed"])
@pytest.mark.parametrize("reading", [Scenario.paper, Scenario.corrected])
def test_it_is_15_under_every_reading(outage, reading):
    for scenario in (reading(outage=outage), reading(outage=outage, threshold="deadline", deadline_s=0.3)):
        theta = scenario.sinr_threshold
        if scenario.threshold == "deadline":
            theta = deadline_threshold(PAYLOAD_BITS, SHARE * scenario.bandwidth_hz, scenario.deadline_s)
        reception = Reception.of(scenario, DISTANCE_M, SHARE, PAYLOAD_BITS)
        np.testing.assert_allclose(reception.probability(POWER_W), directly(scenario, theta), rtol=1e-8)


def test_without_power_or_with_an_impossible_share_nothing_arrives():
    reception = Reception.of(Scenario.corrected(), DISTANCE_M, [0.01, np.inf, 0.01, np.inf], 1e6)
    probability = reception.probability([0.2, 0.2, 0.0, 0.0])
    assert probability[0] > 0.9
    assert probability[1:].tolist() == [0.0] * 3


def test_a_payload_that_no_double_can_hold_in_time_is_never_received():
    scenario = Scenario.corrected(threshold="deadline", deadline_s=1e-9)
    assert Reception.of(scenario, 10.0, 1e-3, 1e7).probability(0.2) == 0.0


def test_an_index_picks_uploads():
    reception = Reception.of(Scenario.corrected(), DISTANCE_M, SHARE, PAYLOAD_BITS)
    chosen = (np.array([0, 1, 1, 0]), np.arange(4))
    np.testing.assert_array_equal(reception[chosen].probability(POWER_W), reception.probability(POWER_W)[chosen])


def test_the_power_of_interferers_is_the_scenarios():
    quiet, loud = (
        Reception.of(Scenario.corrected(interferer_power_w=power), 80.0, 0.01, 1e6).probability(0.2)
        for power in (0.0, 0.2)
    )
    assert quiet > loud + 0.05


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((0.0, 0.1, 1e6), "distance_m"), ((5.0, 0.0, 1e6), "share"), ((5.0, 0.1, -1), "payload_bits")],
)
def test_bad_arguments_are_named(arguments, name):
    with pytest.raises(ValueError, match=f"{name} must be"):
        Reception.of(Scenario.corrected(), *arguments)
    with pytest.raises(ValueError, match="power_w must be"):
        Reception.of(Scenario.corrected(), 5.0, 0.1, 1e6).probability(np.nan)
