"""How long a round takes over real processes, and how much it sends: `python benchmarks/network.py`.

`NUM_UES` UEs on `NODES` nodes fine-tune MiniLM with LoRA on its last layer, everything on the loopback address. Against
our federation, whose nodes keep model and data in a worker, stands a plain Flower app that loads them anew for every
message, with the same gNB, messages and data; beside both, the same rounds simulated. Seconds are medians over rounds,
from the end of one to the end of the next: the start counts for the simulated ones only. It needs the extra `network`,
and some minutes.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from _timing import duration, machine, print_table

from fedswitch import Scenario
from fedswitch.learning import Task, simulate
from fedswitch.learning.history import History
from fedswitch.learning.tasks import reviews_task
from fedswitch.network import deal, federate, serving
from fedswitch.network.gnb import Job
from fedswitch.network.processes import LOOPBACK, flower_command, free_port, spawn, stop

NUM_UES, NODES, ROUNDS, SEED = 4, 2, 4, 0
PATIENCE_S = 600.0  # for a round: on a busy machine the plain app needs minutes
SCENARIO = Scenario.corrected(num_ues=NUM_UES, batch_size=8, test_samples=12, lora_layers=1)
HOW = {"backbone": "minilm", "scheme": "random", "rounds": ROUNDS}


class Rounds:
    """Hears of rounds, and when they ended."""

    def __init__(self) -> None:
        self.ends_s: list[float] = []
        self.last: dict[str, Any] = {}

    def __call__(self, record: Any) -> None:
        if "done_round" in record:
            self.ends_s.append(record["s"])
            self.last = record["done_round"]

    @property
    def seconds(self) -> float:
        return statistics.median(b - a for a, b in zip(self.ends_s, self.ends_s[1:], strict=False))


def plain(task: Task, rounds: Rounds) -> History:
    """The plain app: its nodes are Flower's alone."""
    address = f"{LOOPBACK}:{free_port()}"
    os.environ["PYTHONPATH"] = f"{Path(__file__).parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    with tempfile.TemporaryDirectory() as folder:
        home, started, ours = Path(folder), [], serving.APP
        serving.APP = home / "app.toml"
        serving.APP.write_text(ours.read_text().replace("fedswitch.network._client_app", "_plain_app"))
        gnb, *shards = deal(task, SCENARIO, nodes=NODES, seed=SEED, out=home / "data")
        try:
            for place, shard in enumerate(shards):
                command = flower_command(
                    "flower-supernode", "--insecure", "--superlink", address, "--host", LOOPBACK,
                    "--port", str(free_port()), "--node-config", f'data="{shard}"',
                )  # fmt: skip
                started.append(spawn(command, home / f"node-{place}.log", home, group=True))
            job = Job(data=str(gnb), deadline_s=PATIENCE_S, wait_s=PATIENCE_S, **HOW)
            return serving.serve(job, home / "gnb", address=address, keys=None, tell=rounds)
        finally:
            stop(started, groups=True)
            serving.APP = ours


def main() -> None:
    task, federated, plainly = reviews_task(train=400, test=60), Rounds(), Rounds()
    simulate(SCENARIO, task=task, seed=SEED, **HOW | {"rounds": 1})
    started = time.perf_counter()
    simulated = simulate(SCENARIO, task=task, seed=SEED, **HOW)
    simulated_s = (time.perf_counter() - started) / ROUNDS
    over = federate(SCENARIO, task=task, nodes=NODES, seed=SEED, deadline_s=PATIENCE_S, tell=federated, **HOW)
    tables = {
        "over the network": over.table,
        "a plain Flower app": plain(task, plainly).table,
    }
    rows = [["simulated", duration(simulated_s), "", "", ""]]
    for (name, table), heard in zip(tables.items(), (federated, plainly), strict=True):
        numbers = simulated.table.select_dtypes("number").columns
        off = (table[numbers] - simulated.table[numbers]).abs().max().max()
        kilobytes = sum(heard.last[f"{way}_bytes"] for way in ("down", "up")) / ROUNDS / 1e3
        ratio = f"{plainly.seconds / heard.seconds:.1f}"
        rows.append([name, duration(heard.seconds), ratio, f"{kilobytes:.0f} kB", f"{off:.0e}"])
    print(machine())
    header = ["a round", "time", "times as fast as the plain app", "sent", "differs from the simulation by"]
    print_table(f"{NUM_UES} UEs on {NODES} nodes, MiniLM, LoRA on the last layer", header, rows)


if __name__ == "__main__":
    main()
