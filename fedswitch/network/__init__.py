"""The same schemes over a real network: UEs on nodes that hold their data, and a gNB (Flower; the extra `network`)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .loopback import federate
    from .notes import read_history
    from .replayed import replay
    from .shards import deal

__all__ = ["deal", "federate", "read_history", "replay"]

# imported on use: a client app starts for every message, and has no time for torch
_HOMES = {"deal": "shards", "federate": "loopback", "read_history": "notes", "replay": "replayed"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
