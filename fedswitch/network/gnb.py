"""The gNB of a federation: the rounds of `learning.simulate`, with UEs that answer over a wire."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..learning.backbones import load_backbone
from ..learning.federation import Federation
from ..learning.history import History, Log
from ..learning.options import Options
from ..learning.rounds import do_rounds, settings_of
from ..learning.schemes import find_scheme
from ..learning.surroundings import own_switches
from .node import versions
from .nodes import Nodes, Say, Wire
from .remote import RemoteUEs
from .shards import TestData

ENGINE = "network"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """What a gNB is to do: `data` is its file, `deadline_s` how long it waits for answers, `wait_s` for nodes to join.

    The other fields are those of `learning.simulate`; scenario and seed are those by which the data were dealt.
    """

    data: str
    backbone: str
    scheme: str
    rounds: int
    evaluate_every: int = 1
    personal: bool = False
    deadline_s: float = 60.0
    wait_s: float = 120.0
    resume: str | None = None
    checkpoint_every: int = 1

    def options(self, seed: int) -> Options:
        """The arguments that it shares with a simulation; ValueError, which names the argument, for what is none."""
        find_scheme(str(self.scheme))
        return Options(
            rounds=self.rounds, seed=seed, engine=ENGINE, engines=(ENGINE,), backbone=self.backbone,
            evaluate_every=self.evaluate_every, resume=self.resume, checkpoint_every=self.checkpoint_every,
            progress=False, kept=None,
        )  # fmt: skip


@own_switches()
def run_gnb(
    wire: Wire, job: Job, *, say: Say = print, told: Callable[[Mapping[str, Any]], object] = lambda _: None
) -> History:
    """Do the rounds of a job with the nodes at the end of the wire, once all UEs are held by one of them.

    `say` takes lines for the log, and `told` a record of each round. Raises what `learning.simulate` raises, and
    FedswitchError, in one sentence, where a UE is held by no node, or by two.
    """
    data = TestData.read(Path(job.data))
    seed = data.deal["seed"]
    asked, (name, kind) = job.options(seed), find_scheme(job.scheme)
    policy = kind(data.scenario, seed)
    backbone = load_backbone(asked.backbone)
    modules = policy.make_modules(backbone, policy.scenario, num_labels=len(data.label_names), seed=seed)
    sent = {
        "scenario": dataclasses.asdict(data.scenario),
        "seed": seed,
        "scheme": name,
        "backbone": asked.backbone,
        "num_labels": len(data.label_names),
    }
    mine = {"versions": versions(), "weights": modules.backbone.source, "deal": data.deal}
    nodes = Nodes(wire, sent, mine, deadline_s=job.deadline_s, say=say)
    num_ues, batch_size = policy.scenario.num_ues, policy.scenario.batch_size
    ues = RemoteUEs(nodes, modules, sent, num_ues=num_ues, batch_size=batch_size, say=say)
    run = Federation.around(ues, policy.scenario, data.split, data.ue_test_indices, modules, seed)
    also = {"scheme": name, "personal": job.personal, "data": data.deal["data"]}
    settings = settings_of(data.scenario, data, backbone, asked, **also)
    nodes.wait_for(num_ues, job.wait_s)

    def tell(log: Log) -> None:
        last, t = log.rows[-1], len(log.rows) - 1
        told({
            **{key: last[key] for key in ("round", "accuracy_pooled", "subscribed", "received", "delay_s")},
            "lost": int(log.lost[t].sum()) if t in log.lost else 0,
            "online": sum(map(len, nodes.held.values())),
            **{f"{way}_bytes": count for way, count in nodes.traffic_bytes.items()},
        })  # fmt: skip

    return do_rounds(policy, run, asked, settings, told=tell)
