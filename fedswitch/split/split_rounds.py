"""A round of split learning, done in two ways that come to the same: message by message, and in one pass.

With one mini-batch of each device and round, the gradients of all heads and the mean gradient of the adapter can be
taken from one pass over the union of the mini-batches. The loss is the sum of the devices' means: what a head gets is
the gradient of its own device, and the adapter gets the sum over devices, which the server divides by their number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch.nn.functional import cross_entropy

from ..arguments import Array
from ..learning.engine import Feed, add
from ..learning.tokens import Indices
from .adapter import Adapter
from .parties import Device, Server


@dataclasses.dataclass(frozen=True, eq=False)
class Exchange:
    """What a round came to for each of the N scheduled devices, in their order, (N,) each.

    `loss` is the mean over the mini-batch, before the step; `uplink_bits` and `downlink_bits` went over the air.
    """

    loss: Array
    uplink_bits: Array
    downlink_bits: Array


Round = Callable[[Adapter, Sequence[Device], Feed, Mapping[int, Indices]], Exchange]
"""Does a round with the mini-batch of each scheduled device, by its number, as indices of samples in the feed."""


def protocol_round(adapter: Adapter, devices: Sequence[Device], feed: Feed, batches: Mapping[int, Indices]) -> Exchange:
    """Section II to the letter: embeddings up, features down, gradients up, for each device; then (4)."""
    server, gradients, rows = Server(adapter), [], []
    for number, indices in batches.items():
        device = devices[number]
        embedded = device.embed(feed.samples.tokens.batch(indices, feed.samples.device))
        features = server.represent(embedded)
        gradient, loss = device.learn(features, feed.labels(indices))
        gradients.append(gradient)
        rows.append((loss, embedded.bits + gradient.bits, features.bits))
    server.learn(gradients)
    return Exchange(*np.array(rows, dtype=float).reshape(-1, 3).T)


def cell_round(adapter: Adapter, devices: Sequence[Device], feed: Feed, batches: Mapping[int, Indices]) -> Exchange:
    """The same in one pass over the union of the mini-batches, cut into micro-batches."""
    if not batches:
        return Exchange(*np.zeros((3, 0)))
    scheduled, sizes = [devices[number] for number in batches], [len(own) for own in batches.values()]
    union = np.concatenate(list(batches.values()))
    labels, place = feed.labels(union), feed.samples.device
    owners = torch.from_numpy(np.repeat(np.arange(len(sizes)), sizes)).to(place)
    weights, biases = (stacked.requires_grad_() for stacked in _stack(scheduled))
    shares = 1.0 / torch.tensor(sizes, dtype=weights.dtype, device=place)

    def work(places: Indices, frozen: torch.Tensor, mask: torch.Tensor) -> list[torch.Tensor]:
        owner = owners[places]
        z = adapter.features(frozen, mask)
        # index_select, because the gradient of weights[owner] is summed in no fixed order by more than one thread
        logits = torch.bmm(weights.index_select(0, owner), z[..., None])[..., 0] + biases.index_select(0, owner)
        parts = shares[owner] * cross_entropy(logits, labels[places], reduction="none")
        losses = torch.zeros_like(shares).index_add_(0, owner, parts.detach())
        return [losses, *torch.autograd.grad(parts.sum(), [weights, biases, *adapter.factors])]

    sums: list[torch.Tensor] = []
    feed.in_batches(union, work, lambda parts: add(sums, parts))
    loss, of_weights, of_biases, *of_factors = sums
    for device, weight, bias in zip(scheduled, of_weights, of_biases, strict=True):
        device.step(weight, bias)
    adapter.step([gradient / len(scheduled) for gradient in of_factors])
    tokens, samples = (np.array(counts, dtype=float) for counts in (
        [feed.samples.tokens.lengths[own].sum() for own in batches.values()], sizes,
    ))  # fmt: skip
    return Exchange(loss.cpu().numpy().astype(float), *leg_bits(adapter, tokens, samples))


ROUNDS: dict[str, Round] = {"cell": cell_round, "protocol": protocol_round}


def leg_bits(adapter: Adapter, tokens: ArrayLike, samples: ArrayLike) -> tuple[Array, Array]:
    """Bits up and down of mini-batches with so many tokens and samples: embeddings of tokens and df/dz, and z."""
    width = adapter.backbone.hidden_size
    embedding_bits = 8 * next(adapter.backbone.encoder.parameters()).element_size() * width
    down = 8.0 * adapter.factors[0].element_size() * width * np.asarray(samples)
    return np.asarray(tokens) * embedding_bits + down, down


def break_even_tokens(num_parameters: int, hidden_size: int, samples: int) -> float:
    r"""Tokens a sample up to which a device sends less than by the gradient of `num_parameters` numbers, P/(S H) - 1.

    It sends :math:`S H (L + 1)` numbers up: embeddings of L tokens for each of S samples, and df/dz. All numbers have
    the same format.
    """
    return num_parameters / (samples * hidden_size) - 1.0


def measure_heads(adapter: Adapter, devices: Sequence[Device], tester: Feed) -> tuple[Array, Array]:
    """Loss and accuracy of every device's head over all samples of `tester`, (K,) each, in one pass of the encoder."""
    everything = np.arange(len(tester.samples.tokens))
    labels = tester.labels(everything)
    weights, biases = _stack(devices)

    @torch.no_grad()
    def work(places: Indices, frozen: torch.Tensor, mask: torch.Tensor) -> list[torch.Tensor]:
        logits = adapter.features(frozen, mask) @ weights.mT + biases[:, None]
        own = labels[places].expand(len(devices), -1)
        losses = cross_entropy(logits.transpose(1, 2), own, reduction="none").double()
        return [losses.sum(dim=1), (logits.argmax(dim=-1) == own).double().sum(dim=1)]

    sums: list[torch.Tensor] = []
    tester.in_batches(everything, work, lambda parts: add(sums, parts))
    loss, accuracy = (part.cpu().numpy() / len(everything) for part in sums)
    return loss, accuracy


def _stack(devices: Sequence[Device]) -> tuple[torch.Tensor, torch.Tensor]:
    """Copies of the heads' weights (K, C, hidden) and biases (K, C)."""
    weights = torch.stack([device.weight.detach() for device in devices])
    return weights, torch.stack([device.bias.detach() for device in devices])
