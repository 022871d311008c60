import dataclasses
import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fedswitch.learning.partition import Partition, _fit_to_pools, _whole_counts, dirichlet_partition, ue_test_indices
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


@given(pools=POOLS, num_ues=st.integers(1, 100), concentration=CONCENTRATIONS, seed=SEEDS)
@settings(max_examples=200)
def test_ues_hold_equally_many_samples_of_their_own(pools, num_ues, concentration, seed):
    labels = shuffled_labels(pools, seed)
    partition = split_or_reject(labels, num_ues, seed, concentration)
    assert len(partition.indices) == num_ues
    assert len({len(held) for held in partition.indices}) == 1
    together = np.concatenate(partition.indices)
    assert len(np.unique(together)) == len(together)
    assert together.min() >= 0
    assert together.max() < len(labels)
    counted = [np.bincount(labels[held], minlength=len(pools)) for held in partition.indices]
    np.testing.assert_array_equal(partition.histogram, counted)


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
    with pytest.raises(ValueError, match=r"1,000 samples do not give num_ues = 60 UEs min_samples = 32") as refusal:
        split(labels, 60, min_samples=32)
    size, ues = map(int, re.search(r"only (\d+) each, or 32 each to (\d+) UEs", str(refusal.value)).groups())
    assert len(split(labels, 60, min_samples=size).indices[0]) == size
    assert len(split(labels, ues, min_samples=32).indices[0]) >= 32
    with pytest.raises(ValueError, match="UEs"):
        split(labels, ues + 1, min_samples=32)


def test_a_label_that_nobody_has_leaves_nothing_to_share():
    with pytest.raises(ValueError, match="only 0 each, or 1 each to 0 UEs"):
        split([0, 0, 2, 2], 1, concentration=1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_ues": 0}, "num_ues = 0"),
        ({"min_samples": 0}, "min_samples = 0"),
        ({"concentration": 0.0}, "concentration = 0.0"),
        ({"concentration": float("nan")}, "concentration = nan"),
        ({"labels": []}, "labels"),
        ({"labels": [0.0, 1.0]}, "labels"),
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
    with pytest.raises(ValueError, match="holds 3 samples of label 1, but UE 1 needs 8 of them"):
        ue_test_indices([0] * 20 + [1] * 3, np.array([[1.0, 0.0], [0.2, 0.8]]), 10, seed=0)
    with pytest.raises(ValueError, match="samples = 0"):
        ue_test_indices([0, 1], np.array([[0.5, 0.5]]), 0, seed=0)
