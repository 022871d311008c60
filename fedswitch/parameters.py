"""The parameter tables of the book, in Markdown, made from what scenarios declare of their fields."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

from .scenario import Scenario
from .symbols import Declared, Symbol
from .units import ratio_to_db, w_to_dbm

_PREFIXES = {-12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
_PREFIXED_UNITS = ("Hz", "W", "s", "J")
_UNIT_WORDS = {
    "1/m^2": "per m²",
    "1/J": "per J",
    "J s^2": "J s²",
    "cycle/bit": "cycles per bit",
    "FLOP/cycle": "FLOPs per cycle",
    "bit": "bits",
    "s/bit": "s per bit",
    "sample": "samples",
    "token": "tokens",
}


def parameter_table(scenario: Scenario | Declared) -> str:
    """Markdown tables of all fields of `scenario`, one for each group, each under its name in bold.

    A row holds the paper's symbol, the value in the paper's unit, the meaning and the field, and the origin: "stated"
    by the paper and where, "chosen" here and why, or "changed" where `scenario` departs from the default.
    """
    tables = []
    for group, members in itertools.groupby(scenario.symbols().items(), key=lambda member: member[1].group):
        rows = (_row(scenario, name, symbol) for name, symbol in members)
        tables.append(f"**{group}**\n\n{markdown_table(('Symbol', 'Value', 'Meaning and field', 'Origin'), rows)}")
    return "\n\n".join(tables)


def difference_table(left: Scenario | Declared, right: Scenario | Declared, *, titles: tuple[str, str]) -> str:
    """Markdown table of the fields in which two scenarios of one kind differ; `titles` head their columns."""
    rows = (
        (f"{symbol.meaning} `{name}`", *(value_text(symbol, getattr(side, name)) for side in (left, right)))
        for name, symbol in left.symbols().items()
        if getattr(left, name) != getattr(right, name)
    )
    return markdown_table(("Meaning and field", *titles), rows)


def value_text(symbol: Symbol, value: Any) -> str:
    """A field's value in Markdown, with its unit, as the paper would write it: ``1 GHz``, ``-162 dBm/Hz``."""
    if value is None:
        return "not set"
    if isinstance(value, str):
        return f"`{value}`"
    if isinstance(value, tuple):
        return ", ".join(_number(item) for item in value)
    if symbol.shown_in == "dB":
        return f"{ratio_to_db(value):.4g} dB"
    if symbol.shown_in == "dBm/Hz":
        return f"{w_to_dbm(value):.4g} dBm/Hz"
    if symbol.unit in _PREFIXED_UNITS and value > 0.0:
        power = 3 * math.floor(math.log10(value) / 3.0)
        if power in _PREFIXES:
            return f"{value / 10.0**power:.4g} {_PREFIXES[power]}{symbol.unit}"
    return f"{_number(value)} {_UNIT_WORDS.get(symbol.unit, symbol.unit)}".strip()


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown; bars in cells are escaped."""
    lines = (header, ["---"] * len(header), *rows)
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def power_of_ten(value: float, digits: int = 3) -> str:
    r"""A number in TeX as a power of ten, with up to so many decimals before it: ``5 \times 10^{-4}``."""
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    factor = "" if float(mantissa) == 1.0 else rf"{float(mantissa):g} \times "
    return rf"{factor}10^{{{int(exponent)}}}"


def _row(scenario: Scenario | Declared, name: str, symbol: Symbol) -> tuple[str, ...]:
    value, default = getattr(scenario, name), getattr(type(scenario), name)
    origin = f"**{symbol.origin}**: {symbol.reason}"
    if value != default:
        origin = f"**changed** from {value_text(symbol, default)}"
    sign = f"${symbol.latex}$" if symbol.latex else ""
    return sign, value_text(symbol, value), f"{symbol.meaning} `{name}`", origin


def _number(value: float) -> str:
    """A number with up to four digits; very large and very small ones as a power of ten in TeX."""
    if value == 0.0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.4g}" if abs(value) < 1e3 else f"{value:,.0f}"
    return f"${power_of_ten(value)}$"
