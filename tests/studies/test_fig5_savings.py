import numpy as np
import pandas as pd
import pytest

from fedswitch.studies import fig5_energy as fig5
from fedswitch.studies import fig5_savings


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


def test_the_figures_show_means_over_seeds_for_every_weight_and_rule():
    runs = [made([0.15], [4.0 + seed], [50.0], seed=seed, scan=False, weights=[1e5]) for seed in (0, 1)]
    ends = [run.assign(sinr_threshold_db=15.0, uplink_energy_j=run["uplink_energy_j"] / 2) for run in runs]
    table = pd.concat([*runs, *ends])
    optimal, full = fig5_savings.draw_energy(table).axes
    assert optimal.lines[0].get_xydata().tolist() == [[-5.0, 4.5], [15.0, 2.25]]
    assert full.lines[0].get_ydata() == pytest.approx([10.0, 5.0])
    assert [axes.get_title().split("\n")[1] for axes in (optimal, full)] == ["optimal", "full power"]
    assert [text.get_text() for text in optimal.figure.legends[0].get_texts()] == [r"$\mu = 10^{5}$"]
    power, _, silent = fig5_savings.draw_savings(table, "corrected").axes
    assert power.lines[0].get_ydata() == pytest.approx([0.25, 0.25])
    assert power.lines[1].get_xydata().tolist() == [[-5.0, 0.168]]
    assert silent.lines[0].get_ydata() == pytest.approx([0.5, 0.5])


def test_the_scan_has_a_panel_for_each_reading():
    table = pd.concat([made([0.2, 0.1], [9.0, 5.0], [100.0] * 2, reading=name) for name in ("a", "b", "c")])
    visible = [panel for panel in fig5_savings.draw_scan(table).axes if panel.get_visible()]
    assert [panel.get_title() for panel in visible] == ["a", "b", "c"]
    assert visible[0].lines[0].get_xydata().tolist() == [[1.0, 0.0], [10.0, 0.5]]
