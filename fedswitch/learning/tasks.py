"""The tasks that modules are fine-tuned on, and where their data come from.

`reviews` and `questions` are made on the spot. `sst2`, `qnli` and `mrpc` are read from a folder of parquet files where
one is named, else from the Hugging Face hub or its cache; their test data are GLUE's validation sets, whose labels are
public.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..arguments import plain_name, seed_number, shown
from ..errors import FedswitchError, MissingDataError, nearest
from ..streams import stream
from . import questions, reviews
from .data import Split, Task
from .hub import hub_answers

Words = TypeVar("Words")

DATA_VARIABLE = "FEDSWITCH_DATA"
HUB_NAME = "nyu-mll/glue"
PARTS = ("train", "validation")
SHARD = re.compile(r"-(\d+)-of-(\d+)(-\w+)?\.parquet")  # after the part's name, on the hub
LFS_POINTER = b"version https://git-lfs"


@dataclasses.dataclass(frozen=True)
class _Glue:
    """How GLUE lays out one of its tasks: text columns and the names of labels 0 and 1."""

    columns: tuple[str, ...]
    label_names: tuple[str, str]


_GLUE = {
    "sst2": _Glue(("sentence",), ("negative", "positive")),
    "qnli": _Glue(("question", "sentence"), ("entailment", "not_entailment")),
    "mrpc": _Glue(("sentence1", "sentence2"), ("not_equivalent", "equivalent")),
}

_EMBEDDED = "task=reviews or task=questions"

TASKS = {
    "reviews": "sentiment of short product reviews, made by the module; test reviews use words of their own",
    "questions": "whether a sentence answers a question about a product, made by the module; test words of their own",
    "sst2": "GLUE SST-2: sentiment of phrases and sentences from film reviews",
    "qnli": "GLUE QNLI: whether a sentence answers a question",
    "mrpc": "GLUE MRPC: whether two sentences say the same",
}
"""The tasks by name, and what each is."""


def load_task(name: str, *, data: str | Path | None = None, seed: int = 0) -> Task:
    """Load a task by name.

    Args:
        name: one of `TASKS`.
        data: folder with `<name>/train.parquet` and `<name>/validation.parquet`, columns as in `nyu-mll/glue`, or with
            the files as they are called and cut on the hub (`train-00000-of-00001.parquet`); where the folder holds no
            `<name>`, it may be the task's own. Where not given, the environment variable FEDSWITCH_DATA. Where that is
            not set either, the Hugging Face hub is asked, and a copy that it has left on this machine is used without
            asking. `reviews` and `questions` need none of this.
        seed: of the grammars that write `reviews` and `questions`; the other tasks do not depend on it.

    Raises:
        ValueError: for an unknown name.
        MissingDataError: where the data are not on this machine and cannot be fetched.
        FedswitchError: where they are damaged; the message names the file.
    """
    _check_name(name)
    if name in _WRITTEN:
        return _WRITTEN[name](seed=seed)
    folder = _data_folder(data)
    return _from_folder(name, folder) if folder is not None else _from_hub(name)


def task_status(name: str, data: str | Path | None = None) -> tuple[bool, str]:
    """Whether a task can be loaded without a network, and from where, or how to get it. Nothing is fetched."""
    _check_name(name)
    if name in _WRITTEN:
        return True, "made on the spot"
    folder = _data_folder(data)
    try:
        task = _from_folder(name, folder) if folder is not None else _from_hub_cache(name)
    except FedswitchError as error:
        return False, str(error) if folder is not None else _how_to_get(name)
    where = str(folder / name) if folder is not None else task.source
    return True, f"{where}, {len(task.train):,} training and {len(task.test):,} test samples"


def task_files(name: str, data: str | Path | None = None) -> list[Path]:
    """The parquet files that `load_task` reads, of whatever name; none where the task is written, or not in a folder.

    Raises MissingDataError for a part of a set of files.
    """
    folder = _data_folder(data)
    if not name or name in _WRITTEN or folder is None:
        return []
    place = _place(name, folder)
    return [path for part in PARTS for path in _files(place, part)]


def reviews_task(*, train: int = 8000, test: int = 400, seed: int = 0) -> Task:
    """The embedded task `reviews`, with `train` training and `test` test samples."""
    sets = (reviews.TRAIN_WORDS, train), (reviews.TEST_WORDS, test)
    return _written("reviews", ("negative", "positive"), reviews.write_reviews, sets, seed)


def questions_task(*, train: int = 8000, test: int = 400, seed: int = 0) -> Task:
    """The embedded task `questions`, with `train` training and `test` test samples; label 0 answers, as in QNLI."""
    sets = (questions.TRAIN_WORDS, train), (questions.TEST_WORDS, test)
    return _written("questions", ("answer", "no_answer"), questions.write_questions, sets, seed)


def _written(
    name: str,
    label_names: tuple[str, str],
    write: Callable[[Words, int, np.random.Generator], Split],
    sets: tuple[tuple[Words, int], tuple[Words, int]],
    seed: int,
) -> Task:
    """A task written by a grammar: its training and its test set have words and a number of samples of their own."""
    train, test = (
        write(words, count, stream(seed, f"{part} {name}"))
        for part, (words, count) in zip(("training", "test"), sets, strict=True)
    )
    return Task(
        name, f"the grammar of fedswitch.learning.{name}, seed {seed_number('seed', seed)}", label_names, train, test
    )


_WRITTEN: dict[str, Callable[..., Task]] = {"reviews": reviews_task, "questions": questions_task}


def _check_name(name: str) -> None:
    if not isinstance(name, str) or name not in TASKS:
        raise ValueError(f"unknown task {shown(name)}; there are: {', '.join(TASKS)}.{nearest(str(name), TASKS)}")


def _data_folder(data: str | Path | None) -> Path | None:
    named = data if data is not None else os.environ.get(DATA_VARIABLE)
    return Path(os.path.expanduser(plain_name("data", named))) if named else None  # noqa: PTH111  Path's fails where nobody has a home


def _from_folder(name: str, folder: Path) -> Task:
    """The task from parquet files. Their digests stand for their origin: a folder may move."""
    place = _place(name, folder)
    splits, digests = [], []
    for part in PARTS:
        read = {path: _read_file(path) for path in _files(place, part)}
        if not read:
            raise MissingDataError(
                f"The task {name!r} needs the file {place / part}.parquet, which is not there: put it there as in "
                f"{HUB_NAME}, name another folder by {DATA_VARIABLE}, leave that unset to ask the Hugging Face hub, or "
                f"use {_EMBEDDED}."
            )
        splits.append(_checked_split(name, [(path, _table(path, content)) for path, content in read.items()]))
        digests += [f"{path.name} {hashlib.sha256(content).hexdigest()[:12]}" for path, content in read.items()]
    source = f"parquet files as in {HUB_NAME}, {name}, sha256 {' and '.join(digests)}"
    return Task(name, source, _GLUE[name].label_names, *splits)


def _place(name: str, folder: Path) -> Path:
    """Where in a folder of data the files of a task are, as in a clone of a data set of many tasks or of this one."""
    places = [folder / name, folder / name / "data", folder, folder / "data"]
    return next((place for place in places if any(_files(place, part) for part in PARTS)), folder / name)


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


def _checked_split(name: str, tables: Iterable[tuple[object, Any]]) -> Split:
    """The samples of one part, from its tables; each comes with what it is called where something is wrong with it."""
    samples: list[tuple[Any, ...]] = []
    for where, table in tables:
        samples += _rows(name, table, where)
    if not samples:
        raise FedswitchError(f"{where} holds no rows: get it anew.")
    *texts, labels = zip(*samples, strict=True)
    if len(set(labels)) == 1:
        raise FedswitchError(
            f"{where} holds the label {labels[0]:g} only, where the task {name!r} has 0 and 1: get it anew."
        )
    return Split(texts[0], np.array(labels, dtype=np.int64), pairs=texts[1] if len(texts) > 1 else None)


def _rows(name: str, table: Any, where: object) -> Iterable[tuple[Any, ...]]:
    """Texts and label of each sample of a table, whatever types it keeps them in."""
    held, needed = table.column_names, (*_GLUE[name].columns, "label")
    missing = [column for column in needed if column not in held]
    others = [column for glue in _GLUE.values() for column in glue.columns if column in held and column not in needed]
    if missing or others:
        wrong = f"lacks {', '.join(missing)} among" if missing else f"holds {others[0]}, of another task, among"
        raise FedswitchError(
            f"{where} {wrong} its columns ({', '.join(held)}), but the task {name!r} needs {', '.join(needed)}: "
            "get it anew."
        )
    twice = [column for column in needed if held.count(column) > 1]
    if twice:
        raise FedswitchError(f"{where} holds more than one column {twice[0]}: leave one of them.")
    columns = [_cells(table, column, where) for column in needed]
    for column, cells in zip(needed[:-1], columns, strict=False):
        odd = [place for place, cell in enumerate(cells) if not isinstance(cell, str)]
        if odd:
            raise FedswitchError(
                f"{where} does not hold text in every row of the column {column}: row {odd[0]} holds "
                f"{cells[odd[0]]!r}, so leave such rows out or get it anew."
            )
    # a float that is whole is what pandas makes of whole numbers now and then; True may mean either label of QNLI
    odd = [label for label in columns[-1] if isinstance(label, (bool, str)) or label not in (0, 1)]
    if odd:
        meaning = ", ".join(f"{label} for {meant}" for label, meant in enumerate(_GLUE[name].label_names))
        raise FedswitchError(
            f"{where} must hold the labels 0 and 1 only, as whole numbers, but holds {odd[0]!r}: write {meaning}, and "
            "leave out rows that have none."
        )
    return zip(*columns, strict=True)


def _cells(table: Any, column: str, where: object) -> list[Any]:
    try:
        cells: list[Any] = table[column].to_pylist()
    except (UnicodeDecodeError, ArithmeticError, ValueError) as error:
        raise FedswitchError(f"{where} is damaged in the column {column} ({error}): get it anew.") from error
    return cells


def _from_hub(name: str) -> Task:
    """The task from the Hugging Face hub, or from the copy that an earlier download left on this machine."""
    try:
        return _from_hub_cache(name)
    except MissingDataError:
        if not hub_answers():
            raise
    return _through_datasets(name)


def _from_hub_cache(name: str) -> Task:
    """The task from what an earlier download left on this machine; no network is tried."""
    import datasets

    config, verbosity = datasets.config, datasets.logging.get_verbosity()
    # HF_HUB_OFFLINE does the same, but is read only once, when the library is imported
    online, config.HF_HUB_OFFLINE = config.HF_HUB_OFFLINE, True
    datasets.logging.set_verbosity_error()
    try:
        return _through_datasets(name)
    finally:
        config.HF_HUB_OFFLINE = online
        datasets.logging.set_verbosity(verbosity)


def _through_datasets(name: str) -> Task:
    import datasets

    try:
        parts = datasets.load_dataset(HUB_NAME, name, split=list(PARTS))
    except Exception as error:  # of many kinds, some of them those of the HTTP library of the day
        where = "on this machine" if datasets.config.HF_HUB_OFFLINE else f"to be had now ({type(error).__name__})"
        raise MissingDataError(
            f"The data of the task {name!r} are not {where}: {_how_to_get(name)}, "
            f"or use {_EMBEDDED}, which need neither."
        ) from error
    source = f"{HUB_NAME}, {name}, from the Hugging Face hub"
    train, test = (
        _checked_split(name, [(f"The {part} set of {source},", rows.with_format("arrow")[:])])
        for part, rows in zip(PARTS, parts, strict=True)
    )
    task = Task(name, source, _GLUE[name].label_names, train, test)
    return dataclasses.replace(task, source=f"{source}, sha256 {task.digest[:12]}")  # the hub may change what it holds


def _how_to_get(name: str) -> str:
    return (
        f"set {DATA_VARIABLE} to a folder that holds {name}/train.parquet and {name}/validation.parquet as in "
        f"{HUB_NAME}, or connect to the network so that they come from the Hugging Face hub"
    )
