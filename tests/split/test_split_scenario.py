"""What the sibling states, the readings of its units, and that no value out of range gets in."""

import dataclasses
import math

import numpy as np
import pytest

from fedswitch.split import SplitScenario
from fedswitch.symbols import CHOSEN, STATED

SYMBOLS = SplitScenario.symbols()
READINGS = {  # SNR in dB at 300 m over the whole band, and the limit times bandwidth, per bit
    "corrected": (-11.7, 5.0),
    "paper": (-11.7, 500.0),
    "in_band": (58.3, 0.5),
    "cell_10db": (10.3, 1.0),
}


@pytest.mark.parametrize("name", READINGS)
def test_a_reading_is_two_numbers(name):
    scenario = getattr(SplitScenario, name)()
    snr_db, limit = READINGS[name]
    gain = scenario.reference_gain * (300.0 / scenario.reference_distance_m) ** -3.5
    snr = scenario.power_w * gain / (scenario.bandwidth_hz * scenario.noise_psd_w_per_hz)
    assert 10 * np.log10(snr) == pytest.approx(snr_db, abs=0.05)
    assert scenario.delay_limit_s * scenario.bandwidth_hz / scenario.payload_bits == pytest.approx(limit)
    assert getattr(SplitScenario, name)(num_devices=7) == dataclasses.replace(scenario, num_devices=7)


def test_the_payload_is_that_of_three_messages():
    scenario = SplitScenario(batch_size=2, tokens_per_sample=5, hidden_size=3, bits_per_value=16)
    assert scenario.payload_bits == 2 * 3 * 16 * (5 + 1 + 1)
    assert SplitScenario().payload_bits == pytest.approx(102e6, rel=0.01)


@pytest.mark.parametrize("name", SYMBOLS)
def test_what_is_out_of_range_or_no_number_is_refused(name):
    symbol, kind = SYMBOLS[name], SplitScenario.__annotations__[name]
    outside = [math.nan, math.inf, "1", True, symbol.low if symbol.low_open else symbol.low - 1]
    outside += [symbol.high + 1] if symbol.high < math.inf else []
    outside += [2.5] if kind == "int" else []
    outside += [] if symbol.optional else [None]
    for value in outside:
        with pytest.raises(ValueError, match=rf"^{name} = .* is not allowed: {symbol.meaning.split('(')[0]}"):
            SplitScenario(**{name: value})


@pytest.mark.parametrize("name", SYMBOLS)
def test_declarations_are_complete(name):
    symbol = SYMBOLS[name]
    assert list(SYMBOLS) == [field.name for field in dataclasses.fields(SplitScenario)]
    assert symbol.meaning
    assert symbol.group
    assert symbol.origin in (STATED, CHOSEN)
    assert (symbol.reason == "Sec. V") == (symbol.origin == STATED)
    units = {"_hz": "Hz", "_m": "m", "_w": "W", "_s_per_bit": "s/bit", "_w_per_hz": "W/Hz"}
    for ending, unit in units.items():
        if name.endswith(ending) and not (ending == "_hz" and name.endswith("_per_hz")):
            assert symbol.unit == unit


def test_section_v_is_what_the_sibling_states():
    stated = {"num_devices": 20, "center_distance_m": 300.0, "circle_radius_m": 50.0, "path_loss_exponent": 3.5,
              "reference_distance_m": 10.0, "bandwidth_hz": 1e7, "batch_size": 32,
              "lora_rank": 8}  # fmt: skip
    assert {name for name, symbol in SYMBOLS.items() if symbol.origin == STATED} == set(stated)
    assert {name: getattr(SplitScenario(), name) for name in stated} == stated


def test_the_server_stands_outside_the_circle():
    with pytest.raises(ValueError, match="circle_radius_m = 300 m is not below center_distance_m = 300 m"):
        SplitScenario(circle_radius_m=300.0)
