"""Checkpoints: everything that a run carries from one round to the next, in one file that is replaced atomically.

Random generators are not in it: they are keyed by round (`fedswitch.streams`).
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Set
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import FedswitchError
from ..files import write_whole
from .engine import Feed
from .federation import Federation
from .history import Log
from .schemes import Scheme

Numbers = NDArray[Any]

FORMAT = 4
"""Raised whenever a checkpoint of an older version could no longer be continued to the same result."""

PARTS = frozenset({"modules", "optimizers", "learner", "scheme", "log"})
"""What a checkpoint of `simulate` holds beside its format, version, settings and data."""


def save(path: Path, settings: dict[str, Any], run: Federation, scheme: Scheme, log: Log) -> None:
    """Write the state of a run to `path`, as `write` does."""
    state = {
        "modules": run.modules.state(),
        "optimizers": [optimizer.state_dict() for optimizer in run.optimizers],
        "learner": run.ues.state(),
        "scheme": scheme.state(),
        "log": {name: value for name, value in vars(log).items() if name != "labels"},
    }
    write(path, settings, _data(run), state)


def load(path: Path, settings: dict[str, Any], run: Federation, scheme: Scheme, log: Log) -> None:
    """Put a run that has just been started into the state saved in `path`, which `read` reads."""
    state = read(path, settings, _data(run), PARTS)
    run.modules.load_state(state["modules"])
    for optimizer, saved_state in zip(run.optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved_state)
    run.ues.restore(to_arrays(state["learner"]))
    scheme.restore(to_arrays(state["scheme"]))
    vars(log).update(to_arrays(state["log"]))


def write(path: Path, settings: dict[str, Any], data: Iterable[Numbers], state: Mapping[str, Any]) -> None:
    """Write the state of a run of any kind to `path`; what was there stays until the new file is complete.

    `settings` say which run it is, its scenario's fields under "scenario", and `data` are what it learns from and is
    tested on, of which the file keeps a digest. `state` holds numbers, texts, arrays, tensors, and lists and
    dictionaries of these. Raises FedswitchError, in one sentence, where it cannot be written.
    """
    whole = {
        "format": FORMAT,
        "version": version("fedswitch"),
        "settings": _to_json(settings),
        "data": _digest(data),
        **{name: _to_tensors(part) for name, part in state.items()},
    }

    def save_to(unfinished: Path) -> None:
        with unfinished.open("wb") as file:  # torch itself does not know every path that a system allows
            try:
                torch.save(whole, file)
            except RuntimeError as error:  # torch's words at the end of a file that could not be written
                if isinstance(error.__context__, OSError):
                    raise error.__context__ from None
                raise

    write_whole(path, save_to)


def read(path: Path, settings: dict[str, Any], data: Iterable[Numbers], parts: Set[str]) -> dict[str, Any]:
    """What `write` has put into `path`, with tensors in place of arrays (`to_arrays` turns them back).

    `parts` are the names in the state. Raises FedswitchError, in one sentence, for a file that cannot be read, lacks
    one of them, or belongs to another run, data or version.
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
    saved, now = _flat(json.loads(state.get("settings", "{}"))), _flat(json.loads(_to_json(settings)))
    # data are known by their content, wherever they come from
    differing = [key for key in now | saved if saved.get(key) != now.get(key) and key != "task_source"]
    lost = sorted(({"settings", "data"} | parts) - state.keys())
    if lost and (not saved or not differing):
        raise FedswitchError(f"The checkpoint {path} lacks {', '.join(lost)}: delete it.")
    if not differing and state["data"] != _digest(data):
        differing = ["the data"]
    if differing:
        raise FedswitchError(
            f"The checkpoint {path} belongs to another run (it differs in: {', '.join(differing)}): "
            "delete it or name another."
        )
    return state


def content(feeds: Iterable[Feed], held: Iterable[Numbers]) -> Iterator[Numbers]:
    """All that a run learns from and is tested on: tokens, labels, and which samples are `held` by whom."""
    samples = [feed.samples for feed in feeds]
    for one in samples:
        yield from one.tokens.content
    yield from (one.labels.cpu().numpy() for one in samples)
    yield from held


def _data(run: Federation) -> Iterator[Numbers]:
    feeds, held = run.ues.data()
    yield from content((*feeds, run.tester), (*held, run.ue_test_indices))


def _digest(data: Iterable[Numbers]) -> str:
    digest = hashlib.sha256()
    for array in data:
        digest.update(f"{array.dtype} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _to_json(settings: dict[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True, default=np.generic.item)  # a seed may be a number of NumPy's


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with the scenario's fields beside the others."""
    fields = {f"scenario.{name}": value for name, value in settings.get("scenario", {}).items()}
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
