"""Labeled samples, and the two sets of them that make a task."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Iterable, Mapping, Set
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..arguments import shown, whole_numbers


@dataclasses.dataclass(frozen=True)
class Split:
    """M samples: `texts`, their `labels` (M,), and, where the task has them, second sentences and `domains` (M,).

    Lists are taken as well, and whole numbers of any type. The arrays are copies that cannot be changed, because runs
    share what was made of them. Raises ValueError for what is no text, no whole number from 0, or of another size.
    """

    texts: tuple[str, ...]
    labels: NDArray[np.int64]
    pairs: tuple[str, ...] | None = None
    domains: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        for name, settle in (("texts", _texts), ("labels", _numbers), ("pairs", _texts), ("domains", _numbers)):
            column = getattr(self, name)
            if column is not None or name in ("texts", "labels"):
                object.__setattr__(self, name, settle(name, column))
        sizes = {len(column) for column in (self.texts, self.labels, self.pairs, self.domains) if column is not None}
        if sizes == {0} or len(sizes) > 1:
            raise ValueError(f"texts, labels, pairs and domains must be of one size above 0, got {sorted(sizes)}")

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def columns(self) -> tuple[Any, ...]:
        """All that it holds, arrays among it."""
        return self.texts, self.pairs, self.labels, self.domains


@dataclasses.dataclass(frozen=True)
class ImageSplit:
    """M images (M, height, width, 3) of bytes, and their `labels` (M,).

    The arrays are copies that cannot be changed. Raises ValueError for what are no such images, no whole numbers from
    0, or of another size.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    pairs: ClassVar[None] = None
    domains: ClassVar[None] = None

    def __post_init__(self) -> None:
        images = np.array(self.images)
        if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
            raise ValueError(f"images must be bytes of shape (M, height, width, 3), got {images.dtype} {images.shape}")
        images.setflags(write=False)
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", _numbers("labels", self.labels))
        if not len(self.images) == len(self.labels) > 0:
            raise ValueError(
                f"images and labels must be of one size above 0, got {len(self.images)} and {len(self.labels)}"
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def columns(self) -> tuple[Any, ...]:
        """All that it holds, arrays among it."""
        return self.images.shape, self.images, self.labels


AnySplit = Split | ImageSplit
"""Samples of either kind."""


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
    """A classification task. `source` says where the data came from, `label_names` what label 0, 1, ... means.

    Raises ValueError where a label has no name, where all training samples have the same one, or where the two sets are
    not of one kind: texts or images, with second sentences or without.
    """

    name: str
    source: str
    label_names: tuple[str, ...]
    train: AnySplit
    test: AnySplit

    def __post_init__(self) -> None:
        object.__setattr__(self, "label_names", _texts("label_names", self.label_names))
        for part, split in (("train", self.train), ("test", self.test)):
            if split.labels.max() >= self.num_labels:
                raise ValueError(f"the {part} labels of {self.name} must be in 0..{self.num_labels - 1}")
        if self.train.labels.min() == self.train.labels.max():
            raise ValueError(
                f"the train labels of {self.name} are all {self.train.labels[0]}: there is nothing to tell apart"
            )
        if type(self.train) is not type(self.test):
            raise ValueError(f"the train and test samples of {self.name} must both be texts, or images")
        if (self.train.pairs is None) != (self.test.pairs is None):
            raise ValueError(f"the train and test samples of {self.name} must both have pairs, or neither")

    @property
    def num_labels(self) -> int:
        """C, the number of classes."""
        return len(self.label_names)

    @functools.cached_property
    def digest(self) -> str:
        """The SHA-256 of the samples and of the names of their labels: the same wherever they come from."""
        digest = hashlib.sha256(repr(self.label_names).encode())
        for split in (self.train, self.test):
            for column in split.columns:
                digest.update(b"|" + (column.tobytes() if isinstance(column, np.ndarray) else repr(column).encode()))
        return digest.hexdigest()


def _texts(name: str, column: Any) -> tuple[str, ...]:
    if not isinstance(column, Iterable) or isinstance(column, (str, bytes, Mapping, Set)):
        raise ValueError(f"{name} must be a sequence of texts, such as a list of them, got {shown(column)}")
    texts = tuple(column)
    for place, text in enumerate(texts):
        if not isinstance(text, str) or not _is_unicode(text):
            raise ValueError(f"{name} must be a sequence of texts, but entry {place} is {shown(text)}")
    return texts


def _is_unicode(text: str) -> bool:
    """Whether a text holds no half of a character, which no tokenizer takes."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _numbers(name: str, column: Any) -> NDArray[np.int64]:
    numbers = whole_numbers(name, column).copy()
    if numbers.ndim != 1:
        raise ValueError(f"{name} must be whole numbers from 0, one of each sample, got shape {numbers.shape}")
    numbers.setflags(write=False)
    return numbers
