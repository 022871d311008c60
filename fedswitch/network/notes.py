"""What a gNB leaves for whoever started it: notes as it goes on, and a history at the end."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .packets import HISTORY_FILE, Packet

if TYPE_CHECKING:
    from ..learning.history import History


@dataclasses.dataclass(frozen=True)
class Notes:
    """Records in a file, one a line, that another process reads while it grows."""

    path: Path

    def add(self, record: Mapping[str, Any]) -> None:
        """Write a record, with the seconds since the epoch and the number of this process."""
        line = json.dumps({"s": time.time(), "pid": os.getpid(), **record})
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def say(self, line: str) -> None:
        """A line for the reader."""
        self.add({"line": line})

    def round(self, record: Mapping[str, Any]) -> None:
        """What came of a round."""
        self.add({"done_round": dict(record)})

    def read(self) -> Iterator[dict[str, Any]]:
        """All records so far that are whole."""
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        yield from (json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n"))


def write_history(path: Path, history: History) -> Path:
    """Write a history into one file."""
    record = {
        "what": HISTORY_FILE,
        "rows": history.table.to_dict("records"),
        "settings": history.settings,
        "lost": sorted(history.lost),
        "silent": sorted(history.silent),
    }
    arrays = {name: getattr(history, name) for name in ("subscribed", "received", "distance_m")}
    arrays |= {f"lost {t}": lost for t, lost in history.lost.items()}
    arrays |= {f"silent {t}": silent for t, silent in history.silent.items()}
    return Packet(json.loads(json.dumps(record, default=np.generic.item)), arrays).write(path)


def read_history(path: Path) -> History:
    """What `write_history` wrote; FedswitchError, in one sentence, for another file."""
    import pandas as pd

    from ..learning.history import History
    from .shards import with_tuples

    packet = Packet.read(path, HISTORY_FILE)
    record, arrays = packet.record, packet.arrays
    settings = record["settings"]
    settings["scenario"] = with_tuples(settings["scenario"])
    return History(
        table=pd.DataFrame(record["rows"]),
        subscribed=arrays["subscribed"],
        received=arrays["received"],
        distance_m=arrays["distance_m"],
        settings=settings,
        lost={t: arrays[f"lost {t}"] for t in record["lost"]},
        silent={t: arrays[f"silent {t}"] for t in record["silent"]},
    )
