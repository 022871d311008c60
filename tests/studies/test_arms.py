import pytest

from fedswitch.studies.arms import Arm, arms_by_name


def test_an_arm_that_does_not_exist_is_named_with_those_that_do():
    known = [Arm("random", "at random", "random"), Arm("fedlora", "one module", "fedlora")]
    assert arms_by_name(known, ["fedlora"]) == [known[1]]
    with pytest.raises(ValueError, match="unknown arm 'lora'; there are: random, fedlora"):
        arms_by_name(known, ["random", "lora"])
