import numpy as np
import pandas as pd
import pytest

from fedswitch.studies.paired import Comparison, differences, draw_differences, in_percent, in_points, last_tests

NAN = float("nan")


def table(**ends: list[float]) -> pd.DataFrame:
    """Runs of two rounds, the first of which was not tested, by arm and seed."""
    return pd.DataFrame([
        {"arm": arm, "seed": seed, "round": t, "accuracy": value if t == 2 else NAN, "accuracy_pooled": value}
        for arm, values in ends.items() for seed, value in enumerate(values) for t in (1, 2)
    ])  # fmt: skip


def test_the_last_test_of_each_run_counts():
    runs = table(a=[0.5, 0.6])
    runs.loc[0, "accuracy"] = 0.4
    assert last_tests(runs)["accuracy"].tolist() == [0.5, 0.6]


def test_pairs_share_a_seed_and_lonely_runs_have_none():
    runs = table(a=[0.5, 0.7, 0.9], b=[0.4, 0.8])
    found = differences(runs, [Comparison("a over b", "a", "b", 1.5)])
    assert found["seed"].tolist() == [0, 1]
    assert found["difference"].to_numpy() == pytest.approx([10, -10])
    assert found["claimed"].tolist() == [1.5, 1.5]


def test_the_figure_shows_the_seeds_their_mean_and_the_claim():
    runs = table(a=[0.5, 0.7, 0.9], b=[0.4, 0.5, 0.6])
    pairs = [Comparison("a over b", "a", "b", 1.5), Comparison("b over a", "b", "a")]
    (axes,) = draw_differences(differences(runs, pairs)).axes
    seeds, mean, star = axes.lines[:3]
    assert seeds.get_xdata() == pytest.approx([10, 20, 30])
    assert (mean.get_xdata()[0], star.get_xdata()[0]) == pytest.approx((20, 1.5))
    (low, _), (high, _) = axes.collections[0].get_segments()[0]
    assert 9.9 < low < 19 < 21 < high < 30.1
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a over b", "b over a"]


def test_points_come_with_their_interval():
    assert in_points(pd.Series([2.0, 2.0, 2.0])) == "+2.0 (+2.0\xa0to\xa0+2.0)"
    assert in_points(pd.Series([-1.0])) == "-1.0 (one seed)"


def test_percentages_come_with_the_interval_of_their_mean():
    values = pd.Series([0.1, 0.2, 0.3, 0.4, np.nan])
    low, high = (float(end) for end in in_percent(values)[:-1].split("(")[1].split("\xa0to\xa0"))
    assert in_percent(values).startswith("25.0 (")
    assert 10 <= low < 20 < 30 < high <= 40
    assert in_percent(pd.Series([np.nan])) == "-"
    assert in_percent(pd.Series([-1e-9])) == "0.0"
    assert in_percent(pd.Series([-1e-9, -1e-9])) == "0.0 (0.0\xa0to\xa00.0)"
