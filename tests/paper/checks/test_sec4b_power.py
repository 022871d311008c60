"""Both sides of the checks of power control, computed another way."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

from fedswitch.paper.checks import (
    eq21_has_no_minimum,
    eq21_interior_point_is_trapped,
    eq21_silence_beats_what_is_too_weak,
    eq22_serves_the_wrong_modules,
    fig5_saving_depends_on_zeta1,
)


def test_the_printed_slope_is_the_price_of_power_at_every_power():
    found = eq21_has_no_minimum()
    assert (found.left, found.right) == (2.0, 0.0)


def test_the_interior_point_ends_in_the_local_minimum():
    inner = minimize_scalar(
        lambda power: 1 - math.exp(-0.02 / power) + 22.5 * power,
        bounds=(0.01, 0.06),
        method="bounded",
        options={"xatol": 1e-9},
    )
    found = eq21_interior_point_is_trapped()
    assert found.left == pytest.approx(inner.fun, rel=1e-4)
    assert found.right == 1.0  # silence
    assert f"{1e3 * inner.x:.1f} mW" in found.says


@pytest.mark.parametrize(("kappa", "attenuation_w"), [(0.1, 0.8), (0.1, 0.5), (0.3, 0.3), (0.3, 0.5)])
def test_below_the_break_even_power_silence_is_best(kappa, attenuation_w):
    def cost(power):
        return 1 - math.exp(-attenuation_w / power) + kappa / attenuation_w * power

    found = eq21_silence_beats_what_is_too_weak(kappa, attenuation_w)
    assert not found.refutes
    # an upload pays where its worth is its price; less power than that is wasted
    pays = brentq(lambda power: math.exp(-attenuation_w / power) - kappa / attenuation_w * power, 1e-3, attenuation_w)
    assert f"from {1e3 * pays:.3g} mW" in found.says
    least = min(map(cost, np.linspace(1e-3, 0.2, 100_000)))
    assert found.left == pytest.approx(min(1.0, least), abs=1e-6)
    assert (found.left == 1.0) == (pays > 0.2)


def test_the_slope_is_that_of_differences():
    def cost(power):
        received = 0.8 * math.exp(-0.02 / power)
        return (1 - received) + 1 + 2 * power  # the second module is not uploaded, and missed

    found = eq22_serves_the_wrong_modules()
    assert found.left == pytest.approx((cost(0.05 + 1e-6) - cost(0.05 - 1e-6)) / 2e-6, rel=1e-6)
    assert found.right == pytest.approx(2 - 0.2 / 0.05**2 * math.exp(-0.2 / 0.05))


def test_savings_go_from_all_to_none_with_the_worth_of_an_upload():
    assert fig5_saving_depends_on_zeta1((1.0, 1.0)).refutes is False
    found = fig5_saving_depends_on_zeta1((1.0, 1e9))
    assert found.left == 1.0  # nobody transmits
    assert 0.0 <= found.right < 0.05
    assert found.right < fig5_saving_depends_on_zeta1((1.0, 1e8)).right < found.left
