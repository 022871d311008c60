"""Files: what comes with the package, and how to write a file so that there is never a part of it."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .errors import FedswitchError

LEAST_SPACE_BYTES = 16 * 2**20
"""Free space without which no command begins: what a run leaves is smaller."""

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


@contextlib.contextmanager
def locked(out: Path, name: str = ".lock") -> Iterator[None]:
    """Hold the lock of a folder that `make_folder` has made; the system drops it with the process however that ends.

    Raises FedswitchError where another command holds it, or where the file system knows no locks.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(out / name, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise FedswitchError(
            f"Another fedswitch is at work in the folder {out}: wait for it to end, or name another with --out."
        ) from error
    except (NotImplementedError, OSError) as error:
        raise FedswitchError(
            f"The folder {out} cannot be locked against other commands ({error}): name one on another disk with --out."
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def writing_to(out: Path) -> Iterator[None]:
    """Say in one sentence, as FedswitchError, that a folder can no longer be written to, such as a full disk."""
    try:
        yield
    except OSError as error:
        raise FedswitchError(
            f"The folder {out} cannot be written to any more ({error.strerror or error}): mend that, and give the "
            "command again."
        ) from error


def check_space(folder: Path, how: str, needed_bytes: int = LEAST_SPACE_BYTES) -> None:
    """FedswitchError unless the disk of a folder has so much space left; `how` says how another folder is named."""
    disk = shutil.disk_usage(folder)
    if disk.total and disk.free < needed_bytes:  # some file systems tell nothing: 0 of 0
        raise FedswitchError(
            f"The disk of the folder {folder} has {disk.free / 2**20:.0f} MiB left, and {needed_bytes / 2**20:.0f} MiB "
            f"are needed: free some space, or {how}."
        )


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
