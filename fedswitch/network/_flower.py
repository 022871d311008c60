"""Our packets as messages of Flower, and a grid of Flower as a wire."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping

from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MessageType, RecordDict
from flwr.serverapp import Grid

from .packets import Packet


def to_content(packet: Packet) -> RecordDict:
    """A packet as the content of a message."""
    arrays = ArrayRecord({name: Array(array) for name, array in packet.arrays.items()})
    return RecordDict({"arrays": arrays, "record": ConfigRecord({"json": json.dumps(packet.record)})})


def from_content(content: RecordDict) -> Packet:
    """The packet that the content of a message is; ValueError for any other content."""
    try:
        arrays = {name: array.numpy() for name, array in content.array_records["arrays"].items()}
        record = json.loads(str(content.config_records["record"]["json"]))
    except (KeyError, ValueError, TypeError, OSError, EOFError) as error:
        raise ValueError("a message holds no packet of arrays and JSON") from error
    return Packet.checked(record, arrays)


class FlowerWire:
    """A grid of Flower; see `nodes.Wire`. A message that is older than `ttl_s` is not delivered any more."""

    def __init__(self, grid: Grid, *, ttl_s: float) -> None:
        self._grid, self._ttl_s = grid, ttl_s

    def online(self) -> Collection[int]:
        """See `Wire`."""
        return list(self._grid.get_node_ids())

    def send(self, questions: Mapping[int, Packet]) -> dict[str, int]:
        """See `Wire`."""
        if not questions:
            return {}
        messages = [
            Message(to_content(question), node, MessageType.QUERY, ttl=self._ttl_s)
            for node, question in questions.items()
        ]
        names = self._grid.push_messages(messages)
        return {name: node for name, node in zip(names, questions, strict=False) if name}

    def collect(self, names: Iterable[str]) -> dict[str, Packet]:
        """See `Wire`."""
        wanted = list(names)
        if not wanted:
            return {}
        return {reply.metadata.reply_to_message_id: _packet(reply) for reply in self._grid.pull_messages(wanted)}


def _packet(reply: Message) -> Packet:
    if reply.has_error():
        return Packet({"error": f"Flower's error {reply.error.code}, {reply.error.reason or 'without a reason'}"})
    try:
        return from_content(reply.content)
    except ValueError as error:
        return Packet({"error": str(error)})
