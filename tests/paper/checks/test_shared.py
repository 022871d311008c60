"""What a check says is short, and has numbers that a person would write."""

import re

import pytest

from fedswitch.paper.checks import CHECKS
from fedswitch.paper.checks._shared import duration, milliwatts, percent


def test_numbers_have_the_unit_that_suits_them():
    assert (percent(0.0044765), percent(0.25), percent(1.0)) == ("0.448 %", "25 %", "100 %")
    assert (duration(0.20982), duration(2.70344), duration(10.0)) == ("209.8 ms", "2.703 s", "10 s")
    assert (milliwatts(0.2), milliwatts(0.015873), milliwatts(0.0)) == ("200 mW", "15.9 mW", "0 mW")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_check_says_what_came_out(check):
    says = check().says
    assert says.endswith(".")
    assert len(says.split()) <= 28
    assert len(re.findall(r"\d", says)) >= 2
    assert not re.search(r"<=|\$|\d[eE][+-]?\d|nan|inf\b", says)
