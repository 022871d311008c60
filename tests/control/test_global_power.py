"""Branch and bound for several modules against grids and the closed form, and the interior point that it replaces."""

import numpy as np
import pytest
from scipy.special import lambertw

from fedswitch.control import interior_point_power, optimal_power, optimal_power_several


def several(count, modules, seed):
    """Random instances: attenuation and benefit (N, K), price (K,), and their loss."""
    rng = np.random.default_rng(seed)
    attenuation = 10 ** rng.uniform(-4, 1, (modules, count))
    benefit = 10 ** rng.uniform(-1, 1, (modules, count))
    price = benefit.sum(axis=0) * 10 ** rng.uniform(-2, 1.5, count)

    def loss(index, power):
        return (benefit[:, index] * -np.expm1(-attenuation[:, index] / power)).sum(axis=0)

    return attenuation, benefit, price, loss


@pytest.mark.parametrize("modules", [1, 2, 4])
def test_no_power_on_a_fine_grid_is_better(modules):
    count = 150
    _, benefit, price, loss = several(count, modules, seed=modules)
    worst = benefit.sum(axis=0)
    power = optimal_power_several(loss, worst, price, max_power_w=1.0)
    everyone = np.arange(count)
    ours = np.where(power > 0, loss(everyone, np.where(power > 0, power, 1.0)) + price * power, worst)
    grid = np.concatenate([np.linspace(0, 1, 20_001)[1:], np.geomspace(1e-9, 1, 2000)])
    for k in everyone:
        found = (loss(np.full(grid.size, k), grid) + price[k] * grid).min()
        assert ours[k] <= min(found, worst[k]) + 1e-6 * worst[k]
    assert (power == 0).any()
    assert (power > 0).any()


def test_one_module_is_the_closed_form():
    attenuation, benefit, price, loss = several(300, 1, seed=9)
    np.testing.assert_allclose(
        optimal_power_several(loss, benefit[0], price, max_power_w=1.0),
        optimal_power(attenuation[0], benefit[0], price, max_power_w=1.0),
        rtol=1e-5,
    )


def test_it_finds_the_deeper_of_two_minima():
    """A near module and a far one: a little power serves the first, a lot serves both."""
    attenuation, benefit = np.array([1e-4, 1.0]), np.array([1.0, 1.0])

    def loss(index, power):
        return benefit @ -np.expm1(-attenuation[:, np.newaxis] / power)

    frugal, generous = (optimal_power_several(loss, 2.0, price, max_power_w=10.0)[0] for price in (0.4, 0.1))
    assert frugal < 0.1
    assert generous > 1.0
    # an interior point ends in the valley in which it starts, and there is one on either side
    ends = [interior_point_power(loss, 0.1, max_power_w=10.0, start_w=w)[0] for w in (0.02, 5.0)]
    assert ends[0] < 0.2
    assert ends[1] == pytest.approx(generous, rel=1e-3)


def test_the_interior_point_is_caught_where_not_to_transmit_is_best():
    """kappa = 0.45, between 1/e and 4/e^2, for one module."""

    def loss(index, power):
        return -np.expm1(-1.0 / power)

    trapped = interior_point_power(loss, 0.45, max_power_w=10.0, start_w=5.0)
    assert trapped[0] == pytest.approx(1.0 / (-2.0 * lambertw(-np.sqrt(0.45) / 2.0).real), rel=1e-3)
    assert loss(0, trapped[0]) + 0.45 * trapped[0] > 1.0
    assert optimal_power_several(loss, 1.0, 0.45, max_power_w=10.0) == [0.0]


def test_a_least_power_has_to_be_kept():
    def worthless(index, power):
        return np.ones(index.size)

    power = optimal_power_several(worthless, np.ones(3), [0.0, 1.0, 2.0], max_power_w=1.0, min_power_w=0.01)
    np.testing.assert_allclose(power[1:], 0.01)
    assert 0.01 <= power[0] <= 1.0
    assert (optimal_power_several(worthless, np.ones(3), np.ones(3), max_power_w=1.0) == 0.0).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss_without": -1.0}, "loss_without must be"),
        ({"price_per_w": np.nan}, "price_per_w must be"),
        ({"max_power_w": 0.0}, "max_power_w must be"),
        ({"min_power_w": 2.0}, "min_power_w = 2 W exceeds max_power_w = 1 W"),
        ({"tolerance": 0.0}, "tolerance must be"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    arguments = {"loss_without": 1.0, "price_per_w": 1.0, "max_power_w": 1.0, **changes}
    with pytest.raises(ValueError, match=message):
        optimal_power_several(lambda index, power: power, **arguments)
