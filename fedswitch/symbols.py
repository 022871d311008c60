"""What is known of a field of a scenario besides its value: symbol, unit, range, and who chose it."""

from __future__ import annotations

import dataclasses
import math
import numbers
from typing import Any, Literal

Origin = Literal["stated", "chosen"]
STATED: Origin = "stated"
CHOSEN: Origin = "chosen"


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

    def check(self, name: str, value: Any, kind: str) -> None:
        """Raise ValueError naming field, value, unit and range unless `value` is admitted; `kind` is the field's type.

        A field of type int takes whole numbers only, and one of a tuple several numbers.
        """
        if value is None and self.optional:
            return
        wanted, unit = "", f" {self.unit}" if self.unit else ""
        if self.choices:
            fits = value in self.choices
        else:
            whole, several = "int" in kind, kind.startswith("tuple")
            entries = value if several and isinstance(value, tuple) else (value,)
            fits = several == isinstance(value, tuple) and all(self._is_number(entry, whole) for entry in entries)
            wanted = f"{'a tuple, each entry ' if several else ''}{'a whole number' if whole else 'a number'} in "
        if not fits:
            where = "" if self.choices else unit
            raise ValueError(
                f"{name} = {value!r}{unit} is not allowed: {self.meaning} must be {wanted}{self.allowed}{where}"
            )

    def _is_number(self, value: Any, whole: bool) -> bool:
        number = not isinstance(value, bool) and isinstance(value, numbers.Real) and math.isfinite(value)
        return number and (not whole or value == int(value)) and self.admits(float(value))


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
    """A frozen dataclass whose fields are all declared by `symbol`, and checked when it is made.

    Raises ValueError, naming field, value, unit and allowed range, for a value out of range.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            field.metadata["symbol"].check(field.name, getattr(self, field.name), str(field.type))

    @classmethod
    def symbols(cls) -> dict[str, Symbol]:
        """Field name to `Symbol`, in the order of the fields."""
        return {field.name: field.metadata["symbol"] for field in dataclasses.fields(cls)}
