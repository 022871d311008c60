"""What studies of federated runs compare: arms, runs of them in one cell, and what all runs have in common.

What an arm has to know is `AnyArm`: that of a scheme is `Arm`, that of a policy of the sibling `split_runs.SplitArm`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar
from typing import Protocol as Structure

from ..learning import Task, simulate
from ..learning.encoding import Backbone
from ..learning.history import History
from ..learning.partition import partition_task
from ..learning.rounds import When
from ..learning.samples import Kept
from ..learning.schemes import Scheme, find_scheme
from ..learning.turns import Turn
from ..scenario import Scenario
from ..symbols import Declared

AnArm = TypeVar("AnArm", bound="AnyArm")

AS_PRINTED: Mapping[str, Any] = MappingProxyType(
    {"outage": "printed", "rate": "instantaneous", "compute_energy": "per_model_bit"}
)
"""What an arm of the printed form computes its decisions from; the cell, the fading and reception (2) stay the same."""


class AnyArm(Structure):
    """One side of a comparison: what is run, and what it changes in the scenario.

    The `scenario` that its methods are given holds the changes already.
    """

    @property
    def name(self) -> str:
        """By which settings and tables call it."""

    @property
    def changes(self) -> Mapping[str, Any]:
        """Fields of the scenario, and the values that they get."""

    def decides(self) -> dict[str, str]:
        """What besides name and scenario tells its runs from others."""

    def deal(self, scenario: Any, task: Task, seed: int) -> object:
        """Deal out the data; ValueError where they do not suffice."""

    def begin(self, scenario: Any, task: Task, backbone: Backbone, seed: int, kept: Kept) -> object:
        """Make all that a run begins with; ValueError or FedswitchError where it could not."""

    def simulate(self, scenario: Any, task: Task, protocol: Protocol, seed: int, kept: Kept) -> Any:
        """The history of a run, with `table` and `settings`."""


@dataclasses.dataclass(frozen=True)
class Arm:
    """A scheme, and what it changes in the scenario, as `AnyArm`."""

    name: str
    label: str
    """By which pages and figures call it."""
    scheme: str | type[Scheme]
    reading: str = ""
    """Either "printed" or "corrected", or "" for what has one form."""
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def decides(self) -> dict[str, str]:
        """The name of the scheme."""
        return {"scheme": find_scheme(self.scheme)[0]}

    def deal(self, scenario: Scenario, task: Task, seed: int) -> object:
        """By label, number or domain, as the scenario says."""
        return partition_task(task, scenario, seed=seed)

    def begin(self, scenario: Scenario, task: Task, backbone: Backbone, seed: int, kept: Kept) -> object:
        """The data and the modules."""
        _, scheme = find_scheme(self.scheme)
        return scheme(scenario, seed).federation(task, backbone, kept=kept)

    def simulate(
        self, scenario: Scenario, task: Task, protocol: Protocol, seed: int, kept: Kept, turn: Turn | None = None
    ) -> History:
        """By `learning.simulate`."""
        return simulate(
            scenario,
            task=task,
            backbone=protocol.backbone,
            scheme=self.scheme,
            rounds=protocol.rounds,
            seed=seed,
            device=protocol.device,
            evaluate_every=protocol.evaluate_every,
            personal=protocol.personal,
            progress=False,
            also_test=protocol.also_test,
            stop=protocol.stop,
            kept=kept,
            turn=turn,
        )


@dataclasses.dataclass(frozen=True)
class ArmRun:
    """One federated run of a study: an arm in one cell, at one seed. `labels` are columns that the table gets.

    `task` is by name, and that of the `Protocol` where it is not given.
    """

    arm: AnyArm
    scenario: Declared
    seed: int
    labels: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    task: str | None = None

    @property
    def changed(self) -> Declared:
        """The scenario with what the arm changes in it."""
        return dataclasses.replace(self.scenario, **self.arm.changes)

    def under(self, protocol: Protocol) -> Protocol:
        """The protocol, with its own task."""
        return protocol if self.task is None else dataclasses.replace(protocol, task=self.task)


@dataclasses.dataclass(frozen=True)
class Protocol:
    """What all runs of a study have in common.

    `test_size` is how many samples of the task's test set are used, drawn once and the same for all runs (None: all of
    them); `personal`, `also_test` and `stop` are those of `simulate`, the latter two dataclasses.
    """

    task: str
    backbone: str
    rounds: int
    evaluate_every: int
    test_size: int | None = None
    personal: bool = False
    also_test: When | None = None
    stop: When | None = None
    device: str = "cpu"


def arms_by_name(arms: Iterable[AnArm], names: Sequence[str]) -> list[AnArm]:
    """The arms of these names, in their order; settings have refused unknown ones."""
    known = {arm.name: arm for arm in arms}
    return [known[name] for name in names]
