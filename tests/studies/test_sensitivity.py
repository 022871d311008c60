import dataclasses

import numpy as np
import pandas as pd
import pytest

from fedswitch import Scenario, control, wireless
from fedswitch.learning import load_task, simulate
from fedswitch.streams import stream
from fedswitch.studies import fig3_bandwidth, fig5_energy, fig5_savings, sensitivity
from fedswitch.studies import sensitivity_verdicts as verdicts
from fedswitch.studies.sensitivity_ranges import BASES, CONTROL, INERT, LEARNING, RANGES, Inert, Range

SMALL = dataclasses.replace(sensitivity.RECORDED, num_ues=6, few_ues=3, rounds=2, seeds=[0])


@pytest.fixture
def two_ranges(monkeypatch):
    """Only two fields are varied, one of them from one end."""
    for name in [*RANGES]:
        if name not in ("sinr_threshold", "rate"):
            monkeypatch.delitem(RANGES, name)


def outcomes_of(name, **sides) -> pd.DataFrame:
    """A made-up table of one conclusion: outcomes over seeds by side, where a side is (parameter, side) or the base."""
    rows = []
    for where, outcomes in sides.items():
        parameter, _, side = where.rpartition("__")
        labels = {"conclusion": name, "parameter": parameter, "value": f"{side} end" if parameter else "", "side": side}
        rows += [{**labels, "seed": seed, "outcome": outcome} for seed, outcome in enumerate(outcomes)]
    return pd.DataFrame(rows)


def test_every_choice_is_varied_or_said_not_to_matter():
    chosen = {name for name, symbol in Scenario.symbols().items() if symbol.origin == "chosen"}
    assert chosen == RANGES.keys() | INERT.keys()
    assert not RANGES.keys() & INERT.keys()


@pytest.mark.parametrize("experiment", BASES)
def test_each_setting_is_its_end_of_the_range_and_nothing_else(experiment):
    (of_base, base), *others = sensitivity.variations(experiment, num_ues=100)
    assert of_base == {"parameter": "", "value": "", "side": "base"}
    assert base == Scenario.corrected(num_ues=100, **BASES[experiment])
    for labels, scenario in others:
        name = labels["parameter"]
        end = getattr(RANGES[name], labels["side"])
        assert scenario == dataclasses.replace(base, **RANGES[name].given, **{name: end})
        assert scenario != base
    varied = {name for name, varied in RANGES.items() if experiment in varied.experiments}
    assert {labels["parameter"] for labels, _ in others} == varied


def test_ranges_hold_the_default_or_leave_it_for_another_word():
    """Numbers: the default lies within; a range with one end has the default for the other."""
    for name, varied in RANGES.items():
        default = getattr(Scenario.corrected(), name)
        ends = [end for end in (varied.low, varied.high) if end is not None]
        assert default not in ends or name == "batch_size"
        if isinstance(default, float) and len(ends) == 2:
            assert varied.low < default < varied.high


def test_values_are_shown_in_their_unit():
    values = {labels["value"] for labels, _ in sensitivity.variations(CONTROL, num_ues=10)}
    assert {"-10 dB", "0 dB", "20 mW", "`printed`"} <= values


def test_control_outcomes_are_those_of_the_loop_round_by_round():
    s = Scenario.corrected(num_ues=8, energy_weight_per_j=0.06, sinr_threshold=1.0)
    bits = 32.0 * 12 * 2 * 2 * 768 * np.array(s.lora_ranks)
    joules = 4 * 32 * 128 * 16 * 737.5 * 1e-27 * 1.5e9**2
    cell = wireless.Cell.draw(s, 1)
    taken = {}
    for rule in ("switching", "greedy"):
        state = control.start(s, rng=stream(1, "start"))
        spent = full_spent = sent = 0.0
        uploads = np.zeros(4)
        for t in range(3):
            seen = control.Observation(cell.channel(t), bits, joules)
            watts, sends = np.full(8, 0.2), state.subscription
            share, delay_s = control.share_bandwidth(s, seen.channel, sends * bits[:, None], watts)
            full_spent += sends.sum() * 0.2 * delay_s
            if t == 0:
                of_ue = bits[sends.argmax(axis=0)]
                arrive = wireless.Reception.of(s, cell.distance_m, share.max(axis=0), of_ue).probability(0.2)
            decision, state = control.decide(s, seen, state, rng=stream(1, "decision", t), rule=rule)
            spent += decision.uplink_energy_j.sum()
            sent += decision.subscription.sum()
            uploads += decision.subscription.sum(axis=1)
        taken[rule] = spent, full_spent, sent, uploads.min() / 24
    spent, full_spent, sent, least = taken["switching"]
    assert 0 < sent < 24
    assert sensitivity.control_outcomes(s, 1, 3) == pytest.approx({
        "energy": 1 - spent / full_spent,
        "silence": 1 - sent / 24,
        "reception": arrive.mean(),
        "participation": least - taken["greedy"][3],
    })  # fmt: skip


def test_the_loop_is_that_of_figure_5():
    options = {"num_ues": 6, "seeds": [2], "rounds": 3, "rule": "switching", "readings": ["corrected"]}
    options |= {"sinr_thresholds_db": [-5.0], "energy_weights_per_j": [0.02]}
    table = fig5_energy.measure(fig5_energy.Fig5Settings(**options, variants=[], relative_weights_per_j=[]))
    saved = fig5_savings.savings(table).iloc[0]
    outcome = sensitivity.control_outcomes(Scenario.corrected(num_ues=6, energy_weight_per_j=0.02), 2, 3)
    assert outcome["energy"] == pytest.approx(saved["energy"])


def test_bandwidth_outcomes_are_those_of_figure_3():
    table = fig3_bandwidth.measure(fig3_bandwidth.Fig3Settings(num_ues=[4, 9], num_cells=2, traced_cells=0))
    ends = fig3_bandwidth.outcomes(table).query("bracket == 'fixed' and seed == 1").set_index("num_ues")
    scenario = Scenario.corrected(num_ues=9, max_delay_s=1e3, rate="instantaneous")
    outcome = sensitivity.bandwidth_outcomes(scenario, 1, 4)
    assert outcome["iterations"] == ends.loc[9, "iteration"] - ends.loc[4, "iteration"]
    assert outcome["delay"] == pytest.approx(np.log10(ends.loc[9, "delay_s"] / ends.loc[4, "delay_s"]), abs=1e-3)
    ergodic = sensitivity.bandwidth_outcomes(dataclasses.replace(scenario, rate="ergodic"), 1, 4)
    assert ergodic["iterations"] == outcome["iterations"]
    assert ergodic["delay"] != outcome["delay"]


def test_uploads_end_at_the_deadline_whatever_their_number():
    scenario = Scenario.corrected(num_ues=9, max_delay_s=1e3, threshold="deadline")
    assert sensitivity.bandwidth_outcomes(scenario, 0, 4)["delay"] == 0.0


def test_fewer_layers_send_less():
    """A sixth of the layers takes a sixth of the energy on air at full power, and none of the others' probability."""
    few, all_layers = (Scenario.corrected(num_ues=5, lora_layers=layers, rate="ergodic") for layers in (2, None))
    done = [sensitivity.control_outcomes(scenario, 0, 1) for scenario in (few, all_layers)]
    assert done[0]["reception"] == pytest.approx(done[1]["reception"], rel=1e-6)
    growth = [sensitivity.bandwidth_outcomes(scenario, 0, 2)["delay"] for scenario in (few, all_layers)]
    assert growth[0] == pytest.approx(growth[1], rel=1e-6)


def test_what_is_not_varied_in_an_experiment_does_not_change_it():
    base = Scenario.corrected(num_ues=4, batch_size=16)
    outcome = sensitivity.control_outcomes(base, 0, 2)
    others = {name: varied.sides(name) for name, varied in RANGES.items() if CONTROL not in varied.experiments}
    assert len(others) > 5
    for sides in others.values():
        for changed in sides.values():
            assert sensitivity.control_outcomes(dataclasses.replace(base, **changed), 0, 2) == outcome
    inert = dataclasses.replace(base, **{name: each.other for name, each in INERT.items()})
    assert sensitivity.control_outcomes(inert, 0, 2) == outcome


def test_what_is_not_varied_in_learning_does_not_change_it():
    """Beyond the radio: without weight on energy, its fields do not count."""
    base = Scenario.corrected(num_ues=3, **BASES[LEARNING])
    energy = {"compute_energy": "flops", "bits_per_token": 64, "flops_per_cycle": 4.0, "objective_tolerance": 1e-2}
    changed = dataclasses.replace(base, **energy, **{name: each.other for name, each in INERT.items()})
    accuracies = [
        simulate(s, backbone="tiny", scheme="switching", rounds=2, progress=False).table["accuracy_pooled"].tolist()
        for s in (base, changed)
    ]
    assert accuracies[0] == accuracies[1]


def test_all_conclusions_are_measured_on_both_sides(two_ranges, tmp_path):
    options = {
        "experiments": ["control", "bandwidth", "learning"],
        "backbone": "tiny",
        "learning_choices": [],
        "learning_ues": 3,
    }
    options |= {"learning_rounds": 2, "learning_seeds": [4], "test_size": 40, "task": "reviews"}
    settings = dataclasses.replace(SMALL, **options)
    table = sensitivity.measure(settings, finished=tmp_path)
    assert table.columns.tolist() == ["conclusion", "parameter", "value", "side", "seed", "outcome"]
    assert set(table["conclusion"]) == set(sensitivity.CONCLUSIONS)
    found = table.groupby("conclusion").agg(lambda column: list(column))
    assert found.loc["energy", "parameter"] == ["", "sinr_threshold", "sinr_threshold", "rate"]
    assert found.loc["delay", "side"] == ["base", "high"]
    assert found.loc["accuracy", "value"] == ["", "-10 dB", "0 dB"]
    assert found.loc["accuracy", "seed"] == [4, 4, 4]
    assert len(list(tmp_path.iterdir())) == 6  # two arms, three settings
    assert table.attrs["seconds"] >= 0
    assert table.attrs["arithmetic"] == ["float32 on cpu"]
    again = sensitivity.measure(settings, finished=tmp_path)
    pd.testing.assert_frame_equal(table, again)
    chosen = sensitivity.measure(dataclasses.replace(settings, learning_choices=["lora_alpha"]), finished=tmp_path)
    assert chosen.loc[chosen["conclusion"] == "accuracy", "parameter"].tolist() == [""]


def test_nothing_is_dealt_out_by_domains_that_the_task_does_not_have(monkeypatch):
    runs = []
    monkeypatch.setattr(sensitivity, "measure_runs", lambda made, *_, **__: runs.extend(made))
    task = load_task("reviews")
    train = dataclasses.replace(task.train, domains=None)
    settings = dataclasses.replace(SMALL, learning_choices=["partition", "domains_per_ue"], learning_seeds=[0])
    for known in (task, dataclasses.replace(task, train=train)):
        monkeypatch.setattr(sensitivity, "load_shared", lambda *_, known=known: known)
        sensitivity._learn(settings, "cpu", None)
        kinds = {run.scenario.partition for run in runs}
        assert kinds == {"label", "quantity"} | ({"domain"} if known is task else set())
        runs.clear()


def test_the_accuracy_is_the_last_that_was_tested_and_switching_minus_one_module():
    labels = {"parameter": "zeta1", "value": "1", "side": "low"}
    rows = [
        {**labels, "seed": seed, "arm": arm, "round": t, "accuracy_pooled": accuracy}
        for seed, arm, accuracies in [
            (0, "fedlora", [0.5, 0.9, np.nan]),
            (0, "switching", [0.8, 0.7, np.nan]),
            (1, "fedlora", [0.5, np.nan, 0.6]),
            (1, "switching", [0.4, np.nan, 0.65]),
        ]
        for t, accuracy in enumerate(accuracies)
    ]
    outcome = sensitivity.accuracy_outcomes(pd.DataFrame(rows))
    assert outcome["outcome"].tolist() == pytest.approx([-0.2, 0.05])
    assert outcome[["conclusion", *labels]].drop_duplicates().to_numpy().tolist() == [["accuracy", *labels.values()]]


def test_an_experiment_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"experiments has no 'power': choose from control, bandwidth, learning"):
        dataclasses.replace(SMALL, experiments=["power"])


@pytest.mark.parametrize(
    ("base", "varied", "expected"),
    [
        ([0.6, 0.7, 0.8], [0.6, 0.7, 0.8], "survives"),
        ([0.6, 0.7, 0.8], [0.68, 0.78, 0.88], "survives"),  # by less than half of 0.2
        ([0.6, 0.7, 0.8], [0.75, 0.85, 0.95], "changes size"),
        ([0.9, 0.7, 0.8], [0.52, 0.51, 0.53], "changes size"),
        ([0.6, 0.7, 0.8], [0.9, 0.6, 1.0], "survives"),  # the difference may be none
        ([0.6, 0.7, 0.8], [0.2, 0.3, 0.4], "flips"),
        ([0.2, 0.3, 0.4], [0.6, 0.7, 0.8], "flips"),
        ([0.6, 0.7, 0.8], [0.4, 0.5, 0.6], "is lost"),
        ([0.4, 0.5, 0.6], [0.6, 0.7, 0.8], "settles"),
        ([0.4, 0.5, 0.6], [0.2, 0.3, 0.4], "settles"),
        ([0.4, 0.5, 0.6], [0.4, 0.5, 0.6], "survives"),
    ],
)
def test_a_verdict_compares_sides_of_the_neutral_outcome(base, varied, expected):
    assert verdicts.verdict(pd.Series(base), pd.Series(varied), 0.5) == expected


def test_outcomes_are_paired_by_seed_and_not_by_row():
    base = pd.Series([0.6, 0.9], index=[0, 1])
    varied = pd.Series([0.99, 0.69], index=[1, 0])
    assert verdicts.verdict(base, varied, 0.55) == "survives"
    assert verdicts.verdict(base, varied + 0.2, 0.55) == "changes size"


@pytest.fixture
def made():
    silence = outcomes_of(
        "silence", __base=[0.1, 0.2, 0.3], rate__high=[0.7, 0.8, 0.9], zeta1__low=[0.1, 0.2, 0.3],
        zeta1__high=[0.5, 0.4, 0.6],
    )  # fmt: skip
    delay = outcomes_of("delay", __base=[1.0, 1.1, 1.2], rate__high=[1.0, 1.1, 1.2])
    return pd.concat([silence, delay], ignore_index=True)


def test_the_table_has_the_graver_verdict_of_both_sides(made):
    wide = verdicts.verdict_table(verdicts.effects(made))
    assert wide.index.tolist() == ["rate", "zeta1"]
    assert wide.columns.tolist() == ["silence", "delay"]
    assert wide.to_numpy().tolist() == [["flips", "survives"], ["is lost", "-"]]


def test_effects_are_means_with_their_change_from_the_base(made):
    row = verdicts.effects(made).set_index(["conclusion", "parameter", "side"]).loc[("silence", "zeta1", "high")]
    assert (row["outcome"], row["change"]) == pytest.approx((0.5, 0.3))
    assert 0.4 <= row["low_end"] < 0.5 < row["high_end"] <= 0.6


def test_sentences_name_what_holds_and_what_overturns_it(made):
    first, second = verdicts.sentences(made).splitlines()
    assert first.startswith("- **Most UEs send** (share of the UEs that send nothing in a round: 0.2, 95 % interval")
    assert "Of 2 choices, 0 leave it as it is." in first
    assert first.endswith("It is lost with `zeta1` = high end. It flips with `rate` = high end.")
    assert second.startswith("- **The delay grows with the number of UEs**")
    assert second.endswith("Of 1 choices, 1 leave it as it is.")
    undecided = verdicts.sentences(outcomes_of("delay", __base=[-1.0, 0.0, 1.0], rate__high=[1.0, 1.1, 1.2]))
    assert undecided.startswith("- **Undecided**")
    assert undecided.endswith("It settles with `rate` = high end.")


def test_the_summary_counts_and_tells_firm_from_shaken(made):
    told = verdicts.summary(made)
    assert "3 times, with these verdicts: survives 1, changes size 0, settles 0, is lost 1, flips 1." in told
    assert told.endswith(
        "overturns the conclusions on delay. Overturned by some choice: **silence** (`rate`, `zeta1`)."
    )


def test_the_summary_says_so_where_nothing_is_firm(made):
    told = verdicts.summary(made[made["conclusion"] != "delay"])
    assert "Each conclusion is overturned by some choice within its range. Overturned by some choice: **sil" in told


def test_the_tables_list_every_choice_with_its_ends():
    varied, inert = verdicts.ranges_table().splitlines(), verdicts.inert_table().splitlines()
    assert len(varied) == len(RANGES) + 2
    assert len(inert) == len(INERT) + 2
    line = next(line for line in varied if "`sinr_threshold`" in line)
    assert line.startswith("| SINR threshold of reception `sinr_threshold` | -5 dB | -10 dB to 0 dB | ")
    assert line.endswith("| control, learning |")
    assert any("(with `learning_rate` = 0.3)" in line for line in varied)
    assert any("`flops` or `per_model_bit`" in line for line in varied)


def test_the_tornado_shows_the_largest_swings_from_the_base_at_the_top(made):
    figure = verdicts.draw(made, most=1)
    silence, delay = figure.axes
    assert [label.get_text() for label in silence.get_yticklabels()] == ["kind of rate"]
    assert [bar.get_x() + bar.get_width() for bar in silence.patches] == pytest.approx([0.8])
    assert [line.get_xdata()[0] for line in silence.lines[-2:]] == pytest.approx([0.2, 0.5])
    both = verdicts.draw(made).axes[0]
    assert [label.get_text() for label in both.get_yticklabels()] == ["gradient bound, const.", "kind of rate"]
    assert delay.get_title(loc="right").replace("\n", " ") == f"delay: {sensitivity.CONCLUSIONS['delay'].outcome}"


def test_a_side_without_an_end_is_left_out():
    assert Range("words", None, "b", (CONTROL,), "why", {"x": 1}).sides("name") == {"high": {"x": 1, "name": "b"}}
    assert Range("words", 0.0, 2.0, (CONTROL,), "why").sides("name") == {"low": {"name": 0.0}, "high": {"name": 2.0}}
    assert all(isinstance(each, Inert) for each in INERT.values())


def test_every_choice_has_words_of_its_own_that_fit_beside_a_bar():
    words = [varied.words for varied in RANGES.values()]
    assert len(set(words)) == len(words)
    assert all(0 < len(word) <= 24 and "_" not in word for word in words)
