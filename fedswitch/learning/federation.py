"""`Federation`: everything that the rounds of a run work on, and the steps of one round."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from .. import wireless
from ..arguments import Array, Bools
from ..errors import FedswitchError
from ..scenario import Scenario
from ..streams import stream
from ..wireless import Cell
from .data import Task
from .engine import GRADIENTS, Learner
from .modules import FullModel, Modules
from .partition import partition_task
from .personal import label_odds, mixture_weights, own_module
from .samples import Kept
from .stacked import OPTIMIZERS, LocalModel, Penalty, train_locally
from .tokens import Indices
from .uplink import Uplink, transmit


@dataclasses.dataclass(frozen=True)
class Federation:
    """The cell, the data of each UE, what is trained, and the optimizers.

    `learner` holds the training data and `tester` the test data; `ue_indices` the training samples of each UE, and
    `ue_test_indices` (K, samples) its test samples. `engine` is "cell" or "per_ue".
    """

    scenario: Scenario
    seed: int
    engine: str
    cell: Cell
    modules: Modules
    optimizers: list[torch.optim.Optimizer]
    learner: Learner
    ue_indices: tuple[Indices, ...]
    tester: Learner
    test_labels: NDArray[np.int64]
    ue_test_indices: Indices

    @classmethod
    def start(
        cls,
        scenario: Scenario,
        task: Task,
        modules: Modules,
        seed: int,
        *,
        engine: str = "cell",
        kept: Kept | None = None,
    ) -> Federation:
        """Place the UEs and deal out the data, both decided by `seed`, for `modules` that nobody has trained yet.

        `kept` is what runs on the same task and backbone have in common.
        """
        kept = kept or Kept()
        partition, test_indices = partition_task(task, scenario, seed=seed)
        rate = getattr(scenario, _rate_field(modules))
        return cls(
            scenario=scenario,
            seed=seed,
            engine=engine,
            cell=Cell.draw(scenario, seed),
            modules=modules,
            optimizers=[OPTIMIZERS[scenario.optimizer](modules.parameters(n), lr=rate) for n in range(len(modules))],
            learner=Learner(modules, kept.samples(task.train, modules.backbone, scenario.tokens_per_sample), kept=kept),
            ue_indices=partition.indices,
            tester=Learner(modules, kept.samples(task.test, modules.backbone, scenario.tokens_per_sample), kept=kept),
            test_labels=task.test.labels,
            ue_test_indices=test_indices,
        )

    @property
    def compute_energy_j(self) -> float:
        """The first term of (4), for one subscription of one UE in one round."""
        return float(wireless.training_energy_j(self.scenario, self.modules.model_bits))

    def transmit(self, t: int, subscribed: Bools, power_w: Array, payload_bits: Array) -> Uplink:
        """Send the uploads of round `t` over that round's channel; `payload_bits` is (N,) or (N, K)."""
        return transmit(
            self.scenario,
            self.cell.channel(t),
            subscribed,
            power_w,
            payload_bits=payload_bits,
            compute_energy_j=self.compute_energy_j,
        )

    def update(self, t: int, received: Bools, weights: Array | None = None) -> None:
        """(1) for every module, from the UEs that are received (N, K); with `weights` (N, K) in place of its means.

        Where nobody is received the module, and its optimizer, stay as they are. Raises FedswitchError, in one
        sentence, where the loss of a module is not a finite number.
        """
        losses = {}
        for n in range(len(received)):
            ues = np.flatnonzero(received[n])
            if not ues.size:
                continue
            own = None if weights is None else weights[n, ues]
            if self.scenario.local_training == "steps":
                losses[n] = self.local_steps(n, t, ues, own)
            else:
                batches = [self.mini_batch(t, int(k)) for k in ues]
                losses[n] = GRADIENTS[self.engine](self.learner, n, batches, own)
                self.optimizers[n].step()
        self.refuse_divergence(losses, t)

    def local_steps(self, n: int, t: int, ues: Indices, weights: Array | None = None) -> torch.Tensor:
        """Set module `n` to the mean of what the UEs `ues` make of it by steps of their own; return their mean loss.

        With `weights` of the UEs it moves by their changes, weighted with them.
        """
        scale = self.scenario.lora_alpha / self.scenario.lora_ranks[n]
        start = LocalModel.of(self.modules.parameters(n), scale)
        trained, loss = self.train_locally(t, ues, [start] * len(ues))
        columns = zip(*(model.parameters for model in trained), strict=True)
        if weights is None:
            new = [torch.stack(column).mean(dim=0) for column in columns]
        else:
            share = torch.from_numpy(weights.astype(np.float32)).to(loss.device)
            moved = zip(start.parameters, columns, strict=True)
            new = [old + torch.tensordot(share, torch.stack(column) - old, 1) for old, column in moved]
        self.modules.assign(n, new)
        return loss

    def train_locally(
        self, t: int, ues: Indices, start: Sequence[LocalModel], *, penalty: Penalty | None = None
    ) -> tuple[list[LocalModel], torch.Tensor]:
        """What `local_iterations` steps of each of the UEs `ues` on its mini-batch make of `start`; the mean loss."""
        steps = self.scenario.local_iterations
        trained, losses = train_locally(
            self.learner,
            [[self.mini_batch(t, int(k))] * steps for k in ues],
            start,
            learning_rate=self.scenario.learning_rate,
            optimizer=self.scenario.optimizer,
            penalty=penalty,
        )
        return trained, losses.mean()

    def refuse_divergence(self, losses: Mapping[int, torch.Tensor], t: int) -> None:
        """Raise FedswitchError, in one sentence, for a loss that is not a finite number; `losses` are by module."""
        if not losses:
            return
        field = _rate_field(self.modules)
        # one look at the device for all modules
        for n, loss in zip(losses, torch.stack(list(losses.values())).tolist(), strict=True):
            if not np.isfinite(loss):
                raise FedswitchError(
                    f"The loss of module {n + 1} is {loss} in round {t + 1}: the run diverged; "
                    f"try a {field} below {getattr(self.scenario, field):g}."
                )

    def mini_batch(self, t: int, k: int) -> Indices:
        """D_k^t samples of UE `k`, drawn without replacement, the same for every scheme and module."""
        rng = stream(self.seed, "mini-batch", t, k)
        return rng.choice(self.ue_indices[k], size=self.scenario.batch_size, replace=False)

    def ue_risks(self, t: int) -> Array:
        """Risk of every module on the training mini-batch of every UE in round `t`, (N, K)."""
        risks: Array = -self._log_likelihood(t).mean(axis=2).astype(np.float64)
        return risks

    def evaluate(self, t: int, *, personal: bool = False) -> dict[str, float]:
        """Risk (3) and accuracy after round `t` of the ensemble, which predicts by the mean of its probabilities.

        With `personal`, also the accuracy of UEs that use one module (`own`) or weigh the modules (`weighted`) as they
        find best on their training mini-batch, and of UEs that multiply the probabilities of the ensemble by the odds
        of the labels in that mini-batch (`prior`). Raises FedswitchError, in one sentence, where the loss of a module
        is not a finite number.
        """
        scores = self.tester.log_probabilities()
        losses_of_modules = -np.take_along_axis(scores, self.test_labels[None, :, None], axis=2)[..., 0]
        self.refuse_divergence(dict(enumerate(torch.from_numpy(losses_of_modules).mean(dim=1))), t)
        losses = losses_of_modules.mean(axis=0)
        probabilities = np.exp(scores)
        correct = probabilities.mean(axis=0).argmax(axis=1) == self.test_labels
        measured = {
            "loss": float(losses[self.ue_test_indices].mean()),
            "accuracy": float(correct[self.ue_test_indices].mean()),
            "accuracy_pooled": float(correct.mean()),
        }
        if personal:
            own_tests, labels = probabilities[:, self.ue_test_indices], self.test_labels[self.ue_test_indices]
            for name, scaled in self._personal_scores(t, own_tests).items():
                measured[f"accuracy_{name}"] = float((scaled.argmax(axis=2) == labels).mean())
        return measured

    def _personal_scores(self, t: int, probabilities: NDArray[np.floating]) -> dict[str, NDArray[np.floating]]:
        """Scores (K, S, C) by way of inference of the UEs' own test samples, with `probabilities` (N, K, S, C)."""
        likelihood = np.exp(self._log_likelihood(t))
        held = self.learner.samples.labels.cpu().numpy()[self._mini_batches(t)]
        odds = label_odds(held, probabilities.shape[-1])
        return {
            "own": np.einsum("nk,nksc->ksc", own_module(likelihood), probabilities),
            "weighted": np.einsum("nk,nksc->ksc", mixture_weights(likelihood), probabilities),
            "prior": probabilities.mean(axis=0) * odds[:, np.newaxis],
        }

    def _log_likelihood(self, t: int) -> NDArray[np.float32]:
        """Log p(label) by every module of the training mini-batch of every UE in round `t`, (N, K, S)."""
        batches = self._mini_batches(t)
        union = batches.ravel()
        scores = self.learner.log_probabilities(union)
        labels = self.learner.samples.labels.cpu().numpy()[union]
        chosen = np.take_along_axis(scores, labels[np.newaxis, :, np.newaxis], axis=2)[..., 0]
        return chosen.reshape(len(chosen), *batches.shape)

    def _mini_batches(self, t: int) -> Indices:
        """The mini-batches of all UEs in round `t`, (K, S)."""
        return np.stack([self.mini_batch(t, k) for k in range(self.scenario.num_ues)])


def _rate_field(modules: Modules) -> str:
    return "full_learning_rate" if isinstance(modules, FullModel) else "learning_rate"
