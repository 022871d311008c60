"""Pieces of work side by side on the cores of a CPU: a thread for each core, and one thread inside each operation.

Torch's own way, several threads inside each operation, waits for the slowest of them after each: with operations as
small as ours that is fast on an idle machine only. Our threads share nothing but what they read, and what they return
is taken in the order of the pieces, so that how many there are decides nothing but the time.

A process that is forked after this has no such threads and waits for them for ever, which is therefore refused.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

from ..errors import FedswitchError

Piece = TypeVar("Piece")
Done = TypeVar("Done")

AHEAD = 2
"""Pieces for each worker that may be begun before the first of them is taken: more would only fill memory."""


@functools.cache
def _computing_process() -> int:
    """The process that was the first to compute here: one forked from it takes this over."""
    return os.getpid()


def refuse_fork() -> None:
    """FedswitchError in a process forked from one that has computed, in which torch would wait for threads for ever."""
    if _computing_process() != os.getpid():
        raise FedswitchError(
            "This process was forked from one that has computed with torch, whose threads it lacks: start processes "
            "with multiprocessing.get_context('spawn'), or fork before the first run."
        )


def num_workers() -> int:
    """How many pieces are done at once: as many as there are cores that this process, and torch in it, may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, torch.get_num_threads())


def in_order(
    work: Callable[[Piece], Done], pieces: Sequence[Piece], take: Callable[[Done], object], device: torch.device
) -> None:
    """Give `take` what `work` makes of each of the pieces, in their order; where `device` is a CPU, several at once.

    `work` runs in threads of its own, `take` in that of the caller. An exception of either is raised as it is. Whatever
    ends this, Ctrl-C included, pieces not begun are dropped, those begun are waited for, and no thread stays.
    """
    refuse_fork()
    if device.type != "cpu":  # a GPU does one after the other anyway
        for piece in pieces:
            take(work(piece))
        return
    count = min(num_workers(), len(pieces))
    if not count:
        return
    with _workers(count) as pool:
        due: deque[Future[Done]] = deque()
        for piece in pieces:
            due.append(pool.submit(work, piece))
            if len(due) > AHEAD * count:
                take(due.popleft().result())
        while due:
            take(due.popleft().result())


@contextlib.contextmanager
def _workers(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads in which torch takes one thread for each operation; all others keep what they have."""
    all_here = threading.Barrier(count)

    def begin(_: int) -> None:
        torch.get_num_threads()  # a new thread takes over the common count when it is first asked for
        torch.set_num_threads(1)
        all_here.wait()  # so that each thread begins once

    pool = ThreadPoolExecutor(count, thread_name_prefix="fedswitch")
    threads = torch.get_num_threads()
    try:
        try:
            list(pool.map(begin, range(count)))
        finally:
            # torch has a count for each thread, and one for threads to come, which the workers have changed
            torch.set_num_threads(threads)
        yield pool
    finally:
        all_here.abort()
        pool.shutdown(cancel_futures=True)
