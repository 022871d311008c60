r"""Who is scheduled in a round, and with what share of the band: the sibling's policies, printed and corrected.

Three of them look at one round. "all_in" takes everybody, "greedy" (29) as many devices as end within the limit
:math:`\bar{D}`, "equal_share" (28) as many as do with equal shares. The others weigh devices against their delay, at a
price that follows the queue (18). "proposed_printed" is Algorithm 1 to the letter: it stops where the objective (22)
first falls, and a falling :math:`\zeta(t)` weighs all, in line 19 as well. "proposed" looks at all numbers of devices,
and :math:`\zeta` is constant.

"fair" does the same under one more constraint, in the manner of (7d) of the paper: in the long run, every device takes
part at least :math:`\varphi` times as often as the mean device. At prices :math:`\lambda_k` of that, device k counts as
:math:`1 + \lambda_k - \varphi \bar\lambda` devices, and the prices follow (11).
"""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arguments import Array, Bools, check_choice, checked, whole
from ..control import allocate_bandwidth, dual_ascent, least_delays, set_delays, share_for_delay
from ..scenario import Form
from .delays import equal_share_delays, prefix_delays
from .scheduling import best_count, queue_step
from .split_scenario import SplitScenario

Policy = Literal["proposed", "proposed_printed", "fair", "greedy", "equal_share", "all_in"]
"""How devices are scheduled, by name."""

POLICIES: tuple[Policy, ...] = get_args(Policy)
"""All policies by name."""

_NOBODY: NDArray[np.intp] = np.empty(0, dtype=np.intp)


@dataclasses.dataclass(frozen=True, eq=False)
class Schedule:
    r"""A round: who is `scheduled` and with what `share` of the band, (K,) each, and the `delay_s` that it takes.

    `queue_s` is the queue :math:`\hat{D}` after it, and `participation_price` (K,) the :math:`\lambda_k` of "fair", 0
    elsewhere. Where nobody is scheduled, delay and shares are 0, and `says` tells why; elsewhere it is empty.
    """

    scheduled: Bools
    share: Array
    delay_s: float
    queue_s: float
    participation_price: Array
    says: str = ""


def decide_schedule(
    scenario: SplitScenario,
    gain_w: ArrayLike,
    queue_s: float,
    t: int,
    *,
    policy: Policy,
    participation_price: ArrayLike | None = None,
    payload_bits: ArrayLike | None = None,
) -> Schedule:
    r"""Schedule the devices of round `t`, counted from 1: P1 (22) or what a benchmark takes for it.

    `gain_w` (K,) is :math:`|h_k(t)|^2`, the received power in W, `queue_s` the queue :math:`\hat{D}(t-1)` in s, and
    `participation_price` (K,) what the round before returned (0 at first). `payload_bits` replaces the scenario's, and
    may differ between devices. A device without gain is never scheduled.

    "proposed" is optimal, also with payloads that differ: no n devices end before `least_delays` says. With devices
    that count differently, as for "fair", P1 is a knapsack problem. Within a given delay, devices are taken in the
    order of their weight for each hertz. *Proof* that within the delay of the best set this loses less than one
    device's weight: with the part of the next device that still fits, they weigh at least as much as the best set.
    That delay is not known; all that such orders lead to within the least delays of 1..K devices is looked at.

    Raises ValueError that names the argument for a gain that is negative or not one for each device, a queue or price
    that is negative, a payload that is not positive, a round before the first, and an unknown policy.
    """
    check_choice("policy", policy, Policy)
    (power,) = checked(non_negative={"gain_w": gain_w})
    if power.shape != (scenario.num_devices,):
        raise ValueError(f"gain_w must have shape ({scenario.num_devices},), one for each device, got {power.shape}")
    prices = np.zeros(power.shape) if participation_price is None else participation_price
    _, queue, presence, payload = checked(
        non_negative={"gain_w": power, "queue_s": queue_s, "participation_price": prices},
        positive={"payload_bits": scenario.payload_bits if payload_bits is None else payload_bits},
    )
    t = whole("t", t, low=1)
    delays = policy_delays(scenario, policy, payload, power)
    payload = np.broadcast_to(payload, power.shape)
    if policy == "fair":
        weight = np.maximum(1.0 + presence - scenario.fairness * presence.mean(), 0.0)
        chosen = _worthiest(scenario, payload, power, weight, price_of_queue(scenario, policy, float(queue), t), delays)
    elif count := scheduled_count(scenario, policy, delays, float(queue), t):
        chosen = _fastest(scenario, payload, power, float(delays[count - 1]))[:count]
    else:
        chosen = _NOBODY
    share, delay_s, says = np.zeros(power.shape), 0.0, ""
    if not len(chosen):
        alone = f"the fastest device takes {delays[0]:.3g} s" if np.isfinite(delays[0]) else "no device has a gain"
        says = f"Nobody is scheduled in round {t}: {alone}, and the limit is {scenario.delay_limit_s:.3g} s."
    elif policy == "equal_share":
        share[chosen], delay_s = 1.0 / len(chosen), float(delays[len(chosen) - 1])
    else:
        found = allocate_bandwidth(payload[chosen], power[chosen], 0.0, **scenario.band)
        share[chosen], delay_s = found.share, found.delay_s
    scheduled = np.zeros(power.shape, dtype=bool)
    scheduled[chosen] = True
    if policy == "fair":
        wanted = scenario.fairness * scheduled.mean()
        presence = dual_ascent(presence, scheduled, min_participation=wanted, step=scenario.fairness_step)
    after_s = next_queue_s(scenario, policy, float(queue), delay_s, t)
    return Schedule(scheduled, share, delay_s, after_s, presence, says)


def policy_delays(scenario: SplitScenario, policy: Policy, payload_bits: ArrayLike, gain: Array) -> Array:
    """The least delays in s of n = 1..K devices as the policy shares the band, (..., K)."""
    if policy == "equal_share":
        return equal_share_delays(gain, payload_bits=payload_bits, **scenario.band)
    if np.ndim(payload_bits) == 0:
        return prefix_delays(gain, payload_bits=payload_bits, **scenario.band)
    return least_delays(payload_bits, gain, **scenario.band)


def _weight(scenario: SplitScenario, policy: Policy, t: int) -> float:
    r""":math:`\zeta(t)`, with queue and delay in limits."""
    if policy == "proposed_printed":
        return scenario.printed_weight * math.pow(t, -scenario.printed_decay)
    return scenario.penalty_weight


def price_of_queue(scenario: SplitScenario, policy: Policy, queue_s: float, t: int) -> float:
    r"""The price :math:`\zeta(t) \hat{D}(t-1)` of (22) in devices per s, of the queue in s before round t >= 1."""
    return _weight(scenario, policy, t) * queue_s / scenario.delay_limit_s**2


def next_queue_s(scenario: SplitScenario, policy: Policy, queue_s: float, delay_s: float, t: int) -> float:
    """(18a), or line 19 of Algorithm 1 as printed."""
    weight = _weight(scenario, policy, t) if policy == "proposed_printed" else 1.0
    return queue_step(queue_s, delay_s, scenario.delay_limit_s, weight=weight)


def scheduled_count(scenario: SplitScenario, policy: Policy, delays: Array, queue_s: float, t: int) -> int:
    """How many devices a policy schedules that looks at numbers only, from the delays of 1..K of them."""
    can = delays[np.isfinite(delays)]
    if policy in ("greedy", "equal_share"):
        return int(np.count_nonzero(can <= scenario.delay_limit_s))
    if policy == "all_in":
        return len(can)
    form: Form = "printed" if policy == "proposed_printed" else "corrected"
    return best_count(can, price_of_queue(scenario, policy, queue_s, t), form=form)


def _fastest(scenario: SplitScenario, payload_bits: Array, gain: Array, delay_s: float) -> NDArray[np.intp]:
    """All devices, those first that need the least band to end within this delay."""
    share = share_for_delay(delay_s, payload_bits, gain, 0.0, **scenario.band)
    with np.errstate(divide="ignore"):
        return np.lexsort((payload_bits / gain, share))


def _worthiest(
    scenario: SplitScenario, payload_bits: Array, gain: Array, weight: Array, price: float, delays: Array
) -> NDArray[np.intp]:
    """The devices for which their weight less the price of their delay is largest, of the sets that are looked at."""
    within = delays[np.isfinite(delays)]
    within = within[price * within < weight.sum()]  # others cost more than everybody weighs
    share = share_for_delay(within[:, np.newaxis], payload_bits, gain, 0.0, **scenario.band)
    with np.errstate(divide="ignore"):
        alone, need = np.broadcast_to(payload_bits / gain, share.shape), share / weight
    rank = np.argsort(np.lexsort((alone, need), axis=-1), axis=-1)
    sets = rank[:, np.newaxis, :] < np.arange(gain.size + 1)[:, np.newaxis]
    sets = np.unique(sets.reshape(-1, gain.size), axis=0)
    taken = set_delays(payload_bits, gain, sets, **scenario.band)
    can = np.isfinite(taken)
    return np.flatnonzero(sets[can][np.argmax(sets[can] @ weight - price * taken[can])]) if can.any() else _NOBODY
