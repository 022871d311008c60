"""How fast the bounds are held to gradient descent, and how tight they are: `python benchmarks/descent.py`.

All eight problems of `fedswitch.theory.trials` with K = 8 UEs, N = 4 modules, 100 rounds: `RUNS` runs at once, and a
plain loop over runs, modules and UEs, measured on the first rounds of one run and scaled. The table of tightness has
each bound over the measured risk gap after the last round, and how many of the 400 module-rounds exceed a bound by more
than three standard errors.
"""

from __future__ import annotations

import numpy as np
from _timing import alternate, duration, machine, print_table

from fedswitch.streams import stream
from fedswitch.theory.trials import Trial, bounds, measure, trials

RUNS = 2000
ROUNDS_OF_THE_LOOP = 5
BOUNDS = {
    "printed": "Theorem 1",
    "without_k": "steps without K",
    "corrected": "Theorem 1'",
    "sharp": "1''",
    "bias_and_noise": "1'''",
}


def loop(trial: Trial) -> np.ndarray:
    """A few rounds of one run, as (1) is written."""
    problem, rng = trial.problem, stream(0, "loop")
    rounds, modules, ues = trial.subscription.shape
    w = np.tile(trial.start, (modules, 1))
    gaps = np.empty((ROUNDS_OF_THE_LOOP, modules))
    for t in range(min(rounds, ROUNDS_OF_THE_LOOP)):
        for n in range(modules):
            gradients, total, step, full = problem.ue_gradients(w[n]), 0.0, 0.0, 0.0
            for k in range(ues):
                full = full + problem.weights[k] * gradients[k]
                if rng.random() < trial.subscription[t, n, k] * trial.success[n, k]:
                    total += problem.weights[k]
                    step = step + problem.weights[k] * gradients[k]
            if total > 0:
                w[n] = w[n] - step / total / problem.smoothness
            gaps[t, n] = problem.gap(w[n])
    return gaps


def main() -> None:
    print(machine())
    speed, tightness = [], []
    for trial in trials():
        rounds = trial.subscription.shape[0]
        timed = alternate(
            {"ours": lambda trial=trial: measure(trial, runs=RUNS), "loop": lambda trial=trial: loop(trial)},
            at_least=1, at_most=3,
        )  # fmt: skip
        looped = timed["loop"].median_s * RUNS * rounds / ROUNDS_OF_THE_LOOP
        ours = timed["ours"].median_s
        speed.append([trial.name, duration(ours), duration(looped), f"{looped / ours:.0f}"])
        measured, above = timed["ours"].results[0], bounds(trial)
        cells = []
        for name in BOUNDS:
            bound = getattr(above, name)
            exceeded = int((measured.gap > bound + 3.0 * measured.gap_error + 1e-12).sum())
            cells.append(f"{(bound[-1] / measured.gap[-1]).mean():.3g} ({exceeded})")
        tightness.append([trial.name, f"{measured.gap[-1].mean():.3g}", *cells])
    print_table(
        f"{RUNS} runs of 100 rounds, K = 8, N = 4; the loop is scaled from {ROUNDS_OF_THE_LOOP} rounds of one run",
        ("problem", "vectorized", "loop", "ratio"),
        speed,
    )
    print_table(
        "bound over measured gap after 100 rounds (module-rounds of 400 that exceed it)",
        ("problem", "gap", *BOUNDS.values()),
        tightness,
    )


if __name__ == "__main__":
    main()
