"""Checkpoints: everything that a run carries from one round to the next, in one file that is replaced atomically.

Random generators are not in it: they are keyed by round (`fedswitch.streams`).
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import FedswitchError
from .modules import LoraModules

FORMAT = 1
"""Raised whenever a checkpoint of an older version could no longer be continued to the same result."""


def save(
    path: Path,
    settings: dict[str, Any],
    modules: LoraModules,
    optimizers: list[torch.optim.Optimizer],
    log: dict[str, list[Any]],
) -> None:
    """Write the state of a run to `path`; what was there stays until the new file is complete.

    Raises FedswitchError, in one sentence, where it cannot be written.
    """
    state = {
        "format": FORMAT,
        "settings": json.dumps(settings, sort_keys=True),
        "modules": modules.state(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        "rows": log["rows"],
        "subscribed": torch.from_numpy(np.stack(log["subscribed"])),
        "received": torch.from_numpy(np.stack(log["received"])),
    }
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, unfinished)
        unfinished.replace(path)
    except (OSError, RuntimeError) as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise FedswitchError(
            f"The checkpoint {path} could not be written ({error}): free space or name another."
        ) from error


def load(
    path: Path, settings: dict[str, Any], modules: LoraModules, optimizers: list[torch.optim.Optimizer]
) -> dict[str, list[Any]]:
    """Put modules and optimizers back to the state saved in `path`, and return the log of the rounds done.

    Raises FedswitchError, in one sentence, for a file that cannot be read or belongs to another run or version.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise FedswitchError(f"The checkpoint {path} cannot be read ({type(error).__name__}): delete it.") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise FedswitchError(f"The checkpoint {path} was written by another version of fedswitch: delete it.")
    saved = json.loads(state["settings"])
    differing = [key for key, value in json.loads(json.dumps(settings)).items() if saved.get(key) != value]
    if differing:
        raise FedswitchError(
            f"The checkpoint {path} belongs to another run (it differs in: {', '.join(differing)}): "
            "delete it or name another."
        )
    modules.load_state(state["modules"])
    for optimizer, saved_state in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved_state)
    return {
        "rows": state["rows"],
        "subscribed": list(state["subscribed"].numpy()),
        "received": list(state["received"].numpy()),
    }
