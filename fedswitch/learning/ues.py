"""The UEs' side of a federation: what they make of training data that nobody else holds.

The gNB's side is `federation.Federation`, which asks. `LocalUEs` answer in this process; others may answer over a
network, and then some of them may not.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ..arguments import Array, Bools
from ..scenario import Scenario
from ..streams import stream
from .engine import GRADIENTS, Feed, Learner
from .personal import Views, mixture_weights, own_module
from .stacked import LocalModel, Penalty, train_locally
from .tokens import Indices

Starts = Callable[[int, Indices], Sequence[LocalModel] | None]
"""From a module and UEs to what each of them starts its local steps from; None where each sends one gradient."""


class UEs(abc.ABC):
    """What the gNB may ask of the UEs in a round `t`; none of the answers holds a training sample."""

    @abc.abstractmethod
    def ask(self, t: int, subscribed: Bools, starts: Starts) -> Bools:
        """Have the subscribed UEs (N, K) compute what they upload; return which of the uploads never come, (N, K)."""

    @abc.abstractmethod
    def gradient(self, t: int, n: int, ues: Indices, weights: Array | None = None) -> torch.Tensor:
        """Leave the aggregate of (1) over `ues` in the gradients of module `n`; return their mean loss, shape ().

        With `weights`, one of each UE, both are sums weighted with them in place of means.
        """

    @abc.abstractmethod
    def train(self, t: int, n: int, ues: Indices, start: Sequence[LocalModel]) -> tuple[list[LocalModel], torch.Tensor]:
        """What the local steps of each of `ues` on module `n` make of `start`, and their mean loss, shape ()."""

    @abc.abstractmethod
    def losses(self, t: int) -> NDArray[np.float32]:
        """Loss of every module on each sample of the mini-batch of every UE, (N, K, S); NaN for UEs that are silent."""

    def risks(self, t: int) -> Array:
        """Risk of every module on the mini-batch of every UE, (N, K): the mean of its `losses`."""
        return self.losses(t).mean(axis=2).astype(np.float64)

    @abc.abstractmethod
    def views(self, t: int) -> Views:
        """What each UE finds the modules good for on its mini-batch, for inference of its own."""

    def whose(self, t: int) -> Indices | slice:
        """Whose data each UE works on in round `t`, and is tested with: its own."""
        return slice(None)

    def turned(self) -> Indices | None:
        """UEs to which something happens in mid-run (`learning.turns`); None where nothing does."""
        return None

    def silent(self, t: int) -> Bools | None:
        """Which UEs did not answer for `losses` and for `views` in round `t`, (2, K); None where all did."""
        return None

    def state(self) -> dict[str, NDArray[np.int32]]:
        """What a resumed run needs of this side, for a checkpoint."""
        return {}

    def restore(self, state: dict[str, NDArray[np.int32]]) -> None:  # noqa: B027 - nothing, unless there is a state
        """Put back what `state` returned."""

    def data(self) -> tuple[tuple[Feed, ...], tuple[Indices, ...]]:
        """The training samples, and which of them each UE holds, as far as this process has them."""
        return (), ()


@dataclasses.dataclass(frozen=True, eq=False)
class LocalUEs(UEs):
    """UEs whose samples lie in this process, all of the cell or some.

    `indices` are the samples of `learner` that each UE holds; its modules are those that the gNB has set. `engine` is
    "cell" or "per_ue", and `penalty` what a scheme adds to the loss of local steps.
    """

    scenario: Scenario
    seed: int
    learner: Learner
    indices: Mapping[int, Indices]
    engine: str = "cell"
    penalty: Penalty | None = None

    def mini_batch(self, t: int, k: int) -> Indices:
        """D_k^t samples of UE `k`, drawn without replacement, the same for every scheme and module."""
        rng = stream(self.seed, "mini-batch", t, k)
        return rng.choice(self.held(t, k), size=self.scenario.batch_size, replace=False)

    def held(self, t: int, k: int) -> Indices:
        """The samples that UE `k` draws from in round `t`."""
        return self.indices[k]

    def ask(self, t: int, subscribed: Bools, starts: Starts) -> Bools:
        """See `UEs`: everything comes, and is computed when it is wanted."""
        return np.zeros_like(subscribed)

    def gradient(self, t: int, n: int, ues: Indices, weights: Array | None = None) -> torch.Tensor:
        """See `UEs`."""
        return GRADIENTS[self.engine](self.learner, n, [self.mini_batch(t, int(k)) for k in ues], weights)

    def train(self, t: int, n: int, ues: Indices, start: Sequence[LocalModel]) -> tuple[list[LocalModel], torch.Tensor]:
        """See `UEs`: all of `ues` at once."""
        trained, losses = train_locally(
            self.learner,
            [[self.mini_batch(t, int(k))] * self.scenario.local_iterations for k in ues],
            start,
            learning_rate=self.scenario.learning_rate,
            optimizer=self.scenario.optimizer,
            penalty=self.penalty,
        )
        return trained, losses.mean()

    def losses(self, t: int) -> NDArray[np.float32]:
        """See `UEs`; one column for each UE in here."""
        losses = -self._log_likelihood(t)
        if (silent := self.silent(t)) is not None:
            losses[:, silent[0]] = np.nan
        return losses

    def views(self, t: int) -> Views:
        """See `UEs`; one column for each UE in here."""
        log_likelihood = self._log_likelihood(t)
        held = self.learner.samples.labels.cpu().numpy()[self._mini_batches(t)]
        silent = self.silent(t)
        heard = np.ones(len(self.indices), dtype=bool) if silent is None else ~silent[1]
        return Views(own_module(log_likelihood), mixture_weights(log_likelihood), held, heard)

    def state(self) -> dict[str, NDArray[np.int32]]:
        """See `UEs`."""
        return self.learner.state()

    def restore(self, state: dict[str, NDArray[np.int32]]) -> None:
        """See `UEs`."""
        self.learner.restore(state)

    def data(self) -> tuple[tuple[Feed, ...], tuple[Indices, ...]]:
        """See `UEs`."""
        return (self.learner,), tuple(self.indices.values())

    def _log_likelihood(self, t: int) -> NDArray[np.float32]:
        """Log p(label) by every module of the mini-batch of every UE in round `t`, (N, K, S)."""
        batches = self._mini_batches(t)
        union = batches.ravel()
        scores = self.learner.log_probabilities(union)
        labels = self.learner.samples.labels.cpu().numpy()[union]
        chosen = np.take_along_axis(scores, labels[np.newaxis, :, np.newaxis], axis=2)[..., 0]
        return chosen.reshape(len(chosen), *batches.shape)

    def _mini_batches(self, t: int) -> Indices:
        """The mini-batches of all UEs in here in round `t`, (K, S)."""
        return np.stack([self.mini_batch(t, k) for k in self.indices])
