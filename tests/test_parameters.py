import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedswitch import Scenario
from fedswitch.parameters import difference_table, parameter_table, value_text
from fedswitch.split import SplitScenario
from fedswitch.symbols import Symbol

POWERS_OF_TEN = {"p": -12, "n": -9, "µ": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12}


def rows(table):
    """The cells of every row of the tables in a Markdown text, without header and rule."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    rules = [i for i, row in enumerate(cells) if set(row) == {"---"}]
    return [row for i, row in enumerate(cells) if i not in rules and i + 1 not in rules]


def fields_in(table_rows, column):
    return [name for row in table_rows for name in re.findall(r"`(\w+)`$", row[column])]


def parsed(text, unit=""):
    """The number that a value in Markdown stands for, read by another route than it was written."""
    power = re.fullmatch(rf"\$(?:([-\d.]+) \\times )?10\^\{{(-?\d+)\}}\$ ?{unit}", text)
    if power:
        return float(power[1] or 1) * 10.0 ** int(power[2])
    plain = re.fullmatch(rf"([-\d.,]+) ?([pnµmkMGT]?){unit}", text)
    return float(plain[1].replace(",", "")) * 10.0 ** POWERS_OF_TEN[plain[2]]


@pytest.mark.parametrize(
    "scenario", [Scenario.paper(), Scenario.corrected(), SplitScenario.cell_10db()], ids=["paper", "corrected", "split"]
)
def test_every_field_has_one_row_of_four_cells(scenario):
    table_rows = rows(parameter_table(scenario))
    assert all(len(row) == 4 for row in table_rows)
    assert fields_in(table_rows, 2) == [field.name for field in dataclasses.fields(scenario)]


def test_every_group_is_named_once_and_in_order():
    groups = list(dict.fromkeys(symbol.group for symbol in Scenario.symbols().values()))
    assert re.findall(r"^\*\*(.+)\*\*$", parameter_table(Scenario.corrected()), flags=re.MULTILINE) == groups


def test_row_tells_symbol_value_and_origin():
    by_field = {fields_in([row], 2)[0]: row for row in rows(parameter_table(Scenario.corrected(batch_size=16)))}
    assert by_field["bandwidth_hz"][:2] == ["$W$", "1 GHz"]
    assert by_field["bandwidth_hz"][3].startswith("**stated**: ")
    assert by_field["reference_gain"][0] == ""
    assert by_field["reference_gain"][3].startswith("**chosen**: ")
    assert by_field["batch_size"][1] == "16 samples"
    assert by_field["batch_size"][3] == "**changed** from 32 samples"


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("num_ues", "100"),
        ("max_power_w", "200 mW"),
        ("min_delay_s", "5 ms"),
        ("cpu_frequency_hz", "1.5 GHz"),
        ("noise_psd_w_per_hz", "-162 dBm/Hz"),
        ("reference_gain", "-30 dB"),
        ("base_station_density_per_m2", r"$3 \times 10^{-5}$ per m²"),
        ("chip_energy_coefficient", "$10^{-27}$ J s²"),
        ("energy_weight_per_j", "0.001 per J"),
        ("lora_ranks", "2, 4, 8, 16"),
        ("lora_layers", "not set"),
        ("optimizer", "`adam`"),
    ],
)
def test_values_look_as_in_the_paper(field, text):
    assert value_text(Scenario.symbols()[field], getattr(Scenario.corrected(), field)) == text


@given(value=st.floats(1e-30, 1e30), unit=st.sampled_from(["", "Hz", "W", "s", "m"]))
def test_written_value_is_the_value_to_four_digits(value, unit):
    symbol = Symbol("", unit, "anything", "group", "chosen", "because")
    assert parsed(value_text(symbol, value), unit) == pytest.approx(value, rel=6e-4)


def test_zero_has_its_unit():
    assert value_text(Scenario.symbols()["interferer_power_w"], 0.0) == "0 W"


def test_differences_are_those_of_the_fields():
    paper, corrected = Scenario.paper(num_ues=20), Scenario.corrected()
    table_rows = rows(difference_table(paper, corrected, titles=("paper", "corrected")))
    names = fields_in(table_rows, 0)
    symbols = Scenario.symbols()
    assert names == [name for name in symbols if getattr(paper, name) != getattr(corrected, name)]
    assert "num_ues" in names
    for name, row in zip(names, table_rows, strict=True):
        assert row[1:] == [value_text(symbols[name], getattr(side, name)) for side in (paper, corrected)]


def test_equal_scenarios_differ_nowhere():
    assert rows(difference_table(Scenario.paper(), Scenario.paper(), titles=("one", "other"))) == []
