"""What a study can be run with: one frozen dataclass, that its notebook, its records and the commands share."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from ..arguments import one_number
from ..errors import FedswitchError

STUDIES = ("fig3_bandwidth", "sensitivity", "fig5_energy", "skew", "fig4_switching", "fig2_convergence")
"""The modules of the studies, the quickest first."""


def setting(default: Any, text: str, unit: str = "") -> Any:
    """A field of `StudySettings`: the value at classroom scale, what it is, and its unit; several values as a list."""
    value = tuple(default) if isinstance(default, list) else default
    return dataclasses.field(default=value, metadata={"help": text, "unit": unit})


@dataclasses.dataclass(frozen=True, kw_only=True)
class StudySettings:
    """The settings of a study: each field is made by `setting`, and is a parameter of the notebook under its name.

    Lists, ranges and arrays become tuples, and numbers Python's own, so that settings stay what they are and a record
    can hold them.
    """

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            object.__setattr__(self, name, _plain(value))

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
        return {field.name: _with_unit(**field.metadata) for field in dataclasses.fields(cls)}

    def as_dict(self) -> dict[str, Any]:
        """Values by name, as notebooks and records hold them: several of them as a list."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}


def _plain(value: Any) -> Any:
    """Numbers of other libraries as Python's own, and several values as a tuple."""
    if isinstance(value, np.ndarray) or (isinstance(value, Sequence) and not isinstance(value, str)):
        return tuple(map(_plain, value))
    number = one_number(value)
    return value if number is None else number


def _with_unit(help: str, unit: str) -> str:  # noqa: A002 (as in the metadata of a field)
    """The unit stands before a colon: ``thresholds in dB: several values``."""
    what, colon, more = help.partition(":")
    return f"{what} in {unit}{colon}{more}" if unit else help


def recorded_settings(study: str) -> Any:
    """The settings of the recorded run of a study: `RECORDED` of the module of that name."""
    return importlib.import_module(f"{__package__}.{study}").RECORDED
