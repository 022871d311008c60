"""`federate`: a whole federation of processes on this machine, over its loopback address."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..arguments import shown, single, whole
from ..learning.data import Task
from ..learning.history import History
from ..learning.tasks import load_task
from ..scenario import Scenario
from .gnb import Job
from .processes import LOOPBACK, free_port, need_flower, our_command, spawn, stop
from .serving import Tell, serve
from .shards import deal


def federate(
    scenario: Scenario,
    *,
    task: str | Task = "reviews",
    backbone: str = "minilm",
    scheme: str = "random",
    rounds: int,
    seed: int = 0,
    nodes: int = 2,
    deadline_s: float = 60.0,
    resume: str | Path | None = None,
    data: str | Path | None = None,
    evaluate_every: int = 1,
    personal: bool = False,
    out: str | Path | None = None,
    tell: Tell = lambda _: None,
) -> History:
    """What `learning.simulate` does, by processes that talk over the loopback address: a gNB and `nodes` nodes.

    Each node holds the training data of its UEs, and nobody else has them. Where nothing is lost, the table is that of
    `simulate`, up to rounding; what was lost is in the history, and `replay` makes the same of it. It needs the extra
    `network`.

    Args:
        scenario: the cell, its UEs and the algorithm's constants.
        task: as in `simulate`.
        backbone: as in `simulate`; every node loads it by that name.
        scheme: one of `learning.SCHEMES`.
        rounds: T, at least 1.
        seed: as in `simulate`.
        nodes: processes that the UEs are dealt to, at most one for each UE.
        deadline_s: how long the gNB waits for the answers of a round, in s; what comes later is lost.
        resume: a checkpoint file, continued from where it exists, and written after every round.
        data: as in `simulate`.
        evaluate_every: as in `simulate`.
        personal: as in `simulate`.
        out: folder for the data, keys and logs of the run; where not given, they are deleted in the end.
        tell: hears of every round and every loss.

    Raises:
        ValueError: for an argument out of range or an unknown name.
        FedswitchError: in one sentence, where Flower is not installed, or the run fails.
    """
    if not isinstance(scenario, Scenario):
        raise ValueError(f"scenario must be a Scenario, such as Scenario.corrected(num_ues=20), got {shown(scenario)}")
    need_flower()
    from .keys import make_keys  # which the extra brings along

    nodes, (deadline_s,) = whole("nodes", nodes, low=1), single(positive={"deadline_s": deadline_s})
    with _folder(out) as folder:
        loaded = task if isinstance(task, Task) else load_task(task, data=data, seed=seed)
        job = Job(
            data=str(folder / "data" / "gnb.npz"), backbone=backbone, scheme=scheme, rounds=rounds,
            evaluate_every=evaluate_every, personal=personal, deadline_s=deadline_s,
            resume=None if resume is None else str(Path(resume).absolute()),
        )  # fmt: skip
        job.options(seed)
        paths = deal(loaded, scenario, nodes=nodes, seed=seed, out=folder / "data")
        keys = folder / "keys"
        if not all((keys / f"node-{node}").is_file() for node in range(nodes)):
            shutil.rmtree(keys, ignore_errors=True)
            make_keys(keys, nodes=nodes)
        address = f"{LOOPBACK}:{free_port()}"
        with _joined(address, paths[1:], keys, folder):
            return serve(job, folder / "gnb", address=address, keys=keys, tell=tell)


@contextlib.contextmanager
def _folder(out: str | Path | None) -> Iterator[Path]:
    if out is not None:
        yield Path(out).absolute()
        return
    with tempfile.TemporaryDirectory(prefix="fedswitch-") as folder:
        yield Path(folder)


@contextlib.contextmanager
def _joined(address: str, shards: Sequence[Path], keys: Path, folder: Path) -> Iterator[None]:
    """Nodes that join as soon as the gNB is there."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        for node, shard in enumerate(shards):
            logs = folder / f"node-{node}"
            logs.mkdir(parents=True, exist_ok=True)
            command = our_command(
                "fedswitch", "network", "join", address, "--data", str(shard), "--key", str(keys / f"node-{node}"),
                "--ca", str(keys / "ca.crt"), "--logs", str(logs), "--wait", "120",
            )  # fmt: skip
            started.append(spawn(command, logs / "join.log", folder, group=True))
        yield
    finally:
        stop(started, groups=True)
