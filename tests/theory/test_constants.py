"""A and B against enumeration of all receptions, and against gradient descent itself."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedswitch.theory import constants, ue_constants

BOUND = {"smoothness": 1.0, "strong_convexity": 0.1, "zeta1": 1.0, "zeta2": 5e-4}


def draw(seed, num_ues=4, num_modules=3):
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(num_ues))
    return weights, rng.integers(0, 2, (num_modules, num_ues)), rng.uniform(0, 1, (num_modules, num_ues))


def receptions(beta, success):
    """Every outcome of one module's round with its probability."""
    for gamma in itertools.product((0, 1), repeat=beta.size):
        gamma = np.array(gamma)
        yield beta * gamma, np.where(gamma, success, 1 - success).prod()


@pytest.mark.parametrize("seed", range(5))
def test_corrected_and_sharp_are_averages_over_all_receptions(seed):
    """M = E[1 - R] and V = E[(1 - R)^2; R > 0], where R is the share of the data received."""
    weights, beta, success = draw(seed)
    for n in range(len(beta)):
        missed = variance = nobody = 0.0
        for received, probability in receptions(beta[n], success[n]):
            gap = 1 - weights @ received
            missed += probability * gap
            variance += probability * gap**2 * received.any()
            nobody += probability * (not received.any())
        a, b = constants(weights, beta[n : n + 1], success[n : n + 1], **BOUND)
        assert a[0] == pytest.approx(0.1 * (1 - 4 * 5e-4 * missed))
        assert b[0] == pytest.approx(2 * missed)
        a, b = constants(
            weights, beta[n : n + 1], success[n : n + 1], smoothness=2.0, strong_convexity=0.5, delta0_sq=3.0,
            delta1_sq=0.1, form="sharp",
        )  # fmt: skip
        assert a[0] == pytest.approx(0.25 * (1 - nobody - 0.1 * variance))
        assert b[0] == pytest.approx(3.0 * variance / 4)


@pytest.mark.parametrize("seed", range(8))
def test_the_corrected_recursion_bounds_a_gradient_step(seed):
    """Quadratics (H/2) |w - c_k|^2 with the step 1/epsilon, averaged over all receptions."""
    rng = np.random.default_rng(seed)
    weights, beta, success = draw(seed, num_modules=1)
    curvature = np.array([1.0, 0.3])
    centers = rng.normal(size=(4, 2))
    w = rng.normal(scale=3.0, size=2)
    best = weights @ centers

    def risk_gap(point):
        return 0.5 * curvature @ (point - best) ** 2

    gradients = curvature * (w - centers)
    mean_gradient = weights @ gradients
    expected_gap = 0.0
    for received, probability in receptions(beta[0], success[0]):
        share = weights * received
        moved = w - (share @ gradients / share.sum() if share.sum() > 0 else 0.0)
        expected_gap += probability * risk_gap(moved)
    # Assumption 3 holds at this point with zeta2 = 1.5 and this zeta1
    zeta1 = max(0.0, ((gradients**2).sum(axis=1) - 1.5 * mean_gradient @ mean_gradient).max())
    a, b = constants(weights, beta, success, smoothness=1.0, strong_convexity=0.3, zeta1=zeta1, zeta2=1.5)
    assert expected_gap <= (1 - a[0]) * risk_gap(w) + b[0] + 1e-12


def test_printed_looks_away_where_it_matters():
    """A subscribed UE that is never received costs the printed form nothing, nor does a good one that is absent."""
    weights = np.array([0.5, 0.5])
    beta, success = np.array([[1, 1]]), np.array([[1.0, 0.0]])
    for subscription, rate in ((beta, success), (np.array([[1, 0]]), np.ones((1, 2)))):
        printed = constants(weights, subscription, rate, **BOUND, form="printed")
        nothing_missed = constants(weights, beta, np.ones((1, 2)), **BOUND, form="printed")
        assert printed == nothing_missed
        assert constants(weights, subscription, rate, **BOUND)[1] == pytest.approx(1.0)
        assert constants(weights, beta, np.ones((1, 2)), **BOUND)[1] == 0.0


def test_printed_by_hand():
    weights, beta, success = np.array([0.25, 0.75]), np.array([[0, 1], [0, 0]]), np.array([[0.6, 0.5], [0.2, 0.9]])
    a, b = constants(
        weights, beta, success, smoothness=0.5, strong_convexity=0.1, zeta1=2.0, zeta2=0.01, form="printed"
    )
    missed_twice = np.array([0.25 * 0.4, 0.25 * 0.8 + 0.75 * 0.1])
    np.testing.assert_allclose(a, 0.4 * (1 - 0.08 * missed_twice - 0.08 - 0.25))
    np.testing.assert_allclose(b, 8.0 * (2 + 2 * missed_twice))


@given(st.integers(0, 1000), st.sampled_from(["corrected", "sharp"]))
def test_better_channels_and_more_subscriptions_never_hurt(seed, form):
    weights, beta, success = draw(seed)
    extra = {"zeta1": 1.0, "zeta2": 0.1} if form == "corrected" else {"delta0_sq": 1.0, "delta1_sq": 0.1}
    common = {"smoothness": 1.0, "strong_convexity": 0.1, "form": form, **extra}
    a, _ = constants(weights, beta, success, **common)
    for more in ((beta, np.minimum(1.0, success + 0.1)), (np.ones_like(beta), success)):
        a_more, b_more = constants(weights, *more, **common)
        assert (a_more >= a - 1e-12).all()
        if form == "corrected":
            assert (b_more <= constants(weights, beta, success, **common)[1] + 1e-12).all()


def test_a_recursion_that_does_not_contract_uses_the_other_inequality():
    """q < 0: then 1 - A is 1 - q, since the squared gradient is bounded from above by 2 epsilon times the gap."""
    a, _ = constants([1.0], [[0]], [[1.0]], smoothness=2.0, strong_convexity=0.1, zeta1=1.0, zeta2=1.0)
    assert a[0] == pytest.approx(-3.0)


@pytest.mark.parametrize("form", ["printed", "corrected"])
def test_the_constants_of_the_ues_add_up_to_those_of_the_module(form):
    weights, beta, success = draw(7)
    parts = ue_constants(beta, success, num_ues=weights.size, **BOUND, form=form)
    for part, whole in zip(parts, constants(weights, beta, success, **BOUND, form=form), strict=True):
        np.testing.assert_allclose(part @ weights, whole)


def test_bad_arguments_of_a_ues_constants_are_named():
    with pytest.raises(ValueError, match="form must be one of printed, corrected, got 'sharp'"):
        ue_constants(1, 0.5, num_ues=2, **BOUND, form="sharp")
    with pytest.raises(ValueError, match="success must be in"):
        ue_constants(1, 1.5, num_ues=2, **BOUND)


def test_leading_axes_are_rounds():
    weights, beta, success = draw(3)
    a, b = constants(weights, np.stack([beta] * 5), success, **BOUND)
    assert a.shape == b.shape == (5, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"form": "new"}, "form must be one of printed, corrected, sharp, got 'new'"),
        ({"zeta1": None}, 'form="corrected" needs zeta1'),
        ({"form": "sharp"}, 'form="sharp" needs delta0_sq and delta1_sq'),
        ({"weights": [0.5, 0.4]}, "weights must have shape"),
        ({"subscription": [[1, 2]]}, r"subscription must be in \[0, 1\], got 2"),
        ({"success": [[0.5, np.nan]]}, r"success must be in \[0, 1\], got nan"),
        ({"success": [0.5, 0.5]}, r"success must have shape \(..., N, 2\)"),
        ({"smoothness": 0.0}, "smoothness must be positive"),
        ({"smoothness": 0.05}, r"strong_convexity cannot exceed smoothness, got 0\.1 and 0\.05"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    arguments = {"weights": [0.5, 0.5], "subscription": [[1, 1]], "success": [[0.5, 0.5]], **BOUND, **changes}
    with pytest.raises(ValueError, match=message):
        constants(**arguments)
