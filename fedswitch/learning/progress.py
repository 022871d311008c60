"""The progress bar of a run: shown on a terminal, or where the command line asks for it, and silent elsewhere."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
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
    return tqdm(runs, unit="run", **_look(None))


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
