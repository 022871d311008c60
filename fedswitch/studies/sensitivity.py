"""Sensitivity: each choice that the paper leaves open over its plausible range; which conclusions survive."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..control import airtime_s, share_bandwidth
from ..parameters import value_text
from ..scenario import Scenario
from .arms import Arm, ArmRun, Protocol
from .control_loop import Round, as_decided, at_full_power, control_rounds
from .federated import load_shared, measure_runs
from .fig3_bandwidth import first_round, search
from .fig5_energy import CLAIMED_SAVING, roberta_payload_bits, roberta_training_energy_j
from .sensitivity_ranges import BANDWIDTH, BASES, CONTROL, LEARNING, RANGES, Experiment
from .settings import StudySettings, seed_setting, setting

BASE = "base"
"""The side on which nothing is varied; its rows have no parameter."""

ONE_MODULE, SWITCHING = "fedlora", "switching"
ARMS = (Arm(ONE_MODULE, "one common module", "fedlora"), Arm(SWITCHING, "Algorithm 2", "switching", "corrected"))


@dataclasses.dataclass(frozen=True)
class Conclusion:
    """A statement that an outcome decides: `above` holds where it exceeds `neutral`, `below` where it is less."""

    experiment: Experiment
    outcome: str
    neutral: float
    above: str
    below: str


CONCLUSIONS = {
    "energy": Conclusion(
        CONTROL, "uplink energy saved by optimal power, as a share", CLAIMED_SAVING,
        "optimal power saves more energy on air than the paper says",
        "optimal power saves less energy on air than the paper says",
    ),
    "silence": Conclusion(
        CONTROL, "share of the UEs that send nothing in a round", 0.5,
        "most UEs are silent", "most UEs send",
    ),
    "reception": Conclusion(
        CONTROL, "mean reception probability of all UEs at full power", 0.5,
        "most uploads would arrive at full power", "most uploads would be lost even at full power",
    ),
    "participation": Conclusion(
        CONTROL, "uploads to the least served module: Algorithm 2 minus greedy, as a share of the UEs", 0.0,
        "the least served module gets more from Algorithm 2 than from the greedy rule",
        "the least served module gets less from Algorithm 2 than from the greedy rule",
    ),
    "iterations": Conclusion(
        BANDWIDTH, "iterations of Algorithm 1 that the larger cell needs more", 0.0,
        "iterations grow with the number of UEs", "iterations fall with the number of UEs",
    ),
    "delay": Conclusion(
        BANDWIDTH, "delay in the larger cell over that in the smaller, decimal logarithm", 0.0,
        "the delay grows with the number of UEs", "the delay falls with the number of UEs",
    ),
    "accuracy": Conclusion(
        LEARNING, "final accuracy: Algorithm 2 minus one common module", 0.0,
        "Algorithm 2 ends above one common module", "Algorithm 2 ends below one common module",
    ),
}  # fmt: skip
"""What is held against every choice; fixed before anything was measured."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SensitivitySettings(StudySettings):
    """What the study can be run with."""

    experiments: Sequence[Experiment] = setting(
        [CONTROL, BANDWIDTH], "what is run: control, bandwidth, learning (which takes long)"
    )
    num_ues: int = setting(20, "UEs in the cell, K", like="num_ues")
    few_ues: int = setting(5, "UEs of the smaller cell that Algorithm 1 is compared with", like="num_ues")
    rounds: int = setting(6, "rounds of Algorithm 2 without learning", low=1)
    seeds: Sequence[int] = seed_setting([0, 1, 2], "of cell, fading and decisions")
    task: str = setting("reviews", "task of the learning part")
    backbone: str = setting(
        "minilm", "foundation model: minilm, tiny, a local folder, or a name on the Hugging Face hub"
    )
    learning_choices: Sequence[str] = setting(
        ["dirichlet_concentration"],
        "parameters that are varied in the learning part; []: all",
        choices=tuple(name for name, varied in RANGES.items() if LEARNING in varied.experiments),
        empty=True,
    )
    learning_ues: int = setting(10, "UEs of the learning part", like="num_ues")
    learning_rounds: int = setting(15, "rounds of the learning part, T", low=1)
    learning_seeds: Sequence[int] = seed_setting([0], "seeds of the learning part")
    test_size: int | None = setting(200, "test samples of the learning part; None: all", low=1)


RECORDED = SensitivitySettings(
    num_ues=100,
    few_ues=10,
    rounds=20,
    seeds=range(10),
    experiments=[CONTROL, BANDWIDTH, LEARNING],
    task="sst2",
    learning_choices=[],
    learning_ues=20,
    learning_rounds=40,
    learning_seeds=[1, 2, 3, 4, 5],
    test_size=None,
)
"""The settings of the recorded run."""


def variations(experiment: Experiment, **changes: Any) -> list[tuple[dict[str, str], Scenario]]:
    """The base of an experiment, and both ends of every choice that is varied in it, one at a time.

    Each is the columns of the table that say which it is, and its scenario. `changes` to the scenario hold for all of
    them; an end that is the base itself is left out.
    """
    base = Scenario.corrected(**BASES[experiment], **changes)
    found = [({"parameter": "", "value": "", "side": BASE}, base)]
    for name, varied in RANGES.items():
        if experiment not in varied.experiments:
            continue
        for side, changed in varied.sides(name).items():
            scenario = dataclasses.replace(base, **changed)
            if scenario != base:
                value = value_text(Scenario.symbols()[name], changed[name])
                found.append(({"parameter": name, "value": value, "side": side}, scenario))
    return found


def measure(settings: SensitivitySettings, *, device: str = "cpu", finished: Path | None = None) -> pd.DataFrame:
    """Measure the outcome of every conclusion at the base, and at both ends of every choice that may matter for it.

    "control" runs Algorithm 2 in cells of `num_ues` UEs for `rounds` rounds without learning; "bandwidth" runs
    Algorithm 1 once in cells of `few_ues` and of `num_ues` UEs; "learning" varies the fields named in
    `learning_choices` (where none is named, all of `RANGES` that may matter) and fine-tunes with `learning_ues` UEs for
    `learning_rounds` rounds at `learning_seeds`, tested at the end on `test_size` samples, and keeps finished runs in
    the folder `finished`.

    Where samples belong to no domains, nothing is varied that deals them out so.

    Returns one row per conclusion, parameter (a field of `Scenario`, "" at the base), value, side ("low", "base" or
    "high") and seed, with the outcome. Raises ValueError as `Scenario`.
    """
    # first what may lack data or weights
    learned = _learn(settings, device, finished) if LEARNING in settings.experiments else pd.DataFrame()
    started = time.perf_counter()
    outcomes = {
        CONTROL: partial(control_outcomes, rounds=settings.rounds),
        BANDWIDTH: partial(bandwidth_outcomes, few_ues=settings.few_ues),
    }
    rows = [
        {"conclusion": conclusion, **labels, "seed": seed, "outcome": outcome}
        for experiment, outcomes_of in outcomes.items()
        if experiment in settings.experiments
        for labels, scenario in variations(experiment, num_ues=settings.num_ues)
        for seed in settings.seeds
        for conclusion, outcome in outcomes_of(scenario, seed).items()
    ]
    seconds = round(time.perf_counter() - started)
    if learned.empty:
        return pd.DataFrame(rows)
    table = pd.concat([pd.DataFrame(rows), accuracy_outcomes(learned)], ignore_index=True)
    table.attrs = {**learned.attrs, "seconds": learned.attrs["seconds"] + seconds}
    return table


def _learn(settings: SensitivitySettings, device: str, finished: Path | None) -> pd.DataFrame:
    """The runs of the learning part; samples that belong to no domains cannot be dealt out by them."""
    rounds = settings.learning_rounds
    protocol = Protocol(settings.task, settings.backbone, rounds, rounds, settings.test_size, device=device)
    in_domains = load_shared(protocol, settings.learning_seeds[0]).train.domains is not None
    runs = [
        ArmRun(arm, scenario, seed, labels)
        for seed in settings.learning_seeds
        for labels, scenario in variations(LEARNING, num_ues=settings.learning_ues)
        if not settings.learning_choices or labels["parameter"] in ("", *settings.learning_choices)
        if in_domains or scenario.partition != "domain"
        for arm in ARMS
    ]
    return measure_runs(runs, protocol, finished=finished, words=settings.words())


def control_outcomes(scenario: Scenario, seed: int, rounds: int) -> dict[str, float]:
    """The outcomes of the conclusions on power, reception and participation in one cell."""
    needs: dict[str, Any] = {
        "payload_bits": roberta_payload_bits(scenario),
        "compute_energy_j": roberta_training_energy_j(scenario),
    }
    switching = list(control_rounds(scenario, seed, rounds, rule="switching", **needs))
    greedy = control_rounds(scenario, seed, rounds, rule="greedy", **needs)
    optimal = pd.DataFrame([as_decided(each).totals() for each in switching])
    full = pd.DataFrame([at_full_power(scenario, each).totals() for each in switching])
    return {
        "energy": 1.0 - optimal["uplink_energy_j"].sum() / full["uplink_energy_j"].sum(),
        "silence": 1.0 - optimal["senders"].mean() / scenario.num_ues,
        # in the first round all UEs are asked
        "reception": full["received"].iloc[0] / full["sent"].iloc[0],
        "participation": _least_served(switching) - _least_served(greedy),
    }


def _least_served(rounds: Iterable[Round]) -> float:
    """What share of the UEs the module with the fewest uploads gets in a round."""
    return float(np.mean([each.decision.subscription for each in rounds], axis=(0, 2)).min())


def bandwidth_outcomes(scenario: Scenario, seed: int, few_ues: int) -> dict[str, float]:
    """The outcomes of the conclusions on Algorithm 1: cells of `scenario` and of `few_ues` UEs, all at full power.

    Algorithm 1 takes the rates of the instantaneous SINR, as printed; the delay those of the scenario.
    """
    iterations, delay_s = [], []
    for k in (few_ues, scenario.num_ues):
        s = dataclasses.replace(scenario, num_ues=k)
        channel, uploads_bits = first_round(s, seed, roberta_payload_bits(s))
        found = search(s, channel, uploads_bits, (s.min_delay_s, s.max_delay_s))
        _, common_s = share_bandwidth(s, channel, uploads_bits, np.full(k, s.max_power_w))
        iterations.append(found.iterations)
        delay_s.append(airtime_s(s, common_s))
    return {"iterations": float(iterations[1] - iterations[0]), "delay": float(np.log10(delay_s[1] / delay_s[0]))}


def accuracy_outcomes(learned: pd.DataFrame) -> pd.DataFrame:
    """Pooled accuracy at the end of each run: Algorithm 2 minus one common module, in the columns of `measure`."""
    run = ["parameter", "value", "side", "seed"]
    final = learned.dropna(subset=["accuracy_pooled"]).groupby([*run, "arm"], sort=False)["accuracy_pooled"].last()
    by_arm = final.unstack("arm")
    outcome = (by_arm[SWITCHING] - by_arm[ONE_MODULE]).rename("outcome").reset_index()
    outcome.insert(0, "conclusion", "accuracy")
    return outcome
