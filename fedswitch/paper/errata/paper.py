r"""What holds of every numbered element of arXiv 2509.19306."""

from __future__ import annotations

from ..elements import ELEMENTS
from .record import PAPER, Erratum, Verdict

_TITLES = {element.id: element.title for element in ELEMENTS}


def _record(element: str, verdict: Verdict, prints: str, holds: str, *checks: str) -> Erratum:
    return Erratum(PAPER, element, _TITLES[element], verdict, prints, holds, checks)


_CHECKS, _STATEMENTS, _EXAMPLES = "paper.checks.", "theory.statements.", "theory.counterexamples."

_SYSTEM_MODEL = (
    _record(
        "fig-1",
        "right",
        "UEs subscribe to LoRA modules, and send their gradients to the gNB.",
        "A diagram. `learning.simulate` runs what it shows.",
    ),
    _record(
        "eq-1",
        "ambiguous",
        "The step divides by the amount of data received.",
        "Nothing may arrive, and $0/0$ needs a convention: here the module then stays as it is. The gradient "
        r"belongs at $\mathbf{w}_0 + \Delta\mathbf{w}_n^t$, and (1) is one local step where (4) charges $\tau$.",
        f"{_CHECKS}eq1_nobody_is_received",
    ),
    _record(
        "eq-2",
        "ambiguous",
        "An upload is received if its SINR reaches a threshold.",
        "Two readings are open: the loss over the first meter, without which noise hardly matters, and the power "
        "$P_l$ of the interferers.",
        f"{_CHECKS}eq2_depends_on_the_first_meter",
    ),
    _record(
        "eq-3",
        "right",
        "The inference risk is the mean of the risks of the modules.",
        "For a convex loss it bounds the risk of the ensemble, which averages predictions.",
        f"{_CHECKS}eq3_bounds_the_ensemble",
    ),
    _record(
        "eq-4",
        "wrong",
        r"Computing costs $\tau D G^{\mathbf{w}} f^2 \varrho M$, with $G^{\mathbf{w}}$ the bits of the model.",
        "The form is the usual one; what $M$ cycles per bit multiply must be the bits of the *data*, or the product "
        "$G M$ the operations of a pass through the model.",
        f"{_CHECKS}eq4_charges_more_than_the_arithmetic",
    ),
)

_ANALYSIS = (
    _record(
        "eq-5",
        "right",
        "The gap between the inference risk and the least risk on each UE's own data.",
        "A definition. If mini-batches are random, the mean is over them as well.",
    ),
    _record(
        "ass-1",
        "wrong",
        r"The loss is $\epsilon$-Lipschitz and $\xi$-strongly convex.",
        r"On all of $\mathbb{R}^d$ no function is both: the gradient of a strongly convex one has no bound. Theorem "
        r"1 does not need the Lipschitz constant, and $\epsilon$ is then free to mean smoothness alone.",
        f"{_EXAMPLES}ass1_slope_without_end",
    ),
    _record(
        "ass-2",
        "right",
        r"The curvature lies between $\xi$ and $\epsilon$.",
        "An assumption that ridge and regularized logistic regression meet. In the factors of LoRA the loss is not "
        r"convex, so that the theory is about the full matrix $\Delta\mathbf{w}$.",
    ),
    _record(
        "ass-3",
        "ambiguous",
        r"$\|\nabla l\|^2 \le \zeta_1 + \zeta_2 \|\nabla F\|^2$ for some $\zeta_1, \zeta_2 \ge 0$.",
        r"On an unbounded domain a strongly convex loss needs $\zeta_2 \ge 1$, with which the printed $A$ is "
        r"negative. A bounded domain allows less. A bound on $\|\nabla F_k - \nabla F_j\|$ avoids the question.",
        f"{_EXAMPLES}ass3_far_from_the_optimum",
        f"{_STATEMENTS}ass3_mean_square",
    ),
    _record(
        "eq-6",
        "wrong",
        "The gap is at most the sum of four terms, the second a product over rounds of sums over modules.",
        r"Sum over modules outside the product, with $1/N$; the first term carries $\prod_{p \le t} (1 - A_n^p)$, "
        r"the third is $H = \sum_k \rho_k [F_k(\mathbf{w}^*) - F_k(\mathbf{w}_k^*)]$, and the fourth drops out once "
        r"risks are taken at $\mathbf{w}_0 + \Delta\mathbf{w}$.",
        f"{_EXAMPLES}eq6_negative_bound",
        f"{_EXAMPLES}eq6_absent_unseen",
        f"{_EXAMPLES}eq6_literal",
        f"{_EXAMPLES}eq6_literal_product",
        f"{_EXAMPLES}eq6_foundation_apart",
        f"{_STATEMENTS}eq6_unrolled",
        f"{_STATEMENTS}eq6_rounds",
        f"{_STATEMENTS}eq6_foundation_term",
        f"{_STATEMENTS}eq6_one_round",
        f"{_STATEMENTS}corrected_unrolled",
    ),
    _record(
        "thm-1",
        "wrong",
        r"$A = \frac{2\xi}{\epsilon} [1 - 8 \zeta_2 M' - 4 \zeta_2 K - \frac{\epsilon}{2}]$ and $B = "
        r"\frac{2\zeta_1}{\epsilon} [K + 2 M']$ with $M' = \sum_k \rho_k (1 - \lambda)(1 - \beta)$.",
        r"$A = \frac{\xi}{\epsilon} (1 - 4 \zeta_2 M)$, as long as that is positive, and $B = "
        r"\frac{2\zeta_1}{\epsilon} M$, with $M = \sum_k \rho_k (1 - \beta \lambda)$, the share of the data missed. "
        r"The offset follows from the printed steps; the factor of 2 and the $\frac{\epsilon}{2}$ in the rate do not. "
        "{doc}`/book/bounds` proves this and two sharper bounds.",
        f"{_EXAMPLES}thm1_bound_grows",
        f"{_EXAMPLES}thm1_rate_in_other_units",
        f"{_STATEMENTS}thm1_rate",
        f"{_STATEMENTS}thm1_scaling",
        f"{_STATEMENTS}thm1_offset",
        f"{_STATEMENTS}corrected_rate",
        f"{_STATEMENTS}corrected_offset",
        f"{_STATEMENTS}corrected_growth",
    ),
)

_PROBLEM = (
    _record(
        "eq-7a",
        "right",
        "Minimize the gap plus the weighted energy.",
        r"A choice. The gap is that of one round and the energy that of all; and $\mu$ has a unit, per J, in which "
        "the stated $10^5$ leaves learning no weight.",
    ),
    _record("eq-7b", "right", "A subscription is yes or no.", "A definition, for every UE."),
    _record("eq-7c", "right", "A UE has at most $s$ subscriptions a round.", "A definition."),
    _record(
        "eq-7d",
        "right",
        "Every module has a least participation $v_n$.",
        r"For every UE. It can be kept if and only if $\sum_n v_n \le s$.",
        f"{_CHECKS}eq7d_can_be_kept",
    ),
    _record(
        "eq-7e",
        "ambiguous",
        r"$0 < P_k \le P_{\max}$.",
        "Open at 0, where the best power may lie: not to transmit. Here a power of 0 is allowed.",
        f"{_CHECKS}eq7e_excludes_silence",
    ),
    _record(
        "eq-7f",
        "right",
        "The shares of the bandwidth sum to at most 1.",
        r"Over the uploads that take place: (17) has the $\beta$ that (7f) lacks.",
    ),
    _record(
        "eq-8a",
        "wrong",
        r"The cost of a UE sums $\prod_p (1 - A_{n,k}^p) B_{n,k}^q$, and $\beta^t C(t)$ over $q$.",
        r"In (7a) UE $k$ weighs $\rho_k / N$, and the energy of round $q$ is $\beta^q C(q)$. The product of means is "
        "no mean of products, so that the sum over UEs does not give back Theorem 1 over several rounds.",
        f"{_STATEMENTS}eq8_weights",
        f"{_STATEMENTS}eq8_energy",
        f"{_STATEMENTS}eq8_product",
        f"{_STATEMENTS}eq8_constants",
        f"{_STATEMENTS}eq8_unrolled",
    ),
    _record("eq-8b", "right", "The constraints (7b) to (7d).", "A reference."),
    _record(
        "eq-9",
        "wrong",
        r"$Q = \sum_n [(1 - A) B^{t-1} + B] + \mu \sum_n \beta C$, whose slope grows with $1 - \lambda$.",
        "All earlier rounds count: $(1 - A) S^{t-1} + B$ with $S^t = (1 - A^t) S^{t-1} + B^t$. Its slope is "
        r"$-\frac{\rho_k \lambda}{N \epsilon} (4 \xi \zeta_2 S^{t-1} + 2 \zeta_1) + \mu C$: good channels are worth "
        "more.",
        f"{_EXAMPLES}eq9_prefers_the_worse_channel",
        f"{_STATEMENTS}eq9_truncated",
        f"{_STATEMENTS}eq9_gradient",
        f"{_STATEMENTS}eq9_affine",
    ),
    _record(
        "eq-10a",
        "wrong",
        r"The braces let $\frac{16 \xi \zeta_2}{\epsilon}$ multiply $\frac{4 \zeta_1}{\epsilon}$ as well.",
        "A slip: (14) has the terms apart, as (9) does.",
        f"{_STATEMENTS}eq10a_braces",
    ),
    _record("eq-10b", "right", r"(7c), and $\beta \in [0, 1]$.", "A relaxation whose corners are whole numbers."),
    _record(
        "eq-11",
        "right",
        r"The duals rise by $\varsigma (v_n - \beta_n)$, and never fall below 0.",
        r"Added up, it gives $\frac{1}{T} \sum_t (v_n - \beta_n^t) \le \lambda_n^T / (\varsigma T)$.",
        f"{_CHECKS}eq11_keeps_its_promise",
    ),
    _record(
        "eq-12",
        "ambiguous",
        "A linear program, solved by an interior point method and rounded at random.",
        "How to round is left open, and entry by entry breaks (7c). Neither is needed: take the smallest negative "
        r"entries of $\nabla Q - \lambda$, at most $s$. The online method behind (12) has a term $\|\boldsymbol\beta "
        r"- \hat{\boldsymbol\beta}\|^2 / (2a)$ more, which its guarantees rest on.",
        f"{_CHECKS}eq12_rounding_breaks_the_limit",
        f"{_CHECKS}eq12_is_solved_by_sorting",
    ),
)

_RESOURCES = (
    _record(
        "eq-13",
        "ambiguous",
        "The delay of the slowest upload, at the rate of the SINR of the moment.",
        r"Under Rayleigh fading that delay has no finite mean. At the ergodic rate, $\mathbb{E} \log_2(1 + "
        r"\mathrm{SINR})$, it is finite, and no fade changes it.",
        f"{_CHECKS}eq13_mean_delay_is_infinite",
    ),
    _record(
        "eq-14",
        "wrong",
        "(9) with the common delay in the energy.",
        r"It agrees with (9), but for the energy of computing, which depends on $\beta$; and it inherits $(1 - "
        r"\lambda)(1 - \beta)$ where $1 - \beta \lambda$ belongs.",
        f"{_CHECKS}eq14_forgets_computing",
        f"{_STATEMENTS}eq14_compute",
        f"{_STATEMENTS}eq14_consistent",
    ),
    _record(
        "eq-15",
        "wrong",
        r"Noise enters with $d^2 / (2\phi)^{\alpha/2 - 1}$, and the inner constant is $\frac{12}{5\pi} "
        r"\theta^{2/\alpha}$.",
        r"$\lambda = \exp\bigl[-\frac{\theta \sigma^2 d^\alpha}{P g} - s \int_0^\infty \frac{1 - e^{-\frac{12}{5} s "
        r"x}}{1 + x^{\alpha/2}} dx\bigr]$ with $s = \pi \phi d^2 (\theta P_I / P)^{2/\alpha}$, {eq}`eq-success`.",
        f"{_CHECKS}eq15_is_too_low_near_the_gnb",
        f"{_CHECKS}eq15_is_too_high_at_the_edge",
    ),
    _record(
        "eq-16",
        "ambiguous",
        "Minimize the energy of the uploads, each charged for the common delay.",
        "The delay is common, so that this is the least *delay*. The uplink term of (4), in which a UE that is done "
        "stops, is smallest elsewhere.",
        f"{_CHECKS}eq16_least_delay_is_not_least_energy",
    ),
    _record(
        "thm-2",
        "right",
        "If all delays are equal, the optimal allocation uses all of the bandwidth.",
        "With both halves, equal delays and the whole band, the condition is sufficient, too. It needs a signal, $S "
        "> 0$.",
        f"{_CHECKS}thm2_no_other_allocation_is_faster",
    ),
    _record(
        "eq-17",
        "right",
        "The shares sum to 1.",
        "As it stands.",
        f"{_CHECKS}eq17_unused_bandwidth_costs_time",
    ),
    _record(
        "eq-18",
        "right",
        "The rate grows with the share.",
        "As it stands.",
        f"{_STATEMENTS}eq18_derivative",
        f"{_STATEMENTS}eq18_positive",
        f"{_STATEMENTS}eq18_logarithm",
    ),
    _record(
        "eq-19",
        "ambiguous",
        r"The share in terms of $\mathrm{LW}(\varphi)$.",
        "Right on the branch that belongs to the SINR: the main one below $e - 1$ (2.35 dB), the lower one above. "
        r"With $u = -\mathrm{LW}(\varphi) = \ln(1 + \mathrm{SINR})$ there is no branch to choose.",
        f"{_CHECKS}eq19_main_branch_is_wrong",
        f"{_STATEMENTS}eq19_share",
    ),
    _record(
        "eq-20",
        "ambiguous",
        r"An equation for $\varphi$.",
        r"Right on the branch that belongs to the SINR. In $u$ it is $(a + b u)(e^u - 1) = u$, with $a = G N_0 \ln 2 "
        "/ (E S)$ and $b = I / S$: one positive root if $a < 1$, and none otherwise.",
        f"{_CHECKS}eq20_main_branch_has_no_solution",
        f"{_STATEMENTS}eq20_delay",
        f"{_STATEMENTS}eq20_turns",
        f"{_STATEMENTS}eq20_convex",
    ),
    _record(
        "alg-1",
        "wrong",
        r"Bisection for the common delay in $[E_{\min}, E_{\mathrm{input}}]$, in $O(K "
        r"\log_2(E_{\mathrm{input}}/\omega))$.",
        "The bracket must hold the solution, and a share that no bandwidth allows counts as infinite. The number of "
        r"halvings is about $\log_2 \frac{(E_{\mathrm{input}} - E_{\min}) \kappa}{\omega E^*}$, where $\kappa = -d "
        r"\ln \delta_A / d \ln E \ge 1$; each costs $O(K N)$.",
        f"{_CHECKS}alg1_trusts_its_upper_end",
        f"{_CHECKS}alg1_trusts_its_lower_end",
        f"{_CHECKS}alg1_takes_longer_for_short_delays",
    ),
    _record(
        "eq-21",
        "wrong",
        "The best power, by an interior point method, since no closed form exists.",
        "It inherits (14): for a UE that uploads all its modules, as all do at the start of Algorithm 2, the cost "
        "falls all the way to the power 0 that (7e) excludes. Corrected, with one upload and interference that $P$ "
        r"does not change, it is $b (1 - e^{-a/P}) + p P$ up to a constant. If $\kappa = p a / b < 1/e$, its minimum "
        r"is at $P = a / (-2 W_0(-\sqrt\kappa / 2))$; otherwise silence is best. With several uploads there is no "
        "closed form, and an interior point may end in a trap.",
        f"{_CHECKS}eq21_has_no_minimum",
        f"{_CHECKS}eq21_interior_point_is_trapped",
    ),
    _record(
        "eq-22",
        "wrong",
        r"The derivative has $1 - \beta_n$, and no trace of interference.",
        r"$\beta_n$ in its place, so that power serves what is uploaded; and the factor $\Lambda_n = "
        r"e^{-\text{interference}}$ of (15).",
        f"{_CHECKS}eq22_serves_the_wrong_modules",
        f"{_STATEMENTS}eq22_interference",
        f"{_STATEMENTS}eq22_subscription",
        f"{_STATEMENTS}eq22_restored",
        f"{_STATEMENTS}corrected_power_slope",
        f"{_STATEMENTS}corrected_power",
    ),
    _record(
        "alg-2",
        "wrong",
        r"Start with $\beta = 1$ everywhere; iterate bandwidth and power until the cost settles; switch by "
        r"$\delta^{t+1}$ and $P^{t+1}$.",
        "Start feasible, read round $t$, and keep the best iterate: neither part minimizes the cost that is watched.",
        f"{_CHECKS}alg2_start_breaks_7c",
        f"{_CHECKS}alg2_objective_may_rise",
    ),
)

_RESULTS = (
    _record(
        "fig-2",
        "ambiguous",
        "Rounds fall and then rise with $K$: many UEs against much bandwidth for each, which makes uplinks reliable.",
        r"In (15) bandwidth only lets in noise. The trade-off exists where a deadline sets the threshold, $\theta = "
        r"2^{G / (W \delta E)} - 1$. {doc}`claims` has the percentages.",
        f"{_CHECKS}fig2_bandwidth_costs_reliability",
    ),
    _record(
        "fig-3",
        "ambiguous",
        r"Iterations grow with $K$, which shows $O(K \log_2(E_{\mathrm{input}}/\omega))$.",
        "That depends on the bracket, which is not stated: from a fixed one they fall, from one that is fitted to "
        "the cell they rise (see {doc}`/notebooks/fig3_bandwidth`). What grows in proportion to $K$ is the cost of "
        "one iteration.",
        f"{_CHECKS}fig3_iterations_may_fall",
    ),
    _record(
        "fig-4",
        "measured",
        "Algorithm 2 is 1.9 % and 1.3 % more accurate than one-shot and greedy switching.",
        "A measurement: see {doc}`claims`.",
    ),
    _record(
        "fig-5",
        "ambiguous",
        r"Power control saves 16.8 % at $\theta = -5$ dB and $\mu = 10^5$.",
        r"Only $\mu$ over the worth of an upload matters, and that has constants that are not stated: any saving can "
        "be had (see {doc}`/notebooks/fig5_energy`).",
        f"{_CHECKS}fig5_saving_depends_on_zeta1",
    ),
)

_PROOF = (
    _record(
        "eq-23",
        "right",
        "Add and subtract the risk at a common optimum.",
        "As it stands.",
        f"{_STATEMENTS}eq23_adds_and_subtracts",
    ),
    _record(
        "eq-24",
        "wrong",
        r"Expand around $\Delta\mathbf{w}_n$, with a step $\mathbf{w}_n$.",
        r"A slip: the step is $\mathbf{w}_0$. The inequality is then right, but its use drops the gradient at "
        r"$\Delta\mathbf{w}_n$. It is not needed if risks are taken at $\mathbf{w}_0 + \Delta\mathbf{w}_n$.",
        f"{_EXAMPLES}eq24_as_used",
        f"{_STATEMENTS}eq24_index",
        f"{_STATEMENTS}eq24_taylor",
        f"{_STATEMENTS}eq24_young",
    ),
    _record(
        "eq-25",
        "right",
        "Smoothness, for one step.",
        "As it stands.",
        f"{_STATEMENTS}eq25_taylor",
    ),
    _record(
        "eq-26",
        "right",
        "(25), summed over UEs.",
        "As it stands. Its third term is identically zero, so that nothing needs to bound it.",
        f"{_STATEMENTS}eq26_average",
        f"{_STATEMENTS}eq26_cross_term",
        f"{_STATEMENTS}eq26_descent",
    ),
    _record(
        "eq-27",
        "wrong",
        r"$\mathbb{E} \|\mathbf{e}\|^2 \le 4 \sum_k \rho_k (1 - \lambda)(1 - \beta)(\zeta_1 + \zeta_2 \|\nabla "
        r"F\|^2)$.",
        r"$1 - \beta \lambda$ in place of $(1 - \lambda)(1 - \beta)$: a gradient is missed if its UE does not "
        "subscribe **or** is not received. The 4 is right, and no smaller number would do.",
        f"{_EXAMPLES}eq27_subscribed_but_lost",
        f"{_EXAMPLES}eq27_received_but_absent",
        f"{_STATEMENTS}eq27_miss_probability",
        f"{_STATEMENTS}corrected_miss_probability",
        f"{_STATEMENTS}eq27_error",
        f"{_STATEMENTS}corrected_error_bound",
        f"{_STATEMENTS}eq27_constant",
    ),
    _record(
        "eq-28",
        "ambiguous",
        "A bound on the cross term of (26), with the sizes of the test sets as weights.",
        r"It holds if these weigh as $\rho_k$ does, and bounds a term that is zero. It is the only source of the $K$ "
        "in Theorem 1.",
        f"{_STATEMENTS}eq28_weights",
        f"{_STATEMENTS}eq28_cauchy_schwarz",
        f"{_STATEMENTS}eq28_brings_k",
    ),
    _record(
        "eq-29",
        "wrong",
        "The square of a difference, multiplied out with $+2$.",
        r"The cross term has the sign $-$. The last step, at most $4 (\zeta_1 + \zeta_2 \|\nabla F\|^2)$, is right.",
        f"{_EXAMPLES}eq29_cross_term",
        f"{_STATEMENTS}eq29_cross_sign",
        f"{_STATEMENTS}eq29_limit",
    ),
    _record(
        "eq-30",
        "wrong",
        r"$\|\nabla F\|^2 \ge 2 \zeta (F - F^*)$.",
        r"A slip: $\xi$ for $\zeta$.",
        f"{_EXAMPLES}eq30_zeta_for_xi",
        f"{_STATEMENTS}eq30_symbol",
        f"{_STATEMENTS}eq30_polyak_lojasiewicz",
        f"{_STATEMENTS}corrected_smooth_gradient",
    ),
    _record(
        "eq-31",
        "wrong",
        r"The minimizers of $F$ and $F_k$ approach each other as $1 / D_{k,\mathrm{te}}$.",
        "Minimizers of different risks need not be close, however much data there is; the lemma that is cited is "
        r"about one objective. $F_k(\mathbf{w}^*) - F_k(\mathbf{w}_k^*) \le \|\nabla F_k(\mathbf{w}^*)\|^2 / (2\xi) "
        r"\le \zeta_1 / (2\xi)$.",
        f"{_EXAMPLES}eq31_optima_stay_apart",
        f"{_EXAMPLES}eq31_price_of_one_model",
        f"{_EXAMPLES}eq31_smoothness_is_no_slope",
        f"{_STATEMENTS}eq31_vanishes",
        f"{_STATEMENTS}corrected_heterogeneity",
    ),
)

PAPER_ERRATA: tuple[Erratum, ...] = _SYSTEM_MODEL + _ANALYSIS + _PROBLEM + _RESOURCES + _RESULTS + _PROOF
"""One record for every element, in the order of the paper."""
