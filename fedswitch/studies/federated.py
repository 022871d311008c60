"""Studies made of federated runs: what they are run with, their tables, and the finished runs that are kept."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import FedswitchError
from ..files import write_whole
from ..learning import Task, load_task
from ..learning.backbones import load_backbone
from ..learning.data import subset
from ..learning.devices import device_name
from ..learning.encoding import Backbone
from ..learning.progress import runs_bar
from ..learning.samples import Kept
from ..learning.tasks import depends_on_seed
from ..scenario import Scenario
from ..streams import stream
from ..units import db_to_ratio
from .arms import ArmRun, Protocol
from .records import Result, made_here
from .settings import StudySettings, seed_setting, setting

SOURCES = ("task_source", "backbone_source")
"""What a History says of its data and weights, with their digests."""

MADE = (*SOURCES, "arithmetic", "commit", "machine", "date")
"""What is kept with every run: where its data and weights come from, and what made it, how, when and on what."""

KEPT_BYTES = 8 * 2**30
"""Room for the output of frozen layers of all runs of a study, in memory."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LearningSettings(StudySettings):
    """What every study of a figure that fine-tunes can be run with."""

    task: str = setting("reviews", "task: reviews, questions (embedded), sst2, qnli or mrpc (GLUE)")
    backbone: str = setting(
        "minilm", "foundation model: minilm, tiny, a local folder, or a name on the Hugging Face hub"
    )
    seeds: Sequence[int] = seed_setting([0], "of cell, fading, data and modules")
    rounds: int = setting(8, "federated rounds, T", low=1)
    batch_size: int = setting(4, "samples of one UE in one round", like="batch_size")
    learning_rate: float = setting(1e-2, "step of the optimizer on the aggregated gradient", like="learning_rate")
    lora_layers: int | None = setting(1, "last encoder layers that carry LoRA; None: all", like="lora_layers")
    precision: str = setting(
        "float32", "of the frozen weights: float32, or bfloat16 where the processor has it", like="precision"
    )
    sinr_threshold_db: float = setting(-5.0, "SINR threshold of reception", "dB", low=-200, high=200)
    concentration: float = setting(
        0.5, "Dirichlet concentration over labels; smaller is less IID", like="dirichlet_concentration"
    )
    test_size: int | None = setting(160, "test samples that are used, drawn once; None: all", low=1)
    evaluate_every: int = setting(4, "rounds between two tests", low=1)

    def scenario(self, **changes: Any) -> Scenario:
        """The corrected scenario with these settings, and `changes` to it."""
        return Scenario.corrected(
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            lora_layers=self.lora_layers,
            precision=self.precision,
            sinr_threshold=float(db_to_ratio(self.sinr_threshold_db)),
            dirichlet_concentration=self.concentration,
            **changes,
        )

    def protocol(self, **options: Any) -> Protocol:
        """What its runs have in common; `options` are further fields of `Protocol`."""
        return Protocol(self.task, self.backbone, self.rounds, self.evaluate_every, self.test_size, **options)


def measure_runs(
    runs: Sequence[ArmRun],
    protocol: Protocol,
    *,
    finished: Path | None = None,
    words: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """The tables of all runs, one below the other, with the columns `run`, `arm` and those of `ArmRun.labels`.

    Runs are made in their order. In the folder `finished` each is kept when it is done, and not made again by a later
    call; `run` is the digest that it is known by there. `DataFrame.attrs` say how many seconds they took together, and
    list what `MADE` names. Runs at one seed share cell, fading and data.

    Before the first run all of them are looked at: ValueError or FedswitchError where one could not begin, in `words`
    of the study (`StudySettings.words`) for fields of `Scenario`, or was finished with other weights.
    """
    made = made_here()  # now: the clone may move on while runs are made
    kept = Kept(limit_bytes=KEPT_BYTES)
    by_source: dict[tuple[str, str], Task] = {}  # some are written anew for each seed, the others shared
    tasks: dict[tuple[str, int], Task] = {}
    places = []
    with _in_words(words, runs[0].scenario.symbols()):
        backbone = load_backbone(protocol.backbone, protocol.device)
        begun: set[tuple[str, ...]] = set()
        for run in runs:
            own = run.under(protocol)
            at = own.task, run.seed if depends_on_seed(own.task) else 0
            if at not in tasks:
                loaded = load_shared(own, run.seed)
                tasks[at] = by_source.setdefault((loaded.name, loaded.source), loaded)
            task = tasks[at]
            known_by = _identity(run, own, task.source)
            path = finished / f"{known_by}.parquet" if finished else None
            places.append((run, own, task, known_by, path))
            if path is not None and path.exists():
                _check_weights(path, backbone.source)
            else:
                _try_to_begin(run, task, backbone, begun, kept)
    tables = []
    for run, own, task, known_by, path in runs_bar(places):
        if path is not None and path.exists():
            tables.append(pd.read_parquet(path))
            continue
        table = _measure(run, own, task, kept)
        table.insert(0, "run", known_by)
        table.attrs |= {name: [value] for name, value in made.items()}
        if path is not None:
            write_whole(path, partial(table.to_parquet, index=False))
        tables.append(table)
    result = pd.concat(tables, ignore_index=True)
    of_all = {name: sorted({value for table in tables for value in table.attrs[name]}) for name in MADE}
    result.attrs = {"seconds": round(sum(table.attrs["seconds"] for table in tables)), **of_all}
    return result


@contextlib.contextmanager
def _in_words(words: Mapping[str, str] | None, fields: Iterable[str]) -> Iterator[None]:
    """Let errors name settings of a study, and say for which of the `fields` of a scenario it has none."""
    try:
        yield
    except (ValueError, FedswitchError) as error:
        if words is None:
            raise
        text = str(error)
        named = [field for field in fields if re.search(rf"\b{field}\b", text)]
        for field in named:
            text = re.sub(rf"\b{field}\b", words.get(field, field), text)
        fixed = [field for field in named if field not in words]
        raise type(error)(f"{text} ({', '.join(fixed)} cannot be set in this study)" if fixed else text) from error


def _try_to_begin(run: ArmRun, task: Task, backbone: Backbone, begun: set[tuple[str, ...]], kept: Kept) -> None:
    """Deal out the data of a run, and of the first run of an arm in a scenario make all that it begins with.

    Nothing is done twice.
    """
    scenario, data = run.changed, (task.name, repr(run.scenario))
    dealt, made = (f"{run.seed}", *data), (run.arm.name, task.name, repr(scenario))
    if made not in begun:
        run.arm.begin(scenario, task, backbone, run.seed, kept)
    elif dealt not in begun:
        run.arm.deal(scenario, task, run.seed)
    begun |= {dealt, made}


def _check_weights(path: Path, source: str) -> None:
    """FedswitchError where a finished run is of other weights: a table is of one backbone."""
    told = pd.read_parquet(path).attrs["backbone_source"]
    if told != [source]:
        raise FedswitchError(
            f"A run that is finished, {path}, has other weights ({', '.join(told)}) than the backbone has now "
            f"({source}): put those back, or forget all finished runs with --fresh."
        )


def keep_recorded(result: Result, finished: Path) -> None:
    """Put the runs of a recorded result into the folder `finished`, as if they had been made here.

    Raises FedswitchError for the record of a study that is not made of runs that are kept.
    """
    if "run" not in result.table:
        raise FedswitchError(f"{result.name} is recorded as a whole, not run by run: leave --extend away.")
    runs = list(result.table.groupby("run", sort=False))
    made = {name: result.record[name] for name in MADE} | {"seconds": result.record["seconds"] / len(runs)}
    for known_by, table in runs:
        table.attrs = made
        write_whole(finished / f"{known_by}.parquet", partial(table.to_parquet, index=False))


def _measure(run: ArmRun, protocol: Protocol, task: Task, kept: Kept) -> pd.DataFrame:
    started = time.perf_counter()
    history = run.arm.simulate(run.changed, task, protocol, run.seed, kept)
    table = history.table
    for place, (column, value) in enumerate({"arm": run.arm.name, **run.labels}.items()):
        table.insert(place, column, value)
    seconds = time.perf_counter() - started
    sources = {name: [history.settings[name]] for name in SOURCES}
    arithmetic = f"{history.settings['scenario']['precision']} on {device_name(protocol.device)}"
    table.attrs = {"seconds": seconds, "arithmetic": [arithmetic], **sources}
    return table


def load_shared(protocol: Protocol, seed: int) -> Task:
    """The task with the test samples of a study, the same at every seed where the task is not written anew for it."""
    task = load_task(protocol.task, seed=seed)
    if protocol.test_size is None:
        return task
    chosen = stream(0, "test subset").permutation(len(task.test))[: protocol.test_size]
    return dataclasses.replace(task, test=subset(task.test, np.sort(chosen)))


def _identity(run: ArmRun, protocol: Protocol, source: str) -> str:
    """A digest of all that decides what a run measures; no two calls agree on a `stop` that is no dataclass."""
    common = {name: value for name, value in dataclasses.asdict(protocol).items() if name != "device"}
    what = {"arm": run.arm.name, "scenario": dataclasses.asdict(run.changed), "seed": run.seed, **run.labels, **common}
    what |= run.arm.decides()
    what |= {"task_source": source}
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=repr).encode()).hexdigest()[:16]
