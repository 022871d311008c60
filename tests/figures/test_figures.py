"""What the chapters' interactive figures show, against the formulas themselves, another method, or brute force."""

import json
import math
import re

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from fedswitch import Scenario, wireless
from fedswitch.control import reception_benefit, share_bandwidth
from fedswitch.figures.arrivals import power_figure, success_figure
from fedswitch.figures.charts import at
from fedswitch.figures.debts import debt_figure
from fedswitch.figures.dividing import search_figure, shares_figure

S = Scenario.corrected()
BITS = 9.4e6
GRADIENT = (-1.0, -0.8, -0.7, -0.6)
LIMIT_BYTES = 150_000


@pytest.fixture(scope="module")
def figures():
    return {
        "success": success_figure(S),
        "power": power_figure(S, BITS),
        "shares": shares_figure(S, BITS),
        "search": search_figure(S, BITS),
        "debt": debt_figure(GRADIENT),
    }


def curve(figure, label, setting, panel=0):
    """Points (x, y) of a curve at a setting."""
    (found,) = (one for one in figure.panels[panel].curves if one.label == label)
    return tuple(at(np.asarray(values, dtype=float), setting, points=1) for values in (found.x, found.y))


def number(figure, control, setting):
    """What the slider says at a setting, as a number."""
    return float(re.match(r"[\d.e+-]+", figure.controls[control].values[setting[control]])[0])


def fact(figure, name, setting):
    return str(at(np.asarray(figure.facts[name], dtype=str), setting))


@pytest.mark.parametrize("name", ["success", "power", "shares", "search", "debt"])
def test_data_are_finite_and_light(figures, name):
    text = json.dumps(figures[name].data, allow_nan=False, separators=(",", ":"))
    assert len(text.encode()) < LIMIT_BYTES
    for panel in figures[name].panels:
        for one in panel.curves:
            assert one.label
            seen = np.isfinite(np.asarray(one.y, dtype=float)).any(axis=-1)
            assert seen.all(), f"{one.label} has settings without a point"
    assert len(figures[name].alt) > 100


# (15) by quadrature over distances of interferers, and by quadrature of the printed integral


def field(distance_m, threshold, power_ratio):
    """The exponent of (15) that is due to interferers of `power_ratio` times the UE's power."""

    def lost(r):
        u = threshold * power_ratio * (distance_m / r) ** S.path_loss_exponent
        density = S.base_station_density_per_m2 * -math.expm1(-12 / 5 * math.pi * S.base_station_density_per_m2 * r * r)
        return u / (1 + u) * density * 2 * math.pi * r

    return sum(quad(lost, *ends, limit=200)[0] for ends in ((0, 100), (100, 1e3), (1e3, 1e4), (1e4, 1e6)))


@pytest.mark.parametrize("setting", [(0, 1, 4), (3, 0, 2), (6, 1, 4), (6, 4, 4), (5, 2, 0)])
def test_success_curves_are_the_formulas(figures, setting):
    figure = figures["success"]
    distance, share, power = (number(figure, i, setting) for i in range(3))
    watts = power / 1e3
    noise_w = S.bandwidth_hz * share * S.noise_psd_w_per_hz
    alpha, phi = S.path_loss_exponent, S.base_station_density_per_m2
    threshold_db, exact = curve(figure, "exact", setting)
    for place in (0, 8, 15, -1):
        theta = 10 ** (threshold_db[place] / 10)
        noise = math.exp(-theta * noise_w * distance**alpha / (watts * S.reference_gain))
        assert exact[place] == pytest.approx(
            noise * math.exp(-field(distance, theta, S.interferer_power_w / watts)), rel=1e-5, abs=1e-12
        )
        assert curve(figure, "exact, noise alone", setting)[1][place] == pytest.approx(noise, rel=1e-9)

        inner = quad(
            lambda x, t=theta: -math.expm1(-12 / (5 * math.pi) * t ** (2 / alpha) * x) / (1 + x ** (alpha / 2)),
            0,
            math.inf,
            limit=300,
        )[0]
        ground = theta * noise_w * distance**2 / (watts * S.reference_gain * (2 * phi) ** (alpha / 2 - 1))
        printed = math.exp(-ground - phi * math.pi * distance**2 * theta ** (2 / alpha) * inner)
        assert curve(figure, "as printed", setting)[1][place] == pytest.approx(printed, rel=1e-4, abs=1e-12)


def test_success_readout_is_the_curve_at_the_scenarios_threshold(figures):
    for setting in ((6, 1, 4), (2, 3, 1)):
        threshold_db, exact = curve(figures["success"], "exact", setting)
        own = np.interp(10 * math.log10(S.sinr_threshold), threshold_db, exact)
        assert fact(figures["success"], "exact", setting) == f"{own:.3f}"
    assert "At θ = \N{MINUS SIGN}5 dB" in figures["success"].said((0, 0, 0))


@pytest.mark.parametrize("setting", [(0, 0), (8, 1), (16, 2), (16, 4), (20, 4), (24, 2), (24, 4)])
def test_stars_of_power_are_global_minima(figures, setting):
    figure = figures["power"]
    weight, distance = (number(figure, i, setting) for i in range(2))
    weight = float(np.geomspace(1e-4, 1e-1, 25)[np.argmin(abs(np.geomspace(1e-4, 1e-1, 25) - weight))])
    channel = wireless.Cell.draw(S, 0).channel(0)
    _, delay_s = share_bandwidth(S, channel, np.full(S.num_ues, BITS), np.full(S.num_ues, S.max_power_w))
    worth = reception_benefit(S, 0.0)[0, 0]
    names = ("path_loss_exponent", "noise_psd_w_per_hz", "base_station_density_per_m2", "reference_gain")
    radio = {name: getattr(S, name) for name in names}

    def objective(milliwatts, form):
        others = {"interferer_power_w": S.interferer_power_w} if form == "corrected" else {}
        watts, width_hz = milliwatts / 1e3, S.bandwidth_hz / S.num_ues
        arrives = wireless.success_probability(
            distance, watts, width_hz, S.sinr_threshold, **radio, **others, form=form
        )
        return 1 - arrives + weight * watts * delay_s / worth

    for form, line, star in (
        ("corrected", "exact λ", "best power"),
        ("printed", "printed λ", "best power if λ were as printed"),
    ):
        powers_mw, values = curve(figure, line, setting)
        assert (powers_mw[0], values[0]) == (0.0, 1.0)  # silence
        assert values[1:] == pytest.approx(objective(powers_mw[1:], form), rel=1e-8)
        tried = np.geomspace(0.01, 1e3 * S.max_power_w, 4000)
        costs = objective(tried, form)
        best_mw, least = (tried[costs.argmin()], costs.min()) if costs.min() < 1 else (0.0, 1.0)
        (shown_mw,), (shown,) = curve(figure, star, setting)
        assert shown_mw == pytest.approx(best_mw, rel=0.01)
        assert shown == pytest.approx(least, rel=1e-6)
    (best_mw,), _ = curve(figure, "best power", setting)
    assert float(fact(figure, "energy", setting)) == pytest.approx(best_mw * delay_s, rel=6e-3)


def test_power_readout_names_silence(figures):
    assert "Best: not to transmit; the upload arrives with probability 0.000" in figures["power"].said((24, 4))
    assert "Best: 200 mW" in figures["power"].said((0, 4))


@pytest.mark.parametrize("setting", [(0, 0), (2, 3), (4, 0), (4, 5)])
def test_shares_make_all_delays_equal(figures, setting):
    figure = figures["shares"]
    num_ues = int(number(figure, 0, setting))
    channel = wireless.Cell.draw(Scenario.corrected(num_ues=num_ues), 0).channel(setting[1])
    signal_w, noise_w = S.max_power_w * channel.gain, S.bandwidth_hz * S.noise_psd_w_per_hz

    def delay_s(share):
        return BITS / (S.bandwidth_hz * share * np.log2(1 + signal_w / (channel.interference_w + noise_w * share)))

    efficiency, share = (each[np.isfinite(each)] for each in curve(figure, "by Theorem 2", setting))
    common, _ = curve(figure, "by Theorem 2", setting, panel=1)[1]
    needs = share_for(channel, common)
    assert needs.sum() == pytest.approx(1.0)
    assert share == pytest.approx(np.sort(needs)[::-1], rel=1e-6)
    assert share * efficiency == pytest.approx(BITS / S.bandwidth_hz / common, rel=1e-6)
    assert curve(figure, "equal shares", setting)[1] == pytest.approx(1 / num_ues)
    equal = curve(figure, "equal shares", setting, panel=1)[1][:num_ues]
    assert equal == pytest.approx(delay_s(1 / num_ues)[np.argsort(-needs)])
    assert fact(figure, "slowest", setting) == f"{float(f'{equal.max():.3g}'):g}"


def share_for(channel, delay_s):
    """The share of each UE that ends after `delay_s`, by root finding."""
    noise_w = S.bandwidth_hz * S.noise_psd_w_per_hz

    def excess(share, gain, interference_w):
        sinr = S.max_power_w * gain / (interference_w + noise_w * share)
        return S.bandwidth_hz * share * math.log2(1 + sinr) * delay_s / BITS - 1

    links = zip(channel.gain, channel.interference_w, strict=True)
    return np.array([brentq(excess, 1e-9, 1.0, args=link, xtol=1e-14) for link in links])


@pytest.mark.parametrize("crowd", [0, 1, 2])
def test_search_halves_the_bracket_around_the_crossing(figures, crowd):
    figure = figures["search"]
    x, total = curve(figure, "sum of shares", (crowd, 0))
    assert (np.diff(total) < 0).all()
    assert np.exp(np.interp(0.0, -np.log(total), np.log(x))) == pytest.approx(1.0, abs=5e-3)
    (floor, _), _ = curve(figure, "floor: no bandwidth suffices", (crowd, 0))
    assert floor < x[0] < floor * 1.01

    last = len(figure.controls[1].values) - 1
    delays, totals = (each[np.isfinite(each)] for each in curve(figure, "Algorithm 1", (crowd, last)))
    low, high = 0.0, np.inf  # what the tries so far say about the right delay
    for tried, needed in zip(delays, totals, strict=True):
        assert low < tried < high
        low, high = (tried, high) if needed > 1 else (low, tried)
        assert np.interp(np.log(tried), np.log(x), np.log(total)) == pytest.approx(np.log(needed), abs=0.02)
    steps = np.abs(np.diff(delays))
    assert steps[1:] == pytest.approx(steps[:-1] / 2, rel=1e-6)
    assert abs(totals[-1] - 1) < 1e-3

    _, newton = curve(figure, "Newton's method", (crowd, last))
    assert abs(newton[np.isfinite(newton)][-1] - 1) < 1e-9
    for tries in (0, 4):
        shown = curve(figure, "Algorithm 1", (crowd, tries))[0]
        np.testing.assert_array_equal(shown[np.isfinite(shown)], delays[: tries + 1])
        off = curve(figure, "Algorithm 1", (crowd, tries), panel=1)[1]
        assert off[tries] == pytest.approx(abs(totals[tries] - 1))
        assert fact(figure, "bisection", (crowd, tries)) == f"{totals[tries]:.6f}"
    assert fact(figure, "stepped", (crowd, last)) == str(np.isfinite(newton).sum())


@pytest.mark.parametrize("setting", [(0, 1, 3), (2, 1, 1), (4, 0, 2), (4, 1, 3), (6, 2, 0)])
def test_debts_follow_their_definition(figures, setting):
    figure = figures["debt"]
    step, promised, module = (number(figure, i, setting) for i in range(3))
    dual, taken, owed = [0.0] * 4, [], []
    for _ in range(200):
        cost = [worth - debt for worth, debt in zip(GRADIENT, dual, strict=True)]
        best = min(range(4), key=lambda n: cost[n]) if min(cost) < 0 else None
        dual = [max(0.0, debt + step * (promised - (n == best))) for n, debt in enumerate(dual)]
        taken.append(best)
        owed.append(dual[int(module) - 1])
    rounds, shown = curve(figure, "dual of the module", setting)
    assert shown == pytest.approx(np.array(owed), abs=1e-12)
    assert curve(figure, "each module", setting, panel=1)[1] == pytest.approx(np.array(taken) + 1)
    dots = curve(figure, "the module above", setting, panel=1)[0]
    assert dots[np.isfinite(dots)] == pytest.approx(rounds[np.array(taken) == module - 1])
    assert fact(figure, "share", setting) == f"{100 * np.mean(np.array(taken) == module - 1):g} %"
    assert float(fact(figure, "owed", setting)) == pytest.approx(np.mean(owed[100:]), rel=6e-3, abs=1e-9)
    lacks = curve(figure, "by how much it is worse than the best", setting)[1]
    assert lacks == pytest.approx(GRADIENT[int(module) - 1] - min(GRADIENT))
