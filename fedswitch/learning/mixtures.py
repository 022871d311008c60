"""Cells in which UEs do not all want the same: other labels of the same texts, and mixtures of tasks.

A name such as ``reviews+flipped_6`` stands for a mixture, in which each task is a domain of its own; with the
scenario's `partition` "domain" and one domain per UE, every UE holds one of the tasks. Where a name stands twice, twice
as many UEs hold that task.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..streams import stream
from .data import AnySplit, Split, Task, subset

SEPARATOR = "+"
"""Between the names of tasks that are mixed."""


def flipped(split: Split, kinds: int) -> Split:
    """Reviews with the two labels exchanged where the product is of one of the first `kinds` kinds."""
    return Split(split.texts, np.where(_kinds(split) < kinds, 1 - split.labels, split.labels), domains=split.domains)


def topics(split: Split, kinds: int) -> Split:
    """Reviews labeled by what they are about: 1 where the product is of one of the first `kinds` kinds."""
    return Split(split.texts, (_kinds(split) < kinds).astype(np.int64), domains=split.domains)


def _kinds(split: Split) -> NDArray[np.int64]:
    assert split.domains is not None
    return split.domains


def mixture(tasks: Sequence[Task]) -> Task:
    """One task of several: equally many samples of each, with the place of their task among them as their domain.

    Each task is cut to the size of the smallest by a fixed draw. Where some tasks have second sentences, the others get
    empty ones. Label c means what it means in each task.

    Raises ValueError where the tasks are images, fewer than two, or have different numbers of labels.
    """
    if len(tasks) < 2:
        raise ValueError("a mixture needs at least two tasks")
    if len({task.num_labels for task in tasks}) > 1:
        told = ", ".join(f"{task.name} has {task.num_labels}" for task in tasks)
        raise ValueError(f"tasks of a mixture must have equally many labels, but {told}")
    return Task(
        SEPARATOR.join(task.name for task in tasks),
        "; ".join(dict.fromkeys(task.source for task in tasks)),
        tuple("/".join(dict.fromkeys(same)) for same in zip(*(task.label_names for task in tasks), strict=True)),
        _together([task.train for task in tasks]),
        _together([task.test for task in tasks]),
    )


def _together(whole: Sequence[AnySplit]) -> Split:
    size = min(map(len, whole))
    parts = [part if len(part) == size else subset(part, _draw(len(part), size)) for part in whole]
    splits = [part for part in parts if isinstance(part, Split)]
    if len(splits) < len(parts):
        raise ValueError("tasks of a mixture must be texts")
    paired = any(split.pairs is not None for split in splits)
    pairs = [text for split in splits for text in (split.pairs or ("",) * size)]
    return Split(
        tuple(text for split in splits for text in split.texts),
        np.concatenate([split.labels for split in splits]),
        tuple(pairs) if paired else None,
        np.repeat(np.arange(len(splits)), size),
    )


def _draw(count: int, size: int) -> NDArray[np.int64]:
    return np.sort(stream(0, "mixture", count).permutation(count)[:size]).astype(np.int64)
