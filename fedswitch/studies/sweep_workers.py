"""Where the runs of a sweep are executed: in kernels on this machine, or by the workers of a Dask scheduler.

A run carries all that it needs (the text of the notebook, its parameters), and comes back as the files that it left.
So workers on other machines need no folder in common with this one, and only one process writes results.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import os
import platform
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import FedswitchError
from .notebooks import find_study, run_study


@dataclasses.dataclass(frozen=True)
class SweepRun:
    """One notebook with one set of parameters; `module` is the version of fedswitch that it is asked of."""

    run_id: str
    notebook: str
    source: str
    parameters: Mapping[str, Any]
    module: str


@dataclasses.dataclass(frozen=True)
class Performed:
    """What became of a run: the files that it left, by name, and what went wrong (empty where nothing did)."""

    run: SweepRun
    files: Mapping[str, bytes]
    failure: str
    seconds: float


Execute = Callable[[Sequence[SweepRun]], Iterator[Performed]]
"""Does runs and yields what became of each as it ends, in any order."""


CONNECTION_TIMEOUT = "20s"
"""How long a scheduler may take to answer at first."""


@functools.cache
def module_version() -> str:
    """The version of this package and a digest of its sources, as in ``0.1.0+1f2e3d4c5b6a``."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted([*package.rglob("*.py"), *package.rglob("*.yaml")]):
        digest.update(f"\n{path.relative_to(package).as_posix()}\n".encode() + path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


def perform(run: SweepRun) -> Performed:
    """Execute one run in a scratch folder; whatever goes wrong is part of the outcome, and nothing is raised."""
    if run.module != module_version():
        where = f"fedswitch {module_version()} on {platform.node()} was asked for a run of fedswitch {run.module}"
        return Performed(run, {}, f"{where}: install the same version on all machines, and restart their workers.", 0.0)
    failure = ""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        notebook, out = Path(scratch) / f"{run.notebook}.md", Path(scratch) / "out"
        notebook.write_text(run.source, encoding="utf-8")
        try:
            run_study(find_study(str(notebook)), run.parameters, out, echo=False)
        except FedswitchError as error:
            # the notebook will be kept elsewhere, perhaps on another machine
            failure = str(error).replace(f"{out}{os.sep}", "")
        except Exception as error:  # such as a kernel that was killed for its memory
            failure = f"The notebook {run.notebook} stopped with {type(error).__name__}: {error}"
        files = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    return Performed(run, files, failure, time.perf_counter() - started)


def run_here(runs: Sequence[SweepRun], *, jobs: int) -> Iterator[Performed]:
    """Do runs on this machine, `jobs` of them at once, each in a kernel of its own.

    The threads that wait for the kernels end with the process, and the kernels end when it is gone.
    """
    waiting: queue.SimpleQueue[SweepRun] = queue.SimpleQueue()
    done: queue.SimpleQueue[Performed] = queue.SimpleQueue()
    for run in runs:
        waiting.put(run)

    def work() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                done.put(perform(waiting.get_nowait()))

    for _ in range(min(jobs, len(runs))):
        threading.Thread(target=work, daemon=True).start()
    for _ in runs:
        yield done.get()


def run_on(scheduler: str, runs: Sequence[SweepRun]) -> Iterator[Performed]:
    """Do runs on the workers of the Dask scheduler at an address such as ``tcp://127.0.0.1:8786``.

    A run whose worker is lost begins anew on another. Raises FedswitchError where Dask is not installed, or where no
    scheduler answers at that address or it stops answering.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise FedswitchError(
            'A sweep by a scheduler needs Dask, here and where the workers run: pip install "fedswitch[dask]".'
        ) from error
    try:
        client = Client(scheduler, timeout=CONNECTION_TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise FedswitchError(
            f"No Dask scheduler answers at {scheduler}: start one with `dask scheduler`, which prints it."
        ) from error
    with client:
        if not client.scheduler_info()["workers"]:
            print(f"The scheduler has no workers yet: `dask worker {scheduler} --nthreads 1`.", file=sys.stderr)
        futures = {
            client.submit(perform, run, key=f"fedswitch-{run.run_id}-{run.module}", pure=True): run for run in runs
        }
        for future in as_completed(futures, loop=client.loop):
            try:
                outcome = future.result()
            except CancelledError as error:
                raise FedswitchError(
                    f"The Dask scheduler at {scheduler} is gone: start one, and give the command again."
                ) from error
            except Exception as error:  # such as a run that took several workers with it
                failure = f"The run could not be done by the workers: {type(error).__name__}: {error}"
                outcome = Performed(futures[future], {}, failure, 0.0)
            yield outcome
