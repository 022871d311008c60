r"""Policies over many rounds of one cell, without any learning, and how near to the bound of all policies they come.

Let all delays be in limits, q the queue and d the delay of a round, and let the rounds be independent and alike. If a
policy that knows their statistics has N* devices on average with a mean delay of at most 1, "proposed" has

.. math:: \mathbb{E} \frac{1}{T} \sum_t N_t \ge N^* - \frac{\zeta}{2} \mathbb{E} \frac{1}{T} \sum_t (d_t - 1)^2
    - \frac{\zeta}{2T} \mathbb{E} [q_0^2 - q_T^2], \qquad \frac{1}{T} \sum_t d_t \le 1 + \frac{q_T - q_0}{T}.

*Proof*: by the corrected (21), :math:`\frac{1}{2} (q_{t+1}^2 - q_t^2) \le q_t (d_t - 1) + \frac{1}{2} (d_t - 1)^2`. In
every round it makes :math:`N_t - \zeta q_t d_t` largest; the other policy has at least :math:`N^* - \zeta q_t` of that
on average. Put the one into the other, and add up. The second is (18a), added up. A queue that starts at the price of
delay ends near it, so that what remains is :math:`\zeta` times half the variance of the delay.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ..arguments import Array, Bools, check_choice, whole
from .delays import prefix_delays
from .policies import Policy, decide_schedule, next_queue_s, policy_delays, scheduled_count
from .price import price_of_delay
from .split_cell import SplitCell

_REHEARSED_ROUNDS = 500


@dataclasses.dataclass(frozen=True, eq=False)
class ScheduledRounds:
    r"""What a policy made of many rounds: `scheduled` (T, K), `delay_s` (T,), and `queue_s` (T,) after each of them.

    `participation_price` (K,) are the :math:`\lambda_k` of "fair" after the last round, 0 elsewhere. They certify how
    fair the rounds were, whatever the channels: :math:`\varphi` times the mean participation less that of device k is
    at most :math:`\lambda_k(T) / (\varsigma T)`, with :math:`\varsigma` the step of the prices. *Proof*: by (11),
    :math:`\lambda_k(t) - \lambda_k(t-1) \ge \varsigma (\varphi N(t)/K - \beta_k(t))`, with :math:`\beta_k(t)` 1 if k is
    scheduled in round t and else 0; add up.
    """

    scheduled: Bools
    delay_s: Array
    queue_s: Array
    participation_price: Array

    @property
    def mean_scheduled(self) -> float:
        """Devices a round."""
        return float(self.scheduled.sum(axis=1).mean())

    @property
    def participation(self) -> Array:
        """The share of the rounds in which each device was scheduled, (K,)."""
        return np.asarray(self.scheduled.mean(axis=0))


def start_queue_s(cell: SplitCell, policy: Policy) -> float:
    r"""The queue :math:`\hat{D}(0)` in s with which a policy starts: 0, but for "proposed" and "fair".

    Those start with the queue whose price in (22) is the price of delay, of rounds with fading of their own, which the
    server can draw from the mean gains of its devices. `scenario.queue_start`, in limits, replaces it. Raises
    ValueError for an unknown policy.
    """
    check_choice("policy", policy, Policy)
    scenario = cell.scenario
    if policy not in ("proposed", "fair"):
        return 0.0
    if scenario.queue_start is not None:
        return scenario.queue_start * scenario.delay_limit_s
    gains = cell.rehearsed_gains_w(_REHEARSED_ROUNDS)
    delays = prefix_delays(gains, payload_bits=scenario.payload_bits, **scenario.band)
    price = price_of_delay(delays, scenario.delay_limit_s)
    return price * scenario.delay_limit_s**2 / scenario.penalty_weight


def schedule_rounds(cell: SplitCell, rounds: int, *, policy: Policy) -> ScheduledRounds:
    """Schedule the first `rounds` rounds of a cell, one after the other, without any learning.

    All delays are found at once where they do not depend on the round before. Raises ValueError for an unknown policy
    and for less than one round.
    """
    rounds = whole("rounds", rounds, low=1)
    scenario, queue_s = cell.scenario, start_queue_s(cell, policy)
    gains = cell.gains_w(rounds)
    scheduled, delay_s, queues_s = np.zeros(gains.shape, dtype=bool), np.zeros(rounds), np.zeros(rounds)
    price = np.zeros(scenario.num_devices)
    if policy == "fair":
        for index, gain in enumerate(gains):
            one = decide_schedule(scenario, gain, queue_s, index + 1, policy=policy, participation_price=price)
            scheduled[index], delay_s[index], price = one.scheduled, one.delay_s, one.participation_price
            queues_s[index] = queue_s = one.queue_s
        return ScheduledRounds(scheduled, delay_s, queues_s, price)
    strongest = np.argsort(-gains, axis=-1, kind="stable")
    for index, delays in enumerate(policy_delays(scenario, policy, scenario.payload_bits, gains)):
        count = scheduled_count(scenario, policy, delays, queue_s, index + 1)
        scheduled[index, strongest[index, :count]] = True
        delay_s[index] = delays[count - 1] if count else 0.0
        queues_s[index] = queue_s = next_queue_s(scenario, policy, queue_s, float(delay_s[index]), index + 1)
    return ScheduledRounds(scheduled, delay_s, queues_s, price)
