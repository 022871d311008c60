"""What a check says of its own two sides."""

import math

import pytest
import sympy

from fedswitch.theory.counterexamples import risk_gap, steps
from fedswitch.theory.outcomes import Counterexample, Statement, checks_in


def test_a_counterexample_knows_whether_it_refutes():
    broken = Counterexample("eq-1", "somewhere", left=2.0, right=1.0, corrected=2.0)
    assert broken.refutes
    assert broken.corrected_holds
    assert not Counterexample("eq-1", "somewhere", left=1.0, right=1.0).refutes
    assert not Counterexample("eq-1", "somewhere", left=2.0, right=1.0, corrected=1.5).corrected_holds
    assert Counterexample("eq-1", "somewhere", left=1.0, right=2.0, relation="==").refutes
    assert not Counterexample("eq-1", "somewhere", left=1.0, right=2.0).refutes


@pytest.mark.parametrize("relation", ["<=", "=="])
def test_rounding_is_no_violation(relation):
    assert not Counterexample("eq-1", "somewhere", left=0.1 + 0.2, right=0.3, relation=relation).refutes
    assert Counterexample("eq-1", "somewhere", left=0.3 + 1e-9, right=0.3, relation=relation).refutes


def test_it_reads_as_a_sentence_with_its_verdict():
    broken = Counterexample("eq-1", "Two UEs lose 0.5 on average; (1) allows 0.", left=0.5, right=0.0)
    assert str(broken) == "Two UEs lose 0.5 on average; (1) allows 0. FAILS"
    assert str(Counterexample("eq-1", "Nothing is lost.", left=0.0, right=0.0)) == "Nothing is lost. HOLDS"


def test_a_side_that_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match="a side of eq-1 is not a number"):
        Counterexample("eq-1", "somewhere", left=math.nan, right=1.0)


def test_a_statement_holds_where_nothing_is_left():
    x = sympy.Symbol("x")
    assert Statement("eq-1", "", sympy.expand((x + 1) ** 2 - x**2 - 2 * x - 1)).holds
    assert not Statement("eq-1", "", x).holds


def test_checks_are_found_in_a_module_in_its_order():
    found = checks_in(risk_gap, steps)
    assert list(found)[:2] == ["ass1_slope_without_end", "ass3_far_from_the_optimum"]
    assert found["eq27_subscribed_but_lost"] is steps.eq27_subscribed_but_lost
    assert "instance" not in found  # made elsewhere
    assert "eq27_instance" not in found  # needs an instance
