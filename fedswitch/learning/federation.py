"""`Federation`: everything that the rounds of a run work on, and the steps of one round."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import FedswitchError
from ..scenario import Scenario
from ..streams import stream
from ..wireless import Cell
from .backbones import Backbone
from .engine import GRADIENTS, Evaluator, Samples
from .modules import LoraModules
from .partition import dirichlet_partition, ue_test_indices
from .tasks import Split, Task
from .tokens import Indices
from .uplink import Uplink, transmit


@dataclasses.dataclass(frozen=True)
class Federation:
    """The cell, the data of each UE, the modules and their optimizers.

    `ue_indices` holds the training samples of each UE, `ue_test_indices` (K, samples) its test samples.
    """

    scenario: Scenario
    seed: int
    cell: Cell
    backbone: Backbone
    modules: LoraModules
    optimizers: list[torch.optim.Optimizer]
    samples: Samples
    ue_indices: tuple[Indices, ...]
    test_labels: NDArray[np.int64]
    ue_test_indices: Indices
    evaluator: Evaluator

    @classmethod
    def start(cls, scenario: Scenario, task: Task, backbone: Backbone, seed: int) -> Federation:
        """Place the UEs, deal out the data, and put untrained modules on the backbone, all decided by `seed`."""
        partition = dirichlet_partition(
            task.train.labels,
            scenario.num_ues,
            concentration=scenario.dirichlet_concentration,
            min_samples=scenario.batch_size,
            rng=stream(seed, "partition"),
        )
        modules = LoraModules(backbone, scenario, num_labels=task.num_labels, seed=seed)
        make = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[scenario.optimizer]
        return cls(
            scenario=scenario,
            seed=seed,
            cell=Cell.draw(scenario, seed),
            backbone=backbone,
            modules=modules,
            optimizers=[make(modules.parameters(n), lr=scenario.learning_rate) for n in range(len(modules))],
            samples=_tokenized(task.train, backbone, scenario),
            ue_indices=partition.indices,
            test_labels=task.test.labels,
            ue_test_indices=ue_test_indices(task.test.labels, partition.proportions, scenario.test_samples, seed=seed),
            evaluator=Evaluator(modules, _tokenized(task.test, backbone, scenario)),
        )

    @property
    def power_w(self) -> NDArray[np.float64]:
        """P_k: every UE at the largest power."""
        return np.full(self.scenario.num_ues, self.scenario.max_power_w)

    def transmit(self, t: int, subscribed: NDArray[np.bool_]) -> Uplink:
        """Send the gradients of round `t` over that round's channel."""
        return transmit(
            self.scenario,
            self.cell.channel(t),
            subscribed,
            self.power_w,
            payload_bits=self.modules.payload_bits,
            model_bits=self.modules.model_bits,
        )

    def update(self, n: int, t: int, received: NDArray[np.bool_], engine: str) -> None:
        """(1) for module `n`; where nobody is received the module, and its optimizer, stay as they are."""
        batches = [self.mini_batch(t, int(k)) for k in np.flatnonzero(received)]
        if not batches:
            return
        loss = GRADIENTS[engine](self.modules, n, self.samples, batches)
        if not np.isfinite(loss):
            raise FedswitchError(
                f"The training loss of module {n + 1} is {loss} in round {t + 1}: the run diverged; "
                f"try a learning_rate below {self.scenario.learning_rate:g}."
            )
        self.optimizers[n].step()

    def mini_batch(self, t: int, k: int) -> Indices:
        """D_k^t samples of UE `k`, drawn without replacement, the same for every scheme and module."""
        rng = stream(self.seed, "mini-batch", t, k)
        return rng.choice(self.ue_indices[k], size=self.scenario.batch_size, replace=False)

    def evaluate(self) -> dict[str, float]:
        """Risk (3) and accuracy of the ensemble, which predicts by the mean of its modules' probabilities."""
        scores = self.evaluator.log_probabilities()
        losses = -np.take_along_axis(scores, self.test_labels[None, :, None], axis=2)[..., 0].mean(axis=0)
        correct = np.exp(scores).mean(axis=0).argmax(axis=1) == self.test_labels
        return {
            "loss": float(losses[self.ue_test_indices].mean()),
            "accuracy": float(correct[self.ue_test_indices].mean()),
            "accuracy_pooled": float(correct.mean()),
        }


def _tokenized(split: Split, backbone: Backbone, scenario: Scenario) -> Samples:
    tokens = backbone.tokenize(split.texts, split.pairs, scenario.tokens_per_sample)
    device = next(backbone.encoder.parameters()).device
    return Samples(tokens, torch.from_numpy(split.labels).to(device))
