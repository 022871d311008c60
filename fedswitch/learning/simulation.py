"""`simulate`: one federated fine-tuning run over the wireless cell, round by round."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..scenario import Scenario
from . import checkpoint
from .backbones import load_backbone
from .engine import GRADIENTS
from .federation import Federation
from .history import History
from .progress import rounds_bar
from .schemes import make_scheme
from .tasks import Task, load_task
from .uplink import Uplink


def simulate(
    scenario: Scenario,
    *,
    task: str | Task = "reviews",
    backbone: str = "minilm",
    scheme: str = "random",
    rounds: int,
    seed: int = 0,
    engine: str = "cell",
    device: str = "cpu",
    data: str | Path | None = None,
    evaluate_every: int = 1,
    resume: str | Path | None = None,
    checkpoint_every: int = 5,
    progress: bool | None = None,
) -> History:
    """Fine-tune N LoRA modules over `rounds` rounds of (1), each upload passing the channel (2); return a `History`.

    Args:
        scenario: the cell, its UEs and the algorithm's constants.
        task: a task by name (`fedswitch.learning.tasks.TASKS`) or a `Task` made elsewhere.
        backbone: `minilm`, `tiny`, a local folder or a name on the Hugging Face hub.
        scheme: who subscribes to what, by name (`fedswitch.learning.schemes.SCHEMES`).
        rounds: T, at least 1.
        seed: at one seed, all schemes share cell, fading, data and mini-batches.
        engine: "cell" runs one pass per module over the union of the samples, "per_ue" loops over UEs as (1) is
            written; both give the same gradients.
        device: a torch device.
        data: folder of the task's parquet files; where not given, the environment variable FEDSWITCH_DATA.
        evaluate_every: the modules are tested every so many rounds, and after the last.
        resume: a checkpoint file, continued from where it exists, and written as the run goes on.
        checkpoint_every: rounds between two checkpoints; the last round always writes one.
        progress: show a bar; where not given, on a terminal only.

    Raises:
        ValueError: for an argument out of range or an unknown name.
        FedswitchError: in one sentence, where data or weights are missing, a checkpoint belongs to another run, or
            the training diverges.
    """
    if rounds < 1 or evaluate_every < 1 or checkpoint_every < 1:
        raise ValueError(
            f"rounds = {rounds}, evaluate_every = {evaluate_every} and checkpoint_every = {checkpoint_every} "
            "must be whole numbers of at least 1"
        )
    if engine not in GRADIENTS:
        raise ValueError(f"unknown engine {engine!r}; there are: {', '.join(GRADIENTS)}")
    loaded_task = task if isinstance(task, Task) else load_task(task, data=data, seed=seed)
    policy = make_scheme(scheme, scenario, seed)
    run = Federation.start(scenario, loaded_task, load_backbone(backbone, device), seed)
    settings = {
        "scenario": dataclasses.asdict(scenario),
        "task": loaded_task.name,
        "task_source": loaded_task.source,
        "backbone": backbone,
        "backbone_source": run.backbone.source,
        "scheme": scheme,
        "seed": seed,
        "engine": engine,
        "evaluate_every": evaluate_every,
    }
    log = _Log([], [], [])
    if resume is not None and Path(resume).exists():
        log = _Log(**checkpoint.load(Path(resume), settings, run.modules, run.optimizers))

    labels = {"scheme": scheme, "task": loaded_task.name, "num_ues": scenario.num_ues, "seed": seed}
    first = len(log.rows)
    with rounds_bar(f"{scheme} on {loaded_task.name}", first, rounds, progress) as bar:
        for t in range(first, rounds):
            subscribed = policy.subscribe(t)
            uplink = run.transmit(t, subscribed)
            for n in range(scenario.num_modules):
                run.update(n, t, uplink.received[n], engine)
            log.subscribed.append(subscribed)
            log.received.append(uplink.received)
            due = (t + 1) % evaluate_every == 0 or t + 1 == rounds
            measured = run.evaluate() if due else _NOT_EVALUATED
            log.rows.append({"round": t + 1, **labels, **measured, **_on_air(log, uplink, run.power_w)})
            bar.update()
            if due:
                bar.set_postfix(accuracy=f"{measured['accuracy_pooled']:.3f}", refresh=False)
            if resume is not None and ((t + 1) % checkpoint_every == 0 or t + 1 == rounds):
                checkpoint.save(Path(resume), settings, run.modules, run.optimizers, vars(log))
    return History(
        table=pd.DataFrame(log.rows),
        subscribed=np.stack(log.subscribed),
        received=np.stack(log.received),
        distance_m=run.cell.distance_m,
        settings={**settings, "rounds": rounds},
    )


_NOT_EVALUATED = {"loss": float("nan"), "accuracy": float("nan"), "accuracy_pooled": float("nan")}


@dataclasses.dataclass
class _Log:
    """What a run has measured so far."""

    rows: list[dict[str, Any]]
    subscribed: list[NDArray[np.bool_]]
    received: list[NDArray[np.bool_]]


def _on_air(log: _Log, uplink: Uplink, power_w: NDArray[np.float64]) -> dict[str, float]:
    """The columns of the table that concern the uplink, for the round logged last."""
    return {
        "subscribed": int(log.subscribed[-1].sum()),
        "received": int(uplink.received.sum()),
        "participation_min": float(np.mean(log.subscribed, axis=0).min()),
        "energy_compute_j": float(uplink.energy_compute_j.sum()),
        "energy_uplink_j": float(uplink.energy_uplink_j.sum()),
        "delay_s": uplink.delay_s,
        "power_mean_w": float(power_w.mean()),
    }
