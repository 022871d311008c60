"""The tasks that modules are fine-tuned on, and where their data come from.

`reviews`, other labels of the same texts, and `questions` are made on the spot, and `digits` come with scikit-learn.
`sst2`, `qnli`, `mrpc` and `cifar10` are read from a folder of parquet files where one is named, else from the Hugging
Face hub or its cache; the test data of GLUE are its validation sets, whose labels are public.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..arguments import seed_number, shown
from ..errors import FedswitchError, nearest
from ..streams import stream
from . import questions, reviews
from .data import Split, Task
from .images import CIFAR, DIGITS_SOURCE, digits_task
from .mixtures import SEPARATOR, flipped, mixture, topics
from .table_tasks import Table, TableTask, check_labels, check_variety, columns

Words = TypeVar("Words")

_GLUE = {
    "sst2": (("sentence",), ("negative", "positive")),
    "qnli": (("question", "sentence"), ("entailment", "not_entailment")),
    "mrpc": (("sentence1", "sentence2"), ("not_equivalent", "equivalent")),
}
"""How GLUE lays out its tasks: text columns, and the names of labels 0 and 1."""

_KINDS = len(reviews.TRAIN_WORDS.domains)

_LABELINGS: dict[str, tuple[tuple[str, str], Callable[[Split], Split]]] = {
    **{f"flipped_{m}": (("negative", "positive"), partial(flipped, kinds=m)) for m in range(1, _KINDS + 1)},
    "topics": (("other", "topic"), partial(topics, kinds=_KINDS // 2)),
}
"""What else the texts of `reviews` can be asked for, by task: the names of labels 0 and 1, and who labels."""

TASKS = {
    "reviews": "sentiment of short product reviews, made by the module; test reviews use words of their own",
    "questions": "whether a sentence answers a question about a product, made by the module; test words of their own",
    "sst2": "GLUE SST-2: sentiment of phrases and sentences from film reviews",
    "qnli": "GLUE QNLI: whether a sentence answers a question",
    "mrpc": "GLUE MRPC: whether two sentences say the same",
    "digits": "images of handwritten digits, 8 by 8 pixels, which come with scikit-learn; for vision transformers",
    "cifar10": "CIFAR-10: photographs of 32 by 32 pixels in ten classes; for vision transformers",
    **{
        f"flipped_{m}": f"reviews, with the labels exchanged for the first {m} of {_KINDS} kinds of products"
        for m in range(1, _KINDS + 1)
    },
    "topics": f"whether the product of a review is of the first {_KINDS // 2} of {_KINDS} kinds",
}
"""The tasks by name, and what each is; several names with a plus between them are a mixture (`learning.mixtures`)."""


def load_task(name: str, *, data: str | Path | None = None, seed: int = 0) -> Task:
    """Load a task by name.

    Args:
        name: one of `TASKS`, or several with a plus between them, such as `sst2+qnli`: a mixture (`learning.mixtures`).
        data: folder with `<name>/train.parquet` and `<name>/validation.parquet`, columns as in `nyu-mll/glue`, or with
            the files as they are called and cut on the hub (`train-00000-of-00001.parquet`); where the folder holds no
            `<name>`, it may be the task's own. Of `cifar10` the files are `train` and `test`, as in `uoft-cs/cifar10`.
            Where not given, the environment variable FEDSWITCH_DATA. Where that is not set either, the Hugging Face hub
            is asked, and a copy that it has left on this machine is used without asking. `reviews`, `questions` and
            `digits` need none of this.
        seed: of the grammars that write `reviews` and `questions`, and of which `digits` are test samples; the other
            tasks do not depend on it.

    Raises:
        ValueError: for an unknown name, tasks that cannot be mixed, and a seed or folder that is none.
        MissingDataError: where the data are not on this machine and cannot be fetched.
        FedswitchError: where they are damaged; the message names the file.
    """
    names = _checked_names(name)
    if len(names) > 1:
        return mixture([load_task(one, data=data, seed=seed) for one in names])
    return _MADE[name](seed=seed) if name in _MADE else _TABLES[name].load(data)


def depends_on_seed(name: str) -> bool:
    """Whether a task differs from seed to seed."""
    return any(one in _MADE for one in name.split(SEPARATOR))


def task_status(name: str, data: str | Path | None = None) -> tuple[bool, str]:
    """Whether a task can be loaded without a network, and from where, or how to get it. Nothing is fetched."""
    there = []
    for one in dict.fromkeys(_checked_names(name)):
        if one in _TABLES:
            there.append(_TABLES[one].status(data))
        else:
            there.append((True, DIGITS_SOURCE if one == "digits" else "made on the spot"))
    return all(known for known, _ in there), "; ".join(dict.fromkeys(told for _, told in there))


def task_files(name: str, data: str | Path | None = None) -> list[Path]:
    """The parquet files that `load_task` reads, of whatever name; none where the task is written, or not in a folder.

    Raises MissingDataError for a part of a set of files.
    """
    return [file for one in name.split(SEPARATOR) if one in _TABLES for file in _TABLES[one].files(data)]


def reviews_task(*, train: int = 8000, test: int = 400, seed: int = 0) -> Task:
    """The embedded task `reviews`, with `train` training and `test` test samples."""
    sets = (reviews.TRAIN_WORDS, train), (reviews.TEST_WORDS, test)
    return _written("reviews", ("negative", "positive"), reviews.write_reviews, sets, seed)


def _labeled_task(name: str, **sizes: int) -> Task:
    """The texts of `reviews` with other labels."""
    label_names, label = _LABELINGS[name]
    written = reviews_task(**sizes)
    train, test = (label(split) for split in (written.train, written.test) if isinstance(split, Split))
    return Task(name, written.source, label_names, train, test)


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


def _checked_names(name: str) -> list[str]:
    """The tasks that a name stands for, several of a mixture; ValueError for one that is not there."""
    names = name.split(SEPARATOR) if isinstance(name, str) else [name]
    for one in names:
        if not isinstance(one, str) or one not in TASKS:
            raise ValueError(f"unknown task {shown(one)}; there are: {', '.join(TASKS)}.{nearest(str(one), TASKS)}")
    return names


def _glue_split(name: str, tables: Sequence[Table]) -> Split:
    """The samples of one part of a task of GLUE."""
    text_columns, label_names = _GLUE[name]
    others = [column for known, _ in _GLUE.values() for column in known]
    samples: list[tuple[Any, ...]] = []
    for table in tables:
        *texts, labels = columns(name, (*text_columns, "label"), others, table)
        for column, cells in zip(text_columns, texts, strict=True):
            odd = [place for place, cell in enumerate(cells) if not isinstance(cell, str)]
            if odd:
                raise FedswitchError(
                    f"{table[0]} does not hold text in every row of the column {column}: row {odd[0]} holds "
                    f"{cells[odd[0]]!r}, so leave such rows out or get it anew."
                )
        check_labels(labels, label_names, table[0])
        samples += zip(*texts, labels, strict=True)
    *texts, labels = ([sample[place] for sample in samples] for place in range(len(text_columns) + 1))
    check_variety(name, labels, label_names, tables[-1][0])
    return Split(tuple(texts[0]), np.array(labels, dtype=np.int64), pairs=tuple(texts[1]) if len(texts) > 1 else None)


_MADE: dict[str, Callable[..., Task]] = {"reviews": reviews_task, "questions": questions_task, "digits": digits_task}
_MADE |= {name: partial(_labeled_task, name) for name in _LABELINGS}

_TABLES = {
    name: TableTask(
        name, ("nyu-mll/glue", name), "data", ("train", "validation"), label_names, partial(_glue_split, name),
        "task=reviews or task=questions",
    )
    for name, (_, label_names) in _GLUE.items()
} | {"cifar10": CIFAR}  # fmt: skip
