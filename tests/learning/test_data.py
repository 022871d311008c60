import numpy as np
import pandas as pd
import pytest

from fedswitch.learning.data import Split, Task


def test_columns_of_different_sizes_and_labels_without_a_name_are_refused():
    two = Split(("a", "b"), np.array([0, 1]))
    with pytest.raises(ValueError, match="of one size"):
        Split(("a", "b"), np.array([0, 1]), pairs=("c",))
    with pytest.raises(ValueError, match="of one size above 0"):
        Split((), np.array([], dtype=np.int64))
    with pytest.raises(ValueError, match=r"the test labels of toy must be in 0\.\.0"):
        Task("toy", "here", ("only",), train=Split(("a",), np.array([0])), test=two)


@pytest.mark.parametrize("make", [list, np.array, pd.Series, lambda texts: (text for text in texts)])
def test_texts_of_any_ordered_kind_are_a_tuple(make):
    texts = ("good", "bad")
    split = Split(make(texts), np.array([1, 0], dtype=np.uint8), make(texts))
    assert split.texts == split.pairs == texts
    assert split.labels.dtype == np.int64
    assert Task("toy", "", make(("no", "yes")), split, split).label_names == ("no", "yes")


@pytest.mark.parametrize(
    "wrong", ["ab", b"ab", ["a", None], ["a", float("nan")], ["a", b"b"], 2, [["a"], ["b"]], {"a", "b"}, {"a": "b"}]
)
@pytest.mark.parametrize("field", ["texts", "pairs", "label_names"])
def test_what_is_no_text_is_refused_by_name(field, wrong):
    columns = {"texts": ("good", "bad"), "pairs": ("x", "y"), "labels": np.array([1, 0])}
    split = Split(**columns)
    with pytest.raises(ValueError, match=f"{field} must be several texts"):
        Task("toy", "", wrong, split, split) if field == "label_names" else Split(**columns | {field: wrong})


def test_labels_are_one_whole_number_for_each_text():
    for wrong in ([[0], [1]], [0.5, 1], [-1, 0], [0, None], ["0", "1"]):
        with pytest.raises(ValueError, match="labels"):
            Split(("a", "b"), wrong)
