"""One federated run as a figure: who subscribes to what, who is received, and how far each module has moved."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arguments import Array
from ..learning import Task, load_backbone
from ..learning.modules import Modules
from ..learning.rounds import do_round
from ..learning.schemes.subscribing import Switching
from ..palette import SERIES
from ..scenario import Scenario
from .charts import Axis, Control, Curve, Line, Marker, Panel
from .explorable import Explorable

_GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))


@dataclasses.dataclass(frozen=True, eq=False)
class Watched:
    """What `watch` saw.

    `distance_m` (K,), `subscribed` and `received` (T, N, K) as in `History`, and `moved` (T + 1, N): the Frobenius norm
    of what each module adds to the foundation model, before the first round and after each.
    """

    distance_m: Array
    subscribed: NDArray[np.bool_]
    received: NDArray[np.bool_]
    moved: Array


def watch(scenario: Scenario, *, task: Task, backbone: str = "minilm", rounds: int, seed: int = 0) -> Watched:
    """Do the rounds of `learning.simulate` under Algorithm 2, and look at the modules after each; no tests.

    Errors are those of `simulate`.
    """
    policy = Switching(scenario, seed)
    run = policy.federation(task, load_backbone(backbone))
    subscribed, received, moved = [], [], [norms(run.modules, scenario.lora_alpha)]
    for t in range(rounds):
        plan, uplink = do_round(policy, run, t, "switching")
        subscribed.append(plan.subscription)
        received.append(uplink.received)
        moved.append(norms(run.modules, scenario.lora_alpha))
    return Watched(run.cell.distance_m, np.stack(subscribed), np.stack(received), np.stack(moved))


def norms(modules: Modules, alpha: float) -> Array:
    r"""Frobenius norms of :math:`\frac{\alpha}{r} \mathbf{B} \mathbf{A}` of LoRA modules over all layers, (N,)."""
    found = []
    for n in range(len(modules)):
        *factors, _, _ = modules.parameters(n)  # the head comes last
        pairs = zip(factors[::2], factors[1::2], strict=True)
        found.append(np.sqrt(sum((alpha / len(a) * (b @ a)).square().sum().item() for a, b in pairs)))
    return np.array(found)


def _color(n: int) -> int:
    """The color of module n, counted from 0, by its number in the palette."""
    return n % len(SERIES) + 1


def run_figure(run: Watched) -> Explorable:
    """The cell and the modules, by the round, with a button that plays the rounds.

    UEs stand at their distance from the gNB; in which direction is up to the picture, for nothing depends on it. Each
    UE has one subscription in a round at most.
    """
    rounds, count, ues = run.subscribed.shape
    order = np.argsort(run.distance_m)
    angle = np.empty(ues)
    angle[order] = _GOLDEN_ANGLE * np.arange(ues)
    x, y = run.distance_m * np.cos(angle), run.distance_m * np.sin(angle)
    reach = 1.12 * float(run.distance_m.max())

    def where(shown: ArrayLike) -> Array:
        """Places east of the gNB of the UEs that are shown, (T, K)."""
        return np.where(shown, x, np.nan)

    lost = run.subscribed & ~run.received
    marks = [Curve("crossed: lost", where(lost.any(axis=1)), y, line="none", marker="cross")]
    for n in range(count):
        number = str(n + 1)
        marks += [
            Curve("number: module, received", where(run.received[:, n]), y, _color(n), "none", "square", text=number),
            Curve("", where(lost[:, n]), y, _color(n), "none", "square", filled=False, text=number),
        ]
    marks += [
        Curve("silent", where(~run.subscribed.any(axis=1)), y, line="none", marker="circle", filled=False),
        Curve("gNB", [0.0], [0.0], line="none", marker="triangle"),
    ]
    ring = np.linspace(0.0, 2.0 * np.pi, 61)
    far = Curve("farthest UE", run.distance_m.max() * np.cos(ring), run.distance_m.max() * np.sin(ring), line="thin")

    after = np.arange(rounds + 1.0)
    path = np.where(after <= np.arange(1.0, rounds + 1)[:, None], run.moved.T[:, None], np.nan)  # (N, T, T + 1)
    looks: tuple[tuple[Line, Marker], ...] = (
        ("solid", "circle"),
        ("dashed", "square"),
        ("dotted", "triangle"),
        ("dashdot", "diamond"),
    )
    per_module = run.received.sum(axis=2)
    return Explorable(
        title="One federated run",
        alt="Three rounds, the first, one in the middle and the last. Left, the cell with the gNB in its middle and "
        "numbered tiles for the UEs; number and color are the module a UE trains, and lost uploads are crossed "
        "out, most of them far out. Right, how far each module has moved: lines that rise where uploads arrived and "
        "are level where none did.",
        controls=(Control("round", tuple(str(t + 1) for t in range(rounds))),),
        panels=(
            Panel(
                Axis("distance (m)", -reach, reach),
                Axis("distance (m)", -reach, reach),
                (far, *marks),
                title="The cell",
                square=True,
            ),
            Panel(
                Axis("round", 0.0, rounds),
                Axis("norm of what the module adds", 0.0, 1.05 * float(run.moved.max())),
                tuple(
                    Curve(f"module {n + 1}", after, path[n], _color(n), line, marker)
                    for n, (line, marker) in zip(range(count), itertools.cycle(looks), strict=False)
                ),
                title="The modules",
            ),
        ),
        readout="Round {round}: {received} of {sent} uploads arrive, for modules 1 to {count}: {each}. {idle}",
        facts={
            "round": np.arange(1, rounds + 1),
            "count": np.array(count),
            "sent": run.subscribed.sum(axis=(1, 2)),
            "received": per_module.sum(axis=1),
            "each": [", ".join(map(str, row)) for row in per_module],
            "idle": [_idle(np.flatnonzero(row == 0) + 1) for row in per_module],
        },
        stills=((0,), (rounds // 2,), (rounds - 1,)),
        played=0,
    )


def _idle(modules: NDArray[np.intp]) -> str:
    """Which modules, counted from 1, stay as they are."""
    if not modules.size:
        return "All modules move."
    if modules.size == 1:
        return f"Module {modules[0]} stays as it was."
    return f"Modules {', '.join(map(str, modules[:-1]))} and {modules[-1]} stay as they were."
