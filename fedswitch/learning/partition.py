"""Who holds which samples: a non-IID split of a labeled data set among the UEs of the cell.

Three kinds of skew: by label and by domain, where all UEs hold equally many samples of groups in
proportions of their own, and by quantity, where UEs hold unequally many samples of the same mixture.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Array, Integers, check_generator, checked, single, whole, whole_numbers
from ..errors import FedswitchError
from ..scenario import Scenario
from ..streams import stream
from .data import AnySplit, Task


@dataclasses.dataclass(frozen=True)
class Partition:
    """The training data of K UEs over G groups of samples, which are the labels or the domains of the data.

    `indices` holds one ascending array per UE, disjoint and none empty; `proportions` (K, G) are the shares of the
    groups that were drawn for each UE, `histogram` (K, G) the samples of each group that it holds.
    """

    indices: tuple[Integers, ...]
    proportions: Array
    histogram: Integers

    def __post_init__(self) -> None:
        empty = [k for k, held in enumerate(self.indices) if not len(held)]
        if empty:
            raise ValueError(f"UE {empty[0]} holds no sample: every UE needs at least one")


def partition_task(task: Task, scenario: Scenario, *, seed: int) -> tuple[Partition, Integers]:
    """Deal out a task: the training data of each UE, and (K, test_samples) its own test samples, in its own mixture.

    The scenario says how many UEs there are and how they differ (`partition`): by label (`dirichlet_partition`), by
    quantity (`quantity_partition`), or by the domain of the samples (`domain_partition`). Each UE has a mini-batch of
    training samples at least. `seed` decides all draws.

    Raises:
        ValueError: for more UEs, or more samples of one, than the data allow.
        FedswitchError: where the skew is by domain and the task has none.
    """
    kinds: dict[str, Callable[..., Partition]] = {
        "label": partial(dirichlet_partition, concentration=scenario.dirichlet_concentration),
        "quantity": partial(quantity_partition, concentration=scenario.dirichlet_concentration),
        "domain": partial(domain_partition, domains_per_ue=scenario.domains_per_ue),
    }
    train, test = (_groups(task, split, scenario.partition) for split in (task.train, task.test))
    partition = kinds[scenario.partition](
        train, scenario.num_ues, min_samples=scenario.batch_size, rng=stream(seed, "partition")
    )
    return partition, ue_test_indices(test, partition.proportions, scenario.test_samples, seed=seed)


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
    check_generator(rng)
    labels = _checked_groups(labels, "labels")
    num_ues, min_samples = whole("num_ues", num_ues, low=1), whole("min_samples", min_samples, low=1)
    (concentration,) = single(positive={"concentration": concentration})
    pools = _full_pools(labels, "labels")
    proportions = rng.dirichlet(np.full(len(pools), concentration), size=num_ues)
    sizes = _common_sizes(proportions, pools)
    _check_sizes(sizes, min_samples, f"{len(labels):,} samples at concentration = {concentration:g}")
    size = int(sizes[-1])
    histogram = _fit_to_pools(_whole_counts(proportions, size), proportions * size, pools)
    return _deal(labels, proportions, histogram, rng)


def quantity_partition(
    labels: ArrayLike, num_ues: int, *, concentration: float, min_samples: int, rng: np.random.Generator
) -> Partition:
    """Split all samples at random among `num_ues` UEs whose numbers of samples differ.

    Each UE has `min_samples`; shares of what is left follow Dir(concentration * 1_K), rounded to whole samples: a small
    `concentration` gives most to few UEs. A UE's labels are those of a random draw; `proportions` are those of all.
    Arguments are as in `dirichlet_partition`, but `rng` draws the shares, and then shuffles the samples.

    Raises ValueError for an argument out of range, and where there are fewer than K `min_samples` samples; the message
    says how many UEs the data allow.
    """
    check_generator(rng)
    labels = _checked_groups(labels, "labels")
    num_ues, min_samples = whole("num_ues", num_ues, low=1), whole("min_samples", min_samples, low=1)
    (concentration,) = single(positive={"concentration": concentration})
    _check_sizes(len(labels) // np.arange(1, num_ues + 1), min_samples, f"{len(labels):,} samples")
    shares = rng.dirichlet(np.full(num_ues, concentration))
    sizes = min_samples + _whole_counts(shares[None], len(labels) - num_ues * min_samples)[0]
    indices = tuple(np.sort(hand) for hand in np.split(rng.permutation(len(labels)), np.cumsum(sizes)[:-1]))
    pools = np.bincount(labels)
    histogram = np.stack([np.bincount(labels[held], minlength=len(pools)) for held in indices])
    return Partition(indices, np.tile(pools / len(labels), (num_ues, 1)), histogram)


def domain_partition(
    domains: ArrayLike, num_ues: int, *, domains_per_ue: int, min_samples: int, rng: np.random.Generator
) -> Partition:
    """Split samples among `num_ues` UEs that hold `domains_per_ue` domains each, equally many samples of each of them.

    Domains are given out in laps: in a lap no domain is given twice, so that all are held by about as many UEs. All UEs
    receive the same number of samples, the largest for which no domain runs out. Arguments are as in
    `dirichlet_partition`, but for `domains` (M,), whole numbers from 0 to G - 1, for `domains_per_ue`, from 1 to G, and
    for `rng`, which draws the domains, lap by lap, and then shuffles the pools that the UEs are dealt from.

    Raises ValueError for an argument out of range, and where the UEs would hold less than `min_samples`; the message
    says how many samples, and how many UEs, the data allow.
    """
    check_generator(rng)
    domains = _checked_groups(domains, "domains")
    num_ues, min_samples = whole("num_ues", num_ues, low=1), whole("min_samples", min_samples, low=1)
    pools = _full_pools(domains, "domains")
    given, domains_per_ue = domains_per_ue, whole("domains_per_ue", domains_per_ue)
    if not 1 <= domains_per_ue <= len(pools):
        raise ValueError(f"domains_per_ue = {given} must be from 1 to {len(pools)}, the domains of the data")
    ues_per_lap = len(pools) // domains_per_ue
    laps = np.tile(np.arange(len(pools)), (-(-num_ues // ues_per_lap), 1))
    own = rng.permuted(laps, axis=1)[:, : ues_per_lap * domains_per_ue].reshape(-1, domains_per_ue)[:num_ues]
    held = np.zeros((num_ues, len(pools)), dtype=np.int64)
    np.put_along_axis(held, own, 1, axis=1)
    of_each_domain = _common_sizes(held, pools)
    have = f"{len(domains):,} samples of {len(pools)} domains at domains_per_ue = {domains_per_ue}"
    _check_sizes(of_each_domain * domains_per_ue, min_samples, have)
    return _deal(domains, held / domains_per_ue, held * of_each_domain[-1], rng)


def ue_test_indices(groups: ArrayLike, proportions: Array, samples: int, *, seed: int) -> Integers:
    """Choose each UE's own test samples, in its own proportions of groups: (K, samples), ascending in each row.

    No UE holds a sample twice, but UEs may share samples. UE k draws from `stream(seed, "test data", k)`, so its choice
    depends on nothing but the groups, its own proportions and the seed.

    Args:
        groups: (M,) whole numbers from 0, the labels or the domains of the whole test set.
        proportions: (K, G) with rows that sum to 1.
        samples: test samples of one UE, at least 1.
        seed: of the run.

    Raises ValueError where the test set holds too few samples of a group that a UE needs.
    """
    groups = _checked_groups(groups, "groups")
    samples = whole("samples", samples, low=1)
    (shares,) = checked(share={"proportions": proportions})
    if shares.ndim != 2:
        raise ValueError(f"proportions must have shape (K, G), got {shares.shape}")
    counts = _whole_counts(shares, samples)
    pools = [np.flatnonzero(groups == group) for group in range(counts.shape[1])]
    most = counts.max(axis=0)
    for group, pool in enumerate(pools):
        if most[group] > len(pool):
            advice = "lower test_samples" if len(pool) else "the test set needs some of all that the training data hold"
            raise ValueError(
                f"the test set holds {len(pool)} samples of label or domain {group}, but UE "
                f"{counts[:, group].argmax()} needs {most[group]} of them among its samples = {samples}: {advice}"
            )
    chosen = np.empty((len(counts), samples), dtype=np.int64)
    for k, row in enumerate(counts):
        rng = stream(seed, "test data", k)
        drawn = [rng.choice(pool, size=count, replace=False) for pool, count in zip(pools, row, strict=True)]
        chosen[k] = np.sort(np.concatenate(drawn))
    return chosen


def _groups(task: Task, split: AnySplit, kind: str) -> Integers:
    """What the skew is by: (M,) labels or domains."""
    if kind != "domain":
        return split.labels
    if split.domains is None:
        raise FedswitchError(
            f"The samples of the task {task.name!r} belong to no domains, so they cannot be partitioned by domain: "
            "partition by label or quantity, or use task=reviews or task=questions."
        )
    return split.domains


def _checked_groups(groups: ArrayLike, name: str) -> Integers:
    numbers = whole_numbers(name, groups)
    if numbers.ndim != 1 or not numbers.size:
        raise ValueError(f"{name} must be a one-dimensional array of whole numbers from 0, and not empty")
    return numbers


def _full_pools(groups: Integers, name: str) -> Integers:
    """How many samples each group has; ValueError where one has none, which no UE could hold its share of."""
    pools = np.bincount(groups)
    if not pools.all():
        raise ValueError(
            f"{name} must be numbered from 0 without gaps, but of {len(pools)} {name} no sample has {pools.argmin()}"
        )
    return pools


def _check_sizes(sizes: Integers, min_samples: int, have: str) -> None:
    """Refuse more UEs than the data allow; `sizes` (K,) is what 1, 2, ..., K UEs could hold each, falling."""
    if sizes[-1] < min_samples:
        raise ValueError(
            f"{have} do not give num_ues = {len(sizes)} UEs min_samples = {min_samples} each, only {sizes[-1]} each, "
            f"or {min_samples} each to {np.count_nonzero(sizes >= min_samples)} UEs: lower num_ues or batch_size"
        )


def _deal(groups: Integers, proportions: Array, histogram: Integers, rng: np.random.Generator) -> Partition:
    """Deal the samples of each group, shuffled, to the UEs, as many as `histogram` (K, G) says."""
    dealt = [
        np.split(rng.permutation(np.flatnonzero(groups == group)), np.cumsum(histogram[:, group]))[:-1]
        for group in range(histogram.shape[1])
    ]
    indices = tuple(np.sort(np.concatenate(hand)) for hand in zip(*dealt, strict=True))
    return Partition(indices, proportions, histogram)


def _common_sizes(demands: ArrayLike, pools: Integers) -> Integers:
    """For the first 1, 2, ..., K UEs: the largest multiple of their `demands` (K, G) that the pools hold, (K,)."""
    demand = np.cumsum(demands, axis=0)
    with np.errstate(divide="ignore", over="ignore"):  # a group that hardly anybody wants does not run out
        lasting = np.where(demand > 0, pools / demand, np.inf)
    return np.floor(lasting.min(axis=1)).astype(np.int64)


def _whole_counts(proportions: Array, size: int) -> Integers:
    """Whole numbers that sum to `size` in each row and differ from size * p by less than one (largest remainders)."""
    wanted = proportions * size
    counts: Integers = np.floor(wanted).astype(np.int64)
    missing = size - counts.sum(axis=1)
    rank = np.argsort(np.argsort(counts - wanted, axis=1, kind="stable"), axis=1)
    counts += rank < missing[:, None]
    return counts


def _fit_to_pools(counts: Integers, wanted: Array, pools: Integers) -> Integers:
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
