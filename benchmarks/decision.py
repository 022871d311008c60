"""How long one decision of Algorithm 2 takes, and one composed of general solvers: `python benchmarks/decision.py`.

The bandwidth grows and the weight of energy falls in proportion to the UEs, from the scenario's values for 100 UEs, so
that the situation of a UE stays the same. The payloads are LoRA gradients of an encoder of RoBERTa's size. A time is
the median over the rounds after the first, in each of which Algorithm 2 runs once on a channel of its own. To draw that
channel is the observation and not part of the decision: it stands in a column of its own.

The reference is the same decision, of one round at the instantaneous rate, with its solvers exchanged: nested
`scipy.optimize.brentq` for the bandwidth, `trust-constr` for every power, and `linprog` for every subscription. It is
allowed as many inner iterations as ours took.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import statistics
import time
from typing import Any
from unittest import mock

import numpy as np
from _timing import alternate, duration, machine, print_table
from scipy.optimize import brentq
from subscription import linprog_each

from fedswitch import Scenario
from fedswitch.control import Decision, Observation, State, decide, interior_point_power, start
from fedswitch.control.sharing import Band
from fedswitch.encoders import lora_payload_bits
from fedswitch.streams import stream
from fedswitch.wireless import Cell, Reception

ROUNDS = {10: 30, 100: 30, 1_000: 12, 10_000: 6, 100_000: 4}


@dataclasses.dataclass(frozen=True, eq=False)
class Round:
    """What was given in a round and decided, and how long channel and decision took."""

    observation: Observation
    state: State
    decision: Decision
    channel_s: float
    decision_s: float


def like_a_hundred(num_ues: int, rate: str) -> Scenario:
    """The default scenario, in which every UE fares as among 100 UEs."""
    usual = Scenario.corrected(num_ues=100)
    scale = num_ues / usual.num_ues
    return Scenario.corrected(
        num_ues=num_ues,
        rate=rate,
        bandwidth_hz=usual.bandwidth_hz * scale,
        energy_weight_per_j=usual.energy_weight_per_j / scale,
    )


def run(scenario: Scenario, num_rounds: int) -> list[Round]:
    cell, payload_bits = Cell.draw(scenario, seed=0), lora_payload_bits(scenario)
    state, rounds = start(scenario, rng=stream(0, "start")), []
    for index in range(num_rounds):
        begin = time.perf_counter()
        observation = Observation(cell.channel(index), payload_bits)
        observed = time.perf_counter()
        decision, following = decide(scenario, observation, state, rng=stream(0, "decision", index))
        decided = time.perf_counter()
        rounds.append(Round(observation, state, decision, observed - begin, decided - observed))
        state = following
    return rounds


# The reference: what takes the place of each solver of Algorithm 2


def nested_share(band: Band, payload_bits: np.ndarray, power_w: np.ndarray, method: str) -> tuple[np.ndarray, float]:
    """`Band.share`: the delay at which the shares sum to 1."""
    watts = np.broadcast_to(power_w, payload_bits.shape)
    sent = (payload_bits > 0.0) & (watts > 0.0)
    shares = np.zeros(payload_bits.shape)
    if not sent.any():
        return shares, 0.0
    links = _links(band, payload_bits, power_w, sent)

    def excess_share(log_delay: float) -> float:
        return sum(_share(math.exp(log_delay), *link) for link in links) - 1.0

    # the slowest upload alone takes the whole bandwidth in one case, and an equal part of it in the other
    fastest = max(_delay(0.0, *link) for link in links) * (1.0 - 1e-9)
    feasible = max(_delay(-math.log(len(links)), *link) for link in links) * (1.0 + 1e-9)
    delay_s = math.exp(brentq(excess_share, math.log(fastest), math.log(feasible), xtol=1e-10))
    shares[sent] = [_share(delay_s, *link) for link in links]
    return shares, delay_s


def nested_share_in_time(band: Band, delay_s: float, payload_bits: np.ndarray, power_w: np.ndarray) -> np.ndarray:
    """`Band.share_in_time`."""
    sent, shares = payload_bits > 0.0, np.zeros(payload_bits.shape)
    shares[sent] = [_share(delay_s, *link) for link in _links(band, payload_bits, power_w, sent)]
    return shares


def _links(
    band: Band, payload_bits: np.ndarray, power_w: np.ndarray, sent: np.ndarray
) -> list[tuple[float, float, float]]:
    """For each upload its seconds over share and spectral efficiency, and signal and interference over the noise."""
    noise_w = band.radio.noise_w
    columns = np.broadcast_arrays(
        payload_bits * (math.log(2.0) / band.radio.bandwidth_hz),
        power_w * band.channel.gain / noise_w,
        band.channel.interference_w / noise_w,
    )
    return list(zip(*(column[sent].tolist() for column in columns), strict=True))


def _delay(log_share: float, seconds: float, snr: float, inr: float) -> float:
    share = math.exp(log_share)
    return seconds / (share * math.log1p(snr / (inr + share)))


def _share(delay_s: float, *link: float) -> float:
    """The share that an upload takes to end after a delay, which may exceed 1, or infinity."""
    smallest, largest = -60.0, 30.0  # logarithms
    if _delay(largest, *link) >= delay_s:
        return math.inf
    return math.exp(brentq(lambda y: math.log(_delay(y, *link) / delay_s), smallest, largest, xtol=1e-10))


def interior_point(
    path_loss_exponent: float,
    attenuation_w: np.ndarray,
    field: np.ndarray,
    benefit: np.ndarray,
    price_per_w: np.ndarray,
    max_power_w: float,
) -> np.ndarray:
    """`power_in_field`; not to transmit is the better choice where the objective says so."""
    reception = Reception(attenuation_w, field, np.zeros(field.shape), path_loss_exponent)
    power_w = np.zeros(field.shape)
    for k in np.flatnonzero(benefit > 0.0):

        def loss(power: np.ndarray, k: int = k) -> np.ndarray:
            return benefit[k] * (1.0 - reception[k].probability(power))

        found = interior_point_power(loss, price_per_w[k], max_power_w=max_power_w, start_w=0.5 * max_power_w)
        if loss(np.array(found)) + price_per_w[k] * found < benefit[k]:
            power_w[k] = found
    return power_w


def linear_program(gradient: np.ndarray, dual: np.ndarray, limit: int, *, rng: np.random.Generator) -> np.ndarray:
    """`subscribe`; the largest cost of every UE is 1, since HiGHS's tolerances are absolute."""
    cost = gradient - dual
    return linprog_each(cost / np.abs(cost).max(axis=1, keepdims=True), limit) > 0.5


SOLVERS: dict[str, dict[str, Any]] = {
    "fedswitch.control.sharing.Band": {"share": nested_share, "share_in_time": nested_share_in_time},
    "fedswitch.control.forms": {"power_in_field": interior_point},
    "fedswitch.control.online": {"subscribe": linear_program},
}


# The tables


def grow() -> None:
    rows = []
    for rate in ("ergodic", "instantaneous"):
        for num_ues, num_rounds in ROUNDS.items():
            _, *steady = run(like_a_hundred(num_ues, rate), num_rounds)
            seconds = statistics.median(one.decision_s for one in steady)
            inner = sorted(one.decision.inner.objective.size for one in steady)
            rows.append(
                [
                    rate,
                    f"{num_ues:,}",
                    duration(seconds),
                    duration(max(one.decision_s for one in steady)),
                    duration(seconds / num_ues),
                    f"{inner[0]} to {inner[-1]}",
                    duration(statistics.median(one.channel_s for one in steady)),
                    str(len(steady)),
                ]
            )
    header = ["rate", "K", "decision", "slowest", "per UE", "inner iterations", "channel", "rounds"]
    print_table("One decision, N = 4; bandwidth times K/100 and energy weight times 100/K", header, rows)


def compare() -> None:
    rows = []
    for num_ues in (10, 100):
        scenario = like_a_hundred(num_ues, "instantaneous")
        *_, last = run(scenario, 4)
        limited = dataclasses.replace(scenario, max_inner_iterations=last.decision.inner.objective.size)

        def ours(given: Round = last, scenario: Scenario = scenario) -> tuple[Decision, State]:
            return decide(scenario, given.observation, given.state, rng=stream(0, "decision", 3))

        def composed(given: Round = last, scenario: Scenario = limited) -> tuple[Decision, State]:
            with contextlib.ExitStack() as exchanged:
                for place, solvers in SOLVERS.items():
                    exchanged.enter_context(mock.patch.multiple(place, **solvers))
                return decide(scenario, given.observation, given.state, rng=stream(0, "decision", 3))

        timed = {"ours": alternate({"ours": ours})["ours"]}
        timed["composed"] = alternate({"composed": composed}, seconds=0.0, at_least=1)["composed"]
        wanted = timed["ours"].results[-1][1].subscription
        for name, one in timed.items():
            decision, following = one.results[-1]
            same = (following.subscription == wanted).all(axis=0)
            rows.append(
                [
                    f"{num_ues:,}",
                    name,
                    duration(one.median_s),
                    f"{one.median_s / timed['ours'].median_s:.3g}",
                    str(decision.inner.objective.size),
                    f"{decision.inner.objective.min():.6g}",
                    f"{decision.delay_s:.6g} s",
                    str(np.count_nonzero(decision.subscription)),
                    str(np.count_nonzero(same)),
                ]
            )
    header = ["K", "solvers", "decision", "times ours", "inner", "objective", "delay", "uploads", "same next choice"]
    print_table("The same decision of one round, instantaneous rate", header, rows)


def main() -> None:
    print(machine())
    grow()
    compare()


if __name__ == "__main__":
    main()
