r"""Further numbered elements of the sibling, of all its sections, with instances in which what is printed fails.

They are (4), (20), (22), (28), and (33), (34), (41), (43) and (44) of the appendices.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy.optimize import brentq

from ..theory.outcomes import Counterexample
from .quadratic_round import quadratic_round, round_setting
from .scheduling import drift_bound, objective, queue_step, required_bandwidth, schedule


def nobody_to_average() -> Counterexample:
    r"""(4): Algorithm 1 may schedule nobody, and the mean over N = 0 devices is 0/0; the module should stay.

    A price of delay at which even the strongest of two devices is not worth its delay. The left-hand side counts the
    devices, of which the mean needs one.
    """
    count = schedule((3.0, 1.0), price=5.0)
    says = f"At a price of 5 per second, {count} of two devices are scheduled; the mean in (4) needs 1."
    return Counterexample("eq-4", says, 1.0, float(count), corrected=1.0)


def clashing_indices() -> Counterexample:
    r"""(20): with the indices of (18a) it is about the next round's delay, which (21) does not know.

    By (18a) :math:`\hat{D}(t)` contains D(t) already. What is meant is :math:`\hat{D}(t-1)` in (20) to (22), as line 19
    of Algorithm 1 has it. Delays of 2 s, then 4 s, and a mean of 1 s.
    """
    first, second, target = 2.0, 4.0, 1.0
    queue = queue_step(0.0, first, target)
    drift = 0.5 * (queue_step(queue, second, target) ** 2 - queue**2)
    bound, meant = (float(drift_bound(queue, delay, target)) for delay in (first, second))
    says = (
        f"Delays of {first:g} s, then {second:g} s, and a mean of {target:g} s: (20) is {drift:.3g} s²; "
        f"(21), corrected, {bound:.3g} s²."
    )
    return Counterexample("eq-20", says, drift, bound, corrected=meant)


def prefixes_are_enough() -> Counterexample:
    r"""(22): P1 is called NP-hard, but with equal payloads K + 1 evaluations find the best of all :math:`2^K` sets.

    *Proof*: see `fedswitch.split.scheduling.best_count`. With payloads that differ the K prefixes are no longer enough.
    """
    gains, price = (30.0, 11.0, 7.0, 4.0, 2.0, 1.0, 0.6, 0.3), 0.4
    sets = [chosen for n in range(len(gains) + 1) for chosen in itertools.combinations(gains, n)]
    best = max(objective(chosen, price) for chosen in sets)
    found = objective(gains[: schedule(gains, price)], price)
    needed = len(gains) + 1 if math.isclose(found, best, rel_tol=1e-9) else len(sets)
    says = f"Of 8 devices there are {len(sets)} sets; {needed} evaluations find the best."
    return Counterexample("eq-22", says, float(needed), float(len(sets)), "==", corrected=float(len(gains) + 1))


def equal_share_with_a_stray_factor() -> Counterexample:
    r"""(28): the k in :math:`N k |h_k|^2` makes the k-th channel k times as strong as it is.

    With equal shares of the band, (7) is :math:`\frac{n \mu}{B \log_2(1 + n |h_n|^2 / (B \sigma^2))}` for the n
    strongest. Two equal devices, with :math:`\mu = B = \sigma^2 = |h|^2 = 1`.
    """
    count, share, gain = 2, 0.5, 1.0
    taken = 1.0 / (share * math.log2(1.0 + gain / share))
    printed, meant = (count / math.log2(1.0 + count * factor * gain) for factor in (count, 1.0))
    says = f"Two equal devices, each with half the band, take {taken:.3g} s; by (28), {printed:.3g} s."
    return Counterexample("eq-28", says, taken, printed, "==", corrected=meant)


def one_index_for_two_devices() -> Counterexample:
    r"""(33): its k is the device whose risk falls and the one that is averaged; with one k for both it fails.

    Two scheduled devices with minima at 1 and -1, from 0, without noise: the steps cancel. Then
    :math:`\nabla f_k - g_k` is 0, but :math:`\nabla f_k - g_j` is not, and with this the line holds.
    """
    change, own, spread = _cancelling()
    says = f"Two devices pull apart, and the risk of one changes by {change:g}; with one k, at most by {own:.2g}."
    return Counterexample("eq-33", says, change, own, corrected=own + spread)


def unbiased_is_not_equal() -> Counterexample:
    r"""(34): it drops :math:`\frac{\eta}{2K} \sum_j \mathbb{E}\|\nabla f_k - g_j\|^2` since "g is unbiased".

    That makes the mean of the difference 0 for j = k, not its square, and neither for another device. Two scheduled
    devices with minima at 1 and -1, from 0.
    """
    change, kept, dropped = _cancelling()
    says = f"Two devices whose steps cancel: a risk changes by {change:g}; printed, by {kept:.2g} at most."
    return Counterexample("eq-34", says, change, kept, corrected=kept + dropped)


def substitution_upside_down() -> Counterexample:
    r"""(41): from (40) it needs :math:`-\nu = \mu \sigma^2 / (\check{D} |h|^2)`, the inverse of what is printed.

    With y from (40), solved numerically, :math:`(cy - \nu) 2^{-(cy - \nu)}` is to be :math:`-\nu 2^\nu`.
    """
    inverse, ratio, slope = _forty()
    printed, meant = -1.0 / ratio, -ratio
    middle = (slope * inverse - printed) * 2.0 ** -(slope * inverse - printed)
    side = -printed * 2.0**printed
    # for y from (40), both sides agree with the corrected nu; told is their ratio
    right = (slope * inverse - meant) * 2.0 ** -(slope * inverse - meant) / (-meant * 2.0**meant)
    says = f"1 bit in 2 s, gain 2, noise 0.5: the right side of (41) over its left is {middle / side:.2g}, not 1."
    return Counterexample("eq-41", says, 1.0, middle / side, "==", corrected=right)


def bandwidth_again() -> Counterexample:
    r"""(43): it is (25), with the :math:`\nu` of Appendix D, which is upside down there as well."""
    inverse, _, _ = _forty()
    radio = {"payload_bits": 1.0, "noise_psd_w_per_hz": 0.5}
    printed, meant = (
        1.0 / float(required_bandwidth(2.0, 2.0, **radio, form=form)) for form in ("printed", "corrected")
    )
    says = f"1 bit in 2 s, gain 2, noise 0.5: (40) has the solution {inverse:.3g}, (43) is {printed:.3g}."
    return Counterexample("eq-43", says, inverse, printed, "==", corrected=meant)


def sets_without_a_threshold() -> Counterexample:
    r"""(44): sets without a threshold need not have a block of zeros before an equally long block of ones.

    What all of them have is a device that waits while the next weaker one is scheduled; to swap these two is enough for
    the proof of Theorem 2. Counted among the :math:`2^4` sets of 4 devices, blocks of at least one device.
    """
    count = 4
    sets = list(itertools.product((0, 1), repeat=count))
    without = [rho for rho in sets if any(a < b for a, b in itertools.pairwise(rho))]
    blocks = [rho for rho in without if _has_blocks(rho)]
    gaps = [rho for rho in sets if sorted(rho, reverse=True) != list(rho)]
    says = f"Of the sets of 4 devices, {len(gaps)} have no threshold; (44) describes {len(blocks)} of them."
    return Counterexample("eq-44", says, float(len(gaps)), float(len(blocks)), "==", corrected=float(len(without)))


def _has_blocks(rho: tuple[int, ...]) -> bool:
    """Whether (44) holds of it for a k* and an n, both limits of a block included, and neither block empty."""
    count = len(rho)
    for middle, n in itertools.product(range(1, count + 1), repeat=2):
        zeros = range(max(1, middle - n), middle)
        ones = range(middle + 1, min(count, middle + n) + 1)
        if zeros and ones and not any(rho[j - 1] for j in zeros) and all(rho[j - 1] for j in ones):
            return True
    return False


def _cancelling() -> tuple[float, float, float]:
    """By how much f_1 changes while both of two devices pull apart, its bound with one k, and what that leaves out."""
    apart = quadratic_round(round_setting(num_devices=2, num_scheduled=2), centers=(1.0, -1.0))
    eta, smooth = apart.setting.learning_rate, apart.setting.smoothness
    gradients = smooth * (apart.adapter - np.array(apart.centers))
    after = apart.adapter - eta * float(gradients.mean())
    squared = float(np.mean(gradients**2))
    bound = 0.5 * smooth * eta**2 * squared + 0.5 * eta * squared - eta * float(gradients[0]) ** 2
    left_out = 0.5 * eta * float(np.mean((gradients[0] - gradients) ** 2))
    return apart.risk(0, after, 0.0) - apart.risk(0, apart.adapter, 0.0), bound, left_out


def _forty() -> tuple[float, float, float]:
    r"""Solve (40) for 1 bit in 2 s with the gain 2 and the noise 0.5: y, c/s and :math:`c = \mu/\check{D}`."""
    slope, strength = 1.0 / 2.0, 2.0 / 0.5
    inverse = brentq(lambda y: 2.0 ** (slope * y) - strength * y - 1.0, 1.0, 100.0, xtol=1e-14, rtol=1e-15)
    return float(inverse), slope / strength, slope
