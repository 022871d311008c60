import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import dblquad
from scipy.spatial import cKDTree

from fedswitch import Scenario
from fedswitch.units import db_to_ratio
from fedswitch.wireless import (
    Cell,
    deadline_threshold,
    interference_integral,
    interferer_distances_m,
    path_gain,
    rayleigh_power_gain,
    success_probability,
)

SCENARIO = Scenario.corrected()
RADIO = {
    "path_loss_exponent": SCENARIO.path_loss_exponent,
    "noise_psd_w_per_hz": SCENARIO.noise_psd_w_per_hz,
    "base_station_density_per_m2": SCENARIO.base_station_density_per_m2,
    "reference_gain": SCENARIO.reference_gain,
}
BANDWIDTH_HZ = 1e7
DRAWS = 40_000


def success(distance_m, threshold, *, power_w=0.2, bandwidth_hz=BANDWIDTH_HZ, **changes):
    return success_probability(distance_m, power_w, bandwidth_hz, threshold, **(RADIO | changes))


@pytest.mark.parametrize("exponent", [2.05, 2.5, 3.0, 3.8, 4.0, 6.0])
@pytest.mark.parametrize("c", [1e-6, 1e-2, 0.3, 2.4, 50.0, 1e5])
def test_the_integral_is_right_to_1e_9(exponent, c):
    """Against mpmath, piecewise in ln x, the far tail in closed form."""
    half, top = exponent / 2, 300
    center = -np.log(c)

    def integrand(y):
        x = mpmath.exp(y)
        return -mpmath.expm1(-c * x) * x / (1 + x**half)

    pieces = sorted(
        {-80.0, -30.0, -10.0, -4.0, 0.0, 4.0, 12.0, 40.0, 100.0, float(top)} | {center + s for s in (-4, 0, 4, 15)}
    )
    with mpmath.workdps(25):
        expected = mpmath.quad(integrand, pieces) + mpmath.exp((1 - half) * top) / (half - 1)
    assert interference_integral(c, exponent) == pytest.approx(float(expected), rel=1e-9)


def test_the_integral_has_its_known_limits():
    b = SCENARIO.path_loss_exponent / 2
    assert interference_integral(0.0, 2 * b) == 0.0
    assert interference_integral(1e12, 2 * b) == pytest.approx(np.pi / b / np.sin(np.pi / b), rel=1e-9)


@pytest.fixture(scope="module")
def interference_w():
    """The interference of (2), drawn from the Poisson field itself."""
    rng = np.random.default_rng(15)
    gain = {"path_loss_exponent": SCENARIO.path_loss_exponent, "reference_gain": SCENARIO.reference_gain}
    density = SCENARIO.base_station_density_per_m2
    extent_radii = 30.0
    drawn = []
    for _ in range(DRAWS // 2000):
        distance_m = interferer_distances_m(
            2000, base_station_density_per_m2=density, rng=rng, extent_radii=extent_radii
        )
        drawn.append((rayleigh_power_gain(distance_m.shape, rng) * path_gain(distance_m, **gain)).sum(axis=1))
    extent_m = extent_radii * SCENARIO.cell_radius_m
    far = 2 * np.pi * density * SCENARIO.reference_gain * extent_m**-1.8 / 1.8  # Campbell, for alpha = 3.8
    return SCENARIO.interferer_power_w * (np.concatenate(drawn) + far)


POINTS = [(d, db) for d in (5.0, 25.0, 50.0, 103.0, 160.0) for db in (-15, -10, -5, 0, 5, 10, 15)]


def measured(interference_w, distance_m, threshold):
    """Share received of (2), averaged over the signal's fading in closed form: exp(-theta (I + N) d^alpha / (P g))."""
    noise_w = BANDWIDTH_HZ * SCENARIO.noise_psd_w_per_hz
    mean_signal_w = 0.2 * SCENARIO.reference_gain * distance_m**-SCENARIO.path_loss_exponent
    arrived = np.exp(-threshold * (interference_w + noise_w) / mean_signal_w)
    return arrived.mean(), arrived.std() / np.sqrt(len(arrived))


@pytest.mark.parametrize(("distance_m", "threshold_db"), POINTS)
def test_the_corrected_form_is_the_average_of_2(interference_w, distance_m, threshold_db):
    threshold = float(db_to_ratio(threshold_db))
    mean, error = measured(interference_w, distance_m, threshold)
    assert abs(success(distance_m, threshold, interferer_power_w=0.2) - mean) <= 3 * error


def test_the_printed_form_is_not(interference_w):
    """It is too low near the gNB and too high at the edge, by far more than the error of the draws."""
    gaps = {}
    for distance_m, threshold_db in POINTS:
        threshold = float(db_to_ratio(threshold_db))
        mean, error = measured(interference_w, distance_m, threshold)
        gaps[distance_m, threshold_db] = (success(distance_m, threshold, form="printed") - mean) / max(error, 1e-12)
    assert gaps[50.0, 5] < -10
    assert gaps[160.0, -5] > 10
    assert sum(abs(gap) > 3 for gap in gaps.values()) > len(POINTS) / 2


def test_a_cell_receives_what_the_formula_says():
    scenario = Scenario.corrected(num_ues=50)
    cell = Cell(scenario, 3, np.linspace(10.0, 103.0, 50))
    noise_w = BANDWIDTH_HZ * scenario.noise_psd_w_per_hz
    rounds = [cell.channel(t) for t in range(1500)]
    arrived = np.array([0.2 * c.gain >= scenario.sinr_threshold * (c.interference_w + noise_w) for c in rounds])
    expected = success(cell.distance_m, scenario.sinr_threshold, interferer_power_w=0.2)
    error = np.sqrt(expected * (1 - expected) / len(rounds))
    assert np.abs((arrived.mean(axis=0) - expected) / error).max() < 4
    assert abs((arrived.mean() - expected.mean()) / np.sqrt((error**2).sum()) * 50) < 3


INVERSION_POINTS = [(alpha, db) for alpha in (3.0, 3.8, 4.5) for db in (-15, -5, 5)]


@pytest.fixture(scope="module")
def inverted():
    """Mean share received without noise, and its error, where every UE inverts its channel, by exponent and dB.

    True networks, drawn another way than `wireless.voronoi` does: on a torus, whose gNBs are all typical, points are
    thrown at random, and the first that is nearest to a gNB is its UE. Hence R <= r. All fading is in closed form.
    """
    rng = np.random.default_rng(50)
    side = 20.0
    shares = {point: [] for point in INVERSION_POINTS}
    for _ in range(60):
        gnb_xy = rng.uniform(0.0, side, (rng.poisson(side**2), 2))
        thrown_xy = rng.uniform(0.0, side, (100 * len(gnb_xy), 2))
        own, cell = cKDTree(gnb_xy, boxsize=side).query(thrown_xy)
        cell, first = np.unique(cell, return_index=True)
        own = own[first]
        offset = np.abs(gnb_xy[:, np.newaxis] - thrown_xy[first])
        distance = np.linalg.norm(np.minimum(offset, side - offset), axis=2)
        assert (own <= distance).all()
        distance[cell, np.arange(len(cell))] = np.inf  # the UE of the cell does not interfere
        distance[distance > side / 2] = np.inf
        for alpha, db in INVERSION_POINTS:
            theta = db_to_ratio(db)
            far = theta * (own**alpha).mean() * 2 * np.pi * (side / 2) ** (2 - alpha) / (alpha - 2)  # Campbell
            arrived = np.exp(-np.log1p(theta * (own / distance) ** alpha).sum(axis=1) - far)
            shares[alpha, db].append(arrived.mean())
    return {point: (np.mean(share), np.std(share) / np.sqrt(len(share))) for point, share in shares.items()}


@pytest.mark.parametrize("lost_to_noise", [0.0, 0.1])
@pytest.mark.parametrize(("alpha", "threshold_db"), INVERSION_POINTS)
def test_the_inversion_form_is_within_a_fiftieth_of_true_networks(inverted, alpha, threshold_db, lost_to_noise):
    mean, error = inverted[alpha, threshold_db]
    assert error < 0.003
    theta = float(db_to_ratio(threshold_db))
    noise_w = BANDWIDTH_HZ * SCENARIO.noise_psd_w_per_hz
    power_w = theta * noise_w / -np.log1p(-lost_to_noise) if lost_to_noise else 1.0
    form = success(1.0, theta, power_w=power_w, form="inversion", path_loss_exponent=alpha)
    assert abs(form - (1 - lost_to_noise) * mean) < 0.02


@pytest.mark.parametrize("exponent", [2.5, 3.8, 6.0])
@pytest.mark.parametrize("threshold", [0.03, 1.0, 30.0])
def test_the_inversion_form_is_its_integral_over_fading_and_interferers(exponent, threshold):
    def lost(fading, y):  # with w = exp(-y)
        heard = -np.expm1(-threshold * fading * np.exp(-y * exponent / 2))
        return np.exp(-fading) * heard * (0.82 * np.exp(y) + 0.4)

    expected, _ = dblquad(lost, 0.0, 120.0, 0.0, 50.0, epsabs=1e-11, epsrel=1e-10)
    form = success(1.0, threshold, power_w=1.0, bandwidth_hz=1e-6, path_loss_exponent=exponent, form="inversion")
    assert -np.log(form) == pytest.approx(expected, rel=1e-8)


def test_the_inversion_form_has_its_limits():
    assert success(1.0, 1e-12, power_w=1.0, form="inversion") == pytest.approx(1.0, abs=1e-11)
    assert success(1.0, 1e12, power_w=1.0, form="inversion") == pytest.approx(0.0, abs=1e-11)
    noise_w = BANDWIDTH_HZ * SCENARIO.noise_psd_w_per_hz
    noisy = success(1.0, 1e-12, power_w=1e-12 * noise_w / 0.7, form="inversion")
    assert noisy == pytest.approx(np.exp(-0.7), abs=1e-11)


def test_inversion_does_not_depend_on_distance_or_first_meter():
    values = success([5.0, 50.0, 500.0], 1.0, power_w=1e-9, form="inversion", reference_gain=[[1.0], [1e-3]])
    assert values.shape == (2, 3)
    assert np.ptp(values) == 0.0


numbers = st.floats(0.1, 10.0)


@given(numbers, numbers, numbers, st.floats(5, 200), st.sampled_from(["corrected", "printed", "inversion"]))
def test_more_power_helps_and_more_bandwidth_distance_or_threshold_hurts(power, band, threshold, distance_m, form):
    def at(power_w=power * 0.05, bandwidth_hz=band * 1e8, theta=threshold, distance=distance_m):
        fixed = {"interferer_power_w": 0.2} if form == "corrected" else {}
        return success(distance, theta, power_w=power_w, bandwidth_hz=bandwidth_hz, form=form, **fixed)

    base = at()
    assert 0.0 <= base <= 1.0
    assert at(power_w=power * 0.1) >= base
    assert at(bandwidth_hz=band * 2e8) <= base
    assert at(theta=threshold * 2) <= base
    assert at(distance=distance_m * 1.5) <= base


def test_interferers_have_the_power_of_the_ue_where_none_is_given():
    assert success(60.0, 1.0, power_w=0.1) == success(60.0, 1.0, power_w=0.1, interferer_power_w=0.1)


def test_without_interferers_only_noise_is_left():
    signal_w = 0.2 * 1e-3 * 80.0**-3.8
    noise_w = BANDWIDTH_HZ * SCENARIO.noise_psd_w_per_hz
    assert success(80.0, 2.0, interferer_power_w=0.0) == pytest.approx(np.exp(-2.0 * noise_w / signal_w))


def test_arguments_broadcast_and_float32_is_fine():
    distance_m = np.array([10, 50, 100], dtype=np.float32)
    threshold = np.array([[0.5], [2.0]], dtype=np.float32)
    values = success(distance_m, threshold)
    assert values.shape == (2, 3)
    for row, theta in zip(values, (0.5, 2.0), strict=True):
        np.testing.assert_allclose(row, [success(d, theta) for d in (10.0, 50.0, 100.0)])


@given(st.floats(1.0, 1e9), st.floats(1e3, 1e9), st.floats(1e-3, 1e3))
def test_a_link_at_the_deadline_threshold_carries_its_payload_in_time(payload_bits, bandwidth_hz, deadline_s):
    theta = deadline_threshold(payload_bits, bandwidth_hz, deadline_s)
    if np.isfinite(theta):
        rate = bandwidth_hz * np.log1p(theta) / np.log(2)
        assert rate * deadline_s == pytest.approx(payload_bits, rel=1e-9)


def test_under_a_deadline_more_bandwidth_does_buy_reliability():
    shares = np.array([0.002, 0.005, 0.01, 0.05])
    theta = deadline_threshold(9.44e6, shares * 1e9, 1.0)
    values = success_probability(80.0, 0.2, shares * 1e9, theta, interferer_power_w=0.2, **RADIO)
    assert (np.diff(values) > 0).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"power_w": 0.0}, "power_w must be positive and finite, got 0"),
        ({"bandwidth_hz": np.nan}, "bandwidth_hz must be"),
        ({"interferer_power_w": -1.0}, "interferer_power_w must be non-negative"),
        ({"path_loss_exponent": 2.0}, "path_loss_exponent must be above 2"),
        ({"path_loss_exponent": [3.0, 4.0]}, "path_loss_exponent must be a single number"),
        ({"form": "exact"}, "form must be one of corrected, printed, inversion, got 'exact'"),
        ({"form": "printed", "interferer_power_w": 0.2}, 'interferer_power_w must be None with form="printed"'),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        success(50.0, 1.0, **changes)


def test_a_negative_argument_of_the_integral_is_named():
    with pytest.raises(ValueError, match="c must be non-negative"):
        interference_integral(-1.0, 3.8)


def test_each_part_of_the_printed_form_is_right_at_one_distance_only():
    """The noise at 129 m and the integral at 58 m, for the density of `Scenario`: never both."""
    quiet = {"bandwidth_hz": 1e-6}
    noise_m, field_m = 1 / np.sqrt(2 * 3e-5), 1 / (np.pi * np.sqrt(3e-5))
    assert (noise_m, field_m) == (pytest.approx(129, abs=0.2), pytest.approx(58, abs=0.2))
    assert success(field_m, 1.0, form="printed", **quiet) == pytest.approx(success(field_m, 1.0, **quiet), rel=1e-9)
    for distance_m in (0.9 * field_m, 1.1 * field_m):
        assert success(distance_m, 1.0, form="printed", **quiet) != pytest.approx(
            success(distance_m, 1.0, **quiet), rel=1e-3
        )

    def noise_part(distance_m, form):
        return np.log(success(distance_m, 1.0, form=form, **quiet) / success(distance_m, 1.0, form=form))

    assert noise_part(noise_m, "printed") == pytest.approx(noise_part(noise_m, "corrected"), rel=1e-9)
    assert noise_part(field_m, "printed") != pytest.approx(noise_part(field_m, "corrected"), rel=0.1)
