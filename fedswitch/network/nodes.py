"""The gNB's view of its nodes: which of them are there, which UEs each holds, and what they answer in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol

from ..errors import FedswitchError
from .packets import Packet
from .shards import differing

Say = Callable[[str], object]
"""Takes a line for the log."""


class Wire(Protocol):
    """What carries questions to nodes, which have a number each, and answers back."""

    def online(self) -> Collection[int]:
        """The nodes that seem to be there."""

    def send(self, questions: Mapping[int, Packet]) -> dict[str, int]:
        """Send a question to each node; return the node of each message by the message's name."""

    def collect(self, names: Iterable[str]) -> dict[str, Packet]:
        """The answers that have come to messages of these names; a record with `error` where something went wrong."""


class Nodes:
    """Nodes that hold UEs. Who fails to answer is left out until it says again who it is.

    `mine` is what a node must have in common with the gNB: `versions`, `weights` and `deal`. A question waits
    `deadline_s` for its answers. Every UE is held by one node at most: one that claims UEs of another is taken in only
    when that one does not answer any more.
    """

    POLL_S = 0.05
    PAUSE_S = 2.0
    """Before a node that answered with an error is asked again who it is."""

    def __init__(self, wire: Wire, job: dict[str, Any], mine: dict[str, Any], *, deadline_s: float, say: Say) -> None:
        self._wire, self._job, self._mine = wire, job, mine
        self._deadline_s, self._say = deadline_s, say
        self.held: dict[int, tuple[int, ...]] = {}
        self.refused: dict[int, str] = {}
        self.traffic_bytes = {"down": 0, "up": 0}
        self._asked: dict[str, tuple[int, float]] = {}
        self._claims: dict[int, tuple[int, ...]] = {}
        self._troubled: dict[int, tuple[str, float]] = {}

    def refresh(self) -> None:
        """Learn who is there, without waiting: ask those not known who they are, and take answers that have come."""
        online, now = set(self._wire.online()), time.monotonic()
        for name, answer in self._wire.collect(list(self._asked)).items():
            if name in self._asked:  # no answer counts twice
                self._admit(self._asked.pop(name)[0], answer)
        for node in self.held.keys() - online:
            self.drop(node, "it has left")
        for name, (node, end) in list(self._asked.items()):
            if now > end:
                del self._asked[name]
                self.drop(node, "it does not say any more who it is")
        for node, ues in list(self._claims.items()):
            if node not in online or not self._holders(ues):
                del self._claims[node]
                if node in online:
                    self._take_in(node, ues)
        for known in (self.refused, self._troubled):
            for node in known.keys() - online:
                del known[node]
        doubted = {holder for ues in self._claims.values() for holder in self._holders(ues)}
        waiting = {node for node, _ in self._asked.values()} | {
            node for node, (_, until) in self._troubled.items() if now < until
        }
        unknown = online - self.held.keys() - self.refused.keys() - self._claims.keys()
        self._ask((unknown | doubted) - waiting)

    def wait_for(self, num_ues: int, wait_s: float) -> None:
        """Wait until every UE is held; FedswitchError, in one sentence, where that takes more than `wait_s` seconds."""
        end = time.monotonic() + wait_s
        while True:
            late = time.monotonic() > end
            self.refresh()
            missing = sorted(set(range(num_ues)) - {k for ues in self.held.values() for k in ues})
            if not missing:
                break
            if late:
                reasons = [*self.refused.values(), *(why for why, _ in self._troubled.values())]
                why = f" So far {'; '.join(reasons)}." if reasons else ""
                raise FedswitchError(
                    f"{_ues(missing)} held by no node that is online after {wait_s:g} s: start `fedswitch network "
                    f"join` for the data files of all nodes.{why}"
                )
            time.sleep(self.POLL_S)
        self._settle_claims(end)

    def exchange(self, questions: Mapping[int, Packet]) -> dict[int, Packet]:
        """The answers by node; who sends an error, or nothing in time, is missing, and left out until it is back."""
        waiting, answers = self._wire.send(questions), {}
        self.traffic_bytes["down"] += sum(map(_weight, questions.values()))
        end = time.monotonic() + self._deadline_s
        while waiting and time.monotonic() < end:
            for name, answer in self._wire.collect(list(waiting)).items():
                node = waiting.pop(name, None)
                if node is None:  # it came twice
                    continue
                self.traffic_bytes["up"] += _weight(answer)
                if "error" in answer.record:
                    self.drop(node, str(answer.record["error"]))
                else:
                    answers[node] = answer
            time.sleep(self.POLL_S if waiting else 0)
        for node in waiting.values():
            self.drop(node, f"nothing came within {self._deadline_s:g} s")
        for node in (questions.keys() - answers.keys()) & self.held.keys():
            self.drop(node, "the question could not be sent")
        if len(answers) < len(questions):
            self.refresh()  # so that who can answer again soon will
        return answers

    def wait_for_any(self) -> None:
        """Where no node is left, wait as long as for an answer: rounds with nobody would be over in no time."""
        self.refresh()
        end = time.monotonic() + self._deadline_s
        while not self.held and time.monotonic() < end:
            time.sleep(self.POLL_S)
            self.refresh()

    def drop(self, node: int, why: str) -> None:
        """Leave a node out, and say why."""
        ues = self.held.pop(node, None)
        if ues is not None:
            self._say(f"The node of {_ues(ues, '')} is left out: {why}.")

    def _ask(self, nodes: Iterable[int]) -> None:
        question = Packet({"ask": "who", "job": self._job})
        end = time.monotonic() + self._deadline_s
        sent = self._wire.send(dict.fromkeys(nodes, question))
        self._asked |= {name: (node, end) for name, node in sent.items()}

    def _admit(self, node: int, answer: Packet) -> None:
        """Take a node in, refuse it, or keep its claim until those who hold its UEs have been asked."""
        record = answer.record
        if "error" in record:
            why = str(record["error"])
            self.drop(node, why)
            if why not in self._troubled.get(node, ()):
                self._say(f"A node answers with an error: {why}.")
            self._troubled[node] = why, time.monotonic() + self.PAUSE_S
            return
        self._troubled.pop(node, None)
        try:
            ues = _claimed(record, self._mine["deal"]["num_ues"])
        except ValueError as error:
            self._refuse(node, f"a node {error}")
            return
        unlike = [
            f"{name} {wrong} (the gNB has {_of(self._mine, name, wrong)}, the node {_of(record, name, wrong)})"
            for name in ("versions", "deal")
            for wrong in differing(self._mine[name], record.get(name, {}))
        ]
        if record.get("weights") != self._mine["weights"]:
            unlike.append(f"weights (the gNB has {self._mine['weights']}, the node {record.get('weights')})")
        if unlike:
            self._refuse(node, f"the node of {_ues(ues, '')} differs in {', '.join(unlike)}")
            return
        for claimant, claimed in list(self._claims.items()):
            if node in self.held and set(claimed) & set(self.held[node]):
                del self._claims[claimant]  # who holds them is still there
                self._refuse(
                    claimant, f"two nodes claim {_ues(set(claimed) & set(ues), '')}: stop one of them", "the later"
                )
        if node in self.held:
            return
        if self._holders(ues):
            self._claims[node] = ues
            return
        self._take_in(node, ues)

    def _take_in(self, node: int, ues: tuple[int, ...]) -> None:
        self.held[node] = ues
        self._say(f"The node of {_ues(ues, '')} is online.")

    def _refuse(self, node: int, why: str, which: str = "it") -> None:
        self.refused[node] = why
        self._say(f"{why[0].upper()}{why[1:]}; {which} is refused.")

    def _holders(self, ues: Iterable[int]) -> set[int]:
        return {node for node, own in self.held.items() if set(own) & set(ues)}

    def _settle_claims(self, end: float) -> None:
        """Two nodes that claim one UE from the start are a mistake; FedswitchError, in one sentence."""
        while time.monotonic() < end and self._claims:
            self.refresh()
            time.sleep(self.POLL_S)
        twice = [why for why in self.refused.values() if why.startswith("two nodes")]
        if twice:
            raise FedswitchError(f"{twice[0][0].upper()}{twice[0][1:]}.")


def _ues(ues: Iterable[int], verb: str = " is| are") -> str:
    """Numbers of UEs in words."""
    numbers = [str(k) for k in sorted(ues)]
    one, _, more = verb.partition("|")
    return f"UE {numbers[0]}{one}" if len(numbers) == 1 else f"UEs {', '.join(numbers)}{more}"


def _claimed(record: Mapping[str, Any], num_ues: int) -> tuple[int, ...]:
    """The UEs that a node says it holds; ValueError unless it says in a sound way who it is."""
    ues = record.get("ues")
    if not all(isinstance(record.get(name, {}), dict) for name in ("versions", "deal")):
        raise ValueError("says in no dictionary which versions it has and how its data were dealt")
    if not isinstance(ues, list) or not all(type(k) is int and 0 <= k < num_ues for k in ues):
        raise ValueError(f"says that it holds UEs {ues!r}, which are no list of numbers from 0 to {num_ues - 1}")
    if not ues or len(set(ues)) < len(ues):
        raise ValueError(f"says that it holds UEs {ues!r}: it must hold one at least, and each once")
    return tuple(ues)


def _weight(packet: Packet) -> int:
    """The bytes of its arrays."""
    return sum(array.nbytes for array in packet.arrays.values())


def _of(record: Mapping[str, Any], name: str, entry: str) -> object:
    return record.get(name, {}).get(entry)
