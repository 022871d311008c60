"""Step 1 of Algorithm 2: bandwidth for these powers, powers for that bandwidth, and so on."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ..arguments import Array, Bools
from ..wireless import Reception
from .forms import Formulas
from .sharing import Band, airtime_of


@dataclasses.dataclass(frozen=True, eq=False)
class Inner:
    """The iterations of Step 1, shape (E,) each, and what came of them.

    `objective` is (14) summed over UEs (corrected: with computing, and with the duals added to what is charged for a
    missed upload), `delay_s` the common delay and `transmitting` the number of uploads; `kept` is the iteration whose
    powers and shares were taken, and `converged` whether the objective settled in time.
    """

    objective: Array
    delay_s: Array
    transmitting: NDArray[np.intp]
    kept: int
    converged: bool


@dataclasses.dataclass(frozen=True, eq=False)
class Iterate:
    """Powers (K,), the shares (N, K) and the common delay that belong to them, and the cost (14) of every UE (K,)."""

    power_w: Array
    share: Array
    delay_s: float
    reception: Reception
    objective: Array


def alternate(
    form: Formulas,
    band: Band,
    payload_bits: Array,
    compute_energy_j: float,
    subscription: Bools,
    charge: Array,
) -> tuple[Iterate, Inner]:
    """Alternate until the objective settles; return what is kept, and the record.

    `charge` (N, K) is what (14) charges for a module that is missed, the rest as in `decide`. Nothing is checked here.
    """
    s, count = band.scenario, subscription.sum(axis=0)

    def shared(power_w: Array) -> Iterate:
        """Share the bandwidth for these powers, and evaluate (14)."""
        share, delay_s = band.share(subscription * payload_bits, power_w, form.method)
        others: Array | float = np.inf
        if form.asks_for_all and delay_s > 0.0:
            watts = np.where(power_w > 0.0, power_w, s.max_power_w)
            others = band.share_in_time(delay_s, payload_bits, watts)
        reception = band.reception(np.where(share > 0.0, share, others), payload_bits)
        energy_j = airtime_of(s, delay_s) * power_w * subscription
        if form.counts_computing:
            energy_j = energy_j + compute_energy_j * (share > 0.0)
        missed = form.missed(subscription, reception.at(power_w))
        objective = (charge * missed + s.energy_weight_per_j * energy_j).sum(axis=0)
        return Iterate(power_w, share, delay_s, reception, objective)

    def best_power(trial: Iterate) -> Array:
        """Solve (21) for the shares and the delay of a trial; a UE that is off stays off."""
        sends = trial.power_w > 0.0
        served = form.served(subscription) & sends & np.isfinite(trial.reception.attenuation_w)
        price = s.energy_weight_per_j * airtime_of(s, trial.delay_s) * count
        computing = s.energy_weight_per_j * compute_energy_j * count
        return np.where(sends, form.power(s, trial.reception, served, charge, price, computing), 0.0)

    trials = [shared(np.where(subscription.any(axis=0), s.max_power_w, 0.0))]
    converged = False
    while not converged and len(trials) < s.max_inner_iterations:
        trials.append(shared(best_power(trials[-1])))
        converged = form.settled(trials[-2].objective, trials[-1].objective, s.objective_tolerance)
    totals = np.array([trial.objective.sum() for trial in trials])
    kept = form.kept(totals)
    delays_s = np.array([trial.delay_s for trial in trials])
    transmitting = np.array([np.count_nonzero(trial.share) for trial in trials])
    return trials[kept], Inner(totals, delays_s, transmitting, kept, converged)
