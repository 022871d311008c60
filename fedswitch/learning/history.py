"""`History`: what a federated run measured, round by round."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class History:
    """One federated run.

    `table` is tidy, one row per round: round, scheme, task, num_ues, seed, loss (risk (3), mean over UEs), accuracy
    (mean over UEs of the ensemble on their own test data), accuracy_pooled (the ensemble on the pooled test set),
    subscribed and received (uploads), participation_min (the left side of (7d), least over modules and UEs),
    energy_compute_j and energy_uplink_j (over all UEs, (4)), delay_s (13), power_mean_w. Rounds that were not evaluated
    hold NaN in loss and the accuracies. Concatenate the tables of several runs to get the result of a study.

    `subscribed` (beta) and `received` (beta * gamma) are boolean of shape (T, N, K); `distance_m` is (K,); `settings`
    holds what the run was made with: the scenario's fields, task, backbone, their sources, scheme, seed and rounds.
    """

    table: pd.DataFrame
    subscribed: NDArray[np.bool_]
    received: NDArray[np.bool_]
    distance_m: NDArray[np.float64]
    settings: dict[str, Any]

    @property
    def final(self) -> pd.Series:
        """The last round that was evaluated."""
        return self.table.dropna(subset=["accuracy"]).iloc[-1]
