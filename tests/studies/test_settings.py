"""The settings of a study are spelled once: its notebook, `measure` and the recorded run have the same."""

import dataclasses
import inspect
import json

import numpy as np
import pytest

from fedswitch.errors import FedswitchError
from fedswitch.studies.notebooks import all_studies, find_study
from fedswitch.studies.records import load_result
from fedswitch.studies.settings import STUDIES, StudySettings, recorded_settings, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Small(StudySettings):
    sizes: list[int] = setting([1, 2], "sizes: several values", "m")
    share: float = setting(0.5, "of what")


def test_there_is_a_study_for_every_notebook():
    assert {study.name for study in all_studies()} == set(STUDIES)


@pytest.mark.parametrize("name", STUDIES)
def test_the_notebook_has_the_settings_of_the_study_with_their_defaults_and_help(name):
    kind = type(recorded_settings(name))
    defaults, helps = kind().as_dict(), kind.helps()
    parameters = [one for one in find_study(name).parameters if one.name not in ("device", "out")]
    assert {one.name: one.default for one in parameters} == defaults
    assert {one.name: one.help for one in parameters} == helps
    assert all(type(one.default) is type(defaults[one.name]) for one in parameters)


@pytest.mark.parametrize("name", STUDIES)
def test_the_notebook_takes_a_device_where_the_study_does(name):
    (measure,) = {name: inspect.getmodule(type(recorded_settings(name))).measure}.values()
    of_notebook = {one.name for one in find_study(name).parameters}
    assert ("device" in of_notebook) == ("device" in inspect.signature(measure).parameters)


@pytest.mark.parametrize("name", STUDIES)
def test_the_recorded_run_has_the_settings_of_the_study(name):
    assert load_result(name).mismatch(recorded_settings(name)) == ""
    assert load_result(name).settings == recorded_settings(name)


def test_settings_are_found_among_other_names_and_stay_what_they_are():
    sizes = [3]
    found = Small.of({"sizes": sizes, "share": 1.0, "display": print})
    sizes.append(4)
    assert found.as_dict() == {"sizes": [3], "share": 1.0}
    assert found == Small(sizes=(3,), share=1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.share = 2.0


def test_a_setting_that_is_missing_is_named():
    with pytest.raises(FedswitchError, match="Small needs share, not given here"):
        Small.of({"sizes": [1]})


def test_the_unit_stands_before_what_comes_after_a_colon():
    assert Small.helps() == {"sizes": "sizes in m: several values", "share": "of what"}


@pytest.mark.parametrize("sizes", [[3, 4], range(3, 5), np.array([3, 4], dtype=np.int8), (np.uint8(3), np.int64(4))])
def test_settings_hold_plain_numbers_that_a_record_can_hold(sizes):
    held = Small(sizes=sizes, share=np.float32(0.25)).as_dict()
    assert json.dumps(held) == '{"sizes": [3, 4], "share": 0.25}'
