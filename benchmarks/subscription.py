"""How fast (12) is solved, and its proximal form, against general solvers: `python benchmarks/subscription.py`.

A linear program by SciPy's `linprog` (HiGHS), and the projection by CVXPY with Clarabel. Each is asked in two ways: for
one UE at a time, and for all UEs in one problem, which is block diagonal. Both state the problem anew in every call.
For more UEs than `LIMITS` they solve for so many, and their time is scaled. A difference is the largest among the UEs':
of the objective, relative to the largest cost of a module, or of an entry of the projection.
"""

from __future__ import annotations

from collections.abc import Callable

import cvxpy
import numpy as np
from _timing import alternate, duration, machine, print_table
from scipy.optimize import linprog
from scipy.sparse import eye_array, kron

from fedswitch.control import project_capped_simplex, subscribe
from fedswitch.streams import stream

NUM_MODULES, LIMIT = 4, 1
SIZES = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
LIMITS = {
    "linprog, one UE at a time": 200,
    "linprog, all UEs": 10_000,
    "CVXPY + Clarabel, one UE at a time": 50,
    "CVXPY + Clarabel, all UEs": 10_000,
}


def objective(cost: np.ndarray, subscription: np.ndarray) -> np.ndarray:
    """The objective of (12) for every UE, over the largest cost."""
    return (cost * subscription).sum(axis=1) / np.abs(cost).max()


# The references, for costs or points of shape (K, N)


def linprog_each(cost: np.ndarray, limit: int) -> np.ndarray:
    ones = np.ones((1, cost.shape[1]))
    return np.array([linprog(row, A_ub=ones, b_ub=[limit], bounds=(0.0, 1.0), method="highs").x for row in cost])


def linprog_all(cost: np.ndarray) -> np.ndarray:
    sums = kron(eye_array(len(cost)), np.ones((1, NUM_MODULES)), format="csr")
    found = linprog(cost.ravel(), A_ub=sums, b_ub=np.full(len(cost), LIMIT), bounds=(0.0, 1.0), method="highs")
    return found.x.reshape(cost.shape)


def cvxpy_each(point: np.ndarray) -> np.ndarray:
    return np.concatenate([cvxpy_all(row[np.newaxis]) for row in point])


def cvxpy_all(point: np.ndarray) -> np.ndarray:
    x = cvxpy.Variable(point.shape)
    constraints = [x >= 0, x <= 1, cvxpy.sum(x, axis=1) <= LIMIT]
    cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(x - point)), constraints).solve(solver=cvxpy.CLARABEL)
    return x.value


# The tables


def compare(
    title: str,
    draw: Callable[[int], tuple[np.ndarray, ...]],
    ours: Callable[..., np.ndarray],
    references: dict[str, Callable[..., np.ndarray]],
    difference: Callable[[tuple[np.ndarray, ...], np.ndarray, np.ndarray], float],
) -> None:
    """Time `ours` on all UEs and the references on the first ones; all are called with what `draw` returns."""
    rows = []
    for num_ues in SIZES:
        given = draw(num_ues)
        own = alternate({"ours": lambda given=given: ours(*given)}, seconds=0.3)["ours"]
        for name, reference in references.items():
            sample = min(num_ues, LIMITS[name])
            first = tuple(array[:sample] for array in given)
            one = alternate({name: lambda f=reference, first=first: f(*first)}, seconds=0.0, at_least=1)[name]
            seconds = one.median_s * num_ues / sample
            rows.append(
                [
                    f"{num_ues:,}",
                    name,
                    duration(own.median_s),
                    duration(own.median_s / num_ues),
                    duration(seconds) + (" (scaled)" if sample < num_ues else ""),
                    f"{seconds / own.median_s:.3g}",
                    f"{difference(first, own.results[-1][:sample], one.results[-1]):.0e}",
                ]
            )
    print_table(title, ["K", "reference", "ours", "per UE", "time", "times ours", "difference"], rows)


def gradients(num_ues: int) -> tuple[np.ndarray, np.ndarray]:
    rng = stream(0, "benchmark", num_ues)
    return rng.normal(size=(num_ues, NUM_MODULES)), rng.exponential(size=(num_ues, NUM_MODULES))


def points(num_ues: int) -> tuple[np.ndarray]:
    return (stream(0, "benchmark", num_ues).normal(scale=2.0, size=(num_ues, NUM_MODULES)),)


def main() -> None:
    print(f"{machine()}, CVXPY {cvxpy.__version__}")
    compare(
        f"(12), N = {NUM_MODULES}, s = {LIMIT}: subscribe",
        gradients,
        lambda gradient, dual: subscribe(gradient, dual, LIMIT),
        {
            "linprog, one UE at a time": lambda gradient, dual: linprog_each(gradient - dual, LIMIT),
            "linprog, all UEs": lambda gradient, dual: linprog_all(gradient - dual),
        },
        lambda given, own, other: np.abs(
            objective(given[0] - given[1], own) - objective(given[0] - given[1], other)
        ).max(),
    )
    compare(
        f"The projection behind its proximal form, N = {NUM_MODULES}, s = {LIMIT}: project_capped_simplex",
        points,
        lambda point: project_capped_simplex(point, LIMIT),
        {"CVXPY + Clarabel, one UE at a time": cvxpy_each, "CVXPY + Clarabel, all UEs": cvxpy_all},
        lambda given, own, other: np.abs(own - other).max(),
    )


if __name__ == "__main__":
    main()
