"""The root u of psi(u) = a + b u against arithmetic with 100 digits, and against SciPy's Lambert W."""

import numpy as np
import pytest
from scipy.special import lambertw

from fedswitch.control._efficiency import bernoulli, share_elasticity, spectral_efficiency_nat

mpmath = pytest.importorskip("mpmath")


def exact_root(load, interference_ratio):
    """Bisection of psi(u) = a + b u in the logarithm of u, from far outside."""
    low, high = mpmath.mpf("1e-150"), mpmath.mpf(1000)
    for _ in range(260):
        middle = mpmath.sqrt(low * high)
        if middle / mpmath.expm1(middle) > load + interference_ratio * middle:
            low = middle
        else:
            high = middle
    return low


INTERFERENCE = {
    "none": lambda rng: np.zeros(10),
    "like the signal": lambda rng: 10.0 ** rng.uniform(-3, 1, 10),
    "anything": lambda rng: 10.0 ** rng.uniform(-40, 40, 10),
}


@pytest.mark.parametrize("interference", INTERFERENCE)
@pytest.mark.parametrize("tiny", ["load", "headroom"])
def test_the_root_has_full_relative_precision(tiny, interference):
    rng = np.random.default_rng(1)
    small = 10.0 ** -rng.uniform(0.31, 40, 10)
    ratio = INTERFERENCE[interference](rng)
    u = spectral_efficiency_nat(*((small, 1 - small) if tiny == "load" else (1 - small, small)), ratio)
    with mpmath.workdps(100):
        for i, value in enumerate(map(mpmath.mpf, small)):
            exact_load = value if tiny == "load" else 1 - value
            assert abs(u[i] / exact_root(exact_load, mpmath.mpf(ratio[i])) - 1) < 4e-15


def test_the_papers_lambert_w_needs_both_branches():
    # (20) in the paper's unknown: phi = -u e^(-u), so that LW(phi) = -u, on one branch for u < 1, the other for u > 1
    load, ratio = np.array([0.9, 0.7, 0.3, 0.05]), np.array([0.3, 0.1, 0.02, 0.001])
    u = spectral_efficiency_nat(load, 1 - load, ratio)
    phi = -u * np.exp(-u)
    branch = np.where(u < 1, 0, -1)
    lw = lambertw(phi, branch).real
    np.testing.assert_allclose(phi, (load - ratio * lw) * (phi / lw - 1), rtol=1e-12)
    np.testing.assert_allclose(lw, -u, rtol=1e-12)
    assert set(branch) == {0, -1}


def test_without_interference_lambert_w_gives_the_root_in_closed_form():
    load = np.array([1e-9, 1e-3, 0.1, 0.5, 0.9])
    u = spectral_efficiency_nat(load, 1 - load, np.zeros(5))
    np.testing.assert_allclose(u, -load - lambertw(-load * np.exp(-load), -1).real, rtol=1e-10)


def test_many_links_are_solved_as_if_alone():
    rng = np.random.default_rng(2)
    load, ratio = rng.uniform(0.01, 0.99, 20_000), 10.0 ** rng.uniform(-6, 3, 20_000)
    u = spectral_efficiency_nat(load, 1 - load, ratio)
    np.testing.assert_allclose(u / np.expm1(u), load + ratio * u, rtol=1e-12)
    some = slice(8_100, 8_300)  # on both sides of the border of a block
    np.testing.assert_allclose(spectral_efficiency_nat(load[some], 1 - load[some], ratio[some]), u[some], rtol=1e-14)


@pytest.mark.parametrize("load", [1e-6, 0.2, 0.9, 1 - 1e-6])
@pytest.mark.parametrize("ratio", [0.0, 1e-3, 1.0, 1e6])
def test_the_elasticity_is_the_derivative_of_the_share(load, ratio):
    # share = load * snr / u, and the load is inversely proportional to the delay
    step = 1e-4 * (1 - load)
    loads = np.array([load, load * (1 - step), load * (1 + step)])
    ratios = np.full(3, ratio)
    u = spectral_efficiency_nat(loads, 1 - loads, ratios)
    slope = (np.log(loads / u)[2] - np.log(loads / u)[1]) / np.log(loads[2] / loads[1])
    elasticity = share_elasticity(loads, 1 - loads, ratios, u)[0]
    assert elasticity == pytest.approx(slope, rel=1e-4)
    assert elasticity >= 1.0


def test_the_bernoulli_function_keeps_its_digits_on_both_sides_of_the_series():
    u = np.array([1e-30, 1e-9, 0.03, 0.0999999, 0.1, 0.5, 3.0, 200.0])
    psi, complement = bernoulli(u)
    with mpmath.workdps(80):
        for i, x in enumerate(map(mpmath.mpf, u)):
            assert abs(psi[i] * mpmath.expm1(x) / x - 1) < 1e-15
            assert abs(complement[i] / (1 - x / mpmath.expm1(x)) - 1) < 4e-15
