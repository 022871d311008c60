"""The corrected Lemma 1 and Theorem 1 on random problems, and the printed forms by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedswitch.split.theorem import (
    RoundSetting,
    alpha,
    beta,
    descent_bound,
    gap_bound,
    gradient_bound,
    sampling_error,
    zeta,
)

BY_HAND = RoundSetting(
    num_devices=5, num_scheduled=2, smoothness=0.2, learning_rate=0.5, pl_constant=0.1, noise_variance=3.0,
    adapter_size=7, task_size=11,
)  # fmt: skip


class Quadratics:
    """f_k = (1/2) x' H_k x - b_k' x in x = (w^a, w_k^t), every H_k between 0 and L; the expectation is exact."""

    def __init__(self, seed, adapter_only=False):
        rng = np.random.default_rng(seed)
        self.count, self.adapter, self.task = 4, 2, 0 if adapter_only else 1
        self.scheduled = int(rng.integers(1, self.count + 1))
        size = self.adapter + self.task
        roots = rng.normal(size=(self.count, size, size))
        self.hessians = roots @ roots.transpose(0, 2, 1)
        self.smoothness = float(np.linalg.eigvalsh(self.hessians).max())
        self.rate = float(rng.uniform(0.05, 2.0)) / self.smoothness
        self.noise = float(rng.uniform(0, 2))
        self.linear = rng.normal(size=(self.count, size))
        # what W = (w^a, w_1^t, ..., w_K^t) has to do with x_k
        width = self.adapter + self.count * self.task
        self.select = np.zeros((self.count, size, width))
        self.select[:, : self.adapter, : self.adapter] = np.eye(self.adapter)
        if self.task:
            self.select[np.arange(self.count), self.adapter, self.adapter + np.arange(self.count)] = 1.0
        self.hessian = np.einsum("kiw,kij,kjv->wv", self.select, self.hessians, self.select) / self.count
        self.slope = np.einsum("kiw,ki->w", self.select, self.linear) / self.count
        self.best = np.linalg.solve(self.hessian, self.slope)
        self.start = self.best + rng.normal(size=width) * rng.choice([0.0, 0.1, 3.0])

    def gap(self, point):
        return 0.5 * (point - self.best) @ self.hessian @ (point - self.best)

    def gradients(self):
        points = self.select @ self.start
        return np.einsum("kij,kj->ki", self.hessians, points) - self.linear

    def next_gap(self):
        gradients, gaps = self.gradients(), []
        for chosen in itertools.combinations(range(self.count), self.scheduled):
            step, variance = np.zeros_like(self.start), np.zeros_like(self.start)
            for k in chosen:
                step[: self.adapter] += gradients[k, : self.adapter] / self.scheduled
                variance[: self.adapter] += self.noise / self.scheduled**2
                tasks = slice(self.adapter + k * self.task, self.adapter + (k + 1) * self.task)
                step[tasks] += gradients[k, self.adapter :]
                variance[tasks] += self.noise
            gaps.append(self.gap(self.start - self.rate * step) + 0.5 * self.rate**2 * np.diag(self.hessian) @ variance)
        return float(np.mean(gaps))

    def setting(self):
        return RoundSetting(
            num_devices=self.count, num_scheduled=self.scheduled, smoothness=self.smoothness, learning_rate=self.rate,
            pl_constant=float(np.linalg.eigvalsh(self.hessian).min()), noise_variance=self.noise,
            adapter_size=self.adapter, task_size=self.task,
        )  # fmt: skip


@given(st.integers(0, 10**6))
def test_lemma_1_holds_as_corrected(seed):
    problem = Quadratics(seed)
    gradients = problem.gradients()
    true = problem.hessian @ problem.start - problem.slope
    bound = gradient_bound(gradients[:, :2], gradients[:, 2:])
    assert true @ true <= bound * (1 + 1e-9)
    equal = np.repeat(gradients[:1], 4, axis=0)  # then nothing can be smaller
    adapter = equal[0, :2] @ equal[0, :2]
    assert gradient_bound(equal[:, :2], equal[:, 2:]) == pytest.approx(adapter + equal[0, 2] ** 2 / 4)


def test_lemma_1_as_printed_holds_for_two_devices_only():
    rng = np.random.default_rng(0)
    broken = {}
    for count in (2, 3):
        draws = [(rng.normal(size=(count, 1)), rng.normal(size=(count, 1))) for _ in range(300)]
        broken[count] = sum(
            a.mean() ** 2 + (t**2).sum() / count**2 > gradient_bound(a, t, form="printed") + 1e-12 for a, t in draws
        )
    assert broken[2] == 0
    assert broken[3] > 0


@given(st.integers(0, 10**6))
def test_theorem_1_holds_as_corrected(seed):
    problem = Quadratics(seed)
    adapter = problem.gradients()[:, :2]
    dissimilarity = ((adapter - adapter.mean(axis=0)) ** 2).sum() / 4
    bound = gap_bound(problem.setting(), problem.gap(problem.start), dissimilarity=dissimilarity)
    assert problem.next_gap() <= bound * (1 + 1e-9) + 1e-12


@given(st.integers(0, 10**6))
def test_descent_holds_as_corrected(seed):
    problem = Quadratics(seed, adapter_only=True)
    change = problem.next_gap() - problem.gap(problem.start)
    bound = descent_bound(problem.gradients(), problem.setting())
    assert change <= bound + 1e-9 * (1 + abs(bound))


@pytest.mark.parametrize("task_size", [0, 1])
@pytest.mark.parametrize("scheduled", [1, 2, 3])
def test_corrected_theorem_1_cannot_be_smaller(task_size, scheduled):
    """Where all curvatures are L and the start is the minimum, the bound is attained: by Monte Carlo."""
    smooth, eta, noise = 0.7, 0.9, 1.3
    rng = np.random.default_rng(scheduled)
    centers = np.array([2.0, -1.0, -1.0])
    runs = 200_000
    chosen = rng.permuted(np.tile(np.arange(3), (runs, 1)), axis=1)[:, :scheduled]
    drawn = -smooth * centers[chosen] + np.sqrt(noise) * rng.normal(size=chosen.shape)
    squares = (eta * drawn.mean(axis=1)) ** 2
    squares += task_size * ((eta**2 * noise * rng.normal(size=chosen.shape) ** 2).sum(axis=1)) / 3
    setting = RoundSetting(
        num_devices=3, num_scheduled=scheduled, smoothness=smooth, learning_rate=eta, pl_constant=0.1,
        noise_variance=noise, task_size=task_size,
    )  # fmt: skip
    bound = gap_bound(setting, 0.0, dissimilarity=np.mean((smooth * centers) ** 2))
    if not task_size:
        assert descent_bound(-smooth * centers[:, np.newaxis], setting) == pytest.approx(bound)
    gaps = 0.5 * smooth * squares
    assert abs(gaps.mean() - bound) < 4 * gaps.std() / np.sqrt(runs)


@given(st.floats(0.01, 2.0), st.floats(0.01, 1.0))
def test_corrected_contraction_is_that_of_a_gradient_step(smooth, step):
    """On (L/2) w^2 a step of length eta leaves (1 - L eta)^2 of the gap, neither more nor less than the bound."""
    setting = RoundSetting(
        num_devices=3, num_scheduled=3, smoothness=smooth, learning_rate=step / smooth, pl_constant=smooth
    )  # fmt: skip
    assert gap_bound(setting, 5.0) == pytest.approx(5 * (1 - step) ** 2, abs=1e-12)
    change = descent_bound(np.full((3, 1), smooth), setting)  # at w = 1
    assert change == pytest.approx(smooth / 2 * ((1 - step) ** 2 - 1))


@given(st.integers(0, 10**6))
def test_sampling_error_is_that_of_all_schedules(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 6))
    scheduled = int(rng.integers(1, count + 1))
    gradients = rng.normal(size=(count, 3))
    setting = RoundSetting(
        num_devices=count, num_scheduled=scheduled, smoothness=1.0, learning_rate=0.3, pl_constant=0.0,
    )  # fmt: skip
    errors = [
        0.09 * ((gradients[list(chosen)].mean(axis=0) - gradients.mean(axis=0)) ** 2).sum()
        for chosen in itertools.combinations(range(count), scheduled)
    ]
    assert sampling_error(gradients, setting) == pytest.approx(np.mean(errors))
    assert sampling_error(gradients, setting, form="printed") == pytest.approx(np.mean(errors) / 0.09)


@given(st.integers(2, 30), st.data(), st.floats(0.01, 2.0), st.floats(0.01, 2.0))
def test_corrected_zeta_is_the_largest_that_the_chain_admits(count, data, smooth, eta):
    scheduled = data.draw(st.integers(1, count))
    setting = RoundSetting(
        num_devices=count, num_scheduled=scheduled, smoothness=smooth, learning_rate=eta, pl_constant=0.0,
    )  # fmt: skip
    adapter = (smooth * eta**2 - eta) / 2 + (count - scheduled) * smooth / (2 * scheduled * (count - 1))
    assert -(count**2) * zeta(setting) / 2 == pytest.approx(adapter, abs=1e-12)
    short = zeta(setting, form="printed") - zeta(setting)
    assert short == pytest.approx(smooth * (count - scheduled) / (2 * scheduled * (count - 1) * count**2), abs=1e-12)
    limit = eta * scheduled * (count - 1) / ((count - 1) * scheduled * eta**2 + count - scheduled)
    if abs(smooth - limit) > 1e-6:
        assert (zeta(setting) > 0) == (smooth < limit)
    assert limit >= eta / (eta**2 + 1) * (1 - 1e-12)  # the chain below (16), reversed


def test_printed_by_hand():
    assert zeta(BY_HAND, form="printed") == pytest.approx((0.45 - 3 * 0.2 / (2 * 2 * 4)) / 25)
    assert alpha(BY_HAND) == pytest.approx(3 * 7 * (0.45 - 0.0375))
    assert beta(BY_HAND) == pytest.approx(-3 * 11 * 0.45)
    contraction = 1 - 2 * 0.1 * (0.45 - 0.0375) / 25
    assert gap_bound(BY_HAND, 2.0, form="printed") == pytest.approx(2 * contraction - 33 * 0.45 - 21 * 0.4125)
    gradients = np.arange(10.0).reshape(5, 2)
    squares, noise = 285.0, 21.0
    first = 0.2 * 0.25 / 10 * (squares + 5 * noise) + 3 * 0.2 / (2 * 5 * 2 * 4) * (squares + 5 * noise)
    assert descent_bound(gradients, BY_HAND, form="printed") == pytest.approx(first - 0.5 / 10 * squares)
    assert gradient_bound(gradients, [[1.0]] * 5, form="printed") == pytest.approx(2 / 25 * 290)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_scheduled": 0}, "num_scheduled must be from 1 to num_devices"),
        ({"num_scheduled": 6}, "num_scheduled must be from 1 to num_devices"),
        ({"num_devices": 1, "num_scheduled": 1}, "which must be at least 2, got 1 and 1"),
        ({"smoothness": 0.0}, "smoothness must be positive"),
        ({"learning_rate": np.nan}, "learning_rate must be positive"),
        ({"noise_variance": -1.0}, "noise_variance must be non-negative"),
        ({"task_size": -1}, "task_size must be non-negative"),
    ],
)
def test_bad_settings_are_named(changes, message):
    values = {"num_devices": 5, "num_scheduled": 2, "smoothness": 1.0, "learning_rate": 0.1, "pl_constant": 0.1}
    with pytest.raises(ValueError, match=message):
        RoundSetting(**{**values, **changes})


@pytest.mark.parametrize("call", [sampling_error, descent_bound])
def test_gradients_must_fit(call):
    with pytest.raises(ValueError, match=r"gradients must have shape \(5, d\), got \(4, 2\)"):
        call(np.ones((4, 2)), BY_HAND)
    with pytest.raises(ValueError, match="gradients must be finite"):
        call(np.full((5, 2), np.inf), BY_HAND)


@pytest.mark.parametrize(
    "call",
    [
        lambda form: gradient_bound([[1.0]], [[1.0]], form=form),
        lambda form: sampling_error(np.ones((5, 1)), BY_HAND, form=form),
        lambda form: descent_bound(np.ones((5, 1)), BY_HAND, form=form),
        lambda form: zeta(BY_HAND, form=form),
        lambda form: gap_bound(BY_HAND, 1.0, form=form),
    ],
)
def test_unknown_forms_are_named(call):
    with pytest.raises(ValueError, match="form must be one of printed, corrected, got 'sharp'"):
        call("sharp")
