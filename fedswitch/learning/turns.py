"""What changes in a cell while a run goes on: UEs that exchange their tasks, and UEs that join late."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..arguments import Bools, whole, whole_numbers
from .federation import Federation
from .tokens import Indices
from .ues import LocalUEs, Starts


@dataclasses.dataclass(frozen=True, kw_only=True)
class Turn:
    """What happens when round `start` begins, counted from 0, in a run of simulated UEs.

    Two UEs in `swapped` exchange their data, and with them what they want and are tested with: each goes on as the
    other. UEs in `late` join then: before, no upload of theirs comes, though the gNB has given them bandwidth, and they
    do not say what the modules are worth to them. Raises ValueError for UEs that cannot be.
    """

    start: int
    swapped: Sequence[int] = ()
    late: Sequence[int] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", whole("start", self.start))
        for name in ("swapped", "late"):
            ues = np.atleast_1d(whole_numbers(name, getattr(self, name))).ravel().tolist()
            object.__setattr__(self, name, tuple(ues))
            if len(set(ues)) < len(ues):
                raise ValueError(f"{name} = {ues} must name no UE twice")
        if len(self.swapped) not in (0, 2):
            raise ValueError(f"swapped = {list(self.swapped)} must be two UEs, or none")

    @property
    def ues(self) -> tuple[int, ...]:
        """Those to whom something happens."""
        return tuple(dict.fromkeys((*self.swapped, *self.late)))

    def of(self, run: Federation) -> Federation:
        """The run, which has just begun, in which this happens; ValueError for UEs that are not in its cell."""
        last = run.scenario.num_ues - 1
        for name, ues in (("swapped", self.swapped), ("late", self.late)):
            if max(ues, default=0) > last:
                raise ValueError(f"{name} = {list(ues)}: the UEs of this cell are 0 to {last}")
        if not isinstance(run.ues, LocalUEs):
            raise ValueError("only simulated UEs can be turned: real ones join and change as they like")
        own = {field.name: getattr(run.ues, field.name) for field in dataclasses.fields(LocalUEs)}
        return dataclasses.replace(run, ues=TurningUEs(**own, turn=self))


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class TurningUEs(LocalUEs):
    """`LocalUEs` to some of whom `turn` happens."""

    turn: Turn

    def whose(self, t: int) -> Indices:
        """See `UEs`."""
        holders = np.arange(len(self.indices))
        if t >= self.turn.start and self.turn.swapped:
            holders[list(self.turn.swapped)] = self.turn.swapped[::-1]
        return holders

    def turned(self) -> Indices | None:
        """See `UEs`."""
        return np.array(self.turn.ues) if self.turn.ues else None

    def held(self, t: int, k: int) -> Indices:
        """See `LocalUEs`."""
        return self.indices[int(self.whose(t)[k])]

    def absent(self, t: int) -> Bools:
        """Which UEs have not joined yet, (K,)."""
        late: Bools = np.isin(np.arange(len(self.indices)), self.turn.late)
        return late & (t < self.turn.start)

    def ask(self, t: int, subscribed: Bools, starts: Starts) -> Bools:
        """See `UEs`: nothing comes from those who are absent."""
        return subscribed & self.absent(t)

    def silent(self, t: int) -> Bools:
        """See `UEs`."""
        return np.tile(self.absent(t), (2, 1))
