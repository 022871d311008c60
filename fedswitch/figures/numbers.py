"""Numbers as the readouts of interactive figures say them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Texts = NDArray[np.str_]


def decimals(values: ArrayLike, places: int = 3) -> Texts:
    """Each number with so many decimals, in the shape of `values`."""
    return np.char.mod(f"%.{places}f", np.asarray(values, dtype=float))


def rounded(values: ArrayLike) -> Texts:
    """Each number rounded to three significant digits, in the shape of `values`."""
    return np.char.mod("%g", np.char.mod("%.3g", np.asarray(values, dtype=float)).astype(float))


def percent(shares: ArrayLike) -> Texts:
    """Each share in percent, rounded to three significant digits, in the shape of `shares`."""
    return np.char.add(rounded(100.0 * np.asarray(shares)), " %")


def signed(number: float) -> str:
    """A number with up to six digits, and a minus sign for a minus."""
    return f"{number:g}".replace("-", "\N{MINUS SIGN}")
