import http.server
import os
import re
import socket
import threading
from pathlib import Path

import datasets
import huggingface_hub
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets.packaged_modules.parquet.parquet import Parquet

from fedswitch.errors import FedswitchError, MissingDataError
from fedswitch.learning.tasks import TASKS, load_task, questions_task, reviews_task, task_status

REAL_DATA = os.environ.get("FEDSWITCH_DATA")
COLUMNS = {"sst2": ("sentence",), "qnli": ("question", "sentence"), "mrpc": ("sentence1", "sentence2")}
GLUE = tuple(COLUMNS)
LOOPBACK = "127.0.0.1"
# what a tool that knows one-byte letters only may leave in a column of text
NOT_UTF8 = pa.array([b"caf\xe9"] * 4).view(pa.string())
# both libraries read HF_HUB_OFFLINE once, when they are imported
OFFLINE_SWITCHES = (datasets.config, huggingface_hub.constants)


@pytest.fixture(autouse=True)
def nothing_at_hand(monkeypatch, tmp_path):
    """No folder named, nothing in the hub's cache, and no network: reaching out of this machine fails the test."""
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def local_connect(self, address):
        return connect(self, (local(address[0]), *address[1:]))

    def local_resolve(host, *args, **kwargs):
        return resolve(local(host), *args, **kwargs)

    def local(host):
        if host != LOOPBACK:
            pytest.fail(f"a connection to {host} was tried")
        return host

    monkeypatch.delenv("FEDSWITCH_DATA", raising=False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    for switch in OFFLINE_SWITCHES:
        monkeypatch.setattr(switch, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket.socket, "connect", local_connect)
    monkeypatch.setattr(socket, "getaddrinfo", local_resolve)


@pytest.fixture
def offline(monkeypatch):
    """The person has set HF_HUB_OFFLINE."""
    for switch in OFFLINE_SWITCHES:
        monkeypatch.setattr(switch, "HF_HUB_OFFLINE", True)


def table(name: str, count: int, **changes) -> pa.Table:
    """A small data set with the columns of GLUE; `changes` replace or, where None, remove a column."""
    columns = {column: [f"{column} {i} " for i in range(count)] for column in COLUMNS[name]}
    columns |= {"label": [i % 2 for i in range(count)], "idx": list(range(count))} | changes
    return pa.table({column: cells for column, cells in columns.items() if cells is not None})


def put(folder: Path, name: str, train: pa.Table | None = None, validation: pa.Table | None = None) -> Path:
    (folder / name).mkdir(parents=True, exist_ok=True)
    for part, given, count in (("train", train, 10), ("validation", validation, 4)):
        with (folder / name / f"{part}.parquet").open("wb") as file:  # Arrow knows no path that is not UTF-8
            pq.write_table(table(name, count) if given is None else given, file)
    return folder


def complaint(name: str, folder: Path | None = None, error: type[Exception] = FedswitchError) -> str:
    """The message of the refusal to load, which must be one sentence."""
    with pytest.raises(error) as refusal:
        load_task(name, data=folder)
    message = str(refusal.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert ". " not in message
    return message


@pytest.mark.parametrize("name", GLUE)
def test_a_folder_is_read_as_it_is(name, tmp_path):
    task = load_task(name, data=put(tmp_path, name))
    assert (task.name, task.num_labels, len(task.label_names)) == (name, 2, 2)
    assert (len(task.train), len(task.test)) == (10, 4)
    np.testing.assert_array_equal(task.train.labels, np.arange(10) % 2)
    assert task.train.labels.dtype == np.int64
    first, *second = COLUMNS[name]
    assert task.train.texts[3] == f"{first} 3 "
    assert (task.train.pairs[9] if second else task.train.pairs) == (f"{second[0]} 9 " if second else None)
    assert task.train.domains is None
    assert task_status(name, tmp_path) == (True, f"{tmp_path / name}, 10 training and 4 test samples")


def test_the_environment_names_the_folder_unless_an_argument_does(tmp_path, monkeypatch):
    monkeypatch.setenv("FEDSWITCH_DATA", str(put(tmp_path / "one", "sst2")))
    assert len(load_task("sst2").train) == 10
    other = put(tmp_path / "two", "sst2", train=table("sst2", 6))
    assert len(load_task("sst2", data=str(other)).train) == 6


def test_the_source_tells_data_apart_but_not_folders(tmp_path):
    one, same = (load_task("sst2", data=put(tmp_path / folder, "sst2")).source for folder in ("one", "two"))
    other = load_task("sst2", data=put(tmp_path / "three", "sst2", validation=table("sst2", 5))).source
    assert one == same != other
    assert str(tmp_path) not in one


@pytest.mark.parametrize("absent", ["train.parquet", "validation.parquet"])
def test_a_folder_without_the_task_is_not_made_up_for_by_the_hub(absent, tmp_path):
    missing = put(tmp_path, "qnli") / "qnli" / absent
    missing.unlink()
    message = complaint("qnli", tmp_path, MissingDataError)
    assert str(missing) in message
    assert "FEDSWITCH_DATA" in message
    assert task_status("qnli", tmp_path) == (False, message)


@pytest.mark.parametrize("part", ["train", "validation"])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"label": None}, "lacks label among its columns (question, sentence, idx)"),
        ({"question": None, "sentence": None}, "lacks question, sentence"),
        ({"sentence1": ["a", "b", "c", "d"]}, "holds sentence1, of another task, among its columns"),
        ({"label": [0, 1, -1, 1]}, "labels 0 and 1 only, as whole numbers, but holds -1"),
        ({"label": [0, 1, None, 1]}, "but holds None"),
        ({"label": pa.array([0, 1, 2**64 - 1, 1], pa.uint64())}, "but holds 18446744073709551615"),
        ({"label": [0.0, 1.0, 0.5, 1.0]}, "but holds 0.5"),
        ({"label": [0.0, 1.0, float("nan"), 1.0]}, "but holds nan"),
        ({"label": ["0", "1", "1", "0"]}, "but holds '0': write 0 for entailment, 1 for not_entailment"),
        ({"label": [True, False, True, True]}, "but holds True"),
        ({"label": [[0], [1], [1], [1]]}, "but holds [0]"),
        ({"label": pa.nulls(4)}, "but holds None"),
        ({"label": [1, 1, 1, 1]}, "holds the label 1 only, where the task 'qnli' has 0 and 1"),
        ({"question": ["a", None, "b", "c"]}, "in every row of the column question: row 1 holds None"),
        ({"sentence": [1, 2, 3, 4]}, "does not hold text in every row of the column sentence"),
        ({"sentence": [b"a", b"b", b"c", b"d"]}, "row 0 holds b'a'"),
        ({"sentence": NOT_UTF8}, "is damaged in the column sentence"),
    ],
)
def test_tables_that_are_not_the_task_are_refused_with_file_and_reason(part, changes, words, tmp_path):
    put(tmp_path, "qnli", **{part: table("qnli", 4, **changes)})
    message = complaint("qnli", tmp_path)
    assert words in message
    assert str(tmp_path / "qnli" / f"{part}.parquet") in message


@pytest.mark.parametrize("part", ["train", "validation"])
@pytest.mark.parametrize("column", ["question", "sentence", "label", "idx"])
def test_a_column_that_is_there_twice_is_named_if_it_matters(column, part, tmp_path):
    whole = table("qnli", 4)
    put(tmp_path, "qnli", **{part: whole.append_column(column, whole[column])})
    if column == "idx":
        assert load_task("qnli", data=tmp_path).train.texts
        return
    message = complaint("qnli", tmp_path)
    assert f"{part}.parquet holds more than one column {column}: leave one of them" in message


@pytest.mark.parametrize(
    "texts",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int8(), pa.string()),
        pa.dictionary(pa.int32(), pa.large_string()),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "labels",
    [pa.int8(), pa.uint64(), pa.float16(), pa.float64(), pa.decimal128(21, 1), pa.dictionary(pa.int8(), pa.int64())],
    ids=str,
)
def test_whatever_types_hold_texts_and_whole_labels_they_are_read_as_the_same(texts, labels, tmp_path):
    plain = table("qnli", 4)
    changes = {name: plain[name].cast(pa.string()) for name in COLUMNS["qnli"]}
    changes = {name: retyped(cells, texts) for name, cells in changes.items()} | {
        "label": retyped(plain["label"], labels)
    }
    task, same = (
        load_task("qnli", data=put(tmp_path / str(i), "qnli", train=table("qnli", 4, **each)))
        for i, each in enumerate((changes, {}))
    )
    assert task.digest == same.digest
    assert isinstance(task.train.texts[0], str)
    assert task.train.labels.dtype == np.int64


def retyped(cells, kind):
    """A column in another type; Arrow casts to no dictionary of large strings, and through floats only."""
    if pa.types.is_dictionary(kind):
        return cells.cast(kind.value_type).dictionary_encode()
    return cells.cast(pa.float32()).cast(kind) if pa.types.is_float16(kind) else cells.cast(kind)


NAMES_AS_ON_THE_HUB = {
    "as documented": ("sst2", ["{}.parquet"]),
    "glue, cloned": ("sst2", ["{}-00000-of-00001.parquet"]),
    "several shards": ("sst2", [f"{{}}-0000{i}-of-00003.parquet" for i in range(3)]),
    "with a digest": ("sst2", ["{}-00000-of-00002-0a1b.parquet", "{}-00001-of-00002-ff.parquet"]),
    "converted": ("sst2", ["{}/0000.parquet", "{}/0001.parquet"]),
    "one task, cloned, its parent named": ("sst2/data", ["{}-00000-of-00001.parquet"]),
    "one task, cloned": ("data", ["{}-00000-of-00001.parquet"]),
    "the folder of the task": (".", ["{}.parquet"]),
}


@pytest.mark.parametrize("layout", NAMES_AS_ON_THE_HUB)
def test_files_are_found_as_they_are_called_and_cut_on_the_hub(layout, tmp_path):
    place, names = NAMES_AS_ON_THE_HUB[layout]
    plain = load_task("sst2", data=put(tmp_path / "plain", "sst2"))
    for part, count in (("train", 10), ("validation", 4)):
        cuts = np.linspace(0, count, len(names) + 1).astype(int)
        for name, start, stop in reversed([*zip(names, cuts[:-1], cuts[1:], strict=True)]):
            path = tmp_path / "hub" / place / name.format(part)
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table("sst2", count)[start:stop], path)
            path.with_name(f"._{path.name}").write_text("what other systems leave beside a file")
    (tmp_path / "hub" / place / "train_provenance.parquet").write_text("of no concern")
    task = load_task("sst2", data=tmp_path / "hub")
    assert task.digest == plain.digest
    assert task.source.count(".parquet ") == 2 * len(names)
    assert task_status("sst2", tmp_path / "hub")[0]


@pytest.mark.parametrize(
    "names",
    [
        ["train-00001-of-00002.parquet"],
        ["train-00000-of-00003.parquet", "train-00002-of-00003.parquet"],
        ["train-00000-of-00001.parquet", "train-00000-of-00002.parquet"],
        ["train-00000-of-00001-a.parquet", "train-00000-of-00001-b.parquet"],
    ],
)
def test_shards_that_are_missing_or_of_two_sets_are_refused(names, tmp_path):
    put(tmp_path, "sst2")
    (tmp_path / "sst2" / "train.parquet").unlink()
    for name in names:
        pq.write_table(table("sst2", 4), tmp_path / "sst2" / name)
    message = complaint("sst2", tmp_path, MissingDataError)
    assert "are not one whole set" in message
    assert all(name in message for name in names)


@pytest.mark.parametrize("name", ["\udcff not UTF-8", "quite odd, 'so' \n", "ö 漢 🙂", "~", "[a-z]*", "100%"])
def test_a_folder_of_data_may_have_any_name(name, tmp_path):
    assert len(load_task("mrpc", data=put(tmp_path / name, "mrpc")).train) == 10


@pytest.mark.parametrize("home", [True, False])
def test_the_home_folder_may_be_named_in_short(home, tmp_path, monkeypatch):
    """A tilde in a variable is expanded by no shell; where nobody has a home, it is a name as others are."""
    put(tmp_path / "glue", "sst2")
    monkeypatch.setenv("FEDSWITCH_DATA", "~/glue" if home else "~nobody-of-this-name/glue")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    if home:
        assert len(load_task("sst2").train) == 10
    else:
        assert "~nobody-of-this-name" in complaint("sst2", error=MissingDataError)


def test_a_pointer_of_git_lfs_is_called_so(tmp_path):
    path = put(tmp_path, "sst2") / "sst2" / "train.parquet"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 3110468\n")
    assert "git lfs pull" in complaint("sst2", tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"label,sentence\n0,bad\n", b"PAR1" + bytes(20) + b"PAR1", bytes(1000)]
)
def test_a_file_of_another_kind_is_refused(content, tmp_path):
    path = put(tmp_path, "sst2") / "sst2" / "validation.parquet"
    path.write_bytes(content)
    message = complaint("sst2", tmp_path)
    assert str(path) in message
    assert "no parquet file" in message


def test_an_empty_table_is_refused(tmp_path):
    message = complaint("sst2", put(tmp_path, "sst2", train=table("sst2", 4).slice(0, 0)))
    assert "train.parquet holds no rows" in message


@pytest.mark.parametrize("kept", [0, 3, 200, -1])
def test_a_truncated_file_is_refused(kept, tmp_path):
    path = put(tmp_path, "sst2") / "sst2" / "train.parquet"
    path.write_bytes(path.read_bytes()[:kept])
    message = complaint("sst2", tmp_path)
    assert str(path) in message
    assert "damaged" in message


def test_an_unknown_task_is_refused_with_the_nearest_name():
    with pytest.raises(
        ValueError,
        match=r"unknown task 'sst-2'; there are: reviews, questions, sst2, .*topics\. Did you mean 'sst2'\?",
    ):
        load_task("sst-2")
    with pytest.raises(ValueError, match=r"unknown task 'zzz'; there are: .*cifar10, .*topics\.$"):
        task_status("zzz")


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", GLUE)
def test_without_data_and_network_the_message_says_how_to_get_them(name):
    message = complaint(name, error=MissingDataError)
    for words in (
        "not on this machine",
        f"{name}/train.parquet",
        "FEDSWITCH_DATA",
        "network",
        "task=reviews",
        "task=questions",
    ):
        assert words in message
    available, how = task_status(name)
    assert not available
    assert how in message


def cached(folder: Path, name: str) -> None:
    """Leave what a download of `nyu-mll/glue` leaves in the cache of `datasets`."""
    put(folder, name)
    files = {part: [str(folder / name / f"{part}.parquet")] for part in ("train", "validation")}
    cache = Path(datasets.config.HF_DATASETS_CACHE)
    builder = Parquet(str(cache), "glue", config_name=name, config_id=name, hash="0" * 40, data_files=files)
    builder.download_and_prepare()
    (cache / "glue").rename(cache / "nyu-mll___glue")


def test_an_earlier_download_is_used_without_a_network(tmp_path, capfd):
    cached(tmp_path, "mrpc")
    capfd.readouterr()
    task = load_task("mrpc")
    assert task.train.pairs[9] == "sentence2 9 "
    assert (len(task.train), len(task.test)) == (10, 4)
    assert task_status("mrpc") == (True, f"{task.source}, 10 training and 4 test samples")
    assert capfd.readouterr() == ("", "")
    assert not task_status("sst2")[0]
    assert datasets.config.HF_HUB_OFFLINE is False


@pytest.fixture
def hub(monkeypatch):
    """A hub on this machine that gives every request the status in its list, and keeps count of the requests."""
    monkeypatch.setenv("NO_PROXY", LOOPBACK)
    huggingface_hub.close_session()
    statuses, requests = [200], []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            requests.append(self.path)
            self.send_response(statuses[0])
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://{LOOPBACK}:{server.server_port}")
        yield statuses, requests
        server.shutdown()


@pytest.fixture
def downloads(monkeypatch):
    """Replaces `load_dataset` by one that needs the network, and keeps what it was asked for online."""
    asked = []

    def load(repository, name, *, split):
        if datasets.config.HF_HUB_OFFLINE:
            raise ConnectionError("not cached")
        asked.append((repository, name, split))
        return [datasets.Dataset(table(name, count)) for count in (10, 4)]

    monkeypatch.setattr(datasets, "load_dataset", load)
    return asked


def test_the_hub_is_asked_where_it_answers(hub, downloads):
    assert not task_status("qnli")[0]
    assert not hub[1]
    task = load_task("qnli")
    assert downloads == [("nyu-mll/glue", "qnli", ["train", "validation"])]
    assert (task.train.texts[3], task.train.pairs[3], len(task.test)) == ("question 3 ", "sentence 3 ", 4)
    assert task.source == f"nyu-mll/glue, qnli, from the Hugging Face hub, sha256 {task.digest[:12]}"


def test_a_hub_that_is_out_of_order_or_out_of_reach_is_asked_once(hub, downloads, monkeypatch, capfd):
    statuses, requests = hub
    statuses[0] = 503
    assert "not on this machine" in complaint("sst2", error=MissingDataError)
    with socket.create_server((LOOPBACK, 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://{LOOPBACK}:{port}")
    assert "not on this machine" in complaint("sst2", error=MissingDataError)
    assert len(requests) == 1
    assert not downloads
    assert capfd.readouterr() == ("", "")


def test_a_download_that_fails_says_why(hub, monkeypatch):
    def fail(*args, **kwargs):
        raise TimeoutError

    monkeypatch.setattr(datasets, "load_dataset", fail)
    assert "not to be had now (TimeoutError)" in complaint("sst2", error=MissingDataError)


@pytest.mark.parametrize(("name", "make"), [("reviews", reviews_task), ("questions", questions_task)])
def test_embedded_tasks_need_nothing(name, make):
    task = load_task(name, seed=3)
    assert (task.name, len(task.train), len(task.test)) == (name, 8000, 400)
    assert task.train.labels.mean() == task.test.labels.mean() == 0.5
    for split in (task.train, task.test):
        per_domain = np.bincount(split.domains)
        assert len(per_domain) == 6
        assert per_domain.max() - per_domain.min() <= 2
    for count in (0, -1, 2.5, "20", None):
        with pytest.raises(ValueError, match=rf"count = {count!r} must be a whole number of at least 1"):
            make(train=count)
    again, other, few = load_task(name, seed=3), load_task(name, seed=4), make(train=20, test=6, seed=3)
    assert (again.train.texts, again.train.pairs) == (task.train.texts, task.train.pairs)
    assert other.train.texts != task.train.texts
    assert (few.train.texts, few.test.texts) == (task.train.texts[:20], task.test.texts[:6])
    assert "seed 3" in task.source
    assert task_status(name) == (True, "made on the spot")


def test_a_question_comes_with_a_sentence_that_names_its_product():
    task = questions_task(train=200, test=200)
    assert task.label_names[0] == "answer"
    for split in (task.train, task.test):
        for question, sentence in zip(split.texts, split.pairs, strict=True):
            assert question.endswith("?")
            assert sentence.endswith(".")
            assert set(re.findall(r"the (\w+)", question)) & set(re.findall(r"the (\w+)", sentence.lower()))


def test_every_task_has_a_description():
    flipped = {f"flipped_{kinds}" for kinds in range(1, 7)}
    assert set(TASKS) == {"reviews", "questions", *GLUE, "digits", "cifar10", "topics", *flipped}
    assert all(TASKS.values())


@pytest.mark.skipif(REAL_DATA is None, reason="FEDSWITCH_DATA names no folder with the real data")
@pytest.mark.parametrize(
    ("name", "validation", "of_label_1"), [("sst2", 872, 444), ("qnli", 5463, 2761), ("mrpc", 408, 279)]
)
def test_the_real_validation_sets_are_complete(name, validation, of_label_1):
    """Sizes and label counts as published with GLUE."""
    if not Path(REAL_DATA, name).is_dir():
        pytest.skip(f"FEDSWITCH_DATA holds no {name}")
    task = load_task(name, data=REAL_DATA)
    assert (len(task.test), task.test.labels.sum()) == (validation, of_label_1)
    assert len(task.train) > 3000
