r"""The exponent of the interference field, tabulated: what power control and the ergodic rate ask for very often.

In (15) the interference lowers the success probability by the factor :math:`e^{-\psi(s)}`,
:math:`\psi(s) = s\, J_\alpha(\tfrac{12}{5} s)` (see `outage`). In logarithms :math:`\psi` is a smooth curve between two
straight lines, which a cubic spline on equidistant knots follows closely.
"""

from __future__ import annotations

import functools

import numpy as np

from ..arguments import Array
from .geometry import EXCLUSION_RATE
from .outage import interference_integral

# Below, the field leaves every upload alone; above, it lets none through.
_FIRST, _LAST = -45.0, 25.0
_STEP = 0.01


def field_exponent(s: Array, path_loss_exponent: float) -> Array:
    r""":math:`\psi(s)` for s >= 0 of any shape, to 1e-9 relative where it is above 1e-15, and 0 at 0."""
    offset, (d, c, b, a) = _polynomial(s, path_loss_exponent)
    return np.where(s > 0.0, np.exp(((d * offset + c) * offset + b) * offset + a), 0.0)


def field_elasticities(s: Array, path_loss_exponent: float) -> tuple[Array, Array, Array]:
    r""":math:`\psi`, and its first and second derivative with respect to :math:`\ln s`; s > 0 of any shape."""
    offset, (d, c, b, a) = _polynomial(s, path_loss_exponent)
    value = np.exp(((d * offset + c) * offset + b) * offset + a)
    slope = (3.0 * d * offset + 2.0 * c) * offset + b
    return value, value * slope, value * (slope**2 + 6.0 * d * offset + 2.0 * c)


def _polynomial(s: Array, path_loss_exponent: float) -> tuple[Array, Array]:
    """Where each ln s lies behind the last knot, and the spline's coefficients there, highest power first."""
    coefficients = _spline(path_loss_exponent)
    with np.errstate(divide="ignore"):
        x = np.clip(np.log(s), _FIRST, _LAST) - _FIRST
    knot = np.minimum((x * (1.0 / _STEP)).astype(np.intp), coefficients.shape[1] - 1)
    return x - _STEP * knot, coefficients.take(knot, axis=1)


@functools.lru_cache(maxsize=16)
def _spline(path_loss_exponent: float) -> Array:
    r"""Coefficients of the cubics of :math:`\ln \psi` over :math:`\ln s`, one column for each interval."""
    from scipy.interpolate import CubicSpline  # here, because `import fedswitch` does without SciPy

    x = _FIRST + _STEP * np.arange(round((_LAST - _FIRST) / _STEP) + 1)
    integral = interference_integral(EXCLUSION_RATE * np.exp(x), path_loss_exponent)
    return np.ascontiguousarray(CubicSpline(x, x + np.log(integral)).c)
