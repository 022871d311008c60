"""Tokenized data, and the output of frozen layers for them, computed once, for one run or for many."""

from __future__ import annotations

import dataclasses
import math
import mmap
import tempfile
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import FedswitchError
from ..files import reserve
from .data import AnySplit
from .encoding import Backbone
from .patches import ImageBatch, Sequences
from .tokens import Batch, Indices
from .workers import in_order

MEMORY_LIMIT_BYTES = 512 * 2**20
"""Outputs of frozen layers beyond this are kept in a file that is mapped into memory."""


@dataclasses.dataclass(frozen=True)
class Samples:
    """A tokenized data set with its labels (M,), which lie on the device that computes."""

    tokens: Sequences
    labels: torch.Tensor

    @property
    def device(self) -> torch.device:
        """Where batches go."""
        return self.labels.device


class Cut(Protocol):
    """An encoder cut in two: `frozen` is what no training changes, the first `frozen_layers` layers of `backbone`."""

    backbone: Backbone
    frozen_layers: int

    def frozen(self, batch: Batch | ImageBatch) -> torch.Tensor:
        """Of a batch, (B, L, hidden)."""


class FrozenOutputs:
    """What the frozen layers make of each sample, computed when it is first asked for.

    With LoRA on the last layers only, the layers below give the same output in every round and for every module.
    `compute(batch)` returns it, (B, L, hidden), of type `dtype`. Room is set aside for all samples, and the system
    fills it page by page as samples are asked for; where it would exceed `limit_bytes` it lies in a temporary file,
    which goes when this process ends, however it does.

    The last bits of an output depend on which samples share its batch. `batch_of` (M,) therefore numbers the batches
    that were computed, -1 for none yet: after `restore`, the same batches are formed again.

    Raises FedswitchError, in one sentence, where there is no space for that file.
    """

    def __init__(
        self,
        samples: Samples,
        compute: Callable[[Batch | ImageBatch], torch.Tensor],
        hidden_size: int,
        dtype: torch.dtype,
        limit_bytes: int,
    ) -> None:
        self._samples = samples
        self._compute = compute
        self.batch_of: NDArray[np.int32] = np.full(len(samples.tokens), -1, dtype=np.int32)
        self._known = np.zeros(len(samples.tokens), dtype=bool)
        shape = (int(samples.tokens.offsets[-1]), hidden_size)
        if dtype.itemsize * math.prod(shape) <= limit_bytes:
            self._outputs = torch.empty(shape, dtype=dtype, device="cpu")
        else:
            self._outputs = _in_file(shape, dtype)

    def restore(self, batch_of: NDArray[np.int32]) -> None:
        """Go on with the batches of an earlier run; what was computed in others is forgotten."""
        if not np.array_equal(batch_of, self.batch_of):
            self._known[:] = False
        self.batch_of = batch_of

    def learn(self, groups: Sequence[Indices]) -> None:
        """Compute what is not known yet of the samples in `groups`; what is new in a group makes a batch."""
        unknown = [group[~self._known[group]] for group in groups]
        for group in unknown:
            new = group[self.batch_of[group] < 0]
            if new.size:
                self.batch_of[new] = self.batch_of.max() + 1
        numbers = np.unique(self.batch_of[np.concatenate(unknown)])
        batches = [np.flatnonzero(self.batch_of == number) for number in numbers]
        in_order(self._compute_batch, batches, lambda _: None, self._samples.device)

    def _compute_batch(self, batch: Indices) -> None:
        tokens = self._samples.tokens
        padded = tokens.batch(batch)
        lengths = tokens.lengths[batch]
        before = np.cumsum(lengths) - lengths
        rows = np.repeat(tokens.offsets[batch] - before, lengths) + np.arange(lengths.sum())
        self._outputs[torch.from_numpy(rows)] = self._compute(padded)[padded.mask]
        self._known[batch] = True

    def batch(self, group: Indices) -> tuple[torch.Tensor, torch.Tensor]:
        """Outputs (B, L, hidden) and mask (B, L) of samples that are known, padded to the longest of them."""
        lengths = self._samples.tokens.lengths[group]
        positions = np.arange(lengths.max())
        mask = positions < lengths[:, np.newaxis]
        # padding repeats the first token
        rows = self._samples.tokens.offsets[group][:, np.newaxis] + np.where(mask, positions, 0)
        return self._outputs[torch.from_numpy(rows)], torch.from_numpy(mask)


def _in_file(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """An array in a temporary file that has no name, mapped into memory."""
    size = dtype.itemsize * math.prod(shape)
    try:
        with tempfile.TemporaryFile() as file:
            reserve(file.fileno(), size, tempfile.gettempdir())
            return torch.frombuffer(mmap.mmap(file.fileno(), size), dtype=dtype).view(shape)
    except OSError as error:
        raise FedswitchError(
            f"The output of the frozen layers needs {size / 2**20:,.1f} MiB of space for temporary files, which "
            f"{tempfile.tempdir or 'this machine'} does not have ({error.strerror or error}): free space there, or "
            "set TMPDIR to a folder that has it."
        ) from error


class Kept:
    """Tokenized data, and the output of frozen layers for them, kept from one call of `simulate` to the next.

    Runs that are given the same `Kept`, the same `Task` object and backbones of one source share both. The last bits of
    a result then depend on which of them asked first.
    """

    def __init__(self, *, limit_bytes: int = MEMORY_LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        # by identity of the data, which are kept so that no other object takes the number
        self._samples: dict[tuple[int, str, int, torch.device], tuple[AnySplit, Samples]] = {}
        self._outputs: dict[tuple[int, str, int, torch.dtype], FrozenOutputs] = {}

    def samples(self, split: AnySplit, backbone: Backbone, max_tokens: int) -> Samples:
        """The split in tokens of that backbone, at most `max_tokens` of each sample, on the backbone's device.

        Raises ValueError and FedswitchError as `Backbone.read`.
        """
        device = next(backbone.encoder.parameters()).device
        key = id(split), backbone.source, max_tokens, device
        if key not in self._samples:
            tokens = backbone.read(split, max_tokens)
            self._samples[key] = split, Samples(tokens, torch.tensor(split.labels, device=device))
        return self._samples[key][1]

    def outputs(self, samples: Samples, modules: Cut) -> FrozenOutputs | None:
        """What the frozen layers of a cut encoder make of the samples; None where keeping it does not pay."""
        # on a GPU computing is faster than fetching from here
        if modules.frozen_layers == 0 or samples.device.type != "cpu":
            return None
        backbone = modules.backbone
        dtype = next(backbone.encoder.parameters()).dtype
        key = id(samples), backbone.source, modules.frozen_layers, dtype
        if key not in self._outputs:
            self._outputs[key] = FrozenOutputs(samples, modules.frozen, backbone.hidden_size, dtype, self._limit_bytes)
        return self._outputs[key]
