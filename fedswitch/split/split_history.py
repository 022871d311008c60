"""`SplitHistory`: what a run of split federated LoRA measured, round by round."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd

from ..arguments import Array, Bools
from .split_rounds import Exchange


class AnyDecision(Protocol):
    """What a policy decides in a round; a `Schedule` is one. It may hold more, which goes on to the next round."""

    @property
    def scheduled(self) -> Bools:
        """The devices of the round, (K,)."""

    @property
    def delay_s(self) -> float:
        """The common delay (7), 0 where nobody is scheduled."""

    @property
    def queue_s(self) -> float:
        """The queue (18) after the round."""


@dataclasses.dataclass(frozen=True)
class SplitHistory:
    """One run of split federated LoRA.

    `table` is tidy, one row per round: round, policy, task, num_devices, seed, loss_train (over the mini-batches of the
    scheduled devices, before their steps; NaN where nobody is scheduled), loss and accuracy (means over all devices,
    each with its own head on all test samples), accuracy_min and accuracy_max (of the worst and the best device; NaN
    in rounds that were not tested, as loss and accuracy), scheduled (N), participation_min and participation_max
    (shares of the rounds so far, of the least and the most scheduled device), delay_s (7), delay_mean_s (mean over the
    rounds so far, the left side of (8)), delay_over_limit (that mean over the right side of (8)), queue_s (18),
    uplink_bits and downlink_bits (of all messages of the round).

    `scheduled` is boolean of shape (T, K), `accuracy` (T, K) is that of each device; `settings` holds what the run was
    made with.
    """

    table: pd.DataFrame
    scheduled: Bools
    accuracy: Array
    settings: dict[str, Any]

    @property
    def final(self) -> pd.Series:
        """The last round that was tested."""
        return self.table.dropna(subset=["accuracy"]).iloc[-1]

    @property
    def says(self) -> str:
        """What is to be known before an accuracy is read: rounds with nobody, and a limit that was not kept."""
        rounds, empty = len(self.table), int((self.table["scheduled"] == 0).sum())
        over = float(self.table["delay_over_limit"].iloc[-1])
        said = []
        if empty:
            said.append(
                f"Nobody was scheduled in {empty} of {rounds} rounds: nobody met the limit of the delay, or earlier "
                "rounds had still to be paid for."
            )
        if over > 1.0:
            said.append(f"The mean delay was {over:.3g} times its limit.")
        return " ".join(said)


@dataclasses.dataclass
class SplitLog:
    """What a run has measured so far; `labels` are the columns that say which run, `limit_s` the limit of (8)."""

    labels: dict[str, Any]
    limit_s: float
    rows: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    scheduled: list[Bools] = dataclasses.field(default_factory=list)
    accuracy: list[Array] = dataclasses.field(default_factory=list)

    def add(self, decision: AnyDecision, exchange: Exchange, tested: tuple[Array, Array] | None) -> None:
        """Add a round; `tested` holds loss and accuracy of every device, (K,) each, where it was tested."""
        self.scheduled.append(decision.scheduled)
        unknown = np.full(decision.scheduled.shape, np.nan)
        loss, accuracy = (unknown, unknown) if tested is None else tested
        self.accuracy.append(accuracy)
        participation = np.mean(self.scheduled, axis=0)
        delays = [*(row["delay_s"] for row in self.rows), float(decision.delay_s)]
        self.rows.append(
            {
                "round": len(self.rows) + 1,
                **self.labels,
                "loss_train": float(exchange.loss.mean()) if exchange.loss.size else float("nan"),
                "loss": float(loss.mean()),
                "accuracy": float(accuracy.mean()),
                "accuracy_min": float(accuracy.min()),
                "accuracy_max": float(accuracy.max()),
                "scheduled": int(decision.scheduled.sum()),
                "participation_min": float(participation.min()),
                "participation_max": float(participation.max()),
                "delay_s": delays[-1],
                "delay_mean_s": float(np.mean(delays)),
                "delay_over_limit": float(np.mean(delays)) / self.limit_s,
                "queue_s": float(decision.queue_s),
                "uplink_bits": float(exchange.uplink_bits.sum()),
                "downlink_bits": float(exchange.downlink_bits.sum()),
            }
        )

    def history(self, settings: Mapping[str, Any]) -> SplitHistory:
        """All of it."""
        return SplitHistory(pd.DataFrame(self.rows), np.stack(self.scheduled), np.stack(self.accuracy), dict(settings))
