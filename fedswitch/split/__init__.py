"""The sibling paper (arXiv 2407.02924): what it claims of split federated LoRA, checked. NumPy and SciPy only.

Elements ("eq-12", "thm-1") are numbered as in the sibling paper, not as in the paper that this book follows.
"""

from ..theory.outcomes import checks_in
from . import convergence, longrun, readings, scheduling

COUNTEREXAMPLES = tuple(checks_in(convergence, scheduling, longrun, readings).values())
"""All checks of the sibling, counterexamples but for one."""
