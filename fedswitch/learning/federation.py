"""`Federation`: everything that the rounds of a run work on, and what the gNB does in one round."""

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
from ..wireless import Cell
from .data import AnySplit, Task
from .engine import Learner
from .modules import FullModel, Modules
from .partition import partition_task
from .personal import label_odds
from .samples import Kept
from .stacked import OPTIMIZERS, LocalModel, Penalty
from .tokens import Indices
from .ues import LocalUEs, UEs
from .uplink import Uplink, transmit


@dataclasses.dataclass(frozen=True)
class Federation:
    """The gNB's side of a run, with its test data, and the UEs' side, `ues`, which it asks.

    `tester` holds the test data, and `ue_test_indices` (K, samples) those of each UE.
    """

    scenario: Scenario
    seed: int
    cell: Cell
    modules: Modules
    optimizers: list[torch.optim.Optimizer]
    ues: UEs
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
        penalty: Penalty | None = None,
        kept: Kept | None = None,
    ) -> Federation:
        """Place the UEs and deal out the data, both decided by `seed`, for `modules` that nobody has trained yet.

        All of it in this process; `engine` and `penalty` are those of `LocalUEs`, and `kept` is what runs on the same
        task and backbone have in common.
        """
        kept = kept or Kept()
        partition, test_indices = partition_task(task, scenario, seed=seed)
        samples = kept.samples(task.train, modules.backbone, scenario.tokens_per_sample)
        held = dict(enumerate(partition.indices))
        ues = LocalUEs(scenario, seed, Learner(modules, samples, kept=kept), held, engine, penalty)
        return cls.around(ues, scenario, task.test, test_indices, modules, seed, kept=kept)

    @classmethod
    def around(
        cls,
        ues: UEs,
        scenario: Scenario,
        test: AnySplit,
        ue_test_indices: Indices,
        modules: Modules,
        seed: int,
        *,
        kept: Kept | None = None,
    ) -> Federation:
        """The gNB's side, for UEs wherever they are."""
        kept = kept or Kept()
        rate = getattr(scenario, _rate_field(modules))
        return cls(
            scenario=scenario,
            seed=seed,
            cell=Cell.draw(scenario, seed),
            modules=modules,
            optimizers=[OPTIMIZERS[scenario.optimizer](modules.parameters(n), lr=rate) for n in range(len(modules))],
            ues=ues,
            tester=Learner(modules, kept.samples(test, modules.backbone, scenario.tokens_per_sample), kept=kept),
            test_labels=test.labels,
            ue_test_indices=ue_test_indices,
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
            if (start := self.starts(n, ues)) is None:
                losses[n] = self.ues.gradient(t, n, ues, own)
                self.optimizers[n].step()
            else:
                trained, losses[n] = self.ues.train(t, n, ues, start)
                self.modules.assign(n, _average(start[0], trained, own))
        self.refuse_divergence(losses, t)

    def starts(self, n: int, ues: Indices) -> list[LocalModel] | None:
        """What `ues` start their local steps on module `n` from, all from the same; None where they send gradients."""
        if self.scenario.local_training == "gradient":
            return None
        scale = self.scenario.lora_alpha / self.scenario.lora_ranks[n]
        return [LocalModel.of(self.modules.parameters(n), scale)] * len(ues)

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

    def evaluate(self, t: int, *, personal: bool = False, subscribed: Bools | None = None) -> dict[str, float]:
        """Risk (3) and accuracy after round `t` of the ensemble, which predicts by the mean of its probabilities.

        With `personal`, also the accuracy of UEs that use one module (`own`) or weigh the modules (`weighted`) as they
        find best on their training mini-batch, and of UEs that multiply the probabilities of the ensemble by the odds
        of the labels in that mini-batch (`prior`); who does not answer is served by the ensemble. With `subscribed`
        (N, K), also of UEs that use the modules that they subscribe to (`trained`), all where there are none; of the UE
        that these serve worst (`trained_min`); and of the UEs to whom a `Turn` happens (`turned`). Raises
        FedswitchError, in one sentence, where the loss of a module is not a finite number.
        """
        scores = self.tester.log_probabilities()
        losses_of_modules = -np.take_along_axis(scores, self.test_labels[None, :, None], axis=2)[..., 0]
        self.refuse_divergence(dict(enumerate(torch.from_numpy(losses_of_modules).mean(dim=1))), t)
        losses = losses_of_modules.mean(axis=0)
        probabilities = np.exp(scores)
        correct = probabilities.mean(axis=0).argmax(axis=1) == self.test_labels
        tests = self.ue_test_indices[self.ues.whose(t)]
        measured = {
            "loss": float(losses[tests].mean()),
            "accuracy": float(correct[tests].mean()),
            "accuracy_pooled": float(correct.mean()),
        }
        if personal:
            for name, scaled in self._personal_scores(t, probabilities[:, tests], subscribed).items():
                of_ues = (scaled.argmax(axis=2) == self.test_labels[tests]).mean(axis=1)
                measured[f"accuracy_{name}"] = float(of_ues.mean())
                if name == "trained":
                    measured["accuracy_trained_min"] = float(of_ues.min())
                    if (turned := self.ues.turned()) is not None:
                        measured["accuracy_turned"] = float(of_ues[turned].mean())
        return measured

    def _personal_scores(
        self, t: int, probabilities: NDArray[np.floating], subscribed: Bools | None
    ) -> dict[str, NDArray[np.floating]]:
        """Scores (K, S, C) by way of inference of the UEs' own test samples, with `probabilities` (N, K, S, C)."""
        found = self.ues.views(t)
        count, num_ues, _, num_labels = probabilities.shape
        odds = np.ones((num_ues, num_labels))
        if found.heard.any():
            odds[found.heard] = label_odds(found.held[found.heard], num_labels)
        own, weighted = (np.where(found.heard, w, 1.0 / count) for w in (found.own, found.weighted))
        trained = {} if subscribed is None else {"trained": np.where(subscribed.any(axis=0), subscribed, True)}
        return {
            **{name: np.einsum("nk,nksc->ksc", weights, probabilities) for name, weights in trained.items()},
            "own": np.einsum("nk,nksc->ksc", own, probabilities),
            "weighted": np.einsum("nk,nksc->ksc", weighted, probabilities),
            "prior": probabilities.mean(axis=0) * odds[:, np.newaxis],
        }


def _rate_field(modules: Modules) -> str:
    return "full_learning_rate" if isinstance(modules, FullModel) else "learning_rate"


def _average(start: LocalModel, trained: Sequence[LocalModel], weights: Array | None) -> list[torch.Tensor]:
    """The mean of local models that began at `start`; with weights (K,), `start` and their weighted changes."""
    columns = zip(*(model.parameters for model in trained), strict=True)
    if weights is None:
        return [torch.stack(column).mean(dim=0) for column in columns]
    share = torch.from_numpy(weights.astype(np.float32)).to(start.parameters[0].device)
    moved = zip(start.parameters, columns, strict=True)
    return [old + torch.tensordot(share, torch.stack(column) - old, 1) for old, column in moved]
