"""The network of Voronoi cells, by brute force, and how well the Poisson fields of `outage` stand for it."""

import numpy as np
import pytest
from scipy import stats

from fedswitch import Scenario
from fedswitch.units import db_to_ratio
from fedswitch.wireless import success_probability, voronoi_link_distances_m
from fedswitch.wireless.voronoi import ue_in_each_cell

SCENARIO = Scenario.corrected()
DENSITY = SCENARIO.base_station_density_per_m2
RADIUS_M = 1 / np.sqrt(np.pi * DENSITY)
NETWORKS = 1500


@pytest.fixture(scope="module")
def links_m():
    return voronoi_link_distances_m(NETWORKS, base_station_density_per_m2=DENSITY, rng=np.random.default_rng(21))


@pytest.fixture(scope="module")
def networks_m(links_m):
    return links_m[0]


def nearest(points, gnb_xy):
    return np.hypot(*(points[:, np.newaxis] - gnb_xy).T).T.argmin(axis=1)


def test_each_ue_lies_in_the_cell_of_its_gnb():
    rng = np.random.default_rng(0)
    gnb_xy = rng.uniform(-3.0, 5.0, (60, 2))
    served = 0
    for _ in range(50):
        ue_xy = ue_in_each_cell(gnb_xy, rng)
        ended = np.isfinite(ue_xy).all(axis=1)
        np.testing.assert_array_equal(nearest(ue_xy[ended], gnb_xy), np.flatnonzero(ended))
        served += ended.sum()
    assert served > 50 * 35


def test_a_ue_is_uniform_in_its_cell():
    # a cell without symmetry: its share in boxes against points thrown at random, as many as land in it
    gnb_xy = np.array([[0.0, 0.0], [1.0, 0.2], [-0.3, 1.6], [-2.0, -0.4], [0.5, -1.1], [1.4, 1.9], [-1.2, -2.5]])
    rng = np.random.default_rng(3)
    drawn = np.array([ue_in_each_cell(gnb_xy, rng)[0] for _ in range(4000)])
    thrown = rng.uniform(-2.5, 2.5, (200_000, 2))
    thrown = thrown[nearest(thrown, gnb_xy) == 0]
    assert np.isfinite(drawn).all()
    for direction in ([1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [0.8, -0.6]):
        assert stats.ks_2samp(drawn @ direction, thrown @ direction).pvalue > 0.01
    edges = {"bins": 5, "range": [[-1.0, 0.7], [-0.8, 1.0]]}
    boxes = [np.histogram2d(*points.T, **edges)[0].ravel() for points in (drawn, thrown)]
    filled = boxes[1] > 100
    assert stats.chi2_contingency([box[filled] for box in boxes]).pvalue > 0.01


def test_cells_without_end_have_no_ue():
    rng = np.random.default_rng(1)
    square = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [0.0, 0.0]])
    for gnb_xy, ended in ((square, [4]), (square[:4] * [[1.0, 1.1]], []), (square[:3], []), (square[:1], [])):
        np.testing.assert_array_equal(np.flatnonzero(np.isfinite(ue_in_each_cell(gnb_xy, rng)).all(axis=1)), ended)


@pytest.mark.slow
def test_far_out_ues_are_as_dense_as_gnbs_and_near_the_gnb_rare(networks_m):
    area = (networks_m[np.isfinite(networks_m)] / RADIUS_M) ** 2
    assert area.max() <= 100.0
    for inner, outer in ((4.0, 36.0), (36.0, 81.0), (81.0, 100.0)):
        # a count of UEs varies less than that of a Poisson process
        error = np.sqrt((outer - inner) / NETWORKS)
        assert abs(((area > inner) & (area <= outer)).sum() / NETWORKS - (outer - inner)) < 4 * error
    # near the gNB the density is nearly that of (15), integrated here over half a mean cell area
    expected = 0.5 - (1 - np.exp(-2.4 * 0.5)) / 2.4
    count = (area <= 0.5).sum()
    assert expected * NETWORKS == pytest.approx(count, rel=0.1)
    assert count < 0.5 * 0.5 * NETWORKS


@pytest.mark.slow
def test_rows_are_filled_up_with_infinity(networks_m):
    assert networks_m.shape[0] == NETWORKS
    counts = np.isfinite(networks_m).sum(axis=1)
    assert counts.max() == networks_m.shape[1]
    for row, count in zip(networks_m, counts, strict=True):
        assert np.isinf(row[count:]).all()


def test_the_network_scales_with_the_cell():
    near, far = (
        np.array(voronoi_link_distances_m(3, base_station_density_per_m2=density, rng=np.random.default_rng(4)))
        for density in (DENSITY, DENSITY / 100)
    )
    np.testing.assert_allclose(far, 10 * near)


def test_no_network_and_no_room_leave_empty_rows():
    rng = np.random.default_rng(5)
    assert voronoi_link_distances_m(0, base_station_density_per_m2=DENSITY, rng=rng)[0].shape == (0, 0)
    lonely, _ = voronoi_link_distances_m(5, base_station_density_per_m2=DENSITY, rng=rng, extent_radii=1e-4)
    assert lonely.shape[0] == 5
    assert not np.isfinite(lonely).any()


@pytest.mark.parametrize("name", ["base_station_density_per_m2", "extent_radii"])
def test_impossible_networks_are_refused(name):
    arguments = {"base_station_density_per_m2": DENSITY, "extent_radii": 3.0, name: 0.0}
    with pytest.raises(ValueError, match=f"{name} must be positive"):
        voronoi_link_distances_m(3, rng=np.random.default_rng(0), **arguments)


POINTS = [(d, db) for d in (25.0, 50.0, 80.0, 110.0) for db in (-5.0, 0.0, 5.0)]


@pytest.mark.slow
def test_the_poisson_field_stands_for_the_network(networks_m):
    """Its formula is within 0.02 at all points, and the printed one is off by 0.05 on average, 0.13 at the edge."""
    alpha, gain, power_w, bandwidth_hz = SCENARIO.path_loss_exponent, SCENARIO.reference_gain, 0.2, 1e7
    noise_w = bandwidth_hz * SCENARIO.noise_psd_w_per_hz
    far = 2 * np.pi * DENSITY * (10 * RADIUS_M) ** (2 - alpha) / (alpha - 2)  # Campbell, for those beyond
    off: dict[str, list[float]] = {"corrected": [], "printed": []}
    for distance_m, threshold_db in POINTS:
        theta = float(db_to_ratio(threshold_db))
        # over the fading of the signal and of the interferers in closed form
        arrived = (1 / (1 + theta * (distance_m / networks_m) ** alpha)).prod(axis=1)
        arrived *= np.exp(-theta * distance_m**alpha * (far + noise_w / (power_w * gain)))
        for form, gaps in off.items():
            value = success_probability(
                distance_m,
                power_w,
                bandwidth_hz,
                theta,
                path_loss_exponent=alpha,
                noise_psd_w_per_hz=SCENARIO.noise_psd_w_per_hz,
                base_station_density_per_m2=DENSITY,
                reference_gain=gain,
                form=form,
            )
            gaps.append(float(value) - arrived.mean())
    corrected, printed = (np.abs(gaps) for gaps in off.values())
    assert corrected.max() < 0.02
    assert printed.mean() > 0.04
    assert off["printed"][POINTS.index((50.0, 5.0))] < -0.06
    assert off["printed"][POINTS.index((110.0, -5.0))] > 0.1


@pytest.mark.slow
def test_a_ue_is_nearer_to_its_own_gnb_than_to_any(links_m):
    distance_m, own_m = links_m
    there = np.isfinite(distance_m)
    assert (own_m <= distance_m).all()
    assert (own_m[there] > 0.0).all()
    assert not own_m[~there].any()
    assert (own_m[there] ** 2).mean() / RADIUS_M**2 == pytest.approx(0.82, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("threshold_db", [-15.0, -5.0, 5.0])
def test_the_inversion_form_stands_for_the_network(links_m, threshold_db):
    """Reception of (2) in watts, with noise, and all fading drawn."""
    rng = np.random.default_rng(9)
    distance_m, own_m = links_m
    alpha, theta = SCENARIO.path_loss_exponent, float(db_to_ratio(threshold_db))
    noise_w = 1e7 * SCENARIO.noise_psd_w_per_hz
    power_w = 20 * noise_w
    sent_w = power_w * own_m**alpha / SCENARIO.reference_gain
    far_w = power_w * (own_m**alpha).sum() / (own_m > 0).sum()
    far_w *= 2 * np.pi * DENSITY * (10 * RADIUS_M) ** (2 - alpha) / (alpha - 2)
    mean_w = sent_w * SCENARIO.reference_gain * distance_m**-alpha
    arrived = []
    for _ in range(20):
        interference_w = (mean_w * rng.exponential(size=mean_w.shape)).sum(axis=1) + far_w
        arrived.append((power_w * rng.exponential(size=NETWORKS) >= theta * (interference_w + noise_w)).mean())
    form = success_probability(
        30.0,
        power_w,
        1e7,
        theta,
        path_loss_exponent=alpha,
        noise_psd_w_per_hz=SCENARIO.noise_psd_w_per_hz,
        base_station_density_per_m2=DENSITY,
        form="inversion",
    )
    assert abs(form - np.mean(arrived)) < 0.02
