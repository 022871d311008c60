import itertools
import subprocess
import sys

import numpy as np
import pytest

from fedswitch.streams import stream


def test_equal_keys_give_equal_streams_in_any_order():
    first, second = stream(1, "fading", 3).random(5), stream(1, "fading", 4).random(5)
    np.testing.assert_array_equal(stream(1, "fading", 4).random(5), second)
    np.testing.assert_array_equal(stream(1, "fading", 3).random(5), first)


def test_different_keys_give_different_streams():
    # among them those that padding with zeros, or running the parts together, would make equal
    keys = [
        *((1, "fading", *indices) for indices in [(), (0,), (0, 0), (1,), (1, 0), (0, 1), (10,), (1, 10), (11, 0)]),
        *[(1, "distance"), (2, "fading"), (0, "fading"), (1, ""), (1, "Fading")],
    ]
    draws = {key: tuple(stream(*key).integers(2**63, size=4)) for key in keys}
    assert len(set(draws.values())) == len(keys)


def test_streams_of_neighboring_keys_are_independent():
    draws = np.array([stream(0, "fading", t, k).random(500) for t, k in itertools.product(range(6), range(6))])
    correlations = np.corrcoef(draws)[np.triu_indices(36, 1)]
    assert np.abs(correlations).max() < 4.5 / np.sqrt(500)
    assert draws.mean() == pytest.approx(0.5, abs=4 / np.sqrt(12 * draws.size))


def test_another_process_finds_the_same_stream():
    # a key made with Python's own hash of a string would differ from process to process
    program = "from fedswitch.streams import stream; print(stream(7, 'partition', 2).integers(10**9))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(found.stdout) == stream(7, "partition", 2).integers(10**9)


@pytest.mark.parametrize("key", [(-1, "fading"), (1, "fading", -1), (1, "fading", 0, -3)])
def test_negative_parts_are_refused(key):
    with pytest.raises(ValueError, match="must be a whole number of at least 0"):
        stream(*key)
