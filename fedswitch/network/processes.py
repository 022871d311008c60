"""Processes of Flower and of ours: how they are started, looked after, and stopped, none of them left behind."""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import importlib.util
import ipaddress
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ..errors import FedswitchError

LOOPBACK = "127.0.0.1"

_SILENT = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
    "HF_HUB_OFFLINE": "1",
    "NO_PROXY": "*",
    "PYTHONUNBUFFERED": "1",
    "NO_COLOR": "1",
    "TERM": "dumb",
}
"""Nothing is sent, asked or installed beyond what a run is about, and answers are plain text."""

_DROPPED = ("FLWR_", "SSL_CERT", "FORCE_COLOR", "CLICOLOR")


def need_flower() -> None:
    """FedswitchError, in one sentence, where Flower is not installed."""
    if importlib.util.find_spec("flwr") is None:
        raise FedswitchError('A federation over a network needs Flower: run pip install "fedswitch[network]".')


def programs() -> Path:
    """The folder of the programs of this Python."""
    return Path(sysconfig.get_path("scripts"))


def environment(home: Path) -> dict[str, str]:
    """The variables of a process of Flower whose own files lie in `home`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
    path = f"{programs()}{os.pathsep}{kept.get('PATH', '')}"
    return kept | _SILENT | {"PATH": path, "FLWR_HOME": str(home), "FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.25"}


def flower_command(name: str, *arguments: str) -> list[str]:
    """A command of Flower's, such as flwr; FedswitchError where it is not installed."""
    need_flower()
    found = shutil.which(name, path=str(programs())) or shutil.which(name)
    if found is None:
        raise FedswitchError(f'The program {name} is missing: run pip install --force-reinstall "fedswitch[network]".')
    return [found, *arguments]


def our_command(*arguments: str) -> list[str]:
    """A command of ours, run by this Python."""
    return [sys.executable, "-m", *arguments]


def spawn(command: Sequence[str], log: Path, home: Path, *, group: bool = False) -> subprocess.Popen[bytes]:
    """Start a process that writes to `log`, and that ends with this one; in a group of its own where asked."""
    with log.open("ab") as file:
        return subprocess.Popen(
            command, env=environment(home), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            start_new_session=group, preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )  # fmt: skip


def _end_with_parent() -> None:
    """Have the system stop this process when that which started it is gone, however that went."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def leave_with_parent() -> None:
    """Have this process end as soon as that which started it is gone; Flower's own would go on asking for long."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def stop(processes: Sequence[subprocess.Popen[bytes]], *, grace_s: float = 5.0, groups: bool = False) -> None:
    """Ask processes to end, make those end that do not in time, and, where asked, what is left of their groups."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)  # one that was stopped hears nothing
            process.terminate()
    end = time.monotonic() + grace_s
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, end - time.monotonic()))
        if groups and hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        if process.poll() is None:
            process.kill()
        process.wait()


def split_address(address: str) -> tuple[str, int]:
    """Host and port; FedswitchError, in one sentence, for what is no address."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise FedswitchError(f"{address!r} is no address: give HOST:PORT, such as {LOOPBACK}:9092.")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine is reached at that host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def check_free(host: str, port: int) -> None:
    """FedswitchError, in one sentence, where a port is taken, or the host is no address of this machine."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise FedswitchError(
            f"The gNB cannot listen at {host}:{port} ({error.strerror or error}): stop what uses the port, or name "
            "another address with --address."
        ) from error


def healthy(address: str, authority: Path | None) -> bool:
    """Whether a gNB answers at an address; `authority` is the certificate that vouches for it, None without TLS.

    Raises FedswitchError, in one sentence, where something answers that is not the gNB of that certificate.
    """
    host, port = split_address(address)
    if authority is None:
        connection = http.client.HTTPConnection(host, port, timeout=5)
    else:
        connection = http.client.HTTPSConnection(host, port, timeout=5, context=_trusting(authority))
    try:
        with contextlib.closing(connection):
            connection.request("GET", "/health")
            return connection.getresponse().status == http.client.OK
    except UnicodeError as error:
        raise FedswitchError(f"{host!r} is no name of a machine, nor its IP address.") from error
    except ssl.SSLCertVerificationError as error:
        raise FedswitchError(
            f"What answers at {address} is not the gNB of the certificate {authority} ({error.verify_message}): use "
            "the ca.crt that was made with the gNB's keys, for that address."
        ) from error
    except ssl.SSLError as error:
        raise FedswitchError(
            f"What answers at {address} does not speak TLS: join with --plain, or serve with keys."
        ) from error
    except (http.client.HTTPException, ConnectionResetError) as error:
        if authority is not None:  # it is going down, or is no gNB, which the next attempt tells
            return False
        raise FedswitchError(
            f"What answers at {address} is no gNB without TLS ({type(error).__name__}): leave --plain away, or check "
            "the address."
        ) from error
    except OSError:
        return False


def _trusting(authority: Path) -> ssl.SSLContext:
    """What trusts that certificate only; FedswitchError where it is none."""
    try:
        return ssl.create_default_context(cafile=str(authority))
    except OSError as error:
        raise FedswitchError(
            f"There is no certificate {authority}, or it cannot be read: name the ca.crt that came with the keys."
        ) from error


def tail(log: Path, lines: int = 8) -> str:
    """The last lines of a log, in one: those that are more than information, where there are any."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    told = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    return " | ".join(([line for line in told if "INFO" not in line] or told)[-lines:])
