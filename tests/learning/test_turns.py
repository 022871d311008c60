"""UEs that exchange their data in mid-run work on that of the other from then on, and one that is late on nothing."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedswitch import Scenario
from fedswitch.errors import FedswitchError
from fedswitch.learning import Scheme, Turn, load_backbone, simulate


class All(Scheme):
    """Every UE subscribes to the first two modules, with so much power that all is received."""

    def plan(self, t, seen):
        plan = super().plan(t, seen)
        subscription = np.zeros_like(plan.subscription)
        subscription[:2] = True
        return dataclasses.replace(plan, subscription=subscription)


@pytest.fixture(scope="module")
def cell(toy_task):
    small = Scenario.corrected(num_ues=6, batch_size=5, test_samples=20, lora_layers=1)
    return Scheme(small, 0).federation(toy_task, load_backbone("tiny"))


@pytest.fixture
def run(small, toy_task):
    return Scheme(small, 0).federation(toy_task, load_backbone("tiny"))


@given(start=st.integers(0, 4), t=st.integers(0, 6), pair=st.permutations(range(6)))
def test_who_is_swapped_draws_from_what_the_other_holds(start, t, pair, cell):
    first, second, *others = pair
    turned = Turn(start=start, swapped=[first, second]).of(cell)
    there = {first: second, second: first} if t >= start else {}
    for k in range(6):
        assert set(turned.ues.mini_batch(t, k)) <= set(cell.ues.indices[there.get(k, k)])
    for k in others:
        assert np.array_equal(turned.ues.mini_batch(t, k), cell.ues.mini_batch(t, k))


def test_a_ue_to_whom_two_things_happen_is_one():
    assert Turn(start=1, swapped=[0, 1], late=[0]).ues == (0, 1)


def test_who_is_swapped_is_tested_with_what_the_other_wants(run):
    turned = Turn(start=3, swapped=[0, 4]).of(run)
    subscribed = np.zeros((4, 6), dtype=bool)
    subscribed[np.arange(6) % 4, np.arange(6)] = True
    right = run.tester.log_probabilities().argmax(axis=2) == run.test_labels
    for t, tests in ((2, [0, 1, 2, 3, 4, 5]), (3, [4, 1, 2, 3, 0, 5])):
        measured = turned.evaluate(t, personal=True, subscribed=subscribed)
        of_ues = [right[k % 4, run.ue_test_indices[other]].mean() for k, other in enumerate(tests)]
        assert measured["accuracy_trained"] == pytest.approx(np.mean(of_ues))
        assert measured["accuracy_trained_min"] == pytest.approx(min(of_ues))
        assert measured["accuracy_turned"] == pytest.approx((of_ues[0] + of_ues[4]) / 2)
        assert "accuracy_turned" not in run.evaluate(t, personal=True, subscribed=subscribed)


def test_who_is_late_is_neither_heard_nor_received_before(small, toy_task):
    history = simulate(
        small, task=toy_task, backbone="tiny", scheme=All, rounds=4, turn=Turn(start=2, late=[1, 5]), personal=True
    )
    usual = simulate(small, task=toy_task, backbone="tiny", scheme=All, rounds=4)
    late = np.isin(np.arange(6), [1, 5])
    assert not history.received[:2][:, :, late].any()
    assert np.array_equal(history.received[:2][:, :, ~late], usual.received[:2][:, :, ~late])
    assert np.array_equal(history.received[2:], usual.received[2:])
    assert usual.received[:2][:, :, late].any()
    assert {t: silent.tolist() for t, silent in history.silent.items()} == {t: [late.tolist()] * 2 for t in (0, 1)}


def test_who_is_late_says_nothing_of_the_modules(run):
    turned = Turn(start=1, late=[2]).of(run)
    assert np.isnan(turned.ues.risks(0)).any(axis=0).tolist() == [False, False, True, False, False, False]
    assert np.array_equal(turned.ues.risks(1), run.ues.risks(1))
    assert np.flatnonzero(~turned.ues.views(0).heard).tolist() == [2]
    assert turned.ues.views(1).heard.all()


def test_nothing_happens_where_nobody_is_named(small, toy_task):
    options = {"task": toy_task, "backbone": "tiny", "rounds": 2, "personal": True}
    usual, turned = (simulate(small, **options, **extra) for extra in ({}, {"turn": Turn(start=0)}))
    assert turned.table.equals(usual.table)


def test_a_run_goes_on_only_with_its_own_turn(small, toy_task, tmp_path):
    options = {"task": toy_task, "backbone": "tiny", "checkpoint_every": 1, "resume": tmp_path / "run.pt"}
    turn = Turn(start=2, swapped=[0, 1])
    simulate(small, rounds=1, turn=turn, **options)
    for other in (None, Turn(start=3, swapped=[0, 1])):
        with pytest.raises(FedswitchError, match="turn"):
            simulate(small, rounds=3, turn=other, **options)
    resumed = simulate(small, rounds=3, turn=turn, **options)
    at_once = simulate(small, rounds=3, turn=turn, task=toy_task, backbone="tiny")
    assert resumed.table.equals(at_once.table)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"start": -1}, "start = -1 must be a whole number of at least 0"),
        ({"start": 1, "swapped": [1]}, r"swapped = \[1\] must be two UEs, or none"),
        ({"start": 1, "swapped": [1, 1]}, r"swapped = \[1, 1\] must name no UE twice"),
        ({"start": 1, "late": [0.5]}, "late must be whole numbers from 0"),
        ({"start": 1, "late": "ab"}, "late"),
    ],
)
def test_turns_that_cannot_be_are_refused(fields, says):
    with pytest.raises(ValueError, match=says):
        Turn(**fields)


def test_ues_that_are_not_in_the_cell_are_refused(run, small, toy_task):
    with pytest.raises(ValueError, match=r"late = \[6\]: the UEs of this cell are 0 to 5"):
        Turn(start=1, late=[6]).of(run)
    with pytest.raises(ValueError, match="only simulated UEs"):
        Turn(start=1, late=[0]).of(dataclasses.replace(run, ues=None))
    with pytest.raises(ValueError, match="turn must be a Turn, such as"):
        simulate(small, task=toy_task, backbone="tiny", rounds=1, turn=3)
