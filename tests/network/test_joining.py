"""What a gNB or a node says before anything starts: no gNB there, another one, a port taken, keys missing."""

import contextlib
import http.server
import os
import socket
import ssl
import struct
import sys
import threading

import pytest
from click.testing import CliRunner

pytest.importorskip("cryptography", reason="the extra `network` is not installed")
pytest.importorskip("flwr", reason="the extra `network` is not installed")

from fedswitch.errors import FedswitchError
from fedswitch.network import federate, joining, loopback
from fedswitch.network.gnb import Job
from fedswitch.network.joining import join
from fedswitch.network.keys import make_keys
from fedswitch.network.processes import environment, free_port, healthy
from fedswitch.network.serving import serve
from fedswitch.network_commands import network


class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder / "ours", nodes=1, addresses=["192.0.2.1"])  # and its own machine's
    make_keys(folder / "others", nodes=1, addresses=["127.0.0.1"])
    return folder


@pytest.fixture
def answering(keys):
    """Starts something that answers like a gNB, with the keys of a name, or without any; returns its address."""
    servers = []

    def start(name):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Healthy)
        if name:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(keys / name / "server.crt", keys / name / "server.key")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("serves", "authority", "said"),
    [
        ("ours", "ours", None),
        (None, None, None),
        ("ours", "others", r"is not the gNB of the certificate .*ca.crt \(.*\): use the ca.crt that was made with"),
        (None, "ours", r"does not speak TLS: join with --plain, or serve with keys"),
        ("ours", "ours/node-0", r"There is no certificate .*node-0, or it cannot be read: name the ca.crt that came"),
        ("ours", "nowhere", r"There is no certificate .*ca.crt, or it cannot be read: name the ca.crt that came"),
        ("ours", None, r"is no gNB without TLS \(.*\): leave --plain away, or check the address"),
    ],
)
def test_only_the_gnb_of_the_certificate_is_one(serves, authority, said, answering, keys):
    address = answering(serves)
    certificate = authority and keys / (authority if "/" in authority else f"{authority}/ca.crt")
    if said is None:
        assert healthy(address, certificate)
        return
    with pytest.raises(FedswitchError, match=said):
        healthy(address, certificate)


def test_a_gnb_that_hangs_up_under_tls_is_asked_again(keys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=hang_up, args=(server,), daemon=True).start()
        assert not healthy(f"127.0.0.1:{server.getsockname()[1]}", keys / "ours" / "ca.crt")


def hang_up(server):
    connection, _ = server.accept()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # by a reset
    connection.close()


@pytest.mark.parametrize("address", ["gnb.münchen.de", "", "two words"])
def test_what_is_no_address_gets_no_certificate(address, tmp_path):
    with pytest.raises(FedswitchError, match="is no host name or IP address"):
        make_keys(tmp_path, nodes=1, addresses=[address])


def test_a_long_name_gets_one(tmp_path):
    make_keys(tmp_path, nodes=1, addresses=[f"{'a' * 60}.{'b' * 60}.example"])
    assert (tmp_path / "server.crt").exists()


def test_keys_are_private_and_not_made_twice(keys):
    secret = {"server.key", "node-0"}
    assert {path.name for path in (keys / "ours").iterdir()} == {"ca.crt", "server.crt", "node-0.pub", *secret}
    assert all((keys / "ours" / name).stat().st_mode & 0o077 == 0 for name in secret)
    with pytest.raises(FedswitchError, match="holds keys already: use them, or name another with --out"):
        make_keys(keys / "ours", nodes=1, addresses=["127.0.0.1"])


def test_where_no_gnb_answers_a_node_says_what_to_do(dealt, keys):
    how = {"key": keys / "ours" / "node-0", "authority": keys / "ours" / "ca.crt", "say": print}
    with pytest.raises(FedswitchError, match=r"No gNB answers at 127.0.0.1:\d+: start `fedswitch network serve` there"):
        join(f"127.0.0.1:{free_port()}", dealt[1], **how)
    with pytest.raises(FedswitchError, match=r"There is no key .*nowhere: name the file of this node"):
        join("127.0.0.1:9092", dealt[1], **how | {"key": keys / "nowhere"})
    with pytest.raises(
        FedswitchError, match=r"Without keys only a gNB on this machine can be joined, and 192.0.2.1 is not"
    ):
        join("192.0.2.1:9092", dealt[1], key=None, authority=None, say=print)
    with pytest.raises(FedswitchError, match="'nowhere' is no address: give HOST:PORT"):
        join("nowhere", dealt[1], **how)
    with pytest.raises(FedswitchError, match=r"'a\.\.b' is no name of a machine"):
        join("a..b:9092", dealt[1], **how)
    with pytest.raises(FedswitchError, match=r"gnb.npz is the data file of the gNB: name the data file of a node"):
        join("127.0.0.1:9092", dealt[0], **how)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([True] * 99, r"does not let this node in: it does not know the key, .* Flower says: .*Failed to activate"),
        ([True] + [False] * 99, r"has not answered for 1 s: it is done, or cannot be reached any more; join again"),
    ],
)
def test_a_node_that_is_not_let_in_tries_again_and_then_says_why(answers, said, dealt, keys, tmp_path, monkeypatch):
    heard, remaining = [], iter(answers)
    monkeypatch.setattr(joining, "PATIENCE_S", 1.0)
    monkeypatch.setattr(joining, "healthy", lambda *_: next(remaining))
    monkeypatch.setattr(joining, "our_command", lambda *_: [sys.executable, "-c", "import time; time.sleep(60)"])
    refused = "print('[code: 2004] Failed to activate SuperNode.'); raise SystemExit(49)"
    monkeypatch.setattr(joining, "flower_command", lambda *_: [sys.executable, "-c", refused])
    with pytest.raises(FedswitchError, match=said):
        join(
            "127.0.0.1:9092", dealt[1], key=keys / "ours" / "node-0", authority=keys / "ours" / "ca.crt",
            say=heard.append, logs=tmp_path,
        )  # fmt: skip
    assert [line.split(": ")[1] for line in heard] == ["trying again, for 1 s."]


def test_a_gnb_says_that_its_port_is_taken_its_keys_are_missing_or_it_needs_some(dealt, keys, tmp_path):
    job = Job(data=str(dealt[0]), backbone="tiny", scheme="random", rounds=1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(
            FedswitchError, match=r"cannot listen at .* \(Address already in use\): stop what uses the port"
        ):
            serve(job, tmp_path / "out", address=address, keys=keys / "ours", tell=print)
    with pytest.raises(
        FedswitchError, match=r"Without keys nobody but this machine may be served, but 0.0.0.0 is open"
    ):
        serve(job, tmp_path / "out", address="0.0.0.0:9092", keys=None, tell=print)
    earlier = tmp_path / "out" / "history.npz"
    earlier.parent.mkdir(exist_ok=True)
    earlier.write_bytes(b"of an earlier run")
    with pytest.raises(FedswitchError, match=r"lacks ca.crt: make keys with `fedswitch network keys`"):
        serve(job, tmp_path / "out", address=f"127.0.0.1:{free_port()}", keys=tmp_path, tell=print)
    assert earlier.exists()


def test_what_is_wrong_is_said_before_a_process_starts(task, small, tmp_path, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a process was started"))
    how = {"task": task, "backbone": "tiny", "rounds": 1}
    with pytest.raises(ValueError, match=r"unknown scheme 'swithcing'.* Did you mean 'switching'"):
        federate(small, scheme="swithcing", **how)
    with pytest.raises(ValueError, match="nodes = 9 exceeds num_ues = 6"):
        federate(small, nodes=9, **how)
    with pytest.raises(ValueError, match="deadline_s must be positive"):
        federate(small, deadline_s=0, **how)
    with pytest.raises(ValueError, match="rounds = 0 must be a whole number of at least 1"):
        federate(small, **how | {"rounds": 0})


def test_the_command_line_deals_and_makes_keys_and_says_what_is_wrong(tmp_path):
    def run(*arguments):
        return CliRunner().invoke(network, [str(argument) for argument in arguments])

    done = run("deal", "--nodes", 2, "-p", "num_ues=4", "-p", "batch_size=5", "--out", tmp_path / "deal")
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "deal").iterdir()} == {"gnb.npz", "node-0.npz", "node-1.npz"}
    assert run("keys", "--nodes", 2, "--out", tmp_path / "keys").exit_code == 0
    wrong = run("deal", "-p", "num_ue=4", "--out", tmp_path / "deal")
    assert "Did you mean 'num_ues'?" in str(wrong.exception)
    assert "give NAME=VALUE" in str(run("deal", "-p", "num_ues", "--out", tmp_path / "deal").exception)
    both = run("serve", tmp_path / "deal" / "gnb.npz", "--rounds", 1, "--out", tmp_path / "out")
    assert "Give the folder of --keys, or --plain." in both.output
    assert "is not in the range" in run("run", "--rounds", 1, "--deadline", 0, "--out", tmp_path / "out").output


def test_a_folder_of_an_earlier_federation_gets_the_keys_that_it_lacks(task, small, tmp_path, monkeypatch):
    held = []
    monkeypatch.setattr(loopback, "_joined", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(loopback, "serve", lambda *_, keys, **__: held.append((keys / "ca.crt").read_bytes()))
    for nodes in (1, 2, 1):
        federate(small, task=task, backbone="tiny", scheme="random", rounds=1, nodes=nodes, out=tmp_path)
        assert all((tmp_path / "keys" / f"node-{node}").is_file() for node in range(nodes))
    assert held[0] != held[1] == held[2]


def test_a_deadline_of_the_scenario_is_no_option(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr("fedswitch.network.federate", lambda scenario, **_: seen.append(scenario) or 1 / 0)
    arguments = ["--rounds", "1", "-p", "threshold=deadline", "-p", "deadline_s=0.5", "--out", str(tmp_path)]
    CliRunner().invoke(network, ["run", *arguments])
    assert (seen[0].threshold, seen[0].deadline_s) == ("deadline", 0.5)
    told = CliRunner().invoke(network, ["run", "--rounds", "1", "-p", "nodes=3", "--out", str(tmp_path)]).exception
    assert "an option of its own: --nodes 3" in str(told)
    twice = CliRunner().invoke(network, ["run", "--rounds", "1", *arguments, "-p", "deadline_s=2"]).exception
    assert "-p gives deadline_s twice" in str(twice)


def test_processes_of_flower_are_silent_whatever_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("FLWR_TELEMETRY_ENABLED", "1")
    monkeypatch.setenv("FLWR_ANYTHING", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a notebook has it, where JSON would come in colors
    found = environment(tmp_path)
    assert found["FLWR_TELEMETRY_ENABLED"] == "0"
    assert found["FLWR_DISABLE_UPDATE_CHECK"] == found["FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION"] == "1"
    assert not {"FLWR_ANYTHING", "FORCE_COLOR"} & found.keys()
    assert found["HOME"] == os.environ["HOME"]
