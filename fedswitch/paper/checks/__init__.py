"""Checks of what Sections II, IV and V print: each puts numbers in and computes both sides of a claim.

Every check is deterministic, needs no arguments, and returns a `Counterexample`, also where the claim holds. Those of
Section III and Appendix A are in `fedswitch.theory`.
"""

from .bandwidth import (
    alg1_ends_away_from_the_solution,
    alg1_turns_the_wrong_way_below_the_floor,
    eq13_leaves_the_subscription_out,
    eq13_mean_delay_is_infinite,
    eq16_least_delay_is_not_least_energy,
    eq17_unused_bandwidth_costs_time,
    eq19_main_branch_is_wrong,
    eq20_main_branch_has_no_solution,
    fig3_iterations_may_fall,
    thm2_no_other_allocation_is_faster,
)
from .power import (
    eq21_has_no_minimum,
    eq21_interior_point_is_trapped,
    eq21_silence_beats_what_is_too_weak,
    eq22_serves_the_wrong_modules,
    fig5_saving_depends_on_zeta1,
)
from .reception import (
    eq15_is_too_high_at_the_edge,
    eq15_is_too_low_near_the_gnb,
    eq15_noise_hangs_on_the_density,
    fig2_bandwidth_costs_reliability,
)
from .switching import (
    alg2_settles_above_its_start,
    alg2_start_breaks_7c,
    eq7d_can_be_kept,
    eq7e_excludes_silence,
    eq11_keeps_its_promise,
    eq12_is_solved_by_sorting,
    eq12_rounding_breaks_the_limit,
    eq14_charges_nothing_for_a_loss,
)
from .system import (
    eq1_nobody_is_received,
    eq2_depends_on_the_first_meter,
    eq2_leaves_the_interferers_power_open,
    eq3_bounds_the_ensemble,
    eq4_charges_more_than_the_arithmetic,
)

CHECKS = (
    eq1_nobody_is_received,
    eq2_leaves_the_interferers_power_open,
    eq2_depends_on_the_first_meter,
    eq3_bounds_the_ensemble,
    eq4_charges_more_than_the_arithmetic,
    eq7d_can_be_kept,
    eq7e_excludes_silence,
    eq11_keeps_its_promise,
    eq12_rounding_breaks_the_limit,
    eq12_is_solved_by_sorting,
    eq13_leaves_the_subscription_out,
    eq13_mean_delay_is_infinite,
    eq14_charges_nothing_for_a_loss,
    eq15_noise_hangs_on_the_density,
    eq15_is_too_low_near_the_gnb,
    eq15_is_too_high_at_the_edge,
    eq16_least_delay_is_not_least_energy,
    thm2_no_other_allocation_is_faster,
    eq17_unused_bandwidth_costs_time,
    eq19_main_branch_is_wrong,
    eq20_main_branch_has_no_solution,
    alg1_turns_the_wrong_way_below_the_floor,
    alg1_ends_away_from_the_solution,
    eq21_has_no_minimum,
    eq21_interior_point_is_trapped,
    eq21_silence_beats_what_is_too_weak,
    eq22_serves_the_wrong_modules,
    alg2_start_breaks_7c,
    alg2_settles_above_its_start,
    fig2_bandwidth_costs_reliability,
    fig3_iterations_may_fall,
    fig5_saving_depends_on_zeta1,
)
"""All checks of this package, in the order of the paper."""
