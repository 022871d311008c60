"""How fast the transmit power of (21) is found, against two of SciPy's minimizers: `python benchmarks/power.py`.

The UEs of a cell each have 10 MHz and a fixed SINR threshold. A received upload is worth 1 to each, and the energy of
an upload at full power costs between a hundredth and a hundred times that. With several modules, a UE divides its
bandwidth by payload, and the modules are worth different amounts.

`interior point` is `interior_point_power` (`trust-constr`, what the paper proposes), from half the largest power.
`bounded` is `scipy.optimize.minimize_scalar`. Both solve for one UE at a time, so that their time grows in proportion
to the UEs: it is measured on the first ones of a large cell and scaled. What they find is compared by its objective. An
excess is relative to the objective of not to transmit; a UE counts as worse off if it is above `WORSE`, which is more
than the tolerance of either.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from _timing import Timed, alternate, duration, machine, print_table
from scipy.optimize import minimize_scalar

from fedswitch import Scenario
from fedswitch.control import interior_point_power, optimal_power, optimal_power_in_field, optimal_power_several
from fedswitch.streams import stream
from fedswitch.wireless import Cell, Reception

BANDWIDTH_PER_UE_HZ = 1e7
SAMPLE = 100
WORSE = 1e-3


@dataclasses.dataclass(frozen=True, eq=False)
class Instance:
    """(21) for the UEs of a cell: `solve` is ours, `loss(k, P)` and `price_per_w` make up the objective."""

    solve: Callable[[], np.ndarray]
    loss: Callable[[np.ndarray, np.ndarray], np.ndarray]
    price_per_w: np.ndarray
    max_power_w: float

    def objective(self, power_w: np.ndarray) -> np.ndarray:
        """The objective of the first UEs at these powers."""
        index = np.arange(power_w.size)
        loss = self.loss(index, np.where(power_w > 0.0, power_w, 1.0))
        return np.where(power_w > 0.0, loss + self.price_per_w[index] * power_w, 1.0)


# The instances


def cell(num_ues: int, outage: str) -> tuple[Scenario, Cell, np.ndarray]:
    scenario = Scenario.corrected(num_ues=num_ues, bandwidth_hz=BANDWIDTH_PER_UE_HZ * num_ues, outage=outage)
    relative_price = 10.0 ** stream(0, "price", num_ues).uniform(-2.0, 2.0, num_ues)
    return scenario, Cell.draw(scenario, seed=0), relative_price / scenario.max_power_w


def printed(num_ues: int) -> Instance:
    scenario, drawn, price = cell(num_ues, "printed")
    reception = Reception.of(scenario, drawn.distance_m, 1.0 / num_ues, 0.0)
    limit, attenuation, worth = scenario.max_power_w, reception.attenuation_w, np.exp(-reception.interference)
    return Instance(
        lambda: optimal_power(attenuation, worth, price, max_power_w=limit),
        lambda index, power: 1.0 - worth[index] * np.exp(-attenuation[index] / power),
        price,
        limit,
    )


def in_field(num_ues: int) -> Instance:
    scenario, drawn, price = cell(num_ues, "exact")
    reception = Reception.of(scenario, drawn.distance_m, 1.0 / num_ues, 0.0)
    limit, alpha = scenario.max_power_w, scenario.path_loss_exponent
    return Instance(
        lambda: optimal_power_in_field(
            reception.attenuation_w, reception.field, 1.0, price, path_loss_exponent=alpha, max_power_w=limit
        ),
        lambda index, power: 1.0 - reception[index].probability(power),
        price,
        limit,
    )


def several(num_ues: int) -> Instance:
    scenario, drawn, price = cell(num_ues, "exact")
    ranks = np.array(scenario.lora_ranks, dtype=float)
    share = np.outer(ranks / ranks.sum(), np.full(num_ues, 1.0 / num_ues))
    reception = Reception.of(scenario, drawn.distance_m, share, 0.0)
    worth = stream(0, "worth", num_ues).dirichlet(np.ones(ranks.size), num_ues).T
    limit, alpha = scenario.max_power_w, scenario.path_loss_exponent
    return Instance(
        lambda: optimal_power_several(
            reception.attenuation_w, reception.field, worth, price, path_loss_exponent=alpha, max_power_w=limit
        ),
        lambda index, power: (worth[:, index] * (1.0 - reception[:, index].probability(power))).sum(axis=0),
        price,
        limit,
    )


# The references, for the first UEs of an instance


def interior_point(instance: Instance) -> np.ndarray:
    limit = instance.max_power_w

    def solve(k: int) -> float:
        index = np.array([k])
        price = instance.price_per_w[k]
        return interior_point_power(
            lambda power: instance.loss(index, power), price, max_power_w=limit, start_w=0.5 * limit
        )

    return np.array([solve(k) for k in range(SAMPLE)])


def bounded(instance: Instance) -> np.ndarray:
    def solve(k: int) -> float:
        index, price = np.array([k]), instance.price_per_w[k]
        found = minimize_scalar(
            lambda power: float(instance.loss(index, np.array([power]))[0] + price * power),
            bounds=(0.0, instance.max_power_w),
            method="bounded",
        )
        return found.x

    return np.array([solve(k) for k in range(SAMPLE)])


# The tables


def compare(name: str, make: Callable[[int], Instance], sizes: tuple[int, ...]) -> list[list[str]]:
    """Print how long one problem takes, and return how well the references solve it, one row for each."""
    instance = make(sizes[-1])
    references = {"interior point": interior_point, "bounded": bounded}
    timed = alternate({key: lambda f=f: f(instance) for key, f in references.items()}, seconds=0.0, at_least=1)
    rows = []
    for num_ues in sizes:
        ours = alternate({"ours": make(num_ues).solve}, seconds=0.5)["ours"].median_s
        cells = [f"{num_ues:,}", duration(ours), duration(ours / num_ues)]
        for one in timed.values():
            seconds = one.median_s / SAMPLE * num_ues
            cells += [duration(seconds), f"{seconds / ours:.3g}"]
        rows.append(cells)
    header = ["K", "ours", "per UE"]
    for key in timed:
        header += [f"{key} (scaled)", "times ours"]
    print_table(f"{name}; references measured on {SAMPLE} UEs and scaled to K", header, rows)
    return quality(name, instance, timed)


def quality(name: str, instance: Instance, timed: dict[str, Timed]) -> list[list[str]]:
    ours = instance.objective(instance.solve()[:SAMPLE])
    rows = []
    for key, one in timed.items():
        excess = instance.objective(one.results[-1]) - ours
        worse = str(np.count_nonzero(excess > WORSE))
        rows.append([name, key, str(SAMPLE), worse, f"{excess.max():.1e}", f"{max(0.0, -excess.min()):.0e}"])
    return rows


def main() -> None:
    print(machine())
    large = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
    rows = [
        *compare("optimal_power, (15) as printed", printed, large),
        *compare("optimal_power_in_field, (15) exact", in_field, large),
        *compare("optimal_power_several, N = 4, (15) exact", several, large[:5]),
    ]
    header = ["problem", "reference", "UEs", "worse off", "largest excess", "excess of ours"]
    print_table("Where the references end", header, rows)


if __name__ == "__main__":
    main()
