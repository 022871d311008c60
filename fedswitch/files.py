"""Files: what comes with the package, and how to write a file so that there is never a part of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .errors import FedswitchError

_PACKAGE = Path(__file__).resolve().parent


def packaged(folder: str) -> Path:
    """A folder of a clone, such as "results" or "book/errata"; of an installed package, its copy in there."""
    installed = _PACKAGE / Path(folder).name
    return installed if installed.is_dir() else _PACKAGE.parent / folder


def make_folder(out: Path) -> None:
    """Make a folder for results; FedswitchError where it cannot be written to."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise FedswitchError(
            f"The folder {out} cannot be written to ({error.strerror}): name another with --out."
        ) from error


def write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    """Have `write` make a file, which takes the place of `path`, or of nothing yet, only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.part")
    try:
        write(unfinished)
        return unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_json(path: Path, record: Mapping[str, Any], default: Callable[[Any], str] | None = None) -> Path:
    """Write a record in the place of `path`; `default` says how what JSON does not know is written."""
    text = json.dumps(record, indent=2, default=default) + "\n"
    return write_whole(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))
