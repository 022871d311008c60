from functools import partial

import numpy as np
import pytest

from fedswitch import Scenario, control, wireless
from fedswitch.encoders import lora_payload_bits
from fedswitch.streams import stream
from fedswitch.studies import fig5_energy as fig5
from fedswitch.studies import fig5_savings
from fedswitch.studies.control_loop import control_rounds
from fedswitch.units import db_to_ratio

small = partial(
    fig5.Fig5Settings, num_ues=8, seeds=[0, 1], rounds=2, readings=[], sinr_thresholds_db=[-5.0],
    energy_weights_per_j=[1e-3], variants=[], relative_weights_per_j=[],
)  # fmt: skip


def test_full_power_is_what_the_laws_of_the_cell_say():
    """Recomputed for the first round from the ergodic allocation and the success probability (15)."""
    table = fig5.measure(small(**{"rounds": 1, "seeds": [3], "readings": ["corrected"], "sinr_thresholds_db": [2.0]}))
    row = table[table["power_rule"] == "full power"].iloc[0]
    s = Scenario.corrected(num_ues=8)
    cell = wireless.Cell.draw(s, 3)
    beta = control.start(s, rng=stream(3, "start")).subscription
    ranks = np.array(s.lora_ranks)
    bits = 32.0 * 12 * 2 * 2 * 768 * ranks[:, np.newaxis] * beta
    surroundings = {
        "path_loss_exponent": s.path_loss_exponent, "noise_psd_w_per_hz": s.noise_psd_w_per_hz,
        "base_station_density_per_m2": s.base_station_density_per_m2, "interferer_power_w": 0.2,
        "reference_gain": s.reference_gain,
    }  # fmt: skip
    allocation = control.allocate_bandwidth_ergodic(
        bits, cell.distance_m, np.full(8, 0.2), wireless.Radio(bandwidth_hz=s.bandwidth_hz, **surroundings)
    )
    width_hz = (allocation.share * s.bandwidth_hz).sum(axis=0)
    arrive = wireless.success_probability(cell.distance_m, 0.2, width_hz, float(db_to_ratio(2.0)), **surroundings)
    assert row["uplink_energy_j"] == pytest.approx(8 * 0.2 * allocation.delay_s, rel=1e-9)
    assert row["received"] == pytest.approx(arrive.sum(), rel=1e-6)
    assert row["compute_energy_j"] == pytest.approx(8 * wireless.training_energy_j(s, 125e6 * 32))
    assert (row["sent"], row["subscribed"], row["power_w"]) == (8, 8, pytest.approx(0.2))


def test_where_energy_has_next_to_no_weight_optimal_power_is_full_power():
    table = fig5.measure(small(**{"variants": ["uplink only"], "relative_weights_per_j": [1e-9]}))
    saved = fig5_savings.savings(table)
    assert len(saved) == 2
    np.testing.assert_allclose(saved[["power", "energy", "energy_per_received", "silent"]], 0.0, atol=1e-5)


def test_means_are_over_rounds_and_power_over_those_that_send():
    options = {"seeds": [0], "readings": ["uplink only"], "energy_weights_per_j": [3.0]}
    table = fig5.measure(small(**options, rounds=3))
    row = table[table["power_rule"] == "optimal"].iloc[0]
    s = Scenario.corrected(num_ues=8, energy_weight_per_j=3.0)
    cell, state = wireless.Cell.draw(s, 0), control.start(s, rng=stream(0, "start"))
    decisions = []
    for t in range(3):
        seen = control.Observation(cell.channel(t), fig5.lora_payload_bits(s, hidden_size=768, layers=12))
        decision, state = control.decide(s, seen, state, rng=stream(0, "decision", t))
        decisions.append(decision)
    watts = np.concatenate([decision.power_w for decision in decisions])
    assert 0 < (watts > 0).sum() < 24  # some are silent
    assert row["power_w"] == pytest.approx(watts[watts > 0].mean())
    assert row["sent"] == pytest.approx((watts > 0).sum() / 3)
    assert row["uplink_energy_j"] == pytest.approx(np.mean([d.uplink_energy_j.sum() for d in decisions]))
    expected = [(d.success_probability * d.subscription).sum() for d in decisions]
    assert row["received"] == pytest.approx(np.mean(expected))


def test_a_relative_weight_is_one_over_the_worth_of_an_upload():
    """Corrected, 2 zeta1 / (epsilon K N) by the bound; printed, 4 zeta1 / epsilon."""
    table = fig5.measure(small(**{"variants": ["corrected", "printed"], "relative_weights_per_j": [0.5]}))
    by_reading = table.groupby("reading")["energy_weight_per_j"].first()
    assert by_reading["corrected"] == pytest.approx(0.5 * 2.0 / (8 * 4))
    assert by_reading["printed"] == pytest.approx(0.5 * 4.0)
    given = fig5.measure(small(**{"readings": ["corrected"], "energy_weights_per_j": [1 / 32]}))
    assert given["relative_weight_per_j"].to_numpy() == pytest.approx(0.5)


def test_debts_make_the_two_stated_weights_alike():
    options = {"readings": ["corrected"], "energy_weights_per_j": [1e5, 1e6], "rounds": 14}
    table = fig5.measure(small(**options))
    assert (table["sent"] > 0).all()
    less = fig5_savings.reductions(table)
    np.testing.assert_allclose(less[["reduction", "reduction_per_received"]], 0.0, atol=1e-6)


def test_each_reading_changes_what_its_name_says():
    scenarios = {name: reading.scenario(5, -5.0) for name, reading in fig5.READINGS.items()}
    assert scenarios["printed"] == Scenario.paper(num_ues=5, sinr_threshold=float(db_to_ratio(-5.0)))
    assert {s.interferer_power_w for name, s in scenarios.items() if "quiet" in name} == {0.0}
    assert all((s.reference_gain == 1.0) == ("gain" in name or name == "printed") for name, s in scenarios.items())
    assert all((s.threshold == "deadline") == ("deadline" in name) for name, s in scenarios.items())
    assert all((s.outage == "printed") == ("printed" in name) for name, s in scenarios.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variants": ["loud neighbors"]}, "variants has no 'loud neighbors': choose from corrected, .*'quiet neighb"),
        ({"readings": []}, "readings with .* or variants with .* must have at least one value each"),
        ({"energy_weights_per_j": []}, "readings with .* or variants with .* must have at least one value each"),
        ({"relative_weights_per_j": [1.0, 0.0]}, r"relative_weights_per_j = 0.0 1/J is not allowed"),
        ({"rule": "by lot"}, "rule has no 'by lot': choose from switching, "),
    ],
)
def test_what_cannot_be_run_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        fig5.measure(small(**{"readings": ["corrected"]} | change))


def test_a_study_without_a_scan_or_without_the_stated_weights_has_empty_summaries():
    table = fig5.measure(small(**{"readings": ["corrected"]}))
    assert fig5_savings.matching_summary(fig5_savings.matching_weights(table, metric="power")).empty
    assert fig5_savings.stated_summary(table).empty
    scan = fig5.measure(small(**{"variants": ["corrected"], "relative_weights_per_j": [1.0]}))
    assert fig5_savings.matching_weights(scan, metric="power")["outcome"].tolist() == ["never", "never"]
    with pytest.raises(ValueError, match="nothing to draw"):
        fig5_savings.draw_energy(scan)


def test_ten_times_the_weight_silences_ues_by_a_fixed_step_of_the_duals_only():
    def senders(weight_per_j, **step):
        scenario = Scenario.corrected(
            num_ues=15, energy_weight_per_j=weight_per_j, sinr_threshold=db_to_ratio(-5.0), **step
        )
        bits = lora_payload_bits(scenario, hidden_size=768, layers=12)
        rounds = control_rounds(scenario, 0, 20, payload_bits=bits, compute_energy_j=0.0)
        return sum(np.count_nonzero(done.decision.power_w) for done in rounds)

    assert senders(1e5) == senders(1e6) > 0
    assert senders(1e5, dual_step=1e5) > senders(1e6, dual_step=1e5)
