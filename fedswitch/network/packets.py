"""What travels between the gNB and its nodes, and lies in their files: arrays and a JSON record, never a pickle."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FedswitchError
from ..files import write_whole

NODE_FILE, GNB_FILE, HISTORY_FILE = "the data file of a node", "the data file of the gNB", "the history of a run"
"""What a file says of itself."""

_RECORD = "record"
_KINDS = "biuf"


@dataclasses.dataclass(frozen=True, eq=False)
class Packet:
    """A record, of what JSON knows, and arrays of numbers by name."""

    record: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]] = dataclasses.field(default_factory=dict)

    def pack(self) -> bytes:
        """One string of bytes that `unpack` reads."""
        buffer = io.BytesIO()
        text = np.frombuffer(json.dumps(self.record).encode(), dtype=np.uint8)
        named: dict[str, Any] = {_RECORD: text, **self.arrays}
        np.savez(buffer, allow_pickle=False, **named)
        return buffer.getvalue()

    @classmethod
    def unpack(cls, data: bytes) -> Packet:
        """What `pack` was given; ValueError for bytes that are no packet, whoever sent them."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            record = json.loads(arrays.pop(_RECORD).tobytes())
        except Exception as error:  # of many kinds
            raise ValueError(f"these {len(data)} bytes are no packet of arrays and JSON") from error
        return cls.checked(record, arrays)

    @classmethod
    def checked(cls, record: Any, arrays: Mapping[str, NDArray[Any]]) -> Packet:
        """A packet of what came from elsewhere; ValueError unless it is a JSON object and arrays of numbers."""
        if not isinstance(record, dict) or any(array.dtype.kind not in _KINDS for array in arrays.values()):
            raise ValueError("a packet holds a JSON object and arrays of numbers")
        return cls(record, arrays)

    def write(self, path: Path) -> Path:
        """Write the packet as a file; FedswitchError, in one sentence, where that cannot be done."""
        data = self.pack()
        return write_whole(path, lambda unfinished: unfinished.write_bytes(data))

    @classmethod
    def read(cls, path: Path, what: str) -> Packet:
        """Read a file; FedswitchError, in one sentence that calls it `what`, where it cannot be read or is another."""
        try:
            packet = cls.unpack(path.read_bytes())
        except OSError as error:
            raise FedswitchError(f"{path} cannot be read ({error.strerror or error}): name {what}.") from error
        except ValueError as error:
            raise FedswitchError(f"{path} is damaged, or another kind of file: name {what}.") from error
        if packet.record.get("what") != what:
            raise FedswitchError(f"{path} is {packet.record.get('what', 'another kind of file')}: name {what}.")
        return packet

    def array(self, name: str, shape: tuple[int, ...], kind: str = "f") -> NDArray[Any]:
        """The array of that name; ValueError, in one sentence, where it is not there, or not of that shape and kind."""
        if name not in self.arrays:
            raise ValueError(f"the array {name!r} is missing")
        array = self.arrays[name]
        if array.shape != shape or array.dtype.kind not in kind:
            raise ValueError(f"the array {name!r} is {array.dtype} of shape {array.shape}, not of shape {shape}")
        return array
