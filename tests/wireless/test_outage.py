import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

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
@pytest.mark.parametrize("averaged", [False, True])
def test_the_integral_is_right_to_1e_9(exponent, c, averaged):
    """Against mpmath, piecewise in ln x, the far tail in closed form."""
    half, top = exponent / 2, 300
    center = -np.log(c)

    def integrand(y):
        x = mpmath.exp(y)
        kernel = 1 - (1 + c * x) ** -2 if averaged else -mpmath.expm1(-c * x)
        return kernel * x / (1 + x**half)

    pieces = sorted(
        {-80.0, -30.0, -10.0, -4.0, 0.0, 4.0, 12.0, 40.0, 100.0, float(top)} | {center + s for s in (-4, 0, 4, 15)}
    )
    with mpmath.workdps(25):
        expected = mpmath.quad(integrand, pieces) + mpmath.exp((1 - half) * top) / (half - 1)
    assert interference_integral(c, exponent, averaged=averaged) == pytest.approx(float(expected), rel=1e-9)


def test_the_integral_has_its_known_limits():
    b = SCENARIO.path_loss_exponent / 2
    assert interference_integral(0.0, 2 * b) == 0.0
    assert interference_integral(1e12, 2 * b) == pytest.approx(np.pi / b / np.sin(np.pi / b), rel=1e-9)


def test_the_averaged_integral_is_the_mean_of_the_integral():
    def integrand(u, c):
        return np.exp(-u) * u * interference_integral(c * u, 3.8)

    for c in (0.1, 2.0):
        expected, _ = quad(integrand, 0, 60, args=(c,), epsrel=1e-8)
        assert interference_integral(c, 3.8, averaged=True) == pytest.approx(expected, rel=1e-6)


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


def test_inversion_is_the_average_over_a_field_that_inverts_its_channels():
    """Drawn: each interferer at distance r sends p0 R^alpha, where pi phi R^2 is exponential with mean 4/5."""
    rng = np.random.default_rng(4)
    scale = 1 / np.sqrt(np.pi * 3e-5)
    for threshold in (0.3, 1.0):
        distance = interferer_distances_m(20_000, base_station_density_per_m2=3e-5, rng=rng, extent_radii=20.0) / scale
        own = np.sqrt(rng.exponential(0.8, size=distance.shape))
        arrived = (1 / (1 + threshold * (own / distance) ** 3.8)).prod(axis=1)
        # noise that does not matter
        form = success(1.0, threshold, power_w=1.0, bandwidth_hz=1e-6, form="inversion")
        assert abs(form - arrived.mean()) < 3.5 * arrived.std() / np.sqrt(len(arrived))


def test_inversion_does_not_depend_on_distance_or_first_meter():
    values = success([5.0, 50.0, 500.0], 1.0, power_w=1e-9, form="inversion", reference_gain=[[1.0], [1e-3]])
    assert np.ptp(values) == 0.0


numbers = st.floats(0.1, 10.0)


@given(numbers, numbers, numbers, st.floats(5, 200), st.sampled_from(["corrected", "printed"]))
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
