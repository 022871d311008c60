"""The weights in an ONNX file, read without the library of that name: the few parts of its format that hold them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

FLOAT, GRAPH, NODE, INITIALIZER = 1, 7, 1, 5  # by the numbers that the format gives them
_LENGTHS = {1: 8, 5: 4}  # bytes of a value by its wire type, where these are fixed


def onnx_weights(model: bytes) -> dict[str, Floats]:
    """All arrays of a model by name, and those that its layers multiply by also as torch would name and lay them out.

    What PyTorch exports names the factor of a linear layer after nothing, and the node that multiplies by it after the
    layer, as in /encoder/layer.0/dense/MatMul: that is here encoder.layer.0.dense.weight, (out, in). Arrays of other
    numbers than float32 are left out. Raises ValueError where `model` is not of this format.
    """
    try:
        return _weights(memoryview(model))
    except (IndexError, KeyError, StopIteration, UnicodeDecodeError) as error:
        raise ValueError("this is not an ONNX model") from error


def _weights(model: memoryview) -> dict[str, Floats]:
    graph = next(_parts(model, GRAPH))
    arrays = dict(filter(None, map(_array, _parts(graph, INITIALIZER))))
    for node in _parts(graph, NODE):
        inputs, name = [_text(part) for part in _parts(node, 1)], "".join(map(_text, _parts(node, 3)))
        layer, _, operation = name.strip("/").rpartition("/")
        if operation == "MatMul" and inputs[-1] in arrays:
            arrays[f"{layer.replace('/', '.')}.weight"] = np.ascontiguousarray(arrays[inputs[-1]].T)
    return arrays


def _array(tensor: memoryview) -> tuple[str, Floats] | None:
    """Name and values of a tensor; None for one that does not hold float32 as raw bytes."""
    raw, kinds = list(_parts(tensor, 9)), list(_numbers(tensor, 2))
    if kinds != [FLOAT] or not raw:
        return None
    values = np.frombuffer(raw[0], dtype="<f4").reshape(list(_numbers(tensor, 1)))
    return _text(next(_parts(tensor, 8))), values


def _text(part: memoryview) -> str:
    return bytes(part).decode()


def _parts(message: memoryview, number: int) -> Iterator[memoryview]:
    """The values of a field that is a text, bytes or a message of its own."""
    return (value for field, value in _fields(message) if field == number and isinstance(value, memoryview))


def _numbers(message: memoryview, number: int) -> Iterator[int]:
    """The values of a field of whole numbers, whether they stand alone or packed."""
    for field, value in _fields(message):
        if field != number:
            continue
        if isinstance(value, int):
            yield value
            continue
        place = 0
        while place < len(value):
            item, place = _varint(value, place)
            yield item


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of every field of a message in the wire format of protocol buffers."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        wire = key & 7
        if wire == 0:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        if wire == 2:
            length, place = _varint(message, place)
        else:
            length = _LENGTHS[wire]
        if place + length > len(message):
            raise IndexError("cut short")
        yield key >> 3, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A whole number written in groups of 7 bits, lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
