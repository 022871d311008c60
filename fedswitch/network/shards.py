"""The data of a federation as files: one for each node, with what its UEs hold, and one for the gNB, with the tests.

No file holds what another does, but for the scenario: a node never sees the samples of UEs of another one, and the gNB
no training sample at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arguments import seed_number, whole
from ..errors import FedswitchError
from ..files import make_folder
from ..learning.data import AnySplit, ImageSplit, Split, Task, subset
from ..learning.partition import partition_task
from ..learning.tokens import Indices
from ..scenario import Scenario
from .packets import GNB_FILE, NODE_FILE, Packet

DEALT_BY = ("num_ues", "partition", "dirichlet_concentration", "domains_per_ue", "batch_size", "test_samples")
"""The fields of a scenario that decide who holds what."""


@dataclasses.dataclass(frozen=True, eq=False)
class Shard:
    """What a node holds: the samples of its UEs, `counts` of them, one UE after the other, and how they were dealt."""

    ues: tuple[int, ...]
    counts: tuple[int, ...]
    split: AnySplit
    deal: dict[str, Any]

    @property
    def indices(self) -> dict[int, Indices]:
        """The places in `split` of the samples of each UE."""
        ends = np.cumsum([0, *self.counts])
        return {k: np.arange(ends[i], ends[i + 1]) for i, k in enumerate(self.ues)}

    @classmethod
    def read(cls, path: Path) -> Shard:
        """Read the file of a node; FedswitchError, in one sentence, for another file."""
        packet = Packet.read(path, NODE_FILE)
        record = packet.record
        return cls(tuple(record["ues"]), tuple(record["counts"]), _split(packet), record["deal"])


@dataclasses.dataclass(frozen=True, eq=False)
class TestData:
    """What the gNB holds: the test samples, `ue_test_indices` (K, samples) of each UE, and how data were dealt."""

    __test__ = False  # pytest collects what has such a name

    scenario: Scenario
    name: str
    source: str
    label_names: tuple[str, ...]
    split: AnySplit
    ue_test_indices: Indices
    deal: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> TestData:
        """Read the file of the gNB; FedswitchError, in one sentence, for another file."""
        packet = Packet.read(path, GNB_FILE)
        record = packet.record
        try:
            scenario = scenario_of(record["scenario"])
        except (TypeError, ValueError) as error:
            raise FedswitchError(f"{path} was dealt by another version of fedswitch ({error}): deal anew.") from error
        tests = packet.arrays["ue_test_indices"]
        labels = tuple(record["label_names"])
        return cls(scenario, record["name"], record["source"], labels, _split(packet), tests, record["deal"])


def deal(task: Task, scenario: Scenario, *, nodes: int, seed: int, out: str | Path) -> list[Path]:
    """Write the data of a federation into the folder `out`: `gnb.npz`, and `node-0.npz` and so on for the nodes.

    The UEs hold what they hold in `learning.simulate` at that seed; a node has the UEs that follow one another.
    Returns the paths, that of the gNB first. Raises ValueError for more nodes than UEs, and what
    `learning.partition_task` raises; FedswitchError, in one sentence, where they cannot be written.
    """
    nodes, seed, folder = whole("nodes", nodes, low=1), seed_number("seed", seed), Path(out)
    if nodes > scenario.num_ues:
        raise ValueError(f"nodes = {nodes} exceeds num_ues = {scenario.num_ues}: every node needs a UE to hold")
    partition, tests = partition_task(task, scenario, seed=seed)
    make_folder(folder)
    how = {name: getattr(scenario, name) for name in DEALT_BY} | {"seed": seed, "data": task.digest}
    named = {"scenario": dataclasses.asdict(scenario), "name": task.name, "source": task.source}
    columns, arrays = _columns(task.test)
    record = {"what": GNB_FILE, "deal": how, "label_names": list(task.label_names), **named, **columns}
    paths = [Packet(record, {**arrays, "ue_test_indices": tests}).write(folder / "gnb.npz")]
    for node, ues in enumerate(np.array_split(np.arange(scenario.num_ues), nodes)):
        held = [partition.indices[k] for k in ues]
        columns, arrays = _columns(subset(task.train, np.concatenate(held)))
        counts = [len(samples) for samples in held]
        record = {"what": NODE_FILE, "deal": how, "ues": ues.tolist(), "counts": counts, **columns}
        paths.append(Packet(record, arrays).write(folder / f"node-{node}.npz"))
    return paths


def scenario_of(fields: dict[str, Any]) -> Scenario:
    """The scenario of its fields, as JSON has them."""
    return Scenario(**with_tuples(fields))


def with_tuples(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of a scenario as JSON has them, with tuples in the place of lists."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def differing(ours: dict[str, Any], theirs: dict[str, Any]) -> Iterator[str]:
    """What two deals, or other records, differ in."""
    yield from (name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name))


def _columns(split: AnySplit) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    if isinstance(split, ImageSplit):
        return {}, {"images": split.images, "labels": split.labels}
    return {"texts": split.texts, "pairs": split.pairs}, {"labels": split.labels}


def _split(packet: Packet) -> AnySplit:
    if "images" in packet.arrays:
        return ImageSplit(packet.arrays["images"], packet.arrays["labels"])
    return Split(packet.record["texts"], packet.arrays["labels"], packet.record["pairs"])
