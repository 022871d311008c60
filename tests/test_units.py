import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedswitch.units import db_to_ratio, dbm_to_w, ratio_to_db, w_to_dbm


def test_known_decibels():
    np.testing.assert_allclose(db_to_ratio([-30, 0, 3, 10]), [1e-3, 1, 1.995262315, 10])
    np.testing.assert_allclose(ratio_to_db([1e-3, 1, 2, 10]), [-30, 0, 3.010299957, 10], atol=1e-12)
    # 200 mW is 23 dBm, and 0 dBm is a milliwatt
    assert w_to_dbm(0.2) == pytest.approx(23.0103)
    assert dbm_to_w(0.0) == pytest.approx(1e-3)
    assert dbm_to_w(-162.0) == pytest.approx(6.3096e-20, rel=1e-4)


@given(st.floats(-300, 300), st.floats(-300, 300))
def test_there_and_back(level, other):
    assert ratio_to_db(db_to_ratio(level)) == pytest.approx(level, abs=1e-9)
    assert w_to_dbm(dbm_to_w(level)) == pytest.approx(level, abs=1e-9)
    assert db_to_ratio(level + other) == pytest.approx(db_to_ratio(level) * db_to_ratio(other))


def test_shapes_are_kept_and_integers_are_numbers():
    assert db_to_ratio(np.zeros((2, 3), dtype=int)).shape == (2, 3)
    assert ratio_to_db(np.array([[1, 10]])).tolist() == [[0.0, 10.0]]
