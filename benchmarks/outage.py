"""The success probability (15) and the ergodic efficiency: ours against an adaptive quadrature.

`python benchmarks/outage.py` takes less than a minute. Where the reference is slow, it computes the first values
only, and its time is scaled to all of them.
"""

from __future__ import annotations

import numpy as np
from _timing import alternate, duration, machine, print_table
from scipy.integrate import quad, quad_vec

from fedswitch import Scenario
from fedswitch.wireless import ergodic_spectral_efficiency, success_probability

SCENARIO = Scenario.corrected()
ALPHA, PHI = SCENARIO.path_loss_exponent, SCENARIO.base_station_density_per_m2
BANDWIDTH_HZ, POWER_W = 1e7, 0.2
NOISE = BANDWIDTH_HZ * SCENARIO.noise_psd_w_per_hz / (POWER_W * SCENARIO.reference_gain)
RADIO = {
    "path_loss_exponent": ALPHA,
    "noise_psd_w_per_hz": SCENARIO.noise_psd_w_per_hz,
    "base_station_density_per_m2": PHI,
    "reference_gain": SCENARIO.reference_gain,
}
SAMPLE = {"quad": 500, "quad_vec": 10_000}
HEADER = ["values", "ours", "reference", "time", "ratio", "largest relative difference"]


def links(count):
    rng = np.random.default_rng(0)
    return np.sqrt(rng.uniform(5.0**2, 103.0**2, count)), 10.0 ** rng.uniform(-1.5, 1.5, count)


def field(x, c):
    """The integrand of J."""
    return -np.expm1(-c * x) / (1 + x ** (ALPHA / 2))


def success_by_quad(distance_m, threshold):
    def one(d, theta):
        s = np.pi * PHI * d**2 * theta ** (2 / ALPHA)
        inner = sum(quad(field, *ends, args=(2.4 * s,), epsabs=0, epsrel=1e-10)[0] for ends in ((0, 1), (1, np.inf)))
        return np.exp(-theta * NOISE * d**ALPHA - s * inner)

    return np.array([one(d, theta) for d, theta in zip(distance_m, threshold, strict=True)])


def success_by_quad_vec(distance_m, threshold):
    s = np.pi * PHI * distance_m**2 * threshold ** (2 / ALPHA)
    pieces = [quad_vec(field, *ends, args=(2.4 * s,), epsrel=1e-10, norm="max")[0] for ends in ((0, 1), (1, np.inf))]
    return np.exp(-threshold * NOISE * distance_m**ALPHA - s * sum(pieces))


def efficiency_by_quad(distance_m):
    """One quadrature per value, over success probabilities that are ours: a quadrature of quadratures takes forever."""

    def one(d):
        def tail(y):
            theta = np.exp(y)
            return success_probability(d, POWER_W, BANDWIDTH_HZ, theta, **RADIO) * theta / (1 + theta)

        return sum(quad(tail, a, a + 15, epsabs=0, epsrel=1e-10)[0] for a in (-30.0, -15.0, 0.0, 15.0)) / np.log(2)

    return np.array([one(d) for d in distance_m])


def row(count, name, limit, ours, reference):
    """Time `ours` on all and `reference` on the first `limit` values; each returns its values."""
    sample = min(count, limit)
    timed = alternate({"ours": lambda: ours(count), "reference": lambda: reference(sample)}, seconds=0.2)
    seconds = timed["reference"].median_s * count / sample
    values, expected = timed["ours"].results[0][:sample], timed["reference"].results[0]
    return [
        f"{count:,}",
        duration(timed["ours"].median_s),
        name,
        duration(seconds) + (" (scaled)" if sample < count else ""),
        f"{seconds / timed['ours'].median_s:.0f}",
        f"{np.abs(values / expected - 1).max():.1e}",
    ]


def main():
    distance_m, threshold = links(100_000)

    def success(count):
        return success_probability(distance_m[:count], POWER_W, BANDWIDTH_HZ, threshold[:count], **RADIO)

    def efficiency(count):
        return ergodic_spectral_efficiency(distance_m[:count], POWER_W, BANDWIDTH_HZ, **RADIO)

    references = {"quad": success_by_quad, "quad_vec": success_by_quad_vec}
    counts = (100, 1000, 10_000, 100_000)
    print(machine())
    print_table(
        "Success probability (15), corrected form, against a quadrature of its integral",
        HEADER,
        [
            row(n, name, SAMPLE[name], success, lambda m, by=by: by(distance_m[:m], threshold[:m]))
            for n in counts
            for name, by in references.items()
        ],
    )
    print_table(
        "Ergodic spectral efficiency, against a quadrature of our success probability",
        HEADER,
        [row(n, "quad", 20, efficiency, lambda m: efficiency_by_quad(distance_m[:m])) for n in counts],
    )


if __name__ == "__main__":
    main()
