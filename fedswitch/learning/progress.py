"""The progress bar of a run: shown on a terminal, or where the command line asks for it, and silent elsewhere."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

from tqdm import tqdm

PROGRESS_VARIABLE = "FEDSWITCH_PROGRESS"
"""Set to 1 to show bars where standard error is not a terminal (in a notebook's kernel, say), to 0 to hide them."""


def rounds_bar(label: str, first: int, total: int, shown: bool | None) -> Any:
    """A tqdm bar over rounds `first` to `total`; `shown` None means as the place and PROGRESS_VARIABLE say."""
    if shown is None:
        asked = os.environ.get(PROGRESS_VARIABLE)
        shown = sys.stderr.isatty() if asked is None else asked == "1"
    return tqdm(
        total=total, initial=first, desc=label, unit="round", disable=not shown, file=sys.stderr, mininterval=1.0,
        dynamic_ncols=False, ncols=100,
    )  # fmt: skip


@dataclasses.dataclass
class Interrupt:
    """Whether Ctrl-C was pressed."""

    asked: bool = False


@contextlib.contextmanager
def interrupt_later() -> Iterator[Interrupt]:
    """Note a first Ctrl-C instead of stopping in the middle of a round; a second one stops at once.

    Only the main thread hears signals: elsewhere nothing is ever noted.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = signal.getsignal(signal.SIGINT)

    def note(*_: Any) -> None:
        interrupt.asked = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
