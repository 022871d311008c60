import dataclasses
import math
import re

import numpy as np
import pytest

from fedswitch import Scenario
from fedswitch.symbols import CHOSEN, STATED
from fedswitch.units import dbm_to_w

SYMBOLS = Scenario.symbols()
DEFAULT = Scenario()
NUMBERS = [name for name, symbol in SYMBOLS.items() if not symbol.choices]
WORDS = [name for name, symbol in SYMBOLS.items() if symbol.choices]
WHOLE = [name for name in NUMBERS if "int" in Scenario.__annotations__[name]]
SEVERAL = [name for name in NUMBERS if isinstance(getattr(DEFAULT, name), tuple)]


def just_outside(symbol):
    """Numbers that a range does not admit, as close to its ends as it makes sense."""
    if symbol.low > -math.inf:
        yield symbol.low if symbol.low_open else symbol.low - 1
    if symbol.high < math.inf:
        yield symbol.high + 1
    yield from (math.nan, math.inf, -math.inf)


def as_field(name, value):
    """The value as the field takes it: several fields are tuples."""
    return (2, 4, 8, value) if name in SEVERAL else value


def check_refused(name, value):
    """The message names the field, the value, the unit where there is one, and what is allowed."""
    symbol = SYMBOLS[name]
    with pytest.raises(ValueError, match=rf"^{name} = ") as error:
        Scenario(**{name: value})
    message = str(error.value)
    assert repr(value) in message
    assert symbol.meaning in message
    assert symbol.allowed in message
    if symbol.unit:
        assert f"{value!r} {symbol.unit} is not allowed" in message
        assert message.endswith(f"{symbol.allowed} {symbol.unit}")


# What is refused


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_out_of_range_are_refused(name):
    for value in just_outside(SYMBOLS[name]):
        check_refused(name, as_field(name, value))


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["0.5", True, [1.0], 1j])
def test_what_is_no_number_is_refused(name, value):
    check_refused(name, as_field(name, value))


@pytest.mark.parametrize("name", WHOLE)
def test_fractions_are_refused_where_whole_numbers_are_wanted(name):
    check_refused(name, as_field(name, 2.5))


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("value", ["adm", "", None, 1])
def test_unknown_words_are_refused(name, value):
    check_refused(name, value)


@pytest.mark.parametrize("name", SYMBOLS)
def test_only_optional_fields_may_be_left_unset(name):
    if SYMBOLS[name].optional:
        assert getattr(Scenario(**{name: None}), name) is None
    else:
        check_refused(name, None)


@pytest.mark.parametrize("value", [4, {2, 4, 8, 16}, (), "2, 4, 8, 16", np.ones((2, 2))])
def test_ranks_must_be_a_tuple_with_one_for_each_module(value):
    with pytest.raises(ValueError, match="lora_ranks"):
        Scenario(lora_ranks=value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_modules": 3}, ["lora_ranks has 4 entries", "num_modules is 3"]),
        ({"strong_convexity": 2.0}, ["strong_convexity = 2", "smoothness = 1"]),
        ({"subscription_limit": 5}, ["subscription_limit = 5", "num_modules = 4"]),
        ({"min_participation": 0.3}, ["min_participation = 0.3", "4 modules", "at most 0.25"]),
        ({"min_distance_m": 200.0}, ["min_distance_m = 200 m", "103 m", "base_station_density_per_m2"]),
    ],
)
def test_fields_that_contradict_each_other_are_refused(changes, words):
    with pytest.raises(ValueError, match=re.escape(words[0])) as error:
        Scenario(**changes)
    for word in words:
        assert word in str(error.value)


def test_a_field_that_does_not_exist_is_a_type_error():
    with pytest.raises(TypeError, match="num_users"):
        Scenario.corrected(num_users=3)


# What is admitted


ENDS = [
    (name, end)
    for name in NUMBERS
    for end in (math.nan if SYMBOLS[name].low_open else SYMBOLS[name].low, SYMBOLS[name].high)
    if math.isfinite(end)
]


@pytest.mark.parametrize(("name", "end"), ENDS)
def test_the_ends_of_closed_ranges_are_admitted(name, end):
    value = int(end) if name in WHOLE else end
    if name == "num_modules":
        changes = {"num_modules": value, "lora_ranks": (4,)}
    elif name == "min_participation":  # the upper end needs a single module
        changes = {"min_participation": value, "num_modules": 1, "lora_ranks": (4,)}
    else:
        changes = {name: as_field(name, value)}
    assert getattr(Scenario(**changes), name) == as_field(name, value)


def test_numpy_numbers_are_numbers():
    scenario = Scenario(num_ues=np.int64(7), bandwidth_hz=np.float32(2e9), lora_ranks=tuple(np.array([1, 2, 3, 4])))
    assert (scenario.num_ues, scenario.bandwidth_hz, scenario.lora_ranks) == (7, 2e9, (1, 2, 3, 4))


def test_a_changed_copy_is_validated_again_and_the_original_stays():
    changed = dataclasses.replace(DEFAULT, num_ues=7)
    assert (changed.num_ues, DEFAULT.num_ues) == (7, 100)
    with pytest.raises(ValueError, match="num_ues = 0"):
        dataclasses.replace(DEFAULT, num_ues=0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        DEFAULT.num_ues = 7


# The readings


def test_the_paper_and_the_corrected_reading_differ_where_they_should():
    paper, corrected = Scenario.paper(), Scenario.corrected()
    assert corrected == DEFAULT
    differences = {name for name in SYMBOLS if getattr(paper, name) != getattr(corrected, name)}
    assert differences == {"reference_gain", "outage", "rate", "compute_energy", "energy_weight_per_j"}
    assert (paper.reference_gain, paper.outage, paper.rate) == (1.0, "printed", "instantaneous")
    assert (paper.compute_energy, paper.energy_weight_per_j) == ("per_model_bit", 1e5)
    assert corrected.reference_gain == pytest.approx(1e-3)
    assert (corrected.outage, corrected.rate, corrected.threshold) == ("exact", "ergodic", "fixed")
    assert corrected.compute_energy == "per_data_bit"


@pytest.mark.parametrize("reading", [Scenario.paper, Scenario.corrected])
def test_both_readings_take_changes_and_validate_them(reading):
    assert reading(num_ues=12, reference_gain=0.5).num_ues == 12
    assert reading(reference_gain=0.5).reference_gain == 0.5
    with pytest.raises(ValueError, match="reference_gain = 2"):
        reading(reference_gain=2.0)


def test_section_v_is_what_the_paper_states():
    stated = {
        "num_ues": 100,
        "path_loss_exponent": 3.8,
        "bandwidth_hz": 1e9,
        "noise_psd_w_per_hz": dbm_to_w(-162.0),
        "max_power_w": 0.2,
        "cpu_frequency_hz": 1.5e9,
        "cycles_per_bit": 737.5,
        "chip_energy_coefficient": 1e-27,
        "local_iterations": 4,
        "num_modules": 4,
        "subscription_limit": 1,
        "min_participation": 0.1,
        "min_delay_s": 5e-3,
    }
    assert {name for name, symbol in SYMBOLS.items() if symbol.origin == STATED} == set(stated)
    for name, value in stated.items():
        assert getattr(DEFAULT, name) == pytest.approx(value)


def test_the_cell_radius_gives_every_cell_its_share_of_the_plane():
    assert DEFAULT.cell_radius_m == pytest.approx(103.0, abs=0.1)
    assert math.pi * DEFAULT.cell_radius_m**2 * DEFAULT.base_station_density_per_m2 == pytest.approx(1.0)


# The table


@pytest.mark.parametrize("name", SYMBOLS)
def test_declarations_are_complete(name):
    symbol = SYMBOLS[name]
    assert list(SYMBOLS) == [field.name for field in dataclasses.fields(Scenario)]
    assert symbol.meaning
    assert symbol.reason
    assert symbol.group
    assert symbol.origin in (STATED, CHOSEN)
    assert symbol.shown_in in ("", "dB", "dBm/Hz")
    assert symbol.choices or symbol.low > -math.inf or symbol.low_open
    # only a stated value may lean on the place where the paper states it
    assert (symbol.reason.startswith(("Sec. V", "Fig. 5"))) == (symbol.origin == STATED)
    assert symbol.latex or symbol.origin == CHOSEN
    # a unit that stands at the end of a name is the unit of the field
    for ending, unit in {"_hz": "Hz", "_m": "m", "_w": "W", "_s": "s", "_per_m2": "1/m^2", "_w_per_hz": "W/Hz"}.items():
        if name.endswith(ending) and not (ending == "_hz" and name.endswith("_per_hz")):
            assert symbol.unit == unit


def test_no_symbol_stands_for_two_fields():
    latex = [symbol.latex for symbol in SYMBOLS.values() if symbol.latex]
    assert len(set(latex)) == len(latex)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("path_loss_exponent", "(2, inf)"),
        ("min_participation", "[0, 1]"),
        ("reference_gain", "(0, 1]"),
        ("num_ues", "[1, inf)"),
        ("compute_energy", '"per_model_bit" or "per_data_bit" or "flops"'),
    ],
)
def test_the_allowed_range_in_words(name, allowed):
    assert SYMBOLS[name].allowed == allowed
