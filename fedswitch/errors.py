"""Errors whose message is one sentence for the person at the keyboard, printed without a traceback by the command."""

import dataclasses
import difflib
import functools
from collections.abc import Iterable
from typing import Any, TypeVar

Class = TypeVar("Class", bound=type[Any])


def nearest(name: str, names: Iterable[str]) -> str:
    """A question, with a space before it, that names the nearest of `names`; empty where none is near."""
    near = difflib.get_close_matches(name, list(names), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def names_unknown_fields(cls: Class) -> Class:
    """Let a dataclass refuse fields that it does not have in one sentence, a TypeError, with the nearest name."""
    given: Any = cls.__init__

    @functools.wraps(given)
    def init(self: Any, *values: Any, **fields: Any) -> None:
        names = [field.name for field in dataclasses.fields(cls)]
        for name in fields:
            if name not in names:
                raise TypeError(f"{cls.__name__} has no field {name!r}.{nearest(name, names)}")
        given(self, *values, **fields)

    cls.__init__ = init
    return cls


class FedswitchError(Exception):
    """Something the user can mend: the message says what is wrong, where, and what to do."""


class MissingDataError(FedswitchError):
    """A data set is not here; the message says how to get it."""


class MissingWeightsError(FedswitchError):
    """A backbone's weights are not here, or are not the expected ones; the message says how to get them."""


class ParameterError(FedswitchError):
    """A notebook parameter is unknown or has the wrong type; the message names the nearest match."""
