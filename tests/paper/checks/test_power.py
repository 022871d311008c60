"""Both sides of the checks of power control, computed another way."""

import math

import pytest
from scipy.optimize import minimize_scalar

from fedswitch.paper.checks import (
    eq21_has_no_minimum,
    eq21_interior_point_is_trapped,
    eq22_serves_the_wrong_modules,
    fig5_saving_depends_on_zeta1,
)


def test_the_printed_slope_is_the_price_of_power_at_every_power():
    found = eq21_has_no_minimum()
    assert (found.left, found.right) == (2.0, 0.0)


def test_the_interior_point_ends_in_the_local_minimum():
    inner = minimize_scalar(lambda power: 1 - math.exp(-1 / power) + 0.45 * power, bounds=(0.5, 3.0), method="bounded")
    found = eq21_interior_point_is_trapped()
    assert found.left == pytest.approx(inner.fun, rel=1e-4)
    assert found.right == 1.0  # silence
    assert f"{inner.x:.2g} W" in found.instance


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
