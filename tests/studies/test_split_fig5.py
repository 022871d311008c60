import pytest

from fedswitch.split import SplitScenario
from fedswitch.studies.split_fig5 import SplitFig5Settings, draw, measure

SMALL = SplitFig5Settings(
    policies=["all_in", "proposed", "greedy"], limits=[0.4, 1.0], num_devices=3, rounds=3, batch_size=2,
    samples_per_device=4, test_size=20, evaluate_every=3,
)  # fmt: skip


def test_every_policy_runs_at_every_limit():
    table = measure(SMALL)
    runs = set(table.groupby(["limit", "arm"]).groups)
    assert runs == {(0.4, "all_in"), *((limit, arm) for limit in (0.4, 1.0) for arm in ("proposed", "greedy"))}
    figure = draw(table, reading="corrected")
    assert [len(axes.get_lines()) for axes in figure.axes] == [3, 3, 3, 3]  # two policies, and everybody or the limit
    assert figure.axes[2].get_lines()[-1].get_ydata()[0] == 1.0


@pytest.mark.parametrize("limit", [0.4, 0.5, 1.0])
def test_a_limit_stands_on_the_axis_of_the_sibling(limit):
    for reading, of_reading in {"corrected": SplitScenario.corrected(), "in_band": SplitScenario.in_band()}.items():
        scenario = SMALL.scenario(reading, limit)
        assert scenario.delay_limit_s_per_bit == pytest.approx(2 * limit * of_reading.delay_limit_s_per_bit)
    assert SMALL.scenario("corrected", limit).delay_limit_s_per_bit == pytest.approx(limit * 1e-6)
