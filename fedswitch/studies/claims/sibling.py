"""The claims of the sibling's figures, under both forms of its Algorithm 1 and in every reading of its units."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd
from scipy import stats

from ...scenario import Form
from ..intervals import Estimate, estimate
from ..split_fig4 import roughness
from ..split_fig6 import of_runs
from ..split_runs import ALL_IN, LABELS, READING_TEXTS, ends
from .evidence import Evaluate, Outcome, claims_of, of_direction
from .rules import ClaimVerdict, combine, judge_always, judge_at_least, judge_direction
from .sentences import Unit, shown, too_little, why_direction

OURS: dict[Form, str] = {"printed": "proposed_printed", "corrected": "proposed"}
"""The arm of each form."""

GS, AABA = "greedy", "equal_share"

GUESSED = {"mrpc": 0.69, "cifar10": 0.1, "digits": 0.11}
"""What one label for all comes to on the test data; 0.51 on those that are not here, with two balanced labels."""

ACCURACY, LOSS = "accuracy", "loss_train"
_UNITS: dict[str, Unit] = {ACCURACY: "points", LOSS: ""}
_SIGNS = {ACCURACY: 1.0, LOSS: -1.0}
_WORDS = {ACCURACY: "test accuracy", LOSS: "training loss, lower"}

KEPT = 1.05
"""A mean delay of so many limits still counts as within it: runs are finite, and the queue bounds what is left over."""


def _of_main(table: pd.DataFrame, settings: Any) -> pd.DataFrame:
    """The runs with as many samples as stated."""
    return table[table["samples"] == (settings.samples_per_device or 0)] if "samples" in table else table


def learned(found: pd.DataFrame) -> list[str]:
    """The tasks that "all_in" is certain to have learned: its interval of accuracies lies above one label for all."""
    tasks = found.loc[found["arm"] == ALL_IN].groupby("task", sort=False)[ACCURACY]
    return [task for task, values in tasks if estimate(values).low > GUESSED.get(task, 0.51)]


def by_reading(found: pd.DataFrame, column: str, tasks: Sequence[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """For each reading of the units a value for each seed (rows) and arm (columns), the mean over its `tasks`.

    "all_in" runs in the first reading, and counts in all: it learns the same there.
    """
    everybody = found[found["arm"] == ALL_IN]
    for reading, runs in found[found["arm"] != ALL_IN].groupby("reading", sort=False):
        there = [task for task in tasks if task in set(runs["task"])]
        both = pd.concat([runs, everybody])
        chosen = both[both["task"].isin(there)]
        if len(chosen):
            yield str(reading), chosen.pivot_table(index="seed", columns="arm", values=column, aggfunc=_whole_mean)


def _whole_mean(values: pd.Series) -> float:
    return float(values.mean(skipna=False))


def _compared(
    value: Callable[..., pd.Series],
    *rivals: str,
    judge: Callable[[Estimate], ClaimVerdict] = judge_direction,
    sides: Mapping[Any, str] = OURS,
) -> Evaluate:
    """How a claim is evaluated that compares arms: `value` of "all_in", of the arm of each form, and of its `rivals`.

    They come as one number for each seed, larger where an arm is better; the value is larger where the claim holds.
    """

    def evaluate(table: pd.DataFrame, settings: Any) -> Iterator[Outcome]:
        for form, ours in sides.items():
            yield from _outcomes(table, settings, [ours, *rivals], form, value, judge)

    return evaluate


def _outcomes(
    table: pd.DataFrame, settings: Any, needed: Sequence[str], form: Form | None, value: Any, judge: Any
) -> Iterator[Outcome]:
    """An outcome for each reading of the units, by accuracy, and beside it by training loss, as `_compared`."""
    found = ends(_of_main(table, settings))
    if not {ALL_IN, *needed} <= set(found["arm"]):
        return
    tasks = learned(found)
    lacking = [task for task in found["task"].unique() if task not in tasks]
    paid = dict(by_reading(found, "delay_over_limit", list(found["task"].unique())))
    least = dict(by_reading(found, "participation_min", list(found["task"].unique())))
    for column in (ACCURACY, LOSS):
        for reading, frame in by_reading(found, column, tasks or list(found["task"].unique())):
            if not set(needed) <= set(frame):
                continue
            values = value(*(frame[arm] for arm in (ALL_IN, *needed)))
            known = estimate((_SIGNS[column] * values).dropna())
            verdict: ClaimVerdict = judge(known)
            beside = "; ".join(
                f"{LABELS[arm]} {frame[arm].mean():.3f} ({paid[reading][arm].mean():.2f}, "
                f"{least[reading][arm].mean():.2f})"
                for arm in needed
            )
            why = f"{why_direction(known)} Means: {beside}; All-in {frame[ALL_IN].mean():.3f}."
            if not tasks:
                why += f" {too_little(lacking, 'may be no better than one label for all, even with everybody')}"
            elif lacking:
                why += f" Left out: {', '.join(lacking)}, where All-in, too, may be no better than one label for all."
                lacking = []  # said once
            told = f"{_WORDS[column]}; {READING_TEXTS[reading]}"
            yield Outcome(
                form, verdict if tasks else "undecided", shown(known, _UNITS[column]), why, told,
                column == ACCURACY, known,
            )  # fmt: skip


_all_in = _compared(lambda all_in, ours: all_in - ours, judge=judge_at_least)
_greedy = _compared(lambda _, ours, gs: ours - gs, GS)
_equal_share = _compared(lambda _, gs, aaba: gs - aaba, AABA, sides={None: GS})
_close = _compared(lambda all_in, ours, gs: 2.0 * ours - gs - all_in, GS)


def _devices(table: pd.DataFrame, settings: Any) -> Iterator[Outcome]:
    found = ends(_of_main(table, settings))
    tasks = learned(found)
    for form, ours in OURS.items():
        arms = [ALL_IN, ours, GS, AABA]
        counts = dict(by_reading(found, "scheduled", tasks))
        for reading, frame in by_reading(found, ACCURACY, tasks):
            if not set(arms) <= set(frame):
                continue
            ranks = [
                stats.spearmanr(counts[reading].loc[seed, arms], frame.loc[seed, arms]).statistic
                for seed in frame.index
            ]
            known = estimate(ranks)
            means = "; ".join(f"{LABELS[arm]} {counts[reading][arm].mean():.1f}" for arm in arms)
            why = f"{why_direction(known)} Devices a round: {means}."
            yield of_direction(form, known, f"rank correlation {shown(known, '')}", why, READING_TEXTS[reading])


def fifths(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """The mean of a column in each fifth of the rounds (columns 0 to 4) of each run, over the rounds with a value."""
    part = ((table["round"] - 1) * 5 // table["round"].max()).astype(int)
    runs = ["reading", "task", "arm", "seed"]
    return table.assign(part=part).groupby([*runs, "part"], sort=False)[column].mean().unstack("part", sort=False)


def _late(table: pd.DataFrame, settings: Any) -> Iterator[Outcome]:
    table = _of_main(table, settings)
    tasks = learned(ends(table))
    for column in (ACCURACY, LOSS):
        runs = fifths(table, column)
        bend = (_SIGNS[column] * (runs[2] - 2.0 * runs[1] + runs[0])).rename("bend").reset_index()
        for form, ours in OURS.items():
            for reading, frame in bend[bend["arm"] == ours].groupby("reading", sort=False):
                by_seed = frame[frame["task"].isin(tasks)].groupby("seed")["bend"].agg(_whole_mean).dropna()
                if len(by_seed) < 2:  # nobody was scheduled in a fifth of the rounds
                    continue
                yield _told(form, estimate(by_seed), column, READING_TEXTS[str(reading)], column == ACCURACY)


def _limit(table: pd.DataFrame, settings: Any) -> Iterator[Outcome]:
    found = ends(_of_main(table, settings))
    for form, ours in OURS.items():
        for reading, runs in found[found["arm"] == ours].groupby("reading", sort=False):
            held = runs["delay_over_limit"] <= KEPT
            paid = runs["delay_over_limit"]
            why = f"Mean delays are {paid.min():.2f} to {paid.max():.2f} of the limit."
            count = f"{held.sum()} of {len(held)} runs"
            yield Outcome(form, judge_always(int(held.sum()), len(held)), count, why, READING_TEXTS[str(reading)])


def _smooth(table: pd.DataFrame, settings: Any) -> Iterator[Outcome]:
    rough = roughness(table)
    first = rough[rough["reading"] == settings.unit_readings[0]]
    for form, ours in OURS.items():
        for few in settings.fewer_samples:
            by = first[first["arm"] == ours].pivot(index="seed", columns="samples", values="roughness")
            many = settings.samples_per_device or 0
            if not {few, many} <= set(by):
                continue
            known = estimate((by[few] - by[many]).dropna())
            why = (
                f"{why_direction(known)} Means: {by[few].mean():.3f} with {few} samples of a device, "
                f"{by[many].mean():.3f} with {many or 'all'}."
            )
            yield of_direction(form, known, f"{shown(known, '')} rougher", why)


def _parameters(claimed: int, layouts: dict[str, int]) -> Any:
    """Numbers that are trained, of each layout, against those claimed to the thousand."""

    def evaluate(table: pd.DataFrame, settings: Any) -> Iterator[Outcome]:
        for layout, count in layouts.items():
            same = abs(count - claimed) < 1000
            verdict: ClaimVerdict = "reproduced" if same else "not reproduced"
            yield Outcome(None, verdict, f"{count:,}", f"Trained numbers at rank 8, with {layout}.")

    return evaluate


def _against_limit(found: pd.DataFrame, column: str, reading: str, arm: str) -> pd.DataFrame:
    chosen = found[(found["reading"] == reading) & (found["arm"] == arm)]
    return chosen.pivot(index="seed", columns="limit", values=column)


def _gained(found: pd.DataFrame, column: str, reading: str, arm: str) -> pd.Series | None:
    """What an arm gains from the least to the largest limit, for each seed."""
    by = _against_limit(found, column, reading, arm)
    return _SIGNS[column] * (by[by.columns.max()] - by[by.columns.min()]) if by.columns.size > 1 else None


def _rises(table: pd.DataFrame, settings: Any) -> Iterator[Outcome]:
    found = ends(table)
    sides: list[tuple[Form | None, str]] = [*OURS.items(), (None, GS), (None, AABA)]
    for reading, (form, arm), column in product(settings.unit_readings, sides, (ACCURACY, LOSS)):
        gained = _gained(found, column, reading, arm)
        if gained is not None:
            known = estimate(gained.dropna())
            yield _told(form, known, column, f"{LABELS[arm]}; {READING_TEXTS[reading]}", column == ACCURACY)


def _least(table: pd.DataFrame, settings: Any) -> Iterator[Outcome]:
    found = ends(table)
    cases = product(settings.unit_readings, OURS.items(), (GS, AABA), (LOSS, ACCURACY))
    for reading, (form, ours), rival, column in cases:
        own, other = (_gained(found, column, reading, arm) for arm in (ours, rival))
        if own is not None and other is not None:
            known = estimate((other - own).dropna())
            yield _told(form, known, column, f"than {LABELS[rival]}; {READING_TEXTS[reading]}", column == LOSS)


def _best(table: pd.DataFrame, settings: Any) -> Iterator[Outcome]:
    found, tightest = ends(table), min(settings.limits)
    for reading, (form, ours), rival in product(settings.unit_readings, OURS.items(), (GS, AABA)):
        own, other = (_against_limit(found, ACCURACY, reading, arm) for arm in (ours, rival))
        if tightest in own and tightest in other:
            known = estimate((own[tightest] - other[tightest]).dropna())
            told = f"over {LABELS[rival]} at {tightest:g}; {READING_TEXTS[reading]}"
            yield _told(form, known, ACCURACY, told, True)


def _told(form: Form | None, known: Estimate, column: str, reading: str, counts: bool) -> Outcome:
    reading = f"{_WORDS[column]}; {reading}"
    return of_direction(form, known, shown(known, _UNITS[column]), why_direction(known), reading, counts=counts)


def _running(table: pd.DataFrame, settings: Any) -> Iterator[Outcome]:
    for form, name, reading, by in _times(table, "mean"):
        first, last = by.columns.min(), by.columns.max()
        known = estimate(by[last] - by[first])
        why = f"{by[first].mean():.3g} at {first:g}, {by[last].mean():.3g} at {last:g}. {why_direction(known)}"
        yield of_direction(form, known, f"{shown(known, '')} more", why, f"{name}; {reading}")


def _longest(table: pd.DataFrame, settings: Any) -> Iterator[Outcome]:
    for form, name, reading, by in _times(table, "max"):
        tight, loose = min(by), max(by)
        beyond = [limit for limit in by if limit > 0.5]
        if len(beyond) < 2 or tight >= 0.5:
            continue
        rise = estimate(by[loose] - by[min(beyond)])
        peak = estimate(by[tight] - by.drop(columns=tight).max(axis=1))
        verdicts = [judge_direction(rise), judge_direction(peak)]
        why = (
            f"From {min(beyond):g} to {loose:g} it grows by {shown(rise, '')}. {why_direction(rise)} At {tight:g} it "
            f"is {shown(peak, '')} above the largest elsewhere. {why_direction(peak)}"
        )
        yield Outcome(form, combine(verdicts), f"grows by {shown(rise, '')}", why, f"{name}; {reading}")


def _times(table: pd.DataFrame, what: str) -> Iterator[tuple[Form, str, str, pd.DataFrame]]:
    """Milliseconds and prefixes tried, the mean or the maximum of each run: a row for each seed, a column a limit."""
    found = of_runs(table)
    for form in OURS:
        for reading, runs in found[found["form"] == form].groupby("reading", sort=False):
            for column, name, scale in (("seconds", "ms", 1e3), ("tried", "prefixes tried", 1.0)):
                by = runs.pivot(index="seed", columns="limit", values=f"{column}_{what}")
                yield form, name, READING_TEXTS[str(reading)], scale * by


_ATTENTION, _MLP = 768 + 768, 768 + 3072
"""Rows and columns of a matrix in BERT-base and in ViT-B/16: LoRA of rank 1 trains so many numbers for it."""

_BERT = {"query, key, value and pooler, as stated": 8 * (12 * 3 + 1) * _ATTENTION}
_VIT = {
    "query, key and value, as in BERT": 8 * 12 * 3 * _ATTENTION,
    "two matrices of attention and one of the MLP in each layer": 8 * 12 * (2 * _ATTENTION + _MLP),
}

CLAIMS = (
    *claims_of(
        "split_fig3",
        {
            "split-fig3-all-in": _all_in,
            "split-fig3-greedy": _greedy,
            "split-fig3-equal-share": _equal_share,
            "split-fig3-devices": _devices,
            "split-fig3-close": _close,
            "split-fig3-late": _late,
            "split-fig3-limit": _limit,
            "split-fig3-parameters": _parameters(454_000, _BERT),
        },
    ),
    *claims_of(
        "split_fig4",
        {
            "split-fig4-all-in": _all_in,
            "split-fig4-greedy": _greedy,
            "split-fig4-equal-share": _equal_share,
            "split-fig4-close": _close,
            "split-fig4-smooth": _smooth,
            "split-fig4-parameters": _parameters(663_000, _VIT),
        },
    ),
    *claims_of("split_fig5", {"split-fig5-rises": _rises, "split-fig5-least": _least, "split-fig5-best": _best}),
    *claims_of("split_fig6", {"split-fig6-mean": _running, "split-fig6-maximum": _longest}),
)
