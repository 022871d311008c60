"""Algorithm 2 without learning: the rounds of one cell, and what its uploads would take at full power."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..control import Decision, Observation, State, airtime_s, decide, share_bandwidth, start
from ..control.online import Rule
from ..scenario import Form, Scenario
from ..streams import stream
from ..wireless import Cell, Reception


@dataclasses.dataclass(frozen=True, eq=False)
class Round:
    """A round of Algorithm 2: what was seen, the state before it (with the subscriptions), and what was decided."""

    seen: Observation
    state: State
    decision: Decision


@dataclasses.dataclass(frozen=True, eq=False)
class Sending:
    """The uploads (N, K) of a round, the powers (K,) and the delay they take, and how likely each is received."""

    uploads: NDArray[np.bool_]
    power_w: NDArray[np.float64]
    delay_s: float
    success_probability: NDArray[np.float64]

    def totals(self) -> dict[str, float]:
        """Sums over the UEs of the round; `received` is the number of uploads that is expected to arrive."""
        senders = self.uploads.any(axis=0)
        return {
            "sent": float(self.uploads.sum()),
            "received": float(self.success_probability[self.uploads].sum()),
            "uplink_energy_j": float((self.power_w * self.delay_s * self.uploads).sum()),
            "delay_s": self.delay_s,
            "radiated_w": float(self.power_w[senders].sum()),
            "senders": float(senders.sum()),
        }


def control_rounds(
    scenario: Scenario,
    seed: int,
    rounds: int,
    *,
    payload_bits: NDArray[np.float64],
    compute_energy_j: float,
    rule: Rule = "switching",
    form: Form = "corrected",
) -> Iterator[Round]:
    """Run Algorithm 2 in the cell of a seed; `payload_bits` and `compute_energy_j` are those of `Observation`."""
    cell = Cell.draw(scenario, seed)
    state = start(scenario, rng=stream(seed, "start"), form=form)
    for t in range(rounds):
        seen = Observation(cell.channel(t), payload_bits, compute_energy_j)
        rng = stream(seed, "decision", t)
        decision, following = decide(scenario, seen, state, rng=rng, rule=rule, form=form)
        yield Round(seen, state, decision)
        state = following


def as_decided(done: Round) -> Sending:
    """The uploads of a round with the powers of Algorithm 2."""
    decision = done.decision
    return Sending(decision.subscription, decision.power_w, decision.delay_s, decision.success_probability)


def at_full_power(scenario: Scenario, done: Round) -> Sending:
    """All that the UEs of a round subscribed to, at the largest power, with a bandwidth allocation of its own."""
    power_w = np.full(scenario.num_ues, scenario.max_power_w)
    subscription, payload = done.state.subscription, done.seen.payload_of_ues_bits
    share, delay_s = share_bandwidth(scenario, done.seen.channel, subscription * payload, power_w)
    # a share of infinity is never received
    width = np.where(share > 0.0, share, np.inf)
    reception = Reception.of(scenario, done.seen.channel.distance_m, width, payload)
    return Sending(subscription, power_w, airtime_s(scenario, delay_s), reception.probability(power_w))
