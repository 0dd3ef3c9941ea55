"""Messages between the front process and its workers: a few values as JSON, and the content of an image file.

They are not pickles: a hostile picture that takes over a worker must not be able to run code in the front process.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

_SIZES = struct.Struct(">IQ")  # size of the values, and size of the data
_MOST_VALUE_BYTES = 1 << 20
_MOST_DATA_BYTES = 1 << 33


class ConnectionEndedError(Exception):
    """The other process has ended, or has sent something that is not a message."""


def head_of(values: Mapping[str, Any], data: bytes) -> bytes:
    """Return the beginning of a message, which the data follow."""
    text = json.dumps(values, separators=(",", ":")).encode()
    return _SIZES.pack(len(text), len(data)) + text


def send(connection: socket.socket, values: Mapping[str, Any], data: bytes = b"") -> None:
    """Send a message, and wait until it is sent."""
    connection.sendall(head_of(values, data))
    connection.sendall(data)


def receive(connection: socket.socket) -> tuple[dict[str, Any], bytes]:
    """Wait for a message.

    Raises:
        ConnectionEndedError: The other process has ended.
    """
    try:
        value_bytes, data_bytes = _checked(bytes(_receive_exactly(connection, _SIZES.size)))
        values = json.loads(_receive_exactly(connection, value_bytes))
        return values, bytes(_receive_exactly(connection, data_bytes))
    except (OSError, ValueError) as error:
        raise ConnectionEndedError from error


async def receive_from(reader: asyncio.StreamReader) -> tuple[dict[str, Any], bytes]:
    """Wait for a message of a worker.

    Raises:
        ConnectionEndedError: The worker has ended, or has sent something that is not a message.
    """
    try:
        value_bytes, data_bytes = _checked(await reader.readexactly(_SIZES.size))
        values = json.loads(await reader.readexactly(value_bytes))
        if not isinstance(values, dict):
            raise ConnectionEndedError
        return values, await reader.readexactly(data_bytes)
    except (OSError, ValueError, RecursionError, asyncio.IncompleteReadError) as error:
        raise ConnectionEndedError from error


def _checked(head: bytes) -> tuple[int, int]:
    value_bytes, data_bytes = _SIZES.unpack(head)
    if value_bytes > _MOST_VALUE_BYTES or data_bytes > _MOST_DATA_BYTES:
        raise ValueError("not the beginning of a message")
    return value_bytes, data_bytes


def _receive_exactly(connection: socket.socket, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = connection.recv_into(view)
        if not count:
            raise ConnectionEndedError
        view = view[count:]
    return data
