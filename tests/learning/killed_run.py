"""A run that is killed again and again, and then finished: `python killed_run.py FOLDER KILLS SEED`.

Each life is a fork that kills itself, by SIGKILL, at a call of a function chosen at random, so that no clock decides
when. Prints, as JSON, the rounds that the checkpoint holds after each death, and how many deaths left a checkpoint
half-written; FOLDER/whole and FOLDER/killed then hold the tables of a run that was left alone and of one that was not.
"""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch

from fedswitch import Scenario
from fedswitch.learning import simulate, workers
from fedswitch.learning.tasks import reviews_task

ROUNDS = 20
SCENARIO = Scenario.corrected(
    num_ues=4, num_modules=2, lora_ranks=(2, 4), batch_size=3, test_samples=6, lora_layers=1, tokens_per_sample=16
)


def run(**options):
    return simulate(SCENARIO, task=task, backbone="tiny", scheme="switching", rounds=ROUNDS, **options).table


class Calls:
    """Counts calls of functions, of C as well, and dies at one of them."""

    def __init__(self, last: int | None = None):
        self.count, self.last = 0, last

    def __call__(self, frame, event, argument):
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    folder, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)  # a fork has none of its parent's threads
    task = reviews_task(train=60, test=12)
    run()  # imports what is imported late
    calls = Calls()
    sys.setprofile(calls)
    whole = run(resume=folder / "unhurt", checkpoint_every=1)
    sys.setprofile(None)
    whole.to_pickle(folder / "whole")

    # some lives end before their first round, most after a few more
    rounds, halves, path = [], set(), folder / "checkpoint"
    rng = np.random.default_rng(seed)
    while len(rounds) < kills:
        moment = rng.integers(1, calls.count // 4)
        life = os.fork()
        if life == 0:
            workers._computing_process.cache_clear()  # with one thread each, there are none to miss
            sys.setprofile(Calls(int(moment)))
            run(resume=path, checkpoint_every=1)
            os._exit(0)
        if os.WIFSIGNALED(os.waitpid(life, 0)[1]):
            rounds.append(len(torch.load(path)["log"]["rows"]) if path.exists() else 0)
            halves |= {half.name for half in folder.glob("*.part")}
    run(resume=path, checkpoint_every=1).to_pickle(folder / "killed")
    print(json.dumps({"rounds": rounds, "halves": len(halves)}))
