r"""Lemma 1, Theorem 1 and Appendix B of the sibling paper: instances in which a printed step fails.

Where a step needs a problem, it is a `QuadraticRound`, whose expectation over all schedules and both signs of the noise
is a finite sum, and which stands in the check's `settings`. The others are algebra, which needs no assumption.
"""

from __future__ import annotations

import itertools
import math
from typing import get_args

import numpy as np
from scipy.integrate import quad

from ..scenario import Form
from ..theory.outcomes import Counterexample
from .quadratic_round import QuadraticRound, quadratic_round, round_setting
from .theorem import RoundSetting, alpha, descent_bound, gap_bound, gradient_bound, sampling_error, zeta

_GRADIENTS = np.array([3.0, 1.0, -1.0])
_TWO_OF_THREE = "Two of the gradients 3, 1 and -1"


def three_equal_devices() -> Counterexample:
    """(12): three vectors that are equal have a sum whose square is 3 times, not 2 times, the sum of their squares."""
    adapter, task = np.ones((3, 1)), np.zeros((3, 1))
    squared, printed = float((adapter.mean(axis=0) ** 2).sum()), gradient_bound(adapter, task, form="printed")
    says = f"Three equal gradients of length 1: F's squared is {squared:.2g}; printed, at most {printed:.2g}."
    return Counterexample("eq-12", says, squared, printed, corrected=gradient_bound(adapter, task))


def reversed_chain() -> Counterexample:
    r"""Below (16): the condition on L is said to be stricter than that of Theorem 1; for N > 1 it is looser.

    :math:`\frac{\eta}{\eta^2 + s} < \frac{\eta}{\eta^2 + 1}` with s = (K - N) / (N (K - 1)) needs s > 1, but s is 1 at
    N = 1 and falls to 0 at N = K, where the left-hand side is :math:`1/\eta`. The sibling's own K and :math:`\eta`.
    """
    count, scheduled, eta = 20, 10, 1e-4
    limit = eta * scheduled * (count - 1) / ((count - 1) * scheduled * eta**2 + count - scheduled)
    theorem = eta / (eta**2 + 1.0)
    says = (
        f"{scheduled} of {count} devices, η = {eta:g}: the condition below (16) allows L up to {limit:.2g}; "
        f"printed, less than the theorem's {theorem:.2g}."
    )
    return Counterexample("thm-1", says, limit, theorem, corrected=1.0 / eta)


def channel_sorted_schedule() -> Counterexample:
    r"""(32): the scheduled mean is unbiased only if all devices are scheduled equally often.

    The proposed schedule takes the strongest channels. Two devices at the near and the far end of the sibling's
    circle, Rayleigh fading, one scheduled: the near one is chosen with probability :math:`m_1/(m_1+m_2)` by the mean
    gains m. What holds is (32) with :math:`P(k \in \tilde{K})/N` in place of 1/K in (31).
    """
    means = (np.array([250.0, 350.0]) / 250.0) ** -3.5
    gradients = np.array([3.0, -1.0])
    near, _ = quad(lambda x: math.exp(-x / means[0]) / means[0] * -math.expm1(-x / means[1]), 0.0, math.inf)
    followed, mean = float(np.array([near, 1.0 - near]) @ gradients), float(gradients.mean())
    says = (
        f"Devices at 250 m and 350 m have the gradients 3 and -1. The stronger channel's is {followed:.3g} on "
        f"average; printed, {mean:.3g}."
    )
    return Counterexample("eq-32", says, followed, mean, "==", corrected=float(means / means.sum() @ gradients))


def lost_step_size() -> Counterexample:
    r"""(35): :math:`w^a(t+1) - v^a(t+1)` is the step :math:`\eta` times a difference of gradients; it is left out."""
    setting = round_setting(num_devices=3, num_scheduled=2)
    deviations = _GRADIENTS - _GRADIENTS.mean()
    steps = [setting.learning_rate * deviations[list(chosen)].mean() for chosen in itertools.combinations(range(3), 2)]
    squared, printed = float(np.mean(np.square(steps))), sampling_error(_GRADIENTS[:, None], setting, form="printed")
    says = (
        f"{_TWO_OF_THREE}, with η = {setting.learning_rate:g}: Υ² is {squared:.2g} on average; printed, {printed:.2g}."
    )
    return Counterexample("eq-35", says, squared, printed, "==", corrected=sampling_error(_GRADIENTS[:, None], setting))


def squares_of_the_first_devices() -> Counterexample:
    r"""(36): every device is scheduled with probability N/K, so that the sum runs to K, not to N.

    :math:`\frac{1}{N^2} \binom{K-1}{N-1} / \binom{K}{N} = \frac{1}{NK}` is right.
    """
    squares = (_GRADIENTS - _GRADIENTS.mean()) ** 2
    chosen = [squares[list(pair)].sum() for pair in itertools.combinations(range(3), 2)]
    first, printed = float(np.mean(chosen)) / 2**2, float(squares[:2].sum()) / (2 * 3)
    says = f"{_TWO_OF_THREE}: the first part of (35) is {first:.2g}; printed, {printed:.2g}."
    return Counterexample("eq-36", says, first, printed, "==", corrected=float(squares.sum()) / (2 * 3))


def products_without_their_weight() -> Counterexample:
    r"""(37): :math:`1/N^2` stands on the left and is missing on the right, after which it silently returns.

    A pair is scheduled with probability :math:`\binom{K-2}{N-2} / \binom{K}{N}`.
    """
    deviations = _GRADIENTS - _GRADIENTS.mean()
    chosen = [2.0 * deviations[i] * deviations[j] for i, j in itertools.combinations(range(3), 2)]
    all_products = float(deviations.sum() ** 2 - (deviations**2).sum())
    pair = math.comb(1, 0) / math.comb(3, 2)
    second, printed = float(np.mean(chosen)) / 2**2, pair * all_products
    says = f"{_TWO_OF_THREE}: the second part of (35) is {second:.2g}; printed, {printed:.2g}."
    return Counterexample("eq-37", says, second, printed, "==", corrected=printed / 2**2)


def descent_where_there_is_none() -> Counterexample:
    r"""(38): averaged over the devices, it lets F fall by their own gradients, even where :math:`\nabla F = 0`.

    (33) writes one index k for the device whose risk is bounded and for those that are averaged, so that
    :math:`\langle \nabla f_k, \frac{1}{K} \sum_j \nabla f_j \rangle` becomes :math:`\|\nabla f_k\|^2`. Its mean over k
    is :math:`\|\nabla F\|^2`, which is smaller by the spread of the gradients.
    """
    apart = quadratic_round(round_setting(num_devices=2, num_scheduled=2), centers=(1.0, -1.0))
    change, gradients = apart.change(), apart.setting.smoothness * -np.array(apart.centers)[:, None]
    printed, corrected = (descent_bound(gradients, apart.setting, form=form) for form in get_args(Form))
    says = (
        f"From 0, two scheduled devices with minima at 1 and -1 change their mean risk by {change:.2g}; "
        f"printed, by {printed:.2g} at most."
    )
    return Counterexample("eq-38", says, change, printed, corrected=corrected, settings=(apart,))


def devices_that_wait() -> Counterexample:
    r"""(39): every task module is said to descend, though by (3) only the N scheduled ones move.

    With the schedule of (32) the mean descent is N/K of :math:`\eta (1 - \frac{L\eta}{2}) \|\nabla f_k\|^2`.
    """
    setting = round_setting(num_devices=4, num_scheduled=1, adapter_size=0, task_size=1)
    waiting = quadratic_round(setting, tasks=(1.0,) * 4)
    change, smooth, eta = waiting.change(), setting.smoothness, setting.learning_rate
    printed = 0.5 * (smooth * eta**2 - eta) * smooth**2  # the gradient at 1 is L
    corrected = -setting.num_scheduled / setting.num_devices * eta * (1.0 - 0.5 * smooth * eta) * smooth**2
    says = (
        f"Of four equal task modules, one is scheduled: their risks fall by {-change:.2g} on average; "
        f"printed, by at least {-printed:.2g}."
    )
    return Counterexample("eq-39", says, change, printed, corrected=corrected, settings=(waiting,))


def sum_in_place_of_a_mean() -> Counterexample:
    """Appendix B, below (39): F is bounded by the sum of the devices' changes, but by (1) F is their mean.

    Where the risks fall, the sum promises K times too much.
    """
    equal = _three_equal()
    smooth, eta = equal.setting.smoothness, equal.setting.learning_rate
    changes = 0.5 * smooth * ((1.0 - eta * smooth) ** 2 - 1.0) * np.ones(equal.setting.num_devices)
    change, printed = equal.change(), float(changes.sum())
    says = f"Three equal devices, all scheduled: F falls by {-change:.2g}; printed, by at least {-printed:.2g}."
    return Counterexample("app-b", says, change, printed, corrected=float(changes.mean()), settings=(equal,))


def half_of_the_sampling() -> Counterexample:
    r"""(14): 2N should be N, or the coefficient of :math:`\|\nabla_{w^a} f_k\|^2` exceeds :math:`-K^2\zeta/2`.

    What is missing is :math:`\frac{L(K-N)}{4N(K-1)}`, see `zeta`.
    """
    setting = round_setting(num_devices=4, num_scheduled=2)
    smooth, eta = setting.smoothness, setting.learning_rate
    needed = 0.5 * (smooth * eta**2 - eta) + 0.5 * setting.sampling * smooth
    printed = -0.5 * setting.num_devices**2 * zeta(setting, form="printed")
    says = (
        f"{setting.num_scheduled} of {setting.num_devices} devices: the adapter's squared gradients have the "
        f"factor {needed:.2g}; by this ζ, at most {printed:.2g}."
    )
    return Counterexample("eq-14", says, needed, printed, corrected=-0.5 * setting.num_devices**2 * zeta(setting))


def noise_of_the_adapter() -> Counterexample:
    r"""(15): noise in the adapter's gradient is said to lower the risk by :math:`\alpha`, even at the minimum.

    Step (a) of Appendix B puts noise into :math:`-\eta \|\nabla f_k\|^2`, which has none: only
    :math:`\frac{L\eta^2}{2} \mathbb{E}\|\bar g\|^2` has, with a plus.
    """
    setting = round_setting(num_devices=4, num_scheduled=2, noise_variance=1.0)
    return _noise_at_the_minimum("eq-15", "the adapter", setting)


def noise_of_the_task_module() -> Counterexample:
    r"""(16): :math:`\beta < 0` where :math:`L\eta < 1`, so that noisier task gradients would lower the risk.

    As in (15); the noise adds :math:`\frac{L\eta^2}{2} \phi^2 \Omega^t` for each of the N in K modules that move.
    """
    setting = round_setting(num_devices=4, num_scheduled=2, noise_variance=1.0, adapter_size=0, task_size=1)
    return _noise_at_the_minimum("eq-16", "the task modules", setting)


def schedule_that_leaves_the_minimum() -> Counterexample:
    r"""Theorem 1 without any noise: devices that differ drive the adapter away from the minimum.

    From a gap of 0 the theorem bounds the next gap by 0. One scheduled device pulls towards its own minimum, which adds
    :math:`\frac{L\eta^2}{2} \frac{K-N}{N(K-1)} \delta^2`. No assumption of the sibling bounds this :math:`\delta^2`:
    its data sets are i.i.d., but finite, and its tasks may differ.
    """
    setting = round_setting(num_devices=2, num_scheduled=1)
    pulled = quadratic_round(setting, centers=(1.0, -1.0))
    spread = float(np.mean((setting.smoothness * np.array(pulled.centers)) ** 2))
    gap, printed = pulled.next_gap(), gap_bound(setting, 0.0, form="printed")
    says = (
        f"One of two devices with minima at 1 and -1 is scheduled. Without noise, the gap rises from 0 to "
        f"{gap:.2g}; printed, to {printed:.2g}."
    )
    corrected = gap_bound(setting, 0.0, dissimilarity=spread)
    return Counterexample("thm-1", says, gap, printed, corrected=corrected, settings=(pulled,))


def device_that_is_never_scheduled() -> Counterexample:
    r"""Theorem 1 for "an arbitrary scheduling policy": a task module that is never scheduled never moves.

    Devices are equal and without noise. The first one, which has nothing left to learn, is scheduled again and again.
    """
    setting = round_setting(num_devices=2, num_scheduled=1, task_size=1)
    idle = quadratic_round(setting, tasks=(0.0, 1.0), schedules=((0,),))
    before, after = idle.gap(idle.adapter, idle.tasks), idle.next_gap()
    printed = gap_bound(setting, before, form="printed")
    says = (
        f"While the one device that has still to learn is not scheduled, the gap stays {after:.3g}; "
        f"printed, it falls to {printed:.3g}."
    )
    return Counterexample("thm-1", says, after, printed, corrected=before, settings=(idle,))


def minimum_outside_the_product() -> Counterexample:
    r"""(13), last line as typeset: :math:`F(W^*)` is outside the product, so that a constant in F changes the bound.

    Appendix B has the brackets, :math:`\prod_i (1 - 2\tau\zeta(i)) (F(W(0)) - F(W^*))`. The second line of (13) closes
    its bracket too early as well.
    """
    equal, least = _three_equal(), 10.0
    gap, before = equal.next_gap(), equal.gap(equal.adapter, equal.tasks)
    contraction = 1.0 - 2.0 * equal.setting.pl_constant * zeta(equal.setting, form="printed")
    printed = contraction * (before + least) - least
    says = f"With F(W*) = {least:g}, one round leaves a gap of {gap:.2g}; printed, at most {printed:.2g}."
    return Counterexample("eq-13", says, gap, printed, corrected=contraction * before, settings=(equal,))


def objective_with_the_wrong_sign() -> Counterexample:
    r"""(17a): what is left of (13) without its constants is :math:`-\sum_i (\cdot)\,\alpha(T-i) - \alpha(T)`.

    To minimize it is to maximize :math:`\sum_i (\cdot)\,\alpha(T-i) + \alpha(T)`; (17a) prints a minus. Since
    :math:`\alpha` grows with N, (17a) falls where the bound improves. Here T = 1, and N(1) grows from 1 to K.
    """
    few, every = (round_setting(num_devices=4, num_scheduled=count, noise_variance=1.0) for count in (1, 4))

    def bound(last: RoundSetting) -> float:
        return gap_bound(last, gap_bound(every, 0.0, form="printed"), form="printed")

    def objective(last: RoundSetting, sign: float) -> float:
        weight = 1.0 - 2.0 * last.pl_constant * zeta(last, form="printed")
        return weight * alpha(every) + sign * alpha(last)

    gain, printed = bound(few) - bound(every), objective(every, -1.0) - objective(few, -1.0)
    says = (
        f"Four devices instead of one in the last round lower the bound (13) by {gain:.2g}; "
        f"(17a), to be maximized, falls by {-printed:.2g}."
    )
    return Counterexample("eq-17a", says, gain, printed, "==", corrected=objective(every, 1.0) - objective(few, 1.0))


def _noise_at_the_minimum(element: str, where: str, setting: RoundSetting) -> Counterexample:
    noisy = quadratic_round(setting)
    gap, (printed, corrected) = noisy.next_gap(), (gap_bound(setting, 0.0, form=form) for form in get_args(Form))
    says = f"Noise in the gradients of {where} takes the gap from 0 to {gap:.2g}; printed, at most to {printed:.2g}."
    return Counterexample(element, says, gap, printed, corrected=corrected, settings=(noisy,))


def _three_equal() -> QuadraticRound:
    """Three equal devices, all scheduled, with the adapter at 1."""
    return quadratic_round(round_setting(num_devices=3, num_scheduled=3), adapter=1.0)
