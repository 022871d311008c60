r"""The root behind (19) and (20), found without the Lambert W function: the spectral efficiency that meets a delay.

Write :math:`u = \ln(1 + \mathrm{SINR})` for the spectral efficiency of one link in nats. The infinite bandwidth rate of
the link is :math:`S / (N_0 \ln 2)`, so the delay E can be met only if the *load*
:math:`a = G N_0 \ln 2 / (E S)` is below 1. Put :math:`b = I / S`. Solving (13) for the share gives
:math:`\delta = G \ln 2 / (E W u)`, and putting that into the SINR gives one equation for u,

.. math:: \psi(u) = a + b u, \qquad \psi(u) = u / (e^u - 1),

which is (20) with :math:`\mathrm{LW}(\varphi) = -u`. (The paper's unknown :math:`\varphi = -u e^{-u}` has two u for one
value, one on each branch of LW, and a derivative of zero where they meet; u has neither trouble.) As :math:`\psi` falls
from 1 to 0 and is convex, there is exactly one positive root when 0 < a < 1, and none when a >= 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..arguments import Array

_STEP_TOLERANCE = 1e-8  # relative; Newton converges quadratically, so that after such a step nothing is left to gain
_MAX_STEPS = 100
_BLOCK = 8192  # links


def spectral_efficiency_nat(load: Array, headroom: Array, interference_ratio: Array) -> Array:
    """Return the root u > 0 of ``psi(u) = a + b u`` in nat/s/Hz, to a few units in the last place; shape (n,) each.

    `load` is a in (0, 1), `headroom` is 1 - a, `interference_ratio` is b >= 0. Load and headroom are separate arguments
    because each is needed to full relative precision where it is tiny: the load of a strong link among weak ones, and
    the headroom of a link in so deep a fade that its best delay is hardly above its floor.
    """
    return in_blocks(_root, load, headroom, interference_ratio)


def in_blocks(function: Callable[..., Array], *arrays: Array) -> Array:
    """Apply a function to some links at a time, so that all its arrays stay in the processor's cache; (n,) each."""
    result = np.empty_like(arrays[0])
    for start in range(0, result.size, _BLOCK):
        result[start : start + _BLOCK] = function(*(array[start : start + _BLOCK] for array in arrays))
    return result


def _root(load: Array, headroom: Array, interference_ratio: Array) -> Array:
    u = _upper_bound(load, headroom, interference_ratio)
    for _ in range(_MAX_STEPS):
        psi, complement = bernoulli(u)
        interference = interference_ratio * u
        residual = np.where(u < 1.0, headroom - complement, psi - load) - interference
        # Newton's step, relative to u, on the convex (a + b u)(e^u - 1) - u: from above it never crosses the root
        slope = interference + psi * (u - complement) - residual * (u + psi)
        step = residual / slope
        u *= 1.0 + step
        if np.abs(step).max() < _STEP_TOLERANCE:
            break
    return u


def share_elasticity(load: Array, headroom: Array, interference_ratio: Array, u: Array) -> Array:
    """Return ``-d ln(share) / d ln(delay)`` at the root `u`: at least 1, and large where noise limits the link."""
    interference = interference_ratio * u
    # from du/da = 1 / (psi'(u) - b), with psi'(u) = psi (1 - psi - u) / u and psi = a + b u
    return 1.0 + load / (interference + (load + interference) * (u - headroom + interference))


def bernoulli(u: Array) -> tuple[Array, Array]:
    """Return Bernoulli's psi(u) = u / (e^u - 1), and 1 - psi(u), both to full relative precision."""
    psi = u / np.expm1(u)
    complement = 1.0 - psi
    small = u < 0.1
    if small.any():  # here the difference loses digits, and a few Bernoulli numbers suffice
        x = u[small]
        square = x * x
        complement[small] = x / 2 - square * (1 / 12 - square * (1 / 720 - square * (1 / 30240 - square / 1209600)))
    return psi, complement


def _upper_bound(load: Array, headroom: Array, interference_ratio: Array) -> Array:
    """Return a bound on the root from above that is close to it everywhere."""
    # 1 - psi(u) >= u / (2 + u), with near equality for small u, leaves a quadratic equation
    linear = load + 2.0 * interference_ratio
    bound = 4.0 * headroom / (linear + np.hypot(linear, np.sqrt(8.0 * interference_ratio * headroom)))
    # the root is the fixed point of this increasing map, which therefore takes bounds to bounds; for large u it
    # contracts strongly
    for _ in range(3):
        bound = np.minimum(bound, np.log1p(bound / (load + interference_ratio * bound)))
    return bound
