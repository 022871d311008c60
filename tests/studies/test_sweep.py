import contextlib
import dataclasses
import functools
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure
from waiting import is_gone, wait_for

from fedswitch.errors import FedswitchError, ParameterError
from fedswitch.studies import sweep_plan
from fedswitch.studies.notebooks import find_study
from fedswitch.studies.sweep import sweep
from fedswitch.studies.sweep_plan import plan
from fedswitch.studies.sweep_workers import Performed, module_version


@pytest.fixture(autouse=True)
def pictures_are_coarse(monkeypatch):
    """Some hundred sweeps are drawn, and nobody looks at these pictures."""
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **how: save(figure, path, **how | {"dpi": 20}))


class Doer:
    """Stands in for kernels: leaves a table of one row for every run, and remembers which runs it was given."""

    def __init__(self, *, failing=(), stop_after=None, extra=()):
        self.failing, self.stop_after, self.extra = failing, stop_after, extra
        self.done = []

    def __call__(self, runs):
        for run in runs:
            if len(self.done) == self.stop_after:
                raise KeyboardInterrupt
            self.done.append(run.parameters["count"])
            if run.parameters["count"] in self.failing:
                yield Performed(run, {"tiny.failed.ipynb": b"as far as it went"}, "It broke.", 0.1)
            else:
                table = io.BytesIO()
                pd.DataFrame({"value": [run.parameters["count"] / 10]}).to_parquet(table)
                files = {"tiny.parquet": table.getvalue(), **dict.fromkeys(self.extra, b"")}
                yield Performed(run, files, "", 0.1)


def listed(out):
    return {run["parameters"]["count"]: run for run in json.loads((out / "sweep.json").read_text())["runs"]}


def test_a_second_call_does_only_what_is_new_and_collects_all(tiny, tmp_path):
    study, out, first, second = tiny(), tmp_path / "out", Doer(), Doer()
    assert sweep(study, {"count": [1, 2]}, out, first).kept == 0
    tally = sweep(study, {"count": [1, 2, 3], "seed": [0]}, out, second)
    assert (first.done, second.done) == ([1, 2], [3])
    assert (tally.runs, tally.kept, tally.failures) == (3, 2, {})
    table = pd.read_parquet(out / "sweep.parquet")
    assert table[["count", "seed", "value"]].values.tolist() == [[1, 0, 0.1], [2, 0, 0.2], [3, 0, 0.3]]
    assert set(table["run_id"]) == {path.name for path in (out / "runs").iterdir()}
    assert {path.name for path in out.iterdir()} >= {"sweep.json", "sweep.parquet", "sweep.png", "sweep.svg"}
    assert not [path for path in out.rglob("*") if path.suffix in (".part", ".old")]


def test_a_failure_is_recorded_and_only_it_is_repeated(tiny, tmp_path):
    study, out = tiny(), tmp_path / "out"
    tally = sweep(study, {"count": [1, 2, 3]}, out, Doer(failing=[2]))
    assert list(tally.failures.values()) == ["It broke."]
    assert {count: (run["state"], run["failure"]) for count, run in listed(out).items()} == {
        1: ("finished", ""), 2: ("failed", "It broke."), 3: ("finished", ""),
    }  # fmt: skip
    kept = out / "failed" / listed(out)[2]["run_id"] / "tiny.failed.ipynb"
    assert kept.read_bytes() == b"as far as it went"
    assert pd.read_parquet(out / "sweep.parquet")["count"].tolist() == [1, 3]

    again = Doer()
    assert sweep(study, {"count": [1, 2, 3]}, out, again).failures == {}
    assert again.done == [2]
    assert listed(out)[2]["state"] == "finished"
    assert not kept.exists()


def test_an_interruption_keeps_what_is_finished(tiny, tmp_path):
    study, out, again = tiny(), tmp_path / "out", Doer()
    with pytest.raises(KeyboardInterrupt):
        sweep(study, {"count": [1, 2, 3]}, out, Doer(stop_after=1))
    assert [run["state"] for run in listed(out).values()] == ["finished", "missing", "missing"]
    sweep(study, {"count": [1, 2, 3]}, out, again)
    assert again.done == [2, 3]


def test_runs_of_another_version_are_kept_and_marked_until_asked_for_anew(tiny, tmp_path, monkeypatch):
    study, out, again = tiny(), tmp_path / "out", Doer()
    sweep(study, {"count": [1]}, out, Doer(extra=["older"]))
    monkeypatch.setattr(sweep_plan, "module_version", lambda: "another")
    sweep(study, {"count": [1, 2]}, out, again)
    assert again.done == [2]
    assert pd.read_parquet(out / "sweep.parquet")["other_version"].tolist() == [True, False]
    assert {run["module"] for run in listed(out).values()} == {module_version(), "another"}

    sweep(study, {"count": [1, 2]}, out, Doer(failing=[1]), fresh=True)
    assert pd.read_parquet(out / "sweep.parquet")["other_version"].tolist() == [True, False]
    assert listed(out)[1]["state"] == "failed"

    assert any(
        "1 of the runs are of another version" in note
        for note in sweep(study, {"count": [2, 1]}, out, Doer(failing=[1])).notes
    )

    fresh = Doer()
    sweep(study, {"count": [1, 2]}, out, fresh)  # what failed last is due, though an older version finished it
    assert fresh.done == [1]
    assert pd.read_parquet(out / "sweep.parquet")["other_version"].tolist() == [False, False]
    assert not list(out.rglob("older"))


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def replaced(path):
    path.unlink()
    path.mkdir()


def written(what):
    return lambda path: path.write_bytes(what)


def taken_from_another(path):
    shutil.copy(path.parents[1] / next(p.name for p in path.parents[1].iterdir() if p != path.parent) / path.name, path)


def with_field(name, value):
    return lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))


OTHER_TABLE = io.BytesIO()
pd.DataFrame({"valeu": [1]}).to_parquet(OTHER_TABLE)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *(
            (name, damage)
            for name in ("run.json", "tiny.parquet")
            for damage in (cut, replaced, written(b""), written(b"\0\xff" * 99), Path.unlink, taken_from_another)
        ),
        *(
            ("run.json", written(text))
            for text in (b"[]", b"{}", b"null", b'"run"', b'{"run_id": 1}', b"[" * 100_000, b'{"module": "0.1.0"}')
        ),
        *(("run.json", with_field(name, 1)) for name in ("module", "made", "table")),
        ("tiny.parquet", written(b"version https://git-lfs.github.com/spec/v1")),
        ("tiny.parquet", written(OTHER_TABLE.getvalue())),
    ],
)
def test_a_damaged_run_is_done_again(tiny, tmp_path, name, damage):
    study, out, again = tiny(), tmp_path / "out", Doer()
    sweep(study, {"count": [1, 2]}, out, Doer())
    folder = out / "runs" / listed(out)[2]["run_id"]
    damage(folder / name)
    tally = sweep(study, {"count": [1, 2]}, out, again)
    assert again.done == [2]
    assert (tally.kept, tally.failures) == (1, {})
    assert pd.read_parquet(out / "sweep.parquet")["value"].tolist() == [0.1, 0.2]
    assert sweep(study, {"count": [1, 2]}, out, Doer(stop_after=0)).kept == 2


@pytest.mark.parametrize("damage", [cut, replaced, Path.unlink, written(b"[]")])
def test_a_failure_whose_record_is_damaged_is_a_failure(tiny, tmp_path, damage):
    study, out, again = tiny(), tmp_path / "out", Doer()
    sweep(study, {"count": [1]}, out, Doer(failing=[1]))
    damage(out / "failed" / listed(out)[1]["run_id"] / "run.json")
    assert list(sweep(study, {"count": [1]}, out, Doer(failing=[1])).failures.values()) == ["It broke."]
    assert sweep(study, {"count": [1]}, out, again).failures == {}
    assert again.done == [1]


@pytest.mark.parametrize("kind", ["runs", "failed"])
def test_a_file_in_the_place_of_a_run_is_replaced(tiny, tmp_path, kind):
    study, out = tiny(), tmp_path / "out"
    (run,) = plan(study, {"count": [1]})
    for name in (run.run_id, f".{run.run_id}.old", f".{run.run_id}.part"):
        (out / kind).mkdir(parents=True, exist_ok=True)
        (out / kind / name).write_text("in the way")
    assert sweep(study, {"count": [1]}, out, Doer()).failures == {}
    assert sweep(study, {"count": [1]}, out, Doer(stop_after=0)).kept == 1


def test_a_notebook_without_a_table_is_done_once(tiny, tmp_path):
    def without(runs):
        yield from (Performed(run, {"tiny.ipynb": b""}, "", 0.1) for run in runs)

    sweep(tiny(), {"count": [1, 2]}, tmp_path / "out", without)
    assert sweep(tiny(), {"count": [1, 2]}, tmp_path / "out", Doer(stop_after=0)).kept == 2
    assert pd.read_parquet(tmp_path / "out" / "sweep.parquet")["count"].tolist() == [1, 2]


@pytest.mark.parametrize("doer", [Doer(failing=[3]), Doer(extra=["tiny.parquet"])], ids=["no table", "no rows"])
def test_nothing_of_an_earlier_command_stays_beside_the_list_of_this_one(tiny, tmp_path, doer):
    out = tmp_path / "out"
    sweep(tiny(), {"count": [1, 2]}, out, Doer())
    with contextlib.suppress(FedswitchError):
        sweep(tiny(), {"count": [3]}, out, doer)
    assert not [path.name for path in out.glob("sweep.[ps]*") if path.suffix != ".json"]


def test_runs_that_were_not_made_alike_are_told(tiny, tmp_path):
    def made(runs):
        for outcome in Doer()(runs):
            count = outcome.run.parameters["count"]
            yield dataclasses.replace(outcome, made={"data": f"{count % 2}", "numpy": f"2.{count % 2}", "scipy": "1"})

    notes = sweep(tiny(), {"count": [1, 3]}, tmp_path / "out", made).notes
    assert notes == ()
    notes = sweep(tiny(), {"count": [1, 2, 3]}, tmp_path / "out", made).notes
    assert [sorted(re.findall(r"2 [\w ]+", note)) for note in notes] == [
        ["2 data or weights of one name "], ["2 versions of numpy "],
    ]  # fmt: skip


def test_two_sweeps_do_not_share_a_folder(tiny, tmp_path):
    study, out, second = tiny(), tmp_path / "out", Doer()

    def while_at_work(runs):
        sweep(study, {"count": [1]}, out, second)
        yield from ()

    with pytest.raises(FedswitchError, match="Another fedswitch command is using the folder"):
        sweep(study, {"count": [1]}, out, while_at_work)
    assert second.done == []
    sweep(study, {"count": [1]}, out, second)
    assert second.done == [1]


@pytest.mark.parametrize("name", ["runs", "failed", "sweep.json", "sweep.parquet", "sweep.png", "sweep.svg", ".lock"])
def test_what_is_in_the_way_is_named_before_the_first_run(tiny, tmp_path, name):
    doer, place = Doer(), tmp_path / "out" / name
    if name in ("runs", "failed"):
        place.parent.mkdir()
        place.write_text("in the way")
    else:
        place.mkdir(parents=True)
    with pytest.raises(FedswitchError, match=re.escape(name if name != ".lock" else "cannot be locked")):
        sweep(tiny(), {"count": [1]}, tmp_path / "out", doer)
    assert doer.done == []
    assert place.exists()


def test_a_folder_that_can_no_longer_be_written_to_is_named(tiny, tmp_path):
    out = tmp_path / "out"

    def broken(runs):
        for outcome in Doer(failing=[2])(runs):
            if outcome.failure:
                (out / "failed").rmdir()
                (out / "failed").write_text("in the way")
            yield outcome

    with pytest.raises(FedswitchError, match=r"can no longer be written to \(\w[^()]*\)"):
        sweep(tiny(), {"count": [1, 2]}, out, broken)
    assert [run["state"] for run in listed(out).values()] == ["finished", "missing"]
    assert pd.read_parquet(out / "sweep.parquet")["count"].tolist() == [1]


def test_a_column_that_cannot_be_drawn_costs_the_figure_only(tiny, tmp_path):
    with pytest.raises(FedswitchError, match=r"no column 'valeu'\. Did you mean 'value'"):
        sweep(tiny(), {"count": [1, 2]}, tmp_path / "out", Doer(), y="valeu")
    assert len(pd.read_parquet(tmp_path / "out" / "sweep.parquet")) == 2


WAITING = """
import os, pathlib, time
import pandas as pd
mark = pathlib.Path(marks)
started = mark / f"started-{seed}"
begun = mark / f"begun-{seed}"
begun.write_text((started.read_text() if started.exists() else "") + f"{os.getpid()}\\n")
begun.replace(started)
while seed > 0 and not (mark / "go").exists():
    time.sleep(0.1)
pd.DataFrame({"value": [seed / 2]}).to_parquet(pathlib.Path(out, "tiny.parquet"))
with open(mark / f"finished-{seed}", "a") as file:
    file.write("x")
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_sweep_that_is_stopped_loses_only_what_was_running(tiny, tmp_path, blow):
    marks, out = tmp_path / "marks", tmp_path / "out"
    marks.mkdir()
    study = tiny(WAITING)
    arguments = ["-p", "seed=0:3", "-p", f"marks={marks}", "--out", str(out), "--jobs", "2", "--quiet"]
    command = [sys.executable, "-m", "fedswitch", "sweep", str(study.path), *arguments]

    # whoever runs the tests in the background has them ignore Ctrl-C, and their children too
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    stopped = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed)
    # the first run ends, and both others wait
    wait_for(lambda: len(list(marks.glob("started-*"))) == 3 and list(out.glob("runs/*/run.json")))
    stopped.send_signal(blow)
    _, said = stopped.communicate(timeout=300)
    assert stopped.returncode == (-signal.SIGKILL if blow == signal.SIGKILL else 128 + blow)
    if blow != signal.SIGKILL:
        assert "Give the same command again to do the others" in said
        assert "Traceback" not in said
    kernels = [int((marks / f"started-{seed}").read_text()) for seed in (1, 2)]
    wait_for(lambda: all(is_gone(kernel) for kernel in kernels))

    (marks / "go").touch()
    subprocess.run(command, check=True, timeout=300)
    assert {path.name: path.read_text() for path in marks.glob("finished-*")} == {
        f"finished-{seed}": "x" for seed in (0, 1, 2)
    }
    assert len((marks / "started-0").read_text().split()) == 1
    assert pd.read_parquet(out / "sweep.parquet")["value"].tolist() == [0, 0.5, 1]
    assert (out / "sweep.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (out / "sweep.svg").read_text()


@pytest.mark.parametrize("swept", [{"num_ues": [[5]], "layers": [1, 0]}, {"tolerance": [1e-3, 2.0]}, {"num_ues": [[]]}])
def test_every_point_of_a_study_is_looked_at_before_the_first_run(tmp_path, swept):
    with pytest.raises(ParameterError, match=list(swept)[-1]):
        sweep(find_study("fig3_bandwidth"), swept, tmp_path / "out", Doer(stop_after=0))
    assert not (tmp_path / "out").exists()
