import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fedswitch.errors import FedswitchError, MissingDataError
from fedswitch.learning import images
from fedswitch.learning.data import ImageSplit, subset
from fedswitch.learning.images import IMAGE_TASKS, image_task_status, load_any_task


def picture(side=32, mode="RGB"):
    stored = io.BytesIO()
    Image.fromarray(np.full((side, side, 3), 7, dtype=np.uint8)).convert(mode).save(stored, "PNG")
    return {"bytes": stored.getvalue(), "path": None}


def table(count=12, **columns):
    given = {"img": [picture() for _ in range(count)], "label": [k % 10 for k in range(count)]} | columns
    return pa.table({name: values for name, values in given.items() if values is not None})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "cifar10").mkdir()
    for part in images.PARTS:
        pq.write_table(table(), tmp_path / "cifar10" / f"{part}.parquet")
    return tmp_path


def test_cifar_is_read_from_a_folder(folder, monkeypatch):
    monkeypatch.setenv(images.DATA_VARIABLE, str(folder))
    for task in (load_any_task("cifar10"), load_any_task("cifar10", data=folder)):
        assert task.num_labels == 10
        assert task.train.images.shape == (12, 32, 32, 3)
        assert (task.train.images == 7).all()
        assert task.test.labels.tolist() == [k % 10 for k in range(12)]
        assert "sha256 train.parquet" in task.source
    assert image_task_status("cifar10") == (True, str(folder / "cifar10"))


def test_gray_images_get_three_channels():
    assert images.cifar_split(table(img=[picture(mode="L")] * 12), "it").images.shape == (12, 32, 32, 3)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"img": None}, "lacks img among its columns"),
        ({"label": None}, "lacks label among its columns"),
        ({"img": [], "label": []}, "holds no rows"),
        ({"label": [0] * 11 + [10]}, "must hold labels from 0 to 9, but row 11 holds 10"),
        ({"label": [-1] + [0] * 11}, "must hold labels from 0 to 9, but row 0 holds -1"),
        ({"label": [None] + [0] * 11}, "must hold labels from 0 to 9, but row 0 holds None"),
        ({"label": ["cat"] * 12}, "must hold labels from 0 to 9, but row 0 holds 'cat'"),
        ({"img": [picture()] * 11 + [picture(28)]}, "32 by 32 pixels, but that of row 11 is 28 by 28"),
        ({"img": [{"bytes": b"no image", "path": None}] * 12}, "does not hold an image in row 0"),
        ({"img": [picture()] * 11 + [None]}, "does not hold an image in row 11"),
        ({"img": ["text"] * 12}, "does not hold an image in row 0"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_in_one_sentence(columns, says, folder):
    path = folder / "cifar10" / "train.parquet"
    pq.write_table(table(**columns), path)
    with pytest.raises(FedswitchError) as caught:
        load_any_task("cifar10", data=folder)
    sentence = str(caught.value)
    assert sentence.startswith(str(path))
    assert says in sentence
    assert sentence.endswith("get it anew.")


def test_a_folder_without_parquet_and_a_damaged_file_are_named(folder):
    path = folder / "cifar10" / "test.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FedswitchError, match=r"The data file .*test\.parquet is damaged"):
        load_any_task("cifar10", data=folder)
    path.unlink()
    with pytest.raises(MissingDataError, match=r"needs the file .*test\.parquet, which is not there: let FEDSWITCH"):
        load_any_task("cifar10", data=folder)
    assert not image_task_status("cifar10", folder)[0]


def test_without_a_folder_and_a_network_it_says_how_to_get_the_data(monkeypatch, tmp_path):
    monkeypatch.delenv(images.DATA_VARIABLE, raising=False)
    monkeypatch.setattr(images, "hub_answers", lambda: False)
    monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: (_ for _ in ()).throw(ConnectionError()))
    with pytest.raises(MissingDataError, match=r"not to be had now \(ConnectionError\): let FEDSWITCH_DATA name"):
        load_any_task("cifar10")


def test_the_hub_gives_the_same_as_a_folder(folder, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.delenv(images.DATA_VARIABLE, raising=False)
    monkeypatch.setattr(images, "hub_answers", lambda: True)
    asked = []

    def load(name, split):
        asked.append((name, split))
        return [datasets.Dataset(table()) for _ in split]

    monkeypatch.setattr("datasets.load_dataset", load)
    task, local = load_any_task("cifar10"), load_any_task("cifar10", data=folder)
    assert asked == [("uoft-cs/cifar10", ["train", "test"])]
    for ours, theirs in ((task.train, local.train), (task.test, local.test)):
        assert np.array_equal(ours.images, theirs.images)
        assert np.array_equal(ours.labels, theirs.labels)


def test_digits_come_with_scikit_learn_and_are_split_by_seed():
    first, again, other = (load_any_task("digits", seed=seed) for seed in (0, 0, 1))
    assert (len(first.train), len(first.test), first.num_labels) == (1437, 360, 10)
    assert np.array_equal(first.train.images, again.train.images)
    assert not np.array_equal(first.train.images, other.train.images)
    assert first.train.images.max() == 255
    assert np.bincount(first.test.labels).min() > 15
    assert image_task_status("digits")[0]


def test_tasks_of_texts_are_loaded_as_ever():
    assert load_any_task("reviews").train.texts
    assert json.dumps(IMAGE_TASKS)


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
