r"""Algorithm 2: subscription, power and bandwidth of one round after the other.

A round has two steps. Step 1 takes the subscription as it is and alternates between bandwidth (Algorithm 1) and power
(21). Step 2 moves the duals (11) and chooses the subscription of the next round (12). As printed, the algorithm starts
with every UE in every module, against (7c); reads :math:`\delta^{t+1}` and :math:`P^{t+1}`, which do not exist yet; and
stops when its objective settles, which nothing makes it do: Algorithm 1 minimizes the delay, not that objective, and
(21) holds the delay fixed although a lower power prolongs it. Corrected, it starts feasible, reads round t, and judges
every pair of power and bandwidth together: it keeps the best it has seen, the largest power among them. That is no
optimum over both: (21) still holds the delay fixed.

Corrected, Step 1 may also leave a UE off. Then computing is saved as well, so that it counts; and since (7d) wants
uploads and not intentions, the dual of a module adds to what its reception is worth.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal

import numpy as np

from ..arguments import Array, Bools, check_choice, check_generator, checked, flags, settle, whole
from ..scenario import Form, Scenario
from ..wireless import Channel
from .alternation import Inner, Iterate, alternate
from .forms import Formulas, formulas
from .sharing import Band, airtime_of
from .subscription import (
    dual_ascent,
    random_subscription,
    round_subscription,
    subscribe,
    subscribe_greedy,
    subscribe_proximal,
)
from .switching import gradient

Rule = Literal["switching", "proximal", "greedy", "one_shot", "random"]


@dataclasses.dataclass(frozen=True, eq=False)
class Observation:
    r"""What Algorithm 2 knows in a round.

    `channel` are the uplinks, `payload_bits` the sizes :math:`G_n` of the gradients, (N,), or (N, K) where they differ
    between UEs, `compute_energy_j` the first term of (4), for one subscription. `remaining_risk` (N, K) is how much of
    its own risk each module still leaves to each UE, where that is to count. All UEs have equally much data. Raises
    ValueError that names what is negative or not finite, and a payload or distance of 0: `State` tells who uploads.
    """

    channel: Channel
    payload_bits: Array
    compute_energy_j: float = 0.0
    remaining_risk: Array | float = 0.0

    def __post_init__(self) -> None:
        settle(self, positive=("payload_bits",), non_negative=("compute_energy_j", "remaining_risk"))
        checked(
            positive={"channel.distance_m": self.channel.distance_m},
            non_negative={"channel.gain": self.channel.gain, "channel.interference_w": self.channel.interference_w},
        )

    @property
    def payload_of_ues_bits(self) -> Array:
        """`payload_bits` with an axis of UEs, (N, 1) or (N, K)."""
        payload = np.asarray(self.payload_bits, dtype=np.float64)
        return payload[:, np.newaxis] if payload.ndim == 1 else payload


@dataclasses.dataclass(frozen=True, eq=False)
class State:
    r"""What Algorithm 2 carries from round to round.

    `subscription` (N, K) is :math:`\beta^t`, already chosen, `dual` (N, K) :math:`\lambda^t`, and `dual_step` (K,)
    :math:`\varsigma`: where the scenario does not set it, the largest spread of a UE's gradients so far. `bound` is
    :math:`S_n^{t-1}` (N, 1), or as printed :math:`B_{n,k}^{t-1}` (N, K), as in `ue_cost`. `delay_s` is the latest
    delay.
    """

    round_index: int
    subscription: Bools
    dual: Array
    dual_step: Array
    bound: Array
    delay_s: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "round_index", whole("round_index", self.round_index))
        object.__setattr__(self, "subscription", flags("subscription", self.subscription))
        settle(self, any=("dual", "dual_step", "bound"), non_negative=("delay_s",))


@dataclasses.dataclass(frozen=True, eq=False)
class Decision:
    r"""What Algorithm 2 decides for one round.

    `subscription` (N, K) are the uploads that take place: a UE whose best power is 0 is not among them. `power_w` (K,)
    is 0 without an upload, `share` (N, K) is :math:`\delta`, `delay_s` how long every upload takes (the deadline, where
    one sets the threshold), and `success_probability` (N, K) how likely each is received: for modules that are not
    uploaded, how likely it would be at the share that would let the upload end with the others. `inner` is the record
    of Step 1, and `gradient` (N, K) what Step 2 reads: that of the cost (9) of every UE.
    """

    subscription: Bools
    power_w: Array
    share: Array
    delay_s: float
    success_probability: Array
    inner: Inner
    gradient: Array

    @property
    def uplink_energy_j(self) -> Array:
        """Energy in J that the uploads of each UE take, the second term of (4), shape (K,)."""
        return self.power_w * self.delay_s * self.subscription.sum(axis=0)


def start(scenario: Scenario, *, rng: np.random.Generator, form: Form = "corrected") -> State:
    """The state before the first round: "printed" puts every UE into every module, "corrected" draws at random.

    Raises ValueError for an unknown form, or an `rng` that is no generator.
    """
    check_generator(rng)
    subscription, bound = formulas(form).start(scenario, rng)
    step = np.full(scenario.num_ues, scenario.dual_step or 0.0)
    return State(0, subscription, np.zeros(subscription.shape), step, bound, 0.0)


def decide(
    scenario: Scenario,
    observation: Observation,
    state: State,
    *,
    rng: np.random.Generator,
    rule: Rule = "switching",
    form: Form = "corrected",
) -> tuple[Decision, State]:
    """One round of Algorithm 2: the decision for this round, and the state before the next.

    `rule` chooses the next subscription: "switching" by (11) and (12), "proximal" with the proximal term, "greedy"
    without duals, "one_shot" greedily after the first round and then never again, "random". `rng` breaks ties and draws
    what is random. Raises ValueError for an unknown rule or form, an `rng` that is no generator, shapes that do not fit
    the scenario, a dual, bound or remaining risk that is negative, a first round without any subscription, and an
    upload without a finite delay.
    """
    own = formulas(form)
    check_choice("rule", rule, Rule)
    check_generator(rng)
    check_observation(scenario, observation, state)
    benefit, charge = charges(own, scenario, observation, state)
    first = step_1(own, scenario, observation, state, charge)
    slope = gradient(scenario, own, first.success, first.energy_j, benefit)
    decision = first.decision(slope)
    chosen, dual, spread = _step_2(scenario, state, first.uploads, slope, rng, rule)
    bound = own.bound(scenario, state.bound, first.uploads, first.success)
    return decision, State(state.round_index + 1, chosen, dual, spread, bound, first.delay_s)


@dataclasses.dataclass(frozen=True, eq=False)
class First:
    """What Step 1 has decided: the uploads (N, K), and what Step 2 reads of it.

    `success` (N, K) is how likely every module would be received, `energy_j` (N, K) or (K,) what it would take, and
    `delay_s` the common delay, or the latest where nothing is uploaded; `airtime_s` is that of this round.
    """

    trial: Iterate
    inner: Inner
    uploads: Bools
    success: Array
    energy_j: Array
    delay_s: float
    airtime_s: float

    def decision(self, slope: Array) -> Decision:
        """The decision, for costs of this gradient (N, K)."""
        power_w, share = self.trial.power_w, self.trial.share
        return Decision(self.uploads, power_w, share, self.airtime_s, self.success, self.inner, slope)


def step_1(own: Formulas, scenario: Scenario, observation: Observation, state: State, charge: Array) -> First:
    """Step 1 for arguments that have been checked; `charge` (N, K) is what (14) charges for a module."""
    band = Band(scenario, observation.channel)
    payload, compute_j = observation.payload_of_ues_bits, observation.compute_energy_j
    trial, inner = alternate(own, band, payload, compute_j, state.subscription, charge)
    uploads = state.subscription & (trial.power_w > 0.0)

    # what the other modules would need, and how likely they would be received; a UE that is off is asked at full power
    delay_s = trial.delay_s or state.delay_s or float(inner.delay_s[0])
    if not delay_s:
        raise ValueError("state.subscription must hold an upload in the first round: without one there is no delay")
    watts = np.where(trial.power_w > 0.0, trial.power_w, scenario.max_power_w)
    others = band.share_in_time(delay_s, np.where(uploads, 0.0, payload), watts)
    success = band.reception(trial.share + others, payload).at(watts)
    energy_j = compute_j + watts * airtime_of(scenario, delay_s)
    return First(trial, inner, uploads, success, energy_j, delay_s, airtime_of(scenario, trial.delay_s))


def _step_2(
    scenario: Scenario, state: State, uploads: Bools, slope: Array, rng: np.random.Generator, rule: Rule
) -> tuple[Bools, Array, Array]:
    """The next subscription, the dual that led to it, and the largest spread of the gradients so far."""
    spread = state.dual_step
    if not scenario.dual_step:
        # how much worse than a UE's own choice, the best module or none, its worst one is: what changes that choice
        # within some rounds must be of this size
        spread = np.maximum(spread, slope.max(axis=0) - np.minimum(slope.min(axis=0), 0.0))
    # where all modules have been alike so far, and as good as none, any step will do
    size = np.abs(slope).max(axis=0)
    step = np.where(spread > 0.0, spread, np.where(size > 0.0, size, 1.0))
    dual, limit = state.dual, scenario.subscription_limit
    if rule in ("switching", "proximal"):
        dual = dual_ascent(dual, uploads, min_participation=scenario.min_participation, step=step)

    def proximal() -> Bools:
        inverse = 1.0 / step[:, np.newaxis]
        return round_subscription(subscribe_proximal(uploads.T, slope.T, dual.T, limit, step=inverse), rng).T

    def greedy() -> Bools:
        return subscribe_greedy(slope.T, limit, rng=rng).T

    rules: dict[Rule, Callable[[], Bools]] = {
        "switching": lambda: subscribe(slope.T, dual.T, limit, rng=rng).T,
        "proximal": proximal,
        "greedy": greedy,
        "one_shot": lambda: state.subscription if state.round_index else greedy(),
        "random": lambda: random_subscription(scenario.num_modules, scenario.num_ues, limit, rng),
    }
    return rules[rule](), dual, spread


def charges(own: Formulas, scenario: Scenario, observation: Observation, state: State) -> tuple[Array, Array]:
    """What a reception is worth in this round, and what (14) charges for an upload that is missed; (N, K) or less."""
    gap = own.gap(state.bound, observation.remaining_risk)
    benefit = own.benefit(scenario, gap, own.weight(scenario, None))
    return benefit, own.charge(benefit, state.dual)


def check_observation(scenario: Scenario, observation: Observation, state: State) -> None:
    """Raise ValueError for shapes that do not fit the scenario, and for a negative dual, bound or risk."""
    payload = np.shape(observation.payload_bits)
    wanted = {
        "payload_bits": (payload, (scenario.num_modules, scenario.num_ues)[: max(1, len(payload))]),
        "channel.distance_m": (np.shape(observation.channel.distance_m), (scenario.num_ues,)),
        "state.subscription": (state.subscription.shape, (scenario.num_modules, scenario.num_ues)),
        "state.dual": (state.dual.shape, (scenario.num_modules, scenario.num_ues)),
    }
    for name, (shape, right) in wanted.items():
        if shape != right:
            raise ValueError(f"{name} has shape {shape}, but the scenario asks for {right}")
    own = {"state.dual": state.dual, "state.bound": state.bound, "remaining_risk": observation.remaining_risk}
    checked(non_negative=own)
