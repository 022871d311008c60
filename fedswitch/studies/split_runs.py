"""What the studies of the sibling's figures share: policies as arms, readings of its units, summaries and drawings."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..learning.data import Task
from ..learning.encoding import Backbone
from ..learning.samples import Kept
from ..split import Policy, SplitHistory, SplitScenario, simulate_split
from ..split.split_simulation import SplitRun, deal_evenly
from .arms import ArmRun, Protocol, arms_by_name
from .federated import measure_runs
from .intervals import with_range
from .settings import StudySettings, arm_names, seed_setting, setting
from .style import GRID, INK, LABEL_WIDTH, NEUTRAL, WIDE_IN, draw_range, mark_guessing, scheme_look


@dataclasses.dataclass(frozen=True)
class SplitArm:
    """A policy of the sibling's system, and what it changes in the scenario, as `arms.AnyArm`."""

    name: Policy
    label: str
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def decides(self) -> dict[str, str]:
        """The policy; no scheme of the paper has its name."""
        return {"policy": self.name}

    def deal(self, scenario: SplitScenario, task: Task, seed: int) -> object:
        """Evenly and at random."""
        return deal_evenly(len(task.train), scenario, seed=seed)

    def begin(self, scenario: SplitScenario, task: Task, backbone: Backbone, seed: int, kept: Kept) -> object:
        """The data, the adapter and all heads."""
        return SplitRun.start(scenario, task, backbone, seed, kept=kept)

    def simulate(self, scenario: SplitScenario, task: Task, protocol: Protocol, seed: int, kept: Kept) -> SplitHistory:
        """By `split.simulate_split`."""
        return simulate_split(
            scenario,
            task=task,
            backbone=protocol.backbone,
            policy=self.name,
            rounds=protocol.rounds,
            seed=seed,
            device=protocol.device,
            evaluate_every=protocol.evaluate_every,
            progress=False,
            kept=kept,
        )


ALL_IN = "all_in"

ARMS = (
    SplitArm("all_in", "All-in, without a limit"),
    SplitArm("proposed", "Algorithm 1, corrected"),
    SplitArm("proposed_printed", "Algorithm 1, printed"),
    SplitArm("greedy", "GS"),
    SplitArm("equal_share", "AABA"),
    SplitArm("fair", "Algorithm 1 with fairness"),
)
"""The policies that are compared, in the order that the sibling claims."""

LABELS: dict[str, str] = {arm.name: arm.label for arm in ARMS}

READINGS = {
    "corrected": SplitScenario.corrected,
    "in_band": SplitScenario.in_band,
    "cell_10db": SplitScenario.cell_10db,
    "paper": SplitScenario.paper,
}
"""The readings of the sibling's units, by name; with "paper", Section V to the letter, the limit binds nobody."""

READING_TEXTS = {
    "corrected": "noise per Hz, 0.5 µs per bit",
    "in_band": "noise in the whole band, 0.05 µs per bit",
    "cell_10db": "a usual cell, 0.1 µs per bit",
    "paper": "to the letter, 50 µs per bit",
}
"""How pages call them."""

STATED_LIMIT = 0.5
"""Where Section V's limit stands on the axis of the sibling's Figs. 5 and 6."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitSettings(StudySettings):
    """What every study of a figure of the sibling can be run with."""

    unit_readings: Sequence[str] = setting(
        ["corrected"], "readings of the units: also in_band, cell_10db, paper", choices=tuple(READINGS)
    )
    num_devices: int = setting(20, "devices in the cell, K", like="num_devices", of=SplitScenario)
    seeds: Sequence[int] = seed_setting([0], "of cell, fading, data and modules")

    def at_limit(self, reading: str, limit: float = STATED_LIMIT, **changes: Any) -> SplitScenario:
        """The scenario in a reading, with a limit of the mean delay on the sibling's axis, where 0.5 is what is stated.

        Messages weigh what the sibling's weigh, whatever the backbone: one payload for all devices, as it has it.
        """
        scenario = READINGS[reading]()
        limit_s = scenario.delay_limit_s_per_bit * limit / STATED_LIMIT
        same = {"num_devices": self.num_devices, "message_bits": scenario.payload_bits}
        return dataclasses.replace(scenario, **{"delay_limit_s_per_bit": limit_s, **same, **changes})


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitLearningSettings(SplitSettings):
    """What the studies that learn can be run with besides."""

    policies: Sequence[str] = setting(
        ["all_in", "proposed", "greedy", "equal_share"],
        "who is scheduled: also proposed_printed, fair",
        choices=arm_names(ARMS),
    )
    backbone: str = setting("minilm", "foundation model: a name, a local folder, or a name on the Hugging Face hub")
    rounds: int = setting(24, "federated rounds, T", low=1)
    batch_size: int = setting(4, "samples of a device in one round", like="batch_size", of=SplitScenario)
    samples_per_device: int | None = setting(
        100, "training samples of a device; None: all, over K", like="samples_per_device", of=SplitScenario
    )
    tokens_per_sample: int = setting(
        48, "tokens of a sample at most, 1 + patches of an image", like="tokens_per_sample", of=SplitScenario
    )
    learning_rate: float = setting(1e-2, "step of Adam", like="learning_rate", of=SplitScenario)
    lora_layers: int | None = setting(
        1, "last encoder layers that carry LoRA; None: all", like="lora_layers", of=SplitScenario
    )
    precision: str = setting(
        "float32", "of the frozen weights: float32, or bfloat16 where the processor has it",
        like="precision", of=SplitScenario,
    )  # fmt: skip
    test_size: int | None = setting(150, "test samples that are used, drawn once; None: all", low=1)
    evaluate_every: int = setting(4, "rounds between two tests", low=1)

    def scenario(self, reading: str, limit: float = STATED_LIMIT, **changes: Any) -> SplitScenario:
        """`at_limit` with what is learned with. Adam in every reading: SGD hardly moves in so few rounds."""
        learning = {
            "optimizer": "adam",
            **{name: getattr(self, name) for name in (
                "batch_size", "samples_per_device", "tokens_per_sample", "learning_rate", "lora_layers", "precision",
            )},
        }  # fmt: skip
        return self.at_limit(reading, limit, **learning | changes)

    def measured(
        self, cases: Sequence[SplitCase], task: str, *, device: str = "cpu", finished: Path | None = None
    ) -> pd.DataFrame:
        """`measure_runs` of all policies in all cases, at all seeds.

        "all_in" runs once for each task and number of samples, in the first such case: who is always scheduled learns
        the same whatever the units and the limit.
        """
        arms, runs, learned = arms_by_name(ARMS, self.policies), [], set()
        for seed in self.seeds:
            for case in cases:
                own = case.task or task
                for arm in arms:
                    same = arm.name, seed, own, case.scenario.samples_per_device
                    if arm.name == ALL_IN and same in learned:
                        continue
                    learned.add(same)
                    runs.append(ArmRun(arm, case.scenario, seed, case.labels, case.task))
        protocol = Protocol(task, self.backbone, self.rounds, self.evaluate_every, self.test_size, device=device)
        return measure_runs(runs, protocol, finished=finished, words=self.words())


@dataclasses.dataclass(frozen=True)
class SplitCase:
    """What all policies are run in: a scenario, the columns that name it, and a task other than the study's."""

    scenario: SplitScenario
    labels: Mapping[str, Any]
    task: str | None = None


CASE = ("task", "reading", "limit", "samples")
"""Columns that tell the cases of a table apart, as far as a study has them."""


def cases_in(table: pd.DataFrame) -> list[str]:
    """Those of `CASE` that a table has."""
    return [name for name in CASE if name in table]


def ends(table: pd.DataFrame) -> pd.DataFrame:
    """How each run ended, one row for each case, arm and seed.

    accuracy, accuracy_min (of the worst device) and loss at the last test; loss_train, the mean over the devices
    scheduled in the last tenth of the rounds, but at least in one, NaN where nobody was; devices a round; empty, the
    share of rounds with nobody; delay_over_limit; participation_min and participation, least and mean.
    """
    runs = [*cases_in(table), "arm", "seed"]
    last = table.dropna(subset=["accuracy"]).groupby(runs, sort=False)[["accuracy", "accuracy_min", "loss"]].last()
    of_all = table.assign(empty=table["scheduled"] == 0, participation=table["scheduled"] / table["num_devices"])
    groups = of_all.groupby(runs, sort=False)
    late = table[table["round"] > 0.9 * groups["round"].transform("max")]
    return last.join([
        late.groupby(runs, sort=False)["loss_train"].mean(),
        groups[["scheduled", "empty", "participation"]].mean(),
        groups[["delay_over_limit", "participation_min"]].last(),
    ]).reset_index()  # fmt: skip


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """`ends` for a page: means over seeds, the least and the most seed in brackets for the accuracy."""
    found = ends(table)
    keys = [name for name in cases_in(found) if found[name].nunique() > 1]
    rows = []
    for case, runs in found.groupby([*keys, "arm"], sort=False):
        rows.append({
            **dict(zip(keys, case, strict=False)),
            "policy": LABELS[case[-1]],
            "accuracy": with_range(runs["accuracy"], "mean", ".3f"),
            "worst device": f"{runs['accuracy_min'].mean():.3f}",
            "delay over limit": f"{runs['delay_over_limit'].mean():.2f}",
            "participation, least": f"{runs['participation_min'].mean():.2f}",
            "participation, mean": f"{runs['participation'].mean():.2f}",
            "devices": f"{runs['scheduled'].mean():.1f}",
            "rounds with nobody": f"{runs['empty'].mean():.0%}",
        })  # fmt: skip
    return pd.DataFrame(rows)


def looks(arms: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Those of the arms that are there, in the order of `ARMS`, each with the same look on every page."""
    return ((name, scheme_look(name)) for name in LABELS if name in set(arms))


SMOOTHED = 0.05
"""The share of the rounds over which the training loss is averaged, for a line to be seen among mini-batches."""


def draw_learning(table: pd.DataFrame, *, rows: str = "task", num_labels: int = 2) -> Figure:
    """Training loss and test accuracy against rounds, a row of panels for each value of the column `rows`.

    Lines are means over seeds, bands from the least to the most. The training loss is that of the devices scheduled,
    averaged over some rounds, and carried on where nobody is. Dotted: guessing among `num_labels`.
    """
    values = list(table[rows].unique())
    figure, grid = plt.subplots(len(values), 2, figsize=(WIDE_IN, 0.9 + 2.5 * len(values)), sharex=True, squeeze=False)
    width = max(1, round(SMOOTHED * table["round"].max()))
    for (left, right), value in zip(grid, values, strict=True):
        of_row = table[table[rows] == value]
        for name, look in looks(of_row["arm"].unique()):
            runs = of_row[of_row["arm"] == name]
            line = look | {"label": LABELS[name], "markersize": 4}
            by_seed = runs.pivot(index="round", columns="seed", values="loss_train")
            smooth = by_seed.ffill().rolling(width, min_periods=1).mean().stack()
            draw_range(left, smooth.groupby(level="round"), **line | {"marker": ""})
            draw_range(right, runs.dropna(subset=["accuracy"]).groupby("round")["accuracy"], **line)
        mark_guessing(right, 1.0 / num_labels)
        left.set(title=str(value), ylabel="training loss")
        right.set(title=str(value), ylabel="test accuracy")
    for axes in grid[-1]:
        axes.set_xlabel("round $t$")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    figure.legend(*grid[0, 1].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize="small")
    return figure


def draw_budget(table: pd.DataFrame) -> Figure:
    """For each policy the accuracy at the last test, what it paid of the limit, and who took part.

    Bars are means over the runs of `table`, dots the runs; the line is the limit (8). Of participation the bar is the
    mean, and the crosses are the least.
    """
    found = ends(table)
    arms = [name for name, _ in looks(found["arm"].unique())]
    figure, panels = plt.subplots(1, 3, figsize=(WIDE_IN, 1.2 + 0.4 * len(arms)), sharey=True)
    for axes, (column, label) in zip(panels, _BESIDE.items(), strict=True):
        axes.barh(range(len(arms)), [found.loc[found["arm"] == name, column].mean() for name in arms], color=GRID)
        for place, name in enumerate(arms):
            runs = found[found["arm"] == name]
            _dots(axes, runs[column], place, ".")
            if column == "participation":
                _dots(axes, runs["participation_min"], place, "x")
        axes.set_xlabel(label)
        axes.grid(axis="y", visible=False)
    panels[1].axvline(1.0, **NEUTRAL)
    panels[1].set_xscale("symlog", linthresh=2.0)
    panels[1].set_xlim(left=0.0)
    panels[0].set_yticks(range(len(arms)), [textwrap.fill(LABELS[name], LABEL_WIDTH) for name in arms])
    panels[0].invert_yaxis()
    return figure


_BESIDE = {
    "accuracy": "test accuracy",
    "delay_over_limit": "mean delay over\nits limit (8)",
    "participation": "participation, mean,\nand least (crosses)",
}


def _dots(axes: Axes, values: pd.Series, place: int, marker: str) -> None:
    axes.plot(values, np.full(len(values), place), linestyle="", marker=marker, color=INK, clip_on=False)
