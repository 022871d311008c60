from fedswitch.studies.arms import Arm, arms_by_name


def test_arms_come_in_the_order_in_which_they_are_named():
    known = [Arm("random", "at random", "random"), Arm("fedlora", "one module", "fedlora")]
    assert arms_by_name(known, ["fedlora"]) == [known[1]]
    assert arms_by_name(known, ["fedlora", "random"]) == known[::-1]
