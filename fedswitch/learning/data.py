"""Labeled samples, and the two sets of them that make a task."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Split:
    """M samples: `texts`, their `labels` (M,), and, where the task has them, second sentences and `domains` (M,)."""

    texts: tuple[str, ...]
    labels: NDArray[np.int64]
    pairs: tuple[str, ...] | None = None
    domains: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        sizes = {len(column) for column in (self.texts, self.labels, self.pairs, self.domains) if column is not None}
        if sizes == {0} or len(sizes) > 1:
            raise ValueError(f"texts, labels, pairs and domains must be of one size above 0, got {sorted(sizes)}")

    def __len__(self) -> int:
        return len(self.texts)


@dataclasses.dataclass(frozen=True)
class ImageSplit:
    """M images (M, height, width, 3) of bytes, and their `labels` (M,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    domains: None = None

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.shape[-1] != 3 or self.images.dtype != np.uint8:
            raise ValueError(
                f"images must be bytes of shape (M, height, width, 3), got {self.images.dtype} {self.images.shape}"
            )
        if not len(self.images) == len(self.labels) > 0:
            raise ValueError(
                f"images and labels must be of one size above 0, got {len(self.images)} and {len(self.labels)}"
            )

    def __len__(self) -> int:
        return len(self.images)


AnySplit = Split | ImageSplit


def subset(split: AnySplit, indices: NDArray[np.int64]) -> AnySplit:
    """The samples of a split at `indices`, in that order."""
    if isinstance(split, ImageSplit):
        return ImageSplit(split.images[indices], split.labels[indices])
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
    train: AnySplit
    test: AnySplit

    def __post_init__(self) -> None:
        for part, split in (("train", self.train), ("test", self.test)):
            if split.labels.min() < 0 or split.labels.max() >= self.num_labels:
                raise ValueError(f"the {part} labels of {self.name} must be in 0..{self.num_labels - 1}")

    @property
    def num_labels(self) -> int:
        """C, the number of classes."""
        return len(self.label_names)
