"""However many workers there are, and whatever ends them, what comes out and what is left behind are the same."""

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
import torch

from fedswitch.learning import engine, simulate, workers
from fedswitch.learning.backbones import load_backbone
from fedswitch.learning.engine import Learner, cell_gradient
from fedswitch.learning.samples import Samples
from fedswitch.learning.workers import in_order, num_workers

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    torch.set_num_threads(2)
    yield
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fedswitch")]
    assert torch.get_num_threads() == 2
    assert in_a_new_thread(torch.get_num_threads) == 2
    torch.set_num_threads(1)


@pytest.fixture
def several(monkeypatch):
    """Have so many workers, and many small micro-batches."""
    monkeypatch.setattr(engine, "TOKEN_BUDGET", 60)
    return lambda count: monkeypatch.setattr(workers, "num_workers", lambda: count)


def in_a_new_thread(function):
    result = []
    thread = threading.Thread(target=lambda: result.append(function()))
    thread.start()
    thread.join()
    return result[0]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("scheme", "local_training"),
    [("switching", "gradient"), ("random", "steps"), ("full", "gradient"), ("hetlora", "gradient")],
)
def test_a_run_is_the_same_to_the_bit_whatever_the_number_of_workers(
    several, small, toy_task, tmp_path, saved, scheme, local_training, precision
):
    """Its table, and the parameters in its checkpoint; that with eight workers is stopped and goes on with two."""
    scenario = dataclasses.replace(small, precision=precision, local_training=local_training)

    def run(count, rounds, path):
        several(count)
        options = {"task": toy_task, "backbone": "tiny", "scheme": scheme, "evaluate_every": 1, "progress": False}
        return simulate(scenario, rounds=rounds, resume=path, **options).table

    one, many = tmp_path / "one", tmp_path / "many"
    run(8, 2, many)
    pd.testing.assert_frame_equal(run(1, 3, one), run(2, 3, many), check_exact=True)
    for ours, theirs in zip(saved(one)["modules"], saved(many)["modules"], strict=True):
        assert all(map(torch.equal, ours, theirs))


@pytest.mark.parametrize("count", [2, 8])
def test_a_gradient_is_the_same_to_the_bit(several, modules, toy_task, count):
    split, backbone = toy_task.train, load_backbone("tiny")
    learner = Learner(modules, Samples(backbone.tokenize(split.texts, None, 64), torch.from_numpy(split.labels)))
    batches = np.array_split(np.random.default_rng(0).permutation(400)[:90], 9)

    def gradient():
        loss = cell_gradient(learner, 2, batches)
        return [loss, *(p.grad for p in modules.parameters(2))]

    several(1)
    one = gradient()
    several(count)
    assert all(map(torch.equal, gradient(), one))


def test_results_come_in_order_with_several_at_once(several):
    several(3)
    meet, taken, threads = threading.Barrier(3, timeout=30), [], set()

    def work(piece):
        if piece < 3:
            meet.wait()
        time.sleep(0.01 * (piece % 3 == 0))
        threads.add(threading.get_ident())
        return piece, torch.get_num_threads()

    in_order(work, range(20), taken.append, CPU)
    assert taken == [(piece, 1) for piece in range(20)]
    assert len(threads) == 3
    assert threading.get_ident() not in threads


def test_few_results_wait_to_be_taken(several):
    several(2)
    begun, taken = [], []

    def take(piece):
        assert len(begun) <= len(taken) + 2 * workers.AHEAD + 1
        taken.append(piece)

    in_order(lambda piece: begun.append(piece) or piece, range(50), take, CPU)
    assert taken == list(range(50))


@pytest.mark.parametrize("count", [1, 2, 8])
@pytest.mark.parametrize("where", ["work", "take"])
@pytest.mark.parametrize("kind", [KeyError, KeyboardInterrupt])
def test_an_exception_reaches_the_caller_as_it_is(several, count, where, kind):
    several(count)
    error, begun = kind("as it is"), []

    def fail_at_3(piece):
        if piece == 3:
            raise error
        return piece

    def work(piece):
        begun.append(piece)
        return fail_at_3(piece) if where == "work" else piece

    with pytest.raises(kind) as caught:
        in_order(work, range(100), fail_at_3 if where == "take" else lambda _: None, CPU)
    assert caught.value is error
    assert len(begun) < 50


def test_other_threads_keep_their_setting_while_ours_run(several):
    """One that is there already, and one that begins meanwhile."""
    several(2)
    seen = []
    in_order(lambda piece: piece, range(3), lambda _: seen.append(in_a_new_thread(torch.get_num_threads)), CPU)
    assert seen == [2, 2, 2]
    in_order(lambda piece: piece, range(3), lambda _: seen.append(torch.get_num_threads()), CPU)
    assert seen[3:] == [2, 2, 2]


def test_without_work_nothing_begins(several):
    several(2)
    threads = threading.active_count()
    in_order(pytest.fail, [], pytest.fail, CPU)
    assert threading.active_count() == threads


def test_a_gpu_takes_one_piece_after_the_other():
    taken = []
    in_order(lambda piece: (piece, threading.get_ident()), range(3), taken.append, torch.device("meta"))
    assert taken == [(piece, threading.get_ident()) for piece in range(3)]


def test_workers_are_no_more_than_cores_and_than_torch_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(3)), raising=False)
    assert num_workers() == 2  # threads that torch may use, see above
    torch.set_num_threads(8)
    assert num_workers() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert num_workers() == 5
    torch.set_num_threads(2)


INTERRUPTED = """
import threading, time, torch
from fedswitch.learning import workers
workers.num_workers = lambda: 4
def work(piece):
    print("begun\\n", end="", flush=True)  # in one piece: four threads say it
    time.sleep(0.3)
try:
    workers.in_order(work, range(10_000), lambda _: None, torch.device("cpu"))
except KeyboardInterrupt:
    print("left", threading.active_count(), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
def test_ctrl_c_ends_all_workers():
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert said.splitlines()[-1] == "left 1"
    assert process.returncode == 0


FORKED = """
import os, torch
from fedswitch.errors import FedswitchError
from fedswitch.learning.workers import in_order
work = lambda: in_order(lambda piece: piece, [1, 2], print, torch.device("cpu"))
if {first}:
    work()
child = os.fork()
if not child:
    try:
        work()
    except FedswitchError as error:
        print(error)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("first", [True, False])
def test_a_process_forked_after_computing_is_refused_rather_than_left_hanging(first):
    code = FORKED.format(first=first)
    done = subprocess.run([sys.executable, "-u", "-c", code], capture_output=True, text=True, check=True)
    assert ("forked from one that has computed" in done.stdout) is first
    assert done.stdout.startswith("1\n2\n")
