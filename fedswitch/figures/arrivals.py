"""Interactive figures of who is received: what a subscription saves (27), fading (2), how likely it is (15), its power.

The power is that of (21).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import control, wireless
from ..arguments import Array
from ..scenario import Scenario
from ..units import db_to_ratio, ratio_to_db
from .charts import Axis, Control, Curve, Decimals, Panel, Sum, Table
from .explorable import Explorable
from .numbers import decimals, percent, rounded, signed

STOPS = 41
"""Places of a slider."""


def missed_figure() -> Explorable:
    """How much of a UE's gradient is missed by (27), as printed and as it holds, with and without its subscription.

    The slider moves the success probability of its channel; what the subscription saves lies between the two lines.
    """
    success = np.linspace(0.0, 1.0, STOPS)
    printed, holds = ((1.0 - success, np.zeros(STOPS)), (np.ones(STOPS), 1.0 - success))  # without and with it

    def panel(title: str, label: str, missed: tuple[Array, Array], color: int) -> Panel:
        without, subscribed = missed
        here = np.repeat(success[:, None], 2, axis=1)
        return Panel(
            Axis("success probability λ", 0.0, 1.0),
            Axis("share that is missed", 0.0, 1.0),
            (
                Curve("UE stays out", success, without),
                Curve("UE subscribes", success, subscribed, line="dashed"),
                Curve(label, here, np.stack(missed, axis=1), color, "solid", "circle"),
            ),
            title=title,
        )

    return Explorable(
        title="What a subscription saves",
        alt="Two charts of the share of a gradient that is missed, against the success probability of the channel: a "
        "line for a UE that stays out, and one for a UE that subscribes. As printed they are farthest apart where no "
        "upload arrives, and meet where all do. In truth they meet where none does, and are farthest apart where all "
        "arrive.",
        controls=(Control("uploads that the channel lets through", tuple(percent(success)), start=4),),
        panels=(
            panel("As printed: (1 \N{MINUS SIGN} λ)(1 \N{MINUS SIGN} β)", "saved, as printed", printed, 2),
            panel("What holds: 1 \N{MINUS SIGN} βλ", "saved, in truth", holds, 1),
        ),
        readout="On a channel that lets {through} of the uploads through, a subscription saves {printed} of this "
        "gradient as printed, and {holds} in truth.",
        facts={
            "through": percent(success),
            "printed": percent(printed[0] - printed[1]),
            "holds": percent(holds[0] - holds[1]),
        },
        stills=((4,), (36,)),
    )


def fading_figure(scenario: Scenario, *, rounds: int = 48) -> Explorable:
    """The SINR (2) of one UE round by round, and how often its uploads are received (15), by its distance.

    It sends at full power on an equal share of the bandwidth; fading and interference are those of seed 0.
    """
    s, radio = scenario, wireless.Radio.of(scenario)
    cell = wireless.Cell.draw(dataclasses.replace(s, num_ues=1), 0)
    channels = [cell.channel(t) for t in range(rounds)]
    fading = np.concatenate([one.gain for one in channels]) / radio.path_gain(cell.distance_m)
    interference_w = np.concatenate([one.interference_w for one in channels])
    distance_m = np.linspace(20.0, 100.0, STOPS)
    signal_w = s.max_power_w * radio.path_gain(distance_m)[:, None] * fading  # (distances, rounds)
    sinr = wireless.sinr(signal_w, interference_w, radio.noise_w / s.num_ues)
    received, sinr_db = wireless.received(sinr, s.sinr_threshold), ratio_to_db(sinr)
    arrives = wireless.Reception.of(s, distance_m, 1.0 / s.num_ues, 0.0).probability(s.max_power_w)
    number = np.arange(1.0, rounds + 1)
    lowest, highest = 10.0 * np.floor(sinr_db.min() / 10.0), 10.0 * np.ceil(sinr_db.max() / 10.0)
    threshold_db = float(ratio_to_db(s.sinr_threshold))
    return Explorable(
        title="What fading does to one phone",
        alt=f"Two charts for a phone at 40 m and one at 100 m. Left, its SINR in each of {rounds} rounds scatters over "
        "some thirty decibels around a level that falls with the distance; more hollow marks lie below the line of the "
        "threshold when it is far. Right, a curve of the success probability, which falls with the distance, and a "
        "mark on it.",
        controls=(Control("distance from the gNB", tuple(f"{d:g} m" for d in distance_m), start=STOPS - 1),),
        panels=(
            Panel(
                Axis("round", 0.0, rounds + 1.0),
                Axis("SINR (dB)", lowest, highest),
                (
                    Curve("received", number, np.where(received, sinr_db, np.nan), 1, "none", "circle"),
                    Curve("lost", number, np.where(received, np.nan, sinr_db), 2, "none", "diamond", False),
                    Curve("threshold θ", [0.0, rounds + 1.0], [threshold_db] * 2, line="dashed"),
                ),
                title="Round by round",
            ),
            Panel(
                Axis("distance from the gNB (m)", 0.0, 100.0),
                Axis("success probability λ", 0.0, 1.0),
                (
                    Curve("by the formula", distance_m, arrives),
                    Curve("this phone", distance_m[:, None], arrives[:, None], 1, "none", "circle"),
                ),
                title="In the long run",
            ),
        ),
        readout="At {distance} m, {received} of {rounds} uploads arrive; in the long run {share}.",
        facts={
            "distance": rounded(distance_m),
            "received": received.sum(axis=1).astype(str),
            "rounds": str(rounds),
            "share": percent(arrives),
        },
        stills=((10,), (STOPS - 1,)),
    )


def success_figure(scenario: Scenario) -> Explorable:
    """The success probability (15), printed and exact, against the threshold; by all that a UE can be told apart by.

    Interferers send at `scenario.interferer_power_w` in the exact form; the printed one gives them the UE's own power.
    All sliders go in steps of one dB, that of the distance in one dB of path loss: what noise takes then depends on one
    sum of places, and so does what interference takes.
    """
    s = scenario
    up, last = np.arange(STOPS), STOPS - 1
    threshold_db = up - 20.0
    distance_m = 100.0 * 10 ** ((up - last) / (10.0 * s.path_loss_exponent))
    share, power_w = db_to_ratio(up - float(last)), s.max_power_w * db_to_ratio(up - float(last))
    at_start = (last, 20, last, int(np.clip(np.round(ratio_to_db(s.sinr_threshold)) + 20, 0, last)))

    radio: dict[str, Any] = {
        "path_loss_exponent": s.path_loss_exponent,
        "noise_psd_w_per_hz": s.noise_psd_w_per_hz,
        "base_station_density_per_m2": s.base_station_density_per_m2,
        "reference_gain": s.reference_gain,
    }

    def exponent(threshold: Array, **options: Any) -> Array:
        """Minus the logarithm of (15) for the farthest UE at full power on all of the bandwidth."""
        arrives = wireless.success_probability(
            distance_m[-1], s.max_power_w, s.bandwidth_hz, threshold, **radio | options
        )
        return -np.log(np.maximum(arrives, 1e-300))  # below, it is nothing

    # places on the tables are those of the threshold plus the share plus the distance minus the power
    lattice_db = np.arange(-20.0 - 2 * last, 20.0 + last + 1)
    low = np.array([0.01])  # where both parts are small, and told precisely
    noise = exponent(low, interferer_power_w=0.0) / low * db_to_ratio(lattice_db)
    silence = {"noise_psd_w_per_hz": 1e-60}
    field = exponent(db_to_ratio(lattice_db), **silence, interferer_power_w=s.interferer_power_w)
    printed_noise = (exponent(low, form="printed") - exponent(low, **silence, form="printed")) / low
    printed_field = exponent(db_to_ratio(threshold_db), **silence, form="printed")
    nearer = (distance_m / distance_m[-1]) ** 2

    def sums(points: int, own: int) -> dict[str, Sum]:
        """The exponents, over all thresholds or at that of the slider: what the place of the threshold moves along."""
        along = 1 if points > 1 else 0
        of_noise = Table(noise, (1, 1, -1, own), along, last)
        of_field = Table(field, (1, 0, -1, own), along, 2 * last)
        squared = Table(nearer, (1,))
        of_printed = (Table(printed_noise * db_to_ratio(lattice_db), (0, 1, -1, own), along, 2 * last), squared)
        terms = {
            "exact": ((of_noise,), (of_field,)),
            "noise": ((of_noise,),),
            "interference": ((of_field,),),
            "printed": (of_printed, (Table(printed_field, (0, 0, 0, own), along), squared)),
        }
        return {name: Sum(factors, points, decays=True) for name, factors in terms.items()}

    curves, here = sums(STOPS, 0), sums(1, 1)
    return Explorable(
        title="Success probability against the threshold",
        alt="Success probability against the threshold in dB: two curves that fall from one to zero, the exact one "
        "solid and the printed one dashed, for a UE at half of the cell's radius and for one at its edge.",
        controls=(
            Control("distance", tuple(f"{d:.3g} m" for d in distance_m), start=at_start[0]),
            Control("share of the bandwidth δ", tuple(f"{one:.2g}" for one in share), start=at_start[1]),
            Control("transmit power", tuple(f"{1e3 * p:.3g} mW" for p in power_w), start=at_start[2]),
            Control("threshold θ", tuple(f"{signed(db)} dB" for db in threshold_db), start=at_start[3]),
        ),
        panels=(
            Panel(
                Axis("threshold θ (dB)", -20.0, 20.0),
                Axis("success probability λ", 0.0, 1.0),
                (
                    Curve("exact", threshold_db, curves["exact"], color=1),
                    Curve("as printed", threshold_db, curves["printed"], color=2, line="dashed"),
                    Curve("exact, noise alone", threshold_db, curves["noise"], line="dotted"),
                    Curve(
                        "this upload", Sum(((Table(threshold_db, (0, 0, 0, 1)),),)), here["exact"], 1, "none", "circle"
                    ),
                ),
            ),
        ),
        readout="At θ = {threshold} dB the upload arrives with probability {exact}; as printed, with {printed}. Noise "
        "alone would let {noise} through, interference alone {interference}.",
        facts={"threshold": np.array([signed(db) for db in threshold_db])}
        | {name: Decimals(value) for name, value in here.items()},
        stills=((29, *at_start[1:]), at_start),
    )


def power_figure(scenario: Scenario, payload_bits: float) -> Explorable:
    """The objective of (21) for one upload against its power; by the weight of energy and the distance of the UE.

    Every UE of the cell uploads `payload_bits` at its equal share of the bandwidth, and for as long as a round of the
    cell of seed 0 takes at full power.
    """
    s = scenario
    weight = np.geomspace(1e-4, 1e-1, STOPS)
    distance_m = np.linspace(20.0, 100.0, STOPS)
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

    points = power_w.size
    paid = (Table(price.ravel(), (1, 0)), Table(power_w / worth, along=1))

    def costs(reception: wireless.Reception) -> Sum:
        """The objective at all powers, as a sum."""
        lost = 1.0 - reception[:, None].probability(power_w)
        return Sum(((Table(lost.ravel(), (0, points), 1),), paid), points)

    arrives, at_full = exact.probability(best_w), exact.probability(s.max_power_w)
    axis_mw = 1e3 * power_w
    return Explorable(
        title="What power is worth",
        alt="Objective against transmit power for a UE at 60 m and three weights of energy. With little weight the "
        "curve falls all the way to full power; with more it has a minimum in between, marked by a star, which moves "
        "to the left; a dotted straight line of the energy grows steeper.",
        controls=(
            Control("weight of energy μ", tuple(f"{rounded(mu)} per J" for mu in weight), start=27),
            Control("distance", tuple(f"{d:g} m" for d in distance_m), start=20),
        ),
        panels=(
            Panel(
                Axis("transmit power (mW)", 0.0, 1e3 * s.max_power_w),
                Axis("objective over what an upload is worth", 0.0, 1.5),
                (
                    Curve("exact λ", axis_mw, costs(exact), color=1),
                    Curve("printed λ", axis_mw, costs(printed), color=2, line="dashed"),
                    Curve("energy alone", axis_mw, Sum((paid,), points), line="dotted"),
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
        stills=((0, 20), (27, 20), (40, 20)),
    )


def _powers(watts: Array) -> NDArray[np.str_]:
    return np.where(watts > 0.0, np.char.add(rounded(1e3 * watts), " mW"), "not to transmit")
