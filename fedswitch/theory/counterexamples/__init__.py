r"""Small instances in which a claim of Section III fails as printed, with both sides of the claim computed.

Each function of `COUNTEREXAMPLES` builds an instance, runs it, and returns a `Counterexample`: gradient steps are taken
and receptions enumerated; nothing is drawn. Where a claim is about a problem, its `settings` say on which domain and
with which constants the instance meets all three assumptions, with one :math:`\epsilon` for slopes and curvature. The
others are algebra, or about an assumption itself. Arguments have defaults that refute; vary them to see how far a
failure reaches. Most instances are two UEs whose risks grow with the squared distance from two places, because nothing
else is needed.
"""

from collections.abc import Callable

from ..outcomes import Counterexample
from .risk_gap import (
    ass1_slope_without_end,
    ass3_far_from_the_optimum,
    eq6_absent_unseen,
    eq6_foundation_apart,
    eq6_literal,
    eq6_literal_product,
    eq6_negative_bound,
    eq6_random_right_side,
    eq6_rate_above_one,
    eq6_resampled_batches,
    thm1_bound_grows,
    thm1_rate_in_other_units,
    thm1_sees_no_loss,
)
from .steps import (
    eq8a_sees_no_loss,
    eq9_prefers_the_worse_channel,
    eq10a_every_round,
    eq24_as_used,
    eq27_instance,  # noqa: F401 - takes an instance of one's own
    eq27_received_but_absent,
    eq27_subscribed_but_lost,
    eq29_cross_term,
    eq31_optima_stay_apart,
    eq31_price_of_one_model,
)

COUNTEREXAMPLES: tuple[Callable[[], Counterexample], ...] = (
    ass1_slope_without_end,
    ass3_far_from_the_optimum,
    thm1_bound_grows,
    thm1_rate_in_other_units,
    thm1_sees_no_loss,
    eq6_literal,
    eq6_foundation_apart,
    eq6_negative_bound,
    eq6_rate_above_one,
    eq6_absent_unseen,
    eq6_random_right_side,
    eq6_resampled_batches,
    eq6_literal_product,
    eq8a_sees_no_loss,
    eq9_prefers_the_worse_channel,
    eq10a_every_round,
    eq24_as_used,
    eq27_subscribed_but_lost,
    eq27_received_but_absent,
    eq29_cross_term,
    eq31_optima_stay_apart,
    eq31_price_of_one_model,
)
"""All counterexamples of this package, in the order of the paper."""
