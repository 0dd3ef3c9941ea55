"""Make the bytes of a filter fit for ONNX Runtime Web, which takes no value for an input that has a default.

The file stays the same graph. Only the outermost messages of the file are parsed, so the package onnx is not needed.
"""

from __future__ import annotations

from collections.abc import Iterator

from pix2style.runtime.content_digest import DIGEST_KEY, content_digest, read_fields
from pix2style.spec import GLIMPSE_NAME, STRENGTH_NAME, STYLE_NAME

# Numbers of fields in onnx.proto.
_MODEL_GRAPH, _MODEL_METADATA = 7, 14
_GRAPH_INITIALIZER, _GRAPH_INPUT = 5, 11
_TENSOR_NAME, _VALUE_NAME = 8, 1


def fit_for_browsers(data: bytes) -> bytes:
    """Return a filter file without optional inputs: they become required, except for `strength`, which becomes 1.

    The page blends photo and stylized photo itself, which gives the same bytes as the file's input `strength`, so that
    its slider needs no new computation.

    Args:
        data: Content of a filter file.

    Returns:
        Content of a filter file with a new digest.
    """
    parts = [
        _field(_MODEL_GRAPH, _without_defaults(data[value:end])) if number == _MODEL_GRAPH else data[start:end]
        for number, start, value, end in read_fields(data)
        if not (number == _MODEL_METADATA and _text(data[value:end], _VALUE_NAME) == DIGEST_KEY)
    ]
    model = b"".join(parts)
    digest = _field(1, DIGEST_KEY.encode()) + _field(2, content_digest(model).encode())
    return model + _field(_MODEL_METADATA, digest)


def _without_defaults(graph: bytes) -> bytes:
    """Return a graph without the defaults of the inputs glimpse and style, and without the input strength.

    The default of strength stays, as a constant. So does that of an input which another program has removed.
    """
    fields = [(number, graph[start:end], graph[value:end]) for number, start, value, end in read_fields(graph)]
    inputs = {_text(message, _VALUE_NAME) for number, _, message in fields if number == _GRAPH_INPUT}
    defaults = {_text(message, _TENSOR_NAME) for number, _, message in fields if number == _GRAPH_INITIALIZER}
    left_out = {
        _GRAPH_INITIALIZER: (_TENSOR_NAME, inputs & {GLIMPSE_NAME, STYLE_NAME}),
        _GRAPH_INPUT: (_VALUE_NAME, defaults & {STRENGTH_NAME}),
    }
    kept = []
    for number, field, message in fields:
        name_field, names = left_out.get(number, (_VALUE_NAME, set()))
        if not names or _text(message, name_field) not in names:
            kept.append(field)
    return b"".join(kept)


def _text(message: bytes, field_number: int) -> str:
    """Return a text field of a message; empty if it has none."""
    values = (message[value:end] for number, _, value, end in read_fields(message) if number == field_number)
    return next(values, b"").decode(errors="replace")


def _field(number: int, value: bytes) -> bytes:
    """Return a field with bytes, text or another message."""
    return bytes([*_varint(number << 3 | 2), *_varint(len(value))]) + value


def _varint(number: int) -> Iterator[int]:
    while number > 0x7F:
        yield number & 0x7F | 0x80
        number >>= 7
    yield number
