import numpy as np
import pandas as pd
import pytest

from fedswitch import Scenario
from fedswitch.control.switching import reception_benefit
from fedswitch.learning.history import History
from fedswitch.learning.schemes import find_scheme
from fedswitch.studies import fig4_switching as fig4
from fedswitch.wireless import training_energy_j


def table(arm: str, seed: int, offset: float = 0.0) -> pd.DataFrame:
    nan = float("nan")
    return pd.DataFrame({
        "arm": arm, "round": [1, 2, 3], "seed": seed, "subscribed": [16, 4, 6], "received": [1, 2, 3],
        "accuracy": [nan, 0.5 + offset, 0.6 + offset], "accuracy_pooled": [nan, 0.55 + offset, 0.65 + offset],
        "participation_min": [0.0, 0.1, 0.2 + offset],
    })  # fmt: skip


def tables(*arms: str) -> pd.DataFrame:
    return pd.concat([table(arm, seed, 0.1 * seed) for arm in arms for seed in (0, 1)], ignore_index=True)


def test_an_energy_share_is_what_computing_costs_of_what_a_sure_upload_is_worth():
    scenario = Scenario.corrected(num_ues=7, batch_size=4)
    (arm,) = fig4.energy_arms(scenario, [0.3])
    price = arm.changes["energy_weight_per_j"] * training_energy_j(scenario, model_bits=0.0)
    assert price == pytest.approx(0.3 * reception_benefit(scenario, 0.0).max())
    assert arm.name == "energy_0.3"


def test_lines_are_means_over_seeds_at_the_rounds_that_were_tested():
    figure = fig4.draw(tables("ours", "greedy"))
    ours, greedy, guessing = figure.axes[0].lines
    assert guessing.get_ydata() == [0.5, 0.5]
    assert [text.get_text() for text in figure.axes[0].texts] == ["guessing", "Algorithm 2", "greedy"]
    assert ours.get_xdata().tolist() == [2, 3]
    assert ours.get_ydata() == pytest.approx([0.6, 0.7])
    band = figure.axes[0].collections[0].get_datalim(figure.axes[0].transData)
    assert (band.y0, band.y1) == pytest.approx((0.55, 0.75))  # from the least to the most
    assert (ours.get_linestyle(), ours.get_marker()) != (greedy.get_linestyle(), greedy.get_marker())


def test_the_axes_are_those_that_are_asked_for():
    (corrected, printed) = fig4.draw(tables("ours", "ours_printed"), limits=fig4.PAPER_AXES).axes
    assert corrected.get_xlim() == printed.get_xlim() == (0, 100)
    assert corrected.get_ylim() == printed.get_ylim() == (0.4, 1.0)


def test_forms_and_energy_have_panels_of_their_own():
    figure = fig4.draw(tables("ours", "greedy", "ours_printed", "greedy_printed", "energy_0.7", "fedlora"))
    ends = {
        axes.get_title(): [text.get_text().replace("\n", " ") for text in axes.texts if text.get_text() != "guessing"]
        for axes in figure.axes
    }
    assert ends == {
        "Corrected": ["Algorithm 2", "greedy", "one common module"],
        "As printed": ["Algorithm 2", "greedy", "one common module"],
        "With weight on energy": ["Algorithm 2", "with energy, 0.7"],
    }
    assert all(sum(bool(line.get_label()[0] != "_") for line in axes.lines) <= 4 for axes in figure.axes)


def test_every_arm_has_the_same_look_in_all_panels():
    figure = fig4.draw(tables("ours", "greedy", "ours_printed", "greedy_printed", "fedlora"))
    looks = {}
    for axes in figure.axes:
        for line in axes.lines:
            if not line.get_label().startswith("_"):
                looks.setdefault(line.get_label(), set()).add((line.get_color(), line.get_marker()))
    assert {name: len(found) for name, found in looks.items()} == dict.fromkeys(looks, 1)
    assert len({found.copy().pop() for found in looks.values()}) == len(looks)


@pytest.mark.parametrize(
    ("arms", "titles"),
    [(["fedlora"], ["Corrected"]), (["ours", "fedlora"], ["Corrected"]), (["ours_printed"], ["As printed"])],
)
def test_panels_that_would_show_nothing_new_are_left_out(arms, titles):
    assert [axes.get_title() for axes in fig4.draw(tables(*arms)).axes] == titles


def test_what_was_not_measured_is_not_compared():
    pairs = fig4.comparisons(["ours", "greedy", "ours_printed", "one_shot_printed", "energy_printed", "energy_0.7"])
    assert [(one.arm, one.other, round(one.claimed, 9)) for one in pairs] == [
        ("ours", "greedy", 1.3), ("ours_printed", "one_shot_printed", 1.9), ("energy_printed", "ours_printed", -0.9),
        ("energy_0.7", "ours", -0.9),
    ]  # fmt: skip
    beyond = fig4.comparisons(["ours", "ours_printed", "random", "unbiased"])
    assert [(one.arm, one.other) for one in beyond] == [
        ("ours", "random"), ("ours_printed", "random"), ("unbiased", "ours"),
    ]  # fmt: skip
    assert all(np.isnan(one.claimed) for one in beyond)


@pytest.mark.parametrize("arm", fig4.ARMS, ids=lambda arm: arm.name)
def test_an_arm_is_what_it_is_called(arm):
    _, kind = find_scheme(arm.scheme)
    rule = {"ours": "switching", "energy": "switching", "fedlora": kind.rule, "unbiased": kind.rule}
    name = arm.name.removesuffix("_printed")
    assert kind.rule == rule.get(name, name)
    assert kind.form == ("printed" if arm.name.endswith("_printed") else "corrected")
    assert arm.reading in ("", kind.form)


def test_bars_are_the_participation_at_the_end_and_what_a_round_receives():
    left, right = fig4.draw_uploads(tables("ours", "greedy"), promised=0.1).axes
    assert [bar.get_width() for bar in left.patches] == pytest.approx([0.25, 0.25])
    assert [bar.get_width() for bar in right.patches] == [2, 2]
    assert left.lines[0].get_xdata() == pytest.approx([0.2, 0.3])  # the seeds


def test_the_summary_leaves_the_first_round_out_of_the_subscriptions():
    row = fig4.summary(tables("ours", "energy_printed")).set_index("scheme").loc["with energy, printed"]
    assert row.tolist() == pytest.approx([2, 0.7, 0.65, 5.0, 2.0, 0.25])


def test_the_summary_keeps_the_order_of_the_arms_however_the_table_is_sorted():
    schemes = fig4.summary(tables("energy_0.7", "greedy", "greedy_printed", "ours"))["scheme"].tolist()
    assert schemes == [
        "Algorithm 2, corrected", "greedy, corrected", "greedy, printed", "with energy, 0.7 of an upload's worth",
    ]  # fmt: skip


def test_the_grid_names_every_subscription_and_crosses_out_the_lost_ones():
    rng = np.random.default_rng(0)
    modules = rng.integers(0, 3, size=(5, 7))
    subscribed = np.arange(3)[None, :, None] == modules[:, None, :]
    received = subscribed & (rng.random(size=(5, 1, 7)) < 0.6)
    distance_m = rng.uniform(5, 100, size=7)
    figure = fig4.draw_subscriptions(History(pd.DataFrame(), subscribed, received, distance_m, {}))
    axes = figure.axes[0]
    order = np.argsort(distance_m)
    written = {tuple(map(int, text.get_position())): int(text.get_text()) for text in axes.texts}
    assert written == {(t + 1, row): modules[t, k] + 1 for t in range(5) for row, k in enumerate(order)}
    assert len(axes.lines[0].get_xdata()) == (subscribed & ~received).sum()
