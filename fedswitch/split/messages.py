"""The three messages of a round between a device and the server, as what they hold; each says what it weighs.

A message weighs what its numbers weigh in their own format. How many tokens each sample has goes with the first one,
and counts for nothing beside them.
"""

from __future__ import annotations

import dataclasses

import torch


@dataclasses.dataclass(frozen=True, eq=False)
class Message:
    """From or to the device of that number, which counts from 0."""

    device: int

    @property
    def bits(self) -> int:
        """The bits of its numbers on air."""
        tensors = (value for value in vars(self).values() if isinstance(value, torch.Tensor))
        return sum(8 * tensor.element_size() * tensor.numel() for tensor in tensors)


@dataclasses.dataclass(frozen=True, eq=False)
class Embedded(Message):
    r"""Device to server, :math:`z_k^e`: embeddings of the tokens of a mini-batch, end to end, (sum of L, hidden).

    `lengths` are the tokens of each of the S samples: no padding crosses the air.
    """

    hidden: torch.Tensor
    lengths: tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Features(Message):
    r"""Server to device, :math:`z_k`: what the encoder makes of each sample, (S, hidden)."""

    z: torch.Tensor


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureGradient(Message):
    r"""Device to server, (2): the gradient of the device's mean loss by :math:`z_k`, (S, hidden)."""

    dz: torch.Tensor
