"""The success probability (15), and what Fig. 2 says of bandwidth."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from ... import wireless
from ...scenario import Form, Scenario
from ...theory.outcomes import Counterexample
from ...units import db_to_ratio
from ...wireless.geometry import EXCLUSION_RATE
from ...wireless.outage import noise_gain
from ._shared import SHARE, arrives, percent

_STANDARD_ERRORS = 5.0


def eq15_noise_hangs_on_the_density(density_per_m2: float = 1e-8) -> Counterexample:
    r"""The noise factor of (15), which contains the density of gNBs, against noise alone, which knows nothing of gNBs.

    From 100 m at -5 dB on the whole band. What holds is :math:`\mathbb{P}(|h|^2 \ge \theta \sigma^2 d^\alpha / P)`.
    """
    s, far = _with_unit_gain(-5.0), np.array(100.0)
    radio = dataclasses.replace(wireless.Radio.of(s), base_station_density_per_m2=density_per_m2)
    noise = s.sinr_threshold * s.bandwidth_hz * s.noise_psd_w_per_hz / s.max_power_w
    printed, corrected = (math.exp(-noise / noise_gain(far, radio, form)) for form in ("printed", "corrected"))
    arrive = math.exp(-noise * 100.0**s.path_loss_exponent)
    says = (
        f"From 100 m at -5 dB on the whole band, without interference, {percent(arrive)} arrive. With one gNB in "
        f"{1e-6 / density_per_m2:g} km² (15) says {percent(printed)}."
    )
    return Counterexample("eq-15", says, arrive, printed, "==", corrected=corrected)


def eq15_is_too_low_near_the_gnb(distance_m: float = 40.0, threshold_db: float = 5.0) -> Counterexample:
    """(15) against (2), averaged over fading and the field by a quadrature over where interferers may stand.

    The claim is that the printed probability is at least the lower end of what the error of the quadrature leaves open.
    """
    s = _with_unit_gain(threshold_db)
    lower = _by_quadrature(s, distance_m)
    printed, corrected = (_success(s, distance_m, form) for form in ("printed", "corrected"))
    says = (
        f"From {distance_m:g} m at {threshold_db:g} dB, {percent(lower)} of the uploads pass (2) in the field of "
        f"(15), by a quadrature; it says {percent(printed)}."
    )
    return Counterexample("eq-15", says, lower, printed, corrected=corrected)


def eq15_is_too_high_at_the_edge(
    distance_m: float = 100.0, threshold_db: float = -5.0, rounds: int = 400
) -> Counterexample:
    """(15) against (2), drawn: UEs at one distance, with a new fade and new interferers for each in every round.

    The claim is that the printed outage is at least the measured one less five standard errors.
    """
    s = _with_unit_gain(threshold_db)
    cell = wireless.Cell(s, 0, np.full(s.num_ues, distance_m))
    noise_w = wireless.noise_power_w(SHARE, bandwidth_hz=s.bandwidth_hz, noise_psd_w_per_hz=s.noise_psd_w_per_hz)
    channels = [cell.channel(t) for t in range(rounds)]
    ratios = [wireless.sinr(s.max_power_w * seen.gain, seen.interference_w, noise_w) for seen in channels]
    drawn = rounds * s.num_ues
    outage = float(1.0 - wireless.received(ratios, s.sinr_threshold).mean())
    lower = outage - _STANDARD_ERRORS * math.sqrt(outage * (1.0 - outage) / drawn)
    printed, corrected = (1.0 - _success(s, distance_m, form) for form in ("printed", "corrected"))
    says = (
        f"From {distance_m:g} m at {threshold_db:g} dB, {drawn:,} draws of (2) lose at least {percent(lower)}; (15) "
        f"says {percent(printed)}."
    )
    return Counterexample("eq-15", says, lower, printed, corrected=corrected)


def fig2_bandwidth_costs_reliability(
    distance_m: float = 100.0, threshold_db: float = 5.0, narrow: float = 0.01
) -> Counterexample:
    """Fig. 2 credits bandwidth with reliability: the claim is that a part of the band is no more reliable than all.

    (15) as printed, with the same threshold for both.
    """
    s = _with_unit_gain(threshold_db)
    part, whole = (_success(s, distance_m, "printed", share) for share in (narrow, 1.0))
    says = (
        f"By (15), from {distance_m:g} m at {threshold_db:g} dB, {percent(part)} of the uploads arrive on "
        f"{percent(narrow)} of the band, and {percent(whole)} on all of it."
    )
    return Counterexample("fig-2", says, part, whole)


def _with_unit_gain(threshold_db: float) -> Scenario:
    """The scenario of the printed (15), with the thermal noise of Section V: no loss over the first meter."""
    return Scenario.paper(sinr_threshold=float(db_to_ratio(threshold_db)))


def _success(s: Scenario, distance_m: float, form: Form, share: float = SHARE) -> float:
    outage = "printed" if form == "printed" else "exact"
    return arrives(dataclasses.replace(s, outage=outage), distance_m, s.max_power_w, share)


def _by_quadrature(s: Scenario, distance_m: float) -> float:
    """Lower end of the mean of (2), in which fades and the Poisson process of interferers leave one integral.

    An interferer at r multiplies the mean by u / (1 + u), u = (r / d)^alpha / theta, and their density at r is
    phi (1 - exp(-(12/5) pi phi r^2)).
    """
    from scipy.integrate import quad

    phi, alpha = s.base_station_density_per_m2, s.path_loss_exponent

    def missing(r: float) -> float:
        density = phi * -math.expm1(-EXCLUSION_RATE * math.pi * phi * r * r)
        u: float = (r / distance_m) ** alpha / s.sinr_threshold
        return 2.0 * math.pi * r * density / (1.0 + u)

    near, near_error = quad(missing, 0.0, s.cell_radius_m)
    far, far_error = quad(missing, s.cell_radius_m, math.inf)
    noise_w = SHARE * s.bandwidth_hz * s.noise_psd_w_per_hz
    noise = s.sinr_threshold * noise_w * distance_m**alpha / (s.max_power_w * s.reference_gain)
    return math.exp(-noise - near - far - near_error - far_error)
