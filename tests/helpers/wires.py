"""Wires that need no network: nodes in this process, and ways for their answers to go astray."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from fedswitch.network.node import Node
from fedswitch.network.packets import Packet
from fedswitch.network.shards import Shard

Fault = Callable[["MemoryWire", int, Packet, Packet], Packet | None]


class MemoryWire:
    """Packets become bytes and are read again, as on a real wire.

    `fault(wire, node, question, answer)` says what comes in place of an answer: None where nothing does.
    """

    def __init__(self, shards, fault: Fault = lambda wire, node, question, answer: answer):
        self.nodes = {number: Node(shard) for number, shard in enumerate(shards, start=101)}
        self.fault, self.answers, self.count = fault, {}, 0

    def online(self):
        return list(self.nodes)

    def send(self, questions):
        sent = {}
        for node, question in questions.items():
            self.count += 1
            name = f"message {self.count}"
            sent[name] = node
            if node not in self.nodes:
                continue
            answer = Packet.unpack(self.nodes[node].answer(Packet.unpack(question.pack())).pack())
            answer = self.fault(self, node, question, answer)
            if answer is not None:
                self.answers[name] = answer
        return sent

    def collect(self, names):
        """All answers that ever came, again and again: a wire may deliver twice, and late."""
        return dict(self.answers)


def uploads_of(node: int, t: int, change: Callable[[Packet], Packet | None]) -> Fault:
    """A fault in what a node uploads in round `t`."""

    def fault(wire, who, question, answer):
        hit = who == node and question.record["ask"] == "upload" and question.record["t"] == t
        return change(answer) if hit else answer

    return fault


def with_array(place: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Packet], Packet]:
    """Another array in that place of a packet."""
    return lambda packet: dataclasses.replace(packet, arrays={**packet.arrays, place: change(packet.arrays[place])})


def shards_of(paths):
    """What the node files of a deal hold."""
    return [Shard.read(path) for path in paths[1:]]
