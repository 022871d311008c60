"""The settings of a study are spelled once: its notebook, `measure` and the recorded run have the same."""

import dataclasses
import inspect
import json
import math

import jupytext
import numpy as np
import pandas as pd
import pytest

from fedswitch.errors import FedswitchError, ParameterError
from fedswitch.studies.notebooks import all_studies, check_together, find_study
from fedswitch.studies.records import load_result
from fedswitch.studies.settings import STUDIES, StudySettings, recorded_settings, setting


def is_tuple(value):
    return isinstance(value, tuple)


OF_LEARNING = {
    field.name
    for field in dataclasses.fields(recorded_settings("sensitivity"))
    if field.name.startswith("learning_") or field.name in ("task", "backbone", "test_size")
}
"""What the sensitivity study takes for its part that learns only."""


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
def test_what_is_recorded_is_part_of_what_is_to_be_recorded(name):
    """Some seeds, arms, readings or large cells may be missing, and the page then says so; nothing else may differ."""
    try:
        result, wanted = load_result(name), recorded_settings(name)
    except FedswitchError as missing:
        pytest.skip(str(missing))
    missing = set()
    for setting_name, value in result.settings.as_dict().items():
        planned = wanted.as_dict()[setting_name]
        if isinstance(value, list) and setting_name not in OF_LEARNING:
            assert set(value) <= set(planned)
        elif setting_name.endswith("_up_to"):
            assert value <= planned
        elif setting_name not in OF_LEARNING or "learning" in result.record["settings"].get(
            "experiments", ["learning"]
        ):
            assert value == planned
        missing |= {setting_name} if value != planned else set()
    assert all(setting_name in result.mismatch(wanted) for setting_name in missing)
    assert missing or result.mismatch(wanted) == ""


def test_settings_are_found_among_other_names_and_stay_what_they_are():
    sizes = [3]
    found = Small.of({"sizes": sizes, "share": 1.0, "display": print})
    sizes.append(4)
    assert found.as_dict() == {"sizes": [3], "share": 1.0}
    assert found == Small(sizes=(3,), share=1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.share = 2.0


KINDS = [(name, type(recorded_settings(name))) for name in STUDIES]
# each field once, whichever studies inherit it
FIELDS = {id(field.metadata): (kind, field) for _, kind in KINDS for field in dataclasses.fields(kind)}.values()
SEVERAL = [(kind, field.name) for kind, field in FIELDS if is_tuple(field.default)]
SINGLE = [(kind, field.name) for kind, field in FIELDS if not is_tuple(field.default)]
MEANT = {"readings", "variants", "sinr_thresholds_db", "energy_weights_per_j", "relative_weights_per_j"} | {
    "deadlines_s", "deadline_arms", "costly_arms", "energy_shares", "learning_choices", "tasks_elsewhere",
    "fewer_samples", "cells", "degrees", "minorities", "sizes", "batch_sizes", "turns", "thresholds_db",
}  # fmt: skip
"""Settings that may well be empty."""


@pytest.mark.parametrize(("kind", "name"), SEVERAL)
def test_several_values_are_some_values_each_once(kind, name):
    choices = kind.__dataclass_fields__[name].metadata["allowed"].choices or (2.0,)
    value = (kind().as_dict()[name] or choices)[0]
    with pytest.raises(ValueError, match=f"{name} holds .* twice"):
        kind.checked(name, [value, value])
    with pytest.raises(ValueError, match=f"{name} = .* as a list"):
        kind.checked(name, value)
    if name in MEANT:
        assert kind.checked(name, []) == ()
    else:
        with pytest.raises(ValueError, match=f"{name} is empty"):
            kind.checked(name, [])


@pytest.mark.parametrize(("kind", "name"), SINGLE + SEVERAL)
@pytest.mark.parametrize(
    "nonsense", [math.nan, math.inf, -1e300, True, "nonsense ", b"1", [1], 1j, pd.NA, "", object()]
)
def test_no_setting_takes_nonsense(kind, name, nonsense):
    """But a text that may name anything: a task or a backbone may be one of the user's own."""
    if name in ("task", "backbone", "cells") and str(nonsense) == "nonsense ":
        return
    several = (kind, name) in SEVERAL
    with pytest.raises(ValueError, match=name):
        kind.checked(name, [nonsense] if several else nonsense)


@pytest.mark.parametrize(("kind", "name"), SINGLE + SEVERAL)
def test_every_default_is_allowed_and_numbers_become_pythons_own(kind, name):
    default = kind().as_dict()[name]
    if default is None or isinstance(default, str):
        assert kind.checked(name, default) == default
        return
    checked = kind.checked(name, np.array(default) if isinstance(default, list) else np.float64(default))
    entries = checked if isinstance(checked, tuple) else (checked,)
    assert all(type(entry) in (int, float, str) for entry in entries)
    np.testing.assert_array_equal(np.array(checked), np.asarray(default, dtype=np.asarray(checked).dtype), strict=False)


@pytest.mark.parametrize("kind", [kind for _, kind in KINDS if "seeds" in kind.helps()])
@pytest.mark.parametrize("seed", [2**64, 2**63, -1, 0.5])
def test_a_seed_that_no_table_holds_is_refused(kind, seed):
    with pytest.raises(ValueError, match=r"seeds = .* is not allowed: a seed must be a whole number"):
        kind.checked("seeds", [seed])


@pytest.mark.parametrize(
    ("study", "changes", "message"),
    [
        ("fig2_convergence", {"arms": ["full"], "num_ues": [12]}, "costly_up_to = 8"),
        ("fig2_convergence", {"arms": ["full"], "deadlines_s": [0.1], "num_ues": [6]}, "none of them is in arms"),
        ("fig3_bandwidth", {"max_delay_s": 1e-3}, "min_delay_s = 0.005 s must be less"),
        ("fig5_energy", {"readings": [], "variants": []}, "something to run"),
        ("concepts", {"arms": ["grouping"]}, "arms must hold 'fedlora'"),
        ("concepts", {"followed": ["fedlora"]}, "and at least one"),
        ("concepts", {"cells": [], "degrees": [], "minorities": [], "sizes": [], "batch_sizes": []}, "are all empty"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(study, changes, message):
    with pytest.raises(ValueError, match=message):
        type(recorded_settings(study))(**changes)
    with pytest.raises(ParameterError, match=message):
        check_together(find_study(study), changes)


@pytest.mark.parametrize("study", STUDIES)
def test_a_notebook_keeps_its_table_before_anything_else_can_fail(study):
    code = [cell.source for cell in jupytext.read(find_study(study).path).cells if cell.cell_type == "code"]
    (measuring,) = [source for source in code if ".measure(settings" in source]
    assert measuring.rstrip().endswith(f'save_study(out, "{study}", table=table, settings=settings)')


def test_a_setting_that_is_missing_is_named():
    with pytest.raises(FedswitchError, match="Small needs share, not given here"):
        Small.of({"sizes": [1]})


def test_the_unit_stands_before_what_comes_after_a_colon():
    assert Small.helps() == {"sizes": "sizes in m: several values", "share": "of what"}


@pytest.mark.parametrize("sizes", [[3, 4], range(3, 5), np.array([3, 4], dtype=np.int8), (np.uint8(3), np.int64(4))])
def test_settings_hold_plain_numbers_that_a_record_can_hold(sizes):
    held = Small(sizes=sizes, share=np.float32(0.25)).as_dict()
    assert json.dumps(held) == '{"sizes": [3, 4], "share": 0.25}'
