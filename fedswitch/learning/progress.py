"""The progress bar of a run: shown on a terminal, or where the command line asks for it, and silent elsewhere."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

Run = TypeVar("Run")

PROGRESS_VARIABLE = "FEDSWITCH_PROGRESS"
"""Set to 1 to show bars where standard error is not a terminal (in a notebook's kernel, say), to 0 to hide them."""


def rounds_bar(label: str, first: int, total: int, shown: bool | None) -> Any:
    """A tqdm bar over rounds `first` to `total`; `shown` None means as the place and PROGRESS_VARIABLE say."""
    return tqdm(total=total, initial=first, desc=label, unit="round", **_look(shown))


def runs_bar(runs: Sequence[Run]) -> Iterable[Run]:
    """The runs of a study, with a tqdm bar over them where bars are shown."""
    bar: Iterable[Run] = tqdm(runs, unit="run", **_look(None))
    return bar


def _look(shown: bool | None) -> dict[str, Any]:
    if shown is None:
        asked = os.environ.get(PROGRESS_VARIABLE)
        shown = sys.stderr.isatty() if asked is None else asked == "1"
    return {"disable": not shown, "file": sys.stderr, "mininterval": 1.0, "dynamic_ncols": False, "ncols": 100}


@contextlib.contextmanager
def interrupt_later() -> Iterator[threading.Event]:
    """Set the event at a first Ctrl-C instead of stopping in the middle of a round; a second one stops at once.

    Only the main thread hears signals: elsewhere nothing is ever noted.
    """
    interrupt = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = signal.getsignal(signal.SIGINT)

    def note(*_: Any) -> None:
        interrupt.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)


def kept_rounds(
    label: str,
    first: int,
    total: int,
    *,
    shown: bool | None,
    resume: str | Path | None,
    save: Callable[[], object],
    every: int,
    stop: Callable[[], bool] = lambda: False,
    note: Callable[[float], Mapping[str, Any]] | None = None,
) -> Generator[int, None, None]:
    """The rounds `first` to `total` of a run, counted from 0: with a bar, and so that the run can be gone on with.

    After each round `note`, given its seconds, says what stands beside the bar, and `stop` whether it was the last.
    `save` is called every so many rounds and after the last one, where there is a file to `resume` from. Raises
    ValueError where more than `total` rounds are done already, and KeyboardInterrupt after Ctrl-C, once the round is
    finished and saved, which says how to go on. Close it at the end, however that comes.
    """
    if first > total:
        raise ValueError(
            f"the checkpoint {resume} holds {first} rounds already: rounds = {total} must be at least that"
        )
    with rounds_bar(label, first, total, shown) as bar, interrupt_later() as interrupt:
        for t in range(first, total):
            started = time.perf_counter()
            yield t
            bar.update()
            if note is not None:
                bar.set_postfix(**note(time.perf_counter() - started), refresh=False)
            interrupted = interrupt.is_set()  # read once: Ctrl-C may come at any moment
            stopped = stop()
            if resume is not None and (t + 1 == total or interrupted or stopped or (t + 1) % every == 0):
                save()
            if interrupted:
                goes_on = (
                    f"the same call with resume={str(resume)!r} goes on" if resume is not None else "nothing is kept"
                )
                raise KeyboardInterrupt(f"stopped after round {t + 1} of {total}: {goes_on}")
            if stopped:
                return
