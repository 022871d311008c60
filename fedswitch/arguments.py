"""The door of every public function and dataclass: what comes in is a number of Python's or an array of float64.

NumPy's narrow types overflow and round without a word (``np.int32(200)`` times a payload, ``np.float16(300) ** 2``,
``-np.uint8(4)``), `np.asarray` drops masks and units, and a word is no number. So types are settled here once, where
values come in: converted where that is safe, and otherwise refused in one sentence that names the argument.
"""

from __future__ import annotations

import decimal
import numbers
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]

LARGEST_COUNT = 10**9
"""Nothing that is counted here is more: no machine would hold it."""

_LARGEST_SEED = 2**1024

# rule: what the message says, and what the rule admits
_RULES: dict[str, tuple[str, Callable[[Array], Any]]] = {
    "positive": ("positive and finite", lambda value: (value > 0) & (value < np.inf)),
    "positive_or_infinite": ("positive", lambda value: value > 0),
    "non_negative": ("non-negative and finite", lambda value: (value >= 0) & (value < np.inf)),
    "non_negative_or_infinite": ("non-negative", lambda value: value >= 0),
    "share": ("in [0, 1]", lambda value: (value >= 0) & (value <= 1)),
    "finite": ("finite", np.isfinite),
    "number": ("a number", lambda value: ~np.isnan(value)),
    "any": ("a number or NaN", lambda value: np.True_),
}


def shown(value: object) -> str:
    """A value as an error message has it: in one line, and not a long one."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # such as a whole number of more digits than Python writes
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= 100 else f"{text[:80]} ..."


def check_choice(name: str, value: object, choices: Any) -> None:
    """Raise ValueError that names the argument unless `value` is one of a Literal type's words."""
    if not isinstance(value, str) or value not in get_args(choices):
        raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}, got {shown(value)}")


def check_flag(name: str, value: object) -> bool:
    """The argument as Python's True or False; ValueError that names it for anything else, such as the word "False"."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def plain_name(name: str, value: object) -> str:
    """The argument, a name or a path, as Python's str; ValueError that names it for anything else, and for no name."""
    word = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(word, str) or not word:
        raise ValueError(f"{name} must be a name or a path, got {shown(value)}")
    return str(word)


def check_generator(rng: object) -> None:
    """Raise ValueError unless `rng` is a generator of its own: a seed is none, and `numpy.random` is everybody's."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(
            f"rng must be a numpy.random.Generator, such as numpy.random.default_rng(0) makes, got {shown(rng)}"
        )


def check_path_loss_exponent(value: Any) -> float:
    """The argument as a float; ValueError unless it is one number with which the interference of a plane is finite."""
    if type(value) is float and 2.0 < value < np.inf:
        return value  # as inner loops have it
    (exponent,) = single(finite={"path_loss_exponent": value})
    if not exponent > 2.0:
        raise ValueError(f"path_loss_exponent must be above 2 for the interference to be finite, got {exponent:g}")
    return exponent


def one_number(value: Any) -> int | float | None:
    """What is one real number of whatever library, as Python's int or float; None for all else, as words and times."""
    if type(value) in (int, float):
        return value
    if np.ma.is_masked(value) or has_unit(value) or getattr(getattr(value, "dtype", None), "kind", "O") not in "iufO":
        return None
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, (numbers.Real, decimal.Decimal)):
        return None
    if isinstance(value, numbers.Integral):
        return int(value)
    try:
        return float(value)
    except (OverflowError, ValueError):
        return None


def whole(name: str, value: object, low: int = 0, high: int = LARGEST_COUNT) -> int:
    """The argument as Python's int, 10.0 as 10; ValueError that names it for all but whole numbers in [low, high]."""
    number = one_number(value)
    if number is None or number != number or abs(number) == float("inf") or int(number) != number or number < low:
        raise ValueError(f"{name} = {shown(value)} must be a whole number of at least {low}")
    if number > high:
        raise ValueError(f"{name} = {shown(value)} must be a whole number of at most {high:,}")
    return int(number)


def seed_number(name: str, value: object) -> int:
    """The argument as Python's int, from 0 on and as large as one likes; ValueError that names it for all else."""
    return whole(name, value, high=_LARGEST_SEED)


def whole_numbers(name: str, values: ArrayLike) -> Integers:
    """The argument as an array of int64; ValueError that names it unless all are whole numbers from 0 on."""
    if type(values) is np.ndarray and values.dtype == np.int64:
        array = values
    else:
        given = floats(name, values)
        if not ((given == np.floor(given)) & (given <= LARGEST_COUNT)).all():
            raise ValueError(f"{name} must be whole numbers from 0, got {shown(values)}")
        array = given.astype(np.int64)
    if array.size and array.min() < 0:
        raise ValueError(f"{name} must be whole numbers from 0, got {array.min()}")
    return array


def flags(name: str, values: ArrayLike) -> Bools:
    """The argument as an array of booleans; ValueError that names it unless all are True or False, or 1 or 0."""
    if type(values) is np.ndarray and values.dtype == np.bool_:
        return values
    array = floats(name, values)
    if not ((array == 0.0) | (array == 1.0)).all():
        raise ValueError(f"{name} must be True or False in each place, got {shown(values)}")
    return array == 1.0


def floats(name: str, value: Any) -> Array:
    """The argument as float64, of its own shape; ValueError that names it for what is no number, or a part of one."""
    if type(value) is np.ndarray and value.dtype == np.float64:
        return value
    if np.ma.is_masked(value):
        raise ValueError(f"{name} has masked entries, which are no numbers: fill them, or leave them out")
    if has_unit(value):
        raise ValueError(f"{name} carries a unit of its own: give a plain number, in the unit that {name} is in")
    array: Any = None
    try:
        array = np.asarray(value)
        if array.dtype.kind == "O":  # numbers of Python's that NumPy has no type for, or no numbers
            entries = [one_number(entry) for entry in array.flat]
            array = None if None in entries else np.array(entries, dtype=np.float64).reshape(array.shape)
    except OverflowError:
        raise ValueError(f"{name} is beyond the range of floating-point numbers, got {shown(value)}") from None
    except Exception:  # of many kinds: ragged lists, tensors on another device, ...
        array = None
    if array is None or array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be a number or an array of numbers, got {shown(value)}")
    return array.astype(np.float64, copy=False)


def has_unit(value: Any) -> bool:
    """Whether a library has given the value a unit, which NumPy would drop."""
    return getattr(value, "units", getattr(value, "unit", None)) is not None


def checked(**arguments: Mapping[str, ArrayLike]) -> list[Array]:
    """Return arguments as float64 arrays in the order given, each with its own shape.

    Every keyword is a rule (positive, positive_or_infinite, non_negative, non_negative_or_infinite, share, finite,
    number, any) with the arguments that must obey it, by name. Raises ValueError that names the argument and its first
    offending value (NaN always offends, but against `any`), or all arguments when their shapes do not broadcast.
    """
    arrays: dict[str, Array] = {}
    for rule, values in arguments.items():
        wanted, admits = _RULES[rule]
        for name, value in values.items():
            array = floats(name, value)
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


def single(**arguments: Mapping[str, ArrayLike]) -> list[float]:
    """Return arguments that are one number each as Python's floats; rules and errors as those of `checked`."""
    names = [name for values in arguments.values() for name in values]
    arrays = [
        checked(**{rule: {name: value}})[0] for rule, values in arguments.items() for name, value in values.items()
    ]
    for name, array in zip(names, arrays, strict=True):
        if array.ndim:
            raise ValueError(f"{name} must be a single number, got shape {array.shape}")
    return [float(array) for array in arrays]


def settle(instance: Any, **fields: Sequence[str]) -> None:
    """Check fields of a frozen dataclass, named by rule as in `checked`, and keep them as float64.

    What was given as an array stays one, and other numbers become Python's floats. Raises ValueError as `checked`.
    """
    for rule, names in fields.items():
        for name in names:
            given = getattr(instance, name)
            array = floats(name, given) if rule == "any" else checked(**{rule: {name: given}})[0]
            keep = array if array.ndim or isinstance(given, np.ndarray) else float(array)
            object.__setattr__(instance, name, keep)
