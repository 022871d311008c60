"""Beyond the paper: does switching beat one common module, and where? Three kinds of skew, four kinds of inference."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..learning.partition import partition_task
from ..scenario import Scenario
from .federated import AS_PRINTED, Arm, ArmRun, LearningSettings, arms_by_name, load_shared, measure_runs
from .intervals import estimate
from .paired import draw_estimate, in_points, last_tests
from .settings import arm_names, seed_setting, setting
from .style import LABEL_WIDTH, NEUTRAL, WIDE_IN, distinct_lines

ARMS = (
    Arm("fedlora", "one common module", "fedlora"),
    Arm("random", "at random", "random"),
    Arm("switching", "Algorithm 2, corrected", "switching", "corrected"),
    Arm("switching_printed", "Algorithm 2, printed", "switching_printed", "printed", AS_PRINTED),
    Arm("switching_risk", "remaining risk", "switching_risk", "corrected"),
)


COMMON = "fedlora"
"""The arm with one module for all, to which the others are compared."""


def _check_comparable(arms: Iterable[str]) -> None:
    if not {COMMON} < set(arms):
        raise ValueError(f"arms must hold {COMMON!r} and at least one that is compared with it")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SkewSettings(LearningSettings):
    """What the study can be run with."""

    task: str = setting(
        "reviews", "task: reviews has domains; questions, sst2, qnli and mrpc serve for label and quantity skew"
    )
    arms: Sequence[str] = setting(
        ["fedlora", "switching_risk"],
        "what is compared, with fedlora: random, switching, switching_printed, switching_risk",
        choices=arm_names(ARMS),
    )
    skews: Sequence[str] = setting(
        ["label", "domain"], "how the data of the UEs differ: label, quantity, domain", like="partition"
    )
    num_ues: int = setting(8, "UEs in the cell, K", like="num_ues")
    seeds: Sequence[int] = seed_setting([0, 1], "of cell, fading, data and modules")
    rounds: int = setting(6, "federated rounds, T", low=1)
    concentration: float = setting(
        0.1, "Dirichlet concentration of label and quantity skew; smaller is less IID", like="dirichlet_concentration"
    )
    domains_per_ue: int = setting(1, "domains of a UE under domain skew", like="domains_per_ue")
    test_size: int | None = setting(400, "test samples that are used, drawn once; None: all", low=1)
    evaluate_every: int = setting(6, "rounds between two tests", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_comparable(self.arms)

    def skewed(self, skew: str) -> Scenario:
        """The scenario under one of the skews, without weight on energy."""
        return self.scenario(
            num_ues=self.num_ues, partition=skew, domains_per_ue=self.domains_per_ue, energy_weight_per_j=0.0
        )


RECORDED = SkewSettings(
    arms=[arm.name for arm in ARMS],
    skews=["label", "quantity", "domain"],
    num_ues=12,
    seeds=[1, 2, 3, 4, 5],
    rounds=20,
    batch_size=16,
    learning_rate=3e-3,
    lora_layers=2,
    evaluate_every=20,
)
"""The settings of the recorded run."""


def measure(settings: SkewSettings, *, device: str = "cpu", finished: Path | None = None) -> pd.DataFrame:
    """Fine-tune with every arm under every skew, without weight on energy.

    Returns `History.table` of all runs with the columns `arm` and `skew`. The UEs are tested in four ways: with the
    uniform ensemble (3), `accuracy`; with one module each, `accuracy_own`; with weights of their own,
    `accuracy_weighted`; with the ensemble's probabilities times the odds of their own labels, `accuracy_prior`.
    """
    runs = [
        ArmRun(arm, settings.skewed(skew), seed, {"skew": skew})
        for seed in settings.seeds
        for skew in settings.skews
        for arm in arms_by_name(ARMS, settings.arms)
    ]
    return measure_runs(
        runs, settings.protocol(personal=True, device=device), finished=finished, words=settings.words()
    )


INFERENCES = {
    "accuracy": "uniform ensemble",
    "accuracy_own": "one own module",
    "accuracy_weighted": "own weights",
    "accuracy_prior": "own label odds",
}


def against_common(table: pd.DataFrame) -> pd.DataFrame:
    """How much more accurate the UEs end than with one common module, as it is, of the same seed, cell and data.

    One row per skew, arm, inference (a column of `INFERENCES`) and seed: the `accuracy` on the UEs' own test data, and
    the `difference` in percentage points. The common module itself is there with the odds of the UEs' labels: what it
    gains knows nothing of modules. `table` is that of `measure`. Raises ValueError for arms that cannot be compared.
    """
    _check_comparable(set(table["arm"]))
    ends = last_tests(table)
    accuracies = ends.melt(["skew", "arm", "seed"], list(INFERENCES), "inference", "reached")
    common = ends[ends["arm"] == COMMON].set_index(["skew", "seed"])["accuracy"].rename("common")
    own = (accuracies["arm"] != COMMON) | (accuracies["inference"] == "accuracy_prior")
    found = accuracies[own].join(common, on=["skew", "seed"], how="inner")
    found = found.rename(columns={"reached": "accuracy"})
    return found.assign(difference=100 * (found["accuracy"] - found["common"])).reset_index(drop=True)


def labels_alone(settings: SkewSettings) -> pd.DataFrame:
    """The accuracy of UEs that read nothing: each always says the label that is the most frequent in its training data.

    One row per skew and seed, on the same data and test samples as in `measure`.
    """
    rows = []
    for seed in settings.seeds:
        task = load_shared(settings.protocol(), seed)
        for skew in settings.skews:
            partition, tests = partition_task(task, settings.skewed(skew), seed=seed)
            said = np.array([np.bincount(task.train.labels[held]).argmax() for held in partition.indices])
            right = task.test.labels[tests] == said[:, np.newaxis]
            rows.append({"skew": skew, "seed": seed, "accuracy": float(right.mean())})
    return pd.DataFrame(rows)


def beside_labels(table: pd.DataFrame, settings: SkewSettings) -> pd.DataFrame:
    """Mean accuracy, by skew, of UEs that only know their labels (`labels_alone`) and of one common module."""
    ends = last_tests(table)
    common = ends[ends["arm"] == COMMON].groupby("skew", sort=False)["accuracy"].mean()
    alone = labels_alone(settings).groupby("skew", sort=False)["accuracy"].mean()
    return pd.DataFrame({"own label alone": alone, "one common module": common}).round(3).reset_index()


def conclusions(found: pd.DataFrame) -> str:
    """How many of `against_common` differ from one common module, as a list in Markdown: by skew, above and below.

    An arm differs where the 95 % bootstrap interval of its mean difference does not hold zero.
    """
    lines = []
    for skew, of_skew in found.groupby("skew", sort=False):
        known = of_skew.groupby(["inference", "arm"], sort=False)["difference"].apply(estimate)
        better = known[known.map(lambda one: one.low > 0.0)]
        worse = known[known.map(lambda one: one.high < 0.0)]
        lines.append(
            f"- **{skew} skew**: better than one common module, in points: {_counted(better, known)}. "
            f"Worse: {_counted(worse, known)}. {len(known) - len(better) - len(worse)} of {len(known)} cannot be told "
            "apart from it."
        )
    return "\n".join(lines)


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


def draw(found: pd.DataFrame) -> Figure:
    """`against_common`, a panel for each skew: dots are seeds, bars the means and their 95 % bootstrap intervals."""
    skews = found.groupby("skew", sort=False)
    arms = [arm for arm in ARMS if arm.name in set(found["arm"])]
    figure, panels = plt.subplots(
        len(skews), 1, figsize=(WIDE_IN, 1.0 + len(skews) * (0.5 + 0.5 * len(arms))), sharex=True, squeeze=False
    )
    for axes, (skew, of_skew) in zip(panels[:, 0], skews, strict=True):
        for row, (column, look) in enumerate(distinct_lines(INFERENCES)):
            shift = 0.2 * (row - (len(INFERENCES) - 1) / 2)
            shape = {"color": look["color"], "marker": look["marker"]}
            for place, arm in enumerate(arms):
                chosen = of_skew[(of_skew["arm"] == arm.name) & (of_skew["inference"] == column)]["difference"]
                if len(chosen):
                    label = INFERENCES[column] if arm is arms[-1] else None
                    draw_estimate(axes, place + shift, chosen, label=label, **shape)
        axes.axvline(0.0, **NEUTRAL)
        axes.set(
            title=f"{skew} skew",
            yticks=range(len(arms)),
            yticklabels=[textwrap.fill(arm.label, LABEL_WIDTH // 2) for arm in arms],
        )
        axes.set_ylim(len(arms) - 0.5, -0.5)
        axes.grid(axis="y", visible=False)
    panels[-1, 0].set_xlabel("points of accuracy\nover one common module")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """`against_common` for a page: mean differences in points with their intervals, by skew and arm."""
    labels = {arm.name: arm.label for arm in ARMS}
    rows = []
    for (skew, arm), of_arm in found.groupby(["skew", "arm"], sort=False):
        shown = of_arm.groupby("inference")["difference"].apply(in_points).reindex(INFERENCES, fill_value="-")
        rows.append({"skew": skew, "scheme": labels[arm], **shown.rename(INFERENCES)})
    return pd.DataFrame(rows)
