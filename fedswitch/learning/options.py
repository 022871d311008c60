"""What every run is asked with, beside its scenario and data, and how its rounds are shown, kept and gone on with."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Collection, Generator, Mapping
from pathlib import Path
from typing import Any

from ..arguments import check_flag, plain_name, seed_number, shown, whole
from ..files import make_folder
from .progress import interrupt_later, rounds_bar
from .samples import Kept
from .workers import refuse_fork

_COUNTS = ("rounds", "evaluate_every", "checkpoint_every")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """The arguments that `simulate` and `split.simulate_split` share, as Python has them; `engines` are those known.

    Raises ValueError, which names the argument, for what is none of its values, and FedswitchError where this process
    was forked from one that has computed.
    """

    rounds: int
    seed: int
    engine: str
    engines: Collection[str]
    backbone: str
    evaluate_every: int
    resume: str | Path | None
    checkpoint_every: int
    progress: bool | None
    kept: Kept | None

    def __post_init__(self) -> None:
        settled = {name: whole(name, getattr(self, name), low=1) for name in _COUNTS} | {
            "seed": seed_number("seed", self.seed),
            "progress": None if self.progress is None else check_flag("progress", self.progress),
            "backbone": plain_name("backbone", self.backbone),
            "resume": None if self.resume is None else plain_name("resume", self.resume),
        }
        for name, value in settled.items():
            object.__setattr__(self, name, value)
        if not isinstance(self.engine, str) or self.engine not in self.engines:
            raise ValueError(f"unknown engine {shown(self.engine)}; there are: {', '.join(self.engines)}")
        if self.kept is not None and not isinstance(self.kept, Kept):
            raise ValueError(f"kept must be a Kept, given to several calls, got {shown(self.kept)}")
        refuse_fork()

    def file(self) -> Path | None:
        """The file to resume from and to write to; its folder is made. FedswitchError where that cannot be done."""
        path = None if self.resume is None else Path(self.resume)
        if path is not None:
            make_folder(path.absolute().parent, advice="name another place to resume from")
        return path

    def tests_after(self, t: int) -> bool:
        """Whether round `t`, counted from 0, is one that is tested."""
        return (t + 1) % self.evaluate_every == 0 or t + 1 == self.rounds


def kept_rounds(
    label: str,
    first: int,
    asked: Options,
    *,
    save: Callable[[Path], object],
    stop: Callable[[], bool] = lambda: False,
    note: Callable[[float], Mapping[str, Any]] | None = None,
) -> Generator[int, None, None]:
    """The rounds of a run from `first` on, counted from 0: with a bar, and so that the run can be gone on with.

    After each round `note`, given its seconds, says what stands beside the bar, and `stop` whether it was the last,
    as it does of a round that was done before.
    `save`, given the file to resume from where there is one, is called every so many rounds and after the last. Raises
    ValueError where more rounds than asked for are done already, and KeyboardInterrupt after Ctrl-C, once the round is
    finished and saved, which says how to go on. Close it at the end, however that comes.
    """
    total, resume = asked.rounds, asked.resume
    if first > total:
        raise ValueError(
            f"the checkpoint {resume} holds {first} rounds already: rounds = {total} must be at least that"
        )
    if first and stop():
        return
    with rounds_bar(label, first, total, asked.progress) as bar, interrupt_later() as interrupt:
        for t in range(first, total):
            started = time.perf_counter()
            yield t
            bar.update()
            if note is not None:
                bar.set_postfix(**note(time.perf_counter() - started), refresh=False)
            interrupted = interrupt.is_set()  # read once: Ctrl-C may come at any moment
            stopped = stop()
            ends = t + 1 == total or interrupted or stopped
            if resume is not None and (ends or (t + 1) % asked.checkpoint_every == 0):
                save(Path(resume))
            if interrupted:
                goes_on = f"the same call with resume={str(resume)!r} goes on" if resume else "nothing is kept"
                raise KeyboardInterrupt(f"stopped after round {t + 1} of {total}: {goes_on}")
            if stopped:
                return
