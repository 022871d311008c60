"""How fast bandwidth is allocated, against CVXPY with Clarabel and nested roots: `python benchmarks/bandwidth.py`.

All contestants solve the same problem: the UEs of one cell, each with its mean channel and without interference, where
the rate is a relative entropy, as CVXPY needs it. CVXPY states and solves the problem anew in every call, as the others
do; the time that Clarabel itself reports stands beside it. Nested root finding is `scipy.optimize.brentq` for every
share inside `brentq` for the common delay, or the common marginal energy. A difference is that of the delay, or of the
energy, relative to ours.
"""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Callable

import cvxpy
import numpy as np
from _timing import Timed, alternate, duration, machine, print_table
from scipy.optimize import brentq

from fedswitch import Scenario
from fedswitch.control import allocate_bandwidth, allocate_energy_optimal
from fedswitch.streams import stream
from fedswitch.wireless import Cell, path_gain, rayleigh_power_gain

PAYLOAD_BITS = 2.4e6
SCENARIO = Scenario.corrected()
POWER_W = SCENARIO.max_power_w
CELL = {"bandwidth_hz": SCENARIO.bandwidth_hz, "noise_psd_w_per_hz": SCENARIO.noise_psd_w_per_hz}
NOISE_W = SCENARIO.bandwidth_hz * SCENARIO.noise_psd_w_per_hz
UNIT_S = PAYLOAD_BITS * math.log(2) / SCENARIO.bandwidth_hz  # over share and ln(1 + SINR), an upload's delay


def mean_signal_w(num_ues: int) -> np.ndarray:
    scenario = Scenario.corrected(num_ues=num_ues)
    return POWER_W * path_gain(
        Cell.draw(scenario, seed=0).distance_m,
        path_loss_exponent=scenario.path_loss_exponent,
        reference_gain=scenario.reference_gain,
    )


# The references. Each returns the delay in s or the energy in J, and CVXPY also how long its solver took.


def cvxpy_delay(signal_w: np.ndarray) -> tuple[float, float]:
    x, rate = _cvxpy_rate(signal_w)
    pace = cvxpy.Variable()
    return _cvxpy_solve(
        cvxpy.Maximize(pace),
        [rate >= pace, cvxpy.sum(x) <= signal_w.size],
        lambda value: UNIT_S * signal_w.size / value,
    )


def cvxpy_energy(signal_w: np.ndarray) -> tuple[float, float]:
    x, rate = _cvxpy_rate(signal_w)
    need = cvxpy.sum(cvxpy.inv_pos(rate)) / signal_w.size
    return _cvxpy_solve(
        cvxpy.Minimize(need),
        [cvxpy.sum(x) <= signal_w.size],
        lambda value: POWER_W * UNIT_S * signal_w.size**2 * value,
    )


def _cvxpy_rate(signal_w: np.ndarray) -> tuple[cvxpy.Variable, cvxpy.Expression]:
    """Shares of mean 1, and x ln(1 + snr / x) in a form that is well scaled for strong and for weak signals."""
    x, snr = cvxpy.Variable(signal_w.size), signal_w.size * signal_w / NOISE_W
    strength = np.maximum(snr, 1.0)
    return x, cvxpy.multiply(np.log(strength), x) - cvxpy.rel_entr(x, cvxpy.multiply(1 / strength, x + snr))


def _cvxpy_solve(
    objective: cvxpy.Minimize | cvxpy.Maximize, constraints: list[cvxpy.Constraint], result: Callable[[float], float]
) -> tuple[float, float]:
    problem = cvxpy.Problem(objective, constraints)
    try:
        problem.solve(solver=cvxpy.CLARABEL)
    except cvxpy.SolverError:
        return math.nan, math.nan
    return result(problem.value), problem.solver_stats.solve_time


def nested_delay(signal_w: np.ndarray) -> float:
    snrs = (signal_w / NOISE_W).tolist()

    def delay_s(share: float, snr: float) -> float:
        return UNIT_S / (share * math.log1p(snr / share))

    def excess_share(delay: float) -> float:
        return sum(brentq(lambda x, snr=snr: delay_s(x, snr) - delay, 1e-12, 1.0, xtol=1e-15) for snr in snrs) - 1.0

    weakest = min(snrs)
    return brentq(excess_share, delay_s(1.0, weakest), delay_s(1.0 / len(snrs), weakest), rtol=1e-10)


def nested_energy(signal_w: np.ndarray) -> float:
    snrs = (signal_w / NOISE_W).tolist()

    def log_marginal(log_share: float, snr: float) -> float:
        share = math.exp(log_share)
        u = math.log1p(snr / share)
        return math.log(u + math.expm1(-u)) - 2.0 * (log_share + math.log(u))

    def log_shares(level: float) -> list[float]:
        return [brentq(lambda y, snr=snr: log_marginal(y, snr) - level, -40.0, 5.0, xtol=1e-12) for snr in snrs]

    levels = [log_marginal(-math.log(len(snrs)), snr) for snr in snrs]
    level = brentq(lambda z: math.fsum(map(math.exp, log_shares(z))) - 1.0, min(levels), max(levels), rtol=1e-12)
    shares = map(math.exp, log_shares(level))
    return POWER_W * math.fsum(
        UNIT_S / (share * math.log1p(snr / share)) for share, snr in zip(shares, snrs, strict=True)
    )


# The tables


def rows_against(timed: dict[str, Timed], num_ues: int) -> list[list[str]]:
    """One row for each contestant; the first is ours, to which times and results are compared."""
    ours, *_ = timed.values()
    rows = []

    def add(name: str, seconds: float, value: float) -> None:
        difference = "failed" if math.isnan(value) else f"{value / ours.results[-1] - 1:.0e}"
        rows.append([f"{num_ues:,}", name, duration(seconds), f"{seconds / ours.median_s:.3g}", difference])

    for name, one in timed.items():
        if isinstance(one.results[-1], tuple):
            values, solver_s = zip(*one.results, strict=True)
            add(name, one.median_s, values[-1])
            add("Clarabel alone", statistics.median(solver_s), values[-1])
        else:
            add(name, one.median_s, one.results[-1])
    return rows


def compare(title: str, contestants: dict[str, Callable[[np.ndarray], float | tuple[float, float]]]) -> None:
    rows = []
    for num_ues in (10, 100, 1000):
        signal_w = mean_signal_w(num_ues)
        timed = alternate({name: lambda f=f, s=signal_w: f(s) for name, f in contestants.items()}, seconds=2.0)
        rows += rows_against(timed, num_ues)
    print_table(title, ["K", "method", "median", "times ours", "difference"], rows)


def grow() -> None:
    rows = []
    for num_ues in (10, 100, 1_000, 10_000, 100_000, 1_000_000):
        rng = stream(0, "benchmark", num_ues)
        signal_w = mean_signal_w(num_ues) * rayleigh_power_gain((num_ues,), rng)
        links = PAYLOAD_BITS, signal_w, 1e-12 * rayleigh_power_gain((num_ues,), rng)
        timed = alternate(
            {
                "newton": lambda links=links: allocate_bandwidth(*links, **CELL).iterations,
                "bisection": lambda links=links: allocate_bandwidth(*links, **CELL, method="bisection").iterations,
                "energy": lambda links=links: allocate_energy_optimal(*links, POWER_W, **CELL).iterations,
            }
        )
        for name, one in timed.items():
            per_upload = f"{one.median_s / num_ues * 1e9:,.0f} ns"
            rows.append([f"{num_ues:,}", name, duration(one.median_s), per_upload, str(one.results[-1])])
    print_table(
        "Ours with Rayleigh fading and interference", ["K", "method", "median", "per upload", "iterations"], rows
    )


def main() -> None:
    warnings.filterwarnings("ignore", "Solution may be inaccurate")  # the column of differences says how inaccurate
    print(f"{machine()}, CVXPY {cvxpy.__version__}")
    compare(
        "The smallest largest delay, (16)",
        {
            "newton (ours)": lambda s: allocate_bandwidth(PAYLOAD_BITS, s, 0.0, **CELL).delay_s,
            "bisection (ours)": lambda s: allocate_bandwidth(PAYLOAD_BITS, s, 0.0, **CELL, method="bisection").delay_s,
            "CVXPY + Clarabel": cvxpy_delay,
            "nested brentq": nested_delay,
        },
    )
    compare(
        "The least energy",
        {
            "ours": lambda s: allocate_energy_optimal(PAYLOAD_BITS, s, 0.0, POWER_W, **CELL).energy_j,
            "CVXPY + Clarabel": cvxpy_energy,
            "nested brentq": nested_energy,
        },
    )
    grow()


if __name__ == "__main__":
    main()
