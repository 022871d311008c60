"""Who holds which samples: a non-IID split of a labelled data set among the UEs of the cell."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..streams import stream

Integers = NDArray[np.int64]
Shares = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Partition:
    """The training data of K UEs over C labels.

    `indices` holds one ascending array per UE, disjoint and all of one size; `proportions` (K, C) are the label
    proportions that were drawn, `histogram` (K, C) the samples of each label that each UE holds.
    """

    indices: tuple[Integers, ...]
    proportions: Shares
    histogram: Integers


def dirichlet_partition(
    labels: ArrayLike, num_ues: int, *, concentration: float, min_samples: int, rng: np.random.Generator
) -> Partition:
    """Split samples among `num_ues` UEs whose label proportions follow Dir(concentration * 1_C).

    All UEs receive the same number of samples, the largest D for which no label runs out:
    D = floor(min_c pool_c / sum_k p_kc). A UE's count of a label differs from D p_kc by less than one, or, where
    rounding would have drawn more than the pool holds, by less than C.

    Args:
        labels: (M,) whole numbers from 0; C is the largest of them plus one.
        num_ues: K, at least 1.
        concentration: of the Dirichlet distribution; small values give UEs that hold few labels.
        min_samples: the least D that is of use, at least 1.
        rng: draws the proportions, UE by UE, and then shuffles the pools that the UEs are dealt from.

    Raises ValueError for an argument out of range, and where D would be below `min_samples`; the message says which D,
    and how many UEs, the data allow.
    """
    labels = _checked_labels(labels)
    if num_ues < 1 or min_samples < 1:
        raise ValueError(f"num_ues = {num_ues} and min_samples = {min_samples} must be at least 1")
    if not (math.isfinite(concentration) and concentration > 0):
        raise ValueError(f"concentration = {concentration} must be a positive number")
    pools = np.bincount(labels)
    proportions = rng.dirichlet(np.full(len(pools), concentration), size=num_ues)
    sizes = _common_sizes(proportions, pools)
    size = int(sizes[-1])
    if size < min_samples:
        raise ValueError(
            f"{len(labels):,} samples do not give num_ues = {num_ues} UEs min_samples = {min_samples} each at "
            f"concentration = {concentration:g}: only {size} each, "
            f"or {min_samples} each to {np.count_nonzero(sizes >= min_samples)} UEs"
        )
    histogram = _fit_to_pools(_whole_counts(proportions, size), proportions * size, pools)
    dealt = [
        np.split(rng.permutation(np.flatnonzero(labels == label)), np.cumsum(histogram[:, label]))[:-1]
        for label in range(len(pools))
    ]
    indices = tuple(np.sort(np.concatenate(hand)) for hand in zip(*dealt, strict=True))
    return Partition(indices, proportions, histogram)


def ue_test_indices(labels: ArrayLike, proportions: Shares, samples: int, *, seed: int) -> Integers:
    """Choose each UE's own test samples, in its own label proportions: (K, samples), ascending in each row.

    No UE holds a sample twice, but UEs may share samples. UE k draws from `stream(seed, "test data", k)`, so its choice
    depends on nothing but the labels, its own proportions and the seed.

    Args:
        labels: (M,) whole numbers from 0, of the whole test set.
        proportions: (K, C) with rows that sum to 1.
        samples: test samples of one UE, at least 1.
        seed: of the run.

    Raises ValueError where the test set holds too few samples of a label that a UE needs.
    """
    labels = _checked_labels(labels)
    if samples < 1:
        raise ValueError(f"samples = {samples} must be at least 1")
    counts = _whole_counts(proportions, samples)
    pools = [np.flatnonzero(labels == label) for label in range(counts.shape[1])]
    most = counts.max(axis=0)
    for label, pool in enumerate(pools):
        if most[label] > len(pool):
            raise ValueError(
                f"the test set holds {len(pool)} samples of label {label}, but UE {counts[:, label].argmax()} needs "
                f"{most[label]} of them among its samples = {samples}"
            )
    chosen = np.empty((len(counts), samples), dtype=np.int64)
    for k, row in enumerate(counts):
        rng = stream(seed, "test data", k)
        drawn = [rng.choice(pool, size=count, replace=False) for pool, count in zip(pools, row, strict=True)]
        chosen[k] = np.sort(np.concatenate(drawn))
    return chosen


def _checked_labels(labels: ArrayLike) -> Integers:
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.size == 0 or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise ValueError("labels must be a one-dimensional array of whole numbers from 0, and not empty")
    return labels.astype(np.int64)


def _common_sizes(proportions: Shares, pools: Integers) -> Integers:
    """For 1, 2, ..., K UEs: the largest common size at which no label runs out, shape (K,)."""
    demand = np.cumsum(proportions, axis=0)
    with np.errstate(divide="ignore", over="ignore"):  # a label that hardly anybody wants does not run out
        lasting = np.where(demand > 0, pools / demand, np.inf)
    sizes: Integers = np.floor(lasting.min(axis=1)).astype(np.int64)
    return sizes


def _whole_counts(proportions: Shares, size: int) -> Integers:
    """Whole numbers that sum to `size` in each row and differ from size * p by less than one (largest remainders)."""
    wanted = proportions * size
    counts: Integers = np.floor(wanted).astype(np.int64)
    missing = size - counts.sum(axis=1)
    rank = np.argsort(np.argsort(counts - wanted, axis=1, kind="stable"), axis=1)
    counts += rank < missing[:, None]
    return counts


def _fit_to_pools(counts: Integers, wanted: Shares, pools: Integers) -> Integers:
    """Move what rounding has drawn beyond a pool to pools with room, one unit at a time, rows keeping their sums.

    The columns of `wanted` fit the pools. So a column that exceeds its pool by e has more than e entries rounded up,
    each of which can give one back; and as all of `counts` together fit all pools together, another pool has room. Each
    move ends one excess and makes none: there are at most K C moves.
    """
    counts = counts.copy()
    room = pools - counts.sum(axis=0)
    for label in np.flatnonzero(room < 0):
        most_rounded_up = np.argsort(wanted[:, label] - counts[:, label], kind="stable")
        for ue in most_rounded_up[: -room[label]]:
            other = int(room.argmax())
            counts[ue, label] -= 1
            counts[ue, other] += 1
            room[other] -= 1
        room[label] = 0
    return counts
