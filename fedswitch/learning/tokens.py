"""Tokenized samples kept as one flat array, and the cutting of a set of samples into micro-batches."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Indices = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Tokens:
    """Token ids and segment ids (0 first sentence, 1 second) of M samples, end to end; `offsets` (M + 1,) cuts them."""

    ids: NDArray[np.int32]
    segments: NDArray[np.int8]
    offsets: Indices
    padding_id: int

    @classmethod
    def join(cls, ids: Sequence[Sequence[int]], segments: Sequence[Sequence[int]], padding_id: int) -> Tokens:
        """Store M samples: the ids of each, and as many segment ids."""
        lengths = np.fromiter((len(row) for row in ids), dtype=np.int64, count=len(ids))
        return cls(
            ids=np.concatenate([np.asarray(row, dtype=np.int32) for row in ids]),
            segments=np.concatenate([np.asarray(row, dtype=np.int8) for row in segments]),
            offsets=np.concatenate([[0], np.cumsum(lengths)]),
            padding_id=padding_id,
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def content(self) -> tuple[NDArray[Any], ...]:
        """All that a batch is made of."""
        return self.ids, self.segments, self.offsets

    @property
    def lengths(self) -> Indices:
        """Tokens of each sample, shape (M,)."""
        return np.diff(self.offsets)

    def batch(self, indices: Indices, device: torch.device | str = "cpu") -> Batch:
        """The samples at `indices` (B,), padded to the longest of them."""
        lengths = self.lengths[indices]
        shape = (len(indices), int(lengths.max()))
        ids = np.full(shape, self.padding_id, dtype=np.int64)
        segments = np.zeros(shape, dtype=np.int64)
        for row, index in enumerate(indices):
            cut = slice(self.offsets[index], self.offsets[index + 1])
            ids[row, : lengths[row]] = self.ids[cut]
            segments[row, : lengths[row]] = self.segments[cut]
        mask = np.arange(shape[1]) < lengths[:, None]
        return Batch(*(torch.from_numpy(array).to(device) for array in (ids, segments, mask)))


@dataclasses.dataclass(frozen=True)
class Batch:
    """Padded token ids, segment ids and mask (True where a token is), each of shape (B, L)."""

    ids: torch.Tensor
    segments: torch.Tensor
    mask: torch.Tensor

    @property
    def inputs(self) -> tuple[torch.Tensor, ...]:
        """What the embedding takes."""
        return self.ids, self.segments


def micro_batches(lengths: Indices, token_budget: int) -> Iterator[Indices]:
    """Cut samples into groups of similar length that hold at most `token_budget` tokens once padded.

    `lengths` (M,) gives the tokens of each; the groups are of places in it. Sorting by length keeps padding, which
    costs as much as words do, low: the less, the smaller the budget. A sample longer than the budget makes a
    group of its own.
    """
    ordered = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(ordered):
        # lengths ascend, so the padded size of ordered[start:stop] is (stop - start) * length of its last member
        padded = lengths[ordered[start:]] * np.arange(1, len(ordered) - start + 1)
        count = max(1, int(np.searchsorted(padded, token_budget, side="right")))
        yield ordered[start : start + count]
        start += count
