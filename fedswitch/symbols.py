"""What is known of a field of a scenario besides its value: symbol, unit, range, and who chose it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

import numpy as np

from .arguments import LARGEST_COUNT, has_unit, one_number, shown

Origin = Literal["stated", "chosen"]
STATED: Origin = "stated"
CHOSEN: Origin = "chosen"

_LARGEST = 1e100  # and its inverse is the smallest: beyond, products of a few numbers leave double precision
_LARGEST_INT = 2**53  # that NumPy takes, and every double precision holds


@dataclasses.dataclass(frozen=True)
class Symbol:
    """What is known of one field of `Scenario` besides its value.

    `latex` is the paper's symbol (empty where it has none), `unit` the SI unit of the field, `shown_in` the unit of the
    table where that differs (``dB``, ``dBm/Hz``), `low` and `high` the allowed range (open where `low_open`), `choices`
    the allowed words, `origin` whether the paper states the value or we chose it, `reason` where it is stated or why it
    was chosen, `group` the part of the table that it stands in.
    """

    latex: str
    unit: str
    meaning: str
    group: str
    origin: Origin
    reason: str
    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    choices: tuple[str, ...] = ()
    shown_in: str = ""
    optional: bool = False

    @property
    def allowed(self) -> str:
        """The allowed values in words, for messages and tables."""
        if self.choices:
            return " or ".join(f'"{choice}"' for choice in self.choices)
        bracket = "(" if self.low_open or self.low == -math.inf else "["
        closing = ")" if self.high == math.inf else "]"
        return f"{bracket}{self.low:g}, {self.high:g}{closing}"

    def admits(self, value: float) -> bool:
        """Whether a number lies in the range; NaN never does."""
        return (value > self.low if self.low_open else value >= self.low) and value <= self.high

    def settled(self, name: str, value: Any, kind: str) -> Any:
        """The value as a field of type `kind` keeps it: Python's own int, float or str, or a tuple of these.

        A field of type int takes whole numbers only, 10.0 among them, and one of a tuple several numbers. Raises
        ValueError naming field, value, unit and range for what is not admitted.
        """
        if value is None and self.optional:
            return None
        whole, several = "int" in kind, kind.startswith("tuple")
        wanted, unit = "", f" {self.unit}" if self.unit else ""
        if self.choices:
            if isinstance(value, str) and value in self.choices:
                return str(value)
        else:
            listed = isinstance(value, (tuple, list, range)) or (
                isinstance(value, np.ndarray) and value.ndim == 1 and not has_unit(value)
            )
            entries = [self._number(entry, whole) for entry in (value if several and listed else (value,))]
            if several == listed and None not in entries:
                largest = self.high if math.isfinite(self.high) else LARGEST_COUNT if whole else _LARGEST
                beyond = [entry for entry in entries if entry and not 1.0 / _LARGEST <= abs(entry) <= largest]
                if beyond:
                    raise ValueError(
                        f"{name} = {shown(value)}{unit} is not allowed: {self.meaning} must be between "
                        f"{1 if whole else 1.0 / _LARGEST:g} and {largest:g}: with others nothing can be computed"
                    )
                return tuple(entries) if several else entries[0]
            wanted = f"{'a tuple, each entry ' if several else ''}{'a whole number' if whole else 'a number'} in "
        where = "" if self.choices else unit
        raise ValueError(
            f"{name} = {shown(value)}{unit} is not allowed: {self.meaning} must be {wanted}{self.allowed}{where}"
        )

    def _number(self, value: Any, whole: bool) -> int | float | None:
        """The entry as Python has it, or None where it is not admitted."""
        number = one_number(value)
        if number is None or not self.admits(number) or abs(number) == math.inf:
            return None
        if whole:
            return int(number) if number == int(number) else None
        return number if abs(number) <= _LARGEST_INT else float(min(number, 2 * _LARGEST))


def symbol(
    group: str, default: Any, latex: str, unit: str, meaning: str, reason: str = "", *, above: float | None = None,
    **limits: Any,
) -> Any:  # fmt: skip
    """Declare a field of `Scenario`: one that we chose for a `reason`, or else that Section V of the paper states.

    `above` is the open lower end of its range; other `limits` are range, choices and display unit as `Symbol` has them.
    """
    origin = CHOSEN if reason else STATED
    if above is not None:
        limits |= {"low": above, "low_open": True}
    declared = Symbol(latex, unit, meaning, group, origin, reason or "Sec. V", **limits)
    return dataclasses.field(default=default, metadata={"symbol": declared})


@dataclasses.dataclass(frozen=True)
class Declared:
    """A frozen dataclass whose fields are all declared by `symbol`, and settled when it is made.

    Raises ValueError, naming field, value, unit and allowed range, for a value out of range.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            known: Symbol = field.metadata["symbol"]
            object.__setattr__(self, field.name, known.settled(field.name, getattr(self, field.name), str(field.type)))

    @classmethod
    def symbols(cls) -> dict[str, Symbol]:
        """Field name to `Symbol`, in the order of the fields."""
        return {field.name: field.metadata["symbol"] for field in dataclasses.fields(cls)}
