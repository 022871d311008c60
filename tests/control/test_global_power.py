"""Branch and bound for several modules against grids and the closed form, and the interior point that it replaces."""

import numpy as np
import pytest
from scipy.special import lambertw

from fedswitch.control import interior_point_power, optimal_power, optimal_power_in_field, optimal_power_several
from fedswitch.control.global_power import _Problem
from fedswitch.wireless._field import field_exponent


def several(count, modules, seed, alpha=3.8):
    """Random instances: attenuation, field and benefit (N, K), price (K,)."""
    rng = np.random.default_rng(seed)
    attenuation, benefit = 10 ** rng.uniform(-4, 1, (modules, count)), 10 ** rng.uniform(-1, 1, (modules, count))
    field = 10 ** rng.uniform(-5, 0.5, (modules, count)) * (rng.random((1, count)) < 0.7)
    return attenuation, field, benefit, benefit.sum(axis=0) * 10 ** rng.uniform(-2, 1.5, count)


def cost(power, attenuation, field, benefit, price, alpha=3.8):
    """The objective over `power` of shape (n,) for one UE."""
    watts = np.where(power > 0, power, 1.0)
    arrives = np.exp(-attenuation[:, None] / watts - field_exponent(field[:, None] * watts ** (-2 / alpha), alpha)) * (
        power > 0
    )
    return benefit @ (1 - arrives) + price * power


@pytest.mark.parametrize("modules", [1, 2, 4])
@pytest.mark.parametrize("alpha", [2.5, 3.8])
def test_no_power_on_a_fine_grid_is_better(modules, alpha):
    count = 100
    attenuation, field, benefit, price = several(count, modules, seed=modules)
    power = optimal_power_several(attenuation, field, benefit, price, path_loss_exponent=alpha, max_power_w=1.0)
    grid = np.concatenate([np.linspace(0, 1, 20_001), np.geomspace(1e-9, 1, 2000)])
    for k in range(count):
        instance = attenuation[:, k], field[:, k], benefit[:, k], price[k], alpha
        assert cost(power[[k]], *instance)[0] <= cost(grid, *instance).min() + 1e-9 * benefit[:, k].sum()
    assert (power == 0).any()
    assert (power > 0).any()


def test_one_module_is_the_solution_by_a_root():
    attenuation, field, benefit, price = (np.squeeze(part) for part in several(300, 1, seed=9))
    common = {"path_loss_exponent": 3.8, "max_power_w": 1.0}
    ours = optimal_power_several(attenuation[None], field[None], benefit[None], price, **common)
    root = optimal_power_in_field(attenuation, field, benefit, price, **common)
    for k in range(300):
        instance = attenuation[[k]], field[[k]], benefit[[k]], price[k]
        assert abs(cost(ours[[k]], *instance)[0] - cost(root[[k]], *instance)[0]) <= 1e-9 * benefit[k]


NEAR_AND_FAR = np.array([1e-4, 1.0])


def test_it_finds_the_deeper_of_two_minima():
    """A near module and a far one: a little power serves the first, a lot serves both."""

    def loss(power):
        return -np.expm1(-NEAR_AND_FAR[:, np.newaxis] / power).sum(axis=0)

    frugal, generous = (
        optimal_power_several(NEAR_AND_FAR[:, None], 0.0, 1.0, price, path_loss_exponent=3.8, max_power_w=10.0)[0]
        for price in (0.4, 0.1)
    )
    assert frugal < 0.1
    assert generous > 1.0
    # an interior point ends in the valley in which it starts, and there is one on either side
    ends = [interior_point_power(loss, 0.1, max_power_w=10.0, start_w=w) for w in (0.02, 5.0)]
    assert ends[0] < 0.2
    assert ends[1] == pytest.approx(generous, rel=1e-3)


def test_the_interior_point_is_caught_where_not_to_transmit_is_best():
    """kappa = 0.45, between 1/e and 4/e^2, for one module."""

    def loss(power):
        return -np.expm1(-1.0 / power)

    trapped = interior_point_power(loss, 0.45, max_power_w=10.0, start_w=5.0)
    assert trapped == pytest.approx(1.0 / (-2.0 * lambertw(-np.sqrt(0.45) / 2.0).real), rel=1e-3)
    assert loss(trapped) + 0.45 * trapped > 1.0
    assert optimal_power_several([[1.0]], 0.0, 1.0, 0.45, path_loss_exponent=3.8, max_power_w=10.0) == [0.0]


def test_a_least_power_has_to_be_kept():
    worthless = {"attenuation_w": np.ones((2, 3)), "field": 0.0, "benefit": 0.0, "path_loss_exponent": 3.8}
    power = optimal_power_several(**worthless, price_per_w=[0.5, 1.0, 2.0], max_power_w=1.0, min_power_w=0.01)
    np.testing.assert_allclose(power, 0.01)
    assert (optimal_power_several(**worthless, price_per_w=1.0, max_power_w=1.0) == 0.0).all()


def test_hopeless_modules_do_not_matter():
    attenuation = np.array([[np.inf, np.inf], [0.1, np.inf]])
    power = optimal_power_several(attenuation, 0.0, 1.0, 0.2, path_loss_exponent=3.8, max_power_w=1.0)
    assert power[0] == pytest.approx(optimal_power(0.1, 1.0, 0.2, max_power_w=1.0), rel=1e-3)
    assert power[1] == 0.0


def test_the_bound_is_one():
    """On random intervals, wide and narrow, it is never above the least value on a grid, and nearly touches it."""
    rng = np.random.default_rng(4)
    count = 600
    attenuation, field, benefit, price = several(count, 3, seed=8)
    problem = _Problem(attenuation, field, benefit, price, 3.8)
    low = rng.uniform(-9, 0, count)
    high = low + 10 ** rng.uniform(-3, 0.5, count)
    index = np.arange(count)
    bound, middle = problem.bound(index, low, high)
    values = np.array([problem(index, low + share * (high - low)) for share in np.linspace(0, 1, 200)])
    worst = benefit.sum(axis=0)
    assert (bound <= values.min(axis=0) + 1e-12 * worst).all()
    np.testing.assert_allclose(middle, problem(index, 0.5 * (low + high)))
    # to second order: on a tenth of the width the gap is a hundredth, where it is not lost in rounding
    wide, _ = problem.bound(index, middle * 0 - 2.0, middle * 0 - 1.9)
    narrow, _ = problem.bound(index, middle * 0 - 1.955, middle * 0 - 1.945)
    at_both = problem(index, middle * 0 - 1.95)
    slope = np.abs(problem(index, middle * 0 - 1.945) - problem(index, middle * 0 - 1.955))
    assert (at_both - narrow <= 0.52 * slope + 0.02 * (at_both - wide) + 1e-12 * worst).all()
    assert (at_both - wide >= 0).all()


def test_a_minimum_at_hardly_any_power_is_found():
    """A module that needs 1e-20 W, where each watt is very dear."""
    power = optimal_power_several([[1e-20]], 0.0, 1.0, 1e9, path_loss_exponent=3.8, max_power_w=0.2)
    assert power[0] == pytest.approx(optimal_power(1e-20, 1.0, 1e9, max_power_w=0.2), rel=1e-3)


def test_many_ues_are_taken_in_blocks():
    attenuation, field, benefit, price = several(5000, 2, seed=3)
    common = {"path_loss_exponent": 3.8, "max_power_w": 1.0}
    together = optimal_power_several(attenuation, field, benefit, price, **common)
    last = optimal_power_several(attenuation[:, -10:], field[:, -10:], benefit[:, -10:], price[-10:], **common)
    np.testing.assert_array_equal(together[-10:], last)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"benefit": -1.0}, "benefit must be"),
        ({"price_per_w": np.nan}, "price_per_w must be"),
        ({"max_power_w": 0.0}, "max_power_w must be"),
        ({"min_power_w": 2.0}, "min_power_w = 2 W exceeds max_power_w = 1 W"),
        ({"tolerance": 0.0}, "tolerance must be"),
        ({"price_per_w": [[1.0], [2.0]]}, r"price_per_w must have shape \(K,\) or be a number, got \(2, 1\)"),
        ({"max_power_w": [1.0, 2.0]}, "max_power_w, min_power_w and tolerance must be single numbers"),
        ({"attenuation_w": 1.0}, r"must give shape \(N, K\), got \(\)"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    arguments = {"attenuation_w": [[1.0]], "field": 0.0, "benefit": 1.0, "price_per_w": 1.0, "max_power_w": 1.0}
    with pytest.raises(ValueError, match=message):
        optimal_power_several(**{**arguments, **changes}, path_loss_exponent=3.8)


def test_an_interior_point_starts_inside():
    with pytest.raises(ValueError, match="start_w = 1 W must be below max_power_w = 1 W"):
        interior_point_power(lambda power: power, 1.0, max_power_w=1.0, start_w=1.0)
