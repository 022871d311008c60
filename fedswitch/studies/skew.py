"""Beyond the paper: does switching beat one common module, and where? Three kinds of skew, three kinds of inference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..scenario import Scenario
from ..units import db_to_ratio
from .federated import AS_PRINTED, Arm, Protocol, Run, arms_by_name, measure_runs

ARMS = (
    Arm("fedlora", "one common module", "fedlora"),
    Arm("random", "at random", "random"),
    Arm("switching", "Algorithm 2, corrected", "switching", "corrected"),
    Arm("switching_printed", "Algorithm 2, printed", "switching_printed", "printed", AS_PRINTED),
    Arm("switching_risk", "remaining risk", "switching_risk", "corrected"),
)

FULL_SCALE: dict[str, Any] = {
    "task": "reviews",
    "backbone": "minilm",
    "arms": [arm.name for arm in ARMS],
    "skews": ["label", "quantity", "domain"],
    "num_ues": 12,
    "seeds": [1, 2, 3, 4, 5],
    "rounds": 20,
    "batch_size": 16,
    "learning_rate": 3e-3,
    "lora_layers": 2,
    "sinr_threshold_db": -5.0,
    "concentration": 0.1,
    "domains_per_ue": 1,
    "test_size": 400,
    "evaluate_every": 20,
}
"""The parameters of the recorded run, named as in the notebook."""


def measure(
    *,
    task: str,
    backbone: str,
    arms: Sequence[str],
    skews: Sequence[str],
    num_ues: int,
    seeds: Sequence[int],
    rounds: int,
    batch_size: int,
    learning_rate: float,
    lora_layers: int | None,
    sinr_threshold_db: float,
    concentration: float,
    domains_per_ue: int,
    test_size: int | None,
    evaluate_every: int,
    device: str = "cpu",
    finished: Path | None = None,
) -> pd.DataFrame:
    """Fine-tune with every arm under every skew, without weight on energy.

    Returns `History.table` of all runs with the columns `arm` and `skew`. The UEs are tested in three ways: with the
    uniform ensemble (3), `accuracy`; with one module each, `accuracy_own`; with weights of their own,
    `accuracy_weighted`.
    """
    scenarios = {
        skew: Scenario.corrected(
            num_ues=num_ues,
            batch_size=batch_size,
            learning_rate=learning_rate,
            lora_layers=lora_layers,
            sinr_threshold=float(db_to_ratio(sinr_threshold_db)),
            partition=skew,
            dirichlet_concentration=concentration,
            domains_per_ue=domains_per_ue,
            energy_weight_per_j=0.0,
        )
        for skew in skews
    }
    runs = [
        Run(arm, scenarios[skew], seed, {"skew": skew})
        for seed in seeds
        for skew in skews
        for arm in arms_by_name(ARMS, arms)
    ]
    protocol = Protocol(task, backbone, rounds, evaluate_every, test_size, personal=True, device=device)
    return measure_runs(runs, protocol, finished=finished)
