r"""The price of delay: how many devices a round can be had at a mean delay, at most, by whatever policy.

Over T rounds in which n devices take at least :math:`D_{t,n}`, a policy picks one n a round, or nobody. Whatever it
knows, for every price :math:`\lambda \ge 0` of delay

.. math:: \frac{1}{T} \sum_t N_t \le \lambda \bar{D} + \frac{1}{T} \sum_t \max_n (n - \lambda D_{t,n}),

as soon as its mean delay is at most :math:`\bar{D}`: the right-hand side less the left is :math:`\lambda` times what is
left of the limit, plus what each round loses against its best n. The least right-hand side over all prices is the
bound. It is the value of the linear program that may mix numbers n within a round, whose solution does so in one round
only: the best policy that knows all rounds beforehand stays less than K/T below it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import checked

_ROUNDING = 1e-13


def price_bound(delays_s: ArrayLike, target_s: float) -> float:
    r"""The most devices a round that any policy can schedule on average with a mean delay of `target_s`.

    `delays_s` (T, K) are the least delays of n = 1..K devices in each round, rising with n, as `prefix_delays` gives
    them; infinite where n cannot be had. `target_s` is :math:`\bar{D}` in s. Raises ValueError that names the argument
    for delays that are not positive, a wrong shape, and a limit that is not positive and finite.
    """
    return _cheapest(delays_s, target_s)[1]


def price_of_delay(delays_s: ArrayLike, target_s: float) -> float:
    r"""The price :math:`\lambda` in devices per s at which the bound is least; arguments as of `price_bound`.

    In every round, to take the n with the largest :math:`n - \lambda D_{t,n}` then has the mean delay `target_s`, but
    for the round that the linear program mixes. It is 0 where everybody can always be had.
    """
    return _cheapest(delays_s, target_s)[0]


def _cheapest(delays_s: ArrayLike, target_s: float) -> tuple[float, float]:
    """The price and the bound: the lowest point of a convex line of straight pieces, by its tangents."""
    taken, target = checked(positive_or_infinite={"delays_s": delays_s}, positive={"target_s": target_s})
    if taken.ndim != 2 or target.ndim or not taken.size:
        raise ValueError(
            f"delays_s must have shape (T, K) and target_s be one number, got {taken.shape} and {target.shape}"
        )
    counts = np.arange(1, taken.shape[1] + 1)
    paid = np.where(np.isfinite(taken), taken, 0.0)

    def best(price: float) -> tuple[float, float]:
        """The mean number of devices and the mean delay of the best n of each round at a price."""
        score = np.where(np.isfinite(taken), counts - price * paid, -1.0)
        at = score.argmax(axis=1)[:, np.newaxis]
        some = np.take_along_axis(score, at, 1) > 0.0
        return float((some * (at + 1)).mean()), float((some * np.take_along_axis(paid, at, 1)).mean())

    devices, mean_s = best(0.0)
    if mean_s <= target:
        return 0.0, devices
    fewer, less_s = 0.0, 0.0  # at a price so high that nobody is worth it
    while True:
        price = (devices - fewer) / (mean_s - less_s)
        bound = fewer + price * (float(target) - less_s)
        between, spent_s = best(price)
        if between - price * spent_s <= fewer - price * less_s + _ROUNDING * max(1.0, bound):
            return price, bound
        if spent_s > target:
            devices, mean_s = between, spent_s
        else:
            fewer, less_s = between, spent_s
