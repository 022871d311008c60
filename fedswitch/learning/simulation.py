"""`simulate`: one federated fine-tuning run over the wireless cell, round by round."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..arguments import check_flag, shown
from ..scenario import Scenario
from . import checkpoint
from .backbones import load_backbone
from .data import Task
from .engine import GRADIENTS
from .federation import Federation
from .history import History, Log
from .options import Options, kept_rounds
from .samples import Kept
from .schemes import Plan, Scheme, check_plan, find_scheme
from .surroundings import settled
from .tasks import load_task
from .uplink import Uplink

When = Callable[[Sequence[Mapping[str, Any]]], bool]
"""Whether something is to be done, from the rows of `History.table` so far."""


@settled()
def simulate(
    scenario: Scenario,
    *,
    task: str | Task = "reviews",
    backbone: str = "minilm",
    scheme: str | type[Scheme] = "random",
    rounds: int,
    seed: int = 0,
    engine: str = "cell",
    device: str = "cpu",
    data: str | Path | None = None,
    evaluate_every: int = 1,
    personal: bool = False,
    resume: str | Path | None = None,
    checkpoint_every: int = 5,
    progress: bool | None = None,
    also_test: When | None = None,
    stop: When | None = None,
    kept: Kept | None = None,
) -> History:
    """Fine-tune N LoRA modules over `rounds` rounds of (1), each upload passing the channel (2); return a `History`.

    Args:
        scenario: the cell, its UEs and the algorithm's constants.
        task: a task by name (`fedswitch.learning.tasks.TASKS`) or a `Task` made elsewhere.
        backbone: one of `fedswitch.learning.BACKBONES`, a local folder or a name on the Hugging Face hub.
        scheme: who trains what and how it is aggregated, by name (`fedswitch.learning.schemes.SCHEMES`), or a
            subclass of `Scheme`.
        rounds: T, at least 1.
        seed: at one seed, all schemes share cell, fading, data and mini-batches.
        engine: "cell" runs one pass per module over the union of the samples, "per_ue" loops over UEs as (1) is
            written; both give the same gradients.
        device: a torch device.
        data: folder of the task's parquet files; where not given, the environment variable FEDSWITCH_DATA.
        evaluate_every: the modules are tested every so many rounds, and after the last.
        personal: also test UEs that infer in three ways of their own: three more columns.
        resume: a checkpoint file, continued from where it exists, and written as the run goes on.
        checkpoint_every: rounds between two checkpoints; the last round always writes one.
        progress: show a bar; where not given, on a terminal only.
        also_test: asked before every round that would not be tested, with the rows of `History.table` so far; where it
            says so, it is tested.
        stop: asked after every round that was tested, with the rows of `History.table` so far; the run ends where it
            says so.
        kept: what runs on the same `Task` object and backbone have in common; give one to several calls.

    Raises:
        ValueError: for an argument out of range or an unknown name.
        FedswitchError: in one sentence, where data or weights are missing, a checkpoint belongs to another run, the
            training diverges, or the process was forked from one that has computed.
        KeyboardInterrupt: after Ctrl-C, once the round is finished and saved; it says how to go on. A second Ctrl-C
            ends at once.
    """
    if not isinstance(scenario, Scenario):
        raise ValueError(f"scenario must be a Scenario, such as Scenario.corrected(num_ues=20), got {shown(scenario)}")
    for argument, function in {"also_test": also_test, "stop": stop}.items():
        if function is not None and not callable(function):
            raise ValueError(f"{argument} must be a function of the rows so far, got {shown(function)}")
    asked = Options(
        rounds=rounds, seed=seed, engine=engine, engines=GRADIENTS, backbone=backbone, evaluate_every=evaluate_every,
        resume=resume, checkpoint_every=checkpoint_every, progress=progress, kept=kept,
    )  # fmt: skip
    rounds, seed, personal = asked.rounds, asked.seed, check_flag("personal", personal)
    name, kind = find_scheme(scheme)
    file = asked.file()
    loaded_task = task if isinstance(task, Task) else load_task(task, data=data, seed=seed)
    policy = kind(scenario, seed)
    loaded_backbone = load_backbone(asked.backbone, device)
    run = policy.federation(loaded_task, loaded_backbone, engine=engine, kept=kept)
    settings = {
        "scenario": dataclasses.asdict(scenario),
        "task": loaded_task.name,
        "task_source": loaded_task.source,
        "backbone": loaded_backbone.name,
        "backbone_source": loaded_backbone.source,
        "scheme": name,
        "seed": seed,
        "engine": engine,
        "evaluate_every": asked.evaluate_every,
        "personal": personal,
    }
    labels = {"scheme": name, "task": loaded_task.name, "num_ues": scenario.num_ues, "seed": seed}
    log = Log(labels, np.zeros(policy.scenario.num_modules))
    if file is not None and file.exists():
        checkpoint.load(file, settings, run, policy, log)

    def note(seconds: float) -> dict[str, Any]:
        last = log.rows[-1]
        accuracy = {} if math.isnan(last["accuracy"]) else {"accuracy": f"{last['accuracy_pooled']:.3f}"}
        return {**accuracy, "received": last["received"], "s": f"{seconds:.1f}"}

    todo = kept_rounds(
        f"{name} on {loaded_task.name}", len(log.rows), asked,
        save=lambda path: checkpoint.save(path, settings, run, policy, log),
        stop=lambda: stop is not None and not math.isnan(log.rows[-1]["accuracy"]) and stop(log.rows),
        note=note,
    )  # fmt: skip
    with contextlib.closing(todo):
        for t in todo:
            plan, uplink = do_round(policy, run, t, name)
            due = asked.tests_after(t) or (also_test is not None and also_test(log.rows))
            log.add(run.scenario, plan, uplink, run.evaluate(t, personal=personal) if due else {})
    return History(
        table=pd.DataFrame(log.rows),
        subscribed=np.stack(log.subscribed),
        received=np.stack(log.received),
        distance_m=run.cell.distance_m,
        settings={**settings, "rounds": rounds},
    )


@settled()
def do_round(policy: Scheme, run: Federation, t: int, name: str) -> tuple[Plan, Uplink]:
    """Do round `t` of a run: the scheme observes and plans, the UEs transmit, and what is received trains the modules.

    Raises:
        ValueError: where a plan of the scheme `name` breaks a constraint (`learning.schemes.check_plan`).
    """
    seen = policy.observe(run, t)
    plan = policy.plan(t, seen)
    check_plan(plan, policy.scenario, name)
    uplink = run.transmit(t, plan.subscription, plan.power_w, seen.payload_bits)
    policy.learn(run, t, uplink.received)
    return plan, uplink
