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
    pq.write_table(table(name, 10) if train is None else train, folder / name / "train.parquet")
    pq.write_table(table(name, 4) if validation is None else validation, folder / name / "validation.parquet")
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
        ({"label": [0, 1, -1, 1]}, "labels 0 and 1 only, as whole numbers, but holds -1"),
        ({"label": [0, 1, None, 1]}, "but holds None"),
        ({"label": [0.0, 1.0, 1.0, 1.0]}, "but holds double"),
        ({"label": ["0", "1", "1", "0"]}, "but holds '0', '1'"),
        ({"question": ["a", None, "b", "c"]}, "does not hold text in every row of the column question"),
        ({"sentence": [1, 2, 3, 4]}, "does not hold text in every row of the column sentence"),
    ],
)
def test_tables_that_are_not_the_task_are_refused_with_file_and_reason(part, changes, words, tmp_path):
    put(tmp_path, "qnli", **{part: table("qnli", 4, **changes)})
    message = complaint("qnli", tmp_path)
    assert words in message
    assert str(tmp_path / "qnli" / f"{part}.parquet") in message


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
        match=r"unknown task 'sst-2'; there are: reviews, questions, sst2, qnli, mrpc\. Did you mean 'sst2'\?",
    ):
        load_task("sst-2")
    with pytest.raises(ValueError, match=r"unknown task 'zzz'; there are: .*mrpc\.$"):
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
    assert task_status("mrpc") == (
        True,
        "nyu-mll/glue, mrpc, from the Hugging Face hub, 10 training and 4 test samples",
    )
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
    assert task.source == "nyu-mll/glue, qnli, from the Hugging Face hub"


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
    assert set(TASKS) == {"reviews", "questions", *GLUE}
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
