"""What a node answers when the gNB asks: gradients, local training and losses on the data of its own UEs.

It keeps nothing from one question to the next but what is slow to load, so that a question may come twice, or never.
"""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch

from ..learning.backbones import load_backbone
from ..learning.engine import Learner
from ..learning.modules import Modules
from ..learning.samples import Kept
from ..learning.schemes import find_scheme
from ..learning.stacked import LocalModel
from ..learning.surroundings import own_switches
from ..learning.ues import LocalUEs
from .flat import flat, parts
from .packets import Packet
from .shards import Shard, scenario_of


def versions() -> dict[str, str]:
    """What must be alike on all machines."""
    found = {}
    for name in ("fedswitch", "torch", "flwr"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


class Node:
    """The UEs of a shard, for one job after the other."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._job = ""
        self._kept = Kept()

    @own_switches()
    def answer(self, question: Packet) -> Packet:
        """The answer to a question; its record has an `error`, in one sentence, where there is none."""
        try:
            return self._answers[question.record["ask"]](self, question)
        except Exception as error:  # of many kinds, and never a reason to leave
            return Packet({"error": f"{type(error).__name__}: {' '.join(str(error).split())}"})

    def _who(self, question: Packet) -> Packet:
        self._take(question.record["job"])
        return Packet({
            "ues": list(self._shard.ues),
            "deal": self._shard.deal,
            "versions": versions(),
            "weights": self._modules.backbone.source,
        })  # fmt: skip

    def _upload(self, question: Packet) -> Packet:
        """For each item of the record, a module, UEs and what they start from: a loss and a row of numbers of each."""
        self._take(question.record["job"])
        t, found, losses = question.record["t"], {}, []
        for place, item in enumerate(question.record["items"]):
            n, ues = item["n"], np.array(item["ues"], dtype=np.int64)
            shapes = shapes_of(self._modules, n, item["rank"])
            (start,) = parts(question.array(str(place), (sum(map(np.prod, shapes)),))[None], shapes)
            each = [self._work(t, n, int(k), start, item["scale"]) for k in ues]
            losses.append([float(loss) for loss, _ in each])
            found[str(place)] = np.stack([flat(numbers) for _, numbers in each])
        return Packet({"t": t, "losses": losses}, found)

    def _work(
        self, t: int, n: int, k: int, start: list[torch.Tensor], scale: float | None
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Loss and gradient of UE `k`, or, where a `scale` is given, loss and outcome of its local steps."""
        one = np.array([k])
        if scale is not None:
            (trained,), loss = self._ues.train(t, n, one, [LocalModel.of(start, scale)])
            return loss, trained.parameters
        self._modules.assign(n, start)
        loss = self._ues.gradient(t, n, one)
        return loss, [p.grad for p in self._modules.parameters(n) if p.grad is not None]

    def _losses(self, question: Packet) -> Packet:
        self._set(question)
        return Packet({"t": question.record["t"]}, {"losses": self._ues.losses(question.record["t"])})

    def _views(self, question: Packet) -> Packet:
        self._set(question)
        found = self._ues.views(question.record["t"])
        # sorted: which sample has which label is nobody's business
        held = np.sort(found.held, axis=1)
        return Packet({"t": question.record["t"]}, {"own": found.own, "weighted": found.weighted, "held": held})

    _answers = {"who": _who, "upload": _upload, "losses": _losses, "views": _views}  # noqa: RUF012 - never changed

    def _set(self, question: Packet) -> None:
        """Put all modules of a question in place."""
        self._take(question.record["job"])
        for n in range(len(self._modules)):
            shapes = shapes_of(self._modules, n)
            (values,) = parts(question.array(str(n), (sum(map(np.prod, shapes)),))[None], shapes)
            self._modules.assign(n, values)

    def _take(self, job: dict[str, Any]) -> None:
        """Make modules and UEs of a job, unless it is that of the last question."""
        key = json.dumps(job, sort_keys=True)
        if key == self._job:
            return
        _, kind = find_scheme(job["scheme"])
        policy = kind(scenario_of(job["scenario"]), job["seed"])
        scenario, backbone = policy.scenario, load_backbone(job["backbone"])
        modules = policy.make_modules(backbone, scenario, num_labels=job["num_labels"], seed=job["seed"])
        samples = self._kept.samples(self._shard.split, modules.backbone, scenario.tokens_per_sample)
        learner = Learner(modules, samples, kept=self._kept)
        self._modules = modules
        self._ues = LocalUEs(scenario, job["seed"], learner, self._shard.indices, penalty=policy.penalty)
        self._job = key


def shapes_of(modules: Modules, n: int, rank: int | None = None) -> list[tuple[int, ...]]:
    """The shapes of all that is trained of module `n`, at another `rank` where one is given."""
    shapes = [tuple(parameter.shape) for parameter in modules.parameters(n)]
    if rank is None:
        return shapes
    *factors, weight, bias = shapes
    cut = [(rank, inner) for _, inner in factors[::2]], [(outer, rank) for outer, _ in factors[1::2]]
    return [*(shape for pair in zip(*cut, strict=True) for shape in pair), weight, bias]
