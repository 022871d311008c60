"""`replay`: what happened over a network, once more as a simulation, with the same losses."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from ..arguments import Bools
from ..errors import FedswitchError
from ..learning.backbones import load_backbone
from ..learning.data import Task
from ..learning.history import History
from ..learning.options import Options
from ..learning.rounds import do_rounds
from ..learning.schemes import find_scheme
from ..learning.surroundings import own_switches
from ..learning.tasks import load_task
from ..learning.ues import LocalUEs, Starts
from .shards import scenario_of


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ReplayedUEs(LocalUEs):
    """UEs in this process that lose what those of an earlier run lost, and are silent where they were."""

    history: History

    def ask(self, t: int, subscribed: Bools, starts: Starts) -> Bools:
        """See `UEs`."""
        return self.history.lost.get(t, np.zeros_like(subscribed))

    def silent(self, t: int) -> Bools | None:
        """See `UEs`."""
        return self.history.silent.get(t)


@own_switches()
def replay(history: History, *, task: str | Task | None = None, data: str | Path | None = None) -> History:
    """Simulate the run of a history once more, in this process, with the losses that it records.

    The table is the same, up to rounding: what a network changes is what it loses. `task` is needed where the run had
    a `Task` made elsewhere, and `data` is as in `learning.simulate`. Raises FedswitchError, in one sentence, where the
    task is another one.
    """
    made = history.settings
    scenario, seed = scenario_of(made["scenario"]), made["seed"]
    loaded = task if isinstance(task, Task) else load_task(task or made["task"], data=data, seed=seed)
    if made.get("data", loaded.digest) != loaded.digest:
        raise FedswitchError(
            f"The task {loaded.name!r} holds other samples here than in the run to be replayed: give the same task."
        )
    name, kind = find_scheme(made["scheme"])
    policy = kind(scenario, seed)
    run = policy.federation(loaded, load_backbone(made["backbone"]))
    known = {field.name: getattr(run.ues, field.name) for field in dataclasses.fields(LocalUEs)}
    asked = Options(
        rounds=len(history.table), seed=seed, engine="replay", engines=("replay",), backbone=made["backbone"],
        evaluate_every=made["evaluate_every"], resume=None, checkpoint_every=1, progress=False, kept=None,
    )  # fmt: skip
    run = dataclasses.replace(run, ues=ReplayedUEs(**known, history=history))
    return do_rounds(policy, run, asked, {**made, "engine": "replay", "scheme": name})
