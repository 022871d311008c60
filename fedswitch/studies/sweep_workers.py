"""Where the runs of a sweep are executed: in kernels on this machine, or by the workers of a Dask scheduler.

A run carries all that it needs (the text of the notebook, its parameters), and comes back as the files that it left.
So workers on other machines need no folder in common with this one, and only one process writes results.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import logging
import os
import platform
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import FedswitchError
from .notebooks import Study, find_study, run_study
from .records import versions


@dataclasses.dataclass(frozen=True)
class SweepRun:
    """One notebook with one set of parameters.

    `module` is the version of fedswitch that it is asked of, and `data` the digest of the files that it is asked to
    read (`data_digest`), empty where the machine that asks has none.
    """

    run_id: str
    notebook: str
    source: str
    parameters: Mapping[str, Any]
    module: str
    data: str = ""


@dataclasses.dataclass(frozen=True)
class Performed:
    """What became of a run: the files that it left, by name, and what went wrong (empty where nothing did).

    `made` says what decided its numbers beside parameters and module: the digest of its data, and versions of packages.
    """

    run: SweepRun
    files: Mapping[str, bytes]
    failure: str
    seconds: float
    made: Mapping[str, str] = dataclasses.field(default_factory=dict)


Execute = Callable[[Sequence[SweepRun]], Iterator[Performed]]
"""Does runs and yields what became of each as it ends, in any order."""


CONNECTION_TIMEOUT_S = 20
"""How long a scheduler may take to answer at first."""


def module_version() -> str:
    """The version of this package and a digest of its sources, as they are on the disk: ``0.1.0+1f2e3d4c5b6a``.

    It is read anew each time: a kernel that starts later imports what is there by then.
    """
    package = Path(__file__).resolve().parents[1]
    errata = package / "errata"  # in a wheel; a clone has them elsewhere, and no run reads them
    found = (path for kind in ("*.py", "*.yaml") for path in package.rglob(kind) if errata not in path.parents)
    sources = sorted(found)
    return f"{__version__}+{_digest((path.relative_to(package).as_posix(), path) for path in sources)}"


def data_digest(parameters: Mapping[str, Any]) -> str:
    """A digest of the files that a run reads by its parameters `task` and `backbone`; empty where there are none here.

    These are the tables of the task in the folder FEDSWITCH_DATA, and the files of a backbone that is a folder. Raises
    FedswitchError where the tables are a part of a set.
    """
    task, backbone = (str(parameters.get(name) or "") for name in ("task", "backbone"))
    if not task and not backbone:
        return ""
    # here, because torch comes with them
    from ..learning.backbones import named_folder
    from ..learning.tasks import task_files

    folder = named_folder(backbone)
    weights = sorted(path for path in folder.glob("*") if path.is_file()) if folder is not None else []
    files = [(path.name, path) for path in (*task_files(task), *weights)]
    return _digest(files) if files else ""


def perform(run: SweepRun) -> Performed:
    """Execute one run in a scratch folder; whatever goes wrong is part of the outcome, and nothing is raised."""
    started = time.perf_counter()
    files: dict[str, bytes] = {}
    made: dict[str, str] = {}
    try:
        with tempfile.TemporaryDirectory(prefix="fedswitch-", ignore_cleanup_errors=True) as scratch:
            out, study = Path(scratch) / "out", _study(run, Path(scratch))
            parameters = {parameter.name: parameter.default for parameter in study.parameters} | dict(run.parameters)
            failure = _differs(run, parameters)
            if not failure:
                made = {"data": data_digest(parameters)} | {name: str(number) for name, number in versions().items()}
                failure = _execute(study, run, out)
                left = [path for path in out.rglob("*") if path.is_file()]
                files = {path.relative_to(out).as_posix(): path.read_bytes() for path in left}
                # what the kernel found when it began is unknown if this has changed by now
                failure = failure or _differs(dataclasses.replace(run, data=made["data"]), parameters)
    except BaseException as error:  # whoever waits for the outcome would wait for ever
        failure = f"The run could not be done: {type(error).__name__}: {error}"
    return Performed(run, files, failure, time.perf_counter() - started, made)


def _study(run: SweepRun, scratch: Path) -> Study:
    notebook = scratch / f"{run.notebook}.md"
    notebook.write_text(run.source, encoding="utf-8")
    return find_study(str(notebook))


def _execute(study: Study, run: SweepRun, out: Path) -> str:
    """What went wrong, as the notebook ran."""
    try:
        run_study(study, run.parameters, out, echo=False)
    except FedswitchError as error:
        # the notebook will be kept elsewhere, perhaps on another machine
        return str(error).replace(f"{out}{os.sep}", "")
    except Exception as error:  # such as a kernel that was killed for its memory
        return f"The notebook {run.notebook} stopped with {type(error).__name__}: {error}"
    return ""


def _differs(run: SweepRun, parameters: Mapping[str, Any]) -> str:
    """In a sentence, how what is here differs from what the run is asked of."""
    module, here = module_version(), platform.node()
    if module != run.module:
        return (
            f"fedswitch {module} on {here} was asked for a run of fedswitch {run.module}: install the same version on "
            "all machines, restart their workers, and leave it as it is while a sweep is at work."
        )
    if run.data and data_digest(parameters) != run.data:
        return (
            f"The data or weights on {here} are not those that the run was asked of: give all machines the same files, "
            "by FEDSWITCH_DATA and by folders of one path, and leave them as they are while a sweep is at work."
        )
    return ""


def _digest(files: Iterable[tuple[str, Path]]) -> str:
    """A digest of the names and contents of files, in their order."""
    digest = hashlib.sha256()
    for name, path in files:
        digest.update(f"\n{name}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


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
        from distributed import as_completed
    except ImportError as error:
        raise FedswitchError(
            'A sweep by a scheduler needs Dask, here and where the workers run: pip install "fedswitch[dask]".'
        ) from error
    if not runs:
        return
    with _client(scheduler) as client:
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
                    f"The Dask scheduler at {scheduler} no longer answers: start it again, and repeat the command."
                ) from error
            except Exception as error:  # such as a run that took several workers with it
                failure = f"The run could not be done by the workers: {type(error).__name__}: {error}"
                outcome = Performed(futures[future], {}, failure, 0.0)
            yield outcome


def _client(scheduler: str) -> Any:
    """A connection to a scheduler; FedswitchError where none answers at that address."""
    from distributed import Client
    from distributed.core import connect

    async def ask() -> None:
        async with asyncio.timeout(CONNECTION_TIMEOUT_S):
            comm = await connect(scheduler, timeout=CONNECTION_TIMEOUT_S)
            comm.abort()

    # it tells of a scheduler that is gone by tracebacks, long after we have said so in a sentence
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        asyncio.run(ask())  # a client that finds nobody would try again when it is thrown away
        return Client(scheduler, timeout=CONNECTION_TIMEOUT_S, set_as_default=False)
    except Exception as error:  # of many kinds: addresses of the wrong form, other servers, other versions of Dask, ...
        why = " ".join(str(error).split()) or f"nothing for {CONNECTION_TIMEOUT_S} s"
        raise FedswitchError(
            f"No Dask scheduler answers at {scheduler} ({why}): start one with `dask scheduler`, which prints its "
            "address, such as tcp://127.0.0.1:8786."
        ) from error
