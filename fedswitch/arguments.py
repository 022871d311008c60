"""One gate for the arguments of the numeric layers: numbers, in range, of shapes that fit together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]

# rule: what the message says, and what the rule admits
_RULES: dict[str, tuple[str, Callable[[Array], Bools]]] = {
    "positive": ("positive and finite", lambda value: (value > 0) & (value < np.inf)),
    "positive_or_infinite": ("positive", lambda value: value > 0),
    "non_negative": ("non-negative and finite", lambda value: (value >= 0) & (value < np.inf)),
    "non_negative_or_infinite": ("non-negative", lambda value: value >= 0),
    "share": ("in [0, 1]", lambda value: (value >= 0) & (value <= 1)),
    "finite": ("finite", np.isfinite),
    "number": ("a number", lambda value: ~np.isnan(value)),
}


def check_choice(name: str, value: object, choices: Any) -> None:
    """Raise ValueError that names the argument unless `value` is one of a Literal type's words."""
    if value not in get_args(choices):
        raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}, got {value!r}")


def check_path_loss_exponent(value: float) -> None:
    """Raise ValueError unless it is one number with which the interference of a whole plane is finite."""
    if np.ndim(value):
        raise ValueError(f"path_loss_exponent must be a single number, got shape {np.shape(value)}")
    if not value > 2.0:
        raise ValueError(f"path_loss_exponent must be above 2 for the interference to be finite, got {value:g}")


def checked(**arguments: Mapping[str, ArrayLike]) -> list[Array]:
    """Return arguments as float64 arrays in the order given, each with its own shape.

    Every keyword is a rule (positive, positive_or_infinite, non_negative, non_negative_or_infinite, share, finite,
    number) with the arguments that must obey it, by name. Raises ValueError that names the argument and its first
    offending value (NaN always offends), or all arguments when their shapes do not broadcast.
    """
    arrays: dict[str, Array] = {}
    for rule, values in arguments.items():
        wanted, admits = _RULES[rule]
        for name, value in values.items():
            try:
                array = np.asarray(value, dtype=np.float64)
            except (TypeError, ValueError):
                raise ValueError(f"{name} must be a number or an array of numbers, got {value!r}") from None
            admitted = admits(array)
            if not admitted.all():
                raise ValueError(f"{name} must be {wanted}, got {array[~admitted].flat[0]:g}")
            arrays[name] = array
    distinct = {array.shape for array in arrays.values() if array.ndim}
    if len(distinct) > 1:
        try:
            np.broadcast_shapes(*distinct)
        except ValueError:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
            raise ValueError(f"these shapes do not broadcast: {shapes}") from None
    return list(arrays.values())
