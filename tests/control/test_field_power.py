"""The power against the exact success probability: grids, the closed form without a field, and the rules behind it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedswitch.control import optimal_power, optimal_power_in_field, optimal_power_several
from fedswitch.wireless import interference_integral
from fedswitch.wireless._field import field_exponent

ALPHA = 3.8


def cost(power, attenuation, field, benefit, price, alpha=ALPHA):
    """The objective, by the tabulated exponent; at 0 nothing is sent."""
    watts = np.where(power > 0, power, 1.0)
    arrives = np.exp(-attenuation / watts - field_exponent(field * watts ** (-2 / alpha), alpha))
    return np.where(power > 0, benefit * (1 - arrives) + price * power, benefit)


def instances(count, seed=0):
    rng = np.random.default_rng(seed)
    attenuation, field = 10 ** rng.uniform(-6, 3, (2, count))
    benefit = 10 ** rng.uniform(-3, 3, count)
    return attenuation, field, benefit, benefit / 10 ** rng.uniform(-3, 3, count), 10 ** rng.uniform(-2, 2, count)


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [2.5, 3.8, 5.0])
def test_never_worse_than_a_fine_grid(alpha):
    count = 3400  # 10,200 for the three exponents together
    attenuation, field, benefit, price, limit = instances(count, seed=round(alpha * 10))
    power = optimal_power_in_field(attenuation, field, benefit, price, path_loss_exponent=alpha, max_power_w=limit)
    assert ((power >= 0) & (power <= limit)).all()
    assert 0.2 < (power == 0).mean() < 0.9
    ours = cost(power, attenuation, field, benefit, price, alpha)
    grid = np.concatenate([np.linspace(0, 1, 20_001)[1:], np.geomspace(1e-9, 1e-4, 500)])
    for k in range(count):
        best = cost(grid * limit[k], attenuation[k], field[k], benefit[k], price[k], alpha).min()
        assert ours[k] <= min(best, benefit[k]) + 1e-12 * benefit[k]


def test_without_interference_it_is_the_closed_form():
    attenuation, _, benefit, price, limit = instances(2000)
    np.testing.assert_allclose(
        optimal_power_in_field(attenuation, 0.0, benefit, price, path_loss_exponent=ALPHA, max_power_w=limit),
        optimal_power(attenuation, benefit, price, max_power_w=limit),
        rtol=1e-8,
    )


def test_the_logarithm_of_the_success_probability_is_concave_in_that_of_power():
    """On which everything rests: here by finite differences of the integral itself."""
    for alpha in (2.1, 3.0, 3.8, 6.0):
        log_s = np.linspace(-25, 8, 400)
        s = np.exp(log_s)
        exponent = s * interference_integral(2.4 * s, alpha)
        assert (np.diff(exponent, 2) > 0).all()  # convex in ln s, and ln s is linear in ln P


def test_the_price_and_the_marginal_benefit_meet():
    arguments = (0.01, 0.05, 1.0, 0.8)
    power = float(optimal_power_in_field(*arguments, path_loss_exponent=ALPHA, max_power_w=10.0))
    assert 0.05 < power < 5.0
    step = 1e-5 * power
    slope = (cost(power + step, *arguments) - cost(power - step, *arguments)) / (2 * step)
    assert abs(slope) < 1e-6


positive = st.floats(1e-3, 1e3)


@given(positive, positive, positive, positive)
def test_scaling_watts_or_worth_changes_nothing(attenuation, field, benefit, factor):
    def best(a, s, b, p, limit):
        return optimal_power_in_field(a, s, b, p, path_loss_exponent=ALPHA, max_power_w=limit)

    power = best(attenuation, field, benefit, 1.0, 50.0)
    louder = best(factor * attenuation, factor ** (2 / ALPHA) * field, benefit, 1.0 / factor, 50.0 * factor)
    assert louder == pytest.approx(factor * power, rel=1e-6, abs=0.0)
    assert best(attenuation, field, factor * benefit, factor, 50.0) == pytest.approx(power, rel=1e-6, abs=0.0)


def test_limits():
    def best(attenuation=0.01, field=0.1, benefit=1.0, price=1.0, limit=0.2):
        return optimal_power_in_field(attenuation, field, benefit, price, path_loss_exponent=ALPHA, max_power_w=limit)

    assert best(price=0.0) == 0.2  # free
    assert best(benefit=0.0) == 0.0  # worthless
    assert best(attenuation=np.inf) == 0.0  # hopeless
    assert best(price=1e9) == 0.0  # too dear
    assert best(benefit=1e9) == 0.2
    assert best(attenuation=np.full((2, 3), 0.01), benefit=np.ones(3)).shape == (2, 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [("attenuation_w", 0.0), ("field", -1.0), ("benefit", np.nan), ("price_per_w", np.inf), ("max_power_w", 0.0)],
)
def test_bad_arguments_are_named(name, value):
    arguments = {"attenuation_w": 1.0, "field": 1.0, "benefit": 1.0, "price_per_w": 1.0, "max_power_w": 1.0}
    with pytest.raises(ValueError, match=f"{name} must be"):
        optimal_power_in_field(**{**arguments, name: value}, path_loss_exponent=ALPHA)


@pytest.mark.parametrize(("alpha", "message"), [([3.0, 4.0], "must be a single number"), (2.0, "must be above 2")])
def test_a_path_loss_exponent_is_one_number_above_2(alpha, message):
    with pytest.raises(ValueError, match=f"path_loss_exponent {message}"):
        optimal_power_in_field(1.0, 1.0, 1.0, 1.0, path_loss_exponent=alpha, max_power_w=1.0)
    with pytest.raises(ValueError, match=f"path_loss_exponent {message}"):
        optimal_power_several([[1.0]], 1.0, 1.0, 1.0, path_loss_exponent=alpha, max_power_w=1.0)
