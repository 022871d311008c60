r"""Bandwidth that costs the least energy: the uplink term of (4) over all uploads, instead of the delay of (16).

The largest delay is smallest when all uploads end together (Theorem 2), but then strong links transmit for as long as
weak ones. Here each upload takes the time T that its own share :math:`\delta` gives it by (13), and a UE stops when it
has sent everything. Its energy :math:`P T(\delta)` is convex, so the sum is smallest where moving bandwidth from one
upload to another gains nothing. With :math:`u = \ln(1 + \mathrm{SINR})`, :math:`\psi(u) = u / (e^u - 1)` and
:math:`\rho = I / (I + W N_0 \delta)`,

.. math:: -P \frac{dT}{d\delta} = \frac{\ln 2}{W} \frac{P G\, h(\delta)}{\delta^2}, \qquad
   h(\delta) = \frac{u - 1 + \psi(u) + \rho}{u\, (u + \psi(u))},

which is the same for all uploads where :math:`\delta \propto \sqrt{P G\, h(\delta)}`. For every link, :math:`\ln h`
rises with :math:`\ln \delta` at a slope between 0 and 0.207 (found numerically, and held by a test). The map therefore
brings any two sets of shares, each with the same total, at least 9 times closer, in the spread of the logarithm of
their quotient: repeated, it finds the solution from any start.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array
from ._efficiency import bernoulli, in_blocks
from ._pool import LARGEST_RATIO, Pool, check_stopping_rule, uploads


@dataclasses.dataclass(frozen=True, eq=False)
class EnergyAllocation:
    """The `share` of the bandwidth for every upload, its own `delay_s`, and the `energy_j` of all uploads together.

    `iterations` is how many times the shares were improved.
    """

    share: Array
    delay_s: Array
    energy_j: float
    iterations: int


def allocate_energy_optimal(
    payload_bits: ArrayLike,
    signal_w: ArrayLike,
    interference_w: ArrayLike,
    power_w: ArrayLike,
    *,
    bandwidth_hz: float,
    noise_psd_w_per_hz: float,
    tolerance: float = 1e-10,
    max_iterations: int = 60,
) -> EnergyAllocation:
    r"""Share the bandwidth so that the uploads cost the least energy, :math:`\sum P T`, under (7f).

    `payload_bits` is G (0: not subscribed), `signal_w` the received power S, `interference_w` the power I, and
    `power_w` the transmit power P. They broadcast, and all entries are one pool: payloads (N, K) and powers (K,) give
    shares (N, K).

    The search stops when an iteration changes the ratio of no two shares by more than `tolerance`; the marginal
    energies then differ by less than that, relatively. After `max_iterations` it returns the last shares. The total
    share lies in ``[1 - tolerance, 1]``. Without a payload, share and delay are 0. A UE with a payload but no power
    does not transmit: its share and energy are 0 and its delay is infinite.

    Raises ValueError that names the argument for shapes that do not broadcast, for values that are NaN, negative or
    infinite, for a transmitted payload without a signal (no finite delay exists), a tolerance outside [1e-13, 1), and
    no iterations.
    """
    (payload, signal, interference, power), bandwidth, density = uploads(
        payload_bits=payload_bits,
        signal_w=signal_w,
        interference_w=interference_w,
        power_w=power_w,
        bandwidth_hz=bandwidth_hz,
        noise_psd_w_per_hz=noise_psd_w_per_hz,
    )
    tolerance, max_iterations = check_stopping_rule(tolerance, max_iterations)

    share, delay = np.zeros(payload.shape), np.where(payload > 0, np.inf, 0.0)
    sent = (payload > 0) & (power > 0)
    if not sent.any():
        return EnergyAllocation(share, delay, 0.0, 0)
    payload, power = payload[sent], power[sent]
    pool = Pool.of(payload, signal[sent], interference[sent], bandwidth, density)
    weight = (payload / payload.max()) * (power / power.max())
    if weight.min() < 1.0 / LARGEST_RATIO:
        raise ValueError(f"payload_bits times power_w differ by factors above {LARGEST_RATIO:g}")
    found, iterations = _search(pool, weight, tolerance, max_iterations)
    duration = payload * (math.log(2) / bandwidth) / (found * np.log1p(pool.snr / (pool.inr + found)))
    share[sent], delay[sent] = found, duration
    return EnergyAllocation(share, delay, float(power @ duration), iterations)


def _search(pool: Pool, weight: Array, tolerance: float, limit: int) -> tuple[Array, int]:
    """Repeat the map from equal shares on; return the shares and how often it was applied."""
    target = 1.0 - tolerance / 2  # the middle of what is accepted, so that rounding cannot lift the total above 1
    share = np.full_like(weight, target / weight.size)
    for iteration in range(1, limit + 1):
        previous, share = share, np.sqrt(weight * in_blocks(_shape, pool.snr, pool.inr, share))
        share *= target / share.sum()
        change = share / previous
        if change.max() <= (1.0 + tolerance) * change.min():
            return share, iteration
    return share, limit


def _shape(snr: Array, inr: Array, share: Array) -> Array:
    """Return h of the module's docstring, to full relative precision from the deepest fade to the strongest signal."""
    u = np.log1p(snr / (inr + share))
    psi, complement = bernoulli(u)
    return (u - complement + inr / (inr + share)) / (u * (u + psi))
