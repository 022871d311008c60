"""Every numbered element of the paper: what computes it, what checks it, and where in the book it stands.

The places are not written down here. An element stands where the sources of the book carry its label, `paper-eq-7a` for
equation (7a).
"""

from __future__ import annotations

import dataclasses
import importlib
import re
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = ("book/*.md", "notebooks/*.md")
_LABEL = re.compile(r"^(?:\$\$ \(|:(?:label|name): | *name: |\()(paper-[a-z]+-\d+[a-z]?)(?:\)=?)?$", re.MULTILINE)
_KINDS = {"thm": "Theorem", "alg": "Algorithm", "ass": "Assumption", "fig": "Fig.", "app": "Appendix"}


@dataclasses.dataclass(frozen=True)
class Element:
    """A numbered element of the paper.

    `id` is its kind and number, as in the book's labels: "eq-7a", "thm-1", "alg-2", "ass-3", "fig-4". `section` is
    where the paper prints it and `title` what it is, in a few words. `functions` are names under `fedswitch` that
    compute it and `tests` are pytest's names of tests that check it, `file::test`.
    """

    id: str
    section: str
    title: str
    functions: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The label that the book's sources give to the element."""
        return f"paper-{self.id}"

    @property
    def name(self) -> str:
        """The element as the paper cites it: (7a), Theorem 1, Fig. 3."""
        return element_name(self.id)

    @property
    def link(self) -> str:
        """A link to the element's place in the book, in MyST."""
        role = {"eq": "eq", "fig": "ref"}.get(self.id.partition("-")[0], "prf:ref")
        target = f"{self.name} <{self.label}>" if role == "ref" else self.label
        return f"{{{role}}}`{target}`"


def element_name(element_id: str) -> str:
    """How a paper cites its element: "eq-7a" is (7a), "thm-1" is Theorem 1."""
    kind, _, number = element_id.partition("-")
    return f"({number})" if kind == "eq" else f"{_KINDS[kind]} {number.upper()}"


def resolve(name: str) -> Any:
    """The function of that name under `fedswitch`, as in "control.decide"; imports what it needs."""
    module, _, attribute = f"fedswitch.{name}".rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def places(root: Path = _ROOT) -> dict[str, str]:
    """Label of every element of the paper in the book to the page that carries it, such as "book/switching".

    `root` is a clone of the repository. Raises FileNotFoundError where it holds no book, and ValueError for a label
    that is there twice.
    """
    pages = [path for pattern in _PAGES for path in sorted(root.glob(pattern))]
    if not pages:
        raise FileNotFoundError(f"{root} holds no pages of the book: give the folder of a clone of the repository")
    found: dict[str, str] = {}
    for path in pages:
        page = path.relative_to(root).with_suffix("").as_posix()
        for label in _LABEL.findall(path.read_text(encoding="utf-8")):
            if label in found:
                raise ValueError(f"the label {label} is in {found[label]} and in {page}: keep one of them")
            found[label] = page
    return found


_SYSTEM, _ANALYSIS, _PROBLEM = "II. System model", "III. Generalization", "IV. Problem"
_SWITCHING, _RESOURCES = "IV.A. Model switching", "IV.B. Wireless resources"
_RESULTS, _PROOF = "V. Simulation results", "Appendix A. Proof of Theorem 1"

_OUTAGE = "tests/wireless/test_outage.py::"
_BANDWIDTH = "tests/control/test_bandwidth.py::"
_SUBSCRIPTION = "tests/control/test_subscription.py::"
_SWITCH = "tests/control/test_switching.py::"
_POWER = "tests/control/test_power.py::"
_ONLINE = "tests/control/test_online.py::"
_CONSTANTS = "tests/theory/test_constants.py::"
_EXAMPLE = "tests/theory/test_counterexamples.py::"
_RISKS = "tests/theory/test_problems.py::"
_HOLDS = "tests/theory/test_statements.py::test_holds"
_FAILS = "tests/theory/test_statements.py::test_fails_by_exactly_this"
_BY_GRADIENTS = "tests/theory/test_statements.py::test_appendix_at_random_gradients"

ELEMENTS: tuple[Element, ...] = (
    Element(
        "fig-1", _SYSTEM, "a round of federated fine-tuning",
        ("learning.simulate",), ("tests/learning/test_simulation.py::test_it_learns",),
    ),
    Element(
        "eq-1", _SYSTEM, "aggregation of the received gradients",
        ("learning.engine.cell_gradient",),
        (
            "tests/learning/test_engine.py::test_the_union_batch_gives_the_aggregate_of_1",
            "tests/learning/test_federation.py::test_one_sgd_round_is_equation_1",
        ),
    ),
    Element(
        "eq-2", _SYSTEM, "SINR and reception",
        ("wireless.sinr", "wireless.received", "wireless.Cell"),
        (
            "tests/wireless/test_cell.py::test_reception_over_many_rounds_has_the_probability_of_the_model",
            "tests/learning/test_uplink.py::test_reception_is_2",
        ),
    ),
    Element(
        "eq-3", _SYSTEM, "inference risk of the ensemble",
        ("learning.engine.Learner",), ("tests/learning/test_federation.py::test_risk_and_accuracy_follow_3",),
    ),
    Element(
        "eq-4", _SYSTEM, "energy of a UE",
        ("wireless.training_energy_j", "wireless.uplink_energy_j"),
        (
            "tests/wireless/test_energy.py::test_the_printed_reading_charges_the_whole_model_for_every_sample",
            "tests/learning/test_uplink.py::test_energy_is_4",
        ),
    ),
    Element(
        "eq-5", _ANALYSIS, "expected risk gap",
        ("theory.montecarlo.descend",),
        ("tests/theory/test_montecarlo.py::test_measured_gaps_of_a_quadratic_are_the_exact_ones",),
    ),
    Element(
        "ass-1", _ANALYSIS, "Lipschitz and strongly convex",
        ("theory.counterexamples.ass1_slope_without_end",),
        (f"{_EXAMPLE}test_slopes_exceed_one_outside_the_unit_interval",),
    ),
    Element(
        "ass-2", _ANALYSIS, "bounded curvature",
        ("theory.problems.ridge", "theory.problems.logistic"),
        (f"{_RISKS}test_curvature_and_convexity_enclose_every_hessian",),
    ),
    Element(
        "ass-3", _ANALYSIS, "bounded gradients",
        ("theory.counterexamples.ass3_far_from_the_optimum", "theory.problems.Problem"),
        (
            f"{_EXAMPLE}test_no_zeta2_below_one_holds_everywhere",
            f"{_RISKS}test_gradient_bounds_and_dissimilarity_hold_everywhere",
        ),
    ),
    Element(
        "eq-6", _ANALYSIS, "bound on the risk gap",
        ("theory.risk_gap_bound", "theory.unroll", "theory.trials.bounds"),
        (
            "tests/theory/test_bounds.py::test_the_terms_of_the_bound_add_up",
            "tests/theory/test_montecarlo.py::test_no_gap_exceeds_a_theorem",
            f"{_EXAMPLE}test_a_bound_below_zero",
        ),
    ),
    Element(
        "thm-1", _ANALYSIS, "constants of the bound, A and B",
        ("theory.constants", "theory.bias_and_noise_constants"),
        (
            f"{_CONSTANTS}test_printed_by_hand",
            f"{_CONSTANTS}test_corrected_and_sharp_are_averages_over_all_receptions",
            f"{_CONSTANTS}test_the_corrected_recursion_bounds_a_gradient_step",
        ),
    ),
    Element(
        "eq-7a", _PROBLEM, "objective, risk gap and energy",
        ("control.decide",), (f"{_SWITCH}test_the_corrected_costs_of_all_ues_are_the_bound_and_the_energy",),
    ),
    Element(
        "eq-7b", _PROBLEM, "subscriptions are yes or no",
        ("control.subscribe", "control.round_subscription"),
        (f"{_ONLINE}test_a_decision_keeps_the_constraints", f"{_SUBSCRIPTION}test_no_other_subscription_is_better"),
    ),
    Element(
        "eq-7c", _PROBLEM, "limit on subscriptions",
        ("control.subscribe", "control.random_subscription"),
        (
            f"{_ONLINE}test_a_decision_keeps_the_constraints",
            f"{_SUBSCRIPTION}test_rounding_keeps_the_limit_and_the_probabilities",
        ),
    ),
    Element(
        "eq-7d", _PROBLEM, "least participation",
        ("control.dual_ascent", "Scenario"),
        (
            f"{_SUBSCRIPTION}test_duals_bring_about_the_participation_that_7d_asks_for",
            f"{_SUBSCRIPTION}test_what_no_subscription_can_keep_makes_the_duals_grow_without_bound",
            "tests/test_scenario.py::test_fields_that_contradict_each_other_are_refused",
        ),
    ),
    Element(
        "eq-7e", _PROBLEM, "limit on power",
        ("control.optimal_power", "control.optimal_power_several"),
        (
            f"{_ONLINE}test_a_decision_keeps_the_constraints",
            "tests/control/test_global_power.py::test_a_least_power_has_to_be_kept",
        ),
    ),
    Element(
        "eq-7f", _PROBLEM, "limit on bandwidth",
        ("control.allocate_bandwidth",),
        (
            f"{_ONLINE}test_a_decision_keeps_the_constraints",
            f"{_BANDWIDTH}test_all_uploads_end_together_and_use_all_of_the_bandwidth",
        ),
    ),
    Element(
        "eq-8a", _SWITCHING, "long-term cost of a UE",
        ("theory.ue_constants", "control.ue_cost"),
        (
            f"{_CONSTANTS}test_the_constants_of_the_ues_add_up_to_those_of_the_module",
            f"{_SWITCH}test_the_corrected_costs_of_all_ues_are_the_bound_and_the_energy",
        ),
    ),
    Element(
        "eq-8b", _SWITCHING, "its constraints",
        ("control.subscribe", "control.dual_ascent"),
        (f"{_ONLINE}test_a_decision_keeps_the_constraints", f"{_ONLINE}test_participation_is_kept_in_the_long_run"),
    ),
    Element(
        "eq-9", _SWITCHING, "cost of a UE in one round",
        ("control.ue_cost", "control.cost_gradient"),
        (
            f"{_SWITCH}test_the_printed_cost_by_hand",
            f"{_SWITCH}test_the_gradient_is_the_difference_that_a_subscription_makes",
            f"{_SWITCH}test_printed_prefers_the_worse_channel_and_corrected_the_better_one",
        ),
    ),
    Element(
        "eq-10a", _SWITCHING, "cost and duals, as a game",
        ("control.cost_gradient", "control.dual_ascent"),
        (f"{_SUBSCRIPTION}test_the_vertex_rule_solves_the_linear_program",),
    ),
    Element(
        "eq-10b", _SWITCHING, "its constraints, relaxed",
        ("control.subscribe", "control.project_capped_simplex"),
        (f"{_SUBSCRIPTION}test_the_projection_is_the_nearest_point",),
    ),
    Element(
        "eq-11", _SWITCHING, "dual ascent",
        ("control.dual_ascent",),
        (
            f"{_SUBSCRIPTION}test_duals_bring_about_the_participation_that_7d_asks_for",
            f"{_ONLINE}test_the_state_moves_as_11_and_the_theorem_say",
        ),
    ),
    Element(
        "eq-12", _SWITCHING, "the next subscription",
        ("control.subscribe", "control.subscribe_proximal"),
        (
            f"{_SUBSCRIPTION}test_the_vertex_rule_solves_the_linear_program",
            f"{_SUBSCRIPTION}test_the_proximal_rule_solves_its_quadratic_program",
            f"{_ONLINE}test_the_next_subscription_is_12_on_the_gradient_of_this_round",
        ),
    ),
    Element(
        "eq-13", _RESOURCES, "the common delay",
        ("control.share_bandwidth", "wireless.delay_s", "wireless.ergodic_spectral_efficiency"),
        (
            f"{_BANDWIDTH}test_the_delay_is_that_of_a_convex_solver",
            f"{_ONLINE}test_all_uploads_take_the_common_delay",
            "tests/wireless/test_ergodic.py::test_it_is_the_integral_of_the_success_probability",
        ),
    ),
    Element(
        "eq-14", _RESOURCES, "cost with the common delay",
        ("control.reception_benefit", "control.decide"),
        (
            f"{_ONLINE}test_the_objective_is_14_at_the_decision",
            f"{_ONLINE}test_as_printed_a_round_is_14_and_21_and_9",
        ),
    ),
    Element(
        "eq-15", _RESOURCES, "success probability",
        ("wireless.success_probability", "wireless.interference_integral"),
        (
            f"{_OUTAGE}test_the_corrected_form_is_the_average_of_2",
            f"{_OUTAGE}test_the_printed_form_is_not",
            f"{_OUTAGE}test_a_cell_receives_what_the_formula_says",
        ),
    ),
    Element(
        "eq-16", _RESOURCES, "bandwidth allocation",
        ("control.allocate_bandwidth", "control.allocate_energy_optimal"),
        (
            f"{_BANDWIDTH}test_the_delay_is_that_of_a_general_purpose_optimizer",
            "tests/control/test_energy_bandwidth.py::test_ending_together_may_cost_ten_times_the_energy",
        ),
    ),
    Element(
        "thm-2", _RESOURCES, "the optimal allocation uses all of the bandwidth",
        ("control.allocate_bandwidth",),
        (
            f"{_BANDWIDTH}test_all_uploads_end_together_and_use_all_of_the_bandwidth",
            f"{_BANDWIDTH}test_nobody_can_be_helped_without_harming_the_slowest",
        ),
    ),
    Element(
        "eq-17", _RESOURCES, "the shares sum to 1",
        ("control.allocate_bandwidth",),
        (f"{_BANDWIDTH}test_all_uploads_end_together_and_use_all_of_the_bandwidth",),
    ),
    Element(
        "eq-18", _RESOURCES, "the rate grows with the share",
        ("wireless.rate_bit_per_s",),
        ("tests/wireless/test_rate.py::test_rate_is_increasing_and_concave_in_the_share",),
    ),
    Element(
        "eq-19", _RESOURCES, "the share that meets a delay",
        ("control.share_for_delay",),
        (f"{_BANDWIDTH}test_the_share_for_the_delay_of_a_share_is_that_share",),
    ),
    Element(
        "eq-20", _RESOURCES, "the equation behind it",
        ("control.share_for_delay",),
        (
            "tests/control/test_efficiency.py::test_the_papers_lambert_w_needs_both_branches",
            f"{_BANDWIDTH}test_no_bandwidth_meets_a_delay_below_the_floor",
        ),
    ),
    Element(
        "alg-1", _RESOURCES, "two-tier binary search for bandwidth",
        ("control.allocate_bandwidth",),
        (
            f"{_BANDWIDTH}test_algorithm_1_stops_within_its_tolerance_of_the_optimum",
            f"{_BANDWIDTH}test_a_bracket_that_does_not_hold_the_solution_is_mended",
        ),
    ),
    Element(
        "eq-21", _RESOURCES, "transmit power",
        ("control.optimal_power", "control.optimal_power_in_field", "control.optimal_power_several"),
        (
            f"{_POWER}test_never_worse_than_a_fine_grid",
            "tests/control/test_field_power.py::test_never_worse_than_a_fine_grid",
            "tests/control/test_global_power.py::test_no_power_on_a_fine_grid_is_better",
        ),
    ),
    Element(
        "eq-22", _RESOURCES, "its derivative",
        ("control.power_gradient",),
        (
            f"{_POWER}test_the_corrected_gradient_is_the_slope_of_the_cost",
            f"{_POWER}test_the_printed_gradient_serves_the_modules_that_are_not_uploaded",
        ),
    ),
    Element(
        "alg-2", _RESOURCES, "joint online optimization",
        ("control.start", "control.decide"),
        (
            f"{_ONLINE}test_the_best_iterate_is_kept_and_iterations_are_bounded",
            f"{_ONLINE}test_the_objective_may_rise_on_the_way",
            f"{_ONLINE}test_as_printed_the_start_breaks_7c",
        ),
    ),
    Element(
        "fig-2", _RESULTS, "rounds to converge against the number of UEs",
        ("studies.fig2_convergence.measure", "studies.fig2_convergence.reached"),
        ("tests/studies/test_fig2_convergence.py::test_a_run_has_reached_the_target_where_it_stays_there",),
    ),
    Element(
        "fig-3", _RESULTS, "Algorithm 1 at work",
        ("studies.fig3_bandwidth.measure",),
        ("tests/studies/test_fig3_bandwidth.py::test_every_run_uses_the_bandwidth_up_to_the_tolerance",),
    ),
    Element(
        "fig-4", _RESULTS, "accuracy against rounds",
        ("studies.fig4_switching.measure",),
        ("tests/studies/test_fig4_switching.py::test_lines_are_means_over_seeds_at_the_rounds_that_were_tested",),
    ),
    Element(
        "fig-5", _RESULTS, "energy against the threshold",
        ("studies.fig5_energy.measure",),
        (
            "tests/studies/test_fig5_energy.py::test_full_power_is_what_the_laws_of_the_cell_say",
            "tests/studies/test_fig5_energy.py::test_means_are_over_rounds_and_power_over_those_that_send",
        ),
    ),
    Element("eq-23", _PROOF, "the gap in two parts", tests=(_HOLDS,)),
    Element(
        "eq-24", _PROOF, "expansion around the module", tests=(_FAILS, f"{_EXAMPLE}test_eq24_drops_a_gradient")
    ),
    Element("eq-25", _PROOF, "one step, expanded", tests=(_HOLDS,)),
    Element("eq-26", _PROOF, "one step, summed over UEs", tests=(_HOLDS, _BY_GRADIENTS)),
    Element(
        "eq-27", _PROOF, "error of the received gradient",
        tests=(
            _FAILS,
            f"{_EXAMPLE}test_eq27_left_side_is_what_drawing_receptions_gives",
            f"{_EXAMPLE}test_eq27_with_the_right_miss_probability_holds_everywhere",
        ),
    ),
    Element("eq-28", _PROOF, "cross term", tests=(_HOLDS, _BY_GRADIENTS)),
    Element(
        "eq-29", _PROOF, "difference of two gradients",
        tests=(_FAILS, f"{_EXAMPLE}test_eq29_fails_where_the_mean_gradients_have_opposite_signs"),
    ),
    Element("eq-30", _PROOF, "Polyak-Łojasiewicz inequality", tests=(_HOLDS,)),
    Element(
        "eq-31", _PROOF, "distance of the minimizers",
        tests=(_FAILS, f"{_EXAMPLE}test_eq31_against_minimizers_found_by_scipy"),
    ),
)  # fmt: skip
"""All numbered elements in the order of the paper."""
