"""`simulate`: one federated fine-tuning run over the wireless cell, round by round."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ..arguments import check_flag, shown
from ..scenario import Scenario
from .backbones import load_backbone
from .data import Task
from .engine import GRADIENTS
from .history import History
from .options import Options
from .rounds import When, do_rounds, settings_of
from .samples import Kept
from .schemes import Scheme, find_scheme
from .surroundings import own_switches
from .tasks import load_task
from .turns import Turn


@own_switches()
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
    turn: Turn | None = None,
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
        personal: also test UEs that infer in ways of their own: more columns, see `History`.
        resume: a checkpoint file, continued from where it exists, and written as the run goes on.
        checkpoint_every: rounds between two checkpoints; the last round always writes one.
        progress: show a bar; where not given, on a terminal only.
        also_test: asked before every round that would not be tested, with the rows of `History.table` so far; where it
            says so, it is tested.
        stop: asked after every round that was tested, with the rows of `History.table` so far; the run ends where it
            says so.
        kept: what runs on the same `Task` object and backbone have in common; give one to several calls.
        turn: what happens to UEs when some rounds are done, such as `Turn(start=10, late=[0])`.

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
    if turn is not None and not isinstance(turn, Turn):
        raise ValueError(f"turn must be a Turn, such as Turn(start=10, swapped=[0, 1]), got {shown(turn)}")
    asked = Options(
        rounds=rounds, seed=seed, engine=engine, engines=GRADIENTS, backbone=backbone, evaluate_every=evaluate_every,
        resume=resume, checkpoint_every=checkpoint_every, progress=progress, kept=kept,
    )  # fmt: skip
    seed, personal = asked.seed, check_flag("personal", personal)
    name, kind = find_scheme(scheme)
    loaded_task = task if isinstance(task, Task) else load_task(task, data=data, seed=seed)
    policy = kind(scenario, seed)
    loaded_backbone = load_backbone(asked.backbone, device)
    run = policy.federation(loaded_task, loaded_backbone, engine=engine, kept=kept)
    settings = settings_of(scenario, loaded_task, loaded_backbone, asked, scheme=name, personal=personal)
    if turn is not None:
        run, settings = turn.of(run), settings | {"turn": dataclasses.asdict(turn)}
    return do_rounds(policy, run, asked, settings, also_test=also_test, stop=stop)
