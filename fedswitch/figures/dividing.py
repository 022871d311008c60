"""Interactive figures of how bandwidth is shared: Theorem 2, and the search of Algorithm 1."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .. import control, wireless
from ..arguments import Array
from ..scenario import Scenario
from .charts import Axis, Control, Curve, Marker, Panel, Sum, Table
from .explorable import Explorable
from .numbers import decimals, percent, rounded

CROWDS = tuple(dict.fromkeys(np.geomspace(5.0, 100.0, 49).round().astype(int).tolist()))
"""Numbers of UEs, in even steps of their logarithm from some on."""


def shares_figure(scenario: Scenario, payload_bits: float, *, rounds: int = 3) -> Explorable:
    """Shares and delays of uploads of one size, by Theorem 2 and at equal shares; by the number of UEs and the round.

    Cells of seed 0, all at full power, at the instantaneous rate of (13).
    """
    s, crowds = scenario, CROWDS
    radio: dict[str, Any] = {"bandwidth_hz": s.bandwidth_hz, "noise_psd_w_per_hz": s.noise_psd_w_per_hz}
    efficiency, share, equal_s = (np.full((len(crowds), rounds, max(crowds)), np.nan) for _ in range(3))
    delay_s = np.empty((len(crowds), rounds, 1))
    for i, num_ues in enumerate(crowds):
        cell = wireless.Cell.draw(dataclasses.replace(s, num_ues=num_ues), 0)
        for t in range(rounds):
            channel = cell.channel(t)
            link = (s.max_power_w * channel.gain, channel.interference_w)
            found = control.allocate_bandwidth(payload_bits, *link, **radio)
            order = np.argsort(found.share)[::-1]
            share[i, t, :num_ues] = found.share[order]
            delay_s[i, t] = found.delay_s
            rate = wireless.rate_bit_per_s(found.share, *link, **radio)
            efficiency[i, t, :num_ues] = (rate / (found.share * s.bandwidth_hz))[order]
            equal_rate = wireless.rate_bit_per_s(1 / num_ues, *link, **radio)
            equal_s[i, t, :num_ues] = wireless.delay_s(payload_bits, equal_rate)[order]

    edges = np.array([np.nanmin(efficiency) / 1.5, np.nanmax(efficiency) * 1.5])
    equal_share = np.broadcast_to(1 / np.array(crowds)[:, None, None], (len(crowds), 1, 2))
    along = Axis("spectral efficiency (bit/s/Hz)", edges[0], edges[1], "log")
    slowest = np.nanmax(equal_s, axis=-1)
    return Explorable(
        title="Who gets how much of the bandwidth",
        alt="Two charts for 10 and for 100 UEs. Shares of the bandwidth lie on a falling straight line over the "
        "spectral efficiency, on logarithmic axes, and cross the level line of equal shares. Delays at equal shares "
        "fall on a line too, from far above the common delay to far below it.",
        controls=(
            Control("UEs in the cell K", tuple(map(str, crowds)), start=crowds.index(10)),
            Control("round", tuple(str(t + 1) for t in range(rounds))),
        ),
        panels=(
            Panel(
                along,
                Axis("share of the bandwidth δ", np.nanmin(share) / 1.5, 1.0, "log"),
                (
                    Curve("by Theorem 2", efficiency, share, color=1, line="none", marker="circle"),
                    Curve("equal shares", edges, equal_share, color=2, line="dashed"),
                ),
                title="Share of each UE",
            ),
            Panel(
                along,
                Axis("delay (s)", np.nanmin(equal_s) / 1.5, np.nanmax(equal_s) * 1.5, "log"),
                (
                    Curve("by Theorem 2", edges, np.repeat(delay_s, 2, axis=-1), color=1),
                    Curve("equal shares", efficiency, equal_s, color=2, line="none", marker="diamond", filled=False),
                ),
                title="Delay of each UE",
            ),
        ),
        readout="All end after {common} s. The UE with the worst channel gets {most} of the bandwidth, the one with "
        "the best {least}. At equal shares the first would take {slowest} s, the other {fastest} s.",
        facts={
            "common": rounded(delay_s[..., 0]),
            "most": percent(np.nanmax(share, axis=-1)),
            "least": percent(np.nanmin(share, axis=-1)),
            "slowest": rounded(slowest),
            "fastest": rounded(np.nanmin(equal_s, axis=-1)),
        },
        stills=((crowds.index(10), 0), (len(crowds) - 1, 0)),
    )


def search_figure(scenario: Scenario, payload_bits: float, *, tries: int = 16) -> Explorable:
    """The landscape of Algorithm 1: total share against delay, with the delays tried; by UEs and number of tries.

    Cells of seed 0, round 0, at full power and the instantaneous rate. Algorithm 1 starts from the bracket of the
    scenario, whose end E_input, where not given, is the delay at equal shares. Both methods go on to 1e-10.
    """
    s, crowds = scenario, CROWDS
    radio: dict[str, Any] = {"bandwidth_hz": s.bandwidth_hz, "noise_psd_w_per_hz": s.noise_psd_w_per_hz}
    methods: dict[str, control.bandwidth.Method] = {"Algorithm 1": "bisection", "Newton's method": "newton"}
    excess = np.geomspace(1e-3, 20.0, 97)  # of a delay over its floor
    relative, landscape = (np.empty((len(crowds), 1, excess.size)) for _ in range(2))
    floor = np.empty((len(crowds), 1, 1))
    place, total = (np.full((len(methods), len(crowds), tries), np.nan) for _ in range(2))
    for i, num_ues in enumerate(crowds):
        channel = wireless.Cell.draw(dataclasses.replace(s, num_ues=num_ues), 0).channel(0)
        uploads = (payload_bits, s.max_power_w * channel.gain, channel.interference_w)
        best_s = control.allocate_bandwidth(*uploads, **radio).delay_s
        floor[i] = payload_bits * s.noise_psd_w_per_hz * np.log(2) / uploads[1].min() / best_s
        relative[i, 0] = floor[i] * (1.0 + excess)
        landscape[i, 0] = control.share_for_delay(best_s * relative[i, 0][:, None], *uploads, **radio).sum(axis=-1)
        for m, method in enumerate(methods.values()):
            bracket = (s.min_delay_s, s.max_delay_s) if method == "bisection" else None
            trace = control.allocate_bandwidth(
                *uploads, **radio, method=method, max_iterations=tries, delay_bracket_s=bracket
            ).trace
            place[m, i, : trace.delay_s.size] = trace.delay_s / best_s
            total[m, i, : trace.delay_s.size] = trace.total_share

    # tries by crowd and number asked for; a method that has found the delay makes no more
    made = np.minimum((~np.isnan(total)).sum(axis=-1)[..., None], np.arange(1, tries + 1))
    last = np.take_along_axis(total, made - 1, axis=-1)
    total[np.isinf(total)] = 1e9  # no bandwidth suffices: far above the charts
    number, off = np.arange(1.0, tries + 1), np.maximum(np.abs(total - 1), 1e-11)
    looks: dict[str, tuple[int, Marker, bool]] = {
        "Algorithm 1": (2, "square", False),
        "Newton's method": (1, "star", True),
    }
    return Explorable(
        title="The landscape of Algorithm 1",
        alt="Left, the sum of shares against the delay for 100 UEs: a curve that drops from a wall at the floor and "
        "crosses one where the delay is right; squares of Algorithm 1 lie to both sides of it, a star of Newton's "
        "method on it. Right, the distance of the sum from one against the number of delays tried: squares fall slowly "
        "and unevenly, stars drop within three tries.",
        controls=(
            Control("UEs in the cell K", tuple(map(str, crowds)), start=len(crowds) - 1),
            Control("delays tried", tuple(str(j + 1) for j in range(tries)), start=3),
        ),
        panels=(
            Panel(
                Axis("delay over the right delay", 0.5, 10.0, "log"),
                Axis("sum of all shares", 0.08, 12.0, "log"),
                (
                    Curve("sum of shares", relative, landscape),
                    Curve("all of the bandwidth", [0.5, 10.0], [1.0, 1.0], line="dashed"),
                    Curve("floor: no bandwidth suffices", np.repeat(floor, 2, axis=-1), [0.08, 12.0], line="dotted"),
                    *(_tried(name, place[m], total[m], *looks[name]) for m, name in enumerate(methods)),
                ),
                title="Where it looks",
            ),
            Panel(
                Axis("delays tried", 0.0, tries),
                Axis("distance of the sum from 1", 1e-11, 10.0, "log"),
                tuple(
                    _tried(name, np.tile(number, (len(crowds), 1)), off[m], *looks[name])
                    for m, name in enumerate(methods)
                ),
                title="How fast it gets there",
            ),
        ),
        readout="Sum of shares by Algorithm 1 at delay number {halved}: {bisection}. By Newton's method at delay "
        "number {stepped}: {newton}.",
        facts={
            "halved": made[0].astype(str),
            "stepped": made[1].astype(str),
            "bisection": np.char.replace(decimals(last[0], 6), "inf", "infinite"),
            "newton": decimals(last[1], 6),
        },
        stills=((len(crowds) - 1, 7),),
    )


def _tried(label: str, x: Array, y: Array, color: int, marker: Marker, filled: bool) -> Curve:
    """The tries made so far, from all of them by crowd, (crowds, tries)."""
    tries = x.shape[-1]
    made = Table(np.where(np.arange(1, 2 * tries) <= tries, 1.0, np.nan), (0, -1), 1, tries - 1)  # so many, then gaps
    shown = Sum(((Table(x.ravel(), (tries,), 1), made),), tries)
    return Curve(label, shown, Sum(((Table(y.ravel(), (tries,), 1),),), tries), color, "none", marker, filled)
