import dataclasses
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fedswitch.errors import FedswitchError, MissingDataError
from fedswitch.learning import images, table_tasks
from fedswitch.learning.data import ImageSplit, subset
from fedswitch.learning.images import CIFAR
from fedswitch.learning.table_tasks import DATA_VARIABLE
from fedswitch.learning.tasks import load_task, task_status


def picture(side=32, mode="RGB"):
    stored = io.BytesIO()
    Image.fromarray(np.full((side, side, 3), 7, dtype=np.uint8)).convert(mode).save(stored, "PNG")
    return {"bytes": stored.getvalue(), "path": None}


def broken(cell, place):
    """The same with one byte that is 0."""
    return cell | {"bytes": cell["bytes"][:place] + b"\0" + cell["bytes"][place + 1 :]}


def table(count=12, **columns):
    given = {"img": [picture() for _ in range(count)], "label": [k % 10 for k in range(count)]} | columns
    return pa.table({name: values for name, values in given.items() if values is not None})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "cifar10").mkdir()
    for part in CIFAR.parts:
        pq.write_table(table(), tmp_path / "cifar10" / f"{part}.parquet")
    return tmp_path


def test_cifar_is_read_from_a_folder(folder, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(folder))
    for task in (load_task("cifar10"), load_task("cifar10", data=folder)):
        assert task.num_labels == 10
        assert task.train.images.shape == (12, 32, 32, 3)
        assert (task.train.images == 7).all()
        assert task.test.labels.tolist() == [k % 10 for k in range(12)]
        assert "sha256 train.parquet" in task.source
    assert task_status("cifar10") == (True, f"{folder / 'cifar10'}, 12 training and 12 test samples")


def test_gray_images_get_three_channels():
    assert images.cifar_split([("it", table(img=[picture(mode="L")] * 12))]).images.shape == (12, 32, 32, 3)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"img": None}, "lacks img among its columns"),
        ({"label": None}, "lacks label among its columns"),
        ({"img": [], "label": []}, "holds no rows"),
        ({"label": [0] * 11 + [10]}, "must hold the labels 0 to 9 only, as whole numbers, but holds 10"),
        ({"label": [-1] + [0] * 11}, "but holds -1: write 0 for airplane, 1 for automobile"),
        ({"label": [None] + [0] * 11}, "but holds None"),
        ({"label": ["cat"] * 12}, "but holds 'cat'"),
        ({"label": [True, False] * 6}, "but holds True"),
        ({"label": [3.0, 2.5] * 6}, "but holds 2.5"),
        ({"label": [3] * 12}, "holds the label 3 only, where the task 'cifar10' has 0 to 9"),
        ({"img": [picture()] * 11 + [picture(28)]}, "32 by 32 pixels, but that of row 11 is 28 by 28"),
        ({"img": [{"bytes": b"no image", "path": None}] * 12}, "does not hold an image in row 0"),
        ({"img": [picture()] * 11 + [None]}, "does not hold an image in row 11"),
        ({"img": ["text"] * 12}, "does not hold an image in row 0"),
        ({"img": [broken(picture(), 37)] * 12}, "does not hold an image in row 0"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_in_one_sentence(columns, says, folder):
    path = folder / "cifar10" / "train.parquet"
    pq.write_table(table(**columns), path)
    with pytest.raises(FedswitchError) as caught:
        load_task("cifar10", data=folder)
    sentence = str(caught.value)
    assert sentence.startswith(str(path))
    assert says in sentence
    assert sentence.endswith(("get it anew.", "leave out rows that have none."))
    assert ". " not in sentence


def test_a_folder_without_parquet_and_a_damaged_file_are_named(folder):
    path = folder / "cifar10" / "test.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FedswitchError, match=r"The data file .*test\.parquet is damaged"):
        load_task("cifar10", data=folder)
    path.unlink()
    with pytest.raises(MissingDataError, match=r"needs the file .*test\.parquet, which is not there: put it there as"):
        load_task("cifar10", data=folder)
    assert not task_status("cifar10", folder)[0]


def test_whether_the_data_are_there_is_told_without_decoding_all_images(folder, monkeypatch):
    looked_at, decoded = [], images._decoded
    monkeypatch.setattr(images, "_decoded", lambda cell, row, where: looked_at.append(row) or decoded(cell, row, where))
    assert task_status("cifar10", folder) == (True, f"{folder / 'cifar10'}, 12 training and 12 test samples")
    assert looked_at == [0, 0]
    path = folder / "cifar10" / "train.parquet"
    for columns, says in (
        ({"label": [11] * 12}, "but holds 11"),
        ({"img": ["text"] * 12}, "not hold an image in row 0"),
    ):
        pq.write_table(table(**columns), path)
        there, why = task_status("cifar10", folder)
        assert not there
        assert says in why


def test_without_a_folder_and_a_network_it_says_how_to_get_the_data(monkeypatch, tmp_path):
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    monkeypatch.setattr(table_tasks, "hub_answers", lambda: False)
    monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: (_ for _ in ()).throw(ConnectionError()))
    with pytest.raises(
        MissingDataError, match=r"are not on this machine: set FEDSWITCH_DATA to a folder that holds cif"
    ):
        load_task("cifar10")


def test_the_hub_gives_the_same_as_a_folder(folder, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    monkeypatch.setattr(table_tasks, "hub_answers", lambda: True)
    asked = []

    def load(name, split):
        asked.append((name, split))
        return [datasets.Dataset(table()) for _ in split]

    monkeypatch.setattr("datasets.load_dataset", load)
    task, local = load_task("cifar10"), load_task("cifar10", data=folder)
    assert asked == [("uoft-cs/cifar10", ["train", "test"])]
    assert task.digest == local.digest
    assert task.source == f"uoft-cs/cifar10, from the Hugging Face hub, sha256 {task.digest[:12]}"


def test_the_clone_of_the_hub_is_read_as_it_is(folder):
    whole = load_task("cifar10", data=folder)
    place = folder / "clone" / "plain_text"
    place.mkdir(parents=True)
    for part in CIFAR.parts:
        pq.write_table(table().slice(0, 5), place / f"{part}-00000-of-00002.parquet")
        pq.write_table(table().slice(5), place / f"{part}-00001-of-00002.parquet")
    assert load_task("cifar10", data=folder / "clone").digest == whole.digest
    assert task_status("cifar10", folder / "clone") == (True, f"{place}, 12 training and 12 test samples")


def test_digits_come_with_scikit_learn_and_are_split_by_seed():
    first, again, other = (load_task("digits", seed=seed) for seed in (0, 0, 1))
    assert (len(first.train), len(first.test), first.num_labels) == (1437, 360, 10)
    assert np.array_equal(first.train.images, again.train.images)
    assert not np.array_equal(first.train.images, other.train.images)
    assert first.train.images.max() == 255
    assert np.bincount(first.test.labels).min() > 15
    assert task_status("digits") == (True, "comes with scikit-learn")


def test_a_digest_tells_images_apart():
    one = load_task("digits")
    changed = one.train.images.copy()
    changed[5, 1, 1, 0] ^= 1
    others = [
        dataclasses.replace(one, train=ImageSplit(changed, one.train.labels)),
        dataclasses.replace(one, train=ImageSplit(one.train.images.reshape(-1, 4, 16, 3), one.train.labels)),
        dataclasses.replace(one, train=ImageSplit(one.train.images, one.train.labels[::-1])),
        dataclasses.replace(one, train=one.test, test=one.train),
    ]
    assert len({task.digest for task in (one, *others)}) == 5
    assert dataclasses.replace(one, source="elsewhere").digest == one.digest


def test_what_runs_share_cannot_be_changed():
    given = np.zeros((2, 8, 8, 3), dtype=np.uint8)
    split = ImageSplit(given, [0, 1.0])
    given[0] = 9
    assert not split.images.any()
    assert split.labels.dtype == np.int64
    for array in (split.images, split.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_task_is_of_one_kind():
    digits, reviews = load_task("digits"), load_task("reviews")
    with pytest.raises(ValueError, match="must both be texts, or images"):
        dataclasses.replace(digits, test=reviews.test)


@pytest.mark.parametrize(
    ("shape", "kind", "labels", "says"),
    [
        ((3, 8, 8), np.uint8, 3, r"bytes of shape \(M, height, width, 3\), got uint8 \(3, 8, 8\)"),
        ((3, 8, 8, 1), np.uint8, 3, "bytes of shape"),
        ((3, 8, 8, 3), np.float32, 3, "bytes of shape .* got float32"),
        ((3, 8, 8, 3), np.uint8, 2, "of one size above 0, got 3 and 2"),
        ((0, 8, 8, 3), np.uint8, 0, "of one size above 0, got 0 and 0"),
    ],
)
def test_images_of_a_wrong_shape_are_refused(shape, kind, labels, says):
    with pytest.raises(ValueError, match=says):
        ImageSplit(np.zeros(shape, dtype=kind), np.zeros(labels, dtype=np.int64))


def test_a_subset_of_images_keeps_images_and_labels_together():
    whole = ImageSplit(np.arange(5 * 12).reshape(5, 2, 2, 3).astype(np.uint8), np.arange(5))
    part = subset(whole, np.array([3, 0]))
    assert part.labels.tolist() == [3, 0]
    assert np.array_equal(part.images, whole.images[[3, 0]])
