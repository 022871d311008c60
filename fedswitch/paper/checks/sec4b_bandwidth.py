"""Section IV.B, bandwidth: (13), (16) to (20), Theorem 2, Algorithm 1, and what Fig. 3 concludes."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from ... import control, wireless
from ...arguments import Array
from ...encoders import lora_payload_bits
from ...scenario import Scenario
from ...streams import stream
from ...theory.outcomes import Counterexample
from ._shared import duration, percent


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
        return cls(s, chosen * lora_payload_bits(s)[:, np.newaxis], signal_w, channel.interference_w)

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


def eq13_leaves_the_subscription_out() -> Counterexample:
    r"""(13) and (7f) have no :math:`\beta`, which (17) and Algorithm 1 have.

    The claim is that the least delay is the same whether all modules of a UE share the band, or only the one that it
    uploads.
    """
    cell = _Uploads.draw()
    every = dataclasses.replace(cell, payload_bits=lora_payload_bits(cell.scenario)[:, np.newaxis])
    chosen_s, every_s = cell.least_delay_s(), every.least_delay_s()
    says = (
        f"The least delay is {duration(chosen_s)} if the band serves the module that each UE uploads, and "
        f"{duration(every_s)} if it serves all."
    )
    return Counterexample("eq-13", says, chosen_s, every_s, "==")


def eq13_mean_delay_is_infinite(bound: float = 100.0) -> Counterexample:
    r"""The delay of (13) at the instantaneous rate has no finite mean under Rayleigh fading.

    Whatever the share, an upload takes at least :math:`G N_0 \ln 2 / S`, in proportion to :math:`1 / |h|^2`. The claim
    is that :math:`\mathbb{E}[1/|h|^2] = \int e^{-g} / g\, dg \le` `bound` (up to 700). The integral over all fades
    that are milder than :math:`e^{-\mathrm{bound} - 1}` exceeds it already; with :math:`g = e^y` it is one of
    :math:`\exp(-e^y)`.
    """
    from scipy.integrate import quad

    mean, _ = quad(lambda y: math.exp(-math.exp(y)), -bound - 1.0, 4.0, points=[0.0])
    says = (
        f"Every delay is at least a constant times 1/|h|², a part of whose mean already adds up to {mean:.5g}, more "
        f"than the {bound:g} put in."
    )
    return Counterexample("eq-13", says, mean, bound)


def eq16_least_delay_is_not_least_energy() -> Counterexample:
    """(16) charges every UE for the whole round: the claim is that its solution costs the least energy, too."""
    cell = _Uploads.draw()
    power_w = cell.scenario.max_power_w
    together_j = cell.scenario.num_ues * power_w * cell.least_delay_s()
    least_j = control.allocate_energy_optimal(*cell.link, power_w, **cell.radio()).energy_j
    says = (
        f"{cell.scenario.num_ues} uploads that end together, as (16) has it, take {together_j:.2g} J; if each stops "
        f"when it is done, {least_j:.2g} J will do."
    )
    return Counterexample("eq-16", says, together_j, least_j)


def thm2_no_other_allocation_is_faster(allocations: int = 2000) -> Counterexample:
    """Theorem 2: shares that end together and use the whole band are no slower than others, drawn around them."""
    cell = _Uploads.draw()
    best = control.allocate_bandwidth(*cell.link, **cell.radio())
    others = best.share * stream(0, "allocations").lognormal(0.0, 0.01, size=(allocations, *best.share.shape))
    others /= others.sum(axis=(1, 2), keepdims=True)
    rate = wireless.rate_bit_per_s(others, cell.signal_w, cell.interference_w, **cell.radio())
    delays_s = wireless.delay_s(cell.payload_bits, rate).max(axis=(1, 2))
    fastest_s = float(delays_s.min())
    says = (
        f"By Theorem 2 all uploads end after {duration(best.delay_s)}; the fastest of {allocations:,} allocations near "
        f"it takes {duration(fastest_s)}."
    )
    return Counterexample("thm-2", says, best.delay_s, fastest_s)


def eq17_unused_bandwidth_costs_time(used: float = 0.99) -> Counterexample:
    """(17): the least delay with the whole band is at most the least delay with a part of it."""
    cell = _Uploads.draw()
    whole_s, part_s = cell.least_delay_s(), cell.least_delay_s(used)
    says = f"The least delay is {duration(whole_s)}; with {percent(used)} of the band it is {duration(part_s)}."
    return Counterexample("eq-17", says, whole_s, part_s)


def eq19_main_branch_is_wrong(share: float = 0.1, snr: float = 100.0) -> Counterexample:
    r"""(19) with Lambert's main branch gives another share where :math:`u = \ln(1 + \mathrm{SINR}) > 1`.

    `snr` is :math:`S / (W N_0)`; no interference. The claim is that (19) returns the share that
    :math:`\varphi = -u e^{-u}` was made from; `corrected` takes the lower branch.
    """
    from scipy.special import lambertw

    u = math.log1p(snr / share)
    main, lower = (float(snr / np.expm1(-lambertw(-u * math.exp(-u), branch).real)) for branch in (0, -1))
    says = (
        f"An upload with an SINR of {10 * math.log10(snr / share):.0f} dB has {percent(share)} of the band; on "
        f"Lambert's main branch (19) gives it {main / share:,.0f} times as much."
    )
    return Counterexample("eq-19", says, share, main, "==", corrected=lower)


def eq20_main_branch_has_no_solution(load: float = 0.01, interference_ratio: float = 0.01) -> Counterexample:
    r"""On Lambert's main branch (20) has no solution at all where the SINR of the true one is above e - 1.

    `load` is :math:`a = G N_0 \ln 2 / (E S)` and `interference_ratio` is :math:`b = I / S`. The claim is that the two
    sides of (20) meet: their relative distance, at the least of 20,000 values of :math:`-\mathrm{LW}(\varphi)` from
    -50 to 1; the main branch has none above, and further below the sides part for ever where `load` is less than 1.
    """
    u = np.concatenate([np.linspace(-50.0, 0.0, 10_000, endpoint=False), np.linspace(0.0, 1.0, 10_001)[1:]])
    left = -u * np.exp(-u)
    right = (load + interference_ratio * u) * np.expm1(-u)
    gap = float(np.abs(1.0 - right / left).min())
    says = f"On Lambert's main branch the two sides of (20) stay at least {percent(gap)} apart; a root needs 0 %."
    return Counterexample("eq-20", says, gap, 0.0)


def alg1_turns_the_wrong_way_below_the_floor(
    seed: int = 1, bracket_s: tuple[float, float] = (5e-3, 10.0)
) -> Counterexample:
    r"""Algorithm 1 as printed, from a bracket that holds the solution.

    At a delay that no bandwidth allows, (20) has one root as well, which is negative: :math:`a = 2, b = 0` gives
    :math:`u = -1.594`. It is a proper value of Lambert's function, but its share (19) is negative, so that the sum of
    the shares looks too small, and the search keeps the half without the solution. It may even end within its
    tolerance there. The claim is that the delay that it returns is at least the one that the uploads need.

    Noise must matter for that. Here 30 dB are lost over the first meter; without them, cells that are 6 times as wide
    do the same, and the paper states no size.
    """
    cell = _Uploads.draw(seed=seed)
    need_s, ended_s = cell.least_delay_s(), _algorithm_1_as_printed(cell, *bracket_s)
    low_s, high_s = bracket_s
    says = (
        f"Between {duration(low_s)} and {duration(high_s)}, Algorithm 1 ends at {duration(ended_s)}; the uploads need "
        f"{duration(need_s)}."
    )
    return Counterexample("alg-1", says, need_s, ended_s)


def alg1_ends_away_from_the_solution(cells: int = 100, bracket_s: tuple[float, float] = (5e-3, 10.0)) -> Counterexample:
    """Algorithm 1 as printed, in many cells: the claim is that it returns too short a delay in none."""
    drawn = [(cell, cell.least_delay_s()) for cell in (_Uploads.draw(seed=seed) for seed in range(cells))]
    held = [(cell, need_s) for cell, need_s in drawn if bracket_s[0] < need_s < bracket_s[1]]
    missed = sum(_algorithm_1_as_printed(cell, *bracket_s) < need_s for cell, need_s in held)
    says = f"In {len(held)} cells whose bracket holds the solution, Algorithm 1 ends too early {missed} times."
    return Counterexample("alg-1", says, float(missed), 0.0)


def fig3_iterations_may_fall(cells: int = 20) -> Counterexample:
    r"""Fig. 3 takes an iteration count that grows with K as a sign of :math:`O(K \log_2(E_{\mathrm{input}}/\omega))`.

    The claim is that the mean count for 10 UEs is at most that for 100, from a bracket of 5 ms to 1,000 s for both.
    """
    few, many = (
        float(np.mean([_iterations(_Uploads.draw(num_ues=num_ues, seed=seed)) for seed in range(cells)]))
        for num_ues in (10, 100)
    )
    says = f"Between 5 ms and 1,000 s, 10 UEs take {few:.3g} iterations, the mean of {cells} cells; 100 UEs {many:.3g}."
    return Counterexample("fig-3", says, few, many)


def _iterations(cell: _Uploads) -> float:
    """How often Algorithm 1, made safe, halves a bracket of 5 ms to 1,000 s."""
    tolerance = cell.scenario.bandwidth_tolerance
    found = control.allocate_bandwidth(
        *cell.link, **cell.radio(), method="bisection", tolerance=tolerance, delay_bracket_s=(5e-3, 1e3)
    )
    return float(found.iterations)


def _algorithm_1_as_printed(cell: _Uploads, low_s: float, high_s: float) -> float:
    """Algorithm 1 step by step; the delay that it returns."""
    s = cell.scenario
    delay_s = (low_s + high_s) / 2.0
    for _ in range(s.max_bisections):
        total = _total_share_as_printed(cell, delay_s)
        if 1.0 - s.bandwidth_tolerance <= total <= 1.0:
            break
        low_s, high_s = (delay_s, high_s) if total > 1.0 else (low_s, delay_s)
        delay_s = (low_s + high_s) / 2.0
    return delay_s


def _total_share_as_printed(cell: _Uploads, delay_s: float) -> float:
    r"""The sum of the shares (19) at the root of (20) that there is: positive where a < 1, negative otherwise."""
    share = control.share_for_delay(delay_s, *cell.link, **cell.radio())
    below = np.isinf(share)
    payload, signal_w, interference_w = (values[below] for values in np.broadcast_arrays(*cell.link))
    noise_w = cell.scenario.bandwidth_hz * cell.scenario.noise_psd_w_per_hz
    load = payload * cell.scenario.noise_psd_w_per_hz * math.log(2.0) / (delay_s * signal_w)
    ratio = interference_w / signal_w
    u = -load
    for _ in range(50):  # Newton's method, which (20) is to be solved by; from here it rises to the root
        psi = u / np.expm1(u)
        u = u - (psi - load - ratio * u) / (psi * (1.0 - psi - u) / u - ratio)
    negative = (signal_w / np.expm1(u) - interference_w) / noise_w
    return float(share[~below].sum() + negative.sum())
