"""A round of the sibling's learning on quadratic risks, whose expectations are finite sums."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arguments import Array
from .theorem import RoundSetting


@dataclasses.dataclass(frozen=True)
class QuadraticRound:
    r"""One round on :math:`f_k = \frac{L}{2} [(w^a - c_k)^2 + (w_k^t)^2]`, with noise of :math:`\pm\phi` in an entry.

    `centers` are :math:`c_k`, `adapter` and `tasks` the values of :math:`w^a` and :math:`w_k^t` before the round. A
    part of size 0 in `setting` is left out; sizes are 0 or 1. `schedules` are equally likely. Assumption 2 calls the
    risks "non-convex", which we read as usual: they need not be convex.
    """

    setting: RoundSetting
    centers: tuple[float, ...]
    adapter: float
    tasks: tuple[float, ...]
    schedules: tuple[tuple[int, ...], ...]

    def risk(self, device: int, adapter: float, task: float) -> float:
        """f_k."""
        s = self.setting
        squares = s.adapter_size * (adapter - self.centers[device]) ** 2 + s.task_size * task**2
        return 0.5 * s.smoothness * squares

    def gradient(self, device: int, adapter: float, task: float, signs: Sequence[int]) -> Array:
        """Of f_k by the adapter and by the task module, with noise of these two signs."""
        s, noise = self.setting, math.sqrt(self.setting.noise_variance) * np.asarray(signs)
        slope = s.smoothness * np.array([adapter - self.centers[device], task])
        return np.array([s.adapter_size, s.task_size]) * (slope + noise)

    def gap(self, adapter: float, tasks: Sequence[float]) -> float:
        """F(W) - F(W*)."""
        least, devices = sum(self.centers) / len(self.centers), range(len(self.centers))
        return float(np.mean([self.risk(k, adapter, tasks[k]) - self.risk(k, least, 0.0) for k in devices]))

    def next_gap(self) -> float:
        """The mean gap after the round."""
        gaps = []
        for chosen in self.schedules:
            for signs in itertools.product(itertools.product((-1, 1), repeat=2), repeat=len(chosen)):
                tasks, steps = list(self.tasks), []
                for k, pair in zip(chosen, signs, strict=True):
                    step = self.setting.learning_rate * self.gradient(k, self.adapter, tasks[k], pair)
                    steps.append(step[0])
                    tasks[k] -= step[1]
                gaps.append(self.gap(self.adapter - float(np.mean(steps)), tasks))
        return float(np.mean(gaps))

    def change(self) -> float:
        """By how much the mean of F changes in the round."""
        return self.next_gap() - self.gap(self.adapter, self.tasks)


def round_setting(*, num_devices: int, num_scheduled: int, task_size: int = 0, **others: Any) -> RoundSetting:
    r"""An instance's fields of `RoundSetting`, with L = 0.3 and :math:`\eta = 1/2` for all.

    They obey :math:`L < \eta / (\eta^2 + 1)`, the condition of Theorem 1. A task module weighs 1/K in F, and so in its
    slope.
    """
    slope = 0.3 / num_devices if task_size else 0.3
    return RoundSetting(num_devices, num_scheduled, 0.3, 0.5, pl_constant=slope, task_size=task_size, **others)


def quadratic_round(
    setting: RoundSetting,
    *,
    centers: tuple[float, ...] | None = None,
    adapter: float = 0.0,
    tasks: tuple[float, ...] | None = None,
    schedules: tuple[tuple[int, ...], ...] | None = None,
) -> QuadraticRound:
    """A round from 0 with all minima at 0 and all sets of N devices equally likely, unless told otherwise."""
    count = setting.num_devices
    every = tuple(itertools.combinations(range(count), setting.num_scheduled))
    zeros = (0.0,) * count
    return QuadraticRound(setting, centers or zeros, adapter, tasks or zeros, schedules or every)
