"""Checkpoints: everything that a run carries from one round to the next, in one file that is replaced atomically.

Random generators are not in it: they are keyed by round (`fedswitch.streams`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import FedswitchError
from ..files import write_whole
from .federation import Federation
from .history import Log
from .schemes import Scheme

FORMAT = 3
"""Raised whenever a checkpoint of an older version could no longer be continued to the same result."""


def save(path: Path, settings: dict[str, Any], run: Federation, scheme: Scheme, log: Log) -> None:
    """Write the state of a run to `path`, as `write` does."""
    state = {
        "modules": run.modules.state(),
        "optimizers": [optimizer.state_dict() for optimizer in run.optimizers],
        "learner": run.learner.state(),
        "scheme": scheme.state(),
        "log": {name: value for name, value in vars(log).items() if name != "labels"},
    }
    write(path, settings, state)


def load(path: Path, settings: dict[str, Any], run: Federation, scheme: Scheme, log: Log) -> None:
    """Put a run that has just been started into the state saved in `path`, which `read` reads."""
    state = read(path, settings)
    run.modules.load_state(state["modules"])
    for optimizer, saved_state in zip(run.optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved_state)
    run.learner.restore(to_arrays(state["learner"]))
    scheme.restore(to_arrays(state["scheme"]))
    vars(log).update(to_arrays(state["log"]))


def write(path: Path, settings: dict[str, Any], state: Mapping[str, Any]) -> None:
    """Write the state of a run of any kind to `path`; what was there stays until the new file is complete.

    `settings` say which run it is, its scenario's fields under "scenario"; `state` holds numbers, texts, arrays,
    tensors, and lists and dictionaries of these. Raises FedswitchError, in one sentence, where it cannot be written.
    """
    whole = {
        "format": FORMAT,
        "version": version("fedswitch"),
        "settings": _to_json(settings),
        **{name: _to_tensors(part) for name, part in state.items()},
    }
    try:
        write_whole(path, lambda unfinished: torch.save(whole, unfinished))
    except (OSError, RuntimeError) as error:
        raise FedswitchError(
            f"The checkpoint {path} could not be written ({error}): free space or name another."
        ) from error


def read(path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """What `write` has put into `path`, with tensors in place of arrays (`to_arrays` turns them back).

    Raises FedswitchError, in one sentence, for a file that cannot be read or belongs to another run or version.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise FedswitchError(
            f"{path} cannot be read as a checkpoint ({type(error).__name__}): name another file, or delete it if it "
            "was one."
        ) from error
    if not isinstance(state, dict) or "format" not in state:
        raise FedswitchError(f"{path} is no checkpoint of fedswitch: name another file.")
    if state["format"] != FORMAT or state.get("version") != version("fedswitch"):
        raise FedswitchError(f"The checkpoint {path} was written by another version of fedswitch: delete it.")
    saved, now = _flat(json.loads(state["settings"])), _flat(json.loads(_to_json(settings)))
    differing = [key for key, value in now.items() if saved.get(key) != value]
    if differing:
        raise FedswitchError(
            f"The checkpoint {path} belongs to another run (it differs in: {', '.join(differing)}): "
            "delete it or name another."
        )
    return state


def _to_json(settings: dict[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True, default=np.generic.item)  # a seed may be a number of NumPy's


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with the scenario's fields beside the others."""
    fields = {f"scenario.{name}": value for name, value in settings["scenario"].items()}
    return {name: value for name, value in settings.items() if name != "scenario"} | fields


def _to_tensors(value: Any) -> Any:
    """Arrays in nested dictionaries and lists as tensors, and NumPy's numbers as Python's: saved without pickling."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, dict):
        return {name: _to_tensors(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_tensors(item) for item in value]
    if value is None or isinstance(value, (torch.Tensor, bool, int, float, str)):
        return value
    raise FedswitchError(
        f"A {type(value).__name__} cannot be kept in a checkpoint: let state() of the scheme return numbers, texts, "
        "arrays, and lists and dictionaries of these."
    )


def to_arrays(value: Any) -> Any:
    """What `_to_tensors` was given."""
    if isinstance(value, torch.Tensor):
        return value.numpy()
    if isinstance(value, dict):
        return {name: to_arrays(item) for name, item in value.items()}
    return [to_arrays(item) for item in value] if isinstance(value, list) else value
