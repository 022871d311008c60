"""Where the worker of a node takes questions from the same machine: a socket whose address and key lie in a file.

Only bytes of packets go through it, which neither side has to trust.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from pathlib import Path

from ..files import write_private
from .packets import Packet


def ask(desk: Path, question: Packet) -> Packet:
    """The worker's answer; OSError, EOFError or ValueError where there is none."""
    record = json.loads(desk.read_text(encoding="utf-8"))
    try:
        with Client(record["address"], authkey=bytes.fromhex(record["key"])) as connection:
            connection.send_bytes(question.pack())
            return Packet.unpack(connection.recv_bytes())
    except AuthenticationError as error:
        raise ValueError("the worker has another key") from error


def serve(desk: Path, answer: Callable[[Packet], Packet]) -> None:
    """Answer questions, one after the other, until the process ends; whoever asks and goes is no matter."""
    key = secrets.token_bytes(32)
    with Listener(backlog=16, authkey=key) as listener:
        write_private(desk, json.dumps({"address": listener.address, "key": key.hex()}).encode())
        while True:
            with contextlib.suppress(OSError, EOFError, ValueError, AuthenticationError), listener.accept() as asked:
                asked.send_bytes(answer(Packet.unpack(asked.recv_bytes())).pack())
