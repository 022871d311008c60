import numpy as np
import pandas as pd
import pytest

from fedswitch.studies.split_fig4 import SplitFig4Settings, draw_samples, measure, roughness

SMALL = SplitFig4Settings(
    policies=["all_in", "greedy"], unit_readings=["corrected", "cell_10db"], num_devices=3, rounds=2, batch_size=2,
    samples_per_device=6, fewer_samples=[3], test_size=20, evaluate_every=1,
)  # fmt: skip


def test_fewer_samples_run_in_the_first_reading_only():
    table = measure(SMALL)
    runs = set(table.groupby(["reading", "samples", "arm"]).groups)
    assert runs == {
        *(("corrected", samples, arm) for samples in (6, 3) for arm in ("all_in", "greedy")),
        ("cell_10db", 6, "greedy"),
    }
    figure = draw_samples(table)
    assert [axes.get_title() for axes in figure.axes[::2]] == ["6 samples of a device", "3 samples of a device"]


def curve(loss):
    rounds = np.arange(1, len(loss) + 1)
    return pd.DataFrame({"reading": "corrected", "arm": "a", "seed": 0, "round": rounds, "loss_train": loss})


@pytest.mark.parametrize("slope", [0.0, -0.3])
def test_roughness_is_the_noise_of_a_curve_whatever_its_trend(slope):
    rng = np.random.default_rng(0)
    loss = 2.0 + slope * np.arange(4000) + rng.normal(scale=0.2, size=4000)
    assert roughness(curve(loss))["roughness"].item() == pytest.approx(0.2, rel=0.05)
    some = np.where(rng.random(4000) < 0.5, np.nan, 2.0 + rng.normal(scale=0.2, size=4000))
    assert roughness(curve(some))["roughness"].item() == pytest.approx(0.2, rel=0.1)


def test_a_straight_curve_is_smooth_and_one_of_two_rounds_has_no_roughness():
    assert roughness(curve(np.arange(9.0)))["roughness"].item() == pytest.approx(0.0)
    assert np.isnan(roughness(curve(np.array([1.0, np.nan, 2.0])))["roughness"].item())
