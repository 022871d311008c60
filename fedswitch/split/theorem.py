r"""Section III of the sibling paper: Lemma 1, Theorem 1 and the bounds on the way to it, printed and corrected.

K devices minimize :math:`F = \frac{1}{K} \sum_k f_k(w^a, w_k^t)`. In every round N of them are scheduled; each moves
its own task module :math:`w_k^t` by (3), and the server moves the common adapter :math:`w^a` by the mean of their
gradients, (4).
"""

from __future__ import annotations

import dataclasses

from numpy.typing import ArrayLike

from ..arguments import Array, check_choice, checked
from ..scenario import Form


@dataclasses.dataclass(frozen=True)
class RoundSetting:
    r"""One round as Theorem 1 sees it: K, N, L, :math:`\eta`, :math:`\tau`, :math:`\phi^2` and the two sizes.

    `pl_constant` is :math:`\tau` of Assumption 5, `noise_variance` :math:`\phi^2` of one entry of a gradient,
    `adapter_size` :math:`\Omega^a` and `task_size` :math:`\Omega^t` count the entries. Raises ValueError unless
    :math:`1 \le N \le K`, :math:`K \ge 2`, L and :math:`\eta` are positive and the others non-negative.
    """

    num_devices: int
    num_scheduled: int
    smoothness: float
    learning_rate: float
    pl_constant: float
    noise_variance: float = 0.0
    adapter_size: int = 1
    task_size: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.num_scheduled <= self.num_devices or self.num_devices < 2:
            raise ValueError(
                f"num_scheduled must be from 1 to num_devices, which must be at least 2, "
                f"got {self.num_scheduled} and {self.num_devices}"
            )
        non_negative = ("pl_constant", "noise_variance", "adapter_size", "task_size")
        checked(
            positive={"smoothness": self.smoothness, "learning_rate": self.learning_rate},
            non_negative={name: getattr(self, name) for name in non_negative},
        )

    @property
    def sampling(self) -> float:
        """(K - N) / (N (K - 1)): the variance of the mean of N of K numbers, over the variance of the K."""
        return (self.num_devices - self.num_scheduled) / (self.num_scheduled * (self.num_devices - 1))


def gradient_bound(adapter: ArrayLike, task: ArrayLike, *, form: Form = "corrected") -> float:
    r"""Lemma 1, (12): the bound of :math:`\|\nabla F\|^2` by the gradients of the devices.

    `adapter` of shape (K, ...) is :math:`\nabla_{w^a} f_k`, `task` of shape (K, ...) :math:`\nabla_{w_k^t} f_k`.
    "printed" is :math:`\frac{2}{K^2}` times both sums of squares; "corrected" is :math:`\frac{1}{K}` times the
    adapter's and :math:`\frac{1}{K^2}` times the task modules'. *Proof*: the task modules are separate coordinates, so
    their part is an equality, and the square of a sum of K vectors is at most K times the sum of their squares (2 is
    enough for two vectors only). Raises ValueError for an unknown form or values that are not finite.
    """
    check_choice("form", form, Form)
    (a,), (t,) = checked(finite={"adapter": adapter}), checked(finite={"task": task})
    adapter_part, task_part, count = float((a**2).sum()), float((t**2).sum()), len(a)
    if form == "printed":
        return 2.0 * (adapter_part + task_part) / count**2
    return adapter_part / count + task_part / count**2


def sampling_error(gradients: ArrayLike, setting: RoundSetting, *, form: Form = "corrected") -> float:
    r"""The mean square of :math:`\Upsilon^a = w^a(t+1) - v^a(t+1)`, which (35) to (37) lead to.

    `gradients` of shape (K, d) are :math:`g_k^a`. "printed" leaves out :math:`\eta^2`: by (30) and (31),
    :math:`\Upsilon^a = -\eta (\bar g_{\tilde{K}} - \bar g)`. Raises ValueError for an unknown form or a wrong shape.
    """
    check_choice("form", form, Form)
    value = setting.sampling * _spread(_gradients(gradients, setting))
    return value if form == "printed" else setting.learning_rate**2 * value


def descent_bound(gradients: ArrayLike, setting: RoundSetting, *, form: Form = "corrected") -> float:
    r"""The bound of :math:`\mathbb{E}[F(w^a(t+1)) - F(w^a(t))]` by (38), averaged over the devices.

    `gradients` of shape (K, d) are :math:`\nabla_{w^a} f_k` without noise; noise of variance :math:`\phi^2` an entry
    comes on top. "printed" lets every device descend along its own gradient. "corrected" is

    .. math:: -\eta \left(1 - \tfrac{L\eta}{2}\right) \|\nabla F\|^2 + \tfrac{L\eta^2}{2} \left[
        \tfrac{K-N}{N(K-1)} \tfrac{1}{K} \sum_k \|\nabla f_k - \nabla F\|^2 + \tfrac{\phi^2 \Omega^a}{N} \right].

    *Proof*: L-smoothness of F at :math:`w^a - \eta \bar g`, where :math:`\bar g` has the mean :math:`\nabla F` and,
    beyond it, the variance of a sample without replacement and that of the mean of N independent noises. Raises
    ValueError for an unknown form or a wrong shape.
    """
    check_choice("form", form, Form)
    values = _gradients(gradients, setting)
    smooth, eta = setting.smoothness, setting.learning_rate
    noise = setting.noise_variance * setting.adapter_size
    if form == "printed":
        local = float((values**2).sum()) / len(values)
        return 0.5 * (smooth * eta**2 + setting.sampling * smooth) * (local + noise) - 0.5 * eta * local
    squared = float((values.mean(axis=0) ** 2).sum())
    variance = setting.sampling * _spread(values) + noise / setting.num_scheduled
    return -eta * (1.0 - 0.5 * smooth * eta) * squared + 0.5 * smooth * eta**2 * variance


def zeta(setting: RoundSetting, *, form: Form = "corrected") -> float:
    r""":math:`\zeta` of (14); "corrected" has N where "printed" has 2N, and nothing else changed.

    The step before (b) in Appendix B needs :math:`-\frac{K^2}{2} \zeta \ge \frac{L\eta^2 - \eta}{2} +
    \frac{(K-N)L}{2N(K-1)}`. With N this is an equality, and :math:`\zeta > 0` exactly where the condition on L holds
    that the sibling prints below (16); with 2N it fails for every N < K. That condition compares L with :math:`\eta`,
    although only :math:`L\eta` has no unit: with the :math:`\eta^2` that (35) loses, see `sampling_error`, it is
    :math:`L\eta (1 + \frac{K-N}{N(K-1)}) < 1`. Raises ValueError for an unknown form.
    """
    check_choice("form", form, Form)
    eta, smooth = setting.learning_rate, setting.smoothness
    spread = setting.sampling * smooth / (2.0 if form == "printed" else 1.0)
    return (eta - smooth * eta**2 - spread) / setting.num_devices**2


def alpha(setting: RoundSetting) -> float:
    r""":math:`\alpha = \phi^2 K^2 \zeta \Omega^a` of (15), as printed."""
    return setting.noise_variance * setting.num_devices**2 * zeta(setting, form="printed") * setting.adapter_size


def beta(setting: RoundSetting) -> float:
    r""":math:`\beta = \Omega^t (L\eta^2 - \eta) \phi^2` of (16), as printed."""
    eta = setting.learning_rate
    return setting.task_size * (setting.smoothness * eta**2 - eta) * setting.noise_variance


def gap_bound(setting: RoundSetting, gap: float, *, dissimilarity: float = 0.0, form: Form = "corrected") -> float:
    r"""Theorem 1, first line of (13): the bound of :math:`F(W(t+1)) - F^*` by `gap`, :math:`F(W(t)) - F^*`.

    "printed" is :math:`(1 - 2\tau\zeta)\,\mathrm{gap} + \beta - \alpha`. "corrected" is, for :math:`L\eta \le 2`, a
    schedule that is uniform over all sets of N devices, and noise that is independent between devices,

    .. math:: \left(1 - 2\tau\eta \left(1 - \tfrac{L\eta}{2}\right)\right) \mathrm{gap} + \tfrac{L\eta^2}{2} \left[
        \tfrac{K-N}{N(K-1)} \delta^2 + \phi^2 \left(\tfrac{\Omega^a}{N} + \tfrac{N}{K} \Omega^t\right) \right].

    `dissimilarity` is :math:`\delta^2 = \frac{1}{K} \sum_k \|\nabla_{w^a} f_k - \nabla_{w^a} F\|^2`, which the sibling
    does not assume to be anything. N is not in the contraction: it divides what sampling and noise add. *Proof*: every
    :math:`f_k` is L-smooth in both arguments together. The adapter's part is `descent_bound`. A task module moves with
    probability N/K, which gives :math:`-\eta (1 - \frac{L\eta}{2}) \frac{N}{K^2} \sum_k \|\nabla_{w_k^t} f_k\|^2`,
    hence at least as much descent as :math:`\|\nabla_{w^t} F\|^2 = \frac{1}{K^2} \sum_k \|\nabla_{w_k^t} f_k\|^2` asks
    for, plus its noise; then Assumption 5. Raises ValueError for an unknown form.
    """
    check_choice("form", form, Form)
    tau, eta, smooth = setting.pl_constant, setting.learning_rate, setting.smoothness
    if form == "printed":
        return (1.0 - 2.0 * tau * zeta(setting, form="printed")) * gap + beta(setting) - alpha(setting)
    scheduled = setting.num_scheduled
    sizes = setting.adapter_size / scheduled + setting.task_size * scheduled / setting.num_devices
    added = setting.sampling * dissimilarity + setting.noise_variance * sizes
    return (1.0 - 2.0 * tau * eta * (1.0 - 0.5 * smooth * eta)) * gap + 0.5 * smooth * eta**2 * added


def _gradients(values: ArrayLike, setting: RoundSetting) -> Array:
    (array,) = checked(finite={"gradients": values})
    if array.ndim != 2 or len(array) != setting.num_devices:
        raise ValueError(f"gradients must have shape ({setting.num_devices}, d), got {array.shape}")
    return array


def _spread(gradients: Array) -> float:
    return float(((gradients - gradients.mean(axis=0)) ** 2).sum()) / len(gradients)
