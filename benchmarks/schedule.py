"""How fast a round of the sibling is scheduled: `python benchmarks/schedule.py`.

The reference solves one prefix after the other, as Algorithm 1 of the sibling does, each by the allocation of
`fedswitch.control`. The last column is how far its delay is from ours. Below, many rounds at once.
"""

from __future__ import annotations

import numpy as np
from _timing import alternate, duration, machine, print_table

from fedswitch.control import allocate_bandwidth
from fedswitch.split import POLICIES, SplitCell, SplitScenario, decide_schedule, prefix_delays, start_queue_s

READINGS = {"corrected": SplitScenario.corrected, "cell_10db": SplitScenario.cell_10db}
SIZES = (20, 100)


def prefix_by_prefix(scenario: SplitScenario, gain: np.ndarray, price: float) -> float:
    strongest = np.sort(gain)[::-1]
    delays = [
        allocate_bandwidth(scenario.payload_bits, strongest[:n], 0.0, **scenario.band).delay_s
        for n in range(1, gain.size + 1)
    ]
    best = np.argmax(np.arange(1, gain.size + 1) - price * np.array(delays))
    return delays[best]


def one_round() -> None:
    rows = []
    for name, reading in READINGS.items():
        for size in SIZES:
            scenario = reading(num_devices=size)
            cell = SplitCell.draw(scenario, 0)
            gain, queue_s = cell.gain_w(0), start_queue_s(cell, "proposed")
            price = scenario.penalty_weight * queue_s / scenario.delay_limit_s**2

            def ours(policy: str, scenario=scenario, gain=gain, queue_s=queue_s) -> float:
                return decide_schedule(scenario, gain, queue_s, 1, policy=policy).delay_s

            contestants = {policy: lambda policy=policy, ours=ours: ours(policy) for policy in POLICIES}
            contestants["prefix by prefix"] = lambda s=scenario, g=gain, p=price: prefix_by_prefix(s, g, p)
            timed = alternate(contestants)
            base = timed["proposed"]
            for method, one in timed.items():
                compared = method in ("proposed", "prefix by prefix")
                difference = f"{one.results[-1] / base.results[-1] - 1:.0e}" if compared else ""
                ratio = f"{one.median_s / base.median_s:.3g}"
                rows.append([f"{name}, K = {size}", method, duration(one.median_s), ratio, difference])
    print_table("One round", ["cell", "method", "median", "times proposed", "difference"], rows)


def many_rounds() -> None:
    rows = []
    for name, reading in READINGS.items():
        for size in SIZES:
            scenario = reading(num_devices=size)
            gains = SplitCell.draw(scenario, 0).gains_w(200)
            timed = alternate({
                "all": lambda s=scenario, g=gains: prefix_delays(g, payload_bits=s.payload_bits, **s.band),
            })["all"]  # fmt: skip
            rows.append([f"{name}, K = {size}", duration(timed.median_s / len(gains))])
    print_table("Delays of all prefixes, 200 rounds at once", ["cell", "median, one round"], rows)


def main() -> None:
    print(machine())
    one_round()
    many_rounds()


if __name__ == "__main__":
    main()
