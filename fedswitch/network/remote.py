"""`RemoteUEs`: the UEs of a federation whose data lie on other machines, asked over a wire."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..arguments import Array, Bools, Integers
from ..learning.modules import Modules
from ..learning.personal import Views
from ..learning.stacked import LocalModel
from ..learning.tokens import Indices
from ..learning.ues import Starts, UEs
from .flat import flat, parts
from .node import shapes_of
from .nodes import Nodes, Say
from .packets import Packet


@dataclasses.dataclass(frozen=True, eq=False)
class Item:
    """What UEs of one node are asked for at once: `ues` start from `row` (P,) for module `n`.

    `rank` and `scale` are those of the start of local steps, and None where a gradient is asked for.
    """

    n: int
    ues: tuple[int, ...]
    row: NDArray[np.float32]
    rank: int | None
    scale: float | None

    @property
    def record(self) -> dict[str, Any]:
        """All but the numbers, for JSON."""
        return {"n": self.n, "ues": list(self.ues), "rank": self.rank, "scale": self.scale}


class RemoteUEs(UEs):
    """UEs that answer over a network, or do not; what does not come in time, or is not sound, is lost.

    `modules` are the gNB's, `job` what a node needs to know to make its own.
    """

    def __init__(
        self, nodes: Nodes, modules: Modules, job: dict[str, Any], *, num_ues: int, batch_size: int, say: Say
    ) -> None:
        self.nodes = nodes
        self._modules, self._job, self._say = modules, job, say
        self._num_ues, self._batch_size = num_ues, batch_size
        self._came: dict[tuple[int, int], tuple[float, NDArray[np.floating]]] = {}
        self._silent: tuple[int, Bools] = (-1, np.zeros((2, num_ues), dtype=bool))

    def ask(self, t: int, subscribed: Bools, starts: Starts) -> Bools:
        """See `UEs`: one question for each node, with all that its UEs start from."""
        self.nodes.wait_for_any()
        items = {node: self._items(ues, subscribed, starts) for node, ues in self.nodes.held.items()}
        questions = {
            node: Packet(
                {"ask": "upload", "job": self._job, "t": t, "items": [item.record for item in wanted]},
                {str(place): item.row for place, item in enumerate(wanted)},
            )
            for node, wanted in items.items()
            if wanted
        }
        self._came.clear()
        lost = subscribed.copy()
        for node, answer in self.nodes.exchange(questions).items():
            for place, item in enumerate(items[node]):
                for k, loss, row in self._sound(answer, place, item, t):
                    self._came[item.n, k] = loss, row
                    lost[item.n, k] = False
        return lost

    def gradient(self, t: int, n: int, ues: Indices, weights: Array | None = None) -> torch.Tensor:
        """See `UEs`: (1), with as many samples of every UE."""
        losses, rows = self._of(n, ues)
        share = np.full(len(ues), 1.0 / len(ues)) if weights is None else weights
        (gradient,) = parts((share.astype(rows.dtype) @ rows)[np.newaxis], shapes_of(self._modules, n))
        for parameter, part in zip(self._modules.parameters(n), gradient, strict=True):
            parameter.grad = part.to(parameter.device)
        return losses @ torch.from_numpy(share).to(losses.dtype)

    def train(self, t: int, n: int, ues: Indices, start: Sequence[LocalModel]) -> tuple[list[LocalModel], torch.Tensor]:
        """See `UEs`."""
        loss = torch.tensor([self._came[n, int(k)][0] for k in ues]).mean()
        trained = []
        for k, model in zip(ues, start, strict=True):
            shapes = [tuple(parameter.shape) for parameter in model.parameters]
            (values,) = parts(self._came[n, int(k)][1][None], shapes)
            trained.append(LocalModel.of(values, model.scale))
        return trained, loss

    def losses(self, t: int) -> NDArray[np.float32]:
        """See `UEs`."""
        found = np.full((len(self._modules), self._num_ues, self._batch_size), np.nan, dtype=np.float32)
        for ues, answer in self._report("losses", t, 0):
            found[:, ues] = answer["losses"]
        return found

    def views(self, t: int) -> Views:
        """See `UEs`."""
        weights = np.zeros((2, len(self._modules), self._num_ues))
        held: Integers = np.zeros((self._num_ues, self._batch_size), dtype=np.int64)
        heard = np.zeros(self._num_ues, dtype=bool)
        for ues, answer in self._report("views", t, 1):
            weights[:, :, ues] = answer["own"], answer["weighted"]
            held[ues], heard[ues] = answer["held"], True
        return Views(weights[0], weights[1], held, heard)

    def silent(self, t: int) -> Bools | None:
        """See `UEs`."""
        asked_in, silent = self._silent
        return silent if asked_in == t else None

    def _items(self, ues: Sequence[int], subscribed: Bools, starts: Starts) -> list[Item]:
        """What the UEs of a node are asked for: UEs that start from the same are one item."""
        items = []
        for n in range(len(subscribed)):
            own = np.array([k for k in ues if subscribed[n, k]], dtype=np.int64)
            start = starts(n, own) if own.size else []
            if start is None:
                items.append(Item(n, tuple(own.tolist()), flat(self._modules.parameters(n)), None, None))
                continue
            for model in {id(model): model for model in start}.values():
                same = tuple(int(k) for k, other in zip(own, start, strict=True) if other is model)
                items.append(Item(n, same, flat(model.parameters), model.rank, model.scale))
        return items

    def _sound(self, answer: Packet, place: int, item: Item, t: int) -> list[tuple[int, float, NDArray[np.floating]]]:
        """UE, loss and numbers of all that is sound of the answer to an item; the rest is named in the log."""
        try:
            rows = answer.array(str(place), (len(item.ues), item.row.size))
            losses = [float(loss) for loss in answer.record["losses"][place]]
            if answer.record["t"] != t or len(losses) != len(item.ues):
                raise ValueError("it answers another question")
        except (ValueError, TypeError, LookupError) as error:
            self._say(f"What UEs {', '.join(map(str, item.ues))} sent in round {t + 1} is lost: {error}.")
            return []
        finite = np.isfinite(rows).all(axis=1) & np.isfinite(losses)
        for k in np.array(item.ues)[~finite]:
            self._say(f"What UE {k} sent in round {t + 1} is lost: it holds what is no finite number.")
        return [found for found, sound in zip(zip(item.ues, losses, rows, strict=True), finite, strict=True) if sound]

    def _report(self, ask: str, t: int, which: int) -> list[tuple[list[int], dict[str, NDArray[Any]]]]:
        """Of all nodes whose answers are sound: their UEs, and the arrays; the others are silent in this round."""
        if self._silent[0] != t:
            self._silent = (t, np.zeros((2, self._num_ues), dtype=bool))
        self._silent[1][which] = True
        self.nodes.refresh()
        held = dict(self.nodes.held)
        rows = {str(n): flat(self._modules.parameters(n)) for n in range(len(self._modules))}
        question = Packet({"ask": ask, "job": self._job, "t": t}, rows)
        found = []
        for node, answer in self.nodes.exchange(dict.fromkeys(held, question)).items():
            ues, count = list(held[node]), len(self._modules)
            weights: tuple[int, ...] = (count, len(ues))
            wanted: dict[str, tuple[tuple[int, ...], str]] = {
                "losses": ((*weights, self._batch_size), "f")
            } if ask == "losses" else {
                "own": (weights, "f"), "weighted": (weights, "f"), "held": ((len(ues), self._batch_size), "iu"),
            }  # fmt: skip
            try:
                arrays = {name: answer.array(name, *how) for name, how in wanted.items()}
                if answer.record["t"] != t or not all(np.isfinite(array).all() for array in arrays.values()):
                    raise ValueError("it answers another question, or with what is no finite number")
                if (
                    "held" in arrays
                    and not np.isin(arrays["held"], np.arange(self._modules.heads[0].out_features)).all()
                ):
                    raise ValueError("it holds a label that the task does not have")
            except (ValueError, LookupError) as error:
                self._say(f"What UEs {', '.join(map(str, ues))} say in round {t + 1} is lost: {error}.")
                continue
            self._silent[1][which, ues] = False
            found.append((ues, arrays))
        return found

    def _of(self, n: int, ues: Indices) -> tuple[torch.Tensor, NDArray[np.floating]]:
        """Losses (K,) and numbers (K, P) of the uploads of `ues` that came."""
        came = [self._came[n, int(k)] for k in ues]
        return torch.tensor([loss for loss, _ in came]), np.stack([row for _, row in came])
