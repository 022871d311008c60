"""The numbers of a module as one row, as they travel, and back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray


def flat(tensors: Sequence[torch.Tensor]) -> NDArray[np.float32]:
    """All numbers of the tensors, in their order, as float32 (P,)."""
    return torch.cat([tensor.detach().cpu().float().reshape(-1) for tensor in tensors]).numpy()


def parts(rows: NDArray[np.floating], shapes: Sequence[tuple[int, ...]]) -> list[list[torch.Tensor]]:
    """What `flat` was given for each of the rows (M, P), by the shapes of the tensors."""
    sizes = [math.prod(shape) for shape in shapes]
    tensors = [torch.from_numpy(np.array(row, dtype=np.float32)).split(sizes) for row in rows]
    return [[part.reshape(shape) for part, shape in zip(row, shapes, strict=True)] for row in tensors]
