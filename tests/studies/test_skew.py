import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fedswitch import Scenario
from fedswitch.learning import Scheme, load_backbone
from fedswitch.learning.tasks import reviews_task
from fedswitch.studies import federated, skew

SMALL = skew.SkewSettings(
    backbone="tiny", arms=["fedlora", "switching_risk"], skews=["label", "domain"], num_ues=4, rounds=2,
    learning_rate=3e-3, evaluate_every=2,
)  # fmt: skip


@pytest.fixture
def small_task(monkeypatch):
    monkeypatch.setattr(federated, "load_task", lambda name, seed: reviews_task(train=800, test=400, seed=seed))


def test_every_arm_meets_every_skew_with_three_kinds_of_inference(small_task):
    table = skew.measure(SMALL)
    assert len(table) == 2 * 2 * 2 * 2
    tested = table.dropna(subset=["accuracy"])
    assert tested[list(skew.INFERENCES)].notna().all().all()
    # with one module all kinds of inference are one
    common = tested[tested["arm"] == "fedlora"]
    assert (common["accuracy_own"] == common["accuracy"]).all()
    assert (common["accuracy_weighted"] == common["accuracy"]).all()
    first = table[(table["arm"] == "fedlora") & (table["round"] == 1)]
    assert first.groupby("seed")["delay_s"].nunique().tolist() == [1, 1]  # the cell does not depend on the skew


def test_labels_alone_are_those_of_the_ues_that_are_simulated(small_task):
    found = skew.labels_alone(SMALL)
    for row in found.itertuples():
        task = reviews_task(train=800, test=400, seed=row.seed)
        scenario = Scenario.corrected(
            num_ues=4, batch_size=4, partition=row.skew, dirichlet_concentration=0.1, domains_per_ue=1
        )
        world = Scheme(scenario, row.seed).federation(task, load_backbone("tiny"))
        right = []
        for held, tests in zip(world.ues.indices.values(), world.ue_test_indices, strict=True):
            share = task.train.labels[held].mean()
            right.append(np.mean(task.test.labels[tests] == (share > 0.5)))
        assert row.accuracy == pytest.approx(np.mean(right))
    by_skew = found.groupby("skew")["accuracy"].mean()
    assert by_skew["label"] > by_skew["domain"] + 0.15


@pytest.fixture
def table():
    """Switching is better with own weights under label skew by 10 points, and worse under domain skew."""
    rows = [
        {"skew": kind, "arm": arm, "seed": seed, "round": 1, "accuracy": 0.6 + 0.01 * seed,
         "accuracy_own": 0.6 + 0.01 * seed, "accuracy_weighted": 0.6 + 0.01 * seed + gain,
         "accuracy_prior": 0.6 + 0.01 * seed}
        for kind, sign in {"label": 1, "domain": -1}.items()
        for arm, gain in {"fedlora": 0.0, "switching": 0.1 * sign}.items() for seed in range(4)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_differences_are_paired_with_the_common_module(table):
    found = skew.against_common(table)
    assert set(found["arm"]) == {"fedlora", "switching"}
    assert set(found.loc[found["arm"] == "fedlora", "inference"]) == {"accuracy_prior"}
    means = found.groupby(["skew", "inference"])["difference"].agg(["mean", "std", "size"])
    assert means.loc[("label", "accuracy_weighted")].tolist() == pytest.approx([10, 0, 4])  # the seeds cancel
    assert means.loc[("domain", "accuracy_weighted")].tolist() == pytest.approx([-10, 0, 4])
    assert means.loc[("label", "accuracy")].tolist() == pytest.approx([0, 0, 4])


@pytest.mark.parametrize("arm", ["fedlora", "switching"])
def test_one_arm_cannot_be_compared(table, arm):
    with pytest.raises(ValueError, match="arms must hold 'fedlora' and at least one"):
        skew.against_common(table[table["arm"] == arm])


def test_conclusions_name_what_is_better_and_what_is_worse(table):
    label, domain = skew.conclusions(skew.against_common(table)).splitlines()
    name = "Algorithm 2, corrected with own weights"
    assert label.startswith(
        f"- **label skew**: better than one common module, in points: {name} (+10.0). Worse: nothing."
    )
    assert f"nothing. Worse: {name} (-10.0). 4 of 5 cannot" in domain


def test_conclusions_count_several_with_one_inference():
    arms = {"fedlora": 0.0, "random": -3.0, "switching": -5.0, "switching_risk": -4.0}
    rows = [
        {
            "skew": "label",
            "arm": arm,
            "inference": "accuracy",
            "seed": seed,
            "difference": mean + (arm == "fedlora") * wiggle,
        }
        for arm, mean in arms.items()
        for seed, wiggle in enumerate((-1.0, 1.0, 0.5, -0.5))
    ]
    said = skew.conclusions(pd.DataFrame(rows))
    assert (
        "better than one common module, in points: nothing. Worse: 3 of 4 with uniform ensemble (-5.0 to -3.0)." in said
    )
    assert said.endswith("1 of 4 cannot be told apart from it.")


def test_the_figure_and_the_summary_show_the_same(table):
    found = skew.against_common(table)
    shown = skew.summary(found).set_index(["scheme", "skew"]).loc["Algorithm 2, corrected"]
    assert shown.loc["label", "own weights"] == "+10.0 (+10.0\xa0to\xa0+10.0)"
    figure = skew.draw(found)
    assert [axes.get_title() for axes in figure.axes] == ["label skew", "domain skew"]
    means = {line.get_label(): line.get_xdata()[0] for line in figure.axes[1].lines if line.get_marker() != "."}
    assert means["own weights"] == pytest.approx(-10)
    assert means["uniform ensemble"] == pytest.approx(0)
    plt.close("all")


def test_the_common_module_stands_beside_what_labels_alone_get(table, small_task):
    beside = skew.beside_labels(table, SMALL).set_index("skew")
    assert beside.loc["domain", "one common module"] == pytest.approx(0.615)
    alone = skew.labels_alone(SMALL).groupby("skew")["accuracy"].mean()
    assert beside["own label alone"].to_dict() == pytest.approx(alone.to_dict(), abs=5e-4)
