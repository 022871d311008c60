r"""What holds of arXiv 2407.02924, the sibling paper, where that differs from what it prints."""

from __future__ import annotations

from .record import SIBLING, Erratum, Verdict

_LEARNING, _SCHEDULING = "theory.sibling.convergence.", "theory.sibling.scheduling."


def _record(element: str, title: str, verdict: Verdict, prints: str, holds: str, *checks: str) -> Erratum:
    return Erratum(SIBLING, element, title, verdict, prints, holds, checks)


SIBLING_ERRATA: tuple[Erratum, ...] = (
    _record(
        "eq-12",
        "Lemma 1",
        "wrong",
        r"$\|\nabla F\|^2$ is at most $\frac{2}{K^2}$ times the sum of all squared gradients.",
        r"$\frac{1}{K}$ for the adapter's gradients and $\frac{1}{K^2}$ for those of the task modules. The square of "
        "a sum of $K$ vectors is at most $K$ times the sum of their squares, and 2 times only if $K = 2$.",
        f"{_LEARNING}three_equal_devices",
    ),
    _record(
        "thm-1",
        "convergence",
        "wrong",
        "The gap contracts up to noise, for every schedule; a condition on $L$ that makes it vanish is stricter "
        "than the theorem's.",
        r"Devices that differ add $\frac{L \eta^2}{2} \frac{K - N}{N (K - 1)} \delta^2$, with $\delta^2$ the spread "
        "of their gradients, which no assumption bounds. For $N > 1$ that condition is the looser one.",
        f"{_LEARNING}schedule_that_leaves_the_minimum",
        f"{_LEARNING}reversed_chain",
    ),
    _record(
        "eq-13",
        "the bound of Theorem 1",
        "wrong",
        r"$\bigl(\prod_i (1 - 2 \tau \zeta(i))\bigr) F(\mathbf{W}(0)) - F(\mathbf{W}^*)$.",
        "The product multiplies the difference: a slip of brackets, which Appendix B does not have.",
        f"{_LEARNING}minimum_outside_the_product",
    ),
    _record(
        "eq-14",
        "the rate of Theorem 1",
        "wrong",
        r"$\zeta = -\frac{L \eta^2 - \eta}{K^2} - \frac{(K - N) L}{2 N (K - 1) K^2}$.",
        "$N$ in place of $2N$, for the step that it is taken from.",
        f"{_LEARNING}half_of_the_sampling",
    ),
    _record(
        "eq-15",
        "noise of the adapter",
        "wrong",
        r"Noise in the adapter's gradients enters the bound with $-\alpha$.",
        r"It adds $\frac{L \eta^2}{2} \frac{\phi^2 \Omega^a}{N}$: noise never helps.",
        f"{_LEARNING}noise_of_the_adapter",
    ),
    _record(
        "eq-16",
        "noise of the task modules",
        "wrong",
        r"$\beta = \Omega^t (L \eta^2 - \eta) \phi^2$, which is negative for small steps.",
        r"It adds $\frac{L \eta^2}{2} \frac{N}{K} \phi^2 \Omega^t$.",
        f"{_LEARNING}noise_of_the_task_module",
    ),
    _record(
        "eq-17",
        "the objective (17a)",
        "wrong",
        r"The last term is $-\alpha(T)$.",
        r"$+\alpha(T)$, if (13) is to be made small.",
        f"{_LEARNING}objective_with_the_wrong_sign",
    ),
    _record(
        "eq-21",
        "Lemma 2",
        "wrong",
        r"The drift is at most $\hat{D} (D - \bar{D})$.",
        r"$\hat{D} (D - \bar{D}) + \frac{1}{2} (D - \bar{D})^2$. What is printed is always a lower bound.",
        f"{_SCHEDULING}drift_from_an_empty_queue",
    ),
    _record(
        "eq-25",
        "Lemma 3",
        "wrong",
        r"The bandwidth by Lambert's function of a $\nu$ in proportion to $|h|^2 / \sigma^2$.",
        r"$\nu = -\mu \sigma^2 / (\check{D} |h|^2)$, upside down, and the lower branch. A solution exists if "
        r"$\check{D} > \mu \sigma^2 \ln 2 / |h|^2$.",
        f"{_SCHEDULING}inverted_argument",
    ),
    _record(
        "alg-1",
        "the online algorithm",
        "wrong",
        r"It stops adding devices when the objective falls, and weights the queue by $\zeta(t)$.",
        "The objective may rise again: look at all $K$ prefixes, which together hold the optimum. Without a weight "
        "the queue does what (8) asks.",
        f"{_SCHEDULING}early_stop",
        f"{_SCHEDULING}weighted_queue",
    ),
    _record(
        "thm-2",
        "optimality of the schedule",
        "wrong",
        r"The schedule is within $\Delta = 2K$ of the best.",
        "So is no schedule at all, and the proof drops a term that may be positive. The best of all $K$ prefixes "
        r"has $\Delta = 0$.",
        f"{_SCHEDULING}guarantee_that_excludes_nothing",
        f"{_SCHEDULING}delay_that_was_dropped",
    ),
    _record(
        "eq-32",
        "the mean of the scheduled devices",
        "ambiguous",
        "It is unbiased.",
        "If all devices are scheduled equally often, which the proposed schedule by channels does only where "
        "channels are alike.",
        f"{_LEARNING}channel_sorted_schedule",
    ),
    _record(
        "eq-35",
        "error of the scheduled mean",
        "wrong",
        "A difference of mean gradients.",
        r"It is a difference of *steps*: $\eta^2$ in front of the square.",
        f"{_LEARNING}lost_step_size",
    ),
    _record(
        "eq-36",
        "its squares",
        "wrong",
        "The sum runs to $N$.",
        "To $K$: every device may be scheduled.",
        f"{_LEARNING}squares_of_the_first_devices",
    ),
    _record(
        "eq-37",
        "its products",
        "wrong",
        "$1/N^2$ is gone on the right.",
        "It belongs there, and is back in the next step.",
        f"{_LEARNING}products_without_their_weight",
    ),
    _record(
        "eq-38",
        "descent of the adapter",
        "wrong",
        "Every device descends along its own gradient.",
        r"All follow the mean: $F$ falls with $\|\nabla F\|^2$, not with the mean of $\|\nabla f_k\|^2$.",
        f"{_LEARNING}descent_where_there_is_none",
    ),
    _record(
        "eq-39",
        "descent of the task modules",
        "wrong",
        "Every task module descends.",
        "By (3) only those of scheduled devices move, which is $N/K$ of them on average.",
        f"{_LEARNING}devices_that_wait",
    ),
    _record(
        "app-b",
        "the step after (39)",
        "wrong",
        "$F$ changes by at most the sum of the changes of the devices' risks.",
        r"By their mean, $\frac{1}{K}$ of the sum.",
        f"{_LEARNING}sum_in_place_of_a_mean",
    ),
)
"""One record for every element of the sibling in which something was found, in its order."""
