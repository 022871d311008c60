import pytest

from fedswitch.split import SplitScenario
from fedswitch.studies.arms import ArmRun
from fedswitch.studies.settings import recorded_settings
from fedswitch.studies.split_fig3 import SplitFig3Settings, measure
from fedswitch.studies.split_runs import ALL_IN, draw_budget, draw_learning, ends, summary

SMALL = SplitFig3Settings(
    tasks=["reviews", "questions"], tasks_elsewhere=["questions"], unit_readings=["corrected", "in_band"],
    backbone="tiny", policies=["all_in", "proposed", "greedy"], num_devices=4, rounds=4, batch_size=2,
    samples_per_device=6, test_size=20, evaluate_every=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def table():
    return measure(SMALL)


def test_each_task_runs_where_it_is_asked_to_and_everybody_once(table):
    runs = set(table.groupby(["reading", "task", "arm"]).groups)
    elsewhere = {("in_band", "questions", arm) for arm in ("proposed", "greedy")}
    here = {("corrected", task, arm) for task in SMALL.tasks for arm in SMALL.policies}
    assert runs == here | elsewhere
    assert len(table) == 4 * len(runs)
    assert len(set(table["run"])) == len(runs)


def test_all_policies_see_the_same_messages_whatever_the_backbone(table):
    scenario = SMALL.scenario("in_band", batch_size=2)
    assert scenario.message_bits == SplitScenario().payload_bits
    assert scenario.delay_limit_s == SplitScenario.in_band().delay_limit_s
    of_all = table[table["arm"] == "proposed"].pivot(index="round", columns=["reading", "task"], values="scheduled")
    assert (of_all["corrected", "reviews"] == of_all["corrected", "questions"]).all()


@pytest.mark.parametrize("reading", ["corrected", "paper"])
def test_no_reading_learns_by_the_printed_steps(reading):
    scenario = SMALL.scenario(reading)
    assert (scenario.optimizer, scenario.learning_rate) == ("adam", SMALL.learning_rate)


def test_an_end_has_accuracy_delay_and_participation_of_its_run(table):
    found = ends(table)
    assert len(found) == len(set(table["run"]))
    everybody = found[found["arm"] == ALL_IN]
    assert (everybody[["participation", "participation_min"]] == 1.0).all(axis=None)
    for _, one in found.iterrows():
        run = table[(table[["reading", "task", "arm"]] == one[["reading", "task", "arm"]]).all(axis=1)]
        assert one["accuracy"] == run["accuracy"].iloc[-1]
        assert one["delay_over_limit"] == run["delay_over_limit"].iloc[-1]
        assert one["empty"] == (run["scheduled"] == 0).mean()
        assert one["scheduled"] == pytest.approx(4 * one["participation"])


def test_the_page_has_a_row_for_every_case_and_a_panel_for_every_task(table):
    shown = summary(table)
    assert len(shown) == len(set(table["run"]))
    assert {"accuracy", "delay over limit", "participation, least"} <= set(shown)
    figure = draw_learning(table[table["reading"] == "corrected"])
    assert [axes.get_title() for axes in figure.axes] == ["reviews", "reviews", "questions", "questions"]
    assert [len(axes.get_lines()) for axes in figure.axes] == [3, 4] * 2  # of accuracy also guessing
    assert [line.get_ydata()[0] for line in figure.axes[1].get_lines() if line.get_linestyle() == ":"] == [0.5]
    assert len(draw_budget(table).axes) == 3


def test_a_task_that_runs_elsewhere_runs_here_too():
    with pytest.raises(ValueError, match="tasks_elsewhere holds 'sst2', which is not among tasks"):
        SplitFig3Settings(tasks_elsewhere=["sst2"])
    with pytest.raises(ValueError, match="tasks has no 'cifar10'"):
        SplitFig3Settings(tasks=["cifar10"])


@pytest.mark.parametrize("study", ["split_fig3", "split_fig4", "split_fig5"])
def test_a_recorded_run_could_begin(study):
    """Its settings make scenarios for all that they name."""
    settings = recorded_settings(study)
    for reading in settings.unit_readings:
        scenario = settings.scenario(reading)
        assert scenario.batch_size <= (scenario.samples_per_device or 183)  # a twentieth of MRPC
        assert dict(ArmRun(None, scenario, 0).labels) == {}
