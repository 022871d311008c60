import dataclasses

import numpy as np
import pytest

from fedswitch import Scenario
from fedswitch.learning.data import Split, Task
from fedswitch.learning.mixtures import flipped, mixture, topics
from fedswitch.learning.partition import partition_task
from fedswitch.learning.tasks import (
    TASKS,
    depends_on_seed,
    digits_task,
    load_task,
    reviews_task,
    task_files,
    task_status,
)


def named(name, texts, labels, label_names=("no", "yes"), pairs=None):
    part = Split(tuple(texts), np.array(labels), pairs)
    return Task(name, f"source of {name}", label_names, part, part)


SHORT = named("short", "abcd", [0, 1, 1, 0])
PAIRED = named("paired", "efghij", [1, 0, 1, 0, 1, 0], pairs=tuple("uvwxyz"))


def test_a_mixture_has_equally_many_samples_of_each_task_as_it_is():
    both = mixture([SHORT, PAIRED])
    assert (both.name, both.source) == ("short+paired", "source of short; source of paired")
    for part in (both.train, both.test):
        assert len(part) == 8
        assert part.domains.tolist() == [0] * 4 + [1] * 4
        known = {("abcd"[i], "", y) for i, y in enumerate([0, 1, 1, 0])}
        known |= {("efghij"[i], "uvwxyz"[i], y) for i, y in enumerate([1, 0, 1, 0, 1, 0])}
        found = list(zip(part.texts, part.pairs, part.labels.tolist(), strict=True))
        assert len(set(found)) == 8
        assert set(found) <= known
    assert mixture([SHORT, PAIRED]).digest == both.digest
    assert mixture([SHORT, SHORT]).train.pairs is None


def test_labels_mean_what_they_mean_in_each_task():
    other = dataclasses.replace(SHORT, label_names=("no", "maybe"))
    assert mixture([SHORT, other]).label_names == ("no", "yes/maybe")


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([SHORT], "at least two"),
        ([SHORT, named("three", "abc", [0, 1, 2], ("a", "b", "c"))], "short has 2, three has 3"),
        ([digits_task(), digits_task()], "must be texts"),
    ],
)
def test_what_cannot_be_mixed_is_refused(tasks, message):
    with pytest.raises(ValueError, match=message):
        mixture(tasks)


@pytest.mark.parametrize("kinds", range(7))
def test_tasks_disagree_on_the_share_of_texts_that_their_name_says(kinds):
    written = reviews_task(train=240, test=120)
    other = flipped(written.train, kinds)
    assert other.texts == written.train.texts
    disagree = other.labels != written.train.labels
    assert disagree.mean() == pytest.approx(kinds / 6)
    assert set(written.train.domains[disagree].tolist()) == set(range(kinds))
    assert other.labels.mean() == 0.5
    asked = topics(written.train, kinds)
    assert asked.labels.tolist() == [int(kind < kinds) for kind in written.train.domains]


@pytest.mark.parametrize("name", ["flipped_1", "flipped_6", "topics"])
def test_other_labels_are_of_the_same_texts(name):
    task, written = load_task(name, seed=2), load_task("reviews", seed=2)
    assert (task.name, task.source) == (name, written.source)
    assert task.train.texts == written.train.texts
    assert task.test.texts == written.test.texts
    changed = {"flipped_1": 1 / 6, "flipped_6": 1.0, "topics": 0.5}[name]
    for part, other in ((task.train, written.train), (task.test, written.test)):
        assert np.mean(part.labels != other.labels) == pytest.approx(changed, abs=0.01)


def test_every_ue_holds_one_task_of_a_mixture_and_is_tested_on_it():
    task = load_task("reviews+reviews+flipped_6+questions")
    scenario = Scenario.corrected(num_ues=8, partition="domain", domains_per_ue=1)
    partition, tests = partition_task(task, scenario, seed=1)
    held = [set(task.train.domains[own].tolist()) for own in partition.indices]
    assert sorted(min(own) for own in held) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [set(task.test.domains[own].tolist()) for own in tests] == held
    assert all(len(own) == 1 for own in held)
    (pairs,) = {len(task.train.pairs)}
    assert pairs == len(task.train)


def test_a_mixture_is_known_by_its_name():
    assert "reviews+topics" not in TASKS
    assert depends_on_seed("sst2+topics")
    assert not depends_on_seed("sst2+qnli")
    assert task_status("reviews+topics") == (True, "made on the spot")
    assert task_files("reviews+topics") == []
    with pytest.raises(ValueError, match=r"unknown task 'topic'; .*Did you mean 'topics'"):
        load_task("reviews+topic")
