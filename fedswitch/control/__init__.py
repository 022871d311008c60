"""Section IV of the paper: bandwidth (Algorithm 1), power (21), switching (8) to (12), Algorithm 2. NumPy and SciPy."""

from .alternation import Inner
from .bandwidth import Allocation, Trace, allocate_bandwidth, share_for_delay
from .certificate import step_1_bound
from .energy_bandwidth import EnergyAllocation, allocate_energy_optimal
from .ergodic_bandwidth import allocate_bandwidth_ergodic, ergodic_share_for_delay
from .field_power import optimal_power_in_field
from .global_power import interior_point_power, optimal_power_several
from .guarantees import OnlineGuarantee, best_static, online_guarantee, participation_limit
from .inverse_probability import decide_unbiased, subscription_probabilities, unbiased_power
from .least_delays import least_delays, set_delays
from .online import Decision, Observation, State, decide, start
from .power import optimal_power, power_gradient
from .sharing import airtime_s, share_bandwidth
from .subscription import (
    dual_ascent,
    project_capped_simplex,
    random_subscription,
    round_subscription,
    subscribe,
    subscribe_greedy,
    subscribe_proximal,
)
from .switching import cost_gradient, reception_benefit, ue_cost

__all__ = [
    "Allocation",
    "Decision",
    "EnergyAllocation",
    "Inner",
    "Observation",
    "OnlineGuarantee",
    "State",
    "Trace",
    "airtime_s",
    "allocate_bandwidth",
    "allocate_bandwidth_ergodic",
    "allocate_energy_optimal",
    "best_static",
    "cost_gradient",
    "decide",
    "decide_unbiased",
    "dual_ascent",
    "ergodic_share_for_delay",
    "interior_point_power",
    "least_delays",
    "online_guarantee",
    "optimal_power",
    "optimal_power_in_field",
    "optimal_power_several",
    "participation_limit",
    "power_gradient",
    "project_capped_simplex",
    "random_subscription",
    "reception_benefit",
    "round_subscription",
    "set_delays",
    "share_bandwidth",
    "share_for_delay",
    "start",
    "step_1_bound",
    "subscribe",
    "subscribe_greedy",
    "subscribe_proximal",
    "subscription_probabilities",
    "ue_cost",
    "unbiased_power",
]
