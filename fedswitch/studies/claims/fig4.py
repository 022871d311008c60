"""The claims of Fig. 4: test accuracy under subscription schemes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import partial

import pandas as pd

from ...scenario import Form
from ..fig4_switching import CLAIMED_GAINS, CLAIMED_PRICE, GUESSING, Fig4Settings
from ..intervals import estimate
from ..paired import last_tests
from .evidence import Outcome, claims_of
from .rules import FACTOR, ClaimVerdict, judge_gain, judge_price
from .sentences import shown, too_little, value_of, why_gain

SUFFIXES: dict[Form, str] = {"printed": "_printed", "corrected": ""}

COMMON, LEARNED = "fedlora", 0.72
"""The arm of one common module, and what it must come to at every seed before the rules compare learned modules."""

POOLED, OWN = "accuracy_pooled", "accuracy"
_READINGS = {POOLED: "pooled test set", OWN: "mean over UEs on their own test data"}


def finals(table: pd.DataFrame, settings: Fig4Settings) -> pd.DataFrame:
    """How each run ended, one row per arm and seed: its last test accuracies, and all energy that it took, `joules`."""
    tested = last_tests(table).set_index(["arm", "seed"])[[POOLED, OWN]].sort_index()
    energy = table.assign(joules=table["energy_uplink_j"] + table["energy_compute_j"])
    return tested.join(energy.groupby(["arm", "seed"])["joules"].sum())


def _better(ends: pd.DataFrame, settings: Fig4Settings, *, rival: str) -> Iterator[Outcome]:
    claimed = CLAIMED_GAINS[rival]
    for form, suffix in SUFFIXES.items():
        ours, other = f"ours{suffix}", f"{rival}{suffix}"
        if not {ours, other} <= set(ends.index.unique("arm")):
            continue
        for column, reading in _READINGS.items():
            found = estimate((ends.loc[ours, column] - ends.loc[other, column]).dropna())
            means = f"{ends.loc[ours, column].mean():.1%} against {ends.loc[other, column].mean():.1%}"
            verdict, why = _if_learned(ends, (ours, other), judge_gain(found, claimed), why_gain(found, claimed))
            yield Outcome(
                form, verdict, shown(found, "points"), f"{why} Means: {means}.", reading, column == POOLED, found
            )


def _energy(ends: pd.DataFrame, settings: Fig4Settings) -> Iterator[Outcome]:
    arms = ends.index.unique("arm")
    for arm in (name for name in arms if name.startswith("energy_")):
        form: Form = "printed" if arm == "energy_printed" else "corrected"
        ours = f"ours{SUFFIXES[form]}"
        if ours not in arms:
            continue
        weight = "the stated weight"
        if form == "corrected":
            weight = f"computing costs {float(arm.removeprefix('energy_')):g} of what an upload is worth"
        saved = estimate((1.0 - ends.loc[arm, "joules"] / ends.loc[ours, "joules"]).dropna())
        for column, of in _READINGS.items():
            lost = (ends.loc[ours, column] - ends.loc[arm, column]).dropna()
            found = estimate(lost)
            gained = found.mean < 0.0
            told = f"{shown(estimate(-lost) if gained else found, 'points')} {'higher' if gained else 'lower'}"
            allowed = f"The rule allows up to {value_of(FACTOR * CLAIMED_PRICE, 'points')} ({found.units} seeds)."
            verdict, why = _if_learned(ends, (ours, arm), judge_price(found, CLAIMED_PRICE, saved), allowed)
            yield Outcome(
                form, verdict, told, f"{why} Energy saved: {shown(saved, '%')}.", f"{weight}; {of}", column == POOLED
            )


def _if_learned(ends: pd.DataFrame, arms: Iterable[str], verdict: ClaimVerdict, why: str) -> tuple[ClaimVerdict, str]:
    """The verdict and its reason, or "undecided", and that too little was learned for any number of seeds to tell.

    That is where one of the arms is not certain to be better than guessing, or one common module ends below `LEARNED`.
    """
    least = ends.loc[COMMON, POOLED].min() if COMMON in ends.index.unique("arm") else math.nan
    if not least >= LEARNED:
        if math.isnan(least):
            return "undecided", "Whether enough was learned is not known: one common module was not run."
        ended = f"ended at {least:.1%} with one seed, below {LEARNED:.0%}"
        return "undecided", too_little(["one common module"], ended)
    guessing = [arm for arm in arms if estimate(ends.loc[arm, POOLED].dropna()).low <= GUESSING]
    if not guessing:
        return verdict, why
    return "undecided", too_little(guessing, "may be no better than guessing")


CLAIMS = claims_of(
    "fig4_switching",
    {
        "fig4-one-shot": partial(_better, rival="one_shot"),
        "fig4-greedy": partial(_better, rival="greedy"),
        "fig4-energy": _energy,
    },
    prepare=finals,
)
