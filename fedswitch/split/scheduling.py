r"""Section IV and Appendices C to E of the sibling paper: the queue, the bandwidth, the schedule.

Per round the sibling schedules N devices to maximize :math:`\mathcal{J} = N - \zeta \hat{D} D` (22), where D is the
delay at which all of them finish together if they share the bandwidth B (P3), and :math:`\zeta \hat{D}`, here the
`price` of delay in 1/s, comes from the virtual queue (18a).
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import lambertw

from ..arguments import Array, check_choice, checked
from ..control import share_for_delay
from ..scenario import Form
from ..theory.outcomes import Counterexample
from .delays import prefix_delays


def queue_step(queue: float, delay: float, target: float, *, weight: float = 1.0) -> float:
    r"""(18a): :math:`\max\{0, \hat{D} + D - \bar{D}\}`; `weight` is the :math:`\zeta(t)` of line 19 of Algorithm 1."""
    return max(0.0, queue + weight * (delay - target))


def drift_bound(queue_s: ArrayLike, delay_s: ArrayLike, target_s: ArrayLike, *, form: Form = "corrected") -> Array:
    r"""Lemma 2, (21): the bound of the drift :math:`\frac{1}{2}[\hat{D}(t+1)^2 - \hat{D}(t)^2]`; any shape.

    `queue_s` is :math:`\hat{D}`, `delay_s` D, `target_s` :math:`\bar{D}`. "printed" is
    :math:`\hat{D} (D - \bar{D})`, "corrected" adds :math:`\frac{1}{2}(D - \bar{D})^2`. *Proof*: (18a) gives
    :math:`\hat{D}(t+1)^2 \le (\hat{D} + D - \bar{D})^2`; expand. The printed side is the tangent of the convex
    function :math:`\frac{1}{2}\max\{0, x\}^2`, so that it bounds the drift from *below*, always. Raises ValueError
    that names the argument for negative values.
    """
    check_choice("form", form, Form)
    waiting, taken, allowed = checked(non_negative={"queue_s": queue_s, "delay_s": delay_s, "target_s": target_s})
    excess = taken - allowed
    tangent: Array = waiting * excess
    return tangent if form == "printed" else tangent + 0.5 * excess**2


def required_bandwidth(
    gain_w: ArrayLike, delay_s: float, *, payload_bits: float, noise_psd_w_per_hz: float, form: Form = "corrected"
) -> Array:
    r"""Lemma 3, (25): the bandwidth :math:`B_k` in Hz at which a device needs `delay_s`; shape of `gain_w`.

    `gain_w` is :math:`|h_k|^2`, the received power, `payload_bits` :math:`\mu`, `noise_psd_w_per_hz` :math:`\sigma^2`.
    "printed" has :math:`\nu = -\mu |h|^2 / (\check{D} \sigma^2)`, "corrected" :math:`\nu = -\mu \sigma^2 /
    (\check{D} |h|^2)`. *Proof*: with :math:`c = \mu \ln 2 / \check{D}`, :math:`s = |h|^2 / \sigma^2` and y = 1/B, (24)
    is :math:`e^{cy} = 1 + sy`, and :math:`z = -cy - c/s` turns it into :math:`z e^z = -\frac{c}{s} e^{-c/s}`. The
    branch 0 gives y = 0, the branch -1 the solution. It exists for c < s; otherwise no bandwidth is enough, and the
    corrected form is infinite. Raises ValueError that names the argument for values that are not positive.
    """
    check_choice("form", form, Form)
    power, delay, payload, noise = checked(
        positive={
            "gain_w": gain_w,
            "delay_s": delay_s,
            "payload_bits": payload_bits,
            "noise_psd_w_per_hz": noise_psd_w_per_hz,
        }
    )
    if form == "corrected":
        return share_for_delay(delay, payload, power, 0.0, bandwidth_hz=1.0, noise_psd_w_per_hz=noise)
    nu_ln2 = -payload * power / (delay * noise) * math.log(2.0)
    lambert = lambertw(nu_ln2 * np.exp(nu_ln2), -1).real
    return np.asarray(1.0 / (-lambert * delay / (payload * math.log(2.0)) - noise / power))


def least_delay(gains_w: ArrayLike, *, payload_bits: float, bandwidth_hz: float, noise_psd_w_per_hz: float) -> float:
    r"""P3: the delay :math:`\check{D}` in seconds at which all scheduled devices finish together, using all of B.

    The last of `prefix_delays`. `gains_w` of shape (N,), N at least 1. Raises ValueError that names the argument for
    values that are not positive.
    """
    (power,) = checked(positive={"gains_w": gains_w})
    delays = prefix_delays(
        power, payload_bits=payload_bits, bandwidth_hz=bandwidth_hz, noise_psd_w_per_hz=noise_psd_w_per_hz
    )
    return float(delays[-1])


_UNITS = {"payload_bits": 1.0, "bandwidth_hz": 1.0, "noise_psd_w_per_hz": 1.0}  # of the instances


def objective(gains_w: ArrayLike, price: float) -> float:
    r""":math:`\mathcal{J}` of (22) for the devices with these `gains_w`; 0 for nobody.

    `price` is :math:`\zeta \hat{D}` in 1/s. Payload, bandwidth and noise density are 1 each.
    """
    count = np.size(gains_w)
    return count - price * least_delay(gains_w, **_UNITS) if count else 0.0


def best_count(delays_s: ArrayLike, price: float, *, form: Form = "corrected") -> int:
    r"""Algorithm 1, lines 2 to 18: how many devices are scheduled, from 0 to K, by the delays (K,) of n = 1..K.

    "printed" adds devices in the order of their gains until :math:`\mathcal{J}` falls; "corrected" looks at all K
    prefixes. (In the text that we have, line 16 returns the device at which it fell, too: accents seem to be lost, and
    the set before is taken.) *Proof* that prefixes are enough: the bandwidth (25) falls with the gain, so that for each
    N the N strongest devices have the least delay. Stopping early would need :math:`\mathcal{J}` to be unimodal in N.
    `price` is :math:`\zeta \hat{D}` in 1/s. Who has an infinite delay is never scheduled. Raises ValueError for an
    unknown form.
    """
    check_choice("form", form, Form)
    taken = np.asarray(delays_s, dtype=np.float64)
    taken = taken[np.isfinite(taken)]  # they rise
    values = np.concatenate([[0.0], np.arange(1, taken.size + 1) - price * taken])
    if form == "corrected":
        return int(values.argmax())
    falls = np.flatnonzero(values[1:] < values[:-1])
    return int(falls[0]) if falls.size else taken.size


def schedule(gains_w: ArrayLike, price: float, *, form: Form = "corrected") -> int:
    """How many of the devices with these gains Algorithm 1 schedules, as `best_count`, in the units of `objective`."""
    return best_count(prefix_delays(gains_w, **_UNITS), price, form=form)


def drift_from_an_empty_queue() -> Counterexample:
    r"""(21): from an empty queue the printed bound is 0, while the queue grows.

    Appendix C expands :math:`\frac{1}{2}(D - \bar{D})^2` to :math:`-D\bar{D}`, without its two squares.
    """
    queue, delay, target = 0.0, 2.0, 1.0
    drift = 0.5 * (queue_step(queue, delay, target) ** 2 - queue**2)
    printed = float(drift_bound(queue, delay, target, form="printed"))
    says = (
        f"An empty queue, {delay:g} s and a target of {target:g} s: the drift is {drift:.2g} s²; "
        f"printed, at most {printed:.2g}."
    )
    return Counterexample("eq-21", says, drift, printed, corrected=float(drift_bound(queue, delay, target)))


def inverted_argument() -> Counterexample:
    r"""(25): :math:`\nu` is upside down; the left-hand side is 1/B from (24), solved numerically.

    As printed, :math:`\nu` is not dimensionless. Where :math:`\nu \ln 2 < -1`, the branch -1 undoes :math:`\nu 2^\nu
    \ln 2`, and what comes out, :math:`|h|^2/\sigma^2 - \sigma^2/|h|^2`, depends on neither payload nor delay.
    """
    payload, delay, gain, noise = 1.0, 2.0, 2.0, 0.5

    def excess(inverse: float) -> float:
        return delay / inverse * math.log2(1.0 + gain * inverse / noise) - payload

    def inverse(form: Form) -> float:
        return 1.0 / float(required_bandwidth(gain, delay, payload_bits=payload, noise_psd_w_per_hz=noise, form=form))

    found, printed = float(brentq(excess, 1.0, 100.0, xtol=1e-14, rtol=1e-15)), inverse("printed")
    says = (
        f"{payload:g} bit in {delay:g} s, gain {gain:g}, noise {noise:g}: (24) asks for 1/B = {found:.3g}, "
        f"(25) for {printed:.3g}."
    )
    return Counterexample("eq-25", says, found, printed, "==", corrected=inverse("corrected"))


def early_stop() -> Counterexample:
    r"""Algorithm 1: the first weak device costs most of the delay, the next ones little, and none of them is reached.

    One strong and three weak devices: :math:`\mathcal{J}` falls at N = 2 and rises again. The left-hand side is the
    maximum over all sets of devices, the corrected one the best of the K prefixes.
    """
    gains, price = _STRONG_AND_WEAK, 1.5
    best, found = _best(gains, price), objective(gains[: schedule(gains, price, form="printed")], price)
    says = (
        f"One strong channel, three weak ones: the search stops at an objective of {found:.2g}; "
        f"the largest is {best:.2g}."
    )
    return Counterexample("alg-1", says, best, found, "==", corrected=objective(gains[: schedule(gains, price)], price))


def nobody_is_within_delta() -> Counterexample:
    r"""Theorem 2 is right, and empty: to schedule nobody is :math:`\Delta`-optimal, too.

    The :math:`\Delta` of Appendix E is 2K, by :math:`\Delta/2 + K = \Delta`. Algorithm 1 starts from 0 and takes no
    schedule with less, and :math:`\mathcal{J} = N - \zeta\hat{D}D \le K`: within K of the best is whatever has
    :math:`\mathcal{J} \ge 0`. More holds: all K prefixes together contain the optimum, see `best_count`. Step (b), too,
    is right for the set that the swap leads to, which has as many devices and no longer delay.
    """
    gains, price = _STRONG_AND_WEAK, 1.5
    best, nobody, delta = _best(gains, price), objective((), price), 2.0 * len(gains)
    says = (
        f"The best schedule of {len(gains)} devices scores {best:.2g}, and to schedule nobody {nobody:g}; "
        f"Δ = {delta:g} allows both."
    )
    return Counterexample("thm-2", says, best, nobody + delta)


_STRONG_AND_WEAK = (100.0, 1.0, 1.0, 1.0)


def _best(gains: tuple[float, ...], price: float) -> float:
    """The largest objective of all sets of devices."""
    sets = itertools.chain.from_iterable(itertools.combinations(gains, count) for count in range(len(gains) + 1))
    return max(objective(chosen, price) for chosen in sets)
