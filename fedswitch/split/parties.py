"""The two parties of split learning, and what each of them does with a message."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from ..learning.encoding import Backbone
from ..learning.modules import HEAD_STD
from ..learning.patches import ImageBatch
from ..learning.stacked import OPTIMIZERS
from ..learning.tokens import Batch
from ..streams import stream
from .adapter import Adapter
from .messages import Embedded, FeatureGradient, Features
from .split_scenario import SplitScenario


class Device:
    """Device `number`, counted from 0: the embedding of the backbone, a head of its own, and the head's optimizer.

    The head starts small, from a stream of `seed` of the device's own.
    """

    def __init__(self, number: int, backbone: Backbone, scenario: SplitScenario, *, num_labels: int, seed: int) -> None:
        self.number = number
        self._backbone = backbone
        any_weight = next(backbone.encoder.parameters())
        kind = {"dtype": torch.promote_types(any_weight.dtype, torch.float32), "device": any_weight.device}
        start = stream(seed, "head", number).normal(scale=HEAD_STD, size=(num_labels, backbone.hidden_size))
        self.weight = torch.nn.Parameter(torch.from_numpy(start).to(**kind))
        self.bias = torch.nn.Parameter(torch.zeros(num_labels, **kind))
        self.optimizer = OPTIMIZERS[scenario.optimizer]([self.weight, self.bias], lr=scenario.learning_rate)

    def embed(self, batch: Batch | ImageBatch) -> Embedded:
        """The first message: the embeddings of a mini-batch, without padding."""
        with torch.no_grad():
            hidden = self._backbone.embeddings(*batch.inputs)
        return Embedded(self.number, hidden[batch.mask], tuple(batch.mask.sum(dim=1).tolist()))

    def learn(self, message: Features, labels: torch.Tensor) -> tuple[FeatureGradient, float]:
        """(2) and (3): a step of the head, and the third message; also the mean loss before the step."""
        z = message.z.detach().requires_grad_()
        loss = cross_entropy(torch.nn.functional.linear(z, self.weight, self.bias), labels)
        dz, weight, bias = torch.autograd.grad(loss, (z, self.weight, self.bias))
        self.step(weight, bias)
        return FeatureGradient(self.number, dz), loss.item()

    def step(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        """(3), by the optimizer, from the gradients of the head."""
        self.weight.grad, self.bias.grad = weight, bias
        self.optimizer.step()


class Server:
    """The encoder with the shared adapter. It keeps how each device's z came about until it learns from the answer."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._kept: dict[int, torch.Tensor] = {}

    def represent(self, message: Embedded) -> Features:
        """The second message, in answer to the first: z of each sample."""
        hidden = pad_sequence(list(message.hidden.split(message.lengths)), batch_first=True)
        lengths = torch.tensor(message.lengths, device=hidden.device)
        mask = torch.arange(hidden.shape[1], device=hidden.device) < lengths[:, None]
        z = self._adapter.features(hidden, mask, embedded=True)
        self._kept[message.device] = z
        return Features(message.device, z.detach())

    def learn(self, messages: Sequence[FeatureGradient]) -> None:
        """(4): the mean of the adapter's gradients over the devices that answered; with none, nothing moves."""
        if not messages:
            return
        kept = [self._kept.pop(message.device) for message in messages]
        each = zip(*(
            torch.autograd.grad(z, self._adapter.factors, message.dz) for z, message in zip(kept, messages, strict=True)
        ), strict=True)  # fmt: skip
        self._adapter.step([torch.stack(gradients).mean(dim=0) for gradients in each])
