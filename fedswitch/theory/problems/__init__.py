r"""Federated problems whose constants are computed, not assumed: strongly convex ones, and ones that are not convex.

What the theorems of Section III take as given (smoothness, convexity, how far gradients differ) can be calculated for
these, so that a bound and a measured risk gap stand side by side without anything to tune. Where two bounds trade one
constant for another, as :math:`\|a + b\|^2 \le (1 + 1/c) \|a\|^2 + (1 + c) \|b\|^2` does, `split` is that c.
"""

from .logistic import Logistic, logistic
from .problem import Problem
from .ridge import Ridge, ridge
from .smooth import LoraFactors, SampledRisks, Sigmoid, SmoothProblem, lora_factors, sigmoid

__all__ = [
    "Logistic",
    "LoraFactors",
    "Problem",
    "Ridge",
    "SampledRisks",
    "Sigmoid",
    "SmoothProblem",
    "logistic",
    "lora_factors",
    "ridge",
    "sigmoid",
]
