r"""Transmit power when power also overcomes interference: (21) with the success probability that follows from (2).

For interferers of a fixed power the exponent of (15) is :math:`a / P + \psi(\varsigma P^{-2/\alpha})`, so that both of
its parts fall with P and Lambert's function no longer helps. What helps is that :math:`\ln \lambda` is a concave
function of :math:`\ln P`. (Its slope is :math:`e(P) = a / P + \tfrac{2}{\alpha} \psi'`, where :math:`\psi'` is taken
with respect to :math:`\ln s`. Both terms fall with P, the second since :math:`\psi` is convex in :math:`\ln s`: it is a
mixture of :math:`s (1 - e^{-w})` with w in proportion to s, whose second derivative there is
:math:`s\,(1 + e^{-w} (3 w - 1 - w^2)) > 0`.) Therefore

1. :math:`\lambda / P`, receptions per watt, has one maximum, where e = 1. Below that power, :math:`P_e`, nothing can be
   optimal: if an upload is worth its energy at all, more power gives more of it, and gives it cheaper.
2. Not to transmit is best exactly if :math:`b \lambda(P_e) \le p P_e`.
3. Above :math:`P_e` the marginal benefit :math:`b \lambda e / P` falls with P, and the optimum is where it meets the
   price p, or at the largest power.

Without interference :math:`P_e = a`, and this is the rule :math:`\kappa < 1/e` of `optimal_power`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, check_path_loss_exponent, checked
from ..wireless._field import field_elasticities

Point = tuple[Array, ...]

_STEP_TOLERANCE = 1e-5  # of ln P; Newton converges quadratically, so that the step after such a one is lost in rounding
_MAX_STEPS = 60


def optimal_power_in_field(
    attenuation_w: ArrayLike,
    field: ArrayLike,
    benefit: ArrayLike,
    price_per_w: ArrayLike,
    *,
    path_loss_exponent: float,
    max_power_w: ArrayLike,
) -> Array:
    r"""Global minimizer in W of ``benefit (1 - lambda(P)) + price_per_w P`` on [0, max_power_w]; (21), (15) exact.

    :math:`\lambda(P) = \exp(-a / P - \psi(\varsigma P^{-2/\alpha}))` with `attenuation_w` a, and `field`
    :math:`\varsigma`, the number s of `wireless.outage` at a transmit power of 1 W. 0 means that not to transmit is
    best. An infinite attenuation lets nothing through. All arguments broadcast. Raises ValueError that names the
    argument for an attenuation or largest power that is not positive, or a field, benefit or price that is negative or
    not finite.
    """
    alpha = check_path_loss_exponent(path_loss_exponent)
    arguments = checked(
        positive_or_infinite={"attenuation_w": attenuation_w},
        non_negative={"field": field, "benefit": benefit, "price_per_w": price_per_w},
        positive={"max_power_w": max_power_w},
    )
    return power_in_field(alpha, *arguments)


def power_in_field(path_loss_exponent: float, *checked_arguments: Array | float) -> Array:
    """The same as `optimal_power_in_field`, of its other arguments in their order, which have been checked."""
    attenuation, strength, worth, price, limit = np.broadcast_arrays(*checked_arguments)
    power = np.zeros(attenuation.shape)
    hopeful = (worth > 0.0) & np.isfinite(attenuation)
    success = LogSuccess(attenuation[hopeful], strength[hopeful], path_loss_exponent)
    top = np.log(limit[hopeful])
    with np.errstate(divide="ignore"):
        log_worth = np.log(worth[hopeful]) - np.log(price[hopeful])  # infinite where power is free
    at_top = success(top)
    efficient = most_efficient(success, top, at_top)
    best = _marginal(success, log_worth, efficient, top, at_top)
    power[hopeful] = np.where(best < top, np.exp(best), limit[hopeful])
    return power


class LogSuccess:
    r""":math:`\ln \lambda` of uploads over :math:`t = \ln P`, with two derivatives."""

    def __init__(self, attenuation_w: Array, field: Array, path_loss_exponent: float) -> None:
        self.attenuation_w = attenuation_w
        self.field = field
        self.alpha = path_loss_exponent
        self.order = 2.0 / path_loss_exponent

    def __call__(self, t: Array) -> tuple[Array, Array, Array]:
        """Value, slope and curvature at `t`, of the shape of the uploads."""
        with np.errstate(over="ignore"):  # so much noise that nothing gets through
            noise = self.attenuation_w * np.exp(-t)
        s = self.field * np.exp(-self.order * t)
        value, first, second = field_elasticities(s, self.alpha)
        return -noise - value, noise + self.order * first, -noise - self.order**2 * second


def most_efficient(success: LogSuccess, top: Array, at_top: Point) -> Array:
    """The logarithm of the power at which an upload gives most receptions per watt, at most `top`."""
    excess = np.log(at_top[1])
    # ln of the slope falls at rates between 2/alpha and 1
    low, high = np.minimum(top, top + excess / success.order), np.minimum(top, top + excess)
    t = np.minimum(top, 0.5 * (low + high))
    for _ in range(_MAX_STEPS):
        _, slope, curvature = success(t)
        excess = np.log(slope)
        low, high = np.where(excess > 0.0, t, low), np.where(excess > 0.0, high, t)
        step = np.clip(t - excess * slope / curvature, low, high)
        done = np.abs(step - t).max(initial=0.0) < _STEP_TOLERANCE
        t = step
        if done:
            break
    return t


def _marginal(success: LogSuccess, log_worth: Array, efficient: Array, top: Array, at_top: Point) -> Array:
    """The logarithm of the power, up to `top`, where benefit and price of a watt meet; -inf: do not transmit."""

    def surplus(t: Array, point: Point) -> tuple[Array, Array]:
        log_success, slope, curvature = point
        return log_worth + log_success + np.log(slope) - t, slope + curvature / slope - 1.0

    at_efficient = success(efficient)
    # at the most efficient power the marginal and the mean benefit of a watt are the same
    worthwhile = log_worth + at_efficient[0] > efficient
    inside = worthwhile & (surplus(top, at_top)[0] < 0.0)
    low, high, t = efficient, top, np.where(inside, efficient, top)
    value, slope = surplus(t, tuple(np.where(inside, *pair) for pair in zip(at_efficient, at_top, strict=True)))
    for _ in range(_MAX_STEPS):
        low, high = np.where(value > 0.0, t, low), np.where(value > 0.0, high, t)
        step = t - value / slope
        step = np.where((step >= low) & (step <= high), step, 0.5 * (low + high))
        step = np.where(inside, step, t)
        done = np.abs(step - t).max(initial=0.0) < _STEP_TOLERANCE
        t = step
        if done:
            break
        value, slope = surplus(t, success(t))
    return np.where(worthwhile, t, -np.inf)
