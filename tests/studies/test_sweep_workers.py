import dataclasses
import gc
import json
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import CancelledError
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from waiting import PATIENCE_S, is_gone, wait_for

from fedswitch.errors import FedswitchError
from fedswitch.studies import sweep_workers
from fedswitch.studies.sweep import sweep
from fedswitch.studies.sweep_plan import plan
from fedswitch.studies.sweep_workers import data_digest, perform, run_here, run_on


def test_a_run_comes_back_as_the_files_that_it_left(tiny):
    code = """
    import os, pathlib
    pathlib.Path(out, "deep").mkdir()
    pathlib.Path(out, "deep", "said.txt").write_text(f"{count} {name}")
    """
    (run,) = plan(tiny(code), {"count": [7], "name": ["b"]})
    outcome = perform(run)
    assert outcome.failure == ""
    assert set(outcome.files) == {"deep/said.txt", "tiny.ipynb"}
    assert outcome.files["deep/said.txt"] == b"7 b"
    assert outcome.seconds > 0


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (
            "1 / 0",
            "The notebook tiny failed with ZeroDivisionError: division by zero (as far as it went: tiny.failed.",
        ),
        ("raise ValueError('count must be less.')", "count must be less."),
        (
            "import os; os.kill(os.getpid(), 9)",
            "The process that ran the notebook tiny was killed, most likely because",
        ),
    ],
)
def test_what_goes_wrong_is_part_of_the_outcome(tiny, code, failure):
    (run,) = plan(tiny(code), {})
    outcome = perform(run)
    assert outcome.failure.startswith(failure)
    assert "tiny.failed.ipynb" in outcome.files


def test_a_run_asked_of_another_version_is_refused(tiny):
    (run,) = plan(tiny("1 / 0"), {})
    outcome = perform(dataclasses.replace(run, module="0.0.1+abc"))
    assert f"fedswitch {sweep_workers.module_version()} on " in outcome.failure
    assert "run of fedswitch 0.0.1+abc" in outcome.failure
    assert outcome.files == {}


def test_a_wheel_is_the_version_of_its_clone(tmp_path, monkeypatch):
    versions, module = [], {"cli.py": "1", "studies/sweep_workers.py": "2", "learning/words.yaml": "c: d"}
    for errata in ({}, {"errata/sec1.yaml": "a: b"}):
        for name, text in {**module, **errata}.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        monkeypatch.setattr(sweep_workers, "__file__", str(tmp_path / "studies" / "sweep_workers.py"))
        versions.append(sweep_workers.module_version())
    assert versions[0] == versions[1]
    (tmp_path / "learning/words.yaml").write_text("c: e")
    assert sweep_workers.module_version() != versions[0]


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("raised", [OSError("full"), MemoryError(), SystemExit(3), CancelledError()])
def test_a_run_that_cannot_begin_is_a_failure_and_keeps_nobody_waiting(tiny, monkeypatch, jobs, raised):
    def fail(*_, **__):
        raise raised

    runs = plan(tiny(), {"seed": [0, 1, 2]})
    monkeypatch.setattr(sweep_workers.tempfile, "TemporaryDirectory", fail)
    outcomes = list(run_here(runs, jobs=jobs))
    assert len(outcomes) == 3
    assert all(f"The run could not be done: {type(raised).__name__}" in outcome.failure for outcome in outcomes)


def test_a_run_during_which_the_module_or_the_data_change_is_a_failure(tiny, tmp_path, monkeypatch):
    digests = iter(["a", "a", "b"])
    monkeypatch.setattr(sweep_workers, "run_study", lambda *_, **__: None)
    monkeypatch.setattr(sweep_workers, "data_digest", lambda _: next(digests))
    run = dataclasses.replace(plan(tiny(), {})[0], data="a")
    assert "The data or weights on" in perform(run).failure
    versions = iter([run.module, "0.0.1+abc"])
    monkeypatch.setattr(sweep_workers, "data_digest", lambda _: "")
    monkeypatch.setattr(sweep_workers, "module_version", lambda: next(versions))
    assert "fedswitch 0.0.1+abc on " in perform(dataclasses.replace(run, data="")).failure


def test_data_other_than_those_asked_for_are_refused(tiny, monkeypatch):
    (run,) = plan(tiny("1 / 0"), {})
    monkeypatch.setattr(sweep_workers, "data_digest", lambda _: "b")
    assert "are not those that the run was asked of" in perform(dataclasses.replace(run, data="a")).failure


def test_the_version_changes_with_the_sources(tmp_path, monkeypatch):
    module = tmp_path / "studies" / "sweep_workers.py"
    module.parent.mkdir()
    monkeypatch.setattr(sweep_workers, "__file__", str(module))

    def version(text):
        module.write_text(text)
        return sweep_workers.module_version()

    assert version("a = 1") == version("a = 1") != version("a = 2")


@pytest.mark.slow
def test_runs_at_once_have_kernels_and_runtime_folders_of_their_own(tiny, tmp_path):
    code = """
    import os, pathlib, time
    import ipykernel
    pathlib.Path(marks, str(seed)).touch()
    # each waits for the other: one after the other they would never end
    while len(list(pathlib.Path(marks).iterdir())) < 2:
        time.sleep(0.1)
    pathlib.Path(out, "kernel").write_text(ipykernel.get_connection_file())
    """
    marks = tmp_path / "marks"
    marks.mkdir()
    runs = plan(tiny(code), {"seed": [0, 1, 2], "marks": [str(marks)]})
    outcomes = list(run_here(runs, jobs=2))
    assert [outcome.failure for outcome in outcomes] == [""] * 3
    assert {outcome.run.run_id for outcome in outcomes} == {run.run_id for run in runs}
    runtime_folders = {Path(outcome.files["kernel"].decode()).parent for outcome in outcomes}
    assert len(runtime_folders) == 3
    assert not [folder for folder in runtime_folders if folder.exists()]


def test_without_dask_the_user_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(FedswitchError, match=r'pip install "fedswitch\[dask\]"'):
        next(run_on("tcp://127.0.0.1:1", []))


@pytest.fixture
def dask(tmp_path):
    """Starts parts of a real Dask cluster on the loopback address, and ends them after the test."""
    pytest.importorskip("distributed", reason='Dask is not installed: pip install "fedswitch[dask]"')
    processes = []

    def start(*arguments):
        process = subprocess.Popen([sys.executable, "-m", "dask", *arguments], cwd=tmp_path)
        processes.append(process)
        return process

    yield start
    for process in processes:
        # told to end kindly while the scheduler goes too, a worker may wait for it without end
        process.kill()
        process.wait(timeout=PATIENCE_S)


@pytest.fixture
def scheduler(dask, tmp_path):
    """The address of a real scheduler."""
    file = tmp_path / "scheduler.json"
    dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    wait_for(lambda: file.exists() and file.read_text().rstrip().endswith("}"))
    return json.loads(file.read_text())["address"]


@pytest.mark.parametrize(
    "address",
    [
        "localhost", "localhost:1", "tcp://127.0.0.1:1", "tcp://127.0.0.1:99999", "tcp://127.0.0.1:abc", "tcp://",
        ":::", "tls://127.0.0.1:1", "ws://127.0.0.1:1", "inproc://x", "nonsense://x", "http://localhost:8787/status",
        "tcp://no-such-host.invalid:8786", "scheduler.json",
    ],
)  # fmt: skip
def test_a_scheduler_that_does_not_answer_is_named(tiny, monkeypatch, capfd, address):
    pytest.importorskip("distributed", reason='Dask is not installed: pip install "fedswitch[dask]"')
    monkeypatch.setattr(sweep_workers, "CONNECTION_TIMEOUT_S", 1)
    (run,) = plan(tiny(), {})
    with pytest.raises(FedswitchError, match=re.escape(f"No Dask scheduler answers at {address} (")) as raised:
        next(run_on(address, [run]))
    assert "dask scheduler" in str(raised.value)
    assert "\n" not in str(raised.value)
    gc.collect()
    assert capfd.readouterr() == ("", "")


def test_without_runs_no_scheduler_is_asked():
    assert list(run_on("tcp://127.0.0.1:1", [])) == []


GATED = """
import os, pathlib, time
import pandas as pd
mark = pathlib.Path(marks)
with open(mark / "started", "a") as file:
    file.write(f"{seed} {os.getppid()} {os.getpid()}\\n")
while not (mark / "go").exists():
    time.sleep(0.1)
pd.DataFrame({"value": [seed / 2]}).to_parquet(pathlib.Path(out, "tiny.parquet"))
with open(mark / "finished", "a") as file:
    file.write(f"{seed}\\n")
"""


@pytest.mark.slow
def test_a_killed_worker_costs_no_run_and_doubles_none(dask, scheduler, tiny, tmp_path, capsys):
    marks, out, study, seeds = tmp_path / "marks", tmp_path / "out", tiny(GATED), [0, 1, 2, 3]
    marks.mkdir()
    (marks / "started").touch()
    swept = {"seed": seeds, "marks": [str(marks)]}
    tallies = []
    at_work = threading.Thread(
        target=lambda: tallies.append(sweep(study, swept, out, partial(run_on, scheduler), show=False)), daemon=True
    )
    at_work.start()
    wait_for(lambda: "The scheduler has no workers yet" in capsys.readouterr().err)
    one_run_each = ("--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1")
    workers = [dask("worker", scheduler, *one_run_each) for _ in range(2)]

    def started():
        return [tuple(map(int, line.split())) for line in (marks / "started").read_text().splitlines()]

    wait_for(lambda: {parent for _, parent, _ in started()} == {worker.pid for worker in workers})
    workers[0].send_signal(signal.SIGKILL)
    ((lost_seed, _, kernel),) = [start for start in started() if start[1] == workers[0].pid]
    # the killed worker's kernel ends too, rather than doing what another worker does now
    wait_for(lambda: is_gone(kernel))
    (marks / "go").touch()
    at_work.join(timeout=PATIENCE_S)

    assert [tally.failures for tally in tallies] == [{}]
    assert sorted(map(int, (marks / "finished").read_text().split())) == seeds
    assert sorted(seed for seed, _, _ in started()) == sorted([*seeds, lost_seed])
    assert pd.read_parquet(out / "sweep.parquet")[["seed", "value"]].values.tolist() == [[s, s / 2] for s in seeds]
    assert sweep(study, swept, out, partial(run_on, scheduler), show=False).kept == 4
    assert len(started()) == 5


@pytest.mark.parametrize(
    "place",
    [
        "mrpc/{}.parquet", "mrpc/{}-00000-of-00001.parquet", "mrpc/data/{}-00000-of-00001.parquet",
        "mrpc/{}/0000.parquet", "{}.parquet", "data/{}.parquet", "{}/0000.parquet",
    ],
)  # fmt: skip
@pytest.mark.parametrize("named", ["{}", "~"])
@pytest.mark.parametrize("part", ["train", "validation"])
def test_data_are_known_wherever_a_task_is_read_from(tmp_path, monkeypatch, place, named, part):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FEDSWITCH_DATA", named.format(tmp_path))
    seen = set()
    for content in ("1", "2"):
        for each in ("train", "validation"):
            path = tmp_path / place.format(each)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if each == part else "same")
        seen.add(data_digest({"task": "mrpc"}))
    assert len(seen) == 2
    assert data_digest({"task": "reviews"}) == data_digest({"task": ""}) == ""


def test_weights_are_known_in_a_folder_that_is_named_from_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    seen = {data_digest({"backbone": "~/model"})}
    (tmp_path / "model").mkdir()
    for content in ("1", "2"):
        (tmp_path / "model" / "model.safetensors").write_text(content)
        seen |= {data_digest({"backbone": "~/model"}), data_digest({"backbone": str(tmp_path / "model")})}
    assert len(seen) == 3
