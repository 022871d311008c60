import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fedswitch import Scenario
from fedswitch.learning import Scheme, load_backbone
from fedswitch.studies import concepts, federated
from fedswitch.studies import concepts_gains as gains

SMALL = concepts.ConceptsSettings(num_ues=4, batch_size=4, seeds=[0, 1], test_size=None)

SETTINGS = concepts.ConceptsSettings(
    arms=["fedlora", "switching"], cells=["label", "reviews+questions"], followed=["fedlora", "switching"],
    degrees=[0, 3, 6], minorities=[2, 4], sizes=[4, 8], batch_sizes=[2, 8], num_ues=8, batch_size=8,
)  # fmt: skip


@pytest.fixture
def table():
    """With own weights switching gains 10 points under label skew, and loses as many with questions.

    With what it trains it gains 2 points for each of six kinds that two tasks disagree on, and one for every UE.
    """
    usual = {"num_ues": 8, "batch_size": 8}
    gains = [("label", 8, 8, 0.0, 0.1), ("reviews+questions", 8, 8, 0.0, -0.1)]
    gains += [(concepts.conflict(degree), 8, 8, 0.02 * degree, 0.0) for degree in (0, 3, 6)]
    gains += [(concepts.minority(4), 8, 8, 0.07, 0.0)]
    gains += [(concepts.OPPOSED, 4, 8, 0.04, 0.0), (concepts.OPPOSED, 8, 2, 0.01, 0.0)]
    rows = []
    for cell, num_ues, batch_size, own, weighted in gains:
        for arm, factor in {"fedlora": 0, "switching": 1}.items():
            for seed in range(4):
                base = 0.6 + 0.01 * seed
                for number, reached in ((1, 0.5), (2, base)):
                    rows.append({
                        "cell": cell, **usual, "num_ues": num_ues, "batch_size": batch_size, "arm": arm, "seed": seed,
                        "round": number, "accuracy": reached, "accuracy_own": reached,
                        "accuracy_trained": reached + factor * own,
                        "accuracy_weighted": reached + factor * weighted, "accuracy_prior": reached,
                        "energy_uplink_j": 1.0, "energy_compute_j": 2.0, "sent_bits": 8e6,
                    })  # fmt: skip
    return pd.DataFrame(rows)


def test_differences_are_paired_with_the_common_module(table):
    found = gains.in_cells(gains.against_common(table), SETTINGS)
    assert list(found["cell"].unique()) == ["label", "reviews+questions"]
    assert set(found.loc[found["arm"] == "fedlora", "inference"]) == {"accuracy_prior"}
    means = found.groupby(["cell", "inference"])["difference"].agg(["mean", "std", "size"])
    assert means.loc[("label", "accuracy_weighted")].tolist() == pytest.approx([10, 0, 4])  # the seeds cancel
    assert means.loc[("reviews+questions", "accuracy_weighted")].tolist() == pytest.approx([-10, 0, 4])
    assert means.loc[("label", "accuracy")].tolist() == pytest.approx([0, 0, 4])


@pytest.mark.parametrize("arm", ["fedlora", "switching"])
def test_one_arm_cannot_be_compared(table, arm):
    with pytest.raises(ValueError, match="arms must hold 'fedlora' and at least one"):
        gains.against_common(table[table["arm"] == arm])


@pytest.mark.parametrize(
    ("axis", "places", "points"),
    [
        ("conflict", [0, 0.5, 1], [0, 6, 12]),
        ("minority", [0.25, 0.5], [7, 12]),
        ("num_ues", [4, 8], [4, 12]),
        ("batch_size", [2, 8], [1, 12]),
    ],
)
def test_gains_along_an_axis_are_those_of_the_cells_on_it(table, axis, places, points):
    gained = gains.along(table, SETTINGS, axis)
    by_place = gained[gained["arm"] == "switching"].groupby("place")["difference"]
    assert by_place.mean().index.tolist() == pytest.approx(places)
    assert by_place.mean().tolist() == pytest.approx(points)
    figure = gains.draw_along(table, SETTINGS, [axis])
    (line,) = [line for line in figure.axes[0].lines if line.get_label() == "Algorithm 2, corrected"]
    assert line.get_ydata() == pytest.approx(points)
    plt.close(figure)


def test_the_boundary_is_where_gains_begin_and_do_not_end():
    along = {"grouping": (1.0, -0.2, 2.0, 3.0), "told": (1.0, 2.0, 3.0, -4.0), "random": (1.0,) * 4}
    gained = pd.DataFrame([
        {"arm": arm, "seed": seed, "place": place, "difference": mean + 0.1 * seed}
        for arm, means in along.items()
        for place, mean in zip((0, 1 / 3, 2 / 3, 1), means, strict=True)
        for seed in range(5)
    ])  # fmt: skip
    said = gains.boundary(gained)
    assert said == (
        "at random: from 0 on (+1.2 points there, +1.2 at the end); groups that are found: from 0.67 on (+2.2 points "
        "there, +3.2 at the end); groups that are known: no certain gain at the end of the axis"
    )


def happening(cells: dict[str, dict[str, float]]) -> pd.DataFrame:
    """Runs of two seeds that end at some accuracy, by cell and arm; the UE that is served worst at half of it."""
    return pd.DataFrame([
        {"cell": cell, "num_ues": 8, "batch_size": 8, "arm": arm, "seed": seed, "round": 1, "accuracy": level,
         "accuracy_trained": level + 0.02 * seed, "accuracy_trained_min": level / 2, "received": 3, "subscribed": 4}
        for cell, arms in cells.items() for arm, level in arms.items() for seed in (0, 1)
    ])  # fmt: skip


def test_what_happens_half_way_is_shown_beside_a_run_in_which_nothing_does():
    settings = dataclasses.replace(SETTINGS, turns=["late"])
    arms = {"fedlora": 0.5, "switching": 0.8}
    runs = happening({concepts.OPPOSED: arms, "late": arms, "label": arms})
    assert gains.turned(runs, settings)["whom it happens to"].tolist() == ["-"] * 4  # of runs without a turn
    runs["accuracy_turned"] = np.where(runs["cell"] == "late", 0.3, np.nan)
    found = gains.turned(runs, settings)
    assert found["whom it happens to"].str[:4].tolist() == ["-", "-", "30.0", "30.0"]
    assert found["half way"].tolist() == ["nothing"] * 2 + ["a UE joins late"] * 2
    assert found["scheme"].tolist() == ["one common module", "Algorithm 2, corrected"] * 2
    assert found["all UEs"].tolist()[:2] == ["51.0 (50.0\xa0to\xa052.0)", "81.0 (80.0\xa0to\xa082.0)"]
    assert found["the worst served"].tolist()[3] == "40.0 (40.0\xa0to\xa040.0)"


def test_schemes_are_compared_at_each_threshold():
    settings = dataclasses.replace(SETTINGS, thresholds_db=[2.5])
    runs = happening({
        "label": {"fedlora": 0.6, "switching": 0.5, "unbiased": 0.7},
        "label at 2.5 dB": {"fedlora": 0.4, "switching": 0.5, "unbiased": 0.2},
    })  # fmt: skip
    found = gains.over_channels(runs, settings)
    assert found["threshold in dB"].tolist() == [-5] * 3 + [2.5] * 3
    assert found["received, %"].tolist() == ["75"] * 6
    assert found["accuracy, %"].str.split().str[0].tolist() == ["60.0", "50.0", "70.0", "40.0", "50.0", "20.0"]
    assert found["over one module"].str.split().str[0].fillna("").tolist() == [
        "",
        "-10.0",
        "+10.0",
        "",
        "+10.0",
        "-20.0",
    ]


def test_costs_end_where_the_target_is_reached(table):
    found = gains.costs(table, target=0.655).set_index(["cell", "num_ues", "batch_size", "arm"])
    assert found.loc[("label", 8, 8, "fedlora"), "reached"] == 0.0
    reached = found.loc[("label", 8, 8, "switching")]
    assert reached["reached"] == 1.0
    assert (reached["rounds"], reached["joules"], reached["megabytes"]) == (2, 6.0, 2.0)
    printed = gains.costs(table.replace({"arm": {"switching": "switching_printed"}}), target=0.655)
    assert printed.set_index(["cell", "arm"])["joules"].isna().xs("switching_printed", level="arm").all()
    at_once = gains.costs(table, target=0.5).set_index(["cell", "num_ues", "batch_size", "arm"])
    assert at_once.loc[("label", 8, 8, "fedlora"), "rounds"] == 1


def test_conclusions_name_what_is_better_and_what_is_worse(table):
    lines = gains.conclusions(gains.in_cells(gains.against_common(table), SETTINGS)).splitlines()
    name = "with own weights Algorithm 2, corrected"
    assert lines[0].startswith(
        f"- **label skew**: better than one common module, in points: {name} (+10.0). Worse: nothing."
    )
    assert (
        f"**reviews + questions**: better than one common module, in points: nothing. Worse: {name} (-10.0)."
        in lines[1]
    )


def test_conclusions_count_several_with_one_inference():
    arms = {"fedlora": 0.0, "random": -3.0, "switching": -5.0, "switching_risk": -4.0}
    rows = [
        {"cell": "label", "arm": arm, "inference": "accuracy", "seed": seed,
         "difference": mean + (arm == "fedlora") * wiggle}
        for arm, mean in arms.items()
        for seed, wiggle in enumerate((-1.0, 1.0, 0.5, -0.5))
    ]  # fmt: skip
    said = gains.conclusions(pd.DataFrame(rows))
    assert (
        "better than one common module, in points: nothing. Worse: with uniform ensemble 3 of 4 arms (-5.0 to -3.0)."
        in said
    )
    assert said.endswith("1 of 4 pairs of arm and inference cannot be told apart from it.")


def test_the_figure_and_the_summary_show_the_same(table):
    found = gains.in_cells(gains.against_common(table), SETTINGS)
    shown = gains.summary(found).set_index(["scheme", "cell"]).loc["Algorithm 2, corrected"]
    assert shown.loc["label skew", "own weights"] == "+10.0 (+10.0\xa0to\xa0+10.0)"
    figure = gains.draw(found)
    assert [axes.get_title() for axes in figure.axes] == ["label skew", "reviews + questions"]
    means = {line.get_label(): line.get_xdata()[0] for line in figure.axes[1].lines if line.get_marker() != "."}
    assert means["own weights"] == pytest.approx(-10)
    assert means["uniform ensemble"] == pytest.approx(0)


def test_the_common_module_stands_beside_what_labels_alone_get(table, small_tasks):
    beside = gains.beside_labels(table, SMALL).set_index("skew")
    assert beside.loc["label", "one common module"] == pytest.approx(0.615)
    alone = gains.labels_alone(SMALL).groupby("cell")["accuracy"].mean()
    assert beside["own label alone"].to_dict() == pytest.approx(alone.to_dict(), abs=5e-4)


def test_labels_alone_are_those_of_the_ues_that_are_simulated(small_tasks):
    found = gains.labels_alone(SMALL)
    for row in found.itertuples():
        task = federated.load_task("reviews", seed=row.seed)
        scenario = Scenario.corrected(
            num_ues=4, batch_size=4, partition=row.cell, dirichlet_concentration=0.1, domains_per_ue=1
        )
        world = Scheme(scenario, row.seed).federation(task, load_backbone("tiny"))
        right = []
        for held, tests in zip(world.ues.indices.values(), world.ue_test_indices, strict=True):
            share = task.train.labels[held].mean()
            right.append(np.mean(task.test.labels[tests] == (share > 0.5)))
        assert row.accuracy == pytest.approx(np.mean(right))
    by_skew = found.groupby("cell")["accuracy"].mean()
    assert by_skew["label"] > by_skew["domain"] + 0.15
