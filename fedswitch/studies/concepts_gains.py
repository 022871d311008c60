"""What the study `concepts` found: gains over one common module, and what they cost."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..learning.partition import partition_task
from .arms import arms_by_name
from .concepts import (
    ARMS,
    COMMON,
    KINDS,
    OPPOSED,
    OVER_CHANNELS,
    SKEWS,
    TURNS,
    ConceptsSettings,
    channels,
    check_comparable,
    conflict,
    minority,
    titled,
)
from .federated import load_shared
from .intervals import estimate
from .paired import draw_estimate, in_percent, in_points, last_tests
from .style import LABEL_WIDTH, NEUTRAL, WIDE_IN, distinct_lines, label_ends, scheme_look

INFERENCES = {
    "accuracy": "uniform ensemble",
    "accuracy_trained": "what it trains",
    "accuracy_own": "one own module",
    "accuracy_weighted": "own weights",
    "accuracy_prior": "own label odds",
}

TURNED = "accuracy_turned"
"""The accuracy of UEs to whom something happens half way, by what they train."""

LABELS = {arm.name: arm.label for arm in ARMS}

_CELL = ["cell", "num_ues", "batch_size"]


def against_common(table: pd.DataFrame) -> pd.DataFrame:
    """How much more accurate the UEs end than with one common module, as it is, of the same seed, cell and data.

    One row per cell, number of UEs and of samples, arm, inference (a column of `INFERENCES`) and seed: the `accuracy`
    on the UEs' own test data, and the `difference` in percentage points. The common module itself is there with the
    odds of the UEs' labels: what it gains knows nothing of modules. `table` is that of `measure`. Raises ValueError for
    arms that cannot be compared.
    """
    check_comparable(set(table["arm"]))
    ends = last_tests(table)
    accuracies = ends.melt([*_CELL, "arm", "seed"], list(INFERENCES), "inference", "reached")
    common = ends[ends["arm"] == COMMON].set_index([*_CELL, "seed"])["accuracy"].rename("common")
    own = (accuracies["arm"] != COMMON) | (accuracies["inference"] == "accuracy_prior")
    found = accuracies[own].join(common, on=[*_CELL, "seed"], how="inner")
    found = found.rename(columns={"reached": "accuracy"})
    return found.assign(difference=100 * (found["accuracy"] - found["common"])).reset_index(drop=True)


def in_cells(found: pd.DataFrame, settings: ConceptsSettings) -> pd.DataFrame:
    """What of `against_common`, or of the table, is in the cells that all arms are compared in, in their order."""
    usual = of_usual_size(found, settings)
    return pd.concat([usual[usual["cell"] == name] for name in settings.cells] or [usual[:0]])


def of_usual_size(table: pd.DataFrame, settings: ConceptsSettings) -> pd.DataFrame:
    """What of the table is of cells with as many UEs and samples as those that all arms are compared in."""
    return table[(table["num_ues"] == settings.num_ues) & (table["batch_size"] == settings.batch_size)]


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
    varied: dict[str, tuple[str, dict[str | int, float]]] = {
        "conflict": ("cell", {conflict(degree): degree / KINDS for degree in settings.degrees}),
        "minority": ("cell", {minority(parts): 1 / parts for parts in settings.minorities}),
        "num_ues": ("num_ues", {count: count for count in settings.sizes}),
        "batch_size": ("batch_size", {count: count for count in settings.batch_sizes}),
    }
    column, places = varied[axis]
    usual = {"cell": [OPPOSED], "num_ues": [settings.num_ues], "batch_size": [settings.batch_size]}
    found = against_common(table)
    found = found[(found["inference"] == "accuracy_trained") & found["arm"].isin(settings.followed)]
    for name, values in (usual | {column: [*places]}).items():
        found = found[found[name].isin(values)]
    place = found[column].map(places).astype(float)
    return found.assign(place=place)[["arm", "seed", "place", "difference"]].sort_values("place")


def boundary(gained: pd.DataFrame) -> str:
    """From which place on each arm of `along` gains, in words, and how many points there and at the end of the axis.

    The 95 % interval of its mean gain lies above zero at this place and at all that are farther along.
    """
    told = []
    for arm in (arm for arm in ARMS if arm.name in set(gained["arm"])):
        by_place = gained[gained["arm"] == arm.name].groupby("place")["difference"]
        gains = by_place.apply(estimate).sort_index(ascending=False)
        certain = gains[gains.map(lambda one: one.low > 0.0).cummin()]
        where = "no certain gain at the end of the axis"
        if len(certain):
            first, last = certain.iloc[-1].mean, certain.iloc[0].mean
            where = f"from {certain.index[-1]:.2g} on ({first:+.1f} points there, {last:+.1f} at the end)"
        told.append(f"{arm.label}: {where}")
    return "; ".join(told)


def turned(table: pd.DataFrame, settings: ConceptsSettings) -> pd.DataFrame:
    """Accuracy of all UEs, of the one that is served worst, and of those to whom something happens half way.

    One row per case and arm: means over seeds at the end, with intervals, for UEs that use what they train. The case
    in which nothing happens is there where the cell of opposite tasks is.
    """
    ends = of_usual_size(last_tests(table), settings).reindex(columns=[*table, *({TURNED} - set(table))])
    rows = []
    for name, happens in {OPPOSED: "nothing", **TURNS}.items():
        for arm in settings.followed:
            of_arm = ends[(ends["cell"] == name) & (ends["arm"] == arm)]
            if len(of_arm) and name in (OPPOSED, *settings.turns):
                rows.append({
                    "half way": happens, "scheme": LABELS[arm],
                    "all UEs": in_percent(of_arm["accuracy_trained"]),
                    "the worst served": in_percent(of_arm["accuracy_trained_min"]),
                    "whom it happens to": in_percent(of_arm[TURNED]),
                })  # fmt: skip
    return pd.DataFrame(rows)


def over_channels(table: pd.DataFrame, settings: ConceptsSettings) -> pd.DataFrame:
    """Accuracy by (3) against the SINR threshold: one common module, Algorithm 2, and the same without bias.

    One row per threshold and arm, means over seeds: the share of uploads that are received, in percent, the accuracy at
    the end, in percent, and points over one common module. The first threshold is that of all other cells.
    """
    cells = {settings.sinr_threshold_db: SKEWS[0]} | {level: channels(level) for level in settings.thresholds_db}
    usual = of_usual_size(table, settings)
    rows = []
    for threshold_db, name in cells.items():
        runs = usual[usual["cell"] == name]
        ends = last_tests(runs).pivot(index="seed", columns="arm", values="accuracy")
        uploads = runs.groupby(["arm", "seed"])[["received", "subscribed"]].sum()
        received = uploads["received"] / uploads["subscribed"]
        for arm in (arm for arm in arms_by_name(ARMS, OVER_CHANNELS) if arm.name in ends):
            over = 100 * (ends[arm.name] - ends[COMMON])
            rows.append({
                "threshold in dB": threshold_db, "scheme": arm.label,
                "received, %": f"{100 * received[arm.name].mean():.0f}", "accuracy, %": in_percent(ends[arm.name]),
                "over one module": "" if arm.name == COMMON else in_points(over),
            })  # fmt: skip
    return pd.DataFrame(rows)


def costs(table: pd.DataFrame, target: float = 0.75) -> pd.DataFrame:
    """What each arm took until its UEs, each with weights of its own, first reached the accuracy `target` in a test.

    One row per cell and arm, means over seeds: the seeds that reached it, the share of `reached`, and over all rounds
    up to then, or to the end of a run that did not reach it, `rounds`, `joules` and `megabytes` sent. The joules of the
    printed form, which counts them by formulas of its own, are NaN.
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
    means = pd.DataFrame(rows).groupby([*_CELL, "arm"], sort=False).mean().reset_index()
    printed = [arm.name for arm in ARMS if arm.reading == "printed"]
    return means.assign(joules=means["joules"].mask(means["arm"].isin(printed)))


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
            f"Worse: {_counted(worse, known)}. {len(known) - len(better) - len(worse)} of {len(known)} pairs of arm "
            "and inference cannot be told apart from it."
        )
    return "\n".join(lines)


def _counted(chosen: pd.Series, known: pd.Series) -> str:
    """Of estimates by inference and arm those that are chosen: by name, or of more than two the number and range."""
    parts = []
    for inference, of_inference in chosen.groupby("inference", sort=False):
        means = {LABELS[arm]: one.mean for (_, arm), one in of_inference.items()}
        if len(means) <= 2:
            who = " and ".join(f"{label} ({mean:+.1f})" for label, mean in means.items())
        else:
            least, most = min(means.values()), max(means.values())
            who = f"{len(means)} of {len(known[inference])} arms ({least:+.1f} to {most:+.1f})"
        parts.append(f"with {INFERENCES[inference]} {who}")
    return "; ".join(parts) or "nothing"


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


def draw_along(table: pd.DataFrame, settings: ConceptsSettings, axes: Sequence[str]) -> Figure:
    """`along` some of `AXES`, a panel for each: mean gains over one common module, with their 95 % intervals."""
    figure, panels = plt.subplots(len(axes), 1, figsize=(WIDE_IN, 0.6 + 3.0 * len(axes)), sharey=True, squeeze=False)
    for panel, axis in zip(panels[:, 0], axes, strict=True):
        gained = along(table, settings, axis)
        for arm in (arm for arm in ARMS if arm.name in set(gained["arm"])):
            known = gained[gained["arm"] == arm.name].groupby("place")["difference"].apply(estimate)
            look = scheme_look(arm.name)
            panel.plot(known.map(lambda one: one.mean), label=arm.label, **look)
            ends = ([getattr(one, end) for one in known] for end in ("low", "high"))
            panel.vlines(known.index, *ends, color=look["color"], linewidth=1.0)
        panel.axhline(0.0, **NEUTRAL)
        panel.set(xlabel=AXES[axis], ylabel="points of accuracy\nover one common module")
        if axis in ("num_ues", "batch_size"):
            places = sorted(set(gained["place"]))
            panel.set_xscale("log", base=2)
            panel.set_xticks(places, [f"{place:g}" for place in places])
    for panel in panels[:, 0]:
        label_ends(panel)
    return figure


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """`against_common` for a page: mean differences in points with their intervals, by cell and arm."""
    rows = []
    for (name, arm), of_arm in found.groupby(["cell", "arm"], sort=False):
        shown = of_arm.groupby("inference")["difference"].apply(in_points).reindex(INFERENCES, fill_value="-")
        rows.append({"cell": titled(str(name)), "scheme": LABELS[arm], **shown.rename(INFERENCES)})
    return pd.DataFrame(rows)
