"""The gNB as a process: Flower's SuperLink, and in it the rounds of a job."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import FedswitchError
from ..files import locked
from .notes import Notes, read_history
from .processes import (
    check_free,
    environment,
    flower_command,
    healthy,
    is_loopback,
    spawn,
    split_address,
    stop,
    tail,
)

if TYPE_CHECKING:
    from ..learning.history import History
    from .gnb import Job

Tell = Callable[[Mapping[str, Any]], object]
"""Takes the records of `notes.Notes` as they come."""

TLS_FILES = {"ca-certfile": "ca.crt", "certfile": "server.crt", "keyfile": "server.key"}
"""What Flower calls the files of a gNB's keys, by which it is known, and their names."""

APP = Path(__file__).with_name("app.toml")
"""What Flower is told to run: modules that are installed on every machine, so that no code travels."""

READY_S, START_S = 60.0, 120.0
"""How long Flower may take to be ready, and then to start the rounds."""


def serve(job: Job, out: Path, *, address: str, keys: Path | None, tell: Tell) -> History:
    """Do the rounds of a job with nodes that join at `address`, HOST:PORT; return the history.

    `out` receives the history (`history.npz`), what `tell` hears (`notes.jsonl`), and the logs of Flower. `keys` is a
    folder that `keys.make_keys` has made, and only nodes whose public keys lie in it may join; without one, nothing is
    encrypted and everybody may, which is done on the loopback address only.

    Raises FedswitchError, in one sentence, where the port is taken, the keys are not there, or the run fails.
    """
    host, port = split_address(address)
    if keys is None and not is_loopback(host):
        raise FedswitchError(
            f"Without keys nobody but this machine may be served, but {host} is open to others: make keys with "
            "`fedswitch network keys`, and give their folder with --keys."
        )
    if keys is not None:
        missing = [name for name in TLS_FILES.values() if not (keys / name).is_file()]
        if missing:
            raise FedswitchError(f"The folder {keys} lacks {missing[0]}: make keys with `fedswitch network keys`.")
    with locked(out):
        check_free(host, port)
        notes, home = Notes(out / "notes.jsonl"), out / "flower"
        notes.path.unlink(missing_ok=True)
        (out / "history.npz").unlink(missing_ok=True)
        (home / "app").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(APP, home / "app" / "pyproject.toml")
        (out / "job.json").write_text(json.dumps(dataclasses.asdict(job)), encoding="utf-8")
        again = (
            f"the same command goes on from the last checkpoint, {job.resume}"
            if job.resume
            else "nothing was kept, and with --resume FILE the next one can be gone on with"
        )
        authority = None if keys is None else keys / "ca.crt"
        _name_link(home, _reached(host), port, authority)
        with _link(host, port, keys, home) as link:
            _wait_until(lambda: healthy(f"{_reached(host)}:{port}", authority), link, home, READY_S)
            if keys is not None:
                with ThreadPoolExecutor() as pool:  # each takes seconds to load
                    list(pool.map(lambda key: _register(home, key), sorted(keys.glob("*.pub"))))
            _flwr(
                home,
                "run",
                str(home / "app"),
                "here",
                "--run-config",
                f"job={json.dumps(str(out.resolve() / 'job.json'))}",
            )
            try:
                _follow(notes, link, home, tell, again)
            except KeyboardInterrupt as stopped:
                stopped.add_note(f"{again[0].upper()}{again[1:]}.")
                raise
            finally:
                _end_rounds(notes)
    return read_history(out / "history.npz")


def _reached(host: str) -> str:
    """An address at which this machine reaches its own gNB."""
    return "127.0.0.1" if host in ("0.0.0.0", "localhost") else host


def _name_link(home: Path, host: str, port: int, authority: Path | None) -> None:
    secured = "insecure = true" if authority is None else f"root-certificates = {json.dumps(str(authority.resolve()))}"
    text = f'[superlink]\ndefault = "here"\n\n[superlink.here]\naddress = "{host}:{port}"\n{secured}\n'
    (home / "config.toml").write_text(text, encoding="utf-8")


@contextlib.contextmanager
def _link(host: str, port: int, keys: Path | None, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Flower's SuperLink, stopped in the end with all that it has started."""
    secured = ["--insecure"]
    if keys is not None:
        files = (f"--ssl-{part}={keys / name}" for part, name in TLS_FILES.items())
        secured = [*files, "--enable-supernode-auth"]
    command = flower_command("flower-superlink", *secured, "--host", host, "--port", str(port))
    link = spawn(command, home / "link.log", home, group=True)
    try:
        yield link
    finally:
        stop([link], groups=True)


def _flwr(home: Path, *arguments: str) -> dict[str, Any]:
    """What a command of `flwr` says, as JSON."""
    command = flower_command("flwr", *arguments, "--format", "json")
    done = subprocess.run(
        command, env=environment(home), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    try:
        record: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    except ValueError as error:
        said = " ".join((done.stderr or done.stdout).split())[-500:]
        raise FedswitchError(f"Flower's command `flwr {arguments[0]}` failed: {said}") from error
    if record.get("success") is False:
        raise FedswitchError(f"Flower's command `flwr {arguments[0]}` failed: {record.get('error-message', record)}")
    return record


def _register(home: Path, key: Path) -> None:
    _flwr(home, "supernode", "register", str(key), "here", "--name", key.stem)


def _wait_until(ready: Callable[[], bool], link: subprocess.Popen[bytes], home: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if link.poll() is not None or time.monotonic() > end:
            raise FedswitchError(
                f"Flower's SuperLink did not start; the end of {home / 'link.log'}: {tail(home / 'link.log')}"
            )
        time.sleep(0.1)


def _follow(notes: Notes, link: subprocess.Popen[bytes], home: Path, tell: Tell, again: str) -> None:
    """Tell the notes of the rounds as they come, until they are done; FedswitchError where they end otherwise.

    `again` says how to go on then.
    """
    told, pid, end = 0, None, time.monotonic() + START_S
    while True:
        alive = link.poll() is None and (time.monotonic() < end if pid is None else _lives(pid))
        records = list(notes.read())
        for record in records[told:]:
            tell(record)
            pid = record["pid"]
            if "failed" in record:
                raise FedswitchError(record["failed"])
            if record.get("done"):
                return
        told = len(records)
        if not alive:  # asked before the notes were read, so that none is missed
            what = "The rounds did not begin" if pid is None else "The process that did the rounds has died"
            raise FedswitchError(f"{what}; {again}. The end of {home / 'link.log'}: {tail(home / 'link.log')}")
        time.sleep(0.1)


def _end_rounds(notes: Notes) -> None:
    """End the process that did the rounds, which Flower keeps in a group of its own, and which asks on for seconds."""
    for pid in {record["pid"] for record in notes.read()}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
