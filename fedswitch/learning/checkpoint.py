"""Checkpoints: everything that a run carries from one round to the next, in one file that is replaced atomically.

Random generators are not in it: they are keyed by round (`fedswitch.streams`).
"""

from __future__ import annotations

import hashlib
import json
import zipfile
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

FORMAT = 4
"""Raised whenever a checkpoint of an older version could no longer be continued to the same result."""

PARTS = frozenset({"settings", "data", "modules", "optimizers", "learner", "scheme", "log"})
"""What a checkpoint holds beside its format and version."""


def save(path: Path, settings: dict[str, Any], run: Federation, scheme: Scheme, log: Log) -> None:
    """Write the state of a run to `path`; what was there stays until the new file is complete.

    Raises FedswitchError, in one sentence, where it cannot be written.
    """

    def write(unfinished: Path) -> None:
        with unfinished.open("wb") as file:  # torch itself does not know every path that a system allows
            try:
                torch.save(state, file)
            except RuntimeError as error:  # torch's words at the end of a file that could not be written
                if isinstance(error.__context__, OSError):
                    raise error.__context__ from None
                raise

    state = {
        "format": FORMAT,
        "version": version("fedswitch"),
        "settings": _to_json(settings),
        "data": _content(run),
        "modules": run.modules.state(),
        "optimizers": [_to_tensors(optimizer.state_dict()) for optimizer in run.optimizers],
        "learner": _to_tensors(run.learner.state()),
        "scheme": _to_tensors(scheme.state()),
        "log": _to_tensors({name: value for name, value in vars(log).items() if name != "labels"}),
    }
    write_whole(path, write)


def load(path: Path, settings: dict[str, Any], run: Federation, scheme: Scheme, log: Log) -> None:
    """Put a run that has just been started into the state saved in `path`.

    Raises FedswitchError, in one sentence, for a file that cannot be read or belongs to another run or version.
    """
    try:
        with path.open("rb") as file:
            if (damaged := zipfile.ZipFile(file).testzip()) is not None:  # torch does not look
                raise zipfile.BadZipFile(damaged)
            file.seek(0)
            state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise FedswitchError(
            f"{path} cannot be read as a checkpoint ({type(error).__name__}): name another file, or delete it if it "
            "was one."
        ) from error
    if not isinstance(state, dict) or "format" not in state:
        raise FedswitchError(f"{path} is no checkpoint of fedswitch: name another file.")
    if state["format"] != FORMAT or state.get("version") != version("fedswitch"):
        raise FedswitchError(f"The checkpoint {path} was written by another version of fedswitch: delete it.")
    if not state.keys() >= PARTS:
        raise FedswitchError(f"The checkpoint {path} lacks {', '.join(sorted(PARTS - state.keys()))}: delete it.")
    saved, now = _flat(json.loads(state["settings"])), _flat(json.loads(_to_json(settings)))
    # data are known by their content, wherever they come from
    differing = [key for key, value in now.items() if saved.get(key) != value and key != "task_source"]
    if not differing and state["data"] != _content(run):
        differing = ["the data"]
    if differing:
        raise FedswitchError(
            f"The checkpoint {path} belongs to another run (it differs in: {', '.join(differing)}): "
            "delete it or name another."
        )
    run.modules.load_state(state["modules"])
    for optimizer, saved_state in zip(run.optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved_state)
    run.learner.restore(_to_arrays(state["learner"]))
    scheme.restore(_to_arrays(state["scheme"]))
    vars(log).update(_to_arrays(state["log"]))


def _content(run: Federation) -> str:
    """A digest of all that a run learns from and is tested on: tokens, labels, and which UE holds what."""
    digest = hashlib.sha256()
    samples = run.learner.samples, run.tester.samples
    arrays = [getattr(one.tokens, name) for one in samples for name in ("ids", "segments", "offsets")]
    arrays += [one.labels.cpu().numpy() for one in samples]
    for array in (*arrays, *run.ue_indices, run.ue_test_indices):
        digest.update(f"{array.dtype} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


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


def _to_arrays(value: Any) -> Any:
    """What `_to_tensors` was given."""
    if isinstance(value, torch.Tensor):
        return value.numpy()
    if isinstance(value, dict):
        return {name: _to_arrays(item) for name, item in value.items()}
    return [_to_arrays(item) for item in value] if isinstance(value, list) else value
