"""Files: what comes with the package, and how to write a file so that there is never a part of it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .errors import FedswitchError

LEAST_SPACE_BYTES = 16 * 2**20
"""Free space without which no command begins: what a run leaves is smaller."""

LFS_POINTER = b"version https://git-lfs"
"""How a file begins that stands for one which Git LFS has not fetched."""

_PACKAGE = Path(__file__).resolve().parent


def packaged(folder: str) -> Path:
    """A folder of a clone, such as "results" or "book/errata"; of an installed package, its copy in there."""
    installed = _PACKAGE / Path(folder).name
    return installed if installed.is_dir() else _PACKAGE.parent / folder


def make_folder(out: Path, advice: str = "name another with --out") -> None:
    """Make a folder for results; FedswitchError, which gives the advice, where it cannot be written to, or is full."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise FedswitchError(f"The folder {out} cannot be written to ({error.strerror}): {advice}.") from error
    check_space(out, advice)


@contextlib.contextmanager
def locked(out: Path, name: str = ".lock", advice: str = "name another with --out") -> Iterator[None]:
    """Hold the lock of a folder, which is made; the system drops it with the process however that ends.

    Raises FedswitchError, which gives the advice, as `make_folder`, and where another command holds the lock, or the
    file system knows no locks.
    """
    from filelock import FileLock, Timeout

    make_folder(out, advice)
    lock = FileLock(out / name, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise FedswitchError(
            f"Another fedswitch command is using the folder {out}: wait until it ends, or {advice}."
        ) from error
    except (NotImplementedError, OSError) as error:
        raise FedswitchError(
            f"The folder {out} cannot be locked against other commands ({error}): {advice}, on another disk."
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
            f"The folder {out} can no longer be written to ({error.strerror or error}): mend that, and give the "
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
    """Have `write` make a file, which takes the place of `path`, or of nothing yet, only when it is complete.

    Processes that write one file at once do not disturb each other: each of them makes a part of its own, which lies
    beside `path` meanwhile. Raises FedswitchError, in one sentence, where the system does not let it be written.
    """
    unfinished = path.with_name(f"{path.name}.{platform.node()}-{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for abandoned in _abandoned(path):
            abandoned.unlink(missing_ok=True)
        try:
            write(unfinished)
            return unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        advice = "free space there, or name another place" if full else "name another place"
        raise FedswitchError(f"The file {path} could not be written ({error.strerror or error}): {advice}.") from error


def write_private(path: Path, content: bytes) -> Path:
    """Write a file that only its owner may read, whole or not at all; returns `path`."""

    def write(unfinished: Path) -> None:
        unfinished.touch(mode=0o600)
        unfinished.write_bytes(content)

    return write_whole(path, write)


def reserve(descriptor: int, size: int, folder: str) -> None:
    """Give an open, empty file in `folder` that many bytes, and the space for them.

    Without the space, whoever writes through a map of the file is killed. Raises OSError where it is not there.
    """
    try:
        os.posix_fallocate(descriptor, 0, size)
    except (AttributeError, OSError) as error:
        cannot = isinstance(error, AttributeError) or error.errno in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
        if not cannot:
            raise
        # some systems, and some kinds of disks, do not know of this: look, at least
        if shutil.disk_usage(folder).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        os.truncate(descriptor, size)


def write_json(path: Path, record: Mapping[str, Any], default: Callable[[Any], str] | None = None) -> Path:
    """Write a record in the place of `path`; `default` says how what JSON does not know is written."""
    text = json.dumps(record, indent=2, default=default) + "\n"
    return write_whole(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))


def _abandoned(path: Path) -> Iterator[Path]:
    """Parts of that file whose writers were killed on this machine."""
    if os.name != "posix":  # elsewhere there is no asking whether a process lives
        return
    start = f"{path.name}.{platform.node()}-"
    for part in path.parent.iterdir():
        number = part.name.removeprefix(start).removesuffix(".part")
        if part.name == f"{start}{number}.part" and number.isdecimal():
            try:
                os.kill(int(number), 0)
            except ProcessLookupError:
                yield part
            except OSError:  # it lives, as somebody else's
                continue
