import re
from typing import Literal

import numpy as np
import pytest

from fedswitch.arguments import check_choice, checked


def test_arguments_come_back_as_float64_in_order_and_unbroadcast():
    power, share, gain = checked(
        positive={"power": np.float32(2), "share": [[1], [2]]}, non_negative_or_infinite={"gain": (0, np.inf, 3)}
    )
    assert [array.dtype for array in (power, share, gain)] == [np.float64] * 3
    assert [array.shape for array in (power, share, gain)] == [(), (2, 1), (3,)]
    np.testing.assert_array_equal(gain, [0, np.inf, 3])


@pytest.mark.parametrize(
    ("rule", "offenders", "admitted"),
    [
        ("positive", [0.0, -1.0, np.inf, np.nan], [1e-300, 1e300]),
        ("positive_or_infinite", [0.0, -1.0, -np.inf, np.nan], [1e-300, np.inf]),
        ("non_negative", [-1e-300, np.inf, np.nan], [0.0, 1e300]),
        ("non_negative_or_infinite", [-1e-300, -np.inf, np.nan], [0.0, np.inf]),
    ],
)
def test_each_rule_admits_its_range_and_names_what_offends(rule, offenders, admitted):
    np.testing.assert_array_equal(checked(**{rule: {"power_w": admitted}})[0], admitted)
    for offender in offenders:
        with pytest.raises(
            ValueError, match=re.escape(f"power_w must be {rule.split('_or_')[0].replace('_', '-')}")
        ) as error:
            checked(**{rule: {"fine": 1.0, "power_w": [[1.0, offender], [1.0, 1.0]]}})
        assert str(error.value).endswith(f"got {offender:g}")


def test_shapes_that_do_not_fit_are_named_across_rules():
    with pytest.raises(ValueError, match=r"do not broadcast: share \(3,\), power_w \(2, 1\), width_hz \(4,\)"):
        checked(non_negative={"share": np.ones(3), "power_w": np.ones((2, 1))}, positive={"width_hz": np.ones(4)})


@pytest.mark.parametrize("value", ["loud", {}, 1j, [[1.0], [1.0, 2.0]]])
def test_what_is_no_number_is_refused_by_name(value):
    with pytest.raises(ValueError, match="power_w must be a number or an array of numbers"):
        checked(positive={"power_w": value})


@pytest.mark.parametrize(
    ("rule", "wanted", "offender", "admitted"),
    [
        ("share", "in [0, 1]", 1.5, [0.0, 1.0]),
        ("share", "in [0, 1]", -0.1, [0.5]),
        ("finite", "finite", np.inf, [-3.0, 0.0]),
        ("number", "a number", np.nan, [-np.inf, 2.0]),
    ],
)
def test_shares_and_numbers(rule, wanted, offender, admitted):
    np.testing.assert_array_equal(checked(**{rule: {"x": admitted}})[0], admitted)
    for wrong in (offender, np.nan):
        with pytest.raises(ValueError, match=re.escape(f"x must be {wanted}, got {wrong:g}")):
            checked(**{rule: {"x": [admitted[0], wrong]}})


def test_a_choice_is_one_of_the_words():
    check_choice("form", "new", Literal["old", "new"])
    with pytest.raises(ValueError, match="form must be one of old, new, got 'odd'"):
        check_choice("form", "odd", Literal["old", "new"])
