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
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..checks import check_choice, checked
from ..scenario import Form, Scenario
from ..theory import constants, next_bound, ue_constants
from ..wireless import Channel, Reception
from .airtime import airtime_s, share_bandwidth, share_in_time
from .bandwidth import Method
from .field_power import optimal_power_in_field
from .global_power import optimal_power_several
from .subscription import (
    dual_ascent,
    random_subscription,
    round_subscription,
    subscribe,
    subscribe_greedy,
    subscribe_proximal,
)
from .switching import cost_gradient, reception_benefit

Array = NDArray[np.float64]
Rule = Literal["switching", "proximal", "greedy", "one_shot", "random"]


@dataclasses.dataclass(frozen=True, eq=False)
class Observation:
    r"""What Algorithm 2 knows in a round.

    `channel` are the uplinks, `payload_bits` the sizes :math:`G_n` of the gradients, (N,), or (N, K) where they differ
    between UEs, `compute_energy_j` the first term of (4), for one subscription. `remaining_risk` (N, K)
    is how much of its own risk each module still leaves to each UE, where that is to count. All UEs have equally much
    data.
    Raises ValueError that names what is negative or not finite.
    """

    channel: Channel
    payload_bits: Array
    compute_energy_j: float = 0.0
    remaining_risk: Array | float = 0.0

    def __post_init__(self) -> None:
        checked(
            positive={"payload_bits": self.payload_bits},
            non_negative={"compute_energy_j": self.compute_energy_j},
        )
        checked(non_negative={"remaining_risk": self.remaining_risk})
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
    subscription: NDArray[np.bool_]
    dual: Array
    dual_step: Array
    bound: Array
    delay_s: float


@dataclasses.dataclass(frozen=True, eq=False)
class Inner:
    """The iterations of Step 1, shape (E,) each, and what came of them.

    `objective` is (14) summed over UEs (corrected: with computing, and with the duals added to what is charged for a
    missed upload), `delay_s` the common delay and `transmitting` the number of uploads; `kept` is
    the iteration whose powers and shares were taken, and `converged` whether the objective settled in time.
    """

    objective: Array
    delay_s: Array
    transmitting: NDArray[np.intp]
    kept: int
    converged: bool


@dataclasses.dataclass(frozen=True, eq=False)
class Decision:
    r"""What Algorithm 2 decides for one round.

    `subscription` (N, K) are the uploads that take place: a UE whose best power is 0 is not among them. `power_w` (K,)
    is 0 without an upload, `share` (N, K) is :math:`\delta`, `delay_s` how long every upload takes (the deadline, where
    one sets the threshold), and
    `success_probability` (N, K) how likely each is received: for modules that are not uploaded, how likely it would be
    at the share that would let the upload end with the others. `inner` is the record of Step 1.
    """

    subscription: NDArray[np.bool_]
    power_w: Array
    share: Array
    delay_s: float
    success_probability: Array
    inner: Inner

    @property
    def uplink_energy_j(self) -> Array:
        """Energy in J that the uploads of each UE take, the second term of (4), shape (K,)."""
        energy_j: Array = self.power_w * self.delay_s * self.subscription.sum(axis=0)
        return energy_j


def start(scenario: Scenario, *, rng: np.random.Generator, form: Form = "corrected") -> State:
    """The state before the first round: "printed" puts every UE into every module, "corrected" draws at random."""
    check_choice("form", form, Form)
    shape = (scenario.num_modules, scenario.num_ues)
    if form == "printed":
        subscription = np.ones(shape, dtype=bool)
    else:
        subscription = random_subscription(*shape, scenario.subscription_limit, rng)
    bound = np.zeros(shape if form == "printed" else (scenario.num_modules, 1))
    step = np.full(scenario.num_ues, scenario.dual_step or 0.0)
    return State(0, subscription, np.zeros(shape), step, bound, 0.0)


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
    what is random. Raises ValueError for an unknown rule or form, and shapes that do not fit the scenario.
    """
    check_choice("form", form, Form)
    check_choice("rule", rule, Rule)
    _check_shapes(scenario, observation, state)
    bound = state.bound + observation.remaining_risk if form == "corrected" else state.bound
    benefit = reception_benefit(scenario, bound, form=form)
    if form == "corrected":
        benefit = benefit + state.dual
    trial, inner = _step_1(scenario, observation, state.subscription, benefit, form)
    uploads = state.subscription & (trial.power_w > 0.0)

    # what the other modules would need, and how likely they would be received; a UE that is off is asked at full power
    delay_s = trial.delay_s or state.delay_s or float(inner.delay_s[0])
    if not delay_s:
        raise ValueError("state.subscription must hold an upload in the first round: without one there is no delay")
    watts = np.where(trial.power_w > 0.0, trial.power_w, scenario.max_power_w)
    payload = observation.payload_of_ues_bits
    others = share_in_time(scenario, observation.channel, delay_s, np.where(uploads, 0.0, payload), watts)
    reception = Reception.of(scenario, observation.channel.distance_m, trial.share + others, payload)
    success = reception.probability(watts)
    decision = Decision(uploads, trial.power_w, trial.share, airtime_s(scenario, trial.delay_s), success, inner)

    energy_j = observation.compute_energy_j + watts * airtime_s(scenario, delay_s)
    gradient = cost_gradient(scenario, success, energy_j, bound, form=form)
    return decision, _step_2(scenario, state, uploads, success, gradient, delay_s, rng, rule, form)


@dataclasses.dataclass(frozen=True, eq=False)
class _Trial:
    """Powers (K,), the shares (N, K) and the common delay that belong to them, and the cost (14) of every UE (K,)."""

    power_w: Array
    share: Array
    delay_s: float
    reception: Reception
    objective: Array


def _step_1(
    scenario: Scenario, observation: Observation, subscription: NDArray[np.bool_], benefit: Array, form: Form
) -> tuple[_Trial, Inner]:
    """Alternate between bandwidth and power; return what is kept, and the record."""
    power_w = np.where(subscription.any(axis=0), scenario.max_power_w, 0.0)
    trials: list[_Trial] = []
    converged = False
    while not converged and len(trials) < scenario.max_inner_iterations:
        trials.append(_try(scenario, observation, subscription, benefit, power_w, form))
        if len(trials) > 1:
            before, now = trials[-2].objective, trials[-1].objective
            if form == "corrected":  # printed: for every UE
                before, now = before.sum(), now.sum()
            converged = bool(np.all(np.abs(now - before) <= scenario.objective_tolerance * np.abs(before)))
        if not converged:
            power_w = _next_power(scenario, observation, subscription, benefit, trials[-1], form)
    totals = np.array([trial.objective.sum() for trial in trials])
    kept = len(trials) - 1 if form == "printed" else int(totals.argmin())
    record = Inner(
        objective=totals,
        delay_s=np.array([trial.delay_s for trial in trials]),
        transmitting=np.array([np.count_nonzero(trial.share) for trial in trials]),
        kept=kept,
        converged=converged,
    )
    return trials[kept], record


def _try(
    scenario: Scenario,
    observation: Observation,
    subscription: NDArray[np.bool_],
    benefit: Array,
    power_w: Array,
    form: Form,
) -> _Trial:
    """Share the bandwidth for these powers, and evaluate (14)."""
    channel, payload = observation.channel, observation.payload_of_ues_bits
    method: Method = "bisection" if form == "printed" else "newton"
    share, delay_s = share_bandwidth(scenario, channel, subscription * payload, power_w, method=method)
    if form == "printed" and delay_s > 0.0:  # (14) asks how likely the modules are received that are not uploaded
        watts = np.where(power_w > 0.0, power_w, scenario.max_power_w)
        width = np.where(share > 0.0, share, share_in_time(scenario, channel, delay_s, payload, watts))
    else:
        width = np.where(share > 0.0, share, np.inf)
    reception = Reception.of(scenario, channel.distance_m, width, payload)
    success = reception.probability(power_w)
    missed = (1.0 - success) * ~subscription if form == "printed" else 1.0 - success * subscription
    energy_j = airtime_s(scenario, delay_s) * power_w * subscription
    if form == "corrected":
        energy_j = energy_j + observation.compute_energy_j * (share > 0.0)
    objective = (benefit * missed + scenario.energy_weight_per_j * energy_j).sum(axis=0)
    return _Trial(power_w, share, delay_s, reception, objective)


def _next_power(
    scenario: Scenario,
    observation: Observation,
    subscription: NDArray[np.bool_],
    benefit: Array,
    trial: _Trial,
    form: Form,
) -> Array:
    """Solve (21) for the shares and the delay of a trial; a UE that is off stays off."""
    sends = trial.power_w > 0.0
    # printed, power serves the modules that are not uploaded
    served = ~subscription if form == "printed" else subscription
    served = served & sends & np.isfinite(trial.reception.attenuation_w)
    price = scenario.energy_weight_per_j * airtime_s(scenario, trial.delay_s) * subscription.sum(axis=0)
    # what power cannot change
    worth = benefit * served * np.exp(-trial.reception.interference)
    if form == "corrected" and served.sum(axis=0).max(initial=0) <= 1:
        chosen = served.argmax(axis=0), np.arange(served.shape[1])
        best = optimal_power_in_field(
            trial.reception.attenuation_w[chosen],
            trial.reception.field[chosen],
            worth[chosen],
            price,
            path_loss_exponent=scenario.path_loss_exponent,
            max_power_w=scenario.max_power_w,
        )
    else:
        best = optimal_power_several(
            trial.reception.attenuation_w,
            trial.reception.field,
            worth,
            price,
            path_loss_exponent=scenario.path_loss_exponent,
            max_power_w=scenario.max_power_w,
            min_power_w=scenario.min_power_w if form == "printed" else 0.0,
        )
    if form == "corrected":  # what does not earn its computing stays off
        computing = scenario.energy_weight_per_j * observation.compute_energy_j * subscription.sum(axis=0)
        earned = (benefit * served * trial.reception.probability(best)).sum(axis=0)
        best = np.where(earned > price * best + computing, best, 0.0)
    return np.where(sends, best, 0.0)


def _step_2(
    scenario: Scenario,
    state: State,
    uploads: NDArray[np.bool_],
    success: Array,
    gradient: Array,
    delay_s: float,
    rng: np.random.Generator,
    rule: Rule,
    form: Form,
) -> State:
    """Move duals and bound on, and choose the next subscription."""
    spread = state.dual_step if scenario.dual_step else np.maximum(state.dual_step, _spread(gradient))
    # where all modules have been alike so far, and as good as none, any step will do
    size = np.abs(gradient).max(axis=0)
    step = np.where(spread > 0.0, spread, np.where(size > 0.0, size, 1.0))
    limit = scenario.subscription_limit
    dual = state.dual
    if rule in ("switching", "proximal"):
        dual = dual_ascent(dual, uploads, min_participation=scenario.min_participation, step=step)
    # the modules are the last axis of the rules
    slope, price = gradient.T, dual.T
    if rule == "random":
        chosen = random_subscription(scenario.num_modules, scenario.num_ues, limit, rng)
    elif rule == "proximal":
        fraction = subscribe_proximal(uploads.T, slope, price, limit, step=1.0 / step[:, np.newaxis])
        chosen = round_subscription(fraction, rng).T
    elif rule == "switching":
        chosen = subscribe(slope, price, limit, rng=rng).T
    elif rule == "greedy" or state.round_index == 0:
        chosen = subscribe_greedy(slope, limit, rng=rng).T
    else:
        chosen = state.subscription
    bound = _next_bound(scenario, state, uploads, success, form)
    return State(state.round_index + 1, chosen, dual, spread, bound, delay_s)


def _next_bound(
    scenario: Scenario,
    state: State,
    uploads: NDArray[np.bool_],
    success: Array,
    form: Form,
) -> Array:
    r""":math:`S_n^t = (1 - A_n^t) S_n^{t-1} + B_n^t`, or as printed :math:`B_{n,k}^t`."""
    bound = scenario.bound_constants
    if form == "printed":
        return ue_constants(uploads, success, num_ues=scenario.num_ues, **bound, form=form)[1]
    equal = np.full(scenario.num_ues, 1.0 / scenario.num_ues)
    a, b = constants(equal, uploads, success, **bound)
    return next_bound(state.bound, a[:, np.newaxis], b[:, np.newaxis])


def _spread(gradient: Array) -> Array:
    """How much worse than its own choice, the best module or none, the worst module is for each UE (K,).

    A dual that is to change that choice within some rounds must be of this size.
    """
    spread: Array = gradient.max(axis=0) - np.minimum(gradient.min(axis=0), 0.0)
    return spread


def _check_shapes(scenario: Scenario, observation: Observation, state: State) -> None:
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
