"""Errors whose message is one sentence for the person at the keyboard, printed without a traceback by the command."""

import difflib
from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str:
    """A question, with a space before it, that names the nearest of `names`; empty where none is near."""
    near = difflib.get_close_matches(name, list(names), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


class FedswitchError(Exception):
    """Something the user can mend: the message says what is wrong, where, and what to do."""


class MissingDataError(FedswitchError):
    """A data set is not here; the message says how to get it."""


class MissingWeightsError(FedswitchError):
    """A backbone's weights are not here, or are not the expected ones; the message says how to get them."""


class ParameterError(FedswitchError):
    """A notebook parameter is unknown or has the wrong type; the message names the nearest match."""
