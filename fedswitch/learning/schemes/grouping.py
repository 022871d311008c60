"""Switching that finds which UEs want the same, from the losses of all modules on the UEs' own samples: a rule of ours.

A profile is what the modules leave of a UE's risk, less the same of the whole cell in that round. Only how modules
*differ* on one and the same sample says something of a UE's task; how hard the sample is cancels. UEs of one task have
one mean profile, whatever the modules are, so profiles may be averaged over rounds while the modules move.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.linalg import helmert
from scipy.optimize import linear_sum_assignment
from scipy.stats import gamma

from ...arguments import Array, Bools, Integers
from ...control import Observation
from ...control.online import Rule
from ...streams import stream
from ..federation import Federation
from .base import Plan, Scheme

PART, JOIN = 1e-4, 0.1
"""With which probability UEs of one task are parted by chance, and how likely chance must be for groups to join."""

_DRAWS = 4000


@functools.cache
def _under_one_task(count: int, dimensions: int) -> tuple[float, float]:
    """Shape and scale of a gamma distribution for the square of Ward's last merge of standard normal points.

    For two points it is exact. For more, chances of a ten-thousandth lie beyond what is drawn, and are off by small
    factors.
    """
    if count == 2:
        return dimensions / 2.0, 4.0
    rng = stream(0, "Ward", count, dimensions)
    squares = [linkage(rng.normal(size=(count, dimensions)), "ward")[-1, 2] ** 2 for _ in range(_DRAWS)]
    mean, variance = np.mean(squares), np.var(squares)
    return float(mean**2 / variance), float(variance / mean)


def halves(profiles: Array, samples: Array, covariances: Array) -> tuple[Bools, float]:
    """The two halves (K,) into which the profiles (K, N) fall, and how likely they fall so far apart by chance.

    A profile is a mean over `samples` (K,), each with the covariance of `covariances` (K, N, N). By the contrasts
    between modules, as deviations from their mean in units of their standard error, UEs of one task are standard normal
    points in N - 1 dimensions. Ward's method bisects them; its last merge, the largest of many, is compared with that
    of such points.
    """
    if len(profiles) < 2 or profiles.shape[1] < 2:
        return np.ones(len(profiles), dtype=bool), 1.0
    contrasts = helmert(profiles.shape[1])
    scale, axes = np.linalg.eigh(contrasts @ covariances.mean(axis=0) @ contrasts.T)
    if not scale[-1] > 0.0:
        return np.ones(len(profiles), dtype=bool), 1.0
    white = axes / np.sqrt(np.maximum(scale, 1e-9 * scale[-1]))
    deviations = profiles - np.average(profiles, axis=0, weights=samples)
    points = deviations @ contrasts.T @ white * np.sqrt(samples)[:, np.newaxis]
    merges = linkage(points, "ward")
    shape, unit = _under_one_task(*points.shape)
    return fcluster(merges, 2, "maxclust") == 1, float(gamma.sf(merges[-1, 2] ** 2, shape, scale=unit))


def find_groups(profiles: Array, samples: Array, covariances: Array, *, most: int, before: int = 1) -> Integers:
    """Number the groups (K,), `most` at most, into which the UEs fall; the arguments are those of `halves`.

    The group whose halves are the least likely to differ by chance is parted first. So that their number does not come
    and go, there are as many as `before` while the chance is below `JOIN`, and more only where it is below `PART`.
    """
    groups = np.zeros(len(profiles), dtype=np.int64)
    found = {0: halves(profiles, samples, covariances)}
    while len(found) < most:
        clearest = min(found, key=lambda group: found[group][1])
        first, chance = found[clearest]
        if chance >= (JOIN if len(found) < before else PART):
            break
        groups[np.flatnonzero(groups == clearest)[~first]] = len(found)
        for group in (clearest, len(found)):
            own = groups == group
            found[group] = halves(profiles[own], samples[own], covariances[own])
    return groups


class Grouped(Scheme):
    """Each UE subscribes to one module, that of its group, `module` (K,), to which it is dealt at random.

    That keeps to (7c); (7d) is given up, since a module that strangers train is nobody's.
    """

    rule: ClassVar[Rule] = "one_shot"
    carried: ClassVar[tuple[str, ...]] = ("module",)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        modules, ues = self.scenario.num_modules, self.scenario.num_ues
        self.module: Integers = stream(self.seed, "first groups").permutation(np.arange(ues) % modules)

    def plan(self, t: int, seen: Observation) -> Plan:
        """See `Scheme`: power as in Algorithm 2, with every UE in the module of its group."""
        subscription = np.arange(self.scenario.num_modules)[:, np.newaxis] == self.module
        self.decisions = dataclasses.replace(self.decisions, subscription=subscription)
        return super().plan(t, seen)


class Grouping(Grouped):
    """Each UE trains the module of its group; groups are found by what modules leave of the UEs' risks.

    In the first `WARM` rounds the UEs stay where they are dealt: modules come to differ since few UEs train each. From
    then on, UEs that cannot be told apart are one group, so where all want the same, one module serves all. Losses are
    measured in every round, and count `MEMORY` times as much a round later; of a UE that is silent the last ones stay.
    """

    WARM: ClassVar[int] = 4
    MEMORY: ClassVar[float] = 0.8
    carried = ("module", "groups", "risks", "profiles", "noises", "weight", "square")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        modules, ues = self.scenario.num_modules, self.scenario.num_ues
        self.groups = 1
        # sums over the rounds in which a UE was heard, with weights that fall; `square` is of the weights' squares
        self.risks, self.profiles = np.zeros((ues, modules)), np.zeros((ues, modules))
        self.noises = np.zeros((ues, modules, modules))
        self.weight, self.square = np.zeros(ues), np.zeros(ues)

    def observe(self, run: Federation, t: int) -> Observation:
        """See `Scheme`; with the groups formed anew."""
        self.hear(run.ues.losses(t))
        if t >= self.WARM:
            self.regroup()
        return super().observe(run, t)

    def hear(self, losses: NDArray[np.floating]) -> None:
        """Add the losses (N, K, S) of a round, which are NaN for UEs that are silent."""
        heard = ~np.isnan(losses).any(axis=(0, 2))
        if not heard.any():
            return
        samples = losses.shape[2]
        each = losses[:, heard].transpose(1, 0, 2).astype(np.float64)
        risks = each.mean(axis=2)
        spread = each - risks[:, :, np.newaxis]
        noises = spread @ spread.transpose(0, 2, 1) / max(samples - 1, 1)
        for sums, new in (
            (self.risks, risks), (self.profiles, risks - risks.mean(axis=0)), (self.noises, noises), (self.weight, 1.0)
        ):  # fmt: skip
            sums[heard] = self.MEMORY * sums[heard] + new
        self.square[heard] = self.MEMORY**2 * self.square[heard] + 1.0 / samples

    def regroup(self) -> None:
        """Find the groups, and give each the module that leaves the least risk in all; who was never heard stays."""
        heard = np.flatnonzero(self.weight)
        if not heard.size:
            return
        weight = self.weight[heard, np.newaxis]
        groups = find_groups(
            self.profiles[heard] / weight,
            self.weight[heard] ** 2 / self.square[heard],
            self.noises[heard] / weight[..., np.newaxis],
            most=self.scenario.num_modules,
            before=self.groups,
        )
        self.groups = int(groups.max()) + 1
        risks = self.risks[heard] / weight
        stays = np.arange(self.scenario.num_modules) == self.module[heard, np.newaxis]
        risks = risks - stays * self.margin(heard)[:, np.newaxis]
        totals = np.stack([risks[groups == group].sum(axis=0) for group in range(self.groups)])
        self.module[heard] = linear_sum_assignment(totals)[1][groups]

    def margin(self, heard: Integers) -> Array:
        """By how much another module must be better for UEs: the standard error of a difference of two risks."""
        noises, count = self.noises[heard] / self.weight[heard, np.newaxis, np.newaxis], self.scenario.num_modules
        contrast = np.trace(noises, axis1=1, axis2=2) - noises.sum(axis=(1, 2)) / count
        samples = self.weight[heard] ** 2 / self.square[heard]
        return np.sqrt(2.0 * np.maximum(contrast, 0.0) / max(count - 1, 1) / samples)
