"""Random generators keyed by what they are for, so that no draw depends on the order of another.

Two schemes compared at one seed see the same cell, fading and data, and a resumed run needs no saved generator state:
the stream of round 17 is found from its key, not from the sixteen rounds before it.
"""

from __future__ import annotations

import zlib

import numpy as np

from .arguments import seed_number, shown


def stream(seed: int, purpose: str, *indices: int) -> np.random.Generator:
    """Return the generator of (seed, purpose, indices), always in the same initial state.

    `indices` are non-negative whole numbers such as (round, UE). Equal keys give equal streams, different keys give
    independent ones (NumPy's SeedSequence). Raises ValueError for a seed or an index that is no whole number from 0.
    """
    if not isinstance(purpose, str):
        raise ValueError(f"purpose must be a word or a few, got {shown(purpose)}")
    seed = seed_number("seed", seed)
    # spawn_key, because SeedSequence pads plain entropy with zeros: (1, 2) and (1, 2, 0) would be one stream
    key = (zlib.crc32(purpose.encode()), *(seed_number("indices", index) for index in indices))
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
