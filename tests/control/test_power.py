import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from fedswitch.control import optimal_power, power_gradient


def cost(power, attenuation, benefit, price):
    """The objective; at 0 nothing is sent, and nothing is gained."""
    with np.errstate(divide="ignore", over="ignore"):
        return benefit * -np.expm1(-attenuation / power) + price * power


def best_on_grid(attenuation, benefit, price, limit, points=20_001):
    grid = np.linspace(0.0, 1.0, points) * limit
    return min(float(cost(grid, attenuation, benefit, price).min()), benefit)


def test_never_worse_than_a_fine_grid():
    """10,000 instances, kappa over ten decades and often close to 1/e and 4/e^2, where the solution changes kind."""
    rng = np.random.default_rng(21)
    count = 10_000
    kappa = 10 ** rng.uniform(-8, 2, count)
    kappa[:2000] = np.exp(-1) * (1 + rng.normal(scale=1e-3, size=2000))
    kappa[2000:3000] = 4 * np.exp(-2) * (1 + rng.normal(scale=1e-6, size=1000))
    kappa[3000:3010] = np.exp(-1)
    kappa[3010:3020] = 4 * np.exp(-2)
    attenuation, benefit, limit = 10 ** rng.uniform(-4, 2, (3, count))
    price = kappa * benefit / attenuation
    power = optimal_power(attenuation, benefit, price, max_power_w=limit)
    assert ((power >= 0) & (power <= limit)).all()
    for index in range(count):
        instance = attenuation[index], benefit[index], price[index]
        ours = cost(power[index], *instance) if power[index] > 0 else benefit[index]
        assert ours <= best_on_grid(*instance, limit[index]) * (1 + 1e-12)


@pytest.mark.parametrize("kappa", [1e-6, 1e-3, 0.1, 0.3, 0.36])
def test_an_inner_solution_is_a_stationary_point(kappa):
    attenuation, benefit = 0.02, 5.0
    price = kappa * benefit / attenuation
    power = optimal_power(attenuation, benefit, price, max_power_w=1e6)
    slope = price - benefit * attenuation / power**2 * np.exp(-attenuation / power)
    assert abs(slope) < 1e-9 * price
    found = minimize_scalar(
        lambda p: cost(p, attenuation, benefit, price), bounds=(power / 3, power * 3), method="bounded"
    )
    assert found.fun == pytest.approx(float(cost(power, attenuation, benefit, price)), rel=1e-9)


def test_between_1_over_e_and_4_over_e2_the_inner_stationary_point_is_a_trap():
    attenuation, benefit, limit = 1.0, 1.0, 10.0
    price = 0.45
    found = minimize_scalar(lambda p: cost(p, attenuation, benefit, price), bounds=(0.6, 3.0), method="bounded")
    assert 0.7 < found.x < 2.9  # a walk downhill stops here
    assert found.fun > benefit  # but not to transmit is better
    assert optimal_power(attenuation, benefit, price, max_power_w=limit) == 0.0


def test_free_power_is_used_and_a_worthless_upload_is_not_sent():
    assert optimal_power(1.0, 2.0, 0.0, max_power_w=0.2) == 0.2
    assert optimal_power(1.0, 0.0, 0.0, max_power_w=0.2) == 0.0
    assert optimal_power(1.0, 0.0, 1.0, max_power_w=0.2) == 0.0


def test_too_little_power_to_be_heard_is_not_spent():
    # kappa = 1e-3 would transmit with about 30 W; at 0.1 W nothing arrives
    assert optimal_power(1.0, 1.0, 1e-3, max_power_w=100.0) > 10.0
    assert optimal_power(1.0, 1.0, 1e-3, max_power_w=0.1) == 0.0


positive = st.floats(1e-3, 1e3)


@given(positive, positive, positive, positive, positive)
def test_the_unit_of_power_and_of_the_objective_do_not_matter(attenuation, benefit, price, limit, unit):
    power = optimal_power(attenuation, benefit, price, max_power_w=limit)
    in_unit = optimal_power(attenuation * unit, benefit, price / unit, max_power_w=limit * unit)
    scaled = optimal_power(attenuation, benefit * unit, price * unit, max_power_w=limit)
    kappa = price * attenuation / benefit
    if abs(kappa * np.e - 1) > 1e-9:
        assert in_unit == pytest.approx(power * unit, rel=1e-6) or cost_is_equal(attenuation, benefit, price, limit)
        assert scaled == pytest.approx(power, rel=1e-6) or cost_is_equal(attenuation, benefit, price, limit)


def cost_is_equal(attenuation, benefit, price, limit):
    """Whether sending with the largest power and not sending cost the same, up to rounding."""
    return cost(limit, attenuation, benefit, price) == pytest.approx(benefit, rel=1e-9)


@given(positive, positive, positive, positive, st.floats(1.0, 10.0))
def test_a_higher_price_never_raises_the_power(attenuation, benefit, price, limit, factor):
    cheap = optimal_power(attenuation, benefit, price, max_power_w=limit)
    assert optimal_power(attenuation, benefit, price * factor, max_power_w=limit) <= cheap * (1 + 1e-12)


def test_arguments_broadcast():
    power = optimal_power([[1e-3], [1e-2]], 1.0, [0.0, 1.0, 10.0], max_power_w=0.2)
    assert power.shape == (2, 3)
    assert power[1, 2] == optimal_power(1e-2, 1.0, 10.0, max_power_w=0.2)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((0.0, 1.0, 1.0, 1.0), "attenuation_w"),
        ((1.0, -1.0, 1.0, 1.0), "benefit"),
        ((1.0, 1.0, np.nan, 1.0), "price_per_w"),
        ((1.0, 1.0, 1.0, 0.0), "max_power_w"),
    ],
)
def test_bad_arguments_are_named(arguments, name):
    *rest, limit = arguments
    with pytest.raises(ValueError, match=name):
        optimal_power(*rest, max_power_w=limit)


# The gradient (22)

INSTANCE = {
    "attenuation_w": np.array([[0.02, 0.3], [0.05, 0.1]]),
    "benefit": np.array([[1.0, 2.0], [3.0, 0.5]]),
    "price_per_w": np.array([0.7, 0.2]),
    "interference_factor": np.array([[0.9, 0.6], [0.8, 0.3]]),
}


def expected_cost(power, subscription, served):
    """(14) written out: what is charged for missed modules, `served` telling which power can save, and the energy."""
    arrives = INSTANCE["interference_factor"] * np.exp(-INSTANCE["attenuation_w"] / power)
    return (INSTANCE["benefit"] * (1 - served * arrives)).sum(axis=0) + INSTANCE[
        "price_per_w"
    ] * power * subscription.sum(axis=0)


@pytest.mark.parametrize("subscription", [[[1, 0], [0, 1]], [[1, 1], [1, 1]], [[0, 0], [0, 0]]])
def test_the_corrected_gradient_is_the_slope_of_the_cost(subscription):
    subscription = np.array(subscription)
    power, step = np.array([0.11, 0.07]), 1e-7
    slope = expected_cost(power + step, subscription, subscription) - expected_cost(
        power - step, subscription, subscription
    )
    np.testing.assert_allclose(
        power_gradient(power, subscription=subscription, **INSTANCE), slope / (2 * step), rtol=1e-6
    )


def test_the_printed_gradient_serves_the_modules_that_are_not_uploaded():
    """And it is the slope of the printed (14) only where interference does not matter: (22) leaves it out."""
    subscription = np.array([[1, 0], [0, 1]])
    power, step = np.array([0.11, 0.07]), 1e-7
    slope = expected_cost(power + step, subscription, 1 - subscription) - expected_cost(
        power - step, subscription, 1 - subscription
    )
    printed = power_gradient(power, subscription=subscription, form="printed", **INSTANCE)
    assert (printed < slope / (2 * step) - 0.1).all()
    # a UE that uploads everything gains nothing from power as printed
    everything = power_gradient(power, subscription=np.ones((2, 2)), form="printed", **INSTANCE)
    np.testing.assert_array_equal(everything, 2 * INSTANCE["price_per_w"])


def test_bad_arguments_of_the_gradient_are_named():
    with pytest.raises(ValueError, match="form must be one of printed, corrected, got 'exact'"):
        power_gradient([0.1, 0.1], subscription=np.ones((2, 2)), form="exact", **INSTANCE)
    with pytest.raises(ValueError, match="power_w must be positive"):
        power_gradient([0.0, 0.1], subscription=np.ones((2, 2)), **INSTANCE)
    with pytest.raises(ValueError, match=r"subscription must have shape \(..., N, K\)"):
        power_gradient(0.1, 0.1, 1.0, 1.0, 1.0)
