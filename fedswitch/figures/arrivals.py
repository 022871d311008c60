"""Interactive figures of who is received: the success probability (15), and the power (21) that it deserves."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import control, wireless
from ..arguments import Array
from ..scenario import Scenario
from ..units import db_to_ratio, ratio_to_db
from .charts import Axis, Control, Curve, Panel
from .explorable import Explorable
from .numbers import decimals, rounded, signed


def success_figure(scenario: Scenario) -> Explorable:
    """The success probability (15), printed and exact, against the threshold; by distance, share and power of the UE.

    Interferers send at `scenario.interferer_power_w` in the exact form; the printed one gives them the UE's own power.
    """
    s = scenario
    distance_m = np.array([10.0, 25, 40, 55, 70, 85, 100])
    share = np.array([0.001, 0.01, 0.1, 0.3, 1.0])
    power_w = s.max_power_w * np.array([0.01, 0.05, 0.25, 0.5, 1.0])
    threshold_db = np.unique(np.append(np.arange(-20.0, 21.0, 2.0), ratio_to_db(s.sinr_threshold)))
    own = int(np.flatnonzero(np.isclose(threshold_db, ratio_to_db(s.sinr_threshold)))[0])

    link = (distance_m[:, None, None, None], power_w[:, None], s.bandwidth_hz * share[:, None, None])
    radio: dict[str, Any] = {
        "path_loss_exponent": s.path_loss_exponent,
        "noise_psd_w_per_hz": s.noise_psd_w_per_hz,
        "base_station_density_per_m2": s.base_station_density_per_m2,
        "reference_gain": s.reference_gain,
    }
    threshold = db_to_ratio(threshold_db)
    exact = wireless.success_probability(*link, threshold, **radio, interferer_power_w=s.interferer_power_w)
    printed = wireless.success_probability(*link, threshold, **radio, form="printed")
    noise = wireless.success_probability(*link, threshold, **radio, interferer_power_w=0.0)
    return Explorable(
        title="Success probability against the threshold",
        alt="Success probability against the threshold in dB: two curves that fall from one to zero, the exact one "
        "solid and the printed one dashed, for a UE at half of the cell's radius and for one at its edge.",
        controls=(
            Control("distance", tuple(f"{d:g} m" for d in distance_m), start=6),
            Control("share of the bandwidth δ", tuple(f"{one:g}" for one in share), start=1),
            Control("transmit power", tuple(f"{1e3 * p:g} mW" for p in power_w), start=4),
        ),
        panels=(
            Panel(
                Axis("threshold θ (dB)", -20.0, 20.0),
                Axis("success probability λ", 0.0, 1.0),
                (
                    Curve("exact", threshold_db, exact, color=1),
                    Curve("as printed", threshold_db, printed, color=2, line="dashed"),
                    Curve("exact, noise alone", threshold_db, noise, line="dotted"),
                ),
            ),
        ),
        readout=f"At θ = {signed(threshold_db[own])} dB the upload arrives with probability {{exact}}; as printed, "
        "with {printed}. Noise alone would let {noise} through, interference alone {interference}.",
        facts={
            "exact": decimals(exact[..., own]),
            "printed": decimals(printed[..., own]),
            "noise": decimals(noise[..., own]),
            "interference": decimals(exact[..., own] / noise[..., own]),
        },
        stills=((3, 1, 4), (6, 1, 4)),
    )


def power_figure(scenario: Scenario, payload_bits: float) -> Explorable:
    """The objective of (21) for one upload against its power; by the weight of energy and the distance of the UE.

    Every UE of the cell uploads `payload_bits` at its equal share of the bandwidth, and for as long as a round of the
    cell of seed 0 takes at full power.
    """
    s = scenario
    weight = np.geomspace(1e-4, 1e-1, 25)
    distance_m = np.array([20.0, 40, 60, 80, 100])
    power_w = s.max_power_w * np.append(0.0, np.geomspace(2e-3, 1.0, 44))
    channel = wireless.Cell.draw(s, 0).channel(0)
    _, delay_s = control.share_bandwidth(
        s, channel, np.full(s.num_ues, payload_bits), np.full(s.num_ues, s.max_power_w)
    )
    worth = float(control.reception_benefit(s, 0.0)[0, 0])
    price = weight[:, None] * delay_s  # in cost per W

    exact, printed = (
        wireless.Reception.of(dataclasses.replace(s, outage=form), distance_m, 1 / s.num_ues, payload_bits)
        for form in ("exact", "printed")
    )
    best_w = control.optimal_power_in_field(
        exact.attenuation_w,
        exact.field,
        worth,
        price,
        path_loss_exponent=s.path_loss_exponent,
        max_power_w=s.max_power_w,
    )
    printed_w = control.optimal_power(
        printed.attenuation_w, worth * np.exp(-printed.interference), price, max_power_w=s.max_power_w
    )

    def objective(reception: wireless.Reception, watts: Array) -> Array:
        """Of shape (weights, distances, powers), in units of what an upload is worth, at `watts` of that shape."""
        return 1.0 - reception[:, None].probability(watts) + price[..., None] * watts / worth

    def star(label: str, watts: Array, reception: wireless.Reception, color: int) -> Curve:
        """The best power, of shape (weights, distances), marked where it stands on its curve."""
        height = objective(reception, watts[..., None])
        return Curve(label, 1e3 * watts[..., None], height, color=color, line="none", marker="star")

    arrives, at_full = exact.probability(best_w), exact.probability(s.max_power_w)
    axis_mw = 1e3 * power_w
    return Explorable(
        title="What power is worth",
        alt="Objective against transmit power for a UE at 60 m and three weights of energy. With little weight the "
        "curve falls all the way to full power; with more it has a minimum in between, marked by a star, which moves "
        "to the left; a dotted straight line of the energy grows steeper.",
        controls=(
            Control("weight of energy μ", tuple(f"{rounded(mu)} per J" for mu in weight), start=16),
            Control("distance", tuple(f"{d:g} m" for d in distance_m), start=2),
        ),
        panels=(
            Panel(
                Axis("transmit power (mW)", 0.0, 1e3 * s.max_power_w),
                Axis("objective over what an upload is worth", 0.0, 1.5),
                (
                    Curve("exact λ", axis_mw, objective(exact, power_w), color=1),
                    Curve("printed λ", axis_mw, objective(printed, power_w), color=2, line="dashed"),
                    Curve("energy alone", axis_mw, price[..., None] * power_w / worth, line="dotted"),
                    star("best power", best_w, exact, color=1),
                    star("best power if λ were as printed", printed_w, printed, color=2),
                ),
            ),
        ),
        readout="Best: {best}; the upload arrives with probability {arrives} and takes {energy} mJ on air. At full "
        "power it would be {full} and {full_energy} mJ. With λ as printed one would choose {printed}.",
        facts={
            "best": _powers(best_w),
            "arrives": decimals(arrives),
            "energy": rounded(1e3 * best_w * delay_s),
            "full": decimals(at_full),
            "full_energy": rounded(1e3 * s.max_power_w * delay_s),
            "printed": _powers(printed_w),
        },
        stills=((0, 2), (16, 2), (24, 2)),
    )


def _powers(watts: Array) -> NDArray[np.str_]:
    return np.where(watts > 0.0, np.char.add(rounded(1e3 * watts), " mW"), "not to transmit")
