"""Decibels at the edge, SI units inside: every conversion between the two."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import checked, floats

WATT_PER_MILLIWATT = 1e-3


def db_to_ratio(value_db: ArrayLike) -> NDArray[np.float64]:
    """Convert decibels to a linear power ratio, ``10^(dB/10)``; any shape. ValueError for what is no number."""
    return np.asarray(10.0 ** (floats("value_db", value_db) / 10.0))


def ratio_to_db(ratio: ArrayLike) -> NDArray[np.float64]:
    """Convert a positive linear power ratio to decibels; any shape. ValueError for what is no number, or negative."""
    (value,) = checked(non_negative_or_infinite={"ratio": ratio})
    with np.errstate(divide="ignore"):  # nothing is minus infinity
        return np.asarray(10.0 * np.log10(value))


def dbm_to_w(power_dbm: ArrayLike) -> NDArray[np.float64]:
    """Convert dBm to watt (or dBm/Hz to W/Hz); any shape. ValueError for what is no number."""
    return np.asarray(db_to_ratio(floats("power_dbm", power_dbm)) * WATT_PER_MILLIWATT)


def w_to_dbm(power_w: ArrayLike) -> NDArray[np.float64]:
    """Convert watt to dBm (or W/Hz to dBm/Hz); any shape. ValueError for what is no number, or negative."""
    (value,) = checked(non_negative_or_infinite={"power_w": power_w})
    return ratio_to_db(value / WATT_PER_MILLIWATT)
