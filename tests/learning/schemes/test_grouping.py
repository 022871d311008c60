import dataclasses

import numpy as np
import pytest
from scipy.stats import chi2

from fedswitch import Scenario
from fedswitch.learning.schemes import SCHEMES
from fedswitch.learning.schemes.grouping import PART, Grouping, find_groups, halves
from fedswitch.learning.simulation import simulate

MODULES = 4


def some_losses(rng, tasks, samples, apart):
    """Losses (N, K, S): how hard samples are, heavy-tailed noise of modules, and a module that suits each task."""
    tasks = np.asarray(tasks)
    hard = rng.exponential(2.0, size=(1, len(tasks), samples))
    noise = rng.exponential(size=(MODULES, len(tasks), samples)) * np.array([1.0, 1.5, 0.7, 1.2])[:, None, None]
    suits = np.arange(MODULES)[:, np.newaxis] == tasks
    return hard + noise - apart * suits[..., np.newaxis]


def summed(losses):
    """Profiles, weights and noises of one round, by their definitions."""
    risks = losses.mean(axis=2).T
    noises = np.stack([np.cov(losses[:, k]) for k in range(losses.shape[1])])
    return risks - risks.mean(axis=0), np.full(len(risks), float(losses.shape[2])), noises


@pytest.mark.parametrize(("count", "samples"), [(2, 72), (6, 72), (12, 72), (40, 72), (12, 24)])
def test_ues_of_one_task_are_rarely_parted(count, samples):
    rng = np.random.default_rng(0)
    said = np.array([halves(*summed(some_losses(rng, [0] * count, samples, 0.5)))[1] for _ in range(400)])
    # standard errors 0.015 and 0.005; the losses are far from normal
    assert np.mean(said < 0.1) == pytest.approx(0.1, abs=0.06)
    assert np.mean(said < 0.01) < 0.035
    assert np.mean(said < PART) <= 1 / 400


@pytest.mark.parametrize("counts", [(6, 6), (10, 2), (4, 4, 4), (3, 3, 3, 3)])
def test_tasks_are_told_apart_and_no_more_groups_are_made(counts):
    rng, exact = np.random.default_rng(1), 0
    tasks = np.repeat(np.arange(len(counts)), counts)
    for _ in range(50):
        order = rng.permutation(len(tasks))
        found = find_groups(*summed(some_losses(rng, tasks[order], 72, 1.2)), most=MODULES)
        pairs = tasks[order][:, np.newaxis] == tasks[order]
        exact += np.array_equal(pairs, found[:, np.newaxis] == found)
        assert sorted(set(found)) == list(range(found.max() + 1))
    assert exact >= 45


def test_the_power_grows_with_samples_and_difference():
    rng = np.random.default_rng(2)

    def power(samples, apart):
        tasks = [0] * 6 + [1] * 6
        return np.mean([halves(*summed(some_losses(rng, tasks, samples, apart)))[1] < PART for _ in range(100)])

    assert power(16, 0.6) < power(72, 0.6)
    assert power(72, 0.3) < power(72, 0.6)
    assert power(72, 0.6) > 0.8


def test_how_hard_samples_are_does_not_matter():
    """Losses of one task, but those of half the UEs are far higher: with every module."""
    losses = some_losses(np.random.default_rng(3), [0] * 12, 72, 0.5)
    harder = losses + 5.0 * (np.arange(12) < 6)[np.newaxis, :, np.newaxis]
    for one in (losses, harder):
        (profiles, *rest) = summed(one)
        assert halves(profiles, *rest)[1] == pytest.approx(halves(*summed(losses))[1])


def test_a_limit_that_forgets_that_halves_were_chosen_would_find_groups_anywhere():
    rng, chosen, ours = np.random.default_rng(4), 0, 0
    for _ in range(100):
        points = np.hstack([rng.normal(size=(40, 3)), np.zeros((40, 1))])
        noises = np.tile(np.diag([1.0, 1.0, 1.0, 0.0]), (40, 1, 1))
        first, chance = halves(points, np.ones(40), noises)
        ours += chance < 0.01
        a, b = points[first, :3], points[~first, :3]
        mean = np.linalg.norm(a.mean(axis=0) - b.mean(axis=0)) ** 2
        chosen += len(a) * len(b) / 40 * mean > chi2.isf(0.01, 3)
    assert chosen > 90
    assert ours < 10


def test_groups_stay_on_evidence_on_which_they_would_not_be_made():
    """A difference between the two limits neither makes groups nor ends them."""
    rng, between = np.random.default_rng(5), 0
    for _ in range(60):
        given = summed(some_losses(rng, [0] * 6 + [1] * 6, 24, 0.55))
        if PART <= halves(*given)[1] < 0.1:
            between += 1
            assert find_groups(*given, most=MODULES, before=1).max() == 0
            assert find_groups(*given, most=MODULES, before=2).max() == 1
    assert between > 5


def test_there_are_never_more_groups_than_modules():
    rng = np.random.default_rng(6)
    given = summed(some_losses(rng, np.arange(12) % 4, 200, 5.0))
    assert [find_groups(*given, most=most).max() + 1 for most in (1, 2, 3, 4)] == [1, 2, 3, 4]


def test_ues_that_were_heard_less_are_no_group_of_their_own():
    """Eleven UEs of two tasks were heard for long, and one has just joined: it belongs to those of its task."""
    rng, exact, alone = np.random.default_rng(8), 0, 0
    for _ in range(60):
        tasks = np.append(rng.permutation(np.arange(11) % 2), 0)
        means, counts, covariances = summed(some_losses(rng, tasks, 72, 3.0))
        late_means, _, late_covariances = summed(some_losses(rng, tasks, 8, 3.0))
        profiles = np.vstack([means[:11], late_means[11:]])
        samples = np.append(counts[:11], 8.0)
        found = find_groups(profiles, samples, np.concatenate([covariances[:11], late_covariances[11:]]), most=MODULES)
        exact += np.array_equal(tasks[:, None] == tasks, found[:, None] == found)
        alone += (found == found[11]).sum() == 1
    assert exact >= 50
    assert alone <= 5


def test_the_chance_of_two_ues_is_that_of_a_chi_squared_distribution():
    given = (
        np.array([[0.0, 0.3, 1.0, -0.2], [0.5, 0.1, -0.6, 0.4]]),
        np.array([3.0, 5.0]),
        np.tile(np.eye(4), (2, 1, 1)),
    )
    apart = (given[0] - given[0].mean(axis=1, keepdims=True)) * np.sqrt(given[1])[:, None]
    mean = np.average(given[0] - given[0].mean(axis=1, keepdims=True), axis=0, weights=given[1])
    apart -= mean * np.sqrt(given[1])[:, None]
    assert halves(*given)[1] == pytest.approx(chi2.sf(np.sum((apart[0] - apart[1]) ** 2) / 2, 3))


def test_nothing_is_parted_where_nothing_is_known():
    nothing = np.zeros((3, MODULES)), np.ones(3), np.zeros((3, MODULES, MODULES))
    assert find_groups(*nothing, most=4).tolist() == [0, 0, 0]
    assert find_groups(*(part[:1] for part in nothing), most=4).tolist() == [0]
    one_module = np.ones((3, 1)), np.ones(3), np.ones((3, 1, 1))
    assert find_groups(*one_module, most=1).tolist() == [0, 0, 0]


# the scheme


SCENARIO = Scenario.corrected(num_ues=12, batch_size=16)


@pytest.mark.parametrize("silent", [0.0, 0.4])
def test_what_is_remembered_are_weighted_means_over_the_rounds_that_were_heard(silent):
    scheme, rng = Grouping(SCENARIO, 0), np.random.default_rng(7)
    rounds = []
    for _ in range(9):
        losses = some_losses(rng, np.arange(12) % 2, 16, 1.0)
        losses[:, rng.random(12) < silent] = np.nan
        rounds.append(losses)
        scheme.hear(losses)
    for k in range(12):
        heard = [one for one in rounds if not np.isnan(one[0, k, 0])]
        weights = scheme.MEMORY ** np.arange(len(heard))[::-1]
        profile = [one[:, k].mean(axis=1) - np.nanmean(one, axis=(1, 2)) for one in heard]
        expected = np.average(profile, axis=0, weights=weights)
        np.testing.assert_allclose(scheme.profiles[k] / scheme.weight[k], expected, rtol=1e-9, atol=1e-12)
        noise = np.average([np.cov(one[:, k]) for one in heard], axis=0, weights=weights)
        np.testing.assert_allclose(scheme.noises[k] / scheme.weight[k], noise, rtol=1e-9)
        samples = 16 * weights.sum() ** 2 / (weights**2).sum()
        assert scheme.weight[k] ** 2 / scheme.square[k] == pytest.approx(samples)


def test_ues_move_to_the_module_of_their_group_and_stay_while_they_are_silent():
    scheme, rng = Grouping(SCENARIO, 1), np.random.default_rng(8)
    tasks = rng.permutation(np.arange(12) % 3)
    assert np.bincount(scheme.module).tolist() == [3, 3, 3, 3]
    for _ in range(6):
        losses = some_losses(rng, tasks, 16, 1.5)
        losses[:, rng.random(12) < 0.3] = np.nan
        scheme.hear(losses)
        scheme.regroup()
    assert scheme.module.tolist() == tasks.tolist()  # module n suits task n
    for _ in range(5):
        scheme.hear(np.full((MODULES, 12, 16), np.nan))
        scheme.regroup()
    assert scheme.module.tolist() == tasks.tolist()


def test_the_margin_is_the_standard_error_of_a_difference_between_two_modules():
    """Mean over all pairs of modules, from the samples themselves."""
    scheme, losses = Grouping(SCENARIO, 0), some_losses(np.random.default_rng(11), np.arange(12) % 2, 16, 1.0)
    scheme.hear(losses)
    pairs = [(n, m) for n in range(MODULES) for m in range(n)]
    for k, margin in enumerate(scheme.margin(np.arange(12))):
        squares = [np.var(losses[n, k] - losses[m, k], ddof=1) / 16 for n, m in pairs]
        assert margin == pytest.approx(np.sqrt(np.mean(squares)))


@pytest.mark.parametrize("first", [1, 2])
def test_a_group_keeps_its_module_unless_another_is_better_by_more_than_noise(first):
    """Two modules are as good, the others bad; then the second of the two becomes much better."""
    scheme, rng = Grouping(SCENARIO, 4), np.random.default_rng(12)
    scheme.module[:] = first
    for t in range(40):
        losses = some_losses(rng, np.zeros(12, dtype=int), 16, 0.0)
        losses += np.array([3.0, -1.5, -0.7, 3.0])[:, None, None]  # on average, module 1 adds 1.5 and module 2 adds 0.7
        losses[3 - first] -= 1.0 * (t >= 30)
        scheme.hear(losses)
        scheme.regroup()
        if not 30 <= t < 35:
            assert set(scheme.module.tolist()) == {first if t < 30 else 3 - first}


def test_a_ue_that_was_never_heard_stays_where_it_was_dealt():
    scheme, rng = Grouping(SCENARIO, 2), np.random.default_rng(9)
    first = scheme.module.copy()
    scheme.regroup()
    assert np.array_equal(scheme.module, first)
    for _ in range(6):
        losses = some_losses(rng, np.zeros(12, dtype=int), 16, 1.0)
        losses[:, 3] = np.nan
        scheme.hear(losses)
        scheme.regroup()
    others = np.arange(12) != 3
    assert scheme.module[3] == first[3]
    assert (scheme.module[others] == 0).all()


def test_one_sample_says_nothing_of_noise_and_parts_nobody():
    scheme, rng = Grouping(dataclasses.replace(SCENARIO, batch_size=1), 3), np.random.default_rng(10)
    for _ in range(6):
        scheme.hear(some_losses(rng, np.arange(12) % 2, 1, 3.0))
        scheme.regroup()
    assert scheme.groups == 1


def test_each_ue_trains_one_module_and_in_the_first_rounds_all_modules_are_trained(small, toy_task):
    history = simulate(small, task=toy_task, backbone="tiny", scheme="grouping", rounds=6)
    uploads = history.subscribed.sum(axis=1)
    assert (uploads <= 1).all()
    assert (history.subscribed[: Grouping.WARM].any(axis=2)).all()
    assert SCHEMES["grouping"] is Grouping
