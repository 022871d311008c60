"""How bandwidth is shared and found, against root finding and halving by hand."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from sliders import check_data, curve, fact, number

from fedswitch import Scenario, wireless
from fedswitch.figures.dividing import CROWDS, search_figure, shares_figure

S = Scenario.corrected()
BITS = 9.4e6


@pytest.fixture(scope="module")
def figures():
    return {
        "shares": shares_figure(S, BITS),
        "search": search_figure(S, BITS),
    }


@pytest.mark.parametrize("name", ["shares", "search"])
def test_data_are_finite_and_light(figures, name):
    check_data(figures[name])


@pytest.mark.parametrize("setting", [(0, 0), (15, 1), (len(CROWDS) - 1, 0), (len(CROWDS) - 1, 2)])
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


@pytest.mark.parametrize("crowd", [0, 20, len(CROWDS) - 1])
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
        if needed < 1e9:  # where no bandwidth suffices, it stands far above
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
