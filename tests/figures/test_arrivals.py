"""Who is received, and the power that it deserves, against quadrature and a fine grid."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from sliders import check_data, curve, fact, number

from fedswitch import Scenario, wireless
from fedswitch.control import reception_benefit, share_bandwidth
from fedswitch.figures.arrivals import fading_figure, missed_figure, power_figure, success_figure
from fedswitch.theory import missed_data, ue_constants

S = Scenario.corrected()
BITS = 9.4e6


@pytest.fixture(scope="module")
def figures():
    return {
        "missed": missed_figure(),
        "fading": fading_figure(S),
        "success": success_figure(S),
        "power": power_figure(S, BITS),
    }


@pytest.mark.parametrize("name", ["missed", "fading", "success", "power"])
def test_data_are_finite_and_light(figures, name):
    check_data(figures[name])


@pytest.mark.parametrize("place", [0, 4, 17, 40])
def test_what_a_subscription_saves_is_that_of_both_forms_of_the_bound(figures, place):
    """As printed from B of (8), which has twice the share in question; as it holds by counting receptions."""
    figure, constants = figures["missed"], {"smoothness": 1.0, "strong_convexity": 0.1, "zeta1": 0.5, "zeta2": 0.1}
    success = number(figure, 0, (place,)) / 100
    _, offset = ue_constants([0, 1], success, num_ues=3, form="printed", **constants)
    ends = {
        "saved, as printed": (offset - 3) / 2,
        "saved, in truth": [missed_data([1.0], [[beta]], [[success]]).mean[0] for beta in (0, 1)],
    }
    for panel, (label, missed) in enumerate(ends.items()):
        x, y = curve(figure, label, (place,), panel)
        assert x == pytest.approx([success, success])
        assert y == pytest.approx(missed)
        for line, level in zip(("UE stays out", "UE subscribes"), missed, strict=True):
            at, height = curve(figure, line, (place,), panel)
            assert np.interp(success, at, height) == pytest.approx(level)
    assert fact(figure, "printed", (place,)) == f"{float(f'{100 - 100 * success:.3g}'):g} %"
    assert fact(figure, "holds", (place,)) == fact(figure, "through", (place,))


@pytest.mark.parametrize("place", [0, 20, 40])
def test_fading_shows_the_rounds_of_a_cell_of_one_ue(figures, place):
    figure, cell = figures["fading"], wireless.Cell.draw(replace(S, num_ues=1), 0)
    distance = number(figure, 0, (place,))
    noise_w = S.bandwidth_hz / S.num_ues * S.noise_psd_w_per_hz
    shown = [curve(figure, label, (place,))[1] for label in ("received", "lost")]
    for t in (0, 7, 47):
        channel = cell.channel(t)
        signal_w = S.max_power_w * channel.gain[0] * (cell.distance_m[0] / distance) ** S.path_loss_exponent
        sinr_db = 10 * math.log10(signal_w / (channel.interference_w[0] + noise_w))
        received = sinr_db >= 10 * math.log10(S.sinr_threshold)
        assert shown[not received][t] == pytest.approx(sinr_db, abs=0.05)
        assert math.isnan(shown[received][t])
    assert fact(figure, "received", (place,)) == str(np.isfinite(shown[0]).sum())
    assert np.isfinite(shown[0]).sum() + np.isfinite(shown[1]).sum() == 48


def test_how_often_an_upload_arrives_is_by_the_distance_as_in_the_figure_of_15(figures):
    at, arrives = curve(figures["fading"], "by the formula", (0,), panel=1)
    for distance, share in zip(at[::8], arrives[::8], strict=True):
        noise_w = S.bandwidth_hz / S.num_ues * S.noise_psd_w_per_hz
        mean_w = S.max_power_w * S.reference_gain * distance**-S.path_loss_exponent
        exponent = S.sinr_threshold * noise_w / mean_w + field(
            distance, S.sinr_threshold, S.interferer_power_w / S.max_power_w
        )
        assert share == pytest.approx(math.exp(-exponent), abs=2e-3)
    x, y = curve(figures["fading"], "this phone", (24,), panel=1)
    assert y == pytest.approx(np.interp(x, at, arrives))


# (15) by quadrature over distances of interferers, and by quadrature of the printed integral


def field(distance_m, threshold, power_ratio):
    """The exponent of (15) that is due to interferers of `power_ratio` times the UE's power."""

    def lost(r):
        u = threshold * power_ratio * (distance_m / r) ** S.path_loss_exponent
        density = S.base_station_density_per_m2 * -math.expm1(-12 / 5 * math.pi * S.base_station_density_per_m2 * r * r)
        return u / (1 + u) * density * 2 * math.pi * r

    return sum(quad(lost, *ends, limit=200)[0] for ends in ((0, 100), (100, 1e3), (1e3, 1e4), (1e4, 1e6)))


@pytest.mark.parametrize(
    "setting", [(0, 20, 40, 0), (30, 10, 20, 15), (40, 20, 40, 40), (40, 40, 40, 15), (36, 30, 0, 9)]
)
def test_success_curves_are_the_formulas(figures, setting):
    figure = figures["success"]
    alpha = S.path_loss_exponent
    distance = 100 / 10 ** ((40 - setting[0]) / 10 / alpha)  # one dB of path loss a step
    share, watts = 10 ** ((setting[1] - 40) / 10), S.max_power_w * 10 ** ((setting[2] - 40) / 10)
    for i, exactly in enumerate((distance, share, 1e3 * watts)):
        assert number(figure, i, setting) == pytest.approx(exactly, rel=0.05)
    noise_w = S.bandwidth_hz * share * S.noise_psd_w_per_hz
    phi = S.base_station_density_per_m2
    threshold_db, exact = curve(figure, "exact", setting)
    for place in (0, 8, 15, 30, -1):
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


def test_success_readout_and_mark_are_the_curve_at_the_threshold_of_the_slider(figures):
    figure = figures["success"]
    for setting in ((40, 20, 40, 15), (20, 30, 10, 3)):
        for name, label in {"exact": "exact", "noise": "exact, noise alone", "printed": "as printed"}.items():
            assert fact(figure, name, setting) == f"{curve(figure, label, setting)[1][setting[3]]:.3f}"
        marked = [values[0] for values in curve(figure, "this upload", setting)]
        assert marked == pytest.approx([values[setting[3]] for values in curve(figure, "exact", setting)])
    assert "At θ = \N{MINUS SIGN}5 dB" in figure.said(figure.start)


@pytest.mark.parametrize("setting", [(0, 0), (13, 10), (27, 20), (27, 40), (33, 40), (40, 20), (40, 40)])
def test_stars_of_power_are_global_minima(figures, setting):
    figure = figures["power"]
    weight, distance = (number(figure, i, setting) for i in range(2))
    weight = float(np.geomspace(1e-4, 1e-1, 41)[np.argmin(abs(np.geomspace(1e-4, 1e-1, 41) - weight))])
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
    assert "Best: not to transmit; the upload arrives with probability 0.000" in figures["power"].said((40, 40))
    assert "Best: 200 mW" in figures["power"].said((0, 40))
