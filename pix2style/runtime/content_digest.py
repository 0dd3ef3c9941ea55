"""The digest that a filter file holds of its own content, with which damage is found when the file is loaded.

Only the outermost level of the file is parsed (protocol buffers, a flat list of numbered fields), so that neither the
package onnx nor noticeable time is needed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Literal

DIGEST_KEY = "pix2style.content_digest"
"""Key of the entry in the ONNX metadata; its value is what `content_digest` returns."""
DigestState = Literal["matches", "differs", "changed", "absent"]
_VALUE = re.compile(rb"sha256 ([0-9a-f]{64}) of (\d{1,19}) bytes")
METADATA_FIELD = 14
"""Number of ModelProto.metadata_props in onnx.proto."""
_ENTRY_KEY = b"\x0a" + bytes([len(DIGEST_KEY)]) + DIGEST_KEY.encode()  # StringStringEntryProto begins with its key
_MAX_VARINT_BYTES = 10


def content_digest(data: bytes) -> str:
    """Return the digest of a filter file's content, except for the metadata entry `DIGEST_KEY`.

    Args:
        data: Content of the file.

    Returns:
        `sha256 ... of ... bytes`. The number of bytes tells damage, which rarely changes it, from tools that write the
        file anew.

    Raises:
        ValueError: The data are not a sequence of fields.
    """
    digest, length, view = hashlib.sha256(), 0, memoryview(data)
    for number, start, value, end in read_fields(data):
        if not (number == METADATA_FIELD and data.startswith(_ENTRY_KEY, value)):
            digest.update(view[start:end])
            length += end - start
    return f"sha256 {digest.hexdigest()} of {length} bytes"


def check_content(data: bytes) -> DigestState:
    """Compare the content of a filter file with the digest that it holds.

    Args:
        data: Content of the file.

    Returns:
        "matches"; "differs" if bytes were damaged; "changed" if another program has written the file anew, as the
        number of bytes is another one; or "absent" if the file holds no digest, as those of older versions.
    """
    try:
        entries = [data[value:end] for number, _, value, end in read_fields(data) if number == METADATA_FIELD]
        stated = [entry for entry in entries if entry.startswith(_ENTRY_KEY)]
        if not stated:
            return "absent"
        actual = content_digest(data).encode()
    except ValueError:
        return "absent"  # not an ONNX file: ONNX Runtime refuses it
    if stated[0].endswith(actual):
        return "matches"
    value, now = _VALUE.search(stated[0]), _VALUE.fullmatch(actual)
    return "changed" if value and now and value[2] != now[2] else "differs"


def read_fields(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield number, start, start of the value, and end of each field of a message.

    Raises:
        ValueError: The data are not a sequence of fields.
    """
    at = 0
    while at < len(data):
        start = at
        tag, value = _read_varint(data, at)
        match tag & 7:
            case 0:  # a number
                _, at = _read_varint(data, value)
            case 1:
                at = value + 8
            case 2:  # text, bytes or another message
                length, value = _read_varint(data, value)
                at = value + length
            case 5:
                at = value + 4
            case wire_type:
                raise ValueError(f"unknown wire type {wire_type} at byte {start}")
        if at > len(data):
            raise ValueError(f"the field at byte {start} is cut off")
        yield tag >> 3, start, value, at


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of variable length, and the position behind it."""
    number = 0
    for count, byte in enumerate(data[at : at + _MAX_VARINT_BYTES]):
        number |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return number, at + count + 1
    raise ValueError(f"the number at byte {at} does not end")
