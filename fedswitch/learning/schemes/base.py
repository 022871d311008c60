"""What every scheme is: a plan for each round, and what the gNB makes of the uploads that arrive."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ...arguments import Array, Bools, settle
from ...control import Observation, State, decide, start
from ...control.online import Rule
from ...scenario import Form, Scenario
from ...streams import stream
from ..data import Task
from ..encoding import Backbone
from ..federation import Federation
from ..modules import LoraModules, Modules
from ..samples import Kept
from ..stacked import LocalModel, Penalty
from ..surroundings import own_switches
from ..tokens import Indices


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    r"""What a scheme decides for a round: :math:`\beta^t` (N, K), and :math:`P_k^t` in W, (K,)."""

    subscription: Bools
    power_w: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "subscription", np.asarray(self.subscription))
        settle(self, any=("power_w",))


class Scheme:
    """A way to fine-tune: who trains what with how much power, and how what arrives is aggregated.

    The base class lets UEs subscribe at random, chooses power as Algorithm 2 does, and aggregates by (1). A scheme of
    your own overrides what differs; `plan` alone is enough for another way to subscribe. `rule` and `form` are those of
    `control.decide`.
    """

    rule: ClassVar[Rule] = "random"
    form: ClassVar[Form] = "corrected"
    carried: ClassVar[tuple[str, ...]] = ()
    """Attributes that a scheme of your own carries from round to round, beside `decisions`, and so into a checkpoint:
    numbers, texts, arrays, and lists and dictionaries of these."""
    penalty: Penalty | None = None
    """What a UE adds to its loss in local steps."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = self.adapt(scenario)
        self.seed = seed
        self.decisions: State = start(self.scenario, rng=stream(seed, "first subscription"), form=self.form)

    @staticmethod
    def adapt(scenario: Scenario) -> Scenario:
        """The scenario as this scheme reads it: a scheme with one common module has N = 1."""
        return scenario

    @staticmethod
    def make_modules(backbone: Backbone, scenario: Scenario, *, num_labels: int, seed: int) -> Modules:
        """What is trained: N LoRA modules, unless overridden."""
        return LoraModules(backbone, scenario, num_labels=num_labels, seed=seed)

    @own_switches()
    def federation(
        self, task: Task, backbone: Backbone, *, engine: str = "cell", kept: Kept | None = None
    ) -> Federation:
        """What the rounds of a run work on, with untrained modules; see `Federation.start`."""
        modules = self.make_modules(backbone, self.scenario, num_labels=task.num_labels, seed=self.seed)
        return Federation.start(self.scenario, task, modules, self.seed, engine=engine, penalty=self.penalty, kept=kept)

    def observe(self, run: Federation, t: int) -> Observation:
        """What is known before round `t`."""
        return Observation(run.cell.channel(t), self.payload_bits(run), run.compute_energy_j)

    def payload_bits(self, run: Federation) -> Array:
        """Bits of an upload: of each module, (N,), or of each module and UE, (N, K)."""
        return run.modules.payload_bits

    def plan(self, t: int, seen: Observation) -> Plan:
        """Decide round `t`."""
        rng = stream(self.seed, "decision", t)
        decision, self.decisions = decide(self.scenario, seen, self.decisions, rng=rng, rule=self.rule, form=self.form)
        return Plan(decision.subscription, decision.power_w)

    def starts(self, run: Federation, n: int, ues: Indices) -> Sequence[LocalModel] | None:
        """What `ues` start their local steps on module `n` from; None where each sends the gradient of the module."""
        return run.starts(n, ues)

    def learn(self, run: Federation, t: int, received: Bools) -> None:
        """Update what is trained with the uploads that were received (N, K): (1) for every module."""
        run.update(t, received)

    def state(self) -> dict[str, Any]:
        """What the scheme carries from round to round, for a checkpoint."""
        return {"decisions": dataclasses.asdict(self.decisions), **{name: getattr(self, name) for name in self.carried}}

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what `state` returned."""
        self.decisions = State(**state["decisions"])
        for name in self.carried:
            setattr(self, name, state[name])


def check_plan(plan: Plan, scenario: Scenario, name: str) -> None:
    """Raise ValueError that names the scheme unless its plan has the right shapes and keeps to the power limit.

    The limit (7c) on subscriptions is not checked: the printed Algorithm 2 starts beyond it.
    """
    shape = (scenario.num_modules, scenario.num_ues)
    if not isinstance(plan, Plan):
        raise ValueError(f"plan of the scheme {name} must return a Plan, got {type(plan).__name__}")
    subscription, power_w = np.asarray(plan.subscription), np.asarray(plan.power_w)
    if subscription.shape != shape or subscription.dtype != bool:
        raise ValueError(
            f"plan of the scheme {name} must have a boolean subscription of shape (N, K) = {shape}, "
            f"got {subscription.dtype} of shape {subscription.shape}"
        )
    if power_w.shape != shape[1:] or not ((power_w >= 0.0) & (power_w <= scenario.max_power_w * (1 + 1e-9))).all():
        raise ValueError(
            f"plan of the scheme {name} must have a power of shape {shape[1:]} between 0 and max_power_w = "
            f"{scenario.max_power_w:g} W, got {power_w.min(initial=0.0):g} to {power_w.max(initial=0.0):g} W "
            f"of shape {power_w.shape}"
        )


def with_one_module(scenario: Scenario, rank: int) -> Scenario:
    """The same cell with one module that everybody trains in every round."""
    return dataclasses.replace(scenario, num_modules=1, lora_ranks=(rank,), subscription_limit=1)
