import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedswitch.learning.onnx_weights import onnx_weights


def varint(value):
    parts = []
    while value >= 128:
        parts.append(value % 128 + 128)
        value //= 128
    return bytes([*parts, value])


def field(number, value):
    """A field in the wire format: a whole number, or a text or message with its length."""
    if isinstance(value, int):
        return varint(8 * number) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(8 * number + 2) + varint(len(content)) + content


def tensor(name, values, packed, kind=1):
    dims = field(1, b"".join(map(varint, values.shape))) if packed else b"".join(field(1, n) for n in values.shape)
    return field(5, dims + field(2, kind) + field(8, name) + field(9, values.astype("<f4").tobytes()))


def node(name, operation, *inputs):
    return field(1, b"".join(field(1, one) for one in inputs) + field(3, name) + field(4, operation))


def model(*parts):
    """A graph among other fields of every wire type."""
    return field(1, 8) + varint(8 * 3 + 5) + b"1234" + varint(8 * 4 + 1) + b"12345678" + field(7, b"".join(parts))


@given(shape=st.lists(st.integers(1, 200), min_size=1, max_size=2), packed=st.booleans(), seed=st.integers(0, 9))
def test_arrays_come_back_by_name(shape, packed, seed):
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    found = onnx_weights(model(tensor("a.weight", values, packed), tensor("whole", values, packed, kind=7)))
    assert list(found) == ["a.weight"]
    np.testing.assert_array_equal(found["a.weight"], values)


def test_nameless_factors_are_named_after_their_layer_and_laid_out_as_torch_does():
    values = np.arange(6.0).reshape(2, 3)
    found = onnx_weights(
        model(
            tensor("onnx::MatMul_5", values, packed=False),
            node("/encoder/layer.0/dense/MatMul", "MatMul", "x", "onnx::MatMul_5"),
            node("/encoder/layer.0/attention/MatMul", "MatMul", "x", "y"),
        )
    )
    assert found.keys() == {"onnx::MatMul_5", "encoder.layer.0.dense.weight"}
    np.testing.assert_array_equal(found["encoder.layer.0.dense.weight"], values.T)


@pytest.mark.parametrize("content", [b"", b"no model at all", field(1, 8), model(b"")[:-1] + b"\x7f", b"\xff" * 9])
def test_what_is_no_model_is_refused(content):
    with pytest.raises(ValueError, match="this is not an ONNX model"):
        onnx_weights(content)
