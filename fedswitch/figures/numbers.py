"""Numbers as the readouts of interactive figures say them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Texts = NDArray[np.str_]


def decimals(values: ArrayLike, places: int = 3) -> Texts:
    """Each number with so many decimals, in the shape of `values`."""
    numbers = np.asarray(values, dtype=float)
    return np.array([f"{number:.{places}f}" for number in numbers.flat]).reshape(numbers.shape)


def rounded(values: ArrayLike) -> Texts:
    """Each number rounded to three significant digits, in the shape of `values`."""
    numbers = np.asarray(values, dtype=float)
    return np.array([f"{float(f'{number:.3g}'):g}" for number in numbers.flat]).reshape(numbers.shape)


def percent(shares: ArrayLike) -> Texts:
    """Each share in percent, rounded to three significant digits, in the shape of `shares`."""
    return np.char.add(rounded(100.0 * np.asarray(shares)), " %")


def signed(number: float) -> str:
    """A number with up to six digits, and a minus sign for a minus."""
    return f"{number:g}".replace("-", "\N{MINUS SIGN}")
