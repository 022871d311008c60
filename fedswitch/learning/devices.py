"""The devices that torch can compute on here, and what they are good for."""

from __future__ import annotations

import statistics
import time

import torch

from .workers import num_workers

WORTHWHILE = 1.3
"""How many times as fast matrix products have to be in bfloat16 for a round to gain, which does more than these."""


def device_status() -> dict[str, tuple[str, bool, str]]:
    """Device name to (what it is, whether it is here, detail)."""
    cuda = torch.cuda.is_available()
    gain = bfloat16_gain()
    advice = 'precision="bfloat16" makes rounds faster' if gain > WORTHWHILE else 'precision="float32" is as fast'
    return {
        "cpu": ("the processor", True, f"{num_workers()} micro-batches at once, a core each"),
        "bfloat16": (
            "fast matrix products in bfloat16 on the processor",
            gain > WORTHWHILE,
            f"{gain:.1f} times as fast as in float32: {advice}",
        ),
        "cuda": (
            "a graphics processor",
            cuda,
            device_name("cuda") if cuda else "needs an NVIDIA GPU and a torch build with CUDA",
        ),
    }


def device_name(device: torch.device | str) -> str:
    """What computes: "cpu", or the model of a GPU."""
    kind = torch.device(device).type
    return torch.cuda.get_device_name(device) if kind == "cuda" else kind


def bfloat16_gain(turns: int = 15) -> float:
    """How many times as fast as in float32 this processor multiplies matrices in bfloat16, as large as ours are.

    By the medians of both, which take turns, in less than a second.
    """
    seconds: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    for _ in range(turns):
        for dtype, times in seconds.items():
            tokens, weights = torch.ones(1024, 384, dtype=dtype), torch.ones(1536, 384, dtype=dtype)
            started = time.perf_counter()
            torch.nn.functional.linear(tokens, weights)
            times.append(time.perf_counter() - started)
    return statistics.median(seconds[torch.float32]) / statistics.median(seconds[torch.bfloat16])
