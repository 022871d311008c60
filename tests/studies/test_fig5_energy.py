from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fedswitch import Scenario, control, wireless
from fedswitch.streams import stream
from fedswitch.studies import fig5_energy as fig5
from fedswitch.studies import fig5_savings
from fedswitch.units import db_to_ratio

SMALL = fig5.Fig5Settings(
    num_ues=8, seeds=[0, 1], rounds=2, readings=[], sinr_thresholds_db=[-5.0], energy_weights_per_j=[1e-3],
    variants=[], relative_weights_per_j=[],
)  # fmt: skip


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def made(power, energy, sent, *, reading="corrected", seed=0, scan=True, weights=None, received=None) -> pd.DataFrame:
    """A table of made-up runs along the relative weights, full power 0.2 W, 10 J, 100 uploads sent and received."""
    weights = 10.0 ** np.arange(len(power)) if weights is None else np.array(weights)
    rows = []
    for index, weight in enumerate(weights):
        labels = {
            "reading": reading, "seed": seed, "scan": scan, "sinr_threshold_db": -5.0,
            "relative_weight_per_j": weight, "energy_weight_per_j": weight,
        }  # fmt: skip
        arrived = sent[index] if received is None else received[index]
        ours = {"power_w": power[index], "uplink_energy_j": energy[index], "sent": sent[index], "received": arrived}
        full = {"power_w": 0.2, "uplink_energy_j": 10.0, "sent": 100.0, "received": 100.0}
        rows += [labels | {"power_rule": rule} | values for rule, values in zip(fig5.RULES, (ours, full), strict=True)]
    return pd.DataFrame(rows)


def test_full_power_is_what_the_laws_of_the_cell_say():
    """Recomputed for the first round from the ergodic allocation and the success probability (15)."""
    table = fig5.measure(
        replace(SMALL, **{"rounds": 1, "seeds": [3], "readings": ["corrected"], "sinr_thresholds_db": [2.0]})
    )
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
        bits, cell.distance_m, np.full(8, 0.2), bandwidth_hz=s.bandwidth_hz, **surroundings
    )
    width_hz = (allocation.share * s.bandwidth_hz).sum(axis=0)
    arrive = wireless.success_probability(cell.distance_m, 0.2, width_hz, float(db_to_ratio(2.0)), **surroundings)
    assert row["uplink_energy_j"] == pytest.approx(8 * 0.2 * allocation.delay_s, rel=1e-9)
    assert row["received"] == pytest.approx(arrive.sum(), rel=1e-6)
    assert row["compute_energy_j"] == pytest.approx(8 * wireless.training_energy_j(s, 125e6 * 32))
    assert (row["sent"], row["subscribed"], row["power_w"]) == (8, 8, pytest.approx(0.2))


def test_where_energy_has_next_to_no_weight_optimal_power_is_full_power():
    table = fig5.measure(replace(SMALL, **{"variants": ["uplink only"], "relative_weights_per_j": [1e-9]}))
    saved = fig5_savings.savings(table)
    assert len(saved) == 2
    np.testing.assert_allclose(saved[["power", "energy", "energy_per_received", "silent"]], 0.0, atol=1e-5)


def test_means_are_over_rounds_and_power_over_those_that_send():
    options = {"seeds": [0], "readings": ["uplink only"], "energy_weights_per_j": [3.0]}
    table = fig5.measure(replace(SMALL, **options, rounds=3))
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
    table = fig5.measure(replace(SMALL, **{"variants": ["corrected", "printed"], "relative_weights_per_j": [0.5]}))
    by_reading = table.groupby("reading")["energy_weight_per_j"].first()
    assert by_reading["corrected"] == pytest.approx(0.5 * 2.0 / (8 * 4))
    assert by_reading["printed"] == pytest.approx(0.5 * 4.0)
    given = fig5.measure(replace(SMALL, **{"readings": ["corrected"], "energy_weights_per_j": [1 / 32]}))
    assert given["relative_weight_per_j"].to_numpy() == pytest.approx(0.5)


def test_debts_make_the_two_stated_weights_alike():
    options = {"readings": ["corrected"], "energy_weights_per_j": [1e5, 1e6], "rounds": 14}
    table = fig5.measure(replace(SMALL, **options))
    assert (table["sent"] > 0).all()
    less = fig5_savings.reductions(table, lighter=1e5, heavier=1e6)
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
        ({"variants": ["loud neighbors"]}, r"readings and variants may be corrected, .*; got loud neighbors"),
        ({"rounds": 0}, "rounds, seeds, .* at least one"),
        ({"seeds": []}, "rounds, seeds, .* at least one"),
        ({"readings": []}, "readings or variants with their weights must be at least one"),
        ({"energy_weights_per_j": []}, "readings or variants with their weights must be at least one"),
        ({"relative_weights_per_j": [1.0, 0.0]}, r"relative_weights_per_j must be positive, got \[1.0, 0.0\]"),
        ({"rule": "by lot"}, "rule"),
    ],
)
def test_what_cannot_be_run_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        fig5.measure(replace(SMALL, **{"readings": ["corrected"]} | change))


def test_a_study_without_a_scan_or_without_the_stated_weights_has_empty_summaries():
    table = fig5.measure(replace(SMALL, **{"readings": ["corrected"]}))
    assert fig5_savings.matching_summary(fig5_savings.matching_weights(table, metric="power")).empty
    assert fig5_savings.stated_summary(table).empty
    scan = fig5.measure(replace(SMALL, **{"variants": ["corrected"], "relative_weights_per_j": [1.0]}))
    assert fig5_savings.matching_weights(scan, metric="power")["outcome"].tolist() == ["never", "never"]
    with pytest.raises(ValueError, match="nothing to draw"):
        fig5_savings.draw_energy(scan)


def test_savings_tell_power_energy_and_silence_apart():
    saved = fig5_savings.savings(made([0.15], [4.0], [40.0], received=[20.0])).iloc[0]
    assert saved["power"] == pytest.approx(0.25)
    assert saved["energy"] == pytest.approx(0.6)
    assert saved["energy_per_received"] == pytest.approx(1 - (4 / 20) / (10 / 100))
    assert saved["silent"] == pytest.approx(0.6)


def test_the_matching_weight_lies_where_the_saving_crosses_the_claim():
    """On straight lines over the logarithm of the weight interpolation is exact."""
    steps = np.arange(5)
    table = made(0.2 * (1 - 0.1 * steps), 10.0 - steps, 100.0 - 2 * steps)
    found = fig5_savings.matching_weights(table, metric="power").iloc[0]
    assert found["outcome"] == "found"
    assert found["relative_weight_per_j"] == pytest.approx(10**1.68)
    assert found["reduction"] == pytest.approx(1 - (10 - 2.68) / (10 - 1.68))
    kept = (10 - 2.68) / (10 - 1.68) * (100 - 3.36) / (100 - 5.36)
    assert found["reduction_per_received"] == pytest.approx(1 - kept)
    assert (found["silent"], found["silent_at_ten"]) == pytest.approx((0.0336, 0.0536))


def test_a_weight_that_is_not_on_the_grid_is_reported_and_not_made_up():
    table = pd.concat([
        made([0.19, 0.18, 0.17], [9.0, 8.0, 7.0], [100.0] * 3, reading="never"),
        made([0.1, 0.05, 0.02], [5.0, 3.0, 1.0], [100.0] * 3, reading="always"),
        made([0.2, 0.2, 0.1], [9.0, 8.0, 7.0], [100.0] * 3, reading="at the end"),
        made([0.2, np.nan, np.nan], [9.0, 0.0, 0.0], [100.0, 0.0, 0.0], reading="silent"),
    ])  # fmt: skip
    found = fig5_savings.matching_weights(table, metric="power").set_index("reading")
    outcomes = {"never": "never", "always": "more everywhere", "at the end": "found", "silent": "never"}
    assert found["outcome"].to_dict() == outcomes
    assert np.isnan(found.loc["at the end", "reduction"])
    summary = fig5_savings.matching_summary(found.reset_index())
    assert summary["cells"].tolist() == ["0 of 1", "0 of 1", "1 of 1", "0 of 1"]
    assert summary.loc["never", "weight in 1/J"] == summary.loc["never", "silent, %"] == "-"


def test_the_stated_weights_are_compared_at_the_claimed_threshold_and_between_the_ends():
    weights = [1e5, 1e6]
    middle = made([0.15, 0.1], [8.0, 6.0], [50.0, 50.0], scan=False, weights=weights)
    low = made([0.1, 0.1], [5.0, 5.0], [100.0, 100.0], scan=False, weights=weights).assign(sinr_threshold_db=-15.0)
    high = made([0.18, 0.1], [9.0, 5.0], [45.0, 50.0], scan=False, weights=weights).assign(sinr_threshold_db=15.0)
    summary = fig5_savings.stated_summary(pd.concat([low, middle, high])).loc["corrected"]
    assert summary.tolist() == [
        "25.0",
        "-60.0",
        "50.0",
        "40.0",
        "-50.0",  # the loss has become a saving, of a size that is larger
        "25.0",
    ]


def test_percentages_come_with_the_interval_of_their_mean():
    values = pd.Series([0.1, 0.2, 0.3, 0.4, np.nan])
    low, high = (float(end) for end in fig5_savings.in_percent(values)[:-1].split("(")[1].split("\xa0to\xa0"))
    assert fig5_savings.in_percent(values).startswith("25.0 (")
    assert 10 <= low < 20 < 30 < high <= 40
    assert fig5_savings.in_percent(pd.Series([np.nan])) == "-"
    assert fig5_savings.in_percent(pd.Series([-1e-9])) == "0.0"
    assert fig5_savings.in_percent(pd.Series([-1e-9, -1e-9])) == "0.0 (0.0\xa0to\xa00.0)"


def test_the_figures_show_means_over_seeds_for_every_weight_and_rule():
    runs = [made([0.15], [4.0 + seed], [50.0], seed=seed, scan=False, weights=[1e5]) for seed in (0, 1)]
    ends = [run.assign(sinr_threshold_db=15.0, uplink_energy_j=run["uplink_energy_j"] / 2) for run in runs]
    table = pd.concat([*runs, *ends])
    panel = fig5_savings.draw_energy(table).axes[0]
    assert panel.lines[0].get_xydata().tolist() == [[-5.0, 4.5], [15.0, 2.25]]
    assert panel.lines[1].get_ydata().tolist() == [10.0, 5.0]
    labels = [text.get_text() for text in panel.figure.legends[0].get_texts()]
    assert labels == [r"$\mu = 10^{5}$, optimal", r"$\mu = 10^{5}$, full power"]
    power, _, silent = fig5_savings.draw_savings(table, "corrected").axes
    assert power.lines[0].get_ydata() == pytest.approx([0.25, 0.25])
    assert power.lines[1].get_xydata().tolist() == [[-5.0, 0.168]]
    assert silent.lines[0].get_ydata() == pytest.approx([0.5, 0.5])


def test_the_scan_has_a_panel_for_each_reading():
    table = pd.concat([made([0.2, 0.1], [9.0, 5.0], [100.0] * 2, reading=name) for name in ("a", "b", "c")])
    visible = [panel for panel in fig5_savings.draw_scan(table).axes if panel.get_visible()]
    assert [panel.get_title() for panel in visible] == ["a", "b", "c"]
    assert visible[0].lines[0].get_xydata().tolist() == [[1.0, 0.0], [10.0, 0.5]]
