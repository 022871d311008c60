"""Labeled samples, and the two sets of them that make a task."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arguments import shown, whole_numbers


@dataclasses.dataclass(frozen=True)
class Split:
    """M samples: `texts`, their `labels` (M,), and, where the task has them, second sentences and `domains` (M,)."""

    texts: tuple[str, ...]
    labels: NDArray[np.int64]
    pairs: tuple[str, ...] | None = None
    domains: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        for name in ("texts", "pairs"):
            object.__setattr__(self, name, _words(name, getattr(self, name)))
        for name in ("labels", "domains"):
            given = getattr(self, name)
            object.__setattr__(self, name, None if given is None else whole_numbers(name, given))
            if given is not None and getattr(self, name).ndim != 1:
                raise ValueError(f"{name} must have shape (M,), got {getattr(self, name).shape}")
        sizes = {len(column) for column in (self.texts, self.labels, self.pairs, self.domains) if column is not None}
        if sizes == {0} or len(sizes) > 1:
            raise ValueError(f"texts, labels, pairs and domains must be of one size above 0, got {sorted(sizes)}")

    def __len__(self) -> int:
        return len(self.texts)


def _words(name: str, values: Any) -> tuple[str, ...] | None:
    """The texts as a tuple of Python's; ValueError that names them where one is no text, or all are one text."""
    if values is None:
        return None
    several = isinstance(values, Iterable) and not isinstance(values, (str, bytes, Mapping, Set))
    words = tuple(values) if several else (values,)
    odd = [word for word in words if not (several and isinstance(word, str))]
    if odd:
        raise ValueError(f"{name} must be several texts, such as a list of them, got {shown(odd[0])}")
    return words


def subset(split: Split, indices: NDArray[np.int64]) -> Split:
    """The samples of a split at `indices`, in that order."""
    texts, pairs = (
        None if column is None else tuple(column[i] for i in indices) for column in (split.texts, split.pairs)
    )
    assert texts is not None
    domains = None if split.domains is None else split.domains[indices]
    return Split(texts, split.labels[indices], pairs, domains)


@dataclasses.dataclass(frozen=True)
class Task:
    """A classification task. `source` says where the data came from, `label_names` what label 0, 1, ... means."""

    name: str
    source: str
    label_names: tuple[str, ...]
    train: Split
    test: Split

    def __post_init__(self) -> None:
        object.__setattr__(self, "label_names", _words("label_names", self.label_names))
        for part, split in (("train", self.train), ("test", self.test)):
            if split.labels.min() < 0 or split.labels.max() >= self.num_labels:
                raise ValueError(f"the {part} labels of {self.name} must be in 0..{self.num_labels - 1}")

    @property
    def num_labels(self) -> int:
        """C, the number of classes."""
        return len(self.label_names)
