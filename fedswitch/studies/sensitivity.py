"""Sensitivity: each choice that the paper leaves open over its plausible range; which conclusions survive."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..checks import check_choice
from ..control import airtime_s, allocate_bandwidth, random_subscription, share_bandwidth
from ..parameters import value_text
from ..scenario import Scenario
from ..streams import stream
from ..wireless import Cell, training_energy_j
from .control_loop import Round, as_decided, at_full_power, control_rounds
from .federated import Arm, Protocol, Run, measure_runs
from .fig3_bandwidth import lora_payload_bits
from .fig5_energy import CLAIMED_SAVING, ROBERTA_BASE, ROBERTA_PARAMETERS
from .sensitivity_ranges import BANDWIDTH, BASES, CONTROL, LEARNING, RANGES, Experiment

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

FULL_SCALE: dict[str, Any] = {
    "experiments": [CONTROL, BANDWIDTH],
    "num_ues": 100,
    "few_ues": 10,
    "rounds": 20,
    "seeds": list(range(10)),
    "task": "reviews",
    "backbone": "minilm",
    "learning_choices": [
        "sinr_threshold",
        "partition",
        "dirichlet_concentration",
        "batch_size",
        "optimizer",
        "local_training",
    ],
    "learning_ues": 10,
    "learning_rounds": 15,
    "learning_seeds": [0, 1, 2, 3, 4],
    "test_size": 400,
}
"""The parameters of the recorded run, named as in the notebook.

Learning was not run for want of time: `-p experiments=control,bandwidth,learning` adds the choices named here.
"""


@dataclasses.dataclass(frozen=True)
class Setting:
    """One choice at one end of its range, or the base: columns of the table, and the scenario they stand for."""

    labels: dict[str, str]
    scenario: Scenario


def settings(experiment: Experiment, **changes: Any) -> list[Setting]:
    """The base of an experiment, and both ends of every choice that is varied in it, one at a time.

    `changes` to the scenario hold for all of them; an end that is the base itself is left out.
    """
    base = Scenario.corrected(**BASES[experiment], **changes)
    found = [Setting({"parameter": "", "value": "", "side": BASE}, base)]
    for name, varied in RANGES.items():
        if experiment not in varied.experiments:
            continue
        for side, changed in varied.sides(name).items():
            scenario = dataclasses.replace(base, **changed)
            if scenario != base:
                value = value_text(Scenario.symbols()[name], changed[name])
                found.append(Setting({"parameter": name, "value": value, "side": side}, scenario))
    return found


def measure(
    *,
    experiments: Sequence[Experiment],
    num_ues: int,
    few_ues: int,
    rounds: int,
    seeds: Sequence[int],
    task: str,
    backbone: str,
    learning_choices: Sequence[str],
    learning_ues: int,
    learning_rounds: int,
    learning_seeds: Sequence[int],
    test_size: int | None,
    device: str = "cpu",
    finished: Path | None = None,
) -> pd.DataFrame:
    """Measure the outcome of every conclusion at the base, and at both ends of every choice that may matter for it.

    "control" runs Algorithm 2 in cells of `num_ues` UEs for `rounds` rounds without learning; "bandwidth" runs
    Algorithm 1 once in cells of `few_ues` and of `num_ues` UEs; "learning" varies the fields named in
    `learning_choices` (where none is named, all of `RANGES` that may matter) and fine-tunes with `learning_ues` UEs for
    `learning_rounds` rounds at `learning_seeds`, tested at the end on `test_size` samples, and keeps finished runs in
    the folder `finished`.

    Returns one row per conclusion, parameter (a field of `Scenario`, "" at the base), value, side ("low", "base" or
    "high") and seed, with the outcome. Raises ValueError for an experiment that does not exist, and as `Scenario`.
    """
    for name in experiments:
        check_choice("experiments", name, Experiment)
    started = time.perf_counter()
    rows: list[dict[str, Any]] = []
    if CONTROL in experiments:
        for setting in settings(CONTROL, num_ues=num_ues):
            rows += _rows(setting, {seed: control_outcomes(setting.scenario, seed, rounds) for seed in seeds})
    if BANDWIDTH in experiments:
        for setting in settings(BANDWIDTH, num_ues=num_ues):
            rows += _rows(setting, {seed: bandwidth_outcomes(setting.scenario, seed, few_ues) for seed in seeds})
    seconds = round(time.perf_counter() - started)
    if LEARNING not in experiments:
        return pd.DataFrame(rows)
    runs = [
        Run(arm, setting.scenario, seed, setting.labels)
        for seed in learning_seeds
        for setting in settings(LEARNING, num_ues=learning_ues)
        if not learning_choices or setting.labels["parameter"] in ("", *learning_choices)
        for arm in ARMS
    ]
    protocol = Protocol(task, backbone, learning_rounds, learning_rounds, test_size, device=device)
    learned = measure_runs(runs, protocol, finished=finished)
    table = pd.concat([pd.DataFrame(rows), accuracy_outcomes(learned)], ignore_index=True)
    table.attrs = {**learned.attrs, "seconds": learned.attrs["seconds"] + seconds}
    return table


def _rows(setting: Setting, outcomes: dict[int, dict[str, float]]) -> Iterator[dict[str, Any]]:
    for seed, by_conclusion in outcomes.items():
        for conclusion, outcome in by_conclusion.items():
            yield {"conclusion": conclusion, **setting.labels, "seed": seed, "outcome": outcome}


def control_outcomes(scenario: Scenario, seed: int, rounds: int) -> dict[str, float]:
    """The outcomes of the conclusions on power, reception and participation in one cell."""
    model_bits = ROBERTA_PARAMETERS * scenario.bits_per_parameter
    needs: dict[str, Any] = {
        "payload_bits": _payload_bits(scenario),
        "compute_energy_j": training_energy_j(scenario, model_bits),
    }
    switching = list(control_rounds(scenario, seed, rounds, rule="switching", **needs))
    greedy = control_rounds(scenario, seed, rounds, rule="greedy", **needs)
    optimal = [as_decided(each).totals() for each in switching]
    full = [at_full_power(scenario, each).totals() for each in switching]
    return {
        "energy": 1.0 - _total(optimal, "uplink_energy_j") / _total(full, "uplink_energy_j"),
        "silence": 1.0 - _total(optimal, "senders") / (rounds * scenario.num_ues),
        # in the first round all UEs are asked
        "reception": full[0]["received"] / full[0]["sent"],
        "participation": _least_served(switching) - _least_served(greedy),
    }


def _total(totals: Sequence[Mapping[str, float]], name: str) -> float:
    return sum(each[name] for each in totals)


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
        channel = Cell.draw(s, seed).channel(0)
        subscribed = random_subscription(s.num_modules, k, s.subscription_limit, stream(seed, "subscription", 0))
        payload_bits = subscribed * _payload_bits(s)[:, np.newaxis]
        search = allocate_bandwidth(
            payload_bits,
            s.max_power_w * channel.gain,
            channel.interference_w,
            bandwidth_hz=s.bandwidth_hz,
            noise_psd_w_per_hz=s.noise_psd_w_per_hz,
            method="bisection",
            tolerance=s.bandwidth_tolerance,
            max_iterations=s.max_bisections,
            delay_bracket_s=(s.min_delay_s, s.max_delay_s),
        )
        _, common_s = share_bandwidth(s, channel, payload_bits, np.full(k, s.max_power_w))
        iterations.append(search.iterations)
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


def _payload_bits(scenario: Scenario) -> NDArray[np.float64]:
    """Of the paper's own model, with LoRA on the layers that the scenario says."""
    layers = scenario.lora_layers or ROBERTA_BASE["layers"]
    return lora_payload_bits(scenario, hidden_size=ROBERTA_BASE["hidden_size"], layers=layers)
