r"""Which modules a UE subscribes to in a round: the indicator :math:`\beta` of (7b) and (7c)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def random_subscription(num_modules: int, num_ues: int, limit: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw a subscription, shape (N, K): every UE takes `limit` modules at random, without replacement.

    Each choice of `limit` modules is equally likely, independently for every UE, so that (7c) holds with equality and
    every module is taken with probability ``limit / num_modules``. Raises ValueError unless
    ``0 <= limit <= num_modules``.
    """
    if not 0 <= limit <= num_modules:
        raise ValueError(f"limit = {limit} must lie between 0 and num_modules = {num_modules}")
    first_modules = np.arange(num_modules)[:, np.newaxis] < limit
    return rng.permuted(np.repeat(first_modules, num_ues, axis=1), axis=0)
