import itertools

import numpy as np
import pytest
from scipy import integrate, stats

from fedswitch.wireless import interferer_distances_m, ue_distances_m

DENSITY = 3e-5
RADIUS_M = 1 / np.sqrt(np.pi * DENSITY)


def interferer_density(distance_m):
    """Points per meter of distance, from the intensity phi (1 - exp(-(12/5) pi phi r^2)) on a circle of radius r."""
    return 2 * np.pi * distance_m * DENSITY * (1 - np.exp(-2.4 * np.pi * DENSITY * distance_m**2))


def mean_count(inner_m, outer_m):
    return integrate.quad(interferer_density, inner_m, outer_m, epsabs=1e-12)[0]


def test_ues_are_uniform_in_the_ring():
    distance = ue_distances_m(20_000, min_distance_m=30.0, cell_radius_m=103.0, rng=np.random.default_rng(1))
    assert distance.shape == (20_000,)
    assert distance.min() >= 30.0
    assert distance.max() <= 103.0
    inner_area_share = (distance**2 - 30.0**2) / (103.0**2 - 30.0**2)
    assert stats.kstest(inner_area_share, "uniform").pvalue > 0.01


def test_interferers_have_the_intensity_of_the_model():
    rows = 20_000
    distance = interferer_distances_m(
        rows, base_station_density_per_m2=DENSITY, rng=np.random.default_rng(2), extent_radii=4.0
    )
    present = distance[np.isfinite(distance)]
    edges = RADIUS_M * np.array([0.0, 0.3, 0.6, 1.0, 1.5, 2.5, 4.0])
    counts = np.histogram(present, edges)[0]
    assert counts.sum() == present.size
    expected = rows * np.array([mean_count(*pair) for pair in itertools.pairwise(edges)])
    # a Poisson count has its mean as variance
    assert np.abs((counts - expected) / np.sqrt(expected)).max() < 3.5


def test_interferers_are_a_poisson_field_and_independent_between_ues():
    distance = interferer_distances_m(
        20_000, base_station_density_per_m2=DENSITY, rng=np.random.default_rng(3), extent_radii=2.0
    )
    inner = (distance < 1.2 * RADIUS_M).sum(axis=1)
    outer = np.isfinite(distance).sum(axis=1) - inner
    for count in (inner, outer):
        # standard error of the dispersion index of n Poisson counts: sqrt(2 / n)
        assert count.var() / count.mean() == pytest.approx(1.0, abs=4 * np.sqrt(2 / count.size))
    tolerance = 4 / np.sqrt(inner.size)
    assert abs(np.corrcoef(inner, outer)[0, 1]) < tolerance
    assert abs(np.corrcoef(inner[:-1], inner[1:])[0, 1]) < tolerance


def test_the_field_scales_with_the_cell():
    near, far = (
        interferer_distances_m(50, base_station_density_per_m2=density, rng=np.random.default_rng(4))
        for density in (DENSITY, DENSITY / 100)
    )
    np.testing.assert_allclose(far, 10 * near)


def test_no_ue_and_no_interferer_leave_empty_rows():
    rng = np.random.default_rng(5)
    assert interferer_distances_m(0, base_station_density_per_m2=DENSITY, rng=rng).shape == (0, 0)
    lonely = interferer_distances_m(7, base_station_density_per_m2=DENSITY, rng=rng, extent_radii=1e-4)
    assert lonely.shape[0] == 7
    assert not np.isfinite(lonely).any()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"min_distance_m": 0.0}, "min_distance_m must be positive"),
        ({"cell_radius_m": np.nan}, "cell_radius_m must be positive"),
        ({"min_distance_m": 200.0}, "min_distance_m = 200 exceeds cell_radius_m = 100"),
    ],
)
def test_impossible_rings_are_refused(changes, named):
    arguments = {"min_distance_m": 5.0, "cell_radius_m": 100.0, **changes}
    with pytest.raises(ValueError, match=named):
        ue_distances_m(3, rng=np.random.default_rng(0), **arguments)


@pytest.mark.parametrize("name", ["base_station_density_per_m2", "extent_radii"])
def test_impossible_fields_are_refused(name):
    arguments = {"base_station_density_per_m2": DENSITY, "extent_radii": 3.0, name: -1.0}
    with pytest.raises(ValueError, match=f"{name} must be positive"):
        interferer_distances_m(3, rng=np.random.default_rng(0), **arguments)
