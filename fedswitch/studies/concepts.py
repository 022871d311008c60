"""Beyond the paper: when does switching pay? UEs that hold different data, and UEs that hold different tasks."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..control import Observation
from ..learning import History, Task, Turn
from ..learning.encoding import Backbone
from ..learning.federation import Federation
from ..learning.mixtures import SEPARATOR
from ..learning.partition import partition_task
from ..learning.samples import Kept
from ..learning.schemes.grouping import Grouped
from ..scenario import Scenario
from .arms import AS_PRINTED, Arm, ArmRun, Protocol
from .federated import LearningSettings, measure_runs
from .settings import arm_names, seed_setting, setting

RANK, MODULES = 8, 4


class Told(Grouped):
    """A module for each task, for who is told which UE holds which; tasks beyond the modules share them in turn."""

    def federation(self, task: Task, backbone: Backbone, **options: Any) -> Federation:
        """See `Scheme`."""
        partition, _ = partition_task(task, self.scenario, seed=self.seed)
        tasks = task.name.split(SEPARATOR)
        different = list(dict.fromkeys(tasks))
        module = np.array([different.index(name) for name in tasks]) % self.scenario.num_modules
        # of a single task, what UEs hold are labels or products
        self.told = module[partition.proportions.argmax(axis=1)] if len(tasks) > 1 else np.zeros_like(self.module)
        self.module = self.told
        return super().federation(task, backbone, **options)

    def observe(self, run: Federation, t: int) -> Observation:
        """See `Scheme`."""
        self.module = self.told[run.ues.whose(t)]
        return super().observe(run, t)


ARMS = (
    Arm("fedlora", "one common module", "fedlora"),
    Arm(
        "fedlora_wide", "one module of four times the rank", "fedlora", "", {"lora_ranks": (RANK * MODULES,) * MODULES}
    ),
    Arm("random", "at random", "random"),
    Arm("switching", "Algorithm 2, corrected", "switching", "corrected"),
    Arm("switching_printed", "Algorithm 2, printed", "switching_printed", "printed", AS_PRINTED),
    Arm("switching_risk", "remaining risk", "switching_risk", "corrected"),
    Arm("unbiased", "Algorithm 2, unbiased", "switching_unbiased"),
    Arm("grouping", "groups that are found", "grouping"),
    Arm("told", "groups that are known", Told),
)

TURNS = {"swap": "two UEs exchange their tasks", "late": "a UE joins late"}
"""What may happen half way through a run."""


@dataclasses.dataclass(frozen=True)
class TurningArm(Arm):
    """An arm in whose cell one of `TURNS` happens half way through the run."""

    turn: str = "swap"

    def decides(self) -> dict[str, str]:
        """See `Arm`; with the turn."""
        return super().decides() | {"turn": self.turn}

    def simulate(
        self, scenario: Scenario, task: Task, protocol: Protocol, seed: int, kept: Kept, turn: Turn | None = None
    ) -> History:
        """See `Arm`; it happens to the first UE and, if tasks are exchanged, to the first that holds another one."""
        held = partition_task(task, scenario, seed=seed)[0].proportions.argmax(axis=1)
        ues = {"late": [0]} if self.turn == "late" else {"swapped": [0, int(np.argmax(held != held[0]))]}
        turn = Turn(start=protocol.rounds // 2, **ues)
        return super().simulate(scenario, task, protocol, seed, kept, turn)


COMMON = "fedlora"
"""The arm with one module for all, to which the others are compared."""

OVER_CHANNELS = (COMMON, "switching", "unbiased")
"""The arms that are compared where channels differ."""

SKEWS = ("label", "quantity", "domain")
"""Cells in which all UEs have one task, but different data of it."""

KINDS = 6
"""How many kinds of products reviews are about: the steps of conflict between `reviews` and its opposite."""


def conflict(degree: int) -> str:
    """The cell of two tasks that disagree on `degree` of the six kinds of products: from one task to opposites."""
    return SEPARATOR.join(("reviews", f"flipped_{degree}" if degree else "reviews"))


OPPOSED = conflict(KINDS)
"""The cell in which half of the UEs call good what the others call bad."""


def channels(threshold_db: float) -> str:
    """The cell of label skew in which that SINR is needed: the more, the more unequal are UEs near and far."""
    return f"{SKEWS[0]} at {threshold_db:g} dB"


def minority(parts: int) -> str:
    """The cell in which only one of `parts` UEs calls good what the others call bad."""
    return SEPARATOR.join([*["reviews"] * (parts - 1), f"flipped_{KINDS}"])


def check_comparable(arms: Iterable[str]) -> None:
    """Raise ValueError unless the common module is there, and something to compare with it."""
    if not {COMMON} < set(arms):
        raise ValueError(f"arms must hold {COMMON!r} and at least one that is compared with it")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConceptsSettings(LearningSettings):
    """What the study can be run with."""

    task: str = setting("reviews", "task of cells that are named by a skew, such as reviews")
    arms: Sequence[str] = setting(
        ["fedlora", "switching", "grouping"],
        "what is compared in each cell, with fedlora: " + ", ".join(arm.name for arm in ARMS[1:]),
        choices=arm_names(ARMS),
    )
    cells: Sequence[str] = setting(
        [OPPOSED], "what differs between UEs: label, quantity or domain, or tasks with a plus between them", empty=True
    )
    followed: Sequence[str] = setting(
        ["fedlora", "grouping"],
        "arms that are compared along degrees, minorities, sizes, batch_sizes and turns",
        choices=arm_names(ARMS),
    )
    degrees: Sequence[int] = setting(
        [0, 3], "on how many of six kinds of products two tasks disagree: several values", low=0, high=KINDS, empty=True
    )
    minorities: Sequence[int] = setting(
        [], "one of how many UEs wants the opposite of the others: several values", low=2, high=12, empty=True
    )
    sizes: Sequence[int] = setting(
        [], "UEs in the cell in which tasks are opposites: several values", low=1, empty=True
    )
    batch_sizes: Sequence[int] = setting(
        [], "samples of one UE in one round in the cell in which tasks are opposites: several values", low=1, empty=True
    )
    turns: Sequence[str] = setting(
        [],
        "what happens half way where tasks are opposites: swap (two UEs exchange tasks), late (a UE joins)",
        choices=list(TURNS),
        empty=True,
    )
    thresholds_db: Sequence[float] = setting(
        [], "SINR thresholds at which an aggregate without bias is compared, under label skew: several values", "dB",
        low=-200, high=200, empty=True,
    )  # fmt: skip
    num_ues: int = setting(8, "UEs in all other cells, K", like="num_ues")
    seeds: Sequence[int] = seed_setting([0], "of cell, fading, data and modules")
    rounds: int = setting(12, "federated rounds, T", low=1)
    batch_size: int = setting(8, "samples of one UE in one round in all other cells", like="batch_size")
    concentration: float = setting(
        0.1, "Dirichlet concentration of label and quantity skew; smaller is less IID", like="dirichlet_concentration"
    )
    test_size: int | None = setting(400, "test samples that are used, drawn once; None: all", low=1)
    evaluate_every: int = setting(6, "rounds between two tests", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_comparable(self.arms)
        check_comparable(self.followed)
        axes = ("cells", "degrees", "minorities", "sizes", "batch_sizes", "turns", "thresholds_db")
        if not any(getattr(self, axis) for axis in axes):
            raise ValueError(f"{', '.join(axes[:-1])} and {axes[-1]} are all empty: give a value to one of them")
        if "swap" in self.turns and self.num_ues < 2:
            raise ValueError(f"num_ues = {self.num_ues} leaves nobody to exchange tasks with: leave swap out of turns")

    def cell(self, name: str, num_ues: int, batch_size: int) -> Scenario:
        """The scenario of a cell: four modules of one rank, so that what they learn is all that differs."""
        scenario = self.scenario(
            num_ues=num_ues, domains_per_ue=1, energy_weight_per_j=0.0, num_modules=MODULES,
            lora_ranks=(RANK,) * MODULES, partition=name if name in SKEWS else "domain",
        )  # fmt: skip
        return dataclasses.replace(scenario, batch_size=batch_size)

    def runs(self) -> list[ArmRun]:
        """All runs, each once."""
        usual, known = (self.num_ues, self.batch_size), {arm.name: arm for arm in ARMS}
        wanted = [
            *itertools.product(self.cells, [usual[0]], [usual[1]], self.arms),
            *itertools.product(map(conflict, self.degrees), [usual[0]], [usual[1]], self.followed),
            *itertools.product(map(minority, self.minorities), [usual[0]], [usual[1]], self.followed),
            *itertools.product([OPPOSED], self.sizes, [usual[1]], self.followed),
            *itertools.product([OPPOSED], [usual[0]], self.batch_sizes, self.followed),
        ]
        runs = [
            (known[arm], name, None if name in SKEWS else name, self.cell(name, *sizes))
            for name, *sizes, arm in dict.fromkeys(wanted)
        ]
        for turn in self.turns:
            opposed = self.cell(OPPOSED, *usual)
            runs += [(TurningArm(**vars(known[arm]), turn=turn), turn, OPPOSED, opposed) for arm in self.followed]
        for threshold_db in self.thresholds_db:
            skewed = dataclasses.replace(self, sinr_threshold_db=threshold_db).cell(SKEWS[0], *usual)
            runs += [(known[arm], channels(threshold_db), None, skewed) for arm in OVER_CHANNELS]
        return [
            ArmRun(arm, scenario, seed, {"cell": name, "batch_size": scenario.batch_size}, task)
            for seed in self.seeds
            for arm, name, task, scenario in runs
        ]


RECORDED = ConceptsSettings(
    arms=[arm.name for arm in ARMS],
    cells=[
        *SKEWS,
        OPPOSED,
        "reviews+questions",
        "reviews+flipped_6+topics+flipped_3",
        "reviews+flipped_2+flipped_4+flipped_6+topics",
        "sst2+qnli+mrpc",
    ],
    followed=["fedlora", "fedlora_wide", "grouping", "told"],
    degrees=[0, 3, 4, 5, 6],
    minorities=[2, 3, 4, 6],
    sizes=[4, 6, 12, 24],
    batch_sizes=[2, 4, 8, 16],
    turns=["swap", "late"],
    thresholds_db=[0.0, 5.0],
    num_ues=12,
    seeds=[1, 2, 3, 4, 5],
    rounds=30,
    batch_size=8,
    learning_rate=1e-2,
    lora_layers=1,
    precision="bfloat16",
    test_size=500,
    evaluate_every=10,
)
"""The settings of the recorded run: 690 runs, those of one cell and seed on the same output of frozen layers.

Written down before any recorded run, from pilots with seed 100, which is not recorded. With 8 samples in a round UEs
of opposite tasks end at 0.80 with groups that are found, at 0.85 with groups that are known, and at 0.48 with one
common module; where tasks disagree on half of the texts, at 0.68, 0.68 and 0.69. 500 test samples hold the 64 of a UE
for each of six tasks.
"""


def measure(settings: ConceptsSettings, *, device: str = "cpu", finished: Path | None = None) -> pd.DataFrame:
    """Fine-tune with every arm in every cell, without weight on energy.

    Returns `History.table` of all runs with the columns `arm`, `cell` and `batch_size`. The UEs are tested on their own
    tasks in five ways: with the uniform ensemble (3), `accuracy`; with the modules that they subscribe to then,
    `accuracy_trained`; with the one module that suits their mini-batch best, `accuracy_own`; with weights of their own,
    `accuracy_weighted`; with the ensemble's probabilities times the odds of their labels, `accuracy_prior`. By what
    UEs train there are also `accuracy_trained_min`, of the one that is served worst, and `accuracy_turned`, of those to
    whom something happens.
    """
    protocol = settings.protocol(personal=True, device=device)
    return measure_runs(settings.runs(), protocol, finished=finished, words=settings.words())


def titled(name: str) -> str:
    """What a page calls a cell."""
    return TURNS.get(name) or (f"{name} skew" if name in SKEWS else name.replace(SEPARATOR, " + "))
