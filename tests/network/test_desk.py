"""Packets, the desk of a node's worker, and the way of a question by Flower's messages, all without a port."""

import contextlib
import io
import json
import pickle
import signal
import subprocess
import sys
import threading
import zipfile
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from waiting import is_gone, wait_for

from fedswitch.network import desk
from fedswitch.network.packets import Packet
from fedswitch.network.processes import our_command, spawn, stop


class Boom:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return exec, ("raise SystemExit('unpickled')",)


def npz(**entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def npy(value):
    buffer = io.BytesIO()
    np.save(buffer, value, allow_pickle=True)
    return buffer.getvalue()


@given(
    st.dictionaries(st.text(min_size=1, max_size=5), st.none() | st.booleans() | st.integers(-9, 9) | st.text()),
    arrays(st.sampled_from([np.float32, np.int64, np.bool_]), st.tuples(st.integers(0, 3), st.integers(0, 3))),
)
def test_a_packet_is_what_was_packed(record, array):
    found = Packet.unpack(Packet(record, {"0": array}).pack())
    assert found.record == record
    np.testing.assert_array_equal(found.arrays["0"], array)
    assert found.arrays["0"].dtype == array.dtype


@pytest.mark.parametrize(
    "data",
    [
        b"", b"no zip", npy(np.ones(2)), pickle.dumps(Boom()), npz(**{"0.npy": npy(np.ones(2))}),
        npz(**{"record.npy": npy(np.array([Boom()], dtype=object))}), npz(**{"record.npy": b"not an array"}),
        Packet({}, {"0": np.ones(3)}).pack()[:-30], npz(**{"record.npy": npy(np.frombuffer(b"[1]", dtype=np.uint8))}),
        npz(**{"record.npy": npy(np.frombuffer(b"{}", dtype=np.uint8)), "0.npy": npy(np.array(["text"]))}),
    ],
)  # fmt: skip
def test_what_is_no_packet_is_refused_and_never_unpickled(data):
    with pytest.raises(ValueError, match="packet"):
        Packet.unpack(data)


@given(place=st.integers(0), bit=st.integers(0, 7))
def test_a_packet_with_one_bit_changed_is_refused_or_a_packet(place, bit):
    data = bytearray(Packet({"a": 1}, {"0": np.ones(3)}).pack())
    data[place % len(data)] ^= 1 << bit
    with contextlib.suppress(ValueError):
        assert isinstance(Packet.unpack(bytes(data)), Packet)


@pytest.fixture
def served(tmp_path):
    """A desk that gives back what it is asked, twice the numbers."""
    path = tmp_path / "desk.json"

    def twice(question):
        return Packet(question.record, {name: 2 * array for name, array in question.arrays.items()})

    threading.Thread(target=desk.serve, args=(path, twice), daemon=True).start()
    wait_for(path.exists)
    return path


def test_the_desk_answers_and_outlives_whoever_sends_nonsense_or_leaves(served):
    record = json.loads(served.read_text())
    assert served.stat().st_mode & 0o077 == 0  # nobody else reads the key
    key = bytes.fromhex(record["key"])
    with Client(record["address"], authkey=key) as connection:
        connection.send_bytes(pickle.dumps(Boom()))
    with Client(record["address"], authkey=key):
        pass  # leaves
    with pytest.raises((AuthenticationError, OSError, EOFError)):
        Client(record["address"], authkey=b"another key")
    found = desk.ask(served, Packet({"t": 1}, {"0": np.arange(3.0)}))
    assert found.record == {"t": 1}
    assert found.arrays["0"].tolist() == [0.0, 2.0, 4.0]


def test_a_question_goes_through_flowers_messages_to_the_desk_and_back(served, tmp_path):
    pytest.importorskip("flwr", reason="Flower (extra `network`) is not installed")
    from flwr.app import Context, RecordDict
    from flwr.supercore.task_identity import TaskIdentity

    from fedswitch.network._client_app import app
    from fedswitch.network._flower import FlowerWire

    TaskIdentity.run_id, TaskIdentity.task_id, TaskIdentity.node_id = 1, 1, 1

    class Grid:
        """What `FlowerWire` uses of Flower's grid; node 8 has no worker."""

        def __init__(self):
            self.replies = {}

        def get_node_ids(self):
            return [7, 8]

        def push_messages(self, messages):
            for place, message in enumerate(messages):
                node = message.metadata.dst_node_id
                message.metadata.__dict__["_message_id"] = f"m{place}"
                where = {7: served, 8: tmp_path / "nowhere.json"}[node]
                context = Context(1, node, {"desk": str(where)}, RecordDict(), {}, series_id=1)
                self.replies[f"m{place}"] = app(message, context)
            return list(self.replies)

        def pull_messages(self, names):
            return [self.replies[name] for name in names]

    wire = FlowerWire(Grid(), ttl_s=10.0)
    question = Packet({"t": 1, "ues": [0, 1]}, {"0": np.ones((2, 3), dtype=np.float32), "1": np.arange(2)})
    names = {node: name for name, node in wire.send(dict.fromkeys(wire.online(), question)).items()}
    answers = wire.collect(names.values())
    assert answers[names[7]].record == question.record
    np.testing.assert_array_equal(answers[names[7]].arrays["0"], 2 * question.arrays["0"])
    assert (
        answers[names[8]].record["error"]
        == "its worker does not answer: it is still starting, or has ended and is started again"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the system ends children with their parents on Linux")
def test_a_process_ends_with_the_one_that_started_it(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from fedswitch.network.processes import spawn; "
        "child = spawn([sys.executable, '-c', 'import time; time.sleep(60)'], Path('log'), Path('.')); "
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    wait_for(lambda: is_gone(child))


def test_a_process_that_watches_its_parent_leaves_with_it(tmp_path):
    """Whoever started the middle one has its output as long as the last one lives."""
    last = (
        "from fedswitch.network.processes import leave_with_parent; leave_with_parent(); "
        "import time; print('ready', flush=True); time.sleep(60)"
    )
    middle = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {last!r}]); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", middle], cwd=tmp_path, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.kill()
    process.communicate(timeout=50)


@pytest.mark.parametrize("how", ["deaf", "stopped"])
def test_stop_ends_what_does_not_listen(how, tmp_path):
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )
    process = spawn([sys.executable, "-u", "-c", code], tmp_path / "log", tmp_path, group=True)
    wait_for(lambda: "ready" in (tmp_path / "log").read_text())
    if how == "stopped":
        process.send_signal(signal.SIGSTOP)
    stop([process], grace_s=0.2, groups=True)
    assert process.returncode == -signal.SIGKILL


def test_a_worker_says_in_one_sentence_what_is_wrong_with_its_file(tmp_path):
    (tmp_path / "torn.npz").write_bytes(b"torn")
    command = our_command("fedswitch.network.worker", str(tmp_path / "torn.npz"), str(tmp_path / "desk.json"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("fedswitch: ")
    assert "is damaged, or another kind of file: name the data file of a node." in done.stderr
