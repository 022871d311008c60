"""Every counterexample to the learning part meets the assumptions of the sibling, as computed from its risks alone."""

import dataclasses
import itertools

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize

from fedswitch.split import convergence
from fedswitch.split.quadratic_round import QuadraticRound
from fedswitch.theory.outcomes import checks_in

CHECKS = checks_in(convergence).values()
PROBLEMS = {check: problem for check in CHECKS for problem in check().settings}

ALGEBRA = {  # needs none of the assumptions, because
    convergence.three_equal_devices: "(12) is about any vectors",
    convergence.reversed_chain: "it compares two limits of L",
    convergence.half_of_the_sampling: "it compares two coefficients",
    convergence.objective_with_the_wrong_sign: "it compares (13) with (17a)",
    convergence.channel_sorted_schedule: "(32) is a mean over schedules",
    convergence.lost_step_size: "(35) is about any gradients",
    convergence.squares_of_the_first_devices: "(36) is about any gradients",
    convergence.products_without_their_weight: "(37) is about any gradients",
}
ANY_SCHEDULE = {convergence.device_that_is_never_scheduled}  # Theorem 1 is for "an arbitrary scheduling policy"


def broken(problem):
    """The assumptions that a problem does not meet."""
    setting, found = problem.setting, set()
    count, rng = setting.num_devices, np.random.default_rng(0)

    def loss(point):  # (1)
        return np.mean([problem.risk(k, point[0], point[1 + k]) for k in range(count)])

    least = minimize(loss, rng.normal(size=count + 1), method="BFGS")
    points = rng.normal(scale=3.0, size=(20, count + 1))
    if any(loss(point) < least.fun - 1e-6 for point in 1e3 * points):
        found.add("1: a minimum")
    for k, (adapter, task) in itertools.product(range(count), points[:, :2]):
        # central differences, exact for quadratic risks
        at = {(i, j): problem.risk(k, adapter + i, task + j) for i in (-1, 0, 1) for j in (-1, 0, 1)}
        slope = np.array([at[1, 0] - at[-1, 0], at[0, 1] - at[0, -1]]) / 2
        mixed = (at[1, 1] - at[1, -1] - at[-1, 1] + at[-1, -1]) / 4
        hessian = [[at[1, 0] + at[-1, 0] - 2 * at[0, 0], mixed], [mixed, at[0, 1] + at[0, -1] - 2 * at[0, 0]]]
        if abs(np.linalg.eigvalsh(hessian)).max() > setting.smoothness + 1e-9:
            found.add("2: L-smooth")
        drawn = [problem.gradient(k, adapter, task, signs) for signs in itertools.product((-1, 1), repeat=2)]
        if not np.allclose(np.mean(drawn, axis=0), slope):
            found.add("3: unbiased")
        if np.var(drawn, axis=0).max() > setting.noise_variance + 1e-9:
            found.add("4: variance")
    for point in points:
        if (approx_fprime(point, loss) ** 2).sum() / 2 < setting.pl_constant * (loss(point) - least.fun) - 1e-5:
            found.add("5: Polyak-Łojasiewicz")
    if setting.smoothness >= setting.learning_rate / (setting.learning_rate**2 + 1):
        found.add("Theorem 1: L")
    if {len(set(chosen)) for chosen in problem.schedules} != {setting.num_scheduled}:
        found.add("N of K")
    if len(set(np.bincount(np.concatenate(problem.schedules), minlength=count))) > 1:
        found.add("(32): all equally often")
    return found


def test_every_check_states_a_problem_or_is_algebra():
    assert PROBLEMS.keys() | ALGEBRA.keys() == set(CHECKS)
    assert not PROBLEMS.keys() & ALGEBRA.keys()


@pytest.mark.parametrize("check", PROBLEMS)
def test_the_assumptions_are_met(check):
    assert broken(PROBLEMS[check]) == ({"(32): all equally often"} if check in ANY_SCHEDULE else set())


@pytest.mark.parametrize("check", PROBLEMS)
def test_the_check_is_about_this_problem(check):
    problem = PROBLEMS[check]
    assert check().left in (problem.next_gap(), problem.change())


class Concave(QuadraticRound):
    def risk(self, device, adapter, task):
        return -super().risk(device, adapter, task)


class Steep(QuadraticRound):
    def risk(self, device, adapter, task):
        return 2 * super().risk(device, adapter, task)


class Biased(QuadraticRound):
    def gradient(self, device, adapter, task, signs):
        return super().gradient(device, adapter, task, (1, signs[1]))


class Loud(QuadraticRound):
    def gradient(self, device, adapter, task, signs):
        return super().gradient(device, adapter, task, 2 * np.array(signs))


@pytest.mark.parametrize(
    ("kind", "changes", "assumption"),
    [
        (Concave, {}, "1: a minimum"),
        (Steep, {}, "2: L-smooth"),
        (Biased, {}, "3: unbiased"),
        (Loud, {}, "4: variance"),
        (QuadraticRound, {"pl_constant": 0.31}, "5: Polyak-Łojasiewicz"),
        (QuadraticRound, {"task_size": 1}, "5: Polyak-Łojasiewicz"),
        (QuadraticRound, {"smoothness": 0.41}, "Theorem 1: L"),
        (QuadraticRound, {"num_scheduled": 3}, "N of K"),
    ],
)
def test_a_problem_that_breaks_an_assumption_is_found(kind, changes, assumption):
    met = PROBLEMS[convergence.noise_of_the_adapter]
    fields = {field.name: getattr(met, field.name) for field in dataclasses.fields(met)}
    assert assumption in broken(kind(**{**fields, "setting": dataclasses.replace(met.setting, **changes)}))
