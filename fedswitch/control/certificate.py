r"""How far Step 1 of Algorithm 2 is from the best powers and shares: a lower bound on (14), by a price of bandwidth.

UEs meet in two places only: in the common delay E, and in (7f), :math:`\sum \delta \le 1`. For a fixed E a price
:math:`\nu` on bandwidth takes the second away, and every UE minimizes on its own:

.. math:: \sum_k \hat{Q}_k \ge \sum_k \min_{P_k} \Bigl[ \hat{Q}_k(P_k, E)
   + \nu \sum_n \delta_{n,k}(P_k, E) \Bigr] - \nu .

This holds for every price, so that the best one may be sought carelessly. Powers and delays are taken interval by
interval: reception gets no worse with power and time, shares no larger, and energy no smaller, so that one end of an
interval bounds the former and the other end the latter. Intervals of delays whose bound is the least are cut in two.
Since the UEs share one constraint, the best bound lies about two UEs' costs below the least cost, however many there
are (Shapley and Folkman): the more UEs, the less it gives away.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from collections.abc import Callable

import numpy as np

from ..arguments import Array, Bools, whole
from ..scenario import Scenario
from ..wireless import Channel
from .forms import CORRECTED
from .online import Observation, State, charges, check_observation
from .sharing import Band

_OCTAVES = 5  # of delays on both sides of the latest, before intervals are cut
_LEAST_POWER = 1e-5  # of the largest: below, a UE is asked no more than that
_PRICE_STEPS = 50


def step_1_bound(
    scenario: Scenario, observation: Observation, state: State, *, powers: int = 96, cuts: int = 24
) -> float:
    r"""A number that no powers and no common delay can bring the objective (14) of this round below, corrected form.

    It is to be held against ``decision.inner.objective[decision.inner.kept]`` of `decide` for the same round, whose
    subscriptions are those of `state`. More `powers` and `cuts` bring it closer. Raises ValueError for fewer
    than 2 powers, negative `cuts`, shapes that do not fit the scenario, and where a deadline sets the threshold: there
    is no common delay then.
    """
    powers, cuts = whole("powers", powers, low=2), whole("cuts", cuts)
    check_observation(scenario, observation, state)
    if scenario.threshold == "deadline":
        raise ValueError('threshold = "deadline" leaves no common delay to bound: choose threshold = "fixed"')
    _, charge = charges(CORRECTED, scenario, observation, state)
    charge = np.broadcast_to(charge, state.subscription.shape)
    without = float(charge[~state.subscription].sum())  # missed in any case
    if not state.subscription.any():
        return without
    payload, full = observation.payload_of_ues_bits, np.full(scenario.num_ues, scenario.max_power_w)
    _, delay_s = Band(scenario, observation.channel).share(state.subscription * payload, full, CORRECTED.method)
    bound = _bound_within(scenario, observation, state.subscription, charge, powers)
    ends = [0.0, *(delay_s * 2.0 ** np.arange(-_OCTAVES, _OCTAVES + 1.0)), np.inf]
    intervals = [(bound(low, high), low, high) for low, high in itertools.pairwise(ends)]
    heapq.heapify(intervals)
    for _ in range(cuts):
        found, low, high = heapq.heappop(intervals)
        middle = 2.0 * low if high == np.inf else high / 2.0 if low == 0.0 else float(np.sqrt(low * high))
        for part in ((low, middle), (middle, high)):
            heapq.heappush(intervals, (max(found, bound(*part)), *part))  # what bounds the whole bounds its parts
    return intervals[0][0] + without


def _bound_within(
    scenario: Scenario, observation: Observation, subscription: Bools, charge: Array, powers: int
) -> Callable[[float, float], float]:
    """The function that bounds the cost of all uploads from below, for common delays in an interval."""
    modules, ues = np.nonzero(subscription)
    channel = Channel(*(np.asarray(part)[ues] for part in dataclasses.astuple(observation.channel)))
    band, charged = Band(scenario, channel), charge[modules, ues]
    payload = np.broadcast_to(observation.payload_of_ues_bits, charge.shape)[modules, ues]
    grid = np.append(0.0, scenario.max_power_w * np.geomspace(_LEAST_POWER, 1.0, powers))
    below, above = grid[:-1, np.newaxis], np.tile(grid[1:, np.newaxis], payload.size)
    whose = (ues[:, np.newaxis] == np.unique(ues)).astype(float)  # (U, K) with the K that subscribe to anything
    off = charged @ whose

    def bound(low_s: float, high_s: float) -> float:
        share = np.zeros(above.shape) if high_s == np.inf else band.share_in_time(high_s, payload, above)
        possible = np.isfinite(share)
        missed = 1.0 - band.reception(share, payload).at(above)
        energy_j = below * low_s + observation.compute_energy_j
        cost = (charged * missed + scenario.energy_weight_per_j * energy_j) @ whose
        cost[(~possible @ whose) > 0.0] = np.inf
        return _priced(cost, np.where(possible, share, 0.0) @ whose, off)

    return bound


def _priced(cost: Array, share: Array, off: Array) -> float:
    """The largest over prices of what UEs with these choices (P, K), or `off` (K,), pay at least, less the price."""

    def least(price: float) -> tuple[float, float]:
        paid = cost + price * share
        best = paid.argmin(axis=0)[np.newaxis]
        on = np.take_along_axis(paid, best, axis=0)[0]
        taken = np.where(on < off, np.take_along_axis(share, best, axis=0)[0], 0.0)
        return float(np.minimum(on, off).sum() - price), float(taken.sum())

    found, taken = least(0.0)
    low, high = 0.0, float(off.sum())  # at which price nobody can take much
    for _ in range(_PRICE_STEPS if taken > 1.0 else 0):
        price = 0.5 * (low + high)
        value, taken = least(price)
        found = max(found, value)
        low, high = (price, high) if taken > 1.0 else (low, price)
    return found
