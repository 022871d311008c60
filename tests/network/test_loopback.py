"""One real federation of processes: what kills, stops and comes back while it runs, and what is left of it after.

Everything is asked of one run, which takes a minute or two on two idle cores.
"""

import ipaddress
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("cryptography", reason="the extra `network` is not installed")
pytest.importorskip("flwr", reason="the extra `network` is not installed")

from fedswitch.errors import FedswitchError
from fedswitch.learning import simulate
from fedswitch.network import federate, replay
from fedswitch.network.keys import make_keys

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found by Linux's /proc"),
]

ROUNDS = 6
WATCHED = Path(__file__).parents[1] / "helpers" / "watched"


def processes(folder):
    """Number and command line of every process that has been started in a run of that folder."""
    found = {}
    for place in Path("/proc").iterdir():
        try:
            if place.name.isdecimal() and str(folder).encode() in (place / "environ").read_bytes():
                found[int(place.name)] = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has ended meanwhile, or is somebody else's
            continue
    return found


def deadline_s():
    """Long enough for a node that answers, on a machine as busy as this one is now: most of it goes into imports."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import fedswitch.network._client_app"], check=True)
    return 5.0 + 6.0 * (time.monotonic() - started)


def join_of(folder, node):
    """The process that looks after a node."""
    (pid,) = (pid for pid, line in processes(folder).items() if f"node-{node}.npz" in line and " join " in line)
    return pid


def children(folder, node, word):
    """Processes of a node whose command line holds a word."""
    join = join_of(folder, node)
    return [pid for pid, line in processes(folder).items() if word in line and os.getpgid(pid) == join]


class Faults:
    """Hears of the rounds, and does harm between them."""

    def __init__(self, folder):
        self.folder, self.lines, self.rounds, self.extra = folder, [], [], []
        self.stopped = []
        self.harm = {1: self.kill_worker, 2: self.kill_and_stop, 3: self.come_back, 4: self.kill_gnb}

    def __call__(self, record):
        self.lines += [record["line"]] if "line" in record else []
        if "done_round" in record:
            self.rounds.append(record["done_round"])
            self.harm.pop(record["done_round"]["round"], lambda: None)()

    def kill_worker(self):
        """The worker of node 0 is killed, and not started again before the next round is over."""
        os.kill(join_of(self.folder, 0), signal.SIGSTOP)
        for pid in children(self.folder, 0, "network.worker"):
            os.kill(pid, signal.SIGKILL)

    def kill_and_stop(self):
        """Node 1 is killed with all that belongs to it, node 2 is stopped, and node 0 may have a worker again."""
        os.kill(join_of(self.folder, 0), signal.SIGCONT)
        os.killpg(join_of(self.folder, 1), signal.SIGKILL)
        self.stopped = children(self.folder, 2, "flower-supernode")
        for pid in self.stopped:
            os.kill(pid, signal.SIGSTOP)

    def come_back(self):
        """Node 2 goes on, and is asked to end; the data of node 1 are back with a new key; a client app is killed."""
        for pid in self.stopped:
            os.kill(pid, signal.SIGCONT)
        os.kill(join_of(self.folder, 2), signal.SIGTERM)
        threading.Thread(target=self.kill_client_app, daemon=True).start()
        lines = processes(self.folder).values()
        address = next(line.split(" join ")[1].split()[0] for line in lines if " join " in line)
        keys, data = self.folder / "keys", self.folder / "data" / "node-1.npz"
        command = [
            sys.executable, "-m", "fedswitch", "network", "join", address, "--data", data,
            "--key", keys / "node-3", "--ca", keys / "ca.crt",
        ]  # fmt: skip
        self.extra.append(subprocess.Popen(command, start_new_session=True, env=os.environ | {"RUN": str(self.folder)}))

    def kill_client_app(self):
        end = time.monotonic() + 60.0
        while not (found := children(self.folder, 0, "flwr-clientapp")) and time.monotonic() < end:
            time.sleep(0.05)
        for pid in found:
            os.kill(pid, signal.SIGKILL)

    def kill_gnb(self):
        for pid, line in processes(self.folder).items():
            if "flower-superlink" in line:
                os.kill(pid, signal.SIGKILL)

    def end(self):
        for process in self.extra:
            process.terminate()
            process.wait(30)


def disturbed(task, scenario, folder):
    """A federation in a folder that is disturbed, killed and gone on with: what was told, and its history."""
    make_keys(folder / "keys", nodes=4, addresses=["127.0.0.1"])
    known = {"FEDSWITCH_CONNECTIONS": str(folder / "connections"), "OMP_NUM_THREADS": "1"}
    before = {name: os.environ.get(name) for name in ("PYTHONPATH", *known)}
    os.environ.update(known, PYTHONPATH=f"{WATCHED}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    faults = Faults(folder)
    how = {
        "task": task, "backbone": "tiny", "scheme": "fedlora", "rounds": ROUNDS, "seed": 3, "nodes": 3,
        "deadline_s": deadline_s(), "resume": folder / "run.pt", "out": folder, "tell": faults,
    }  # fmt: skip
    try:
        with pytest.raises(FedswitchError, match="goes on from the last checkpoint"):
            federate(scenario, **how)
        faults.end()
        faults.harm.clear()
        history = federate(scenario, **how | {"deadline_s": 600.0})  # nobody is harmed any more, only slow
    finally:
        faults.end()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    return faults, history


def check_it_does_all_rounds_and_a_simulation_with_its_losses_has_the_same_table(run):
    history, task = run.history, run.task
    assert len(history.table) == ROUNDS
    again = replay(history, task=task)
    pd.testing.assert_frame_equal(again.table, history.table, check_exact=False, rtol=1e-5, atol=1e-5)
    assert np.array_equal(again.received, history.received)


def check_what_was_killed_or_stopped_is_lost_and_nothing_else_matters(run):
    faults, history, task, scenario = run.faults, run.history, run.task, run.scenario
    assert history.lost[1][0, [0, 1]].all()  # the worker was killed
    assert history.lost[2][0, [2, 3, 4, 5]].all()  # one node was killed, one stopped
    assert not history.lost.get(5, np.zeros(1)).any()  # the gNB was killed and is back, and so are all nodes
    assert {record["round"] for record in faults.rounds} == set(range(1, ROUNDS + 1))
    assert [record["lost"] for record in faults.rounds[1:3]] == [int(history.lost[t].sum()) for t in (1, 2)]
    undisturbed = simulate(scenario, task=task, backbone="tiny", scheme="fedlora", rounds=1, seed=3).table
    if 0 not in history.lost:
        pd.testing.assert_frame_equal(history.table[:1], undisturbed, check_exact=False, rtol=1e-5, atol=1e-5)


def check_who_comes_back_with_a_new_key_is_heard_again(run):
    faults = run.faults
    assert faults.lines.count("The node of UEs 2, 3 is online.") >= 2


def check_no_process_is_left_behind(run):
    folder = run.folder
    end = time.monotonic() + 20.0  # for the system to clear away
    while left := processes(folder):
        assert time.monotonic() < end, left
        time.sleep(0.1)


def check_nobody_but_this_machine_is_asked_or_connected_to(run):
    folder = run.folder
    asked = {line.strip("'\"b\n") for line in (folder / "connections").open()}
    assert "127.0.0.1" in asked
    beyond = {whom for whom in asked if not whom.startswith(("/", "\\x00")) and whom != "localhost"}
    assert not {whom for whom in beyond if not ipaddress.ip_address(whom).is_loopback}


def check_training_samples_are_in_the_files_of_nodes_only(run):
    folder = run.folder
    text = max(set(run.task.train.texts) - set(run.task.test.texts), key=len).encode()
    holders = {path.name for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()}
    assert len(holders) == 1
    assert holders < {"node-0.npz", "node-1.npz", "node-2.npz"}


def test_a_federation_of_processes(task, small, tmp_path):
    """One test, because the run is one: workers of pytest would each make it again."""
    folder = tmp_path / "federation"
    run = SimpleNamespace(folder=folder, task=task, scenario=small)
    run.faults, run.history = disturbed(run.task, run.scenario, folder)
    check_it_does_all_rounds_and_a_simulation_with_its_losses_has_the_same_table(run)
    check_what_was_killed_or_stopped_is_lost_and_nothing_else_matters(run)
    check_who_comes_back_with_a_new_key_is_heard_again(run)
    check_no_process_is_left_behind(run)
    check_nobody_but_this_machine_is_asked_or_connected_to(run)
    check_training_samples_are_in_the_files_of_nodes_only(run)
