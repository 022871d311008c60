import dataclasses

import numpy as np
import pandas as pd
import pytest

from fedswitch.learning.data import Split, Task

TWO = Split(("a", "b"), np.array([0, 1]))


def test_columns_of_different_sizes_and_labels_without_a_name_are_refused():
    with pytest.raises(ValueError, match="of one size"):
        Split(("a", "b"), np.array([0, 1]), pairs=("c",))
    with pytest.raises(ValueError, match="of one size above 0"):
        Split((), np.array([], dtype=np.int64))
    with pytest.raises(ValueError, match=r"the test labels of toy must be in 0\.\.0"):
        Task("toy", "here", ("only",), train=Split(("a",), np.array([0])), test=TWO)


@pytest.mark.parametrize("kind", [list, tuple, bool, float, np.float32, np.int8, np.int32, np.uint64])
def test_whole_numbers_of_any_type_become_what_torch_takes(kind):
    given = kind([0, 1, 1]) if kind in (list, tuple) else np.array([0, 1, 1]).astype(kind)
    split = Split(["a", "b", "c"], given, domains=given)
    assert split.texts == ("a", "b", "c")
    for column in (split.labels, split.domains):
        assert column.dtype == np.int64
        assert column.tolist() == [0, 1, 1]


@pytest.mark.parametrize("column", ["labels", "domains"])
@pytest.mark.parametrize(
    "held",
    [
        [0, -1],
        [0.5, 1],
        [0, float("nan")],
        [0, float("inf")],
        ["0", "1"],
        [None, 1],
        [[0], [1]],
        [0, 2**64],
        np.array([0, 2**63], dtype=np.uint64),
        [0, 1j],
        0,
        None,
    ],
    ids=repr,
)
def test_what_is_no_whole_number_is_refused_by_name(column, held):
    if column == "domains" and held is None:
        return
    with pytest.raises(
        ValueError, match=f"^{column} must be (whole numbers from 0|a number or an array of numbers|beyond)"
    ):
        Split(**{"texts": ("a", "b"), "labels": [0, 1], column: held})


def test_data_that_runs_share_cannot_be_changed():
    labels = np.array([0, 1])
    split = Split(("a", "b"), labels, domains=labels)
    labels[0] = 1
    assert split.labels.tolist() == split.domains.tolist() == [0, 1]
    for column in (split.labels, split.domains):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": Split(("a", "b"), [1, 1])}, "the train labels of toy are all 1: there is nothing to tell apart"),
        ({"train": dataclasses.replace(TWO, pairs=("c", "d"))}, "must both have pairs, or neither"),
        ({"test": dataclasses.replace(TWO, pairs=("c", "d"))}, "must both have pairs, or neither"),
    ],
)
def test_sets_that_make_no_task_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Task(**{"name": "toy", "source": "here", "label_names": ("no", "yes"), "train": TWO, "test": TWO} | changes)


def test_the_digest_tells_contents_apart_and_nothing_else():
    task = Task("toy", "here", ("no", "yes"), TWO, TWO)
    same = dataclasses.replace(task, name="other", source="there", train=Split(["a", "b"], [0.0, 1.0]))
    assert same.digest == task.digest
    others = [
        dataclasses.replace(task, label_names=("yes", "no")),
        *(
            dataclasses.replace(task, **{part: split})
            for part in ("train", "test")
            for split in (
                Split(("a", "c"), [0, 1]),
                Split(("a", "b"), [1, 0]),
                Split(("b", "a"), [0, 1]),
                Split(("a", "b"), [0, 1], domains=[0, 1]),
                Split(("a", "b", "b"), [0, 1, 1]),
            )
        ),
    ]
    assert len({other.digest for other in (task, *others)}) == 1 + len(others)


@pytest.mark.parametrize("make", [list, np.array, pd.Series, lambda texts: (text for text in texts)])
def test_texts_of_any_ordered_kind_are_a_tuple(make):
    texts = ("good", "bad")
    split = Split(make(texts), np.array([1, 0], dtype=np.uint8), make(texts))
    assert split.texts == split.pairs == texts
    assert split.labels.dtype == np.int64
    assert Task("toy", "", make(("no", "yes")), split, split).label_names == ("no", "yes")


@pytest.mark.parametrize(
    "wrong",
    [
        "ab",
        b"ab",
        ["a", None],
        ["a", 1],
        ["a", float("nan")],
        ["a", b"b"],
        ["a", "\udc80"],
        2,
        [["a"], ["b"]],
        {"a", "b"},
        {"a": "b"},
    ],
)
@pytest.mark.parametrize("field", ["texts", "pairs", "label_names"])
def test_what_holds_no_several_texts_is_refused_by_name(field, wrong):
    columns = {"texts": ("good", "bad"), "pairs": ("x", "y"), "labels": np.array([1, 0])}
    split = Split(**columns)
    with pytest.raises(ValueError, match=f"{field} must be a sequence of texts"):
        Task("toy", "", wrong, split, split) if field == "label_names" else Split(**columns | {field: wrong})
