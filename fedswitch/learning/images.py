"""The tasks of images: `digits`, which come with scikit-learn, and `cifar10`, from parquet files or the hub."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arguments import seed_number
from ..errors import FedswitchError
from ..streams import stream
from .data import ImageSplit, Task
from .table_tasks import Table, TableTask, check_labels, check_variety, columns

CIFAR_SIDE = 32
CIFAR_LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
DIGITS_SOURCE = "comes with scikit-learn"
DIGITS_TEST = 360  # of 1,797


def digits_task(*, seed: int = 0) -> Task:
    """The task `digits`: 1,437 training and 360 test samples, told apart by `seed`."""
    import sklearn
    from sklearn.datasets import load_digits

    found = load_digits()
    gray = np.round(found.images * (255.0 / 16.0)).astype(np.uint8)
    images = np.repeat(gray[..., np.newaxis], 3, axis=-1)
    order = stream(seed, "digits").permutation(len(images))
    test, train = (ImageSplit(images[part], found.target[part]) for part in (order[:DIGITS_TEST], order[DIGITS_TEST:]))
    source = f"load_digits of scikit-learn {sklearn.__version__}, test samples by seed {seed_number('seed', seed)}"
    return Task("digits", source, tuple(map(str, range(10))), train, test)


def cifar_split(tables: Sequence[Table]) -> ImageSplit:
    """The samples of one part of CIFAR-10, from the columns `img` (files of images) and `label` of its tables.

    Raises FedswitchError that names the table and the first row that is wrong: for a column that is missing, what is no
    image, or one of another size than 32 by 32, and a label outside 0..9.
    """
    files, labels = _columns(tables)
    images = [_decoded(cell, row, table[0]) for table, cells in zip(tables, files, strict=True)
              for row, cell in enumerate(cells)]  # fmt: skip
    return ImageSplit(np.stack(images), np.array(labels, dtype=np.int64))


def count_cifar(tables: Sequence[Table]) -> int:
    """How many samples of CIFAR-10 tables hold. All labels are looked at, and of each table the first image.

    Raises FedswitchError as `cifar_split`.
    """
    files, labels = _columns(tables)
    for table, cells in zip(tables, files, strict=True):
        for cell in cells[:1]:
            _decoded(cell, 0, table[0])
    return len(labels)


def _columns(tables: Sequence[Table]) -> tuple[list[list[Any]], list[Any]]:
    """The files of images of each table, and the labels of all."""
    files, labels = [], []
    for table in tables:
        cells, held = columns("cifar10", ("img", "label"), (), table)
        check_labels(held, CIFAR_LABELS, table[0])
        files.append(cells)
        labels += held
    check_variety("cifar10", labels, CIFAR_LABELS, tables[-1][0])
    return files, labels


def _decoded(cell: Any, row: int, where: object) -> NDArray[np.uint8]:
    """The pixels of an image, (32, 32, 3)."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(cell["bytes"])) as image:
            if image.size != (CIFAR_SIDE, CIFAR_SIDE):
                raise FedswitchError(
                    f"{where} must hold images of {CIFAR_SIDE} by {CIFAR_SIDE} pixels, but that of row {row} is "
                    f"{image.size[0]} by {image.size[1]}: get it anew."
                )
            return np.asarray(image.convert("RGB"))
    except (TypeError, KeyError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise FedswitchError(f"{where} does not hold an image in row {row} of the column img: get it anew.") from error


CIFAR = TableTask(
    "cifar10",
    ("uoft-cs/cifar10",),
    "plain_text",
    ("train", "test"),
    CIFAR_LABELS,
    cifar_split,
    "task=digits",
    count_cifar,
)
"""The task `cifar10`, with columns as in `uoft-cs/cifar10`."""
