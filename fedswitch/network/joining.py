"""A node as a process: a worker that holds the data, and Flower's SuperNode, both started again when they die."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ..errors import FedswitchError
from ..files import make_folder
from .packets import NODE_FILE, Packet
from .processes import (
    LOOPBACK,
    flower_command,
    free_port,
    healthy,
    is_loopback,
    need_flower,
    our_command,
    spawn,
    split_address,
    stop,
    tail,
)

PATIENCE_S = 70.0
"""How long a node tries again: Flower takes a node for present up to a minute after it has died."""

Say = Callable[[str], object]


def join(
    address: str,
    data: Path,
    *,
    key: Path | None,
    authority: Path | None,
    say: Say,
    logs: Path | None = None,
    wait_s: float = 0.0,
) -> None:
    """Serve the UEs of a data file to the gNB at `address`, HOST:PORT, until it is gone or this process is stopped.

    `key` is the node's own, and `authority` the certificate that vouches for the gNB; None for both joins without TLS,
    on the loopback address only. Logs go to the folder `logs`. A gNB that is not there yet is waited for, `wait_s`
    seconds.

    Raises FedswitchError, in one sentence, where no gNB answers, it is another one, or it does not know the key.
    """
    host, _ = split_address(address)
    if (key is None) != (authority is None):
        raise FedswitchError(
            "A node joins with its own --key and the gNB's --ca, or, on this machine only, with --plain."
        )
    if key is None and not is_loopback(host):
        raise FedswitchError(
            f"Without keys only a gNB on this machine can be joined, and {host} is not: give --key and --ca."
        )
    if key is not None and not key.is_file():
        raise FedswitchError(f"There is no key {key}: name the file of this node that `fedswitch network keys` made.")
    need_flower()
    Packet.read(data, NODE_FILE)
    end = time.monotonic() + wait_s
    while not (there := healthy(address, authority)) and time.monotonic() < end:
        time.sleep(0.2)
    if not there:
        raise FedswitchError(
            f"No gNB answers at {address}: start `fedswitch network serve` there first, and see that no firewall is in "
            "between."
        )
    with tempfile.TemporaryDirectory(prefix="fedswitch-") as folder:
        home = Path(folder)
        log = home if logs is None else logs
        make_folder(log, advice="name another with --logs")
        _Pair(address, data, key, authority, home, log, say).watch()


class _Pair:
    """The two processes of a node."""

    def __init__(
        self, address: str, data: Path, key: Path | None, authority: Path | None, home: Path, log: Path, say: Say
    ) -> None:
        self._address, self._authority, self._log, self._say, self._home = address, authority, log, say, home
        self._logged = 0
        desk = home / "desk.json"
        self._worker = our_command("fedswitch.network.worker", str(data), str(desk))
        secured = ["--insecure"]
        if key is not None and authority is not None:
            secured = ["--root-certificates", str(authority), "--auth-supernode-private-key", str(key)]
        self._node = flower_command(
            "flower-supernode", *secured, "--superlink", address, "--host", LOOPBACK, "--max-wait-time", "5",
            "--node-config", f"desk={json.dumps(str(desk))}",
        )  # fmt: skip

    def watch(self) -> None:
        """Start both, and start again what ends, until the gNB has not let the node in for long."""
        worker, node = self._start_worker(), self._start_node()
        failing_since: float | None = None
        try:
            while True:
                time.sleep(0.2)
                if worker.poll() is not None:
                    self._say(f"The worker has died ({worker.returncode}): it is started again.")
                    worker = self._start_worker()
                if self._let_in():
                    failing_since = None
                if node.poll() is not None:
                    failing_since = self._try_again(failing_since)
                    node = self._start_node()
        finally:
            stop([node, worker])

    def _let_in(self) -> bool:
        """Whether Flower's SuperNode, as started last, has been known to the gNB."""
        with (self._log / "node.log").open("rb") as file:
            file.seek(self._logged)
            return b"SuperNode ID" in file.read()

    def _try_again(self, failing_since: float | None) -> float:
        """Since when it fails; FedswitchError where that has been for long."""
        there, now = healthy(self._address, self._authority), time.monotonic()
        if failing_since is None:
            why = "is there, but has not let the node in" if there else "does not answer"
            self._say(f"The gNB {why}: trying again, for {PATIENCE_S:.0f} s.")
        elif now - failing_since > PATIENCE_S:
            raise FedswitchError(
                f"The gNB at {self._address} does not let this node in: it does not know the key, so give one whose "
                ".pub lay with the gNB's keys when it was started; or another node has joined with the same key, so "
                f"stop that. Flower says: {tail(self._log / 'node.log', 8)}"
                if there
                else f"The gNB at {self._address} has not answered for {PATIENCE_S:.0f} s: it is done, or cannot be "
                "reached any more; join again when it is back."
            )
        time.sleep(1.0)
        return now if failing_since is None else failing_since

    def _start_worker(self) -> subprocess.Popen[bytes]:
        return spawn(self._worker, self._log / "worker.log", self._home)

    def _start_node(self) -> subprocess.Popen[bytes]:
        log = self._log / "node.log"
        self._logged = log.stat().st_size if log.exists() else 0
        return spawn([*self._node, "--port", str(free_port())], log, self._home)
