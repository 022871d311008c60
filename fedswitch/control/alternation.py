"""Step 1 of Algorithm 2: bandwidth for these powers, powers for that bandwidth, and so on."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ..arguments import Array, Bools
from ..wireless import Reception
from .forms import Formulas
from .sharing import Band, airtime_s


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
class Trial:
    """Powers (K,), the shares (N, K) and the common delay that belong to them, and the cost (14) of every UE (K,)."""

    power_w: Array
    share: Array
    delay_s: float
    reception: Reception
    objective: Array


@dataclasses.dataclass(frozen=True, eq=False)
class Alternation:
    """What Step 1 is given: `charge` (N, K) is what (14) charges for a module that is missed, the rest as in `decide`.

    Nothing is checked here.
    """

    formulas: Formulas
    band: Band
    payload_bits: Array
    compute_energy_j: float
    subscription: Bools
    charge: Array

    def run(self) -> tuple[Trial, Inner]:
        """Alternate until the objective settles; return what is kept, and the record."""
        s = self.band.scenario
        power_w = np.where(self.subscription.any(axis=0), s.max_power_w, 0.0)
        trials: list[Trial] = []
        converged = False
        while not converged and len(trials) < s.max_inner_iterations:
            trials.append(self._try(power_w))
            if len(trials) > 1:
                before, now = trials[-2].objective, trials[-1].objective
                converged = self.formulas.settled(before, now, s.objective_tolerance)
            if not converged:
                power_w = self._next_power(trials[-1])
        totals = np.array([trial.objective.sum() for trial in trials])
        kept = self.formulas.kept(totals)
        delays_s = np.array([trial.delay_s for trial in trials])
        transmitting = np.array([np.count_nonzero(trial.share) for trial in trials])
        return trials[kept], Inner(totals, delays_s, transmitting, kept, converged)

    def _try(self, power_w: Array) -> Trial:
        """Share the bandwidth for these powers, and evaluate (14)."""
        s, form, payload = self.band.scenario, self.formulas, self.payload_bits
        share, delay_s = self.band.share(self.subscription * payload, power_w, form.method)
        others: Array | float = np.inf
        if form.asks_for_all and delay_s > 0.0:
            watts = np.where(power_w > 0.0, power_w, s.max_power_w)
            others = self.band.share_in_time(delay_s, payload, watts)
        reception = self.band.reception(np.where(share > 0.0, share, others), payload)
        energy_j = airtime_s(s, delay_s) * power_w * self.subscription
        if form.counts_computing:
            energy_j = energy_j + self.compute_energy_j * (share > 0.0)
        missed = form.missed(self.subscription, reception.at(power_w))
        objective = (self.charge * missed + s.energy_weight_per_j * energy_j).sum(axis=0)
        return Trial(power_w, share, delay_s, reception, objective)

    def _next_power(self, trial: Trial) -> Array:
        """Solve (21) for the shares and the delay of a trial; a UE that is off stays off."""
        s, sends = self.band.scenario, trial.power_w > 0.0
        served = self.formulas.served(self.subscription) & sends & np.isfinite(trial.reception.attenuation_w)
        uploads = self.subscription.sum(axis=0)
        price = s.energy_weight_per_j * airtime_s(s, trial.delay_s) * uploads
        computing = s.energy_weight_per_j * self.compute_energy_j * uploads
        best = self.formulas.power(s, trial.reception, served, self.charge, price, computing)
        return np.where(sends, best, 0.0)
