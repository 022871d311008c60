import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedswitch.learning import load_backbone
from fedswitch.learning.tasks import reviews_task
from fedswitch.studies import federated
from fedswitch.studies import fig2_convergence as fig2
from fedswitch.studies.records import load_result

NAN = float("nan")


def by_definition(accuracies, target, hold):
    """Tries every round as the first."""
    tested = {t: value for t, value in enumerate(accuracies, 1) if not np.isnan(value)}
    for first in tested:
        ends = [t for t in tested if t >= first + hold]
        if ends and all(value >= target for t, value in tested.items() if first <= t <= ends[0]):
            return first
    return None


@given(st.lists(st.sampled_from([0.6, 0.7, 0.8, NAN]), max_size=14), st.integers(0, 5))
def test_a_run_has_reached_the_target_where_it_stays_there(accuracies, hold):
    rows = [{"round": t, "accuracy_pooled": value} for t, value in enumerate(accuracies, 1)]
    assert fig2.reached(rows, 0.7, hold) == by_definition(accuracies, 0.7, hold)


def test_runs_end_once_the_target_is_held_and_costly_arms_stay_small(monkeypatch):
    monkeypatch.setattr(federated, "load_task", lambda name, seed: reviews_task(train=300, test=200, seed=seed))
    settings = {
        "task": "reviews", "backbone": "tiny", "arms": ["ours", "ours_printed", "full"], "costly_arms": ["full"],
        "num_ues": [4, 6], "costly_up_to": 4, "seeds": [1], "rounds": 6, "target": 0.0, "hold": 2, "batch_size": 2,
        "lora_layers": 1, "evaluate_every": 1,
    }  # fmt: skip
    small = replace(fig2.RECORDED, **settings)
    table = fig2.measure(small)
    assert table.groupby(["num_ues", "arm"])["round"].max().to_dict() == {
        (4, "ours"): 3, (4, "ours_printed"): 3, (4, "full"): 3, (6, "ours"): 3, (6, "ours_printed"): 3,
    }  # fmt: skip
    assert table["power_mean_w"].to_numpy() == pytest.approx(0.2)  # the largest power, without weight on energy
    never = fig2.measure(replace(small, arms=["ours"], num_ues=[4], target=1.01))
    assert never["round"].max() == 6


@given(st.lists(st.sampled_from([0.6, 0.7, 0.8, NAN]), max_size=8))
def test_a_run_is_near_where_its_last_test_was(accuracies):
    rows = [{"round": t, "accuracy_pooled": value} for t, value in enumerate(accuracies, 1)]
    tested = [value for value in accuracies if value == value]
    assert fig2.Near(0.7)(rows) == (bool(tested) and tested[-1] >= 0.7)


def test_each_deadline_is_run_beside_the_fixed_threshold_and_tests_come_closer_near_the_target(monkeypatch):
    monkeypatch.setattr(federated, "load_task", lambda name, seed: reviews_task(train=300, test=200, seed=seed))
    settings = fig2.Fig2Settings(
        backbone="tiny", arms=["fedlora", "full"], num_ues=[4], deadlines_s=[1e-6, 10.0], seeds=[1], rounds=5,
        target=1.01, near=1.0, batch_size=2, evaluate_every=2,
    )  # fmt: skip
    table = fig2.measure(settings)
    runs = table.groupby(["deadline_s", "arm"], sort=False)
    assert list(runs.groups) == [(math.inf, "fedlora"), (math.inf, "full"), (1e-6, "fedlora"), (10.0, "fedlora")]
    received = runs["received"].sum()
    assert received[1e-6, "fedlora"] == 0 < received[10.0, "fedlora"]
    assert table.loc[table["deadline_s"] == 10.0, "delay_s"].tolist() == [10.0] * 5
    tested = table.loc[table["accuracy_pooled"].notna()].groupby(["deadline_s", "arm"])["round"].agg(list)
    assert tested.tolist() == [[2, 3, 4, 5]] * 4  # from the first on, all are near
    with_gaps = fig2.measure(replace(settings, near=None, deadlines_s=[]))
    assert with_gaps.loc[with_gaps["accuracy_pooled"].notna(), "round"].tolist() == [2, 4, 5] * 2


@pytest.fixture
def runs():
    """As of `claims.fig2.convergence`: two sizes, three seeds, one run cut off."""
    return pd.DataFrame([
        {"deadline_s": math.inf, "arm": arm, "num_ues": k, "seed": seed, "cut_off": (arm, k, seed) == ("ours", 25, 2),
         "rounds": rounds + seed * k, "rounds_to_plateau": 3, "seconds": 0.5 * rounds + seed, "joules": 7.0 * rounds,
         "received": 8.0}
        for arm, rounds in {"ours": 10, "ours_printed": 12, "fedlora": 20}.items()
        for k in (10, 25) for seed in range(3)
    ])  # fmt: skip


def test_the_figure_shows_medians_cut_off_runs_and_the_claim(runs):
    figure = fig2.draw(runs)
    rounds, seconds, joules = figure.axes
    medians, (low, high) = lines_with_bars(rounds)[0]
    assert medians.tolist() == [20, 35]  # 10 + K, the middle seed
    assert low.tolist() == [10, 10]
    assert high.tolist() == [30, 60]
    crosses = [
        line for axes in figure.axes for line in axes.lines if line.get_marker() == "x" and len(line.get_xdata())
    ]
    assert [line.get_ydata().tolist() for line in crosses] == [[60], [7.0], [70.0]]
    (star,) = (line for line in rounds.lines if line.get_marker() == "*")
    assert star.get_ydata() == pytest.approx([0.573 * 30, 0.573 * 45])
    # what the printed form takes is counted by other formulas
    assert [len(lines_with_bars(axes)) for axes in (rounds, seconds, joules)] == [3, 2, 2]
    assert [label.get_text() for label in joules.get_xticklabels()] == ["10", "25"]


def test_every_arm_that_was_measured_is_in_the_figure(runs):
    measured = pd.concat([runs[runs["arm"] == "ours"].assign(arm=arm.name) for arm in fig2.ARMS])
    figure = fig2.draw(measured)
    assert [axes.get_title() for axes in figure.axes[:2]] == list(fig2.GROUPS)
    labels = {text.get_text() for text in figure.legends[0].get_texts()}
    assert labels == {arm.label for arm in fig2.ARMS} | {"Algorithm 2 as claimed"}


def lines_with_bars(axes):
    """Heights of each line, and the lower and upper ends of its error bars."""
    found = []
    for container in axes.containers:
        line, _, (bars,) = container
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        found.append((line.get_ydata(), (ends.min(axis=1), ends.max(axis=1))))
    return found


def test_the_summary_counts_what_was_cut_off(runs):
    table = fig2.summary(runs).set_index(["scheme", "K"])
    assert table.loc[("Algorithm 2, corrected", 25)].tolist() == [
        "8", "1 of 3", "35 (10\xa0to\xa060)", "3", "6 (5\xa0to\xa07)", "70",
    ]  # fmt: skip
    assert table.loc[("Algorithm 2, printed", 10)].tolist() == ["8", "0 of 3", "22 (12\xa0to\xa032)", "3", "-", "-"]
    assert len(table) == 6
    late = fig2.summary(runs.assign(deadline_s=0.2))
    assert late["deadline in s"].tolist() == [0.2] * 6


def test_there_is_a_panel_for_the_threshold_and_each_deadline_with_the_arms_that_have_both(runs):
    both = runs[runs["arm"] != "ours_printed"]
    late = pd.concat([both.assign(deadline_s=deadline_s, rounds=both["rounds"] + 1) for deadline_s in (0.5, 0.2)])
    figure = fig2.draw_deadlines(pd.concat([runs, late]), rounds_axis=(0, 110))
    assert [axes.get_title() for axes in figure.axes] == ["deadline of 0.2 s", "deadline of 0.5 s", "fixed threshold"]
    assert [lines_with_bars(axes)[0][0].tolist() for axes in figure.axes] == [[21, 36], [21, 36], [20, 35]]
    assert {len(lines_with_bars(axes)) for axes in figure.axes} == {2}
    assert figure.axes[0].get_ylim() == (0, 110)
    # the figure of the fixed threshold leaves out what belongs to deadlines
    rounds = fig2.draw(pd.concat([runs, late])).axes[0]
    assert lines_with_bars(rounds)[0][0].tolist() == [20, 35]


@pytest.mark.parametrize("deadline_s", [0.02, fig2.FIXED])
@pytest.mark.parametrize(("arm", "scheme"), [("ours", "switching"), ("fedlora", "fedlora")])
def test_uploads_arrive_as_in_the_recorded_runs_also_without_training(arm, scheme, deadline_s):
    result = load_result("fig2_convergence")
    reading = {} if deadline_s == fig2.FIXED else {"threshold": "deadline", "deadline_s": deadline_s}
    scenario = result.settings.scenario(num_ues=25, energy_weight_per_j=0.0, **reading)
    found = fig2.arrivals(scheme, scenario, load_backbone("minilm"), seed=2, rounds=8)
    of_run = {"arm": arm, "deadline_s": deadline_s, "num_ues": 25, "seed": 2}
    recorded = result.table[(result.table[[*of_run]] == pd.Series(of_run)).all(axis=1)]
    assert found.tolist() == recorded["received"].head(8).tolist()
