"""Tasks that come as tables: parquet files in a folder, or a data set of the Hugging Face hub or what is left of it."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..arguments import plain_name
from ..errors import FedswitchError, MissingDataError
from ..files import LFS_POINTER
from .data import AnySplit, Task
from .hub import hub_answers

DATA_VARIABLE = "FEDSWITCH_DATA"
SHARD = re.compile(r"-(\d+)-of-(\d+)(-\w+)?\.parquet")  # after the part's name, on the hub

Table = tuple[object, Any]
"""What a table is called where something is wrong with it, and the table itself, of pyarrow."""


@dataclasses.dataclass(frozen=True)
class TableTask:
    """A task whose training and test samples are the `parts` of a data set of the hub, or files laid out like it.

    `hub` names the data set there, and which of its configurations; `inside` the folder of its clone that holds files.
    `samples(tables)` makes a split of the tables of one part, and raises FedswitchError where they are not the task.
    `instead` says what needs neither files nor a network. `count(tables)` says how many samples they hold, where that
    is much quicker than to make them, and raises as `samples` for what it looks at.
    """

    name: str
    hub: tuple[str, ...]
    inside: str
    parts: tuple[str, str]
    label_names: tuple[str, ...]
    samples: Callable[[Sequence[Table]], AnySplit]
    instead: str
    count: Callable[[Sequence[Table]], int] | None = None

    @property
    def source(self) -> str:
        """The data set on the hub, and which of its configurations."""
        return ", ".join(self.hub)

    def load(self, data: str | Path | None) -> Task:
        """The task from a folder, where one is named, else from the hub or the copy that it has left on this machine.

        Raises MissingDataError where neither has it, and FedswitchError, which names the file, where it is damaged.
        """
        folder = data_folder(data)
        return self._from_folder(folder) if folder is not None else self._from_hub()

    def status(self, data: str | Path | None) -> tuple[bool, str]:
        """Whether it can be loaded without a network, and from where, or how to get it. Nothing is fetched."""
        folder = data_folder(data)
        try:
            source, (train, test) = self._look(folder)
        except FedswitchError as error:
            return False, str(error) if folder is not None else self._how_to_get
        where = str(self._place(folder)) if folder is not None else source
        return True, f"{where}, {train:,} training and {test:,} test samples"

    def _look(self, folder: Path | None) -> tuple[str, list[int]]:
        """Where its samples come from, and how many there are for training and testing; raises as `load`."""
        if self.count is None:
            task = self._from_folder(folder) if folder is not None else self._from_hub_cache()
            return task.source, [len(task.train), len(task.test)]
        if folder is not None:
            return self.source, [self.count(list(tables)) for tables, _ in self._parts_in(folder)]
        with _without_network():
            return self._on_hub, [self.count(tables) for tables in self._parts_on_hub()]

    def files(self, data: str | Path | None) -> list[Path]:
        """The files that `load` reads in a folder, of whatever name; none where no folder is named.

        Raises MissingDataError for a part of a set of files.
        """
        folder = data_folder(data)
        return [] if folder is None else [path for part in self.parts for path in _files(self._place(folder), part)]

    def _place(self, folder: Path) -> Path:
        """Where the files are, as in a clone of a data set of the hub, whether of many tasks or of this one."""
        places = [folder / self.name, folder / self.name / self.inside, folder, folder / self.inside]
        return next((place for place in places if any(_files(place, part) for part in self.parts)), places[0])

    def _from_folder(self, folder: Path) -> Task:
        """The task from parquet files. Their digests stand for their origin: a folder may move."""
        splits, digests = [], []
        for tables, read in self._parts_in(folder):
            splits.append(self.samples(tables))
            digests += [f"{path.name} {hashlib.sha256(content).hexdigest()[:12]}" for path, content in read.items()]
        source = f"parquet files as in {self.source}, sha256 {' and '.join(digests)}"
        return Task(self.name, source, self.label_names, *splits)

    def _parts_in(self, folder: Path) -> Iterator[tuple[list[Table], dict[Path, bytes]]]:
        """The tables of each part in a folder, and the files that they come from."""
        place = self._place(folder)
        for part in self.parts:
            read = {path: _read_file(path) for path in _files(place, part)}
            if not read:
                raise MissingDataError(
                    f"The task {self.name!r} needs the file {place / part}.parquet, which is not there: put it there "
                    f"as in {self.hub[0]}, name another folder by {DATA_VARIABLE}, leave that unset to ask the Hugging "
                    f"Face hub, or use {self.instead}."
                )
            yield [(path, _table(path, content)) for path, content in read.items()], read

    def _from_hub(self) -> Task:
        """The task from the Hugging Face hub, or from the copy that an earlier download left on this machine."""
        try:
            return self._from_hub_cache()
        except MissingDataError:
            if not hub_answers():
                raise
        return self._through_datasets()

    def _from_hub_cache(self) -> Task:
        """The task from what an earlier download left on this machine; no network is tried."""
        with _without_network():
            return self._through_datasets()

    @property
    def _on_hub(self) -> str:
        return f"{self.source}, from the Hugging Face hub"

    def _through_datasets(self) -> Task:
        train, test = (self.samples(tables) for tables in self._parts_on_hub())
        task = Task(self.name, self._on_hub, self.label_names, train, test)
        # the hub may change what it holds
        return dataclasses.replace(task, source=f"{self._on_hub}, sha256 {task.digest[:12]}")

    def _parts_on_hub(self) -> Iterator[list[Table]]:
        """The table of each part, from the hub or its copy on this machine."""
        import datasets

        try:
            parts = datasets.load_dataset(*self.hub, split=list(self.parts))
        except Exception as error:  # of many kinds, some of them those of the HTTP library of the day
            where = "on this machine" if datasets.config.HF_HUB_OFFLINE else f"to be had now ({type(error).__name__})"
            raise MissingDataError(
                f"The data of the task {self.name!r} are not {where}: {self._how_to_get}, or use {self.instead}, for "
                "which neither is needed."
            ) from error
        for part, rows in zip(self.parts, parts, strict=True):
            yield [(f"The {part} set of {self._on_hub},", rows.with_format("arrow")[:])]

    @property
    def _how_to_get(self) -> str:
        files = " and ".join(f"{self.name}/{part}.parquet" for part in self.parts)
        return (
            f"set {DATA_VARIABLE} to a folder that holds {files} as in {self.hub[0]}, or connect to the network so "
            "that they come from the Hugging Face hub"
        )


def data_folder(data: str | Path | None) -> Path | None:
    """The folder of data that is named, else that of the environment, else none."""
    named = data if data is not None else os.environ.get(DATA_VARIABLE)
    return Path(os.path.expanduser(plain_name("data", named))) if named else None  # noqa: PTH111  Path's fails where nobody has a home


def columns(task: str, needed: Sequence[str], others: Sequence[str], table: Table) -> list[list[Any]]:
    """The cells of the `needed` columns of a table, whatever types it keeps them in.

    Raises FedswitchError where one of them is missing, there twice or damaged, or where one of `others` is there: then
    the table is of another task.
    """
    where, held = table[0], table[1].column_names
    missing = [column for column in needed if column not in held]
    foreign = [column for column in others if column in held and column not in needed]
    if missing or foreign:
        wrong = f"lacks {', '.join(missing)} among" if missing else f"holds {foreign[0]}, of another task, among"
        raise FedswitchError(
            f"{where} {wrong} its columns ({', '.join(held)}), but the task {task!r} needs {', '.join(needed)}: "
            "get it anew."
        )
    twice = [column for column in needed if held.count(column) > 1]
    if twice:
        raise FedswitchError(f"{where} holds more than one column {twice[0]}: leave one of them.")
    cells = []
    for column in needed:
        try:
            cells.append(table[1][column].to_pylist())
        except (UnicodeDecodeError, ArithmeticError, ValueError) as error:
            raise FedswitchError(f"{where} is damaged in the column {column} ({error}): get it anew.") from error
    return cells


def check_labels(labels: Sequence[Any], label_names: Sequence[str], where: object) -> None:
    """Raise FedswitchError unless all are whole numbers that name a label."""
    known = range(len(label_names))
    # a float that is whole is what pandas makes of whole numbers now and then; True may mean either of two labels
    odd = [label for label in labels if isinstance(label, (bool, str)) or label not in known]
    if odd:
        meaning = ", ".join(f"{label} for {meant}" for label, meant in enumerate(label_names))
        raise FedswitchError(
            f"{where} must hold the labels {_some(known)} only, as whole numbers, but holds {odd[0]!r}: write "
            f"{meaning}, and leave out rows that have none."
        )


def check_variety(task: str, labels: Sequence[Any], label_names: Sequence[str], where: object) -> None:
    """Raise FedswitchError where there are no samples, or all have one label."""
    if not labels:
        raise FedswitchError(f"{where} holds no rows: get it anew.")
    if len(set(labels)) == 1:
        raise FedswitchError(
            f"{where} holds the label {labels[0]:g} only, where the task {task!r} has {_some(range(len(label_names)))}"
            ": get it anew."
        )


def _some(labels: range) -> str:
    return f"0 {'and' if len(labels) == 2 else 'to'} {labels[-1]}"


def _files(place: Path, part: str) -> list[Path]:
    """The files of one part in a folder, in order: one by its plain name, else those that the hub cuts it into."""
    whole = place / f"{part}.parquet"
    if whole.is_file():
        return [whole]
    found = {path: SHARD.fullmatch(path.name.removeprefix(part)) for path in sorted(place.glob(f"{part}-*.parquet"))}
    shards = {path: (int(named[1]), int(named[2])) for path, named in found.items() if named is not None}
    if shards and list(shards.values()) != [(i, len(shards)) for i in range(len(shards))]:
        raise MissingDataError(
            f"The files {part}-*.parquet in {place} are not one whole set, as numbered by their names "
            f"({', '.join(path.name for path in shards)}): get all of it, and nothing else."
        )
    return list(shards) or sorted((place / part).glob("[0-9]*.parquet"))


def _read_file(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FedswitchError(f"The data file {path} cannot be read ({error.strerror}).") from error
    if content.startswith(LFS_POINTER):
        raise FedswitchError(
            f"The data file {path} is a pointer of Git LFS in the place of the data: run `git lfs pull` there."
        )
    return content


def _table(path: Path, content: bytes) -> Any:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(io.BytesIO(content)) as file:
            return file.read()
    except (ArrowException, OSError) as error:
        raise FedswitchError(f"The data file {path} is damaged, cut short or no parquet file: get it anew.") from error


_OFFLINE = threading.Lock()
"""Held while settings of `datasets`, which all threads share, are changed."""


@contextlib.contextmanager
def _without_network() -> Iterator[None]:
    import datasets

    config = datasets.config
    with _OFFLINE:
        verbosity = datasets.logging.get_verbosity()
        # HF_HUB_OFFLINE does the same, but is read only once, when the library is imported
        online, config.HF_HUB_OFFLINE = config.HF_HUB_OFFLINE, True
        datasets.logging.set_verbosity_error()
        try:
            yield
        finally:
            config.HF_HUB_OFFLINE = online
            datasets.logging.set_verbosity(verbosity)
