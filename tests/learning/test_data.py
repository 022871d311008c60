import numpy as np
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
