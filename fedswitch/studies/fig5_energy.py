r"""Fig. 5: the energy of uploads against the SINR threshold, with optimal power and at full power.

What a joule weighs, :math:`\mu`, matters only relative to what a received upload is worth, `control.reception_benefit`,
which depends on constants that the paper does not state. So the study looks at the stated weights as they are, and at a
grid of *relative* weights, :math:`\mu` over that worth, under several readings of the model.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..control import reception_benefit
from ..control.online import Rule
from ..encoders import ROBERTA_LAYERS, ROBERTA_PARAMETERS, lora_payload_bits
from ..scenario import Form, Scenario
from ..units import db_to_ratio
from ..wireless import training_energy_j
from .control_loop import as_decided, at_full_power, control_rounds
from .settings import StudySettings, seed_setting, setting

CLAIMED_SAVING = 0.168
"""What the paper saves by optimal power at `CLAIMED_AT_DB`, with the lighter of its two weights."""

CLAIMED_REDUCTION = 0.119
"""By how much ten times that weight lowers the communication overhead, in the paper."""

CLAIMED_AT_DB = -5.0

LIGHTER_PER_J, HEAVIER_PER_J = 1e5, 1e6
"""The two weights of energy that the paper states."""

RULES = ("optimal", "full power")


@dataclasses.dataclass(frozen=True)
class Reading:
    """One way to read the paper: the form of Algorithm 2, fields of `Scenario`, and whether computing is charged.

    (14), from which (21) takes the power, has no energy for computing; (4) has.
    """

    form: Form
    changes: dict[str, Any]
    computing: bool

    def scenario(self, num_ues: int, sinr_threshold_db: float) -> Scenario:
        """The scenario of this reading; a deadline replaces the threshold where the reading has one."""
        make = Scenario.paper if self.form == "printed" else Scenario.corrected
        return make(num_ues=num_ues, sinr_threshold=float(db_to_ratio(sinr_threshold_db)), **self.changes)


def _variant(**changes: Any) -> Reading:
    return Reading("corrected", changes, computing=False)


READINGS = {
    "corrected": Reading("corrected", {}, computing=True),
    "printed": Reading("printed", {}, computing=True),
    "uplink only": _variant(),
    "quiet neighbors": _variant(interferer_power_w=0.0),
    "printed outage": _variant(outage="printed"),
    "unit gain": _variant(reference_gain=1.0),
    "unit gain, quiet neighbors": _variant(reference_gain=1.0, interferer_power_w=0.0),
    "unit gain, printed outage": _variant(reference_gain=1.0, outage="printed"),
    "deadline": _variant(threshold="deadline"),
    "deadline, printed outage": _variant(threshold="deadline", outage="printed"),
}
"""The two forms as they are, and variants of the corrected one in which only uploads cost energy.

Neighbors, the interferers, send at the largest power or, if quiet, not at all; with the outage as printed they have the
UE's own power, so that no power overcomes them.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fig5Settings(StudySettings):
    """What the study can be run with."""

    num_ues: int = setting(40, "UEs in the cell, K", like="num_ues")
    seeds: Sequence[int] = seed_setting([0, 1, 2], "of cell, fading and decisions")
    rounds: int = setting(
        12, "rounds of Algorithm 2; with large weights, only debts make UEs send, after 10 rounds", low=1
    )
    rule: Rule = setting("switching", "how UEs choose modules: switching, proximal, greedy, one_shot, random")
    readings: Sequence[str] = setting(
        ["corrected", "printed"], "readings that are run over the thresholds", choices=tuple(READINGS), empty=True
    )
    sinr_thresholds_db: Sequence[float] = setting(
        [-15.0, -5.0, 5.0, 15.0], "SINR thresholds: several values", "dB", low=-200, high=200, empty=True
    )
    energy_weights_per_j: Sequence[float] = setting(
        [1e-3, 1e5, 1e6],
        "energy weights mu for these readings: several values",
        "1/J",
        like="energy_weight_per_j",
        empty=True,
    )
    variants: Sequence[str] = setting(
        ["corrected", "uplink only", "printed outage"],
        "readings that are run over relative weights, at -5 dB",
        choices=tuple(READINGS),
        empty=True,
    )
    relative_weights_per_j: Sequence[float] = setting(
        [1e-2, 1e-1, 1.0, 10.0, 100.0],
        "mu over the worth of an upload: several values",
        "1/J",
        above=0.0,
        empty=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.points():
            raise ValueError(
                "readings with sinr_thresholds_db and energy_weights_per_j, or variants with relative_weights_per_j, "
                "must have at least one value each, so that there is something to run"
            )

    def points(self) -> list[tuple[str, float, float, bool]]:
        """What is run: the reading, the threshold in dB, the weight, and whether that is relative, for the scan."""
        stated = itertools.product(self.readings, self.sinr_thresholds_db, self.energy_weights_per_j, [False])
        scanned = itertools.product(self.variants, [CLAIMED_AT_DB], self.relative_weights_per_j, [True])
        return [*stated, *scanned]


RECORDED = Fig5Settings(
    num_ues=100,
    seeds=range(10),
    rounds=20,
    sinr_thresholds_db=[-15.0, -10.0, -5.0, 0.0, 5.0, 10.0, 15.0],
    variants=list(READINGS),
    relative_weights_per_j=[10.0**exponent for exponent in range(-7, 3)],
)


def measure(settings: Fig5Settings) -> pd.DataFrame:
    r"""Run Algorithm 2 without learning in many cells, and send the uploads of each round at full power beside it.

    `readings` are run at all thresholds with the weights :math:`\mu` as given, and `variants` at -5 dB with each
    relative weight, all by name from `READINGS`; `rule` chooses the subscriptions.

    Returns one row per reading, `sinr_threshold_db`, `energy_weight_per_j`, seed and `power_rule`. "optimal" are the
    powers of Algorithm 2; "full power" sends all that the same UEs subscribed to in the same rounds at the largest
    power, with a bandwidth allocation of its own. Means over rounds are `subscribed`, `sent` and (expected) `received`
    uploads, `uplink_energy_j`, `compute_energy_j` and `delay_s`; `power_w` is the mean over UEs and rounds that send.
    `relative_weight_per_j` is :math:`\mu` over what a received upload is worth before any debts. Raises ValueError
    as `Scenario` and `decide`.
    """
    tables = []
    for name, threshold_db, weight, scan in settings.points():
        reading = READINGS[name]
        scenario = reading.scenario(settings.num_ues, threshold_db)
        worth = float(reception_benefit(scenario, 0.0, form=reading.form).max())
        mu, relative = (weight * worth, weight) if scan else (weight, weight / worth)
        scenario = dataclasses.replace(scenario, energy_weight_per_j=mu)
        labels = {
            "reading": name, "sinr_threshold_db": threshold_db, "scan": scan,
            "energy_weight_per_j": mu, "relative_weight_per_j": relative,
        }  # fmt: skip
        for seed in settings.seeds:
            rounds = pd.DataFrame(_rounds(reading, scenario, seed, settings.rounds, settings.rule))
            means = rounds.groupby("power_rule").mean()
            watts = means.pop("radiated_w") / means.pop("senders").where(lambda count: count > 0)
            tables.append(means.assign(**labels, seed=seed, power_w=watts).reset_index())
    return pd.concat(tables, ignore_index=True)


def roberta_payload_bits(scenario: Scenario) -> NDArray[np.float64]:
    """G_n of shape (N,) in bits for the paper's model, with LoRA on as many layers as the scenario says."""
    return lora_payload_bits(scenario, layers=scenario.lora_layers or ROBERTA_LAYERS)


def roberta_training_energy_j(scenario: Scenario) -> float:
    """What a UE spends in J on computing in a round, by (4), for the paper's model."""
    return training_energy_j(scenario, ROBERTA_PARAMETERS * scenario.bits_per_parameter)


def _rounds(reading: Reading, scenario: Scenario, seed: int, rounds: int, rule: Rule) -> Iterator[dict[str, Any]]:
    """What each round of one cell takes, with the powers of Algorithm 2 and at full power."""
    compute_j = roberta_training_energy_j(scenario)
    for done in control_rounds(
        scenario,
        seed,
        rounds,
        payload_bits=roberta_payload_bits(scenario),
        compute_energy_j=compute_j if reading.computing else 0.0,
        rule=rule,
        form=reading.form,
    ):
        for power_rule, sending in zip(RULES, (as_decided(done), at_full_power(scenario, done)), strict=True):
            yield {
                "power_rule": power_rule,
                "subscribed": int(done.state.subscription.sum()),
                "compute_energy_j": compute_j * sending.uploads.sum(),
                **sending.totals(),
            }
