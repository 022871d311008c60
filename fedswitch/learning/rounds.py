"""The rounds of a run: one loop, wherever the UEs are."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..symbols import Declared
from . import checkpoint
from .encoding import Backbone
from .federation import Federation
from .history import History, Log
from .options import Options, kept_rounds
from .schemes import Plan, Scheme, check_plan
from .surroundings import own_switches
from .uplink import Uplink

When = Callable[[Sequence[Mapping[str, Any]]], bool]
"""Whether something is to be done, from the rows of `History.table` so far."""


def settings_of(scenario: Declared, task: Any, backbone: Backbone, asked: Options, **also: Any) -> dict[str, Any]:
    """What a run is made with, for `settings` of its history and its checkpoint; `task` has a name and a source."""
    return {
        "scenario": dataclasses.asdict(scenario),
        "task": task.name,
        "task_source": task.source,
        "backbone": backbone.name,
        "backbone_source": backbone.source,
        "seed": asked.seed,
        "engine": asked.engine,
        "evaluate_every": asked.evaluate_every,
        **also,
    }


@own_switches()
def do_rounds(
    policy: Scheme,
    run: Federation,
    asked: Options,
    settings: dict[str, Any],
    *,
    also_test: When | None = None,
    stop: When | None = None,
    told: Callable[[Log], object] | None = None,
) -> History:
    """Do the rounds that are asked for with `run`, which has just been started, or go on from its checkpoint.

    `settings` are those of `settings_of` with `personal`; `also_test` and `stop` those of `simulate`. `told` hears of
    the log after every round. Raises what `simulate` raises of a run that has begun.
    """
    name, personal = settings["scheme"], settings["personal"]
    labels = {"scheme": name, "task": settings["task"], "num_ues": run.scenario.num_ues, "seed": run.seed}
    log = Log(labels, np.zeros(policy.scenario.num_modules))
    file = asked.file()
    if file is not None and file.exists():
        checkpoint.load(file, settings, run, policy, log)

    def note(seconds: float) -> dict[str, Any]:
        last = log.rows[-1]
        accuracy = {} if math.isnan(last["accuracy"]) else {"accuracy": f"{last['accuracy_pooled']:.3f}"}
        return {**accuracy, "received": last["received"], "s": f"{seconds:.1f}"}

    todo = kept_rounds(
        f"{name} on {settings['task']}", len(log.rows), asked,
        save=lambda path: checkpoint.save(path, settings, run, policy, log),
        stop=lambda: stop is not None and not math.isnan(log.rows[-1]["accuracy"]) and stop(log.rows),
        note=note,
    )  # fmt: skip
    with contextlib.closing(todo):
        for t in todo:
            plan, uplink = do_round(policy, run, t, name)
            due = asked.tests_after(t) or (also_test is not None and also_test(log.rows))
            measured = run.evaluate(t, personal=personal, subscribed=plan.subscription) if due else {}
            log.add(run.scenario, plan, uplink, measured, run.ues.silent(t))
            if told is not None:
                told(log)
    return History(
        table=pd.DataFrame(log.rows),
        subscribed=np.stack(log.subscribed),
        received=np.stack(log.received),
        distance_m=run.cell.distance_m,
        settings={**settings, "rounds": asked.rounds},
        lost=log.lost,
        silent=log.silent,
    )


@own_switches()
def do_round(policy: Scheme, run: Federation, t: int, name: str) -> tuple[Plan, Uplink]:
    """Do round `t` of a run: the scheme observes and plans, the UEs transmit, and what is comes trains the modules.

    Raises:
        ValueError: where a plan of the scheme `name` breaks a constraint (`learning.schemes.check_plan`).
    """
    seen = policy.observe(run, t)
    plan = policy.plan(t, seen)
    check_plan(plan, policy.scenario, name)
    lost = run.ues.ask(t, plan.subscription, partial(policy.starts, run))
    uplink = run.transmit(t, plan.subscription, plan.power_w, seen.payload_bits).without(lost)
    policy.learn(run, t, uplink.received)
    return plan, uplink
