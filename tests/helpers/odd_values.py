"""What users hand to a function in place of a plain number or a list of numbers: the same in other clothes, or none."""

import decimal
import fractions

import numpy as np
import pandas as pd
import torch

FLOATS = (np.float16, np.float32, np.float64, np.longdouble, ">f8")
INTEGERS = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, ">i4")
TENSORS = (torch.uint8, torch.int32, torch.int64, torch.float16, torch.float32, torch.float64)


class Quantity(np.ndarray):
    """Numbers with a unit, as libraries for them have it: NumPy drops the unit without a word."""

    unit = "GHz"


def _exactly(values, dtypes, make):
    """By type, the values in types that hold them exactly."""
    whole = np.array_equal(values, np.floor(values))
    for dtype in dtypes:
        integer = dtype in (torch.uint8, torch.int32, torch.int64) or (
            not isinstance(dtype, torch.dtype) and np.issubdtype(np.dtype(dtype), np.integer)
        )
        with np.errstate(all="ignore"):
            made = make(np.floor(values) if integer else values, dtype)
            if (whole or not integer) and np.array_equal(np.asarray(made, dtype=float), values):
                yield str(dtype), made


def _tensor(values, dtype):
    return torch.tensor(np.clip(values, 0, 255) if dtype is torch.uint8 else values, dtype=dtype)


def same_number(value):
    """The number in other types, by name; each is exactly that number."""
    plain = float(value)
    found = {
        "float": plain,
        "Decimal": decimal.Decimal(value),
        "Fraction": fractions.Fraction(value),
        "unmasked": np.ma.array(value),
        "of a Series": pd.Series([value]).iloc[0],
        "object": np.array(decimal.Decimal(value), dtype=object),
    }
    if plain.is_integer():
        found["int"] = int(value)
    found |= {f"numpy {name}": made[()] for name, made in _exactly(plain, FLOATS + INTEGERS, np.asarray)}
    found |= {f"0-d {name}": made for name, made in _exactly(plain, FLOATS + INTEGERS, np.asarray)}
    return found | {f"torch {name}": made for name, made in _exactly(plain, TENSORS, _tensor)}


def same_numbers(values):
    """The numbers in other containers and types, by name."""
    plain = np.asarray(values, dtype=float)
    nested = np.asarray(values, dtype=object)
    found = {
        "list": plain.tolist(),
        "Fractions": np.vectorize(fractions.Fraction, otypes=[object])(plain),
        "Decimals": np.vectorize(decimal.Decimal, otypes=[object])(plain).tolist(),
        "objects": nested,
        "unmasked": np.ma.array(plain),
        "read-only": np.frombuffer(plain.tobytes()).reshape(plain.shape),
    }
    if plain.ndim == 1:
        found |= {"tuple": tuple(plain.tolist()), "Series": pd.Series(plain, index=range(7, 7 + plain.size))}
    if np.isin(plain, (0.0, 1.0)).all():
        found["bool"] = plain.astype(bool)
    found |= {f"numpy {name}": made for name, made in _exactly(plain, FLOATS + INTEGERS, np.asarray)}
    return found | {f"torch {name}": made for name, made in _exactly(plain, TENSORS, _tensor)}


def no_number(value):
    """What is not one real number, or hides it, by name."""
    return {
        "word": str(value),
        "bytes": str(value).encode(),
        "empty word": "",
        "complex": complex(value),
        "numpy complex": np.complex128(value),
        "masked": np.ma.masked,
        "masked number": np.ma.array(value, mask=True),
        "duration": np.timedelta64(int(value) + 1, "ns"),
        "duration in an array": np.array(int(value) + 1, dtype="m8[ns]"),
        "date": np.datetime64("2025-01-01"),
        "pandas duration": pd.Timedelta(3, "s"),
        "missing": pd.NA,
        "no time": pd.NaT,
        "word in an array": np.array(str(value)),
        "object": object(),
        "dict": {},
        "set": {value},
        "function": lambda: value,
        "type": float,
        "unit": np.asarray(value, dtype=float).view(Quantity),
        "too large": 10**400,
        "too many digits": 10**5000,
        "nan": float("nan"),
        "nan in a Decimal": decimal.Decimal("nan"),
        "nan in an array": np.array(np.nan),
    }


def no_numbers(values):
    """What is not an array of real numbers, or hides some of them, by name."""
    plain = np.asarray(values, dtype=float)
    worded, missing = plain.astype(object), plain.astype(object)
    worded.flat[0], missing.flat[0] = str(plain.flat[0]), None
    hidden = np.ma.array(plain, mask=np.arange(plain.size).reshape(plain.shape) == 0)
    nan = plain.copy()
    nan.flat[-1] = np.nan
    return {
        "words": plain.astype(str),
        "a word among numbers": worded,
        "None among numbers": missing,
        "None among numbers in a list": missing.tolist(),
        "a word in a list": worded.tolist(),
        "complex": plain.astype(complex),
        "complex without imaginary part": plain.astype(complex).tolist(),
        "durations": plain.astype("m8[s]"),
        "dates": plain.astype("M8[s]"),
        "masked": hidden,
        "ragged": [[1.0], [1.0, 2.0]],
        "set": set(plain.ravel().tolist()),
        "dict": dict(enumerate(plain.ravel().tolist())),
        "generator": (number for number in plain.ravel().tolist()),
        "structured": np.zeros(plain.shape, dtype=[("a", float)]),
        "units": plain.view(Quantity),
        "too large": np.full(plain.shape, 10**400, dtype=object).tolist(),
        "missing": pd.Series([pd.NA] * plain.size, dtype="Int64"),
        "nan": nan,
    }
