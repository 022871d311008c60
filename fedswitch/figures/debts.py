"""An interactive figure of what keeps the promise (7d): a dual variable of (11), round by round."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .. import control
from ..arguments import Array
from .charts import Axis, Control, Curve, Panel
from .explorable import Explorable
from .numbers import percent, rounded

_OWED_MOST = 0.8  # the end of the axis of duals; with the largest steps they leave it


def debt_figure(gradient: ArrayLike, *, rounds: int = 100) -> Explorable:
    """The dual (11) of a module at one UE that follows (12), by the module, the dual step and the participation.

    `gradient` (N,) is that of the cost, the same in every round; one module is allowed per round.
    """
    slope = np.asarray(gradient, dtype=float)
    worse = slope - slope.min()
    step, promised = np.geomspace(0.008, 4.0, 41), np.array([0.05, 0.1, 0.15])
    dual = np.zeros((rounds + 1, step.size, promised.size, slope.size))
    taken = np.empty((rounds, *dual.shape[1:]), dtype=bool)
    for t in range(rounds):
        taken[t] = control.subscribe(slope, dual[t], limit=1)
        asked = {"min_participation": promised[:, None], "step": step[:, None, None]}
        dual[t + 1] = control.dual_ascent(dual[t], taken[t], **asked)

    along, modules = np.arange(1.0, rounds + 1), np.arange(1, slope.size + 1)
    owed, chosen = (np.moveaxis(array, 0, -1) for array in (dual[1:], taken))  # (steps, promises, modules, rounds)
    others = np.where(chosen.any(axis=-2), chosen.argmax(axis=-2) + 1.0, np.nan)[:, :, None]
    label = tuple(str(n) for n in modules)
    time, ticks = Axis("round", 0.0, rounds), tuple(zip(map(float, modules), label, strict=True))
    gap, itself = np.repeat(worse[:, None], 2, axis=-1), np.repeat(modules[:, None], 2, axis=-1)
    return Explorable(
        title="What a dual variable wants",
        alt=f"The dual of the last of {slope.size} modules over {rounds} rounds is a saw: it climbs while the module "
        "is left out, crosses a level line, which is by how much the module is worse than the best, and drops when it "
        "is taken. Below, bars say which module is taken in each round: mostly the first, the others now and then.",
        controls=(
            Control("dual step ς", tuple(f"{one:.2g}" for one in step), start=27),
            Control("promised participation v", tuple(f"{one:g}" for one in promised), start=1),
            Control("module", label, start=slope.size - 1),
        ),
        panels=(
            Panel(
                time,
                Axis("what the module is owed: its dual λ", 0.0, _OWED_MOST),
                (
                    Curve("dual of the module", *_corners(along, owed), color=1),
                    Curve("by how much it is worse than the best", [0.0, rounds], gap, color=2, line="dashed"),
                ),
            ),
            Panel(
                time,
                Axis("module that is taken", 0.5, slope.size + 0.5, ticks=ticks),
                (
                    Curve("each module", along, others, line="none", marker="bar"),
                    Curve("the module above", [0.0, rounds], itself, color=1, line="thin"),
                ),
            ),
        ),
        readout="The module is taken in {share} of the rounds; promised was at least {promised}. It is worse than the "
        "best by {worse}, and owed {owed} on average over the second half.",
        facts={
            "share": percent(chosen.mean(axis=-1)),
            "promised": percent(promised)[:, None],
            "worse": rounded(worse),
            "owed": rounded(owed[..., rounds // 2 :].mean(axis=-1)),
        },
        stacked=True,
    )


def _corners(x: Array, y: Array) -> tuple[Array, Array]:
    """The points of lines (..., T) through `y` over the same `x`, but for those on the way between their neighbors."""
    bends = np.ones(y.shape, dtype=bool)
    bends[..., 1:-1] = np.abs(np.diff(y, n=2)) > 1e-9 * np.abs(y).max(axis=-1, keepdims=True)
    most = int(bends.sum(axis=-1).max())
    order = np.argsort(~bends, axis=-1, kind="stable")[..., :most]
    kept = np.take_along_axis(bends, order, axis=-1)
    return np.where(kept, x[order], np.nan), np.where(kept, np.take_along_axis(y, order, axis=-1), np.nan)
