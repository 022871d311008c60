"""Section IV.B, bandwidth: (13), (16) to (20), Theorem 2, Algorithm 1, and what Fig. 3 concludes."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import control, wireless
from ...scenario import Scenario
from ...streams import stream
from ...theory.claims import Counterexample
from ._roberta import payload_bits

Array = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class _Uploads:
    """The uploads of one round of a cell at full power: payloads (N, K) and received powers (K,)."""

    scenario: Scenario
    payload_bits: Array
    signal_w: Array
    interference_w: Array

    @classmethod
    def draw(cls, *, num_ues: int = 20, seed: int = 0) -> _Uploads:
        s = Scenario.paper(num_ues=num_ues, reference_gain=1e-3)
        channel = wireless.Cell.draw(s, seed).channel(0)
        shape = (s.num_modules, num_ues)
        chosen = control.random_subscription(*shape, s.subscription_limit, stream(seed, "subscription", 0))
        signal_w = s.max_power_w * channel.gain
        return cls(s, chosen * payload_bits(s)[:, np.newaxis], signal_w, channel.interference_w)

    def radio(self, width: float = 1.0) -> dict[str, Any]:
        """Bandwidth, a part `width` of it, and noise, as the functions of `control` take them."""
        return {
            "bandwidth_hz": width * self.scenario.bandwidth_hz,
            "noise_psd_w_per_hz": self.scenario.noise_psd_w_per_hz,
        }

    @property
    def link(self) -> tuple[Array, Array, Array]:
        """Payloads, signals and interference."""
        return self.payload_bits, self.signal_w, self.interference_w

    def least_delay_s(self, width: float = 1.0) -> float:
        """The solution of (13)."""
        return control.allocate_bandwidth(*self.link, **self.radio(width)).delay_s


def eq13_mean_delay_is_infinite(bound: float = 100.0) -> Counterexample:
    r"""The delay of (13) at the instantaneous rate has no finite mean under Rayleigh fading.

    Whatever the share, an upload takes at least :math:`G N_0 \ln 2 / S`, in proportion to :math:`1 / |h|^2`. The claim
    is that :math:`\mathbb{E}[1/|h|^2] = \int e^{-g} / g\, dg \le` `bound` (up to 700). The integral over all fades
    that are milder than :math:`e^{-\mathrm{bound} - 1}` exceeds it already; with :math:`g = e^y` it is one of
    :math:`\exp(-e^y)`.
    """
    from scipy.integrate import quad

    mean, _ = quad(lambda y: math.exp(-math.exp(y)), -bound - 1.0, 4.0, points=[0.0])
    return Counterexample("eq-13", "part of the mean of 1/|h|², and a bound on it", mean, bound)


def eq16_least_delay_is_not_least_energy() -> Counterexample:
    """(16) charges every UE for the whole round: the claim is that its solution costs the least energy, too."""
    cell = _Uploads.draw()
    power_w = cell.scenario.max_power_w
    least_delay_j = cell.scenario.num_ues * power_w * cell.least_delay_s()
    least_j = control.allocate_energy_optimal(*cell.link, power_w, **cell.radio()).energy_j
    return Counterexample("eq-16", "J on air at the least delay, and the least", least_delay_j, least_j)


def thm2_no_other_allocation_is_faster(allocations: int = 2000) -> Counterexample:
    """Theorem 2: shares that end together and use the whole band are no slower than others, drawn around them."""
    cell = _Uploads.draw()
    best = control.allocate_bandwidth(*cell.link, **cell.radio())
    others = best.share * stream(0, "allocations").lognormal(0.0, 0.01, size=(allocations, *best.share.shape))
    others /= others.sum(axis=(1, 2), keepdims=True)
    rate = wireless.rate_bit_per_s(others, cell.signal_w, cell.interference_w, **cell.radio())
    delays_s = wireless.delay_s(cell.payload_bits, rate).max(axis=(1, 2))
    instance = f"delay in s by Theorem 2, and the least of {allocations:,} other allocations"
    return Counterexample("thm-2", instance, best.delay_s, float(delays_s.min()))


def eq17_unused_bandwidth_costs_time(used: float = 0.99) -> Counterexample:
    """(17): the least delay with the whole band is at most the least delay with a part of it."""
    cell = _Uploads.draw()
    instance = f"least delay in s with the whole band, and with {used:.0%} of it"
    return Counterexample("eq-17", instance, cell.least_delay_s(), cell.least_delay_s(used))


def eq19_main_branch_is_wrong(share: float = 0.1, snr: float = 100.0) -> Counterexample:
    r"""(19) with Lambert's main branch gives another share where :math:`u = \ln(1 + \mathrm{SINR}) > 1`.

    `snr` is :math:`S / (W N_0)`; no interference. The claim is that (19) returns the share that
    :math:`\varphi = -u e^{-u}` was made from; `corrected` takes the lower branch.
    """
    from scipy.special import lambertw

    u = math.log1p(snr / share)
    main, lower = (float(snr / np.expm1(-lambertw(-u * math.exp(-u), branch).real)) for branch in (0, -1))
    instance = f"share of an upload with an SINR of {10 * math.log10(snr / share):.0f} dB, and (19) on the main branch"
    return Counterexample("eq-19", instance, share, main, "==", corrected=lower)


def eq20_main_branch_has_no_solution(load: float = 0.01, interference_ratio: float = 0.01) -> Counterexample:
    r"""On Lambert's main branch (20) has no solution at all where the SINR of the true one is above e - 1.

    `load` is :math:`a = G N_0 \ln 2 / (E S)` and `interference_ratio` is :math:`b = I / S`. The claim is that the two
    sides of (20) meet: their relative distance, at the least of 10,000 values of :math:`-\mathrm{LW}(\varphi)` in
    (0, 1], which is all that the main branch has.
    """
    u = np.linspace(0.0, 1.0, 10_001)[1:]
    left = -u * np.exp(-u)
    right = (load + interference_ratio * u) * np.expm1(-u)
    gap = float(np.abs(1.0 - right / left).min())
    return Counterexample("eq-20", "least relative distance of the sides of (20), main branch", gap, 0.0)


def alg1_trusts_its_upper_end() -> Counterexample:
    """Algorithm 1 as printed, from a bracket that ends 1 % below the delay that the uploads need.

    The claim is (7f): the shares that it returns sum to at most 1.
    """
    cell = _Uploads.draw()
    low_s, need_s = cell.scenario.min_delay_s, cell.least_delay_s()
    total = _algorithm_1_as_printed(cell, low_s, 0.99 * need_s)
    return Counterexample("alg-1", "total share that it returns when E_input is too small, and the band", total, 1.0)


def alg1_trusts_its_lower_end() -> Counterexample:
    r"""Algorithm 1 as printed, from a bracket that begins above the delay that the uploads need.

    The claim is its own condition to end, :math:`\delta_A \ge 1 - \omega`.
    """
    cell = _Uploads.draw()
    need_s = cell.least_delay_s()
    total = _algorithm_1_as_printed(cell, 2.0 * need_s, 4.0 * need_s)
    instance = "least share to be used, and total share that it returns when E_min is too large"
    return Counterexample("alg-1", instance, 1.0 - cell.scenario.bandwidth_tolerance, total)


def alg1_takes_longer_for_short_delays(factor: float = 0.01) -> Counterexample:
    r"""Algorithm 1 is said to take :math:`O(K \log_2(E_{\mathrm{input}}/\omega))`, which the solution does not enter.

    The claim is that payloads that are `factor` times as long, and with them the delay to be found, take no more
    iterations from the same bracket, 1 µs to 1,000 s. They take :math:`\log_2(1/\mathrm{factor})` more.
    """
    cell = _Uploads.draw()
    short = dataclasses.replace(cell, payload_bits=factor * cell.payload_bits)
    instance = f"iterations with payloads {factor:g} times as long, and as they are"
    return Counterexample("alg-1", instance, _iterations(short, 1e-6), _iterations(cell, 1e-6))


def fig3_iterations_may_fall(cells: int = 20) -> Counterexample:
    r"""Fig. 3 takes an iteration count that grows with K as a sign of :math:`O(K \log_2(E_{\mathrm{input}}/\omega))`.

    The claim is that the mean count for 10 UEs is at most that for 100, from a bracket of 5 ms to 1,000 s for both.
    """
    few, many = (
        float(np.mean([_iterations(_Uploads.draw(num_ues=num_ues, seed=seed), 5e-3) for seed in range(cells)]))
        for num_ues in (10, 100)
    )
    return Counterexample("fig-3", f"mean iterations over {cells} cells with 10 UEs, and with 100", few, many)


def _iterations(cell: _Uploads, low_s: float) -> float:
    """How often Algorithm 1 halves a bracket from `low_s` to 1,000 s, which holds the solution."""
    tolerance = cell.scenario.bandwidth_tolerance
    found = control.allocate_bandwidth(
        *cell.link, **cell.radio(), method="bisection", tolerance=tolerance, delay_bracket_s=(low_s, 1e3)
    )
    return float(found.iterations)


def _algorithm_1_as_printed(cell: _Uploads, low_s: float, high_s: float) -> float:
    """Algorithm 1 step by step, with nothing done about a bracket that does not hold the solution; its total share."""
    s, total = cell.scenario, math.inf
    delay_s = (low_s + high_s) / 2.0
    for _ in range(s.max_bisections):
        total = float(control.share_for_delay(delay_s, *cell.link, **cell.radio()).sum())
        if 1.0 - s.bandwidth_tolerance <= total <= 1.0:
            break
        if total > 1.0:
            low_s, delay_s = delay_s, (delay_s + high_s) / 2.0
        else:
            high_s, delay_s = delay_s, (delay_s + low_s) / 2.0
    return total
