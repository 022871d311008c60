"""The tasks of images: `digits`, which come with scikit-learn, and `cifar10`, from parquet files or the hub."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FedswitchError, MissingDataError, nearest
from ..streams import stream
from .data import ImageSplit, Task
from .hub import hub_answers
from .tasks import DATA_VARIABLE, TASKS, load_task

HUB_NAME = "uoft-cs/cifar10"
PARTS = ("train", "test")
CIFAR_SIDE = 32
CIFAR_LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
DIGITS_TEST = 360  # of 1,797

IMAGE_TASKS = {
    "digits": "handwritten digits of 8 by 8 pixels, which come with scikit-learn",
    "cifar10": "CIFAR-10: photographs of 32 by 32 pixels in ten classes",
}
"""The tasks of images by name, and what each is."""


def load_any_task(name: str, *, data: str | Path | None = None, seed: int = 0) -> Task:
    """Load a task of texts (`tasks.TASKS`) or of images (`IMAGE_TASKS`) by name.

    Arguments and errors are those of `tasks.load_task`; `cifar10` is read from `cifar10/train.parquet` and
    `cifar10/test.parquet` in that folder, with columns as in `uoft-cs/cifar10`. `digits` needs no data; `seed` decides
    which of them are test samples.
    """
    if name in TASKS:
        return load_task(name, data=data, seed=seed)
    if name == "digits":
        return digits_task(seed=seed)
    if name != "cifar10":
        known = [*TASKS, *IMAGE_TASKS]
        raise ValueError(f"unknown task {name!r}; there are: {', '.join(known)}.{nearest(name, known)}")
    folder = data if data is not None else os.environ.get(DATA_VARIABLE)
    return _cifar_from_folder(Path(folder) / name) if folder else _cifar_from_hub()


def image_task_status(name: str, data: str | Path | None = None) -> tuple[bool, str]:
    """Whether a task of images can be loaded from this machine, and from where, or how to get it."""
    if name == "digits":
        return True, "comes with scikit-learn"
    named = data if data is not None else os.environ.get(DATA_VARIABLE)
    folder = Path(named or ".") / name
    missing = [part for part in PARTS if not (folder / f"{part}.parquet").is_file()]
    return (True, str(folder)) if named and not missing else (False, _how_to_get())


def digits_task(*, seed: int = 0) -> Task:
    """The task `digits`: 1,437 training and 360 test samples, told apart by `seed`."""
    import sklearn
    from sklearn.datasets import load_digits

    found = load_digits()
    gray = np.round(found.images * (255.0 / 16.0)).astype(np.uint8)
    images = np.repeat(gray[..., np.newaxis], 3, axis=-1)
    order = stream(seed, "digits").permutation(len(images))
    test, train = (
        ImageSplit(images[part], found.target[part].astype(np.int64))
        for part in (order[:DIGITS_TEST], order[DIGITS_TEST:])
    )
    source = f"load_digits of scikit-learn {sklearn.__version__}, test samples by seed {seed}"
    return Task("digits", source, tuple(map(str, range(10))), train, test)


def _how_to_get() -> str:
    return (
        f"let {DATA_VARIABLE} name a folder with cifar10/train.parquet and cifar10/test.parquet as in {HUB_NAME}, or "
        "connect to the network so that they come from the Hugging Face hub"
    )


def _cifar_from_folder(folder: Path) -> Task:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    splits, digests = [], []
    for part in PARTS:
        path = folder / f"{part}.parquet"
        if not path.is_file():
            raise MissingDataError(
                f"The task 'cifar10' needs the file {path}, which is not there: {_how_to_get()}, or use task=digits."
            )
        try:
            content = path.read_bytes()
            with ParquetFile(io.BytesIO(content)) as file:
                table = file.read()
        except (ArrowException, OSError) as error:
            raise FedswitchError(f"The data file {path} is damaged, cut short or not readable: get it anew.") from error
        splits.append(cifar_split(table, path))
        digests.append(f"{path.name} {hashlib.sha256(content).hexdigest()[:12]}")
    source = f"parquet files as in {HUB_NAME}, sha256 {' and '.join(digests)}"
    return Task("cifar10", source, CIFAR_LABELS, *splits)


def _cifar_from_hub() -> Task:
    import datasets

    try:
        if not hub_answers() and not datasets.config.HF_HUB_OFFLINE:
            raise ConnectionError("the hub does not answer")
        parts = datasets.load_dataset(HUB_NAME, split=list(PARTS))
    except Exception as error:  # of many kinds, some of them those of the HTTP library of the day
        raise MissingDataError(
            f"The data of the task 'cifar10' are not to be had now ({type(error).__name__}): {_how_to_get()}, or use "
            "task=digits, which needs neither."
        ) from error
    source = f"{HUB_NAME}, from the Hugging Face hub"
    splits = (
        cifar_split(rows.with_format("arrow")[:], f"The {part} set of {source},")
        for part, rows in zip(PARTS, parts, strict=True)
    )
    return Task("cifar10", source, CIFAR_LABELS, *splits)


def cifar_split(table: Any, where: object) -> ImageSplit:
    """The samples of one part of CIFAR-10, from the columns `img` (files of images) and `label` of a table.

    Raises FedswitchError that names `where` and the first row that is wrong: for a column that is missing, what is no
    image, or one of another size than 32 by 32, and a label outside 0..9.
    """
    missing = [column for column in ("img", "label") if column not in table.column_names]
    if missing:
        raise FedswitchError(
            f"{where} lacks {', '.join(missing)} among its columns ({', '.join(table.column_names)}), which the task "
            "'cifar10' needs: get it anew."
        )
    if not table.num_rows:
        raise FedswitchError(f"{where} holds no rows: get it anew.")
    labels = table["label"].to_pylist()
    for row, label in enumerate(labels):
        if not isinstance(label, int) or isinstance(label, bool) or not 0 <= label < len(CIFAR_LABELS):
            raise FedswitchError(
                f"{where} must hold labels from 0 to {len(CIFAR_LABELS) - 1}, but row {row} holds {label!r}: get it "
                "anew."
            )
    images = np.empty((table.num_rows, CIFAR_SIDE, CIFAR_SIDE, 3), dtype=np.uint8)
    for row, cell in enumerate(table["img"].to_pylist()):
        image = _decoded(cell, row, where)
        if image.shape != images.shape[1:]:
            height, width = image.shape[:2]
            raise FedswitchError(
                f"{where} must hold images of {CIFAR_SIDE} by {CIFAR_SIDE} pixels, but that of row {row} is {width} by "
                f"{height}: get it anew."
            )
        images[row] = image
    return ImageSplit(images, np.array(labels, dtype=np.int64))


def _decoded(cell: Any, row: int, where: object) -> NDArray[np.uint8]:
    """The pixels of an image, (height, width, 3)."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(cell["bytes"])) as image:
            return np.asarray(image.convert("RGB"))
    except (TypeError, KeyError, OSError, ValueError) as error:
        raise FedswitchError(f"{where} does not hold an image in row {row} of the column img: get it anew.") from error
