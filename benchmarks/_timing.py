"""What all benchmarks share: contestants that take turns, medians, a plain table, and the machine that it was."""

from __future__ import annotations

import dataclasses
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
import scipy


@dataclasses.dataclass(frozen=True)
class Timed:
    """The median time in s of a contestant, and what its timed calls returned."""

    median_s: float
    results: list[Any]


def alternate(
    contestants: Mapping[str, Callable[[], Any]], *, seconds: float = 1.0, at_least: int = 3, at_most: int = 200
) -> dict[str, Timed]:
    """Time contestants that take turns, so that whatever else slows the machine slows all of them alike.

    After one untimed call of each, all are called once a round: `at_least` rounds, and more while the rounds have taken
    fewer than `seconds` together, up to `at_most`.
    """
    for contestant in contestants.values():
        contestant()
    results: dict[str, list[Any]] = {name: [] for name in contestants}
    times: dict[str, list[float]] = {name: [] for name in contestants}
    begin = time.perf_counter()
    for turn in range(at_most):
        if turn >= at_least and time.perf_counter() - begin > seconds:
            break
        for name, contestant in contestants.items():
            start = time.perf_counter()
            result = contestant()
            times[name].append(time.perf_counter() - start)
            results[name].append(result)
    return {name: Timed(statistics.median(times[name]), results[name]) for name in contestants}


def duration(seconds: float) -> str:
    """Write seconds with three digits and a fitting unit."""
    unit, scale = next(((u, f) for u, f in (("s", 1.0), ("ms", 1e3)) if seconds * f >= 1.0), ("us", 1e6))
    return f"{seconds * scale:.3g} {unit}"


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print cells as text, the first column flush left and the others flush right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    print(f"\n{title}")
    for row in (header, ["-" * width for width in widths], *rows):
        first, *others = row
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        print("  ".join(cells).rstrip())


def machine() -> str:
    """Name the processor, its cores, and the versions of what computes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{cores} cores, {_processor()}; Python {platform.python_version()}, NumPy {numpy.__version__}, "
        f"SciPy {scipy.__version__}"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
