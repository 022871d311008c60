"""`simulate_split`: one run of split federated LoRA over the wireless cell, round by round."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..arguments import Array, check_choice, shown
from ..errors import FedswitchError
from ..learning import checkpoint
from ..learning.backbones import load_backbone
from ..learning.data import AnySplit, Task
from ..learning.encoding import Backbone
from ..learning.engine import Feed
from ..learning.options import Options, kept_rounds
from ..learning.rounds import settings_of
from ..learning.samples import Kept
from ..learning.surroundings import own_switches
from ..learning.tasks import load_task
from ..learning.tokens import Indices
from ..streams import stream
from .adapter import Adapter
from .parties import Device
from .policies import Policy, Schedule, decide_schedule
from .scheduled_rounds import start_queue_s
from .split_cell import SplitCell
from .split_history import AnyDecision, SplitHistory, SplitLog
from .split_rounds import ROUNDS, Exchange, leg_bits, measure_heads
from .split_scenario import SplitScenario

PARTS = frozenset({"trained", "feeds", "before", "log"})
"""What a checkpoint of `simulate_split` holds beside its format, version, settings and data."""

Decide = Callable[[int, AnyDecision | None], AnyDecision]
"""The decision of a round, counted from 0, from that of the round before, None at first."""


@own_switches()
def simulate_split(
    scenario: SplitScenario,
    *,
    task: str | Task = "digits",
    backbone: str = "tiny-vit",
    policy: Policy | Decide = "proposed",
    rounds: int,
    seed: int = 0,
    engine: str = "cell",
    device: str = "cpu",
    data: str | Path | None = None,
    evaluate_every: int = 1,
    resume: str | Path | None = None,
    checkpoint_every: int = 5,
    progress: bool | None = None,
    kept: Kept | None = None,
) -> SplitHistory:
    """Fine-tune one shared adapter and the heads of all devices over `rounds` rounds; return a `SplitHistory`.

    Args:
        scenario: the cell, its devices, and what they learn with. Unless it says what messages weigh (`message_bits`),
            each device is scheduled by what it sends and gets in the round, and the limit of (8) is that of their mean.
        task: a task of texts or images by name (`fedswitch.learning.TASKS`), or a `Task` made elsewhere.
        backbone: an encoder of texts or images, as the task has them, by name, folder or hub name.
        policy: who is scheduled, by name (`split.POLICIES`), or a function that decides, from the number of the round,
            counted from 0, and the decision of the round before (None at first).
        rounds: T, at least 1.
        seed: at one seed, all policies share cell, fading, data, starts and mini-batches.
        engine: "cell" runs one pass over the union of the mini-batches, "protocol" sends every message; both come to
            the same.
        device: a torch device.
        data: folder of the task's parquet files; where not given, the environment variable FEDSWITCH_DATA.
        evaluate_every: all heads are tested every so many rounds, and after the last.
        resume: a checkpoint file, continued from where it exists, and written as the run goes on.
        checkpoint_every: rounds between two checkpoints; the last round always writes one.
        progress: show a bar; where not given, on a terminal only.
        kept: what runs on the same `Task` object and backbone have in common; give one to several calls.

    Raises:
        ValueError: for an argument out of range or an unknown name.
        FedswitchError: in one sentence, where data or weights are missing, a checkpoint belongs to another run, the
            task and the backbone are of different kinds, the training diverges, or the process was forked from one that
            has computed.
        KeyboardInterrupt: after Ctrl-C, once the round is finished and saved; it says how to go on. A second Ctrl-C
            ends at once.
    """
    if not isinstance(scenario, SplitScenario):
        raise ValueError(
            f"scenario must be a SplitScenario, such as SplitScenario.corrected(num_devices=10), got {shown(scenario)}"
        )
    if not callable(policy):
        check_choice("policy", policy, Policy)
    asked = Options(
        rounds=rounds, seed=seed, engine=engine, engines=ROUNDS, backbone=backbone, evaluate_every=evaluate_every,
        resume=resume, checkpoint_every=checkpoint_every, progress=progress, kept=kept,
    )  # fmt: skip
    seed, file = asked.seed, asked.file()
    named = getattr(policy, "__name__", "own") if callable(policy) else policy
    loaded_task = task if isinstance(task, Task) else load_task(task, data=data, seed=seed)
    loaded_backbone = load_backbone(asked.backbone, device)
    run = SplitRun.start(scenario, loaded_task, loaded_backbone, seed, kept=kept)
    decide = policy if callable(policy) else run.policy(policy)
    settings = settings_of(scenario, loaded_task, loaded_backbone, asked, policy=named)
    labels = {"policy": named, "task": loaded_task.name, "num_devices": scenario.num_devices, "seed": seed}
    log = SplitLog(labels, run.scheduling.delay_limit_s)
    before: AnyDecision | None = None
    if file is not None and file.exists():
        before = run.restore(checkpoint.read(file, settings, run.content(), PARTS), log)
    todo = kept_rounds(
        f"{named} on {loaded_task.name}", len(log.rows), asked,
        save=lambda path: checkpoint.write(path, settings, run.content(), run.state(log, before)),
    )  # fmt: skip
    with contextlib.closing(todo):
        for t in todo:
            before = decide(t, before)
            exchange = run.round(t, before, engine)
            log.add(before, exchange, run.test(t) if asked.tests_after(t) else None)
    return log.history({**settings, "rounds": asked.rounds})


@dataclasses.dataclass(frozen=True, eq=False)
class SplitRun:
    """The devices with their samples, the adapter at the server, and the test samples.

    `feed` holds the training data and `tester` the test data; `held` (K, M) are the training samples of each device.
    """

    scenario: SplitScenario
    seed: int
    adapter: Adapter
    devices: tuple[Device, ...]
    feed: Feed
    held: Indices
    tester: Feed

    @classmethod
    def start(
        cls, scenario: SplitScenario, task: Task, backbone: Backbone, seed: int, *, kept: Kept | None = None
    ) -> SplitRun:
        """Deal out the data evenly and at random, decided by `seed`, to devices that have not learned yet.

        Raises ValueError for more devices, or samples of one, than the data allow.
        """
        kept = kept or Kept()
        cast = backbone.cast(getattr(torch, scenario.precision))
        adapter = Adapter(cast, scenario, seed=seed)

        def feed(split: AnySplit) -> Feed:
            return Feed(adapter, kept.samples(split, cast, scenario.tokens_per_sample), kept=kept)

        return cls(
            scenario=scenario,
            seed=seed,
            adapter=adapter,
            devices=tuple(
                Device(k, cast, scenario, num_labels=task.num_labels, seed=seed) for k in range(scenario.num_devices)
            ),
            feed=feed(task.train),
            held=deal_evenly(len(task.train), scenario, seed=seed),
            tester=feed(task.test),
        )

    def round(self, t: int, decision: AnyDecision, engine: str) -> Exchange:
        """Let the scheduled devices and the server learn in round `t`.

        Raises FedswitchError, in one sentence, where the loss of a device is not a finite number.
        """
        batches = {int(k): self.mini_batch(t, int(k)) for k in np.flatnonzero(decision.scheduled)}
        exchange = ROUNDS[engine](self.adapter, self.devices, self.feed, batches)
        self._refuse_divergence(dict(zip(batches, exchange.loss, strict=True)), t)
        return exchange

    def mini_batch(self, t: int, k: int) -> Indices:
        """The mini-batch of device `k`, drawn without replacement, the same for every policy."""
        rng = stream(self.seed, "mini-batch", t, k)
        return rng.choice(self.held[k], size=self.scenario.batch_size, replace=False)

    @functools.cached_property
    def scheduling(self) -> SplitScenario:
        """The scenario that rounds are scheduled by: its `message_bits`, unless set, are those of a mean mini-batch."""
        if self.scenario.message_bits is not None:
            return self.scenario
        samples = self.scenario.batch_size
        tokens = samples * self.feed.samples.tokens.lengths[self.held.ravel()].mean()
        up, down = leg_bits(self.adapter, tokens, samples)
        return dataclasses.replace(self.scenario, message_bits=float(up + down))

    def message_bits(self, t: int) -> Array:
        """What all messages of each device weigh in round `t` if it is scheduled, (K,)."""
        if self.scenario.message_bits is not None:
            return np.full(len(self.devices), self.scenario.message_bits)
        lengths = self.feed.samples.tokens.lengths
        tokens = [lengths[self.mini_batch(t, k)].sum() for k in range(len(self.devices))]
        up, down = leg_bits(self.adapter, tokens, self.scenario.batch_size)
        return up + down

    def policy(self, name: Policy) -> Decide:
        """A policy by name, in the cell that the seed draws, for the messages of this run."""
        scenario = self.scheduling
        cell = SplitCell.draw(scenario, self.seed)
        start = start_queue_s(cell, name)

        def decide(t: int, before: Any) -> Schedule:
            queue_s, price = (start, None) if before is None else (before.queue_s, before.participation_price)
            return decide_schedule(
                scenario, cell.gain_w(t), queue_s, t + 1,
                policy=name, participation_price=price, payload_bits=self.message_bits(t),
            )  # fmt: skip

        return decide

    def test(self, t: int) -> tuple[Any, Any]:
        """Loss and accuracy of every device after round `t`, (K,) each; FedswitchError as of `round`."""
        loss, accuracy = measure_heads(self.adapter, self.devices, self.tester)
        self._refuse_divergence(dict(enumerate(loss)), t)
        return loss, accuracy

    def _refuse_divergence(self, losses: dict[int, float], t: int) -> None:
        for k, loss in losses.items():
            if not np.isfinite(loss):
                raise FedswitchError(
                    f"The loss of device {k + 1} is {loss} in round {t + 1}: the run diverged; try a learning_rate "
                    f"below {self.scenario.learning_rate:g}."
                )

    def content(self) -> Iterator[NDArray[Any]]:
        """All that it learns from and is tested on, for a checkpoint."""
        return checkpoint.content((self.feed, self.tester), self.held)

    def state(self, log: SplitLog, before: AnyDecision | None) -> dict[str, Any]:
        """All that goes from one round to the next, for a checkpoint."""
        return {
            "trained": [
                {"parameters": [p.detach().cpu() for p in parameters], "optimizer": optimizer.state_dict()}
                for parameters, optimizer in self._trained()
            ],
            "feeds": [self.feed.state(), self.tester.state()],
            "before": None if before is None else vars(before),
            "log": {name: getattr(log, name) for name in ("rows", "scheduled", "accuracy")},
        }

    def restore(self, state: dict[str, Any], log: SplitLog) -> Any:
        """Put back what `state` returned, into a run that has just been started; return the last decision."""
        for (parameters, optimizer), saved in zip(self._trained(), state["trained"], strict=True):
            with torch.no_grad():
                for parameter, value in zip(parameters, saved["parameters"], strict=True):
                    parameter.copy_(value)
            optimizer.load_state_dict(saved["optimizer"])
        for feed, saved in zip((self.feed, self.tester), state["feeds"], strict=True):
            feed.restore(checkpoint.to_arrays(saved))
        vars(log).update(checkpoint.to_arrays(state["log"]))
        return SimpleNamespace(**checkpoint.to_arrays(state["before"]))

    def _trained(self) -> list[tuple[list[torch.nn.Parameter], torch.optim.Optimizer]]:
        """All that learns: the adapter, then the head of each device, each with its optimizer."""
        heads = [([device.weight, device.bias], device.optimizer) for device in self.devices]
        return [(self.adapter.factors, self.adapter.optimizer), *heads]


def deal_evenly(count: int, scenario: SplitScenario, *, seed: int) -> Indices:
    """The samples of each device, (K, M): `count` samples dealt out at random, each to one device at most.

    Raises ValueError for more samples than there are, or fewer of a device than its mini-batch has.
    """
    each = count // scenario.num_devices if scenario.samples_per_device is None else scenario.samples_per_device
    needed = scenario.num_devices * each
    if needed > count:
        raise ValueError(
            f"{scenario.num_devices} devices with {each} samples each need {needed} samples, but the task has {count}: "
            "lower num_devices or samples_per_device"
        )
    if each < scenario.batch_size:
        raise ValueError(
            f"batch_size = {scenario.batch_size} exceeds the {each} samples that each of {scenario.num_devices} "
            "devices holds: lower batch_size or num_devices, or raise samples_per_device"
        )
    dealt: Indices = stream(seed, "samples").permutation(count)[:needed].reshape(scenario.num_devices, each)
    return np.sort(dealt, axis=1)
