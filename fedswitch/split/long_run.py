r"""When the mean delay (8) of the sibling is kept: its virtual queue with a weight :math:`\zeta(t) = z t^{-a}`.

In round t the n strongest devices take :math:`D_n(t)` seconds, :math:`0 = D_0 \le D_1 \le \dots \le D_K`. The server
takes the n that maximizes :math:`n - p D_n` at the price :math:`p(t) = \zeta(t) \hat{D}(t-1)` (22), and the queue moves
by :math:`u(t) (D(t) - \bar{D})`. As "corrected" u = 1, which is (18a); as "printed" :math:`u = \zeta`, which is line
19 of Algorithm 1. All that matters for (8) is the product :math:`\zeta u`, which falls as :math:`t^{-\alpha}` with
:math:`\alpha` = a as corrected and 2a as printed: (8) is kept in the long run for :math:`\alpha < 1` and broken for
:math:`\alpha \ge 1`, if it binds at all; see `excess_bound`, `shortfall_bound` and `settled`.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arguments import Array, check_choice, checked, single
from ..scenario import Form
from ..theory.outcomes import Counterexample
from .scheduling import queue_step

_HALVINGS = 100  # of an interval that holds the settled price


@dataclasses.dataclass(frozen=True)
class QueueRun:
    """What a queue made of rounds, each of shape (T,).

    `scheduled` is the number of devices N, `delay_s` their delay D, `price_per_s` the price p that they were chosen at,
    and `queue` the queue after the round: in seconds, as printed in seconds times the unit of its weight.
    """

    scheduled: NDArray[np.int_]
    delay_s: Array
    price_per_s: Array
    queue: Array


def follow_queue(
    delays_s: ArrayLike,
    target_s: float,
    *,
    exponent: float = 0.0,
    scale: float = 1.0,
    queue: float = 0.0,
    least_price_per_s: float = 0.0,
    form: Form = "corrected",
) -> QueueRun:
    r"""Let the queue choose, round by round, among the prefixes whose delays are `delays_s`, of shape (T, K).

    `exponent` is a and `scale` z of :math:`\zeta(t) = z t^{-a}`, `queue` the queue before the first round. The price is
    never below `least_price_per_s`. Raises ValueError that names the argument for an unknown form, delays that are not
    of shape (T, K), and values that are negative, not finite, or not positive (`target_s` and `scale`).
    """
    check_choice("form", form, Form)
    exponent, scale, target_s = _checked(exponent, scale, target_s)
    (delays, start, floor) = checked(
        non_negative={"delays_s": delays_s, "queue": queue, "least_price_per_s": least_price_per_s}
    )
    choices = _with_nobody(delays)
    sizes, waiting = np.arange(choices.shape[1]), float(start)
    scheduled, prices, queues = np.zeros(len(delays), dtype=np.int_), np.zeros(len(delays)), np.zeros(len(delays))
    for t, offered in enumerate(choices):
        weight = scale * (t + 1.0) ** -exponent
        prices[t] = max(weight * waiting, float(floor))
        scheduled[t] = np.argmax(sizes - prices[t] * offered)
        waiting = queue_step(waiting, offered[scheduled[t]], target_s, weight=1.0 if form == "corrected" else weight)
        queues[t] = waiting
    return QueueRun(scheduled, choices[np.arange(len(delays)), scheduled], prices, queues)


def excess_bound(
    rounds: ArrayLike,
    exponent: float,
    *,
    num_devices: int,
    target_s: float,
    longest_s: float,
    scale: float = 1.0,
    form: Form = "corrected",
) -> Array:
    r"""The most by which the mean delay of the first `rounds` can exceed :math:`\bar{D}`, in s; shape of `rounds`.

    For an empty queue at the start and any channels, if no round that is taken is longer than `longest_s`, d:

    .. math:: \frac{1}{T} \sum_{t \le T} D(t) - \bar{D} \le \frac{\hat{D}(T)}{T u(T)} \le
        \frac{1}{T u(T)} \left[ \frac{K}{\zeta(T) \bar{D}} + u(1) (d - \bar{D})^+ \right],

    that is :math:`O(T^{\alpha - 1})`. *Proof* of the first step: by (18a), :math:`D(t) - \bar{D} \le (\hat{D}(t) -
    \hat{D}(t-1)) / u(t)`. Sum by parts, :math:`\sum_t (\hat{D}(t) - \hat{D}(t-1)) / u(t) = \hat{D}(T) / u(T) -
    \sum_{t<T} \hat{D}(t) (1/u(t+1) - 1/u(t))`, and u does not grow. Of the second: nobody at all scores 0, so that
    :math:`n - p D_n \ge 0` for what is taken, hence :math:`D \le K/p`. The queue grows only if :math:`D > \bar{D}`, so
    only from below :math:`K / (\zeta(t) \bar{D})`, and then by :math:`u(1) (d - \bar{D})` at most.

    In Rayleigh fading all K devices have no longest delay. A least price :math:`p_0` gives one, :math:`d = K/p_0`, by
    the same step, and leaves the rest as it is. Raises ValueError for values that are not positive, a negative
    exponent, or an unknown form.
    """
    check_choice("form", form, Form)
    exponent, scale, target_s = _checked(exponent, scale, target_s)
    count, longest, devices = checked(positive={"rounds": rounds, "longest_s": longest_s, "num_devices": num_devices})
    weight = scale * count**-exponent
    step, first = (1.0, 1.0) if form == "corrected" else (weight, scale)
    queue = devices / (weight * target_s) + first * np.maximum(longest - target_s, 0.0)
    return np.asarray(queue / (step * count))


def shortfall_bound(
    rounds: int, exponent: float, *, target_s: float, longest_s: float, scale: float = 1.0, form: Form = "corrected"
) -> float:
    r"""How many devices a round at most the queue loses on average, over `rounds`, against any policy that keeps (8).

    For rounds that are alike and independent, an empty queue at the start, and a policy that chooses by the channels
    alone, with :math:`N^*` devices on average at a mean delay of at most :math:`\bar{D}`:

    .. math:: N^* - \frac{1}{T} \sum_{t \le T} \mathbb{E} N(t) \le \frac{1}{2T} \sum_{t \le T} \zeta(t) u(t)\,
        \mathbb{E} (D(t) - \bar{D})^2,

    with :math:`\max(\bar{D}, d - \bar{D})^2` for the mean square, d being `longest_s`; that is :math:`O(T^{-\alpha})`
    for :math:`\alpha < 1`, and z/2 times the square for a constant weight. *Proof*: by (18a), :math:`\frac{1}{2}
    [\hat{D}(t)^2 - \hat{D}(t-1)^2] \le u \hat{D} (D - \bar{D}) + \frac{1}{2} u^2 (D - \bar{D})^2`. Times
    :math:`\zeta / u`, which does not grow, and summed by parts, the left side is at least 0. Subtract N on both sides:
    :math:`N - \zeta \hat{D} D` is the largest there is, at least that of the other policy, whose mean delay lets
    :math:`\zeta \hat{D} (D^* - \bar{D})` vanish in the mean. Raises as `excess_bound` does.
    """
    check_choice("form", form, Form)
    exponent, scale, target_s = _checked(exponent, scale, target_s)
    count, longest = checked(positive={"rounds": rounds, "longest_s": longest_s})
    power = 1 if form == "corrected" else 2
    weights = (scale * np.arange(1.0, float(count) + 1.0) ** -exponent) ** power
    return float(0.5 * weights.mean() * np.maximum(target_s, longest - target_s) ** 2)


def settled(
    delays_s: ArrayLike, target_s: float, *, exponent: float = 0.0, scale: float = 1.0, form: Form = "corrected"
) -> tuple[float, float]:
    r"""Where the price settles, in 1/s, and what the mean delay then has above :math:`\bar{D}`, in s.

    For rounds that are alike and independent, with bounded delays: the rows of `delays_s`, of shape (T, K), are equally
    likely. Let g(p) be the mean delay at the price p, which does not grow with p, and :math:`g(0) > \bar{D}`. With
    probability 1 the price tends (for a = 0: hovers, the closer the smaller z) to the p at which

    - :math:`\alpha < 1`: :math:`g(p) = \bar{D}`, and nothing is left in excess;
    - :math:`\alpha = 1`: :math:`g(p) = \bar{D} + p/z` as corrected, :math:`\bar{D} + p/(2z^2)` as printed, and this is
      the excess: the queue has to grow for ever to hold its price;
    - :math:`\alpha > 1`: p = 0, and the excess is :math:`g(0) - \bar{D}`, that of taking everybody, always.

    *Proof*: the queue :math:`\hat{D} = (x/z) t^a` has the price x. To stay there it must grow by :math:`(a x / z)
    t^{a-1}` a round, but grows by :math:`u(t) (g(x) - \bar{D})`, so in units of u(t) by :math:`g(x) - \bar{D}` where
    :math:`a x t^{\alpha - 1} / z` (printed :math:`/z^2`) is needed. Below the p above, it grows faster by a constant,
    above it slower by a constant, and bounded steps with a constant drift towards a line are rarely far from it:
    :math:`O(\log t)` steps in the first t rounds. For :math:`\alpha > 1` the queue, of bounded steps, is too short for
    any x > 0. Where g jumps over what is
    wanted, the price settles at the jump. Raises as `follow_queue` does.
    """
    check_choice("form", form, Form)
    exponent, scale, target_s = _checked(exponent, scale, target_s)
    (delays,) = checked(non_negative={"delays_s": delays_s})
    choices = _with_nobody(delays)
    sizes = np.arange(choices.shape[1])

    def excess(price: float) -> float:
        chosen = np.argmax(sizes - price * choices, axis=1)
        return float(choices[np.arange(len(choices)), chosen].mean()) - target_s

    alpha, product = (exponent, scale) if form == "corrected" else (2.0 * exponent, scale**2)
    everybody = excess(0.0)
    if alpha > 1.0 or everybody <= 0.0:
        return 0.0, everybody
    growth = exponent / product if alpha == 1.0 else 0.0
    low, high = 0.0, (sizes[-1] + 1.0) / target_s  # at which D <= K/p is below the target
    for _ in range(_HALVINGS):
        price = 0.5 * (low + high)
        low, high = (price, high) if excess(price) > growth * price else (low, price)
    return float(high), float(growth * high)


def first_round_risk(
    rounds: ArrayLike, mean_gain_w: ArrayLike, target_s: float, *, payload_bits: float, noise_psd_w_per_hz: float
) -> Array:
    r"""How likely, at least, the first round alone breaks (8) for the first `rounds`; shape of `rounds`.

    An empty queue has the price 0 at which all are taken, whatever the weight. Rayleigh fading, `mean_gain_w`
    of shape (K,) the means of :math:`|h_k|^2`: the probability that the first round takes more
    than :math:`T \bar{D}` is at least :math:`1 - \exp(-\frac{\mu \sigma^2 \ln 2}{T \bar{D}} \sum_k 1/m_k)`. *Proof*:
    in any bandwidth a device needs more than :math:`\mu \sigma^2 \ln 2 / |h_k|^2`, and the least of independent
    exponential variables is exponential. This falls as 1/T, so that the mean of the first delay is infinite, and with
    it that of (8) for every T. Raises ValueError that names the argument for values that are not positive.
    """
    (gain,) = checked(positive={"mean_gain_w": mean_gain_w})
    count, target, payload, noise = checked(
        positive={
            "rounds": rounds, "target_s": target_s,
            "payload_bits": payload_bits, "noise_psd_w_per_hz": noise_psd_w_per_hz,
        }
    )  # fmt: skip
    weakest = payload * noise * np.log(2.0) / (count * target)
    return np.asarray(-np.expm1(-weakest * (1.0 / gain).sum()))


def penalty_that_fades() -> Counterexample:
    r"""(22): with a "descending positive" :math:`\zeta(t) = 1/t^2` on the penalty, (18a) no longer ensures (8).

    One device that takes 2 s, and a mean of 1 s. The queue grows by 1 s a round, and its price :math:`(t-1)/t^2` stays
    below 1/2, so that the device is always scheduled. "Asymptotic stabilization" is out of reach for :math:`a \ge 1`,
    see `settled`. What holds is :math:`\bar{D} + \hat{D}(T)/T`.
    """
    rounds, delay, target = 100, 2.0, 1.0
    run = follow_queue(np.full((rounds, 1), delay), target, exponent=2.0)
    mean = float(run.delay_s.mean())
    says = f"{rounds} rounds with ζ(t) = 1/t²: the mean delay is {mean:.2g} s; (8) asks for {target:.2g} s."
    return Counterexample("eq-22", says, mean, target, corrected=target + float(run.queue[-1]) / rounds)


def line_19_counts_the_weight_twice() -> Counterexample:
    r"""Algorithm 1, line 19: a weight with which (18a) keeps (8) breaks it, since it also shrinks the queue.

    :math:`\zeta(t) = t^{-3/4}`, one device that takes 2 s, and a mean of 1 s. With (18a) the mean excess is at most
    :math:`(T^{3/4} + 1)/T`; with line 19 the price falls as :math:`4 t^{-1/2}`, and from some round on everybody is
    scheduled. What holds is :math:`\bar{D} + \hat{D}(T) / (T \zeta(T))`.
    """
    rounds, delay, target, exponent = 10_000, 2.0, 1.0, 0.75
    run = follow_queue(np.full((rounds, 1), delay), target, exponent=exponent, form="printed")
    kept = float(excess_bound(rounds, exponent, num_devices=1, target_s=target, longest_s=delay))
    mean, held = float(run.delay_s.mean()), float(run.queue[-1]) / (rounds * rounds**-exponent)
    says = (
        f"{rounds} rounds with ζ(t) = 1/t^{exponent:g}: the mean delay is {mean:.3g} s; "
        f"without ζ in line 19, at most {target + kept:.3g} s."
    )
    return Counterexample("alg-1", says, mean, target + kept, corrected=target + held)


def _with_nobody(delays: Array) -> Array:
    """The delays of 0 to K devices, of shape (T, K + 1)."""
    if delays.ndim != 2:
        raise ValueError(f"delays_s must have a row for each round and a column for each device, got {delays.shape}")
    return np.insert(delays, 0, 0.0, axis=1)


def _checked(exponent: float, scale: float, target_s: float) -> list[float]:
    return single(non_negative={"exponent": exponent}, positive={"scale": scale, "target_s": target_s})
