"""Checks of what Sections II, IV and V print: each puts numbers in and computes both sides of a claim.

Every check is deterministic, needs no arguments, and returns a `Counterexample`, also where the claim holds. Those of
Section III and Appendix A are in `fedswitch.theory`.
"""

from ...theory.outcomes import checks_in
from . import sec2_system, sec4a_switching, sec4b_bandwidth, sec4b_power, sec4b_success

_FOUND = checks_in(sec2_system, sec4a_switching, sec4b_bandwidth, sec4b_power, sec4b_success)
globals().update(_FOUND)

CHECKS = tuple(_FOUND.values())
"""All checks of this package."""
