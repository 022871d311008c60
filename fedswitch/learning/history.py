"""`History`: what a federated run measured, round by round."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from .. import theory
from ..arguments import Array, Bools
from ..scenario import Scenario
from .schemes import Plan
from .uplink import Uplink


@dataclasses.dataclass(frozen=True)
class History:
    """One federated run.

    `table` is tidy, one row per round: round, scheme, task, num_ues, seed, loss (risk (3), mean over UEs), accuracy
    (mean over UEs of the ensemble on their own test data), accuracy_pooled (the ensemble on the pooled test set),
    subscribed and received (uploads), participation_min (the left side of (7d), least over modules and UEs),
    energy_compute_j and energy_uplink_j (over all UEs, (4)), delay_s (13), or the deadline where one sets the
    threshold, power_mean_w (over the UEs that send), bound, the part of Theorem 1' that missed gradients have added so
    far, mean over modules, and sent_bits (of all uploads, received or not). Rounds that were not evaluated hold NaN in
    loss and the accuracies. With `personal` there are also accuracy_trained (of the modules that a UE subscribes to),
    accuracy_own, accuracy_weighted and accuracy_prior, means over UEs on their own test data as accuracy is, by the
    ways of inference in `learning.personal`; accuracy_trained_min of the UE that is served worst by what it trains;
    and, with a `Turn`, accuracy_turned of the UEs to whom it happens. Concatenate the tables of several runs to get the
    result of a study.

    `subscribed` (beta) and `received` (beta * gamma) are boolean of shape (T, N, K); `distance_m` is (K,); `settings`
    holds what the run was made with: the scenario's fields, task, backbone, their sources, scheme, seed and rounds.

    What a real network loses, or UEs that join late do not send, is there by round, counted from 0: in `lost` the
    uploads (N, K), none of which is received, and in `silent` (2, K) the UEs that did not say what risks the modules
    leave, before the round, or what they are good for, after it.
    """

    table: pd.DataFrame
    subscribed: Bools
    received: Bools
    distance_m: Array
    settings: dict[str, Any]
    lost: dict[int, Bools] = dataclasses.field(default_factory=dict)
    silent: dict[int, Bools] = dataclasses.field(default_factory=dict)

    @property
    def final(self) -> pd.Series:
        """The last round that was evaluated."""
        return self.table.dropna(subset=["accuracy"]).iloc[-1]


@dataclasses.dataclass
class Log:
    """What a run has measured so far; `labels` are the columns that say which run, `bound` is S_n, (N,)."""

    labels: dict[str, Any]
    bound: Array
    rows: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    subscribed: list[Bools] = dataclasses.field(default_factory=list)
    received: list[Bools] = dataclasses.field(default_factory=list)
    lost: dict[int, Bools] = dataclasses.field(default_factory=dict)
    silent: dict[int, Bools] = dataclasses.field(default_factory=dict)

    def add(
        self, scenario: Scenario, plan: Plan, uplink: Uplink, measured: dict[str, float], silent: Bools | None = None
    ) -> None:
        """Add a round; `measured` is empty where it was not evaluated."""
        t = len(self.rows)
        self.lost |= {t: uplink.lost} if uplink.lost.any() else {}
        self.silent |= {t: silent} if silent is not None and silent.any() else {}
        self.subscribed.append(plan.subscription)
        self.received.append(uplink.received)
        weights = np.full(scenario.num_ues, 1.0 / scenario.num_ues)
        A, B = theory.constants(weights, plan.subscription, uplink.success, **scenario.bound_constants)
        self.bound = theory.next_bound(self.bound, A, B)
        sends = plan.subscription.any(axis=0)
        risk = dict.fromkeys(("loss", "accuracy", "accuracy_pooled"), float("nan")) | measured
        self.rows.append(
            {
                "round": len(self.rows) + 1,
                **self.labels,
                **risk,
                "subscribed": int(plan.subscription.sum()),
                "received": int(uplink.received.sum()),
                "participation_min": float(np.mean(self.subscribed, axis=0).min()),
                "energy_compute_j": float(uplink.energy_compute_j.sum()),
                "energy_uplink_j": float(uplink.energy_uplink_j.sum()),
                "delay_s": uplink.delay_s,
                "power_mean_w": float(plan.power_w[sends].mean()) if sends.any() else 0.0,
                "bound": float(self.bound.mean()),
                "sent_bits": uplink.sent_bits,
            }
        )
