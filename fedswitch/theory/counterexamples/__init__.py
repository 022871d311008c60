r"""Small instances in which a claim of Section III fails as printed, with both sides of the claim computed.

Each function of `COUNTEREXAMPLES` builds an instance, runs it, and returns a `Counterexample`: gradient steps are taken
and receptions enumerated; nothing is drawn. Where a claim is about a problem, its `settings` say on which domain and
with which constants the instance meets all three assumptions, with one :math:`\epsilon` for slopes and curvature. The
others are algebra, or about an assumption itself. Arguments have defaults that refute; vary them to see how far a
failure reaches. Most instances are two UEs whose risks grow with the squared distance from two places, because nothing
else is needed.
"""

from ..outcomes import checks_in
from . import risk_gap, steps
from .steps import eq27_instance  # noqa: F401 - for instances of one's own

_FOUND = checks_in(risk_gap, steps)
globals().update(_FOUND)

COUNTEREXAMPLES = tuple(_FOUND.values())
"""All counterexamples of this package."""
