"""What the messages of split learning tell a server that only listens, by plain linear algebra and public weights.

Embedding is the same public function for everybody, and almost without arithmetic: a table of tokens, or one linear
map of the pixels of a patch. So the first message can be looked up, or solved for. The third tells labels apart.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from ..arguments import Array, Bools
from ..learning.encoding import Backbone
from ..learning.tokens import Indices
from ..learning.vision import VisionBackbone
from .messages import Embedded, FeatureGradient

_LOOKED_UP = 512  # tokens of the vocabulary that are embedded at once


@torch.no_grad()
def recover_tokens(message: Embedded, backbone: Backbone) -> list[Indices]:
    r"""The ids of all tokens of each sample, (L,) each: in the public table, the nearest to what was sent.

    Each token of the vocabulary is embedded at each place, as either sentence of a pair. Without noise the distance of
    the right one is 0. Under Gaussian noise of the same size in all entries the nearest is the likeliest token, if all
    are equally likely beforehand: no other guess that looks at one token alone is right more often. Raises ValueError
    where the message is not as wide as the embeddings of the backbone.
    """
    _check_width(message, backbone)
    seen = pad_sequence(list(message.hidden.split(message.lengths)), batch_first=True)
    samples, length, _ = seen.shape
    nearest = torch.full((samples, length), math.inf, dtype=seen.dtype)
    found = torch.zeros((samples, length), dtype=torch.int64)
    for ids in torch.arange(backbone.encoder.config.vocab_size, device=seen.device).split(_LOOKED_UP):
        everywhere = ids[:, None].expand(-1, length)
        for segment in range(max(1, backbone.encoder.config.type_vocab_size)):
            table = backbone.embeddings(everywhere, torch.full_like(everywhere, segment)).to(seen.dtype)
            apart = torch.cdist(seen.transpose(0, 1), table.transpose(0, 1)).transpose(0, 1)  # (S, L, ids)
            least, at = apart.cpu().min(dim=-1)
            closer = least < nearest
            nearest, found = torch.where(closer, least, nearest), torch.where(closer, ids.cpu()[at], found)
    return [row[:own].numpy() for row, own in zip(found, message.lengths, strict=True)]


@torch.no_grad()
def recover_images(message: Embedded, backbone: VisionBackbone) -> Array:
    r"""The images of a message, (S, side, side, 3), as shares of full intensity: the least-squares solution.

    A patch x of :math:`3 p^2` numbers is sent as :math:`z = W x + c`, where c is what an image of zeros is sent as. The
    solution of least length is :math:`W^+ (z - c)`, the projection of x on the rows of W: all of x where W has the rank
    :math:`3 p^2`, for which the embedding must be at least as wide. Raises ValueError where the message is not as wide
    as the embeddings of the backbone.
    """
    _check_width(message, backbone)
    sent = torch.stack(message.hidden.split(message.lengths))[:, 1:].double()  # the first token stands for the whole
    grid = math.isqrt(sent.shape[1])
    weight = patch_projection(backbone)
    patch = math.isqrt(weight.shape[1] // 3)
    side = grid * patch
    kind = {"dtype": backbone.encoder.dtype, "device": sent.device}
    zeros = backbone.embeddings(torch.zeros(1, 3, side, side, **kind))[:, 1:].double()
    pixels = (sent - zeros) @ torch.linalg.pinv(weight).mT
    blocks = pixels.view(-1, grid, grid, 3, patch, patch)
    images = blocks.permute(0, 1, 4, 2, 5, 3).reshape(-1, side, side, 3).cpu().numpy()
    return np.asarray(images * np.array(backbone.std) + np.array(backbone.mean))


def patch_projection(backbone: VisionBackbone) -> torch.Tensor:
    """The public map from the pixels of a patch to its embedding, (hidden, 3 p^2), in float64."""
    parts = backbone.encoder.embeddings.modules()
    projection = next(part for part in parts if isinstance(part, torch.nn.Conv2d))
    return projection.weight.detach().flatten(1).double()


def tell_labels_apart(message: FeatureGradient) -> Bools:
    r"""In which of two groups of one label each sample is, (S,); which group has which label stays open.

    With two labels, :math:`\partial f / \partial z_i = (p_i - y_i) (w_1 - w_0) / S`, where the label 1 has the
    probability :math:`p_i`: all lie on one line, those with :math:`y_i = 1` on one side of 0. No head
    need be known.
    """
    gradients = message.dz.detach().double()
    direction = torch.linalg.svd(gradients, full_matrices=False).Vh[0]
    return (gradients @ direction > 0).cpu().numpy()


def _check_width(message: Embedded, backbone: Backbone) -> None:
    if message.hidden.shape[-1] != backbone.hidden_size:
        raise ValueError(
            f"message holds embeddings of {message.hidden.shape[-1]} numbers, but those of the backbone "
            f"{backbone.name!r} have {backbone.hidden_size}: name the backbone that the devices use"
        )
