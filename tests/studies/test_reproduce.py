"""The recorded runs: the command, what it writes, and what it refuses."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from click.testing import CliRunner

from fedswitch.cli import cli
from fedswitch.errors import ParameterError
from fedswitch.learning.tasks import task_status
from fedswitch.studies import federated, fig2_convergence, fig3_bandwidth, fig4_switching, reproduce, sensitivity
from fedswitch.studies.records import load_result

SMALL = replace(fig3_bandwidth.RECORDED, num_ues=[5], num_cells=2)


@pytest.fixture
def call(monkeypatch, tmp_path):
    monkeypatch.setattr(fig3_bandwidth, "RECORDED", SMALL)
    monkeypatch.setattr(reproduce, "FINISHED", tmp_path / "finished")
    return lambda *arguments: CliRunner().invoke(cli, ["reproduce", *arguments])


def test_a_study_is_measured_with_its_recorded_settings_and_written_with_its_record(call, tmp_path):
    done = call("fig3_bandwidth", "--out", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    assert str(tmp_path / "out" / "fig3_bandwidth.parquet") in done.output
    result = load_result("fig3_bandwidth", tmp_path / "out")
    pd.testing.assert_frame_equal(result.table, fig3_bandwidth.measure(SMALL))
    assert result.mismatch(SMALL) == ""
    assert "num_cells" in result.mismatch(replace(SMALL, num_cells=3))


def test_a_changed_parameter_is_recorded(call, tmp_path):
    done = call("fig3_bandwidth", "-p", "num_cells=1", "--out", str(tmp_path))
    assert done.exit_code == 0, done.output
    assert (
        json.loads((tmp_path / "fig3_bandwidth.json").read_text())["settings"] == replace(SMALL, num_cells=1).as_dict()
    )


def test_a_record_is_extended_by_what_it_lacks(monkeypatch, tmp_path):
    made, measure = [], federated._measure

    def counted(run, *arguments):
        made.append(run.seed)
        return measure(run, *arguments)

    small = fig2_convergence.Fig2Settings(
        backbone="tiny", arms=["fedlora"], num_ues=[4], rounds=2, batch_size=2, test_size=None
    )
    monkeypatch.setattr(federated, "_measure", counted)
    monkeypatch.setattr(fig2_convergence, "RECORDED", small)

    def call(seeds, finished, *more):
        monkeypatch.setattr(reproduce, "FINISHED", tmp_path / finished)
        arguments = ["fig2_convergence", "-p", f"seeds={seeds}", "--out", str(tmp_path / "out"), *more]
        done = CliRunner().invoke(cli, ["reproduce", *arguments])
        assert done.exit_code == 0, done.output
        return load_result("fig2_convergence", tmp_path / "out")

    first = call("0", "here")
    wanted = replace(small, seeds=[0, 1])
    assert first.mismatch(wanted).endswith("`nox -s reproduce -- fig2_convergence --extend` adds what is missing.")
    assert "adds what is missing" in first.mismatch(replace(small, costly_up_to=small.costly_up_to + 1))
    assert "measures it anew" in first.mismatch(replace(small, costly_up_to=small.costly_up_to - 1))
    assert "measures it anew" in first.mismatch(replace(wanted, rounds=3))
    assert "measures it anew" in first.mismatch(replace(small, seeds=[1]))
    both = call("0,1", "elsewhere", "--extend")
    assert made == [0, 1]
    pd.testing.assert_frame_equal(both.table[both.table["seed"] == 0], first.table)
    assert both.settings.seeds == (0, 1)
    assert both.record["seconds"] >= first.record["seconds"]


def test_a_study_that_is_measured_as_a_whole_is_not_extended(call, tmp_path):
    call("fig3_bandwidth", "--out", str(tmp_path))
    done = call("fig3_bandwidth", "--extend", "--out", str(tmp_path))
    assert str(done.exception) == "fig3_bandwidth is recorded as a whole, not run by run: leave --extend away."


@pytest.mark.parametrize(
    ("study", "work", "keeps"), [(fig2_convergence, "measure_runs", True), (fig3_bandwidth, "search", False)]
)
def test_only_a_study_that_keeps_its_runs_says_so_when_it_is_stopped(monkeypatch, tmp_path, study, work, keeps):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(reproduce, "FINISHED", tmp_path)
    monkeypatch.setattr(study, work, stopped)
    with pytest.raises(KeyboardInterrupt) as stop:
        reproduce.reproduce_study(study.__name__.rpartition(".")[2], {}, out=tmp_path)
    assert any("Finished runs are kept" in note for note in getattr(stop.value, "__notes__", [])) == keeps


@pytest.mark.slow
@pytest.mark.parametrize(
    ("study", "backbone"), [(fig2_convergence, "tiny"), (fig4_switching, "tiny"), (sensitivity, "minilm")]
)
def test_every_run_that_is_to_be_recorded_can_begin(monkeypatch, study, backbone):
    def first(*_):
        raise KeyboardInterrupt

    if not task_status(study.RECORDED.task)[0]:
        pytest.skip(f"the task {study.RECORDED.task} is not here")
    monkeypatch.setattr(federated, "_measure", first)
    with pytest.raises(KeyboardInterrupt):  # once all have been looked at
        study.measure(replace(study.RECORDED, backbone=backbone))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fig9"], "'fig9' is not one of"),
        (["--extend"], "--extend needs a STUDY that is recorded run by run"),
        (["fig3_bandwidth", "-p", "num_cells=1"], "-p needs exactly one STUDY and another folder"),
        (["fig3_bandwidth", "fig5_energy", "-p", "num_cells=1", "--out", "OUT"], "-p needs exactly one STUDY"),
    ],
)
def test_what_cannot_be_meant_is_refused(call, arguments, message):
    done = call(*arguments)
    assert done.exit_code == 2
    assert message in done.output


def test_a_typing_error_is_found_before_anything_is_measured(call, tmp_path):
    done = call("fig3_bandwidth", "-p", "num_cell=1", "--out", str(tmp_path / "out"))
    assert isinstance(done.exception, ParameterError)
    assert "Did you mean 'num_cells'?" in str(done.exception)
    assert not (tmp_path / "out").exists()
