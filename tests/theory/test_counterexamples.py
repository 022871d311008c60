"""Every counterexample refutes the print, and both of its sides are what another calculation says."""

import inspect
import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, minimize, minimize_scalar

from fedswitch.theory import counterexamples as module
from fedswitch.theory.counterexamples import COUNTEREXAMPLES

positive = st.floats(0.05, 20.0)


def least(function, dimension=1):
    return minimize(function, np.full(dimension, 0.3), tol=1e-14)


def monte_carlo(value_after, weights, rates, draws=20_000):
    """Mean and standard error of a value after a round in which UE k is received with probability rates[k]."""
    rng = np.random.default_rng(0)
    values = np.array([value_after(weights * (rng.random(len(rates)) < rates)) for _ in range(draws)])
    return values.mean(), values.std() / np.sqrt(draws)


@pytest.mark.parametrize("example", COUNTEREXAMPLES, ids=lambda function: function.__name__)
def test_refutes_the_print_and_obeys_the_correction(example):
    found = example()
    assert found.refutes
    assert found.corrected_holds
    assert np.isfinite([found.left, found.right]).all()
    assert found.element.replace("-", "") == example.__name__.split("_")[0]


def test_the_list_is_complete():
    prefixes = ("ass", "eq", "thm")
    public = {name for name, _ in inspect.getmembers(module, inspect.isfunction) if name.startswith(prefixes)}
    assert {function.__name__ for function in COUNTEREXAMPLES} == public - {"eq27_instance"}
    with_correction = {function.__name__ for function in COUNTEREXAMPLES if function().corrected is not None}
    without = {"ass1_slope_without_end", "thm1_bound_grows", "thm1_rate_in_other_units", "eq27_instance"}
    assert public - with_correction == without


@given(st.floats(-50.0, 50.0))
def test_slopes_exceed_one_outside_the_unit_interval(distance):
    """Between w and w + 1 the slope of w^2 / 2 is |w + 1/2|."""
    found = module.ass1_slope_without_end(distance)
    assert found.left == pytest.approx(abs(distance + 0.5), abs=1e-9)
    assume(abs(abs(distance + 0.5) - 1.0) > 1e-6)
    assert found.refutes == (abs(distance + 0.5) > 1.0)


@given(st.floats(0.0, 50.0), st.floats(0.0, 0.99))
def test_no_zeta2_below_one_holds_everywhere(zeta1, zeta2):
    found = module.ass3_far_from_the_optimum(zeta1, zeta2)
    w = np.sqrt(zeta1 / (1 - zeta2))
    assert found.left == pytest.approx((w + 1) ** 2)
    assert found.right == pytest.approx(zeta1 + zeta2 * w**2)
    assert found.refutes
    assert found.corrected_holds


@pytest.mark.parametrize(("zeta1", "zeta2"), [(1.0, 1.0), (1.0, 1.5), (-1.0, 0.5), (1.0, -0.1)])
def test_zetas_outside_the_claim_are_refused(zeta1, zeta2):
    with pytest.raises(ValueError, match="zeta"):
        module.ass3_far_from_the_optimum(zeta1, zeta2)


@given(st.integers(1, 40))
def test_the_printed_factor_grows_with_the_number_of_ues(num_ues):
    """1 - 2 (1 - 4 K - 1/2) = 8 K."""
    found = module.thm1_bound_grows(num_ues)
    assert found.left == pytest.approx(8 * num_ues)
    assert found.refutes


@given(st.floats(0.2, 5.0))
def test_a_rate_that_depends_on_units(scale):
    """With nobody missed and zeta2 = 0 the printed A is 2 - epsilon; any step of 1 / epsilon ends at the optimum."""
    found = module.thm1_rate_in_other_units(scale)
    assert found.left == pytest.approx(2.0 - scale**2)
    assert found.right == 1.0
    assume(abs(scale - 1.0) > 1e-6)
    assert found.refutes


def test_the_step_in_other_units_is_the_same_trajectory():
    """In units of 1 w = 1 goes to 0 with the step 1; at half a step, computed by hand, a quarter of the gap is left."""
    problem = module._quadratics([[0.0]], hessians=[[[4.0]]])
    after = [problem.expected_risk(np.array([0.5]), np.ones(1), np.array([rate])) for rate in (1.0, 0.0)]
    np.testing.assert_allclose(after, [0.0, 0.5])


@given(st.floats(0.5, 30.0), st.integers(1, 10**6))
def test_eq6_set_literally(radius, test_samples):
    """A = 1 with epsilon = xi = 1 and zeta2 = 0: 0 from the first term, 1 from the empty product, then the third."""
    found = module.eq6_literal(radius, test_samples)
    assert found.left == pytest.approx(radius**2)  # (0 + (2 r)^2 / 2) / 2
    third = 2 * radius * 2 * (2 * radius) / np.sqrt(test_samples)
    assert found.right == pytest.approx(1.0 + third)
    assert found.corrected == pytest.approx(4.5 * radius**2)  # B = 2 * 4 r^2 / 2, H = r^2 / 2
    assert found.refutes == (radius**2 > (1.0 + third) * (1 + 1e-12))


@given(positive, positive)
def test_the_foundation_model_as_a_penalty(curvature, foundation_sq):
    found = module.eq6_foundation_apart(curvature, foundation_sq)
    w = least(lambda w: 0.5 * curvature * (w[0] - 1.0) ** 2).x[0]  # where the module stays
    assert found.left == pytest.approx(0.5 * curvature * (w + np.sqrt(foundation_sq) - 1.0) ** 2, rel=1e-5)
    assert found.right == pytest.approx((curvature + 2.0) / 4.0 * foundation_sq)
    assert found.corrected == pytest.approx(0.5 * curvature * foundation_sq)
    assume(abs(curvature - 2.0) > 1e-6)
    assert found.refutes == (curvature > 2.0)
    assert found.corrected_holds


@given(st.floats(0.01, 0.5), st.integers(1, 10_000))
def test_a_bound_below_zero(distance, test_samples):
    """A = 2 (1 - 16 - 1/2) = -31, and B = 2 * 2 a^2 * 2; refuted iff 23.5 a < 31 sqrt(8 / D)."""
    found = module.eq6_negative_bound(distance, test_samples)
    assert found.left == pytest.approx(distance**2 / 2)
    third = 31 * np.sqrt(8 * distance**2 / test_samples)
    assert found.right == pytest.approx(32 * distance**2 / 2 + 8 * distance**2 - third)
    assert found.corrected == pytest.approx(found.left)  # with nobody missed only heterogeneity is left
    assert found.refutes == (23.5 * distance**2 < third)
    assert found.corrected_holds


def test_the_default_bound_is_negative_on_a_domain_of_slopes_below_one():
    found = module.eq6_negative_bound()
    assert found.right < 0.0 < found.left
    w = np.linspace(-60, 60, 24_001)
    assert ((w - 0.1) ** 2 <= 0.02 + 2.0 * w**2 + 1e-12).all()
    assert min(0.02 + 2.0 * w**2 - (w - 0.1) ** 2) == pytest.approx(0.0, abs=1e-6)  # and it is tight


def absent(angle, curvature):
    u, v = (np.array([np.cos(angle / 2), sign * np.sin(angle / 2)]) for sign in (1, -1))
    return [np.outer(direction, direction) + curvature * np.eye(2) for direction in (u, v)]


@given(st.floats(0.02, 1.2), st.sampled_from([1e-6, 0.3]))
def test_an_absent_ue_that_the_print_does_not_see(angle, curvature):
    first, second = absent(angle, curvature)
    found = module.eq6_absent_unseen(angle, curvature)
    mean, w = (first + second) / 2, np.array([0.0, 100.0])
    epsilon, xi = 1.0 + curvature, curvature
    after = w - first @ w / epsilon
    assert found.left == pytest.approx(0.5 * after @ mean @ after)

    def ratio(turn):  # |H1 w|^2 / |H w|^2; a fine scan, since it peaks sharply
        g = np.array([np.cos(turn), np.sin(turn)])
        return np.linalg.norm(first @ np.linalg.solve(mean, g)) ** 2

    turns = np.linspace(0, np.pi, 2001)
    start = turns[np.argmax([ratio(turn) for turn in turns])]
    peak = minimize_scalar(lambda turn: -ratio(turn), bounds=(start - 0.01, start + 0.01), method="bounded")
    zeta2 = -peak.fun
    factor = 1.0 - 2.0 * xi / epsilon * (1.0 - 8.0 * zeta2 - epsilon / 2.0)
    assert found.right == pytest.approx(factor * 0.5 * w @ mean @ w, rel=1e-4)
    assert found.corrected == pytest.approx(2.0 * zeta2 * 0.5 * w @ mean @ w, rel=1e-4)  # 1 - (1 - 4 zeta2 / 2)
    assert found.corrected_holds


@pytest.mark.parametrize("seed", range(3))
def test_the_instances_are_what_they_say(seed):
    """Risks, slopes and optimum of quadratics without any symmetry."""
    rng = np.random.default_rng(seed)
    roots, centers, w = rng.normal(size=(3, 2, 2)), rng.normal(size=(3, 2)), rng.normal(size=2)
    problem = module._quadratics(centers, roots @ roots.transpose(0, 2, 1))

    def risk(w):
        return np.mean([((w - c) @ root) @ ((w - c) @ root) / 2 for root, c in zip(roots, centers, strict=True)])

    assert problem.risk(w) == pytest.approx(risk(w))
    np.testing.assert_allclose(problem.mean_gradient(w), approx_fprime(w, risk, 1e-7), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(problem.optimum, least(risk, 2).x, atol=1e-5)


@pytest.mark.parametrize("angle", [0.05, 0.2, 0.5])
def test_small_angles_refute(angle):
    assert module.eq6_absent_unseen(angle).refutes


def test_no_curvature_no_violation():
    """With a strongly convex share in both risks the printed bound grows with |A|, and is above."""
    assert not module.eq6_absent_unseen(curvature=0.1).refutes


@given(st.integers(1, 6), st.integers(0, 12), st.floats(0.01, 0.99))
def test_the_literal_product_is_a_geometric_sum_of_the_wrong_ratio(num_modules, rounds, rate):
    found = module.eq6_literal_product(num_modules, rounds, rate)
    wrong, right = (np.sum(ratio ** np.arange(rounds + 1.0)) for ratio in (num_modules * (1 - rate), 1 - rate))
    assert found.right == pytest.approx(wrong)
    assert found.left == pytest.approx(right)
    assert found.corrected == pytest.approx(right)
    assert found.refutes == (num_modules > 1 and rounds > 0)


def test_the_second_term_keeps_rounds_apart():
    """Against the sum spelled out, with rates and offsets that differ between rounds and modules."""
    rng = np.random.default_rng(1)
    A, B = rng.uniform(0, 1, (3, 2)), rng.uniform(0, 1, (3, 2))
    plain = ((1 - A[1]) * (1 - A[2]) * B[0] + (1 - A[2]) * B[1] + B[2]).mean()
    literal = ((1 - A[1]) @ B[0]) * ((1 - A[2]) @ B[0]) + (1 - A[2]) @ B[1] + 1.0
    assert module._second_term(A, B) == pytest.approx(plain)
    assert module._second_term(A, B, literal=True) == pytest.approx(literal)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_the_printed_cost_chooses_the_worse_channel(first, second):
    assume(abs(first - second) > 1e-6)
    found = module.eq9_prefers_the_worse_channel(first, second)
    assert (found.left, found.right, found.corrected) == (max(first, second), min(first, second), max(first, second))
    assert found.refutes


@given(positive, st.floats(-3.0, 3.0))
def test_eq24_drops_a_gradient(curvature, distance):
    """w0 = 1 adds a/2 + a w to the risk a w^2 / 2; the print allows (a + 2) / 4."""
    found = module.eq24_as_used(curvature, distance)
    assert found.left - found.right == pytest.approx(curvature * distance + curvature / 4 - 0.5, abs=1e-9)
    assert found.corrected_holds
    assert found.corrected == pytest.approx(found.left)  # a quadratic is its own expansion


def test_eq24_fails_for_small_curvature_too():
    assert module.eq24_as_used(curvature=1.0, distance=1.0).refutes
    assert not module.eq24_as_used(curvature=1.0, distance=0.0).refutes


@pytest.mark.parametrize("success", [0.0, 0.3, 0.5, 0.9])
def test_eq27_with_uploads_lost(success):
    """e = 1 if the second is lost, else 0."""
    found = module.eq27_subscribed_but_lost(success)
    assert found.left == pytest.approx(1.0 - success)
    assert found.right == 0.0
    assert found.corrected == pytest.approx(2.0 * (1.0 - success))
    assert found.refutes


def test_eq27_with_a_ue_absent():
    found = module.eq27_received_but_absent()
    assert (found.left, found.right, found.corrected) == (1.0, 0.0, 2.0)


ues = st.integers(1, 5)


@given(st.integers(0, 2**32 - 1), ues, st.sampled_from([0.0, 0.5, 2.0]))
def test_eq27_with_the_right_miss_probability_holds_everywhere(seed, num_ues, zeta2):
    found, rho, grads, beta, rate = random_instance(seed, num_ues, zeta2)
    assert found.corrected_holds
    mean_sq = ((rho @ grads) ** 2).sum()
    limit = 4 * max((grads**2).sum(axis=1).max(), zeta2 * mean_sq)
    assert found.right == pytest.approx(limit * (rho * (1 - rate) * (1 - beta)).sum())
    assert found.corrected == pytest.approx(limit * (rho * (1 - rate * beta)).sum())


@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_eq27_as_printed_fails_whenever_all_subscribe(seed, num_ues):
    """Unless everybody is certain to be received, or all gradients are alike."""
    rng = np.random.default_rng(seed)
    grads, rate = rng.normal(size=(num_ues, 2)), rng.uniform(0.1, 0.9, num_ues)
    assert module.eq27_instance(grads, np.ones(num_ues), rate).refutes


def test_eq27_is_often_wrong_in_general_and_sometimes_right():
    refuted = [random_instance(seed, 3, 0.0)[0].refutes for seed in range(400)]
    assert 0.2 < np.mean(refuted) < 0.9


def random_instance(seed, num_ues, zeta2):
    rng = np.random.default_rng(seed)
    rho, grads = rng.dirichlet(np.ones(num_ues)), rng.normal(size=(num_ues, 2))
    beta, rate = rng.integers(0, 2, num_ues), rng.uniform(0, 1, num_ues)
    return module.eq27_instance(grads, beta, rate, weights=rho, zeta2=zeta2), rho, grads, beta, rate


@pytest.mark.parametrize("seed", range(4))
def test_eq27_left_side_is_what_drawing_receptions_gives(seed):
    found, rho, grads, beta, rate = random_instance(seed, 4, 0.0)

    def error_sq(share):
        used = share @ grads / share.sum() if share.sum() > 0 else np.zeros(2)
        return ((rho @ grads - used) ** 2).sum()

    mean, error = monte_carlo(error_sq, rho, beta * rate)
    assert abs(mean - found.left) < 4 * error + 1e-12


def test_eq27_refuses_what_is_no_probability():
    with pytest.raises(ValueError, match="success"):
        module.eq27_instance([[1.0], [-1.0]], [1, 1], [1, 1.5])
    with pytest.raises(ValueError, match="weights"):
        module.eq27_instance([[1.0], [-1.0]], [1, 1], [1, 1], weights=[0.5, 0.6])


samples = st.lists(st.floats(-5.0, 5.0), min_size=1, max_size=4)


@given(samples, samples)
def test_eq29_fails_where_the_mean_gradients_have_opposite_signs(own, others):
    found = module.eq29_cross_term(own, others)
    first, second = np.mean(own), np.mean(others)
    pairs = [(x - y) for x, y in itertools.product(own, others)]
    assert found.left == pytest.approx(np.mean(pairs) ** 2, abs=1e-9)
    assert found.right == pytest.approx((first + second) ** 2, abs=1e-9)
    assert found.corrected_holds
    assume(abs(first * second) > 1e-6)
    assert found.refutes == (first * second < 0)


@given(st.floats(0.01, 5.0), st.floats(0.01, 5.0))
def test_eq30_needs_a_zeta_below_xi(strong_convexity, zeta):
    found = module.eq30_zeta_for_xi(strong_convexity, zeta)
    assert found.left == pytest.approx(strong_convexity / 2)
    assert found.right == pytest.approx(strong_convexity**2 / (2 * zeta))
    assert found.corrected == pytest.approx(found.left)
    assume(abs(zeta - strong_convexity) > 1e-6)
    assert found.refutes == (zeta > strong_convexity)


def risks(place):
    return [lambda w, c=c: 0.5 * (w[0] - c) ** 2 for c in (place, -place)]


@pytest.mark.parametrize("test_samples", [1, 8, 9, 100, 1000, 10**6])
def test_eq31_against_minimizers_found_by_scipy(test_samples):
    first, second = risks(1.0)
    best = least(lambda w: 0.5 * (first(w) + second(w))).x
    distance = (best[0] - least(first).x[0]) ** 2
    apart = module.eq31_optima_stay_apart(test_samples)
    assert apart.left == pytest.approx(distance, abs=1e-6)
    assert apart.right == pytest.approx(8.0 / test_samples)
    assert apart.corrected == 2.0
    assert apart.refutes == (test_samples > 8)
    price = module.eq31_price_of_one_model(test_samples)
    assert price.left == pytest.approx(first(best) - least(first).fun, abs=1e-6)
    assert price.right == pytest.approx(2.0 * np.sqrt(8.0 / test_samples))
    assert price.corrected == 1.0
    assert price.refutes == (test_samples > 128)
    assert price.corrected_holds


@given(st.floats(0.1, 50.0))
def test_smoothness_bounds_no_slope_beyond_two(distance):
    found = module.eq31_smoothness_is_no_slope(distance)
    assert found.left == pytest.approx(distance**2 / 2)
    assert found.right == pytest.approx(distance)
    assert found.corrected == pytest.approx(found.left)
    assume(abs(distance - 2.0) > 1e-6)
    assert found.refutes == (distance > 2.0)


@pytest.mark.parametrize(
    ("gradients", "beta", "message"),
    [
        ([[1.0], [2.0]], [1, 0.5], "subscription must be 0 or 1 for every UE"),
        ([[1.0], [2.0]], [1, 1, 1], r"gradients must have shape \(K, d\)"),
        ([1.0, 2.0], [1, 1], r"gradients must have shape \(K, d\)"),
        ([[1.0]] * 17, [1] * 17, "17 UEs have too many receptions to enumerate: take at most 16"),
    ],
)
def test_an_instance_of_your_own_that_does_not_fit_is_refused(gradients, beta, message):
    with pytest.raises(ValueError, match=message):
        module.eq27_instance(gradients, beta, [1.0] * len(beta))


def test_a_bound_below_zero_up_to_where_its_docstring_says():
    assert module.eq6_negative_bound(0.36).refutes
    assert not module.eq6_negative_bound(0.38).refutes
