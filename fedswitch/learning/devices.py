"""The devices that torch can compute on here."""

from __future__ import annotations

import torch


def device_status() -> dict[str, tuple[str, bool, str]]:
    """Device name to (what it is, whether it is here, detail)."""
    cuda = torch.cuda.is_available()
    return {
        "cpu": ("the processor", True, f"{torch.get_num_threads()} threads"),
        "cuda": (
            "a graphics processor",
            cuda,
            torch.cuda.get_device_name() if cuda else "needs an NVIDIA GPU and a torch build with CUDA",
        ),
    }
