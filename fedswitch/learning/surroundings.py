"""Torch's switches and random numbers belong to whoever calls us: ours neither depend on them nor change them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_DRAWING = frozenset(
    {"uniform_", "normal_", "trunc_normal_", "orthogonal_", "sparse_", "randn", "rand"}
    | {"xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_"}
)
"""What draws where weights begin: functions of torch and `torch.nn.init`, and methods of tensors."""


@contextlib.contextmanager
def own_switches() -> Iterator[None]:
    """Gradients on, inference mode and autocast off, new tensors on the CPU, in this thread, whatever the caller chose.

    The default type is one for all threads, and so cannot be set here: what we make names its own.
    """
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast("cpu", enabled=False),
        torch.autocast("cuda", enabled=False),
        torch.device("cpu"),
    ):
        yield


class OwnRandom(TorchFunctionMode):
    """Within it, weights start from a generator of this seed, in this thread; torch's global one is left alone."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._generator = torch.Generator(device="cpu").manual_seed(seed)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Give the function our generator, where it draws."""
        own = {"generator": self._generator} if getattr(func, "__name__", "") in _DRAWING else {}
        return func(*args, **{**(kwargs or {}), **own})
