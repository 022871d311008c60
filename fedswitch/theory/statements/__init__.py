r"""The algebra of Theorem 1 and of Section IV, decided by SymPy.

Each statement is a function without arguments that returns a `Statement`; its docstring is the claim. Two expressions
are built on separate ways, what the paper prints and what follows from the definitions, and the claim holds exactly
where their difference is zero. `STATEMENTS` has all of them by name, and a name begins with the equation that is
decided, or with what is proved in its place: "corrected" (Theorem 1' and single equations), "sharp" (1''), "moment"
(1''', by the exact moments of the received weights), "running" (Theorem A, of training as it runs), "inverse" (Theorem
B, of weights by inverse probability) or "online" (Theorem C, of the rule (11), (12)).

Sums and vectors are written out, for K = 3 UEs or fewer, N = 2 modules and 2 parameters. An inequality becomes an
identity: right minus left is a sum of squares and of other terms that cannot be negative. Assumptions enter in the same
manner, a Hessian of at most :math:`\epsilon` as :math:`\epsilon I - L L^\top`, and an inequality as an equation with
something to spare, :math:`s \ge 0`. Quadratics are general enough for a step of a twice differentiable function: by
Taylor's theorem it is one, with the Hessian of a point on the way.
"""

from . import ours, proof, section4, theorem1  # noqa: F401 - which state what they hold
from ._algebra import STATED

STATEMENTS = dict(STATED)
"""All statements by name."""

globals().update(STATEMENTS)
