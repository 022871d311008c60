"""Every counterexample refutes the print within the assumptions; its sides are what another calculation says."""

import dataclasses
import inspect
import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, minimize, minimize_scalar

from fedswitch.theory import counterexamples as module
from fedswitch.theory.counterexamples import COUNTEREXAMPLES, risk_gap
from fedswitch.theory.counterexamples._quadratics import instance

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


# the assumptions, by calculations of their own

ASSUME_NOTHING = {  # algebra, or about an assumption itself
    "ass1_slope_without_end", "ass3_far_from_the_optimum", "thm1_sees_no_loss", "eq6_literal_product",
    "eq8a_sees_no_loss", "eq9_prefers_the_worse_channel", "eq10a_every_round", "eq29_cross_term",
}  # fmt: skip


def visited(one):
    """Where two rounds may lead, whoever is received, before and after the foundation model is added; all optima."""
    centers, hessians, rho = one.problem.centers, one.problem.hessians, one.problem.weights
    mean = np.tensordot(rho, hessians, 1)
    optimum = np.linalg.inv(mean) @ sum(p * h @ c for p, h, c in zip(rho, hessians, centers, strict=True))
    now, places = [one.start], [one.start, optimum, *centers]
    for _ in range(2):
        now = [
            w - sum(rho[k] * hessians[k] @ (w - centers[k]) for k in who) / sum(rho[k] for k in who) / one.epsilon
            for w in now
            for size in range(1, len(rho) + 1)
            for who in itertools.combinations(range(len(rho)), size)
        ]
        places += now
    return np.array([*places, *(w + one.foundation for w in [one.start, *now])])


def domain(one):
    """The ball, by a grid that has its rim, and points in which the slope of the mean turns all the way around."""
    radius, mean = one.radius, np.tensordot(one.problem.weights, one.problem.hessians, 1)
    if len(one.start) == 1:
        return np.linspace(-radius, radius, 4001)[:, np.newaxis]
    turns = np.linspace(0.0, 2.0 * np.pi, 4001)
    circle = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    bent = circle @ np.linalg.inv(mean)
    bent /= np.linalg.norm(bent, axis=1, keepdims=True)
    return np.concatenate([size * radius * points for size in (0.0, 0.5, 1.0) for points in (circle, bent)])


def broken(one):
    """Which of the assumptions an instance does not meet."""
    rho, points, slack = one.problem.weights, np.concatenate([domain(one), visited(one)]), 1.0 + 1e-9
    slopes = np.array(
        [(points - c) @ h.T for c, h in zip(one.problem.centers, one.problem.hessians, strict=True)]
    )  # (K, points, d)
    steepest = np.linalg.norm(slopes, axis=2).max(axis=0)
    curvatures = np.linalg.svd(one.problem.hessians, compute_uv=False)
    allowed = one.zetas[0] + one.zetas[1] * np.linalg.norm(np.tensordot(rho, slopes, 1), axis=1) ** 2
    checks = {
        "domain": np.linalg.norm(visited(one), axis=1).max() <= one.radius * slack,
        "slope": steepest.max() <= one.epsilon * slack,
        "smoothness": curvatures.max() <= one.epsilon * slack,
        "convexity": 0.0 < one.problem.strong_convexity <= curvatures.min() * slack,
        "zeta": (steepest**2 <= allowed * slack + 1e-15).all() and min(one.zetas[0], one.zetas[1]) >= 0.0,
        "weights": rho.min() >= 0.0 and abs(rho.sum() - 1.0) < 1e-12,
        "symmetry": np.allclose(one.problem.hessians, one.problem.hessians.transpose(0, 2, 1)),
    }
    return {name for name, met in checks.items() if not met}


@pytest.mark.parametrize("example", COUNTEREXAMPLES, ids=lambda function: function.__name__)
def test_it_meets_every_assumption_with_one_epsilon(example):
    settings = example().settings
    assert bool(settings) != (example.__name__ in ASSUME_NOTHING)
    for one in settings:
        assert broken(one) == set()


@pytest.mark.parametrize(
    ("one", "names"),
    [
        (instance([[10.0], [-10.0]], radius=10.0), {"slope", "zeta"}),  # as (6) was once set literally
        (instance([[99.0], [-99.0]], radius=99.0, hessians=0.01, epsilon=1.0), {"slope", "zeta"}),
        (instance([[99.0], [-99.0]], radius=1.0, start=[0.0], hessians=0.01, epsilon=1.0), {"domain", "slope", "zeta"}),
        (instance([[1.0]], radius=5.0, hessians=10.0, zetas=(0.0, 1.0), foundation=np.sqrt(10.0)), {"slope"}),
        (instance([[0.0]], radius=1.0, start=[1.0], foundation=1.0), {"domain", "slope", "zeta"}),
        (instance([[0.0]], radius=1.0, start=[1.0], hessians=2.0, epsilon=1.0), {"slope", "smoothness", "zeta"}),
        (instance([[0.5], [-0.5]], radius=0.5, zetas=(0.5, 1.9)), {"zeta"}),
        (instance([[0.0, 0.0]], radius=1.0, hessians=[[[1.0, 0.0], [0.0, -0.5]]]), {"convexity"}),
        (instance([[0.0]], radius=1.0, weights=[0.9]), {"weights"}),
    ],
)  # fmt: skip
def test_what_breaks_an_assumption_is_seen(one, names):
    assert broken(one) == names


def test_a_zeta_that_is_a_little_too_small_is_seen():
    (one,) = module.eq6_absent_unseen().settings
    assert broken(dataclasses.replace(one, zetas=(one.zetas[0], 0.99 * one.zetas[1]))) == {"zeta"}


def test_a_setting_steps_as_1_says():
    (one,) = module.eq6_absent_unseen().settings
    w, received = np.array([0.3, -0.2]), np.array([1.0, 1.0])
    risk_slope = approx_fprime(w, lambda w: one.problem.risk(w), 1e-7)
    np.testing.assert_allclose(one.after(w, received), w - risk_slope / one.epsilon, atol=1e-6)
    np.testing.assert_array_equal(one.after(w, 0.0 * received), w)


# each of them


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


@given(st.floats(0.1, 50.0))
def test_the_printed_factor_is_no_contraction_from_two_on(smoothness):
    """1 - 2 (1 - epsilon/2) with xi = epsilon and zeta2 = 0."""
    found = module.thm1_bound_grows(smoothness)
    assert found.left == pytest.approx(abs(smoothness - 1.0) if smoothness >= 1.0 else smoothness - 1.0)
    assume(abs(smoothness - 2.0) > 1e-6)
    assert found.refutes == (smoothness > 2.0)


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
    one = instance([[0.0]], radius=0.5, start=[0.5], hessians=4.0)
    after = [one.expected_risk(np.ones(1), np.array([rate])) for rate in (1.0, 0.0)]
    np.testing.assert_allclose(after, [0.0, 0.5])


@given(st.floats(0.5, 8.0), st.floats(0.001, 0.5), st.integers(1, 10**6))
def test_eq6_set_literally(smoothness, share, test_samples):
    """One step goes from -1/2 to 1/2. A = 2 - epsilon with xi = epsilon and zeta2 = 0; 1 from the empty product."""
    found = module.eq6_literal(smoothness, share, test_samples)
    assert found.left == pytest.approx((1 - share) * smoothness / 2)
    rate, apart = 2.0 - smoothness, np.sqrt(4 * smoothness**2 / (smoothness**2 * test_samples))
    assert found.right == pytest.approx((1 - rate) * share * smoothness / 2 + 1.0 + smoothness * rate * apart)
    assert found.corrected_holds
    assert broken(found.settings[0]) == set()


def test_eq6_with_b_where_it_is_set_literally_without():
    """B = 2 zeta1 / epsilon (K + 2 M') = 16 in place of the 1 would do: the literal reading is what fails."""
    found = module.eq6_literal()
    assert found.right < found.left < found.right - 1.0 + 16.0


@given(positive, st.floats(0.01, 1.0))
def test_the_foundation_model_as_a_penalty(curvature, foundation_sq):
    found = module.eq6_foundation_apart(curvature, foundation_sq)
    w = least(lambda w: 0.5 * curvature * w[0] ** 2).x[0]  # where the module stays
    assert found.left == pytest.approx(0.5 * curvature * (w + np.sqrt(foundation_sq)) ** 2, rel=1e-5)
    assert found.right == pytest.approx((curvature + 2.0) / 4.0 * foundation_sq)
    assert found.corrected == pytest.approx(0.5 * curvature * foundation_sq)
    assert broken(found.settings[0]) == set()
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


@given(st.floats(0.001, 1.0), st.integers(1, 10**6))
def test_a_rate_above_one(curvature, test_samples):
    """A = 2 - h, B = 4 h, gap h/8 in every round, and the third term 2 A h / sqrt(D); all scale with h."""
    found = module.eq6_rate_above_one(curvature, test_samples)
    rate = 2.0 - curvature
    assert found.left == pytest.approx(curvature / 8)
    third = 2 * rate * curvature / np.sqrt(test_samples)
    assert found.right == pytest.approx((1 - rate) * (curvature / 8 + 4 * curvature) + 4 * curvature + third)
    assert found.corrected == pytest.approx(found.left)


@given(st.floats(0.01, 0.99))
def test_a_right_side_that_depends_on_the_first_round(success):
    """A = 2 (1 - 4 - 1/2) = -7; the gap 1/2 is left if an upload is lost, and 0 otherwise."""
    found = module.eq6_random_right_side(success)
    assert found.left == pytest.approx((1 - success) ** 2 / 2)
    assert found.right == 0.0
    assert found.corrected == pytest.approx((1 - success) * 8 / 2)
    assert found.corrected_holds


@pytest.mark.parametrize("curvature", [0.5, 1.0, 4.0])
def test_samples_that_are_drawn_anew_bring_noise_of_their_own(curvature):
    """Against draws: gradients are plus and minus half the curvature."""
    found = module.eq27_resampled_batches(curvature)
    sent = curvature * np.random.default_rng(0).choice([-0.5, 0.5], size=1000)
    assert found.left == pytest.approx((sent**2).mean())
    assert found.right == 0.0
    assert found.corrected == pytest.approx(curvature**2 / 4)
    assert found.refutes


@given(st.lists(st.integers(-3, 3), min_size=4, max_size=4), st.sampled_from([0.0, 0.5]))
def test_multipliers_of_each_round_ask_for_more(costs, participation):
    """Two rounds and two modules, against what can be listed."""
    first, second = np.reshape(costs, (2, 2))
    found = module.eq10a_every_round((first, second), participation)
    half = participation > 0
    if half:  # one module a round, each once; or half of either in every round
        whole, every_round = min(first[0] + second[1], first[1] + second[0]), (first + second).sum() / 2
    else:
        whole = every_round = min(0, *first) + min(0, *second)
    assert found.left == pytest.approx(whole)
    assert found.right == pytest.approx(every_round)
    assert found.corrected_holds
    assert found.refutes == (half and abs(first @ [1, -1] - second @ [1, -1]) > 0)


def absent(angle, curvature):
    u, v = (np.array([np.cos(angle / 2), sign * np.sin(angle / 2)]) for sign in (1, -1))
    return [np.outer(direction, direction) + curvature * np.eye(2) for direction in (u, v)]


@given(st.floats(0.02, 1.2), st.sampled_from([1e-6, 0.3]))
def test_an_absent_ue_that_the_print_does_not_see(angle, curvature):
    first, second = absent(angle, curvature)
    found = module.eq6_absent_unseen(angle, curvature)
    mean, w = (first + second) / 2, np.array([0.0, 1.0])
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
    problem = instance(centers, radius=9.0, hessians=roots @ roots.transpose(0, 2, 1)).problem

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
    assert risk_gap._second_term(A, B) == pytest.approx(plain)
    assert risk_gap._second_term(A, B, literal=True) == pytest.approx(literal)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_the_printed_cost_chooses_the_worse_channel(first, second):
    assume(abs(first - second) > 1e-6)
    found = module.eq9_prefers_the_worse_channel(first, second)
    assert (found.left, found.right, found.corrected) == (max(first, second), min(first, second), max(first, second))
    assert found.refutes


@given(positive, st.floats(-0.6, 0.6), st.floats(0.05, 0.4))
def test_eq24_drops_a_gradient(curvature, distance, foundation):
    """w0 adds a w0^2/2 + a w w0 to the risk a w^2 / 2; the print allows (a + 2) / 4 w0^2."""
    found = module.eq6_without_the_gradient(curvature, distance, foundation)
    dropped = curvature * distance * foundation + (curvature / 4 - 0.5) * foundation**2
    rate = -2e-6 * (3.0 + curvature / 2)  # A, of one lost upload, with xi = 1e-6 epsilon
    kept = -rate * curvature * distance**2 / 2  # by how much (6) lets a module that stays seem to get worse
    assert found.left - found.right == pytest.approx(dropped - kept, abs=1e-9)
    assert found.corrected_holds
    assert found.corrected == pytest.approx(found.left + kept, abs=1e-9)  # a quadratic is its own expansion
    assert broken(found.settings[0]) == set()


def test_eq24_fails_for_small_curvature_too():
    assert module.eq6_without_the_gradient(curvature=1.0).refutes
    assert not module.eq6_without_the_gradient(curvature=1.0, distance=0.0).refutes


@pytest.mark.parametrize("success", [0.0, 0.3, 0.5, 0.9])
def test_eq27_with_uploads_lost(success):
    """e = 1 if the second is lost, else 0; zeta1 = 4, since slopes go up to 2 on the domain."""
    found = module.eq27_subscribed_but_lost(success)
    assert found.left == pytest.approx(1.0 - success)
    assert found.right == 0.0
    assert found.corrected == pytest.approx(8.0 * (1.0 - success))
    assert found.refutes


def test_eq27_with_a_ue_absent():
    found = module.eq27_received_but_absent()
    assert (found.left, found.right, found.corrected) == (1.0, 0.0, 8.0)


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


# where (6) holds


def random_problem(rng):
    """One dimension and one epsilon: places, start, curvatures, weights, epsilon and both zetas of Assumption 3."""
    count, radius = int(rng.integers(1, 4)), rng.uniform(0.1, 2.0)
    ends = radius * rng.choice([-1.0, 1.0, *rng.uniform(-1, 1, 2)], count + 1)
    hessians, rho = rng.uniform(0.02, 1.0, count) ** rng.uniform(0, 2), rng.dirichlet(np.full(count, 0.5))
    w = np.linspace(-radius, radius, 81)
    slopes = np.abs(hessians[:, np.newaxis] * (w - ends[:count, np.newaxis])).max(axis=0)
    epsilon = rng.uniform(0.01, 2.0)
    hessians *= epsilon / max(slopes.max(), hessians.max())
    optimum = rho * hessians @ ends[:count] / (rho @ hessians)
    points = np.append(w, [ends[-1], optimum])
    slopes = hessians[:, np.newaxis] * (points - ends[:count, np.newaxis])
    zeta2 = rng.choice([0.0, rng.uniform(0, 0.25 / count)])
    zeta1 = ((slopes**2).max(axis=0) - zeta2 * (rho @ slopes) ** 2).max()
    return ends[:count], ends[-1], hessians, rho, epsilon, zeta1, zeta2


def after_rounds(w, centers, hessians, rho, epsilon, schedule):
    """Every place where a schedule may lead, with its probability."""
    places = [(1.0, w)]
    for beta, rate in schedule:
        chances = beta * rate
        moved = []
        for received in itertools.product((0.0, 1.0), repeat=len(rho)):
            a = np.array(received)
            p = np.where(a > 0, chances, 1 - chances).prod()
            if p > 0:
                step = [(rho * a) @ (hessians * (w - centers)) / (rho @ a or 1.0) / epsilon for _, w in places]
                moved += [(p * q, w - s) for (q, w), s in zip(places, step, strict=True)]
        places = moved
    return places


def both_sides_of_6(rng, centers, start, hessians, rho, epsilon, zeta1, zeta2):
    """(6) in the generous reading, its first term a mean: left, right without the third term, and A of the rounds."""
    count, rounds = len(rho), int(rng.integers(1, 3))
    schedule = [(rng.integers(0, 2, count), rng.choice([0.0, 1.0, *rng.uniform(size=2)], count)) for _ in range(rounds)]
    xi, twice = hessians.min(), [rho @ ((1 - beta) * (1 - rate)) for beta, rate in schedule]
    rates = [2 * xi / epsilon * (1 - 8 * zeta2 * m - 4 * zeta2 * count - epsilon / 2) for m in twice]
    offsets = [2 * zeta1 / epsilon * (count + 2 * m) for m in twice]

    def risk(schedule):  # whose least value is 0 for every UE
        places = after_rounds(start, centers, hessians, rho, epsilon, schedule)
        return sum(p * rho @ (hessians * (w - centers) ** 2) / 2 for p, w in places)

    second = sum(np.prod([1 - a for a in rates[q + 1 :]]) * offsets[q] for q in range(rounds))
    return risk(schedule), (1 - rates[-1]) * risk(schedule[:-1]) + second, rates


def test_6_holds_where_no_rate_is_negative_or_above_one():
    """Without its third term, even, which only adds to the right."""
    rng, seen = np.random.default_rng(6), 0
    for _ in range(6000):
        left, right, rates = both_sides_of_6(rng, *random_problem(rng))
        if min(rates) >= 0 and max(rates) <= 1:
            seen += 1
            assert left <= right * (1 + 1e-12)
    assert seen > 2500
