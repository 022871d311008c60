"""Images as tokens: what `tokens` is for texts, with a patch of the image where a text has a word."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from .tokens import Indices, Tokens


@dataclasses.dataclass(frozen=True)
class ImageBatch:
    """Normalized images (B, 3, side, side), and the mask (B, L) of their tokens, True throughout."""

    pixels: torch.Tensor
    mask: torch.Tensor

    @property
    def inputs(self) -> tuple[torch.Tensor, ...]:
        """What the embedding takes."""
        return (self.pixels,)


@dataclasses.dataclass(frozen=True)
class Patches:
    """M images (M, height, width, 3) of bytes; each makes a token for every patch and one for the whole.

    There are `grid` patches each way. Images are scaled to `side` pixels each way, and their channels, as shares of
    full intensity, brought to zero mean and unit deviation by `mean` and `std` (3,).
    """

    images: NDArray[np.uint8]
    grid: int
    side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def content(self) -> tuple[NDArray[Any], ...]:
        """All that a batch is made of."""
        return self.images, np.array([self.grid, self.side]), np.array([self.mean, self.std])

    @property
    def lengths(self) -> Indices:
        """Tokens of each image, shape (M,)."""
        return np.full(len(self), self.grid**2 + 1)

    @property
    def offsets(self) -> Indices:
        """Where the tokens of each image begin and the last end, if they were stored end to end: (M + 1,)."""
        return np.arange(len(self) + 1) * (self.grid**2 + 1)

    def batch(self, indices: Indices, device: torch.device | str = "cpu") -> ImageBatch:
        """The images at `indices` (B,), scaled and normalized."""
        chosen = torch.from_numpy(self.images[indices]).to(device).permute(0, 3, 1, 2).float() / 255.0
        if chosen.shape[-2:] != (self.side, self.side):
            size = (self.side, self.side)
            chosen = interpolate(chosen, size=size, mode="bicubic", align_corners=False, antialias=True)
        mean, std = (
            torch.tensor(values, dtype=torch.float32, device=device)[:, None, None] for values in (self.mean, self.std)
        )
        mask = torch.ones(len(indices), self.grid**2 + 1, dtype=torch.bool, device=device)
        return ImageBatch((chosen - mean) / std, mask)


Sequences = Tokens | Patches
"""Samples as tokens, of either kind."""
