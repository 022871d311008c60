import dataclasses
import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fedswitch import Scenario
from fedswitch.errors import FedswitchError
from fedswitch.learning.data import Split, Task
from fedswitch.learning.partition import (
    Partition,
    _fit_to_pools,
    _whole_counts,
    dirichlet_partition,
    domain_partition,
    partition_task,
    quantity_partition,
    ue_test_indices,
)
from fedswitch.learning.tasks import questions_task, reviews_task
from fedswitch.streams import stream

SEEDS = st.integers(0, 2**20)
POOLS = st.lists(st.integers(1, 2000), min_size=2, max_size=4)
CONCENTRATIONS = st.sampled_from([1e-6, 0.05, 0.5, 1.0, 100.0])


def shuffled_labels(pools, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(pools)), pools))


def split(labels, num_ues, *, seed=0, concentration=0.5, min_samples=1) -> Partition:
    return dirichlet_partition(
        labels, num_ues, concentration=concentration, min_samples=min_samples, rng=stream(seed, "partition")
    )


def split_or_reject(labels, num_ues, seed, concentration) -> Partition:
    """A partition, or a rejected example where the data do not suffice."""
    try:
        return split(labels, num_ues, seed=seed, concentration=concentration)
    except ValueError:
        assume(False)
        raise


def check_dealt(partition: Partition, groups: np.ndarray) -> None:
    """No sample is held twice, each UE's are in order, and the histogram counts them."""
    together = np.concatenate(partition.indices)
    assert len(np.unique(together)) == len(together)
    assert together.min() >= 0
    assert together.max() < len(groups)
    assert all(np.all(np.diff(held) > 0) for held in partition.indices)
    counted = [np.bincount(groups[held], minlength=groups.max() + 1) for held in partition.indices]
    np.testing.assert_array_equal(partition.histogram, counted)


@given(pools=POOLS, num_ues=st.integers(1, 100), concentration=CONCENTRATIONS, seed=SEEDS)
@settings(max_examples=200)
def test_ues_hold_equally_many_samples_of_their_own(pools, num_ues, concentration, seed):
    labels = shuffled_labels(pools, seed)
    partition = split_or_reject(labels, num_ues, seed, concentration)
    assert len(partition.indices) == num_ues
    assert len({len(held) for held in partition.indices}) == 1
    check_dealt(partition, labels)


@given(pools=POOLS, num_ues=st.integers(1, 100), concentration=CONCENTRATIONS, seed=SEEDS)
@settings(max_examples=200)
def test_labels_follow_the_proportions_and_the_size_is_the_largest(pools, num_ues, concentration, seed):
    partition = split_or_reject(shuffled_labels(pools), num_ues, seed, concentration)
    size, wanted = len(partition.indices[0]), partition.proportions
    np.testing.assert_allclose(wanted.sum(axis=1), 1.0, rtol=1e-12)
    assert np.abs(partition.histogram - size * wanted).max() < len(pools)
    # one sample more for every UE would exhaust a label; so many fit
    assert np.all(size * wanted.sum(axis=0) <= np.array(pools) * (1 + 1e-12))
    assert np.any((size + 1) * wanted.sum(axis=0) > np.array(pools) * (1 - 1e-12))


@given(st.data())
@settings(max_examples=200)
def test_rounding_never_overdraws_a_pool(data):
    """Pools so tight that plain largest remainders often exceed them; `Partition` could not be dealt from them then."""
    num_ues, num_labels = data.draw(st.integers(2, 40)), data.draw(st.integers(2, 4))
    pools = data.draw(st.lists(st.integers(num_ues, 4 * num_ues), min_size=num_labels, max_size=num_labels))
    partition = split_or_reject(shuffled_labels(pools), num_ues, data.draw(SEEDS), 100.0)
    assert np.all(partition.histogram.sum(axis=0) <= pools)
    assert np.all(partition.histogram >= 0)
    assert np.all(partition.histogram.sum(axis=1) == len(partition.indices[0]))


def test_largest_remainders_alone_would_overdraw():
    """Six UEs that want 1.2 and 0.8 samples: all would round to (1, 1), but only 5 of label 1 are there."""
    proportions = np.tile([0.6, 0.4], (6, 1))
    counts = _whole_counts(proportions, 2)
    np.testing.assert_array_equal(counts, np.ones((6, 2)))
    fitted = _fit_to_pools(counts, 2 * proportions, np.array([8, 5]))
    np.testing.assert_array_equal(fitted.sum(axis=0), [7, 5])
    np.testing.assert_array_equal(fitted.sum(axis=1), np.full(6, 2))


@pytest.mark.parametrize(("concentration", "low", "high"), [(0.05, 0.85, 1.0), (100.0, 0.5, 0.6)])
def test_small_concentrations_give_ues_of_one_label_and_large_ones_equal_ues(concentration, low, high):
    histogram = split(shuffled_labels([4000, 4000]), 100, concentration=concentration).histogram
    largest_share = (histogram.max(axis=1) / histogram.sum(axis=1)).mean()
    assert low < largest_share < high


def test_the_mean_and_spread_of_the_proportions_are_those_of_the_distribution():
    """Dir(a, a, a) has mean 1/3 and variance 2 / (9 (3 a + 1)) in each component."""
    drawn = split(np.arange(60000) % 3, 4000, concentration=0.7).proportions
    np.testing.assert_allclose(drawn.mean(axis=0), 1 / 3, atol=0.02)
    np.testing.assert_allclose(drawn.var(axis=0), 2 / 9 / (3 * 0.7 + 1), rtol=0.06)


def test_too_many_ues_are_refused_with_what_would_fit():
    labels = shuffled_labels([500, 500])
    with pytest.raises(
        ValueError,
        match=r"1,000 samples at concentration = 0\.5 do not give num_ues = 60 UEs min_samples = 32.*: lower num_ues",
    ) as refusal:
        split(labels, 60, min_samples=32)
    size, ues = map(int, re.search(r"only (\d+) each, or 32 each to (\d+) UEs", str(refusal.value)).groups())
    assert len(split(labels, 60, min_samples=size).indices[0]) == size
    assert len(split(labels, ues, min_samples=32).indices[0]) >= 32
    with pytest.raises(ValueError, match="UEs"):
        split(labels, ues + 1, min_samples=32)


@pytest.mark.parametrize(("labels", "absent"), [([0, 0, 2, 2], 1), ([1, 1], 0), ([3, 0, 1], 2)])
def test_a_label_that_nobody_has_is_named_instead_of_too_many_ues(labels, absent):
    with pytest.raises(ValueError, match=rf"labels must be numbered .* labels no sample has {absent}$"):
        split(labels, 1, concentration=1.0)
    with pytest.raises(ValueError, match=rf"domains must be numbered .* domains no sample has {absent}$"):
        domain_partition(labels, 1, domains_per_ue=1, min_samples=1, rng=stream(0, "partition"))


def test_a_test_set_without_a_label_is_not_told_to_be_smaller():
    with pytest.raises(ValueError, match=r"the test set needs some of all that the training data hold$"):
        ue_test_indices([0, 0, 0], np.array([[0.5, 0.5]]), 2, seed=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_ues": 0}, "num_ues = 0"),
        ({"num_ues": 1.5}, "num_ues = 1.5 must be a whole number"),
        ({"min_samples": "1"}, "min_samples = '1' must be a whole number"),
        ({"min_samples": 0}, "min_samples = 0"),
        ({"concentration": 0.0}, "concentration must be positive and finite, got 0"),
        ({"concentration": float("nan")}, "concentration must be positive and finite, got nan"),
        ({"labels": []}, "labels"),
        ({"labels": [0.5, 1.0]}, "labels"),
        ({"labels": [-1, 1]}, "labels"),
        ({"labels": [[0, 1]]}, "labels"),
    ],
)
def test_bad_arguments_are_refused_by_name(change, message):
    arguments = {"labels": [0, 1, 0, 1], "num_ues": 1, "concentration": 1.0, "min_samples": 1} | change
    with pytest.raises(ValueError, match=message):
        dirichlet_partition(**arguments, rng=stream(0, "partition"))


def test_a_partition_depends_on_its_stream_alone():
    labels = shuffled_labels([300, 300])
    first, again, other = split(labels, 10), split(labels, 10), split(labels, 10, seed=1)
    for field in dataclasses.fields(Partition):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    assert not np.array_equal(first.proportions, other.proportions)
    # who holds how much of a label does not depend on how many UEs follow
    np.testing.assert_array_equal(split(labels, 4).proportions, first.proportions[:4])


@given(
    num_ues=st.integers(1, 100), num_labels=st.integers(2, 4), samples=st.integers(1, 64), concentration=CONCENTRATIONS,
    seed=SEEDS,
)  # fmt: skip
@settings(max_examples=60)
def test_own_test_data_follow_the_proportions(num_ues, num_labels, samples, concentration, seed):
    labels = shuffled_labels([64] * num_labels, seed)
    proportions = stream(seed, "proportions").dirichlet(np.full(num_labels, concentration), size=num_ues)
    chosen = ue_test_indices(labels, proportions, samples, seed=seed)
    assert chosen.shape == (num_ues, samples)
    for row, wanted in zip(chosen, proportions, strict=True):
        assert len(set(row.tolist())) == samples
        assert np.abs(np.bincount(labels[row], minlength=num_labels) - samples * wanted).max() < 1


def test_own_test_data_do_not_depend_on_other_ues():
    labels = shuffled_labels([200, 200])
    proportions = split(labels, 8).proportions
    chosen = ue_test_indices(labels, proportions, 32, seed=5)
    np.testing.assert_array_equal(ue_test_indices(labels, proportions[:3], 32, seed=5), chosen[:3])
    changed = np.vstack([[0.5, 0.5], proportions[1:]])
    np.testing.assert_array_equal(ue_test_indices(labels, changed, 32, seed=5)[1:], chosen[1:])
    assert not np.array_equal(ue_test_indices(labels, proportions, 32, seed=6), chosen)


def test_every_sample_of_a_label_is_as_likely_to_be_test_data():
    """5000 UEs draw 5 of 20: each sample is held by a quarter of them, give or take 6 per mille."""
    labels = np.zeros(20, dtype=int)
    chosen = ue_test_indices(labels, np.ones((5000, 1)), 5, seed=0)
    np.testing.assert_allclose(np.bincount(chosen.ravel()) / 5000, 0.25, atol=5 * np.sqrt(0.25 * 0.75 / 5000))


def test_a_test_set_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match=r"holds 3 samples of label or domain 1, but UE 1 needs 8 of them.*: lower"):
        ue_test_indices([0] * 20 + [1] * 3, np.array([[1.0, 0.0], [0.2, 0.8]]), 10, seed=0)
    with pytest.raises(ValueError, match="samples = 0"):
        ue_test_indices([0, 1], np.array([[0.5, 0.5]]), 0, seed=0)


def split_by_quantity(labels, num_ues, *, seed=0, concentration=0.5, min_samples=1) -> Partition:
    return quantity_partition(
        labels, num_ues, concentration=concentration, min_samples=min_samples, rng=stream(seed, "partition")
    )


@given(
    pools=POOLS, num_ues=st.integers(1, 100), concentration=CONCENTRATIONS, min_samples=st.integers(1, 40), seed=SEEDS
)
@settings(max_examples=100)
def test_quantity_skew_deals_every_sample_and_the_least_number_to_each(
    pools, num_ues, concentration, min_samples, seed
):
    labels = shuffled_labels(pools, seed)
    assume(num_ues * min_samples <= len(labels))
    partition = split_by_quantity(labels, num_ues, seed=seed, concentration=concentration, min_samples=min_samples)
    assert len(partition.indices) == num_ues
    assert min(map(len, partition.indices)) >= min_samples
    assert sum(map(len, partition.indices)) == len(labels)
    check_dealt(partition, labels)
    np.testing.assert_allclose(partition.proportions, np.tile(np.array(pools) / len(labels), (num_ues, 1)))


def test_sizes_above_the_least_have_the_spread_of_the_distribution():
    """A share of Dir(a 1_K) has mean 1/K and variance (K - 1) / (K^2 (K a + 1))."""
    num_ues, least, spare = 2000, 3, 4_000_000
    partition = split_by_quantity(
        np.zeros(num_ues * least + spare, dtype=int), num_ues, concentration=0.7, min_samples=least
    )
    shares = (np.array([len(held) for held in partition.indices]) - least) / spare
    np.testing.assert_allclose(shares.var(), (num_ues - 1) / (num_ues**2 * (num_ues * 0.7 + 1)), rtol=0.15)


def test_quantity_skew_leaves_the_labels_as_they_are():
    """A UE's labels are a random draw: their number deviates by its hypergeometric standard deviation."""
    labels = np.repeat([0, 1], [3000, 9000])
    partition = split_by_quantity(labels, 60, concentration=2.0, min_samples=50)
    sizes = partition.histogram.sum(axis=1)
    deviation = (partition.histogram[:, 0] - 0.25 * sizes) / np.sqrt(
        sizes * 0.25 * 0.75 * (12000 - sizes) / (12000 - 1)
    )
    assert np.abs(deviation).max() < 4.5
    assert 0.7 < deviation.std() < 1.3


def split_by_domain(domains, num_ues, *, seed=0, domains_per_ue=2, min_samples=1) -> Partition:
    return domain_partition(
        domains, num_ues, domains_per_ue=domains_per_ue, min_samples=min_samples, rng=stream(seed, "partition")
    )


@given(data=st.data(), pools=st.lists(st.integers(1, 500), min_size=2, max_size=7), num_ues=st.integers(1, 60))
@settings(max_examples=100)
def test_domain_skew_gives_each_ue_its_own_domains_in_equal_parts(data, pools, num_ues):
    domains, domains_per_ue = shuffled_labels(pools), data.draw(st.integers(1, len(pools)))
    try:
        partition = split_by_domain(domains, num_ues, seed=data.draw(SEEDS), domains_per_ue=domains_per_ue)
    except ValueError:
        assume(False)
    check_dealt(partition, domains)
    held = partition.histogram > 0
    assert np.all(held.sum(axis=1) == domains_per_ue)
    of_each = partition.histogram.max()
    np.testing.assert_array_equal(partition.histogram, of_each * held)
    np.testing.assert_allclose(partition.proportions, held / domains_per_ue)
    # one sample more of each of its domains would exhaust one
    assert np.any((of_each + 1) * held.sum(axis=0) > pools)


def test_domains_are_held_by_equally_many_ues_and_in_many_combinations():
    partition = split_by_domain(shuffled_labels([1000] * 6), 90)
    held = partition.histogram > 0
    np.testing.assert_array_equal(held.sum(axis=0), 30)
    assert len(np.unique(held, axis=0)) == 15  # all pairs of 6
    # 5 domains, 2 a lap for each of 2 UEs: which one is left out is random
    left_over = split_by_domain(shuffled_labels([1000] * 5), 200).histogram > 0
    np.testing.assert_allclose(left_over.sum(axis=0), 80, atol=20)
    # the domains of a UE do not depend on how many UEs follow
    np.testing.assert_array_equal(
        split_by_domain(shuffled_labels([1000] * 6), 9).proportions, partition.proportions[:9]
    )


def test_which_samples_of_a_group_a_ue_holds_is_random():
    """Two UEs that hold half of everything: about half of the earlier half of each group goes to the first of them."""
    domains = np.repeat([0, 1], 1000)
    partition = split_by_domain(domains, 2, domains_per_ue=2)
    for group in (0, 1):
        held = partition.indices[0][domains[partition.indices[0]] == group] - 1000 * group
        assert 180 < np.sum(held < 500) < 320


@pytest.mark.parametrize(
    ("divide", "words"),
    [
        (split_by_quantity, "1,000 samples do not give num_ues = 60 UEs min_samples = 32 each"),
        (split_by_domain, "1,000 samples of 4 domains at domains_per_ue = 2 do not give num_ues = 60 UEs"),
    ],
)
def test_more_ues_than_the_data_allow_are_refused_with_what_would_fit(divide, words):
    groups = shuffled_labels([250] * 4)
    with pytest.raises(ValueError, match=words) as refusal:
        divide(groups, 60, min_samples=32)
    size, ues = map(int, re.search(r"only (\d+) each, or 32 each to (\d+) UEs", str(refusal.value)).groups())
    assert min(map(len, divide(groups, 60, min_samples=size).indices)) >= size
    assert min(map(len, divide(groups, ues, min_samples=32).indices)) >= 32
    for num_ues, least in ((60, size + 1), (ues + 1, 32)):
        with pytest.raises(ValueError, match="UEs"):
            divide(groups, num_ues, min_samples=least)


@pytest.mark.parametrize(
    ("divide", "change", "message"),
    [
        (split_by_quantity, {"num_ues": 0}, "num_ues = 0"),
        (split_by_quantity, {"min_samples": 0}, "min_samples = 0"),
        (split_by_quantity, {"concentration": -1.0}, "concentration must be positive and finite, got -1"),
        (split_by_domain, {"num_ues": 0}, "num_ues = 0"),
        (split_by_domain, {"min_samples": 0}, "min_samples = 0"),
        (split_by_domain, {"domains_per_ue": 0}, "domains_per_ue = 0 must be from 1 to 2, the domains of the data"),
        (split_by_domain, {"domains_per_ue": 3}, "domains_per_ue = 3 must be from 1 to 2"),
    ],
)
def test_bad_arguments_of_the_other_skews_are_refused_by_name(divide, change, message):
    with pytest.raises(ValueError, match=message):
        divide([0, 1, 0, 1], **{"num_ues": 1} | change)


def test_groups_are_refused_by_name():
    with pytest.raises(ValueError, match="labels must be"):
        split_by_quantity([0.5], 1)
    with pytest.raises(ValueError, match="domains must be"):
        split_by_domain([], 1)


def test_an_empty_ue_is_refused():
    held = np.array([0, 2])
    with pytest.raises(ValueError, match="UE 1 holds no sample"):
        Partition((held, held[:0]), np.full((2, 2), 0.5), np.array([[1, 1], [0, 0]]))


def dealt_out(task: Task, kind: str, num_ues=12, seed=3) -> tuple[Partition, np.ndarray]:
    scenario = Scenario.corrected(num_ues=num_ues, partition=kind, batch_size=16, test_samples=30)
    return partition_task(task, scenario, seed=seed)


@pytest.mark.parametrize("make", [reviews_task, questions_task])
def test_a_task_is_dealt_out_by_domain_for_training_and_test(make):
    task = make(train=1200, test=240)
    partition, test_indices = dealt_out(task, "domain")
    check_dealt(partition, task.train.domains)
    for held, own, row in zip(partition.indices, test_indices, partition.proportions, strict=True):
        domains = set(np.flatnonzero(row))
        assert len(domains) == 2
        assert set(task.train.domains[held]) == set(task.test.domains[own]) == domains
        assert set(task.train.labels[held]) == {0, 1}


@pytest.mark.parametrize("kind", ["label", "quantity"])
def test_a_task_is_dealt_out_by_label_and_by_quantity(kind):
    task = reviews_task(train=1200, test=240)
    partition, test_indices = dealt_out(task, kind)
    check_dealt(partition, task.train.labels)
    sizes = {len(held) for held in partition.indices}
    of_label_1 = task.test.labels[test_indices].sum(axis=1)
    if kind == "label":
        assert len(sizes) == 1
        assert np.abs(of_label_1 - 30 * partition.proportions[:, 1]).max() < 1
        assert of_label_1.std() > 5
    else:
        assert len(sizes) > 6
        assert sum(map(len, partition.indices)) == 1200
        np.testing.assert_array_equal(of_label_1, 15)


@pytest.mark.parametrize("kind", ["label", "quantity", "domain"])
def test_the_seed_decides_who_holds_what(kind):
    task = reviews_task(train=1200, test=240)
    (first, first_test), (again, again_test), (other, other_test) = (dealt_out(task, kind, seed=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(np.concatenate(first.indices), np.concatenate(again.indices))
    np.testing.assert_array_equal(first_test, again_test)
    assert not np.array_equal(first.indices[0], other.indices[0])
    assert not np.array_equal(first_test, other_test)


def test_a_task_without_domains_and_an_unknown_kind_are_refused():
    bare = Split(("a", "b"), np.array([0, 1]))
    with pytest.raises(
        FedswitchError, match=r"The samples of the task 'bare' belong to no domains.*: partition by label"
    ):
        dealt_out(Task("bare", "here", ("no", "yes"), bare, bare), "domain")
    with pytest.raises(ValueError, match=r"partition.*labels"):
        dealt_out(reviews_task(train=8, test=8), "labels")
