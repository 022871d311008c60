"""LoRA factors of UEs whose ranks differ: what HetLoRA and FlexLoRA share.

A layer's update is scale * B @ A with A of shape (r, in), B of shape (out, r) and scale = alpha / r, as in peft.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

Factors = tuple[torch.Tensor, torch.Tensor]
"""(A, B) of one layer, of shapes (r, in) and (out, r)."""


def check_factors(factors: Sequence[Factors]) -> None:
    """ValueError unless there is at least one (A, B), all fit, and all are of one layer: equal in and out."""
    if not factors:
        raise ValueError("factors must hold (A, B) of at least one UE")
    for k, (a, b) in enumerate(factors):
        if a.ndim != 2 or b.ndim != 2 or b.shape[1] != len(a) or len(a) < 1:
            raise ValueError(
                f"factors[{k}] must be A of shape (r, in) and B of shape (out, r) with one r of at least 1, "
                f"got {tuple(a.shape)} and {tuple(b.shape)}"
            )
        first = (len(factors[0][1]), factors[0][0].shape[1])
        if (len(b), a.shape[1]) != first:
            raise ValueError(
                f"factors[{k}] has a product of shape {(len(b), a.shape[1])} but factors[0] one of shape {first}: "
                "all must be of the same layer"
            )
