"""The claims of Fig. 5: what power control saves."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ...scenario import Form
from ..fig5_energy import CLAIMED_AT_DB, CLAIMED_REDUCTION, CLAIMED_SAVING, Fig5Settings
from ..fig5_savings import at_lighter_weight, matching_weights, reductions, savings
from ..intervals import estimate
from .evidence import FORMS, Outcome, claims_of, of_gain
from .rules import judge_direction
from .sentences import shown, why_direction

_METRICS = {
    "power": "mean power of the UEs that send",
    "energy": "all energy on air",
    "energy_per_received": "energy on air for each upload that is received",
}


def _saving(table: pd.DataFrame, settings: Fig5Settings) -> Iterator[Outcome]:
    stated = at_lighter_weight(table)
    for form, runs in _by_form(stated[stated["sinr_threshold_db"] == CLAIMED_AT_DB]):
        silent = estimate(runs["silent"])
        also = f" Uploads that are not sent at all: {shown(silent, '%')}."
        for metric, reading in _METRICS.items():
            found = estimate(runs[metric])
            yield of_gain(form, found, CLAIMED_SAVING, reading, also=also if metric == "power" else "")
    scanned = savings(table[table["scan"]])
    for (name, weight), runs in scanned.groupby(["reading", "relative_weight_per_j"], sort=False):
        reading = f"{name}, relative weight {weight:g} 1/J"
        yield of_gain(_form(name), estimate(runs["power"]), CLAIMED_SAVING, reading, counts=False)


def _gap(table: pd.DataFrame, settings: Fig5Settings) -> Iterator[Outcome]:
    for form, runs in _by_form(at_lighter_weight(table)):
        low, high = runs["sinr_threshold_db"].min(), runs["sinr_threshold_db"].max()
        if low == high:
            continue
        for metric, reading in _METRICS.items():
            saved = runs.pivot(index="seed", columns="sinr_threshold_db", values=metric)
            found = estimate(saved[low].abs() - saved[high].abs())
            why = f"Saved: {saved[low].mean():.1%} at {low:g} dB, {saved[high].mean():.1%} at {high:g} dB."
            verdict = judge_direction(found)
            why += f" {why_direction(found)}" if verdict == "undecided" else ""
            shows = f"closes by {shown(found, 'points')}"
            yield Outcome(form, verdict, shows, why, reading, found=found)


def _heavier(table: pd.DataFrame, settings: Fig5Settings) -> Iterator[Outcome]:
    for form, runs in _by_form(reductions(table)):
        yield of_gain(form, estimate(runs["reduction"]), CLAIMED_REDUCTION, "all energy on air")
        found = estimate(runs["reduction_per_received"])
        yield of_gain(form, found, CLAIMED_REDUCTION, _METRICS["energy_per_received"], counts=False)
    for name, cells in matching_weights(table, metric="power").groupby("reading", sort=False):
        reading = f"{name}, ten times the weight that saves {CLAIMED_SAVING:.1%}"
        yield of_gain(_form(name), estimate(cells["reduction"]), CLAIMED_REDUCTION, reading, counts=False)


def _by_form(runs: pd.DataFrame) -> Iterator[tuple[Form, pd.DataFrame]]:
    for form in FORMS:
        chosen = runs[runs["reading"] == form]
        if len(chosen):
            yield form, chosen


def _form(reading: str) -> Form:
    """The form of a reading of the study: all but the printed one are variants of the corrected form."""
    return "printed" if reading == "printed" else "corrected"


CLAIMS = claims_of("fig5_energy", {"fig5-saving": _saving, "fig5-gap": _gap, "fig5-weight": _heavier})
