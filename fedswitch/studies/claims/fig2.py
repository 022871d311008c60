"""The claims of Fig. 2: rounds to converge against K."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...scenario import Form
from ..fig2_convergence import CLAIMED_FEWER, FIXED, Fig2Settings, reached
from ..intervals import Estimate, estimate
from .evidence import Outcome, claims_of, of_gain
from .rules import ClaimVerdict, judge_gain, judge_valley, standing
from .sentences import Unit, shown, too_little, value_of, why_direction, why_gain

OURS: dict[Form, str] = {"printed": "ours_printed", "corrected": "ours"}
PAPER_LARGEST = 100
"""The largest K of the paper's figure."""

PLATEAU = 0.99
"""A run stays at its plateau where it does not fall below this share of it."""

_NEVER = "held the target in no run"
_PLATEAU = {"rounds_to_plateau": "rounds to stay within 1 % of a run's own plateau"}
_BESIDE: dict[Form, dict[str, str]] = {
    # the printed form has other seconds and joules as well, which cannot be compared with those of the rivals
    "printed": _PLATEAU,
    "corrected": {**_PLATEAU, "seconds": "seconds on air to the target", "joules": "joules to the target"},
}


def convergence(table: pd.DataFrame, settings: Fig2Settings) -> pd.DataFrame:
    """When each run has converged: one row per deadline_s, arm, num_ues and seed.

    `rounds` is the first tested round from which on the target was held; a run that was cut off before (`cut_off`)
    counts with all rounds that it was given. `seconds` on air and `joules` (uplink and computing, all UEs) are sums
    over these rounds, `received` is the mean number of uploads that arrived in one. `rounds_to_plateau` looks at the
    run's own end instead of the target.
    """
    target, hold, limit = settings.target, settings.hold, settings.rounds
    joules = table["energy_uplink_j"] + table["energy_compute_j"]
    rows = []
    by = ["deadline_s", "arm", "num_ues", "seed"]
    for key, run in table.assign(joules=joules).groupby(by, sort=False):
        tested = run.loc[run["accuracy_pooled"].notna(), ["round", "accuracy_pooled"]].sort_values("round")
        since = reached(tested.to_dict("records"), target, hold)
        until = (run["round"] <= (since or limit)).to_numpy()
        rows.append({
            **dict(zip(by, key, strict=True)), "cut_off": since is None,
            "rounds": since or limit,
            "rounds_to_plateau": rounds_to_plateau(*tested.to_numpy().T, last=hold),
            "seconds": run["delay_s"].to_numpy()[until].sum(),
            "joules": run["joules"].to_numpy()[until].sum(),
            "received": run["received"].to_numpy()[until].mean(),
        })  # fmt: skip
    return pd.DataFrame(rows)


def rounds_to_plateau(rounds: NDArray[np.float64], accuracies: NDArray[np.float64], *, last: int) -> int:
    """The first tested round from which on a run stays within 1 % of its plateau, its mean over the `last` rounds.

    `rounds`, in their order, and `accuracies` are those of the tests. A run whose last test is below counts with all
    its rounds.
    """
    plateau = accuracies[rounds > rounds[-1] - max(last, 1)].mean()
    below = np.flatnonzero(accuracies < PLATEAU * plateau)
    first = below[-1] + 1 if below.size else 0
    return int(rounds[min(first, len(rounds) - 1)])


def savings(runs: pd.DataFrame, ours: str, rival: str, *, over: str = "", column: str = "rounds") -> pd.Series:
    """By how much `ours` needs less than `rival` in pairs of one seed and K; one value per seed.

    It is the mean over K of log(rival / ours), which changes sign where the two change places; `share` makes a share of
    it. With `over`, it is the sum of the differences over the sum of what that arm needs, a share itself.
    """
    pairs = runs.pivot(index=["seed", "num_ues"], columns="arm", values=column).dropna(subset=[ours, rival])
    if over:
        sums = pairs.groupby("seed").sum()
        return (sums[rival] - sums[ours]) / sums[over]
    return np.log(pairs[rival] / pairs[ours]).groupby("seed").mean()


def share(logarithm: float) -> float:
    """The share that is saved, from the logarithm of the ratio: of log(2) it is one half."""
    return 1.0 - math.exp(-logarithm)


def saved(runs: pd.DataFrame, ours: str, rival: str, *, column: str = "rounds") -> Estimate:
    """The share of what `rival` needs that `ours` saves, with its interval: `savings`, over the seeds."""
    return estimate(savings(runs, ours, rival, column=column)).map(share)


def saved_by_size(runs: pd.DataFrame, ours: str, rival: str) -> pd.DataFrame:
    """The share of a rival's rounds that an arm saves, with its interval, in each cell and reading of reception.

    Pairs and means are those of `savings`; `runs` is `convergence`, with both arms in each reading. There is a row per
    reading and a column per K.
    """
    return pd.DataFrame.from_dict(
        {
            "fixed threshold" if deadline_s == FIXED else f"deadline of {deadline_s:g} s": {
                f"K = {k}": shown(saved(of_size, ours, rival), "%") for k, of_size in some.groupby("num_ues")
            }
            for deadline_s, some in runs.groupby("deadline_s")
        },
        orient="index",
    )


def wins(runs: pd.DataFrame, ours: str, rival: str) -> pd.Series:
    """How much more often `ours` is the first of a pair than `rival`, as a share of the pairs; one value per seed.

    A run that was cut off comes after one that was not, and of two that were, neither is first.
    """
    pairs = runs.pivot(index=["seed", "num_ues"], columns="arm", values="rounds").dropna(subset=[ours, rival])
    return np.sign(pairs[rival] - pairs[ours]).groupby("seed").mean()


def _faster(runs: pd.DataFrame, settings: Fig2Settings, *, rivals: Sequence[str]) -> Iterator[Outcome]:
    """Against the rival of the claim, and others of its kind."""
    for rival, (deadline_s, some) in itertools.product(rivals, runs.groupby("deadline_s")):
        for found in _faster_in_one_reading(some, rival, CLAIMED_FEWER[rivals[0]]):
            yield found if deadline_s == FIXED else _beside(found, deadline_s)


def _beside(outcome: Outcome, deadline_s: float) -> Outcome:
    reading = "; ".join(filter(None, (f"deadline of {deadline_s:g} s", outcome.reading)))
    return dataclasses.replace(outcome, reading=reading, counts=False)


def _faster_in_one_reading(runs: pd.DataFrame, rival: str, claimed: float) -> Iterator[Outcome]:
    for form, ours in OURS.items():
        if not {ours, rival, "fedlora"} <= set(runs["arm"]):  # FedLoRA: what gains can be relative to
            continue
        for over in dict.fromkeys((rival, "fedlora")):
            yield _saved(runs, form, rival, over, claimed)
        for column, reading in _BESIDE[form].items():
            # a run that has learned nothing is at its plateau at once
            some = runs[~runs["cut_off"]] if column in _PLATEAU else runs
            if not {ours, rival} <= set(some["arm"]):
                continue
            found = saved(some, ours, rival, column=column)
            yield of_gain(form, found, claimed, f"{reading}, against {rival}", counts=False)


def _saved(runs: pd.DataFrame, form: Form, rival: str, over: str, claimed: float) -> Outcome:
    """What is saved against a rival, relative to its rounds or (`over`) those of FedLoRA."""
    ours = OURS[form]
    unit: Unit = "%" if over == rival else "points"
    found = saved(runs, ours, rival) if over == rival else estimate(savings(runs, ours, rival, over=over))
    first = estimate(wins(runs, ours, rival))
    verdict, why = judge_gain(found, claimed), why_gain(found, claimed)
    compared = runs[runs["num_ues"].isin(runs.loc[runs["arm"] == rival, "num_ues"])]
    cut_off = compared.groupby("arm", sort=False)["cut_off"].agg(["sum", "size"])
    missed = cut_off.loc[list(dict.fromkeys((ours, rival, over)))]
    if missed["sum"].any():
        counts = ", ".join(f"{runs['sum']} of {runs['size']} runs of {arm}" for arm, runs in missed.iterrows())
        why += f" Runs that were cut off before they held the target: {counts}. Share of pairs in which Algorithm 2 "
        why += f"comes first, minus those in which the rival does: {shown(first, '%')}."
        never = missed.index[missed["sum"] == missed["size"]]
        if len(never) and standing(found):
            verdict, why = "undecided", f"{why} {too_little(never, _NEVER)}"
        elif standing(found) != standing(first):
            verdict, why = "undecided", f"{why} That leaves open which is faster."
    sizes = ", ".join(map(str, sorted(compared["num_ues"].unique())))
    reading = f"fewer rounds than {rival}" if over == rival else f"more than {rival} saves against {over}"
    return Outcome(form, verdict, shown(found, unit), f"{why} K = {sizes}.", reading, found=found)


def _valley(runs: pd.DataFrame, settings: Fig2Settings) -> Iterator[Outcome]:
    for form, ours in OURS.items():
        found = {
            deadline_s: _fall_and_rise(some, form)
            for deadline_s, some in runs[runs["arm"] == ours].groupby("deadline_s")
            if some["num_ues"].nunique() >= 3
        }
        if FIXED in found:
            yield dataclasses.replace(found.pop(FIXED), reading="fixed threshold")
        if found:
            order = get_args(ClaimVerdict)
            best = min(found, key=lambda deadline_s: order.index(found[deadline_s].verdict))
            others = ", ".join(f"{one:g}" for one in found)
            of = f", the best for the claim of {others} s" if len(found) > 1 else ""
            yield dataclasses.replace(found[best], reading=f"deadline of {best:g} s{of}")
            yield from (_beside(one, deadline_s) for deadline_s, one in found.items() if deadline_s != best)


def _fall_and_rise(runs: pd.DataFrame, form: Form) -> Outcome:
    """Whether the rounds of Algorithm 2 in that form fall and rise, from its runs in one reading of reception."""
    rounds = runs.pivot(index="seed", columns="num_ues", values="rounds")
    least, most = rounds.columns.min(), rounds.columns.max()
    middle = rounds.drop(columns=[least, most]).mean().idxmin()
    fall, rise = estimate(rounds[least] - rounds[middle]), estimate(rounds[most] - rounds[middle])
    course = ", ".join(f"{value_of(rounds[k].mean(), '')} at K = {k}" for k in rounds)
    cut_off = runs["cut_off"]
    why = (
        f"Mean rounds: {course}. Fall to K = {middle}: {why_direction(fall)} Rise from there: "
        f"{why_direction(rise)} Runs cut off: {cut_off.sum()} of {len(cut_off)}."
    )
    verdict = judge_valley(fall, rise)
    if most < PAPER_LARGEST:
        why += f" The paper claims the rise for large K, but the largest cell that was run has {most} UEs."
        verdict = "not measured yet"
    elif cut_off.all():
        verdict, why = "undecided", f"{why} {too_little([OURS[form]], _NEVER)}"
    return Outcome(form, verdict, f"fall {shown(fall, '')}, rise {shown(rise, '')}", why, "")


CLAIMS = claims_of(
    "fig2_convergence",
    {
        "fig2-fedlora": partial(_faster, rivals=["fedlora"]),
        "fig2-hetlora": partial(_faster, rivals=["hetlora", "hetlora_large"]),
        "fig2-flexlora": partial(_faster, rivals=["flexlora"]),
        "fig2-valley": _valley,
    },
    prepare=convergence,
)
