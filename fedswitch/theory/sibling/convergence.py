r"""Lemma 1, Theorem 1 and Appendix B of the sibling paper: instances in which a printed step fails.

Where a step needs a problem, it is :math:`f_k = \frac{L}{2} [(w^a - c_k)^2 + (w_k^t)^2]`, whose expectation over all
schedules and both signs of the noise is a finite sum.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad

from ..claims import Counterexample
from .theorem import Setting, alpha, descent_bound, gap_bound, gradient_bound, sampling_error, zeta

Array = NDArray[np.float64]


def three_equal_devices() -> Counterexample:
    """(12): three vectors that are equal have a sum whose square is 3 times, not 2 times, the sum of their squares."""
    adapter, task = np.ones((3, 1)), np.zeros((3, 1))
    return Counterexample(
        element="eq-12",
        says="Lemma 1, three equal gradients of length 1",
        left=float((adapter.mean(axis=0) ** 2).sum()),
        right=gradient_bound(adapter, task, form="printed"),
        corrected=gradient_bound(adapter, task),
    )


def reversed_chain() -> Counterexample:
    r"""Below (16): the condition on L is said to be stricter than that of Theorem 1; for N > 1 it is looser.

    :math:`\frac{\eta}{\eta^2 + s} < \frac{\eta}{\eta^2 + 1}` with s = (K - N) / (N (K - 1)) needs s > 1, but s is 1 at
    N = 1 and falls to 0 at N = K, where the left-hand side is :math:`1/\eta`. The sibling's own K and :math:`\eta`.
    """
    setting = _setting(num_devices=20, num_scheduled=10, learning_rate=1e-4)
    count, scheduled, eta = setting.num_devices, setting.num_scheduled, setting.learning_rate
    return Counterexample(
        element="thm-1",
        says="the two conditions on L, K=20, N=10, η=1e-4",
        left=eta * scheduled * (count - 1) / ((count - 1) * scheduled * eta**2 + count - scheduled),
        right=eta / (eta**2 + 1.0),
        corrected=1.0 / eta,
    )


def channel_sorted_schedule() -> Counterexample:
    r"""(32): the scheduled mean is unbiased only if all devices are scheduled equally often.

    The proposed schedule takes the strongest channels. Two devices at the near and the far end of the sibling's
    circle, Rayleigh fading, one scheduled: the near one is chosen with probability :math:`m_1/(m_1+m_2)` by the mean
    gains m. What holds is (32) with :math:`P(k \in \tilde{K})/N` in place of 1/K in (31).
    """
    means = (np.array([250.0, 350.0]) / 250.0) ** -3.5
    gradients, eta = np.array([3.0, -1.0]), 0.1
    near, _ = quad(lambda x: math.exp(-x / means[0]) / means[0] * -math.expm1(-x / means[1]), 0.0, math.inf)
    return Counterexample(
        element="eq-32",
        says="devices at 250 m and 350 m with gradients 3 and -1, the stronger channel scheduled",
        left=-eta * float(np.array([near, 1.0 - near]) @ gradients),
        right=-eta * float(gradients.mean()),
        relation="==",
        corrected=-eta * float(means / means.sum() @ gradients),
    )


def lost_step_size() -> Counterexample:
    r"""(35): :math:`w^a(t+1) - v^a(t+1)` is the step :math:`\eta` times a difference of gradients; it is left out."""
    setting = _setting(num_devices=3, num_scheduled=2)
    deviations = _GRADIENTS - _GRADIENTS.mean()
    steps = [setting.learning_rate * deviations[list(chosen)].mean() for chosen in itertools.combinations(range(3), 2)]
    return Counterexample(
        element="eq-35",
        says="gradients 3, 1, -1, two of three scheduled, η=0.5",
        left=float(np.mean(np.square(steps))),
        right=sampling_error(_GRADIENTS[:, None], setting, form="printed"),
        relation="==",
        corrected=sampling_error(_GRADIENTS[:, None], setting),
    )


def squares_of_the_first_devices() -> Counterexample:
    r"""(36): every device is scheduled with probability N/K, so that the sum runs to K, not to N.

    :math:`\frac{1}{N^2} \binom{K-1}{N-1} / \binom{K}{N} = \frac{1}{NK}` is right.
    """
    squares = (_GRADIENTS - _GRADIENTS.mean()) ** 2
    chosen = [squares[list(pair)].sum() for pair in itertools.combinations(range(3), 2)]
    return Counterexample(
        element="eq-36",
        says="gradients 3, 1, -1, two of three scheduled",
        left=float(np.mean(chosen)) / 2**2,
        right=float(squares[:2].sum()) / (2 * 3),
        relation="==",
        corrected=float(squares.sum()) / (2 * 3),
    )


def products_without_their_weight() -> Counterexample:
    r"""(37): :math:`1/N^2` stands on the left and is missing on the right, after which it silently returns.

    A pair is scheduled with probability :math:`\binom{K-2}{N-2} / \binom{K}{N}`.
    """
    deviations = _GRADIENTS - _GRADIENTS.mean()
    chosen = [2.0 * deviations[i] * deviations[j] for i, j in itertools.combinations(range(3), 2)]
    all_products = float(deviations.sum() ** 2 - (deviations**2).sum())
    pair = math.comb(1, 0) / math.comb(3, 2)
    return Counterexample(
        element="eq-37",
        says="gradients 3, 1, -1, two of three scheduled",
        left=float(np.mean(chosen)) / 2**2,
        right=pair * all_products,
        relation="==",
        corrected=pair * all_products / 2**2,
    )


def descent_where_there_is_none() -> Counterexample:
    r"""(38): averaged over the devices, it lets F fall by their own gradients, even where :math:`\nabla F = 0`.

    (33) writes one index k for the device whose risk is bounded and for those that are averaged, so that
    :math:`\langle \nabla f_k, \frac{1}{K} \sum_j \nabla f_j \rangle` becomes :math:`\|\nabla f_k\|^2`. Its mean over k
    is :math:`\|\nabla F\|^2`, which is smaller by the spread of the gradients.
    """
    setting = _setting(num_devices=2, num_scheduled=2)
    centers = np.array([1.0, -1.0])
    gradients = setting.smoothness * -centers[:, None]
    return Counterexample(
        element="eq-38",
        says="minima at 1 and -1, both devices scheduled, started at the minimum of F",
        left=_next_gap(setting, centers, 0.0),
        right=descent_bound(gradients, setting, form="printed"),
        corrected=descent_bound(gradients, setting),
    )


def devices_that_wait() -> Counterexample:
    r"""(39): every task module is said to descend, though by (3) only the N scheduled ones move.

    With the schedule of (32) the mean descent is N/K of :math:`\eta (1 - \frac{L\eta}{2}) \|\nabla f_k\|^2`.
    """
    setting = _setting(num_devices=4, num_scheduled=1)
    smooth, eta = setting.smoothness, setting.learning_rate
    squared = smooth**2  # of the gradient at 1
    moved = setting.num_scheduled / setting.num_devices
    return Counterexample(
        element="eq-39",
        says="four equal task modules, one of them scheduled",
        left=_next_gap(setting, np.zeros(4), 0.0, np.ones(4)) - 0.5 * smooth,
        right=0.5 * (smooth * eta**2 - eta) * squared,
        corrected=-moved * eta * (1.0 - 0.5 * smooth * eta) * squared,
    )


def sum_in_place_of_a_mean() -> Counterexample:
    """Appendix B, below (39): F is bounded by the sum of the devices' changes, but by (1) F is their mean.

    Where the risks fall, the sum promises K times too much.
    """
    setting = _setting(num_devices=3, num_scheduled=3)
    gradients = np.full((3, 1), setting.smoothness)
    return Counterexample(
        element="app-b",
        says="three equal devices, all scheduled",
        left=_next_gap(setting, np.zeros(3), 1.0) - 0.5 * setting.smoothness,
        right=setting.num_devices * descent_bound(gradients, setting, form="printed"),
        corrected=descent_bound(gradients, setting),
    )


def half_of_the_sampling() -> Counterexample:
    r"""(14): 2N should be N, or the coefficient of :math:`\|\nabla_{w^a} f_k\|^2` exceeds :math:`-K^2\zeta/2`.

    What is missing is :math:`\frac{L(K-N)}{4N(K-1)}`, see `zeta`.
    """
    setting = _setting(num_devices=4, num_scheduled=2)
    smooth, eta = setting.smoothness, setting.learning_rate
    return Counterexample(
        element="eq-14",
        says="coefficient of the adapter's gradient, K=4, N=2",
        left=0.5 * (smooth * eta**2 - eta) + 0.5 * setting.sampling * smooth,
        right=-0.5 * setting.num_devices**2 * zeta(setting, form="printed"),
        corrected=-0.5 * setting.num_devices**2 * zeta(setting),
    )


def noise_of_the_adapter() -> Counterexample:
    r"""(15): noise in the adapter's gradient is said to lower the risk by :math:`\alpha`, even at the minimum.

    Step (a) of Appendix B puts noise into :math:`-\eta \|\nabla f_k\|^2`, which has none: only
    :math:`\frac{L\eta^2}{2} \mathbb{E}\|\bar g\|^2` has, with a plus.
    """
    setting = _setting(num_devices=4, num_scheduled=2, noise_variance=1.0)
    return Counterexample(
        element="eq-15",
        says="four equal devices at the minimum, two scheduled, noise in the adapter's gradient",
        left=_next_gap(setting, np.zeros(4), 0.0),
        right=gap_bound(setting, 0.0, form="printed"),
        corrected=gap_bound(setting, 0.0),
    )


def noise_of_the_task_module() -> Counterexample:
    r"""(16): :math:`\beta < 0` where :math:`L\eta < 1`, so that noisier task gradients would lower the risk.

    As in (15); the noise adds :math:`\frac{L\eta^2}{2} \phi^2 \Omega^t` for each of the N in K modules that move.
    """
    setting = _setting(num_devices=4, num_scheduled=2, noise_variance=1.0, adapter_size=0, task_size=1)
    return Counterexample(
        element="eq-16",
        says="four equal devices at the minimum, two scheduled, noise in the task module's gradient",
        left=_next_gap(setting, np.zeros(4), 0.0),
        right=gap_bound(setting, 0.0, form="printed"),
        corrected=gap_bound(setting, 0.0),
    )


def schedule_that_leaves_the_minimum() -> Counterexample:
    r"""Theorem 1 without any noise: devices that differ drive the adapter away from the minimum.

    From a gap of 0 the theorem bounds the next gap by 0. One scheduled device pulls towards its own minimum, which adds
    :math:`\frac{L\eta^2}{2} \frac{K-N}{N(K-1)} \delta^2`; no assumption of the sibling bounds this :math:`\delta^2`.
    """
    setting = _setting(num_devices=2, num_scheduled=1)
    centers = np.array([1.0, -1.0])
    dissimilarity = float(np.mean((setting.smoothness * centers) ** 2))
    return Counterexample(
        element="thm-1",
        says="minima at 1 and -1, one device scheduled, started at the minimum of F, no noise",
        left=_next_gap(setting, centers, 0.0),
        right=gap_bound(setting, 0.0, form="printed"),
        corrected=gap_bound(setting, 0.0, dissimilarity=dissimilarity),
    )


def minimum_outside_the_product() -> Counterexample:
    r"""(13), last line as typeset: :math:`F(W^*)` is outside the product, so that a constant in F changes the bound.

    Appendix B has the brackets, :math:`\prod_i (1 - 2\tau\zeta(i)) (F(W(0)) - F(W^*))`. The second line of (13) closes
    its bracket too early as well.
    """
    setting = _setting(num_devices=3, num_scheduled=3)
    least, gap = 10.0, 0.5 * setting.smoothness
    contraction = 1.0 - 2.0 * setting.pl_constant * zeta(setting, form="printed")
    return Counterexample(
        element="eq-13",
        says="three equal devices, all scheduled, no noise, F(W*) = 10",
        left=_next_gap(setting, np.zeros(3), 1.0),
        right=contraction * (gap + least) - least,
        corrected=contraction * gap,
    )


def objective_with_the_wrong_sign() -> Counterexample:
    r"""(17a): what is left of (13) without its constants is :math:`-\sum_i (\cdot)\,\alpha(T-i) - \alpha(T)`.

    To minimize it is to maximize :math:`\sum_i (\cdot)\,\alpha(T-i) + \alpha(T)`; (17a) prints a minus. Since
    :math:`\alpha` grows with N, (17a) falls where the bound improves. Here T = 1, and N(1) grows from 1 to K.
    """
    few, every = (_setting(num_devices=4, num_scheduled=count, noise_variance=1.0) for count in (1, 4))

    def bound(last: Setting) -> float:
        return gap_bound(last, gap_bound(every, 0.0, form="printed"), form="printed")

    def objective(last: Setting, sign: float) -> float:
        weight = 1.0 - 2.0 * last.pl_constant * zeta(last, form="printed")
        return weight * alpha(every) + sign * alpha(last)

    return Counterexample(
        element="eq-17",
        says="what the bound (13) gains, and the objective, if four devices are scheduled last instead of one",
        left=bound(few) - bound(every),
        right=objective(every, -1.0) - objective(few, -1.0),
        relation="==",
        corrected=objective(every, 1.0) - objective(few, 1.0),
    )


COUNTEREXAMPLES: tuple[Callable[[], Counterexample], ...] = (
    three_equal_devices,
    minimum_outside_the_product,
    reversed_chain,
    schedule_that_leaves_the_minimum,
    half_of_the_sampling,
    noise_of_the_adapter,
    noise_of_the_task_module,
    objective_with_the_wrong_sign,
    channel_sorted_schedule,
    lost_step_size,
    squares_of_the_first_devices,
    products_without_their_weight,
    descent_where_there_is_none,
    devices_that_wait,
    sum_in_place_of_a_mean,
)
"""All counterexamples of this module."""

_GRADIENTS = np.array([3.0, 1.0, -1.0])


def _setting(
    *,
    num_devices: int,
    num_scheduled: int,
    learning_rate: float = 0.5,
    noise_variance: float = 0.0,
    adapter_size: int = 1,
    task_size: int = 0,
) -> Setting:
    # L = 0.3 obeys L < η / (η² + 1), the condition of Theorem 1, for η = 0.5; without task modules τ = L
    return Setting(
        num_devices=num_devices,
        num_scheduled=num_scheduled,
        smoothness=0.3,
        learning_rate=learning_rate,
        pl_constant=0.3,
        noise_variance=noise_variance,
        adapter_size=adapter_size,
        task_size=task_size,
    )


def _next_gap(setting: Setting, centers: Array, adapter: float, tasks: Array | None = None) -> float:
    """Mean gap after a round, over all schedules and all signs of a noise of size φ; sizes are 0 or 1."""
    tasks = np.zeros(setting.num_devices) if tasks is None else tasks
    smooth, eta, scheduled = setting.smoothness, setting.learning_rate, setting.num_scheduled
    noise = math.sqrt(setting.noise_variance) * np.array(list(itertools.product((-1.0, 1.0), repeat=2 * scheduled)))
    adapter_noise, task_noise = setting.adapter_size * noise[:, :scheduled], setting.task_size * noise[:, scheduled:]
    gaps = []
    for chosen in map(list, itertools.combinations(range(setting.num_devices), scheduled)):
        moved = adapter - eta * (smooth * (adapter - centers[chosen]) + adapter_noise).mean(axis=1)
        moved_tasks = np.tile(tasks, (len(noise), 1))
        moved_tasks[:, chosen] -= eta * (smooth * tasks[chosen] + task_noise)
        gaps.append(0.5 * smooth * ((moved - centers.mean()) ** 2 + (moved_tasks**2).mean(axis=1)).mean())
    return float(np.mean(gaps))
