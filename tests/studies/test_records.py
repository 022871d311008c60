import json
import subprocess
from functools import partial

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from fedswitch.errors import FedswitchError
from fedswitch.studies.records import ask_git, load_result, made_here, provenance, save_result, save_study


@pytest.fixture
def figure():
    made = plt.figure()
    yield made
    plt.close(made)


def test_a_record_says_what_is_needed_to_repeat_a_result():
    record = provenance({"num_ues": 3, "sizes": (1, 2)})
    assert record["settings"] == {"num_ues": 3, "sizes": (1, 2)}
    assert set(record) == {"settings", "versions", "commit", "machine", "date"}
    assert record["versions"]["torch"].startswith("2.")
    assert len(record["date"]) == 10


def test_a_study_leaves_table_figure_and_record(tmp_path, figure):
    table = pd.DataFrame({"round": [1, 2], "accuracy": [0.5, float("nan")]})
    folder = tmp_path / "deep" / "out"
    save_study(folder, "study", table=table, figure=figure, settings={"seed": 0})
    assert sorted(path.name for path in folder.iterdir()) == [
        f"study.{end}" for end in ("json", "parquet", "png", "svg")
    ]
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "study.parquet"), table)
    assert json.loads((folder / "study.json").read_text())["settings"] == {"seed": 0}


def test_a_result_that_cannot_be_completed_leaves_the_earlier_one(tmp_path, figure):
    table = pd.DataFrame({"round": [1]})
    save_study(tmp_path, "study", table=table, figure=figure, settings={})
    before = (tmp_path / "study.parquet").read_bytes()
    unwritable = pd.DataFrame({"round": [object()]})
    with pytest.raises(Exception, match="object"):
        save_study(tmp_path, "study", table=unwritable, figure=figure, settings={})
    assert (tmp_path / "study.parquet").read_bytes() == before


TABLE = pd.DataFrame({"seed": [0, 1], "accuracy": [0.5, float("nan")]})


def test_a_result_comes_back_with_where_it_came_from(tmp_path):
    table = TABLE.copy()
    table.attrs = {"seconds": 120, "machine": ["another machine, 3 cores"], "task_source": ["here"]}
    path = save_result("study", table, {"seeds": [0, 1]}, seconds=7.0, folder=tmp_path)
    result = load_result("study", tmp_path)
    assert path == tmp_path / "study.parquet"
    pd.testing.assert_frame_equal(result.table, TABLE, check_like=True)
    assert result.record["seconds"] == 120  # those of the runs, not of this call
    assert result.record["task_source"] == ["here"]
    shown = result.provenance()
    for text in ("seeds 0, 1", "another machine, 3 cores", "2 minutes", "torch 2."):
        assert text in shown


def test_a_result_that_was_made_outside_a_clone_names_no_commit(tmp_path):
    table = TABLE.copy()
    table.attrs = {"commit": [""]}
    save_result("study", table, {}, seconds=7.0, folder=tmp_path)
    assert "commit" not in load_result("study", tmp_path).provenance()


def test_parameters_that_differ_are_named_whatever_holds_them(tmp_path):
    save_result("study", TABLE, {"seeds": [0, 1], "rounds": 3, "gone": 1}, seconds=1.0, folder=tmp_path)
    result = load_result("study", tmp_path)
    assert result.mismatch({"seeds": (0, 1), "rounds": 3, "gone": 1}) == ""
    assert "now: gone, new, rounds." in result.mismatch({"seeds": [0, 1], "rounds": 4, "new": 1})


def test_a_missing_or_damaged_result_is_said_in_one_sentence(tmp_path):
    with pytest.raises(FedswitchError, match=r"There is no \w+/study\.parquet: .nox -s reproduce -- study"):
        load_result("study", tmp_path)
    path = save_result("study", TABLE, {}, seconds=1.0, folder=tmp_path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(FedswitchError, match="is damaged"):
        load_result("study", tmp_path)
    path.with_suffix(".json").unlink()
    with pytest.raises(FedswitchError, match=r"There is no \w+/study\.json: "):
        load_result("study", tmp_path)


def test_a_table_of_another_run_is_noticed(tmp_path):
    path = save_result("study", TABLE, {}, seconds=1.0, folder=tmp_path)
    TABLE.head(1).to_parquet(path)
    with pytest.raises(FedswitchError, match=r"its record study\.json do not belong together"):
        load_result("study", tmp_path)


@pytest.mark.parametrize("path", ["", "/nonexistent"])
def test_a_machine_without_git_has_records_without_commit(monkeypatch, path):
    monkeypatch.setenv("PATH", path)
    assert made_here()["commit"] == ""


def test_the_commit_is_that_of_the_module_wherever_git_is_told_to_look(monkeypatch, tmp_path):
    there = made_here()["commit"]
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    assert made_here()["commit"] == there


def test_a_table_is_kept_without_its_figure(tmp_path):
    save_study(tmp_path, "study", table=TABLE, settings={"seed": 0})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study.json", "study.parquet"]


def test_a_full_disk_is_said_in_one_sentence_and_leaves_no_part(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    for save in (partial(save_study, tmp_path), partial(save_result, folder=tmp_path, seconds=1.0)):
        with pytest.raises(FedswitchError, match=r"could not be written \(No space left on device\)"):
            save(name="study", table=TABLE, settings={})
    assert list(tmp_path.iterdir()) == []


def test_git_answers_for_the_clone_alone(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    monkeypatch.setenv("GIT_DIR", "/nowhere/.git")
    assert ask_git(tmp_path, "rev-parse", "--show-toplevel") == str(tmp_path.resolve())
    assert ask_git(tmp_path / "missing", "rev-parse", "--show-toplevel") == ""
