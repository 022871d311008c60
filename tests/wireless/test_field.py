"""The tabulated exponent of the interference field against the integral that it tabulates."""

import numpy as np
import pytest

from fedswitch.wireless import interference_integral
from fedswitch.wireless._field import field_elasticities, field_exponent
from fedswitch.wireless.geometry import EXCLUSION_RATE


def exponent(s, alpha):
    return s * interference_integral(EXCLUSION_RATE * s, alpha)


@pytest.mark.parametrize("alpha", [2.05, 2.5, 3.8, 4.0, 6.0])
def test_the_table_is_the_integral(alpha):
    s = np.exp(np.random.default_rng(0).uniform(-30, 20, 5000))
    expected = exponent(s, alpha)
    seen = expected > 1e-15
    np.testing.assert_allclose(field_exponent(s, alpha)[seen], expected[seen], rtol=1e-9)


@pytest.mark.parametrize("alpha", [2.5, 3.8, 6.0])
def test_the_derivatives_are_those_of_the_integral(alpha):
    s = np.exp(np.random.default_rng(1).uniform(-15, 10, 500))
    step = 1e-3
    low, middle, high = (exponent(s * np.exp(shift), alpha) for shift in (-step, 0.0, step))
    value, first, second = field_elasticities(s, alpha)
    np.testing.assert_allclose(value, middle, rtol=1e-9)
    np.testing.assert_allclose(first, (high - low) / (2 * step), rtol=1e-5)
    np.testing.assert_allclose(second, (high - 2 * middle + low) / step**2, rtol=1e-4)


def test_no_field_and_one_that_lets_nothing_through():
    assert field_exponent(np.zeros((2, 3)), 3.8).tolist() == [[0.0] * 3] * 2
    assert np.exp(-field_exponent(np.array(1e300), 3.8)) == 0.0
    assert field_exponent(np.array(1e-300), 3.8) < 1e-15
