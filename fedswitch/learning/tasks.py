"""The tasks that modules are fine-tuned on, and where their data come from.

`reviews` and `questions` are made on the spot. `sst2`, `qnli` and `mrpc` are read from a folder of parquet files where
one is named, else from the Hugging Face hub or its cache; their test data are GLUE's validation sets, whose labels are
public.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable
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
        data: folder with `<name>/train.parquet` and `<name>/validation.parquet`, columns as in `nyu-mll/glue`; where
            not given, the environment variable FEDSWITCH_DATA. Where that is not set either, the Hugging Face hub is
            asked, and a copy that it has left on this machine is used without asking. `reviews` and `questions`
            need none of this.
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
    return Path(plain_name("data", named)) if named else None


def _from_folder(name: str, folder: Path) -> Task:
    """The task from parquet files. Their digests stand for their origin: a folder may move."""
    paths = [folder / name / f"{part}.parquet" for part in PARTS]
    for path in paths:
        if not path.is_file():
            raise MissingDataError(
                f"The task {name!r} needs the file {path}, which is not there: put it there as in {HUB_NAME}, name "
                f"another folder by {DATA_VARIABLE}, leave that unset to ask the Hugging Face hub, or use {_EMBEDDED}."
            )
    train, test = (_checked_split(name, _read_table(path), path) for path in paths)
    digests = " and ".join(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}" for path in paths)
    return Task(name, f"parquet files as in {HUB_NAME}, {name}, sha256 {digests}", _GLUE[name].label_names, train, test)


def _read_table(path: Path) -> Any:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            return file.read()
    except (ArrowException, OSError) as error:
        raise FedswitchError(f"The data file {path} is damaged, cut short or not readable: get it anew.") from error


def _checked_split(name: str, table: Any, where: object) -> Split:
    """The samples of one part; `where` names it in the error when a column is missing or holds what it must not."""
    from pyarrow import types

    columns = _GLUE[name].columns
    missing = [column for column in (*columns, "label") if column not in table.column_names]
    if missing:
        raise FedswitchError(
            f"{where} lacks {', '.join(missing)} among its columns ({', '.join(table.column_names)}), "
            f"which the task {name!r} needs: get it anew."
        )
    if not table.num_rows:
        raise FedswitchError(f"{where} holds no rows: get it anew.")
    texts, labels = [table[column] for column in columns], table["label"]
    for column, cells in zip(columns, texts, strict=True):
        if not (types.is_string(cells.type) or types.is_large_string(cells.type)) or cells.null_count:
            raise FedswitchError(f"{where} does not hold text in every row of the column {column}: get it anew.")
    odd = [label for label in labels.unique().to_pylist() if label not in (0, 1)]
    if odd or not types.is_integer(labels.type):
        held = ", ".join(map(repr, odd[:3])) or str(labels.type)
        raise FedswitchError(f"{where} must hold the labels 0 and 1 only, as whole numbers, but holds {held}.")
    first, *second = (tuple(cells.to_pylist()) for cells in texts)
    return Split(first, labels.to_numpy().astype(np.int64), pairs=second[0] if second else None)


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
        _checked_split(name, rows.with_format("arrow")[:], f"The {part} set of {source},")
        for part, rows in zip(PARTS, parts, strict=True)
    )
    return Task(name, source, _GLUE[name].label_names, train, test)


def _how_to_get(name: str) -> str:
    return (
        f"set {DATA_VARIABLE} to a folder that holds {name}/train.parquet and {name}/validation.parquet as in "
        f"{HUB_NAME}, or connect to the network so that they come from the Hugging Face hub"
    )
