import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from fedswitch.learning.history import History
from fedswitch.studies import fig4_switching as fig4


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def table(scheme: str, seed: int, offset: float) -> pd.DataFrame:
    nan = float("nan")
    return pd.DataFrame({
        "round": [1, 2, 3], "scheme": scheme, "seed": seed, "subscribed": [4, 4, 4], "received": [1, 2, 3],
        "accuracy": [nan, 0.5 + offset, 0.6 + offset], "accuracy_pooled": [nan, 0.55, 0.65],
    })  # fmt: skip


def test_lines_are_means_over_seeds_at_the_rounds_that_were_tested():
    figure = fig4.draw(pd.concat([table("random", 0, 0.0), table("random", 1, 0.1)]))
    own, pooled = figure.axes[0].lines
    assert own.get_xdata().tolist() == [2, 3]
    assert own.get_ydata() == pytest.approx([0.55, 0.65])
    assert pooled.get_ydata() == pytest.approx([0.55, 0.65])


def test_several_schemes_are_told_apart_without_color():
    figure = fig4.draw(pd.concat([table("random", 0, 0.0), table("other", 0, 0.1)]))
    lines = figure.axes[0].lines
    assert len({(line.get_linestyle(), line.get_marker()) for line in lines}) == len(lines) == 4
    assert sum("other" in line.get_label() for line in lines) == 2


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
