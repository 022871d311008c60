"""Beyond the paper: when does switching pay? UEs that hold different data, and UEs that hold different tasks."""

from __future__ import annotations

import dataclasses
import itertools
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..learning import Scheme, Task
from ..learning.encoding import Backbone
from ..learning.federation import Federation
from ..learning.mixtures import SEPARATOR
from ..learning.partition import partition_task
from ..learning.schemes.grouping import Grouping
from ..scenario import Scenario
from .claims.rules import ClaimVerdict, judge_at_least, judge_direction
from .federated import AS_PRINTED, Arm, ArmRun, LearningSettings, arms_by_name, load_shared, measure_runs
from .intervals import estimate
from .paired import draw_estimate, in_points, last_tests
from .settings import arm_names, seed_setting, setting
from .style import LABEL_WIDTH, NEUTRAL, WIDE_IN, distinct_lines, label_ends, scheme_look

RANK, MODULES = 8, 4


class Told(Grouping):
    """What `Grouping` could do if it were told who holds which task; tasks beyond the modules share them in turn."""

    def federation(self, task: Task, backbone: Backbone, **options: Any) -> Federation:
        """See `Scheme`."""
        partition, _ = partition_task(task, self.scenario, seed=self.seed)
        tasks = task.name.split(SEPARATOR)
        module = np.array([tasks.index(name) for name in tasks]) % self.scenario.num_modules
        # of a single task, what UEs hold are labels or products
        self.module = module[partition.proportions.argmax(axis=1)] if len(tasks) > 1 else np.zeros_like(self.module)
        return super().federation(task, backbone, **options)

    observe = Scheme.observe


ARMS = (
    Arm("fedlora", "one common module", "fedlora"),
    Arm(
        "fedlora_wide", "one module of four times the rank", "fedlora", "", {"lora_ranks": (RANK * MODULES,) * MODULES}
    ),
    Arm("random", "at random", "random"),
    Arm("switching", "Algorithm 2, corrected", "switching", "corrected"),
    Arm("switching_printed", "Algorithm 2, printed", "switching_printed", "printed", AS_PRINTED),
    Arm("switching_risk", "remaining risk", "switching_risk", "corrected"),
    Arm("grouping", "groups that are found", "grouping"),
    Arm("told", "groups that are known", Told),
)

COMMON = "fedlora"
"""The arm with one module for all, to which the others are compared."""

SKEWS = ("label", "quantity", "domain")
"""Cells in which all UEs have one task, but different data of it."""

KINDS = 6
"""How many kinds of products reviews are about: the steps of conflict between `reviews` and its opposite."""


def conflict(degree: int) -> str:
    """The cell of two tasks that disagree on `degree` of the six kinds of products: from one task to opposites."""
    return SEPARATOR.join(("reviews", f"flipped_{degree}" if degree else "reviews"))


OPPOSED = conflict(KINDS)
"""The cell in which half of the UEs call good what the others call bad."""


def minority(parts: int) -> str:
    """The cell in which only one of `parts` UEs calls good what the others call bad."""
    return SEPARATOR.join([*["reviews"] * (parts - 1), f"flipped_{KINDS}"])


def _check_comparable(arms: Iterable[str]) -> None:
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
        "arms that are compared along degrees, minorities, sizes and batch_sizes",
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
        _check_comparable(self.arms)
        _check_comparable(self.followed)
        axes = (self.cells, self.degrees, self.minorities, self.sizes, self.batch_sizes)
        if not any(axes):
            raise ValueError(
                "cells, degrees, minorities, sizes and batch_sizes are all empty: give a value to one of them"
            )

    def cell(self, name: str, num_ues: int, batch_size: int) -> Scenario:
        """The scenario of a cell: four modules of one rank, so that what they learn is all that differs."""
        changes = {} if name in SKEWS else {"partition": "domain"}
        scenario = self.scenario(
            num_ues=num_ues, domains_per_ue=1, energy_weight_per_j=0.0, num_modules=MODULES,
            lora_ranks=(RANK,) * MODULES, **({"partition": name} if name in SKEWS else changes),
        )  # fmt: skip
        return dataclasses.replace(scenario, batch_size=batch_size)

    def runs(self) -> list[ArmRun]:
        """All runs, each once."""
        usual = self.num_ues, self.batch_size
        wanted = [
            *itertools.product(self.cells, [usual[0]], [usual[1]], self.arms),
            *itertools.product(map(conflict, self.degrees), [usual[0]], [usual[1]], self.followed),
            *itertools.product(map(minority, self.minorities), [usual[0]], [usual[1]], self.followed),
            *itertools.product([OPPOSED], self.sizes, [usual[1]], self.followed),
            *itertools.product([OPPOSED], [usual[0]], self.batch_sizes, self.followed),
        ]
        return [
            ArmRun(
                arms_by_name(ARMS, [arm])[0], self.cell(name, num_ues, batch_size), seed,
                {"cell": name, "batch_size": batch_size}, None if name in SKEWS else name,
            )
            for seed in self.seeds
            for name, num_ues, batch_size, arm in dict.fromkeys(wanted)
        ]  # fmt: skip


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
    degrees=[0, 2, 3, 4, 5, 6],
    minorities=[2, 3, 4, 6],
    sizes=[6, 12, 24],
    batch_sizes=[4, 8, 16],
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
"""The settings of the recorded run: 560 runs, those of one cell and seed on the same output of frozen layers.

Written down before any recorded run, from pilots with seed 100, which is not recorded. With 8 samples in a round
UEs of opposite tasks end at 0.75 with groups that are found, at 0.81 with groups that are known, and at 0.49 with one
common module. 500 test samples hold the 64 of a UE for each of six tasks.
"""


def measure(settings: ConceptsSettings, *, device: str = "cpu", finished: Path | None = None) -> pd.DataFrame:
    """Fine-tune with every arm in every cell, without weight on energy.

    Returns `History.table` of all runs with the columns `arm`, `cell` and `batch_size`. The UEs are tested on their own
    tasks in five ways: with the uniform ensemble (3), `accuracy`; with the modules that they subscribe to then,
    `accuracy_trained`; with the one module that suits their mini-batch best, `accuracy_own`; with weights of their own,
    `accuracy_weighted`; with the ensemble's probabilities times the odds of their labels, `accuracy_prior`.
    """
    protocol = settings.protocol(personal=True, device=device)
    return measure_runs(settings.runs(), protocol, finished=finished, words=settings.words())


INFERENCES = {
    "accuracy": "uniform ensemble",
    "accuracy_trained": "what it trains",
    "accuracy_own": "one own module",
    "accuracy_weighted": "own weights",
    "accuracy_prior": "own label odds",
}

_CELL = ["cell", "num_ues", "batch_size"]


def against_common(table: pd.DataFrame) -> pd.DataFrame:
    """How much more accurate the UEs end than with one common module, as it is, of the same seed, cell and data.

    One row per cell, number of UEs and of samples, arm, inference (a column of `INFERENCES`) and seed: the `accuracy`
    on the UEs' own test data, and the `difference` in percentage points. The common module itself is there with the
    odds of the UEs' labels: what it gains knows nothing of modules. `table` is that of `measure`. Raises ValueError for
    arms that cannot be compared.
    """
    _check_comparable(set(table["arm"]))
    ends = last_tests(table)
    accuracies = ends.melt([*_CELL, "arm", "seed"], list(INFERENCES), "inference", "reached")
    common = ends[ends["arm"] == COMMON].set_index([*_CELL, "seed"])["accuracy"].rename("common")
    own = (accuracies["arm"] != COMMON) | (accuracies["inference"] == "accuracy_prior")
    found = accuracies[own].join(common, on=[*_CELL, "seed"], how="inner")
    found = found.rename(columns={"reached": "accuracy"})
    return found.assign(difference=100 * (found["accuracy"] - found["common"])).reset_index(drop=True)


def in_cells(found: pd.DataFrame, settings: ConceptsSettings) -> pd.DataFrame:
    """Of `against_common` what is in the cells that all arms are compared in, in their order."""
    usual = (found["num_ues"] == settings.num_ues) & (found["batch_size"] == settings.batch_size)
    return pd.concat([found[usual & (found["cell"] == name)] for name in settings.cells] or [found[:0]])


def labels_alone(settings: ConceptsSettings) -> pd.DataFrame:
    """The accuracy of UEs that read nothing: each always says the label that is the most frequent in its training data.

    One row per skew and seed, on the same data and test samples as in `measure`.
    """
    rows = []
    for seed in settings.seeds:
        task = load_shared(settings.protocol(), seed)
        for skew in SKEWS:
            scenario = settings.cell(skew, settings.num_ues, settings.batch_size)
            partition, tests = partition_task(task, scenario, seed=seed)
            said = np.array([np.bincount(task.train.labels[held]).argmax() for held in partition.indices])
            right = task.test.labels[tests] == said[:, np.newaxis]
            rows.append({"cell": skew, "seed": seed, "accuracy": float(right.mean())})
    return pd.DataFrame(rows)


def beside_labels(table: pd.DataFrame, settings: ConceptsSettings) -> pd.DataFrame:
    """Mean accuracy, by skew, of UEs that only know their labels (`labels_alone`) and of one common module."""
    ends = last_tests(table)
    common = ends[ends["arm"] == COMMON].groupby("cell", sort=False)["accuracy"].mean()
    alone = labels_alone(settings).groupby("cell", sort=False)["accuracy"].mean()
    beside = pd.DataFrame({"own label alone": alone, "one common module": common.reindex(alone.index)})
    return beside.round(3).rename_axis("skew").reset_index()


def along(table: pd.DataFrame, settings: ConceptsSettings, axis: str) -> pd.DataFrame:
    """What each arm gains over one common module along one of `AXES`.

    One row per arm, seed and place on the axis, which is the share of texts on which two tasks disagree, the share of
    UEs that want the opposite of the others, K, or D_k^t; the `difference` in percentage points is that of what the UEs
    train, `accuracy_trained`.
    """
    found = against_common(table)
    found = found[(found["inference"] == "accuracy_trained") & found["arm"].isin(settings.followed)]
    usual = {"num_ues": settings.num_ues, "batch_size": settings.batch_size}
    cells = {
        "conflict": {conflict(degree): degree / KINDS for degree in settings.degrees},
        "minority": {minority(parts): 1 / parts for parts in settings.minorities},
    }.get(axis)
    if cells is None:
        found = found[
            (found["cell"] == OPPOSED) & found[axis].isin({"num_ues": settings.sizes}.get(axis, settings.batch_sizes))
        ]
        usual.pop(axis)
    else:
        found = found[found["cell"].isin(cells)]
    for name, value in usual.items():
        found = found[found[name] == value]
    place = found[axis] if cells is None else found["cell"].map(cells)
    return found.assign(place=place.astype(float))[["arm", "seed", "place", "difference"]].sort_values("place")


def costs(table: pd.DataFrame, target: float = 0.75) -> pd.DataFrame:
    """What each arm took until its UEs, each with weights of its own, first reached the accuracy `target` in a test.

    One row per cell and arm, means over seeds: the seeds that reached it, the share of `reached`, and over all rounds
    up to then, or to the end of a run that did not reach it, `rounds`, `joules` and `megabytes` sent.
    """
    rows = []
    for (name, num_ues, batch_size, arm, _), run in table.groupby([*_CELL, "arm", "seed"], sort=False):
        there = run.loc[run["accuracy_weighted"] >= target, "round"]
        spent = run[run["round"] <= (there.iloc[0] if len(there) else run["round"].max())]
        rows.append({
            "cell": name, "num_ues": num_ues, "batch_size": batch_size, "arm": arm, "reached": bool(len(there)),
            "rounds": len(spent), "joules": (spent["energy_uplink_j"] + spent["energy_compute_j"]).sum(),
            "megabytes": spent["sent_bits"].sum() / 8e6,
        })  # fmt: skip
    return pd.DataFrame(rows).groupby([*_CELL, "arm"], sort=False).mean().reset_index()


def conclusions(found: pd.DataFrame) -> str:
    """How many of `against_common` differ from one common module, as a list in Markdown: by cell, above and below.

    An arm differs where the 95 % bootstrap interval of its mean difference does not hold zero.
    """
    lines = []
    for name, of_cell in found.groupby("cell", sort=False):
        known = of_cell.groupby(["inference", "arm"], sort=False)["difference"].apply(estimate)
        better = known[known.map(lambda one: one.low > 0.0)]
        worse = known[known.map(lambda one: one.high < 0.0)]
        lines.append(
            f"- **{titled(str(name))}**: better than one common module, in points: {_counted(better, known)}. "
            f"Worse: {_counted(worse, known)}. {len(known) - len(better) - len(worse)} of {len(known)} cannot be told "
            "apart from it."
        )
    return "\n".join(lines)


def titled(name: str) -> str:
    """What a page calls a cell."""
    return f"{name} skew" if name in SKEWS else name.replace(SEPARATOR, " + ")


def _counted(chosen: pd.Series, known: pd.Series) -> str:
    """Of estimates by inference and arm how many are chosen with which inference, and their range; one by its name."""
    labels = {arm.name: arm.label for arm in ARMS}
    parts = []
    for inference, of_inference in chosen.groupby("inference", sort=False):
        means = sorted(one.mean for one in of_inference)
        if len(means) == 1:
            who, range_ = labels[of_inference.index[0][1]], f"{means[0]:+.1f}"
        else:
            who, range_ = f"{len(means)} of {len(known[inference])}", f"{means[0]:+.1f} to {means[-1]:+.1f}"
        parts.append(f"{who} with {INFERENCES[inference]} ({range_})")
    return "; ".join(parts) or "nothing"


@dataclasses.dataclass(frozen=True)
class OwnClaim:
    """A claim of our own about this study, and the rule by which the recorded run decides it.

    In the cell `cell`, the accuracy of the arm `arm` is higher than that of `rival`, or, by the rule "at least", as
    high. By `inference`, UEs use the module that they train, or, with Algorithm 2, weights of their own.
    """

    says: str
    cell: str
    arm: str
    rival: str
    rule: str
    inference: str = "accuracy_trained"

    def verdict(self, differences: pd.Series) -> ClaimVerdict:
        """By `claims.rules`, from the differences at each seed in percentage points."""
        known = estimate(differences)
        return (judge_at_least if self.rule == "at least" else judge_direction)(known)


CLAIMS = (
    OwnClaim("Opposite tasks need several modules.", OPPOSED, "told", COMMON, "direction"),
    OwnClaim("The rule finds them without being told.", OPPOSED, "grouping", COMMON, "direction"),
    OwnClaim("A wider module does not replace them.", OPPOSED, "grouping", "fedlora_wide", "direction"),
    OwnClaim("Algorithm 2 does not find them.", OPPOSED, "grouping", "switching", "direction", "accuracy_weighted"),
    OwnClaim(
        "It also finds a quarter of the UEs that want the opposite.", minority(4), "grouping", COMMON, "direction"
    ),
    OwnClaim("Half a conflict is not enough: one module does as well.", conflict(3), COMMON, "told", "at least"),
    OwnClaim("Where all have one task, the rule costs nothing.", conflict(0), "grouping", COMMON, "at least"),
    OwnClaim(
        "Tasks that do not contradict each other share one module.", "reviews+questions", COMMON, "told", "at least"
    ),
)
"""Written down before the recorded run."""


def verdicts(table: pd.DataFrame, settings: ConceptsSettings) -> pd.DataFrame:
    """What the table says of `CLAIMS`: each with the mean difference in points, its interval, and the verdict."""
    ends = last_tests(table)
    usual = ends[(ends["num_ues"] == settings.num_ues) & (ends["batch_size"] == settings.batch_size)]
    rows = []
    for claim in CLAIMS:
        by_arm = usual[usual["cell"] == claim.cell].pivot(index="seed", columns="arm", values=claim.inference)
        there = {claim.arm, claim.rival} <= set(by_arm)
        gap = (100 * (by_arm[claim.arm] - by_arm[claim.rival])).dropna() if there else pd.Series(dtype=float)
        rows.append({
            "claim": claim.says, "in the cell": titled(claim.cell), "rule": claim.rule,
            "points": in_points(gap) if len(gap) else "-",
            "verdict": claim.verdict(gap) if len(gap) else "not measured yet",
        })  # fmt: skip
    return pd.DataFrame(rows)


def draw(found: pd.DataFrame) -> Figure:
    """`against_common`, a panel for each cell: dots are seeds, bars the means and their 95 % bootstrap intervals."""
    cells = found.groupby("cell", sort=False)
    arms = [arm for arm in ARMS if arm.name in set(found["arm"])]
    figure, panels = plt.subplots(
        len(cells), 1, figsize=(WIDE_IN, 1.0 + len(cells) * (0.5 + 0.5 * len(arms))), sharex=True, squeeze=False
    )
    for axes, (name, of_cell) in zip(panels[:, 0], cells, strict=True):
        for row, (column, look) in enumerate(distinct_lines(INFERENCES)):
            shift = 0.16 * (row - (len(INFERENCES) - 1) / 2)
            shape = {"color": look["color"], "marker": look["marker"]}
            for place, arm in enumerate(arms):
                chosen = of_cell[(of_cell["arm"] == arm.name) & (of_cell["inference"] == column)]["difference"]
                if len(chosen):
                    label = INFERENCES[column] if arm is arms[-1] else None
                    draw_estimate(axes, place + shift, chosen, label=label, **shape)
        axes.axvline(0.0, **NEUTRAL)
        axes.set(
            title=textwrap.fill(titled(str(name)), 2 * LABEL_WIDTH),
            yticks=range(len(arms)),
            yticklabels=[textwrap.fill(arm.label, LABEL_WIDTH // 2) for arm in arms],
        )
        axes.set_ylim(len(arms) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
    panels[-1, 0].set_xlabel("points of accuracy\nover one common module")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


AXES = {
    "conflict": "share of texts that two tasks disagree on",
    "minority": "share of UEs that want the opposite",
    "num_ues": "UEs in the cell, K",
    "batch_size": "samples of one UE in one round",
}
"""Along what `along` goes, and what an axis says of it."""


def draw_along(gained: pd.DataFrame, axis: str) -> Figure:
    """`along` one axis: the mean gain of each arm over one common module, with the range of the seeds as bars."""
    figure, axes = plt.subplots(figsize=(WIDE_IN, 3.6))
    for arm in (arm for arm in ARMS if arm.name in set(gained["arm"])):
        of_arm = gained[gained["arm"] == arm.name].groupby("place")["difference"]
        mean = of_arm.mean()
        look = scheme_look(arm.name)
        axes.plot(mean, label=arm.label, **look)
        axes.vlines(mean.index, of_arm.min(), of_arm.max(), color=look["color"], linewidth=1.0)
    axes.axhline(0.0, **NEUTRAL)
    axes.set(xlabel=AXES[axis], ylabel="points of accuracy\nover one common module")
    if axis in ("num_ues", "batch_size"):
        axes.set_xscale("log", base=2)
        places = sorted(set(gained["place"]))
        axes.set_xticks(places, [f"{place:g}" for place in places])
    label_ends(axes)
    return figure


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """`against_common` for a page: mean differences in points with their intervals, by cell and arm."""
    labels = {arm.name: arm.label for arm in ARMS}
    rows = []
    for (name, arm), of_arm in found.groupby(["cell", "arm"], sort=False):
        shown = of_arm.groupby("inference")["difference"].apply(in_points).reindex(INFERENCES, fill_value="-")
        rows.append({"cell": titled(str(name)), "scheme": labels[arm], **shown.rename(INFERENCES)})
    return pd.DataFrame(rows)
