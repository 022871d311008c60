"""Random generators keyed by what they are for, so that no draw depends on the order of another.

Two schemes compared at one seed see the same cell, fading and data, and a resumed run needs no saved generator state:
the stream of round 17 is found from its key, not from the sixteen rounds before it.
"""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, purpose: str, *indices: int) -> np.random.Generator:
    """Return the generator of (seed, purpose, indices), always in the same initial state.

    `indices` are non-negative whole numbers such as (round, UE). Equal keys give equal streams, different keys give
    independent ones (NumPy's SeedSequence). Raises ValueError for a negative seed or index.
    """
    if min((seed, *indices)) < 0:
        raise ValueError(f"seed and indices must not be negative, got seed={seed}, indices={indices}")
    # spawn_key, because SeedSequence pads plain entropy with zeros: (1, 2) and (1, 2, 0) would be one stream
    key = (zlib.crc32(purpose.encode()), *indices)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
