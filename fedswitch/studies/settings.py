"""What a study can be run with: one frozen dataclass, that its notebook, its records and the commands share."""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Iterable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

import numpy as np

from ..errors import FedswitchError, nearest
from ..scenario import Scenario
from ..symbols import Declared, Symbol

STUDIES = (
    "fig3_bandwidth", "split_fig4", "split_fig3", "split_fig6", "split_fig5", "fig5_energy", "sensitivity",
    "concepts", "fig4_switching", "fig2_convergence",
)  # fmt: skip
"""The modules of the studies, the quickest first; those of the sibling's figures begin with "split"."""


LARGEST_SEED = 2**63 - 1
"""The largest that a table has room for."""


def setting(
    default: Any,
    text: str,
    unit: str = "",
    *,
    meaning: str = "",
    like: str = "",
    of: type[Declared] = Scenario,
    empty: bool = False,
    above: float | None = None,
    **limits: Any,
) -> Any:
    """A field of `StudySettings`: the value at classroom scale, what it is, its unit, and what is allowed.

    `meaning` says in messages what it is, where the text does not begin so. Several values are given as a list; there
    may be none of them only with `empty`. Limits of a value are those of the field that it is `like`, of the scenario
    `of`, or else those of `symbols.symbol`: `low`, `high`, `above`, `choices`. A Literal type says its own.
    """
    value = tuple(default) if isinstance(default, list) else default
    if like:
        known = of.symbols()[like]
        limits = {"low": known.low, "high": known.high, "low_open": known.low_open, "choices": known.choices} | limits
    if above is not None:
        limits |= {"low": above, "low_open": True}
    allowed = Symbol("", unit, meaning or re.split("[:;]", text)[0], "", "chosen", "", **limits)
    return dataclasses.field(
        default=value, metadata={"help": text, "unit": unit, "allowed": allowed, "empty": empty, "like": like}
    )


def seed_setting(default: Any, what: str) -> Any:
    """A field of seeds, which decide `what`."""
    return setting(default, f"{what}: several values", meaning="a seed", low=0, high=LARGEST_SEED)


def arm_names(arms: Iterable[Any]) -> tuple[str, ...]:
    """The names of arms, as choices of a setting."""
    return tuple(arm.name for arm in arms)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StudySettings:
    """The settings of a study: each field is made by `setting`, and is a parameter of the notebook under its name.

    Lists and ranges become tuples, so that settings stay what they are. Raises ValueError, naming the setting, for a
    value that is not allowed.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, self.checked(field.name, getattr(self, field.name)))

    @classmethod
    def checked(cls, name: str, value: Any) -> Any:
        """The value of one setting as it is kept; ValueError, naming it, where it is not allowed."""
        metadata = cls.__dataclass_fields__[name].metadata
        kind = get_type_hints(cls)[name]
        if get_origin(kind) not in (list, Sequence):
            return _checked_value(name, value, kind, metadata["allowed"])
        if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray):
            raise ValueError(f"{name} = {value!r} is not allowed: it takes several values, as a list")
        values = tuple(_checked_value(name, each, get_args(kind)[0], metadata["allowed"]) for each in value)
        if not values and not metadata["empty"]:
            raise ValueError(f"{name} is empty, so that there is nothing to run: give at least one value")
        twice = [each for i, each in enumerate(values) if each in values[:i]]
        if twice:
            raise ValueError(f"{name} holds {twice[0]!r} twice: give each value once")
        return values

    @classmethod
    def of(cls, names: Mapping[str, Any]) -> Self:
        """The settings among `names`, such as `globals()` of a notebook or those of a record.

        Raises FedswitchError where one is missing.
        """
        wanted = [field.name for field in dataclasses.fields(cls)]
        missing = [name for name in wanted if name not in names]
        if missing:
            raise FedswitchError(f"{cls.__name__} needs {', '.join(missing)}, not given here: get or make them anew.")
        return cls(**{name: names[name] for name in wanted})

    @classmethod
    def helps(cls) -> dict[str, str]:
        """What each setting is, with its unit, as the notebook's parameters and `fedswitch list` say it."""
        return {
            field.name: _with_unit(field.metadata["help"], field.metadata["unit"]) for field in dataclasses.fields(cls)
        }

    @classmethod
    def words(cls) -> dict[str, str]:
        """What this study calls the fields of a scenario that its settings are like, by field."""
        return {like: field.name for field in dataclasses.fields(cls) if (like := field.metadata["like"])}

    def as_dict(self) -> dict[str, Any]:
        """Values by name, as notebooks and records hold them: several of them as a list."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}


def _checked_value(name: str, value: Any, kind: Any, allowed: Symbol) -> Any:
    """One value of the type `kind`, as Python's own; a whole number that is written as a float is one."""
    choices, optional = get_args(kind), False
    if isinstance(kind, UnionType):
        (kind,), choices, optional = [one for one in get_args(kind) if one is not NoneType], (), True
    if get_origin(kind) is Literal:
        allowed = dataclasses.replace(allowed, choices=choices)
    if value is None and optional:
        return None
    if kind in (int, float):
        return allowed.settled(name, value, kind.__name__)
    value = value.item() if isinstance(value, np.generic) else value
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} = {value!r} is not allowed: {allowed.meaning} must be a text that is not empty")
    if allowed.choices and value not in allowed.choices:
        known = ", ".join(allowed.choices)
        raise ValueError(f"{name} has no {value!r}: choose from {known}.{nearest(value, allowed.choices)}")
    return value


def _with_unit(help: str, unit: str) -> str:  # noqa: A002 (as in the metadata of a field)
    """The unit stands before a colon: ``thresholds in dB: several values``."""
    what, colon, more = help.partition(":")
    return f"{what} in {unit}{colon}{more}" if unit else help


def recorded_settings(study: str) -> Any:
    """The settings of the recorded run of a study: `RECORDED` of the module of that name."""
    return importlib.import_module(f"{__package__}.{study}").RECORDED
