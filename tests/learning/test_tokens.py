import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fedswitch.learning.tokens import Tokens, micro_batches


@given(st.lists(st.integers(1, 50), min_size=1, max_size=80), st.integers(1, 200))
def test_micro_batches_cut_the_samples_into_groups_within_the_budget(lengths, budget):
    lengths = np.array(lengths)
    groups = list(micro_batches(lengths, budget))
    assert sorted(np.concatenate(groups)) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or len(group) * lengths[group].max() <= budget
    longest = [lengths[group].max() for group in groups]
    assert longest == sorted(longest)


def test_a_group_takes_as_many_samples_as_the_budget_holds():
    groups = list(micro_batches(np.full(10, 4), 16))
    assert [len(group) for group in groups] == [4, 4, 2]


def test_a_batch_is_padded_and_masked_row_by_row():
    tokens = Tokens.join([[5, 6, 7], [8], [9, 10]], [[0, 0, 1], [0], [0, 1]], padding_id=99)
    assert len(tokens) == 3
    batch = tokens.batch(np.array([1, 0]))
    assert batch.ids.tolist() == [[8, 99, 99], [5, 6, 7]]
    assert batch.segments.tolist() == [[0, 0, 0], [0, 0, 1]]
    assert batch.mask.tolist() == [[True, False, False], [True, True, True]]
