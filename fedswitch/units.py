"""Decibels at the edge, SI units inside: every conversion between the two."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

WATT_PER_MILLIWATT = 1e-3


def db_to_ratio(value_db: ArrayLike) -> NDArray[np.float64]:
    """Convert decibels to a linear power ratio, ``10^(dB/10)``; any shape."""
    return np.asarray(10.0 ** (np.asarray(value_db, dtype=float) / 10.0))


def ratio_to_db(ratio: ArrayLike) -> NDArray[np.float64]:
    """Convert a positive linear power ratio to decibels; any shape."""
    return np.asarray(10.0 * np.log10(np.asarray(ratio, dtype=float)))


def dbm_to_w(power_dbm: ArrayLike) -> NDArray[np.float64]:
    """Convert dBm to watt (or dBm/Hz to W/Hz); any shape."""
    return np.asarray(db_to_ratio(power_dbm) * WATT_PER_MILLIWATT)


def w_to_dbm(power_w: ArrayLike) -> NDArray[np.float64]:
    """Convert watt to dBm (or W/Hz to dBm/Hz); any shape."""
    return ratio_to_db(np.asarray(power_w, dtype=float) / WATT_PER_MILLIWATT)
