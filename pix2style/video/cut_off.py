"""Tell whether a file ends before the end that its own headers state, as after an interrupted recording or copy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from pix2style.images import open_file

_MOST_BOXES = 10_000
_EBML = b"\x1aE\xdf\xa3"
_UNKNOWN_SIZE_BYTES = 0xFF


def is_cut_off(path: Path) -> bool:
    """Return whether the end of an MP4, MOV, Matroska, WebM or AVI file is missing; false for other formats."""
    with open_file(path) as stream:
        end = os.fstat(stream.fileno()).st_size
        head = stream.read(12)
        stream.seek(0)
        if head[:4] == _EBML:
            return _stated_end_of_matroska(stream) > end
        if head[:4] == b"RIFF":
            return _stated_end_of_avi(stream, end) > end
        return head[4:8] == b"ftyp" and (_stated_end_of_movie(stream, end) > end or not has_movie_index(path))


def has_movie_index(path: Path) -> bool:
    """Return whether an MP4 or MOV file has its index, the box `moov`, which many recorders write last."""
    with open_file(path) as stream:
        return any(kind == b"moov" for kind, _ in _boxes(stream, os.fstat(stream.fileno()).st_size))


def _stated_end_of_movie(stream: BinaryIO, end: int) -> int:
    return max((box_end for _, box_end in _boxes(stream, end)), default=0)


def _boxes(stream: BinaryIO, end: int) -> list[tuple[bytes, int]]:
    """Return the types of the outermost boxes (ISO/IEC 14496-12, 4.2), and where each ends.

    Behind the index and the frames, some dashcams write data of their own, which are no boxes.
    """
    boxes: list[tuple[bytes, int]] = []
    position = 0
    while position + 8 <= end and len(boxes) < _MOST_BOXES:
        stream.seek(position)
        header = stream.read(16)
        size, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if size == 1:
            size = int.from_bytes(header[8:16], "big")
        elif size == 0:
            size = end - position
        if size < 8 or (not _is_box_type(kind) and {b"moov", b"mdat"} <= {seen for seen, _ in boxes}):
            break
        position += size
        boxes.append((kind, position))
    return boxes


def _is_box_type(kind: bytes) -> bool:
    """Return whether these are letters and the like, of which the types of boxes consist; in QuickTime also a ©."""
    letters = kind.removeprefix(b"\xa9")
    return letters.isascii() and letters.decode("ascii").isprintable()


def _stated_end_of_avi(stream: BinaryIO, end: int) -> int:
    position = 0
    while position + 8 <= end:
        stream.seek(position)
        header = stream.read(8)
        if header[:4] != b"RIFF":
            break
        position += 8 + int.from_bytes(header[4:], "little")
    return position


def _stated_end_of_matroska(stream: BinaryIO) -> int:
    """Return where the second element of the file ends, its segment; 0 if that has no stated size."""
    position = 0
    for _ in range(2):
        stream.seek(position + 4)  # behind the number of the element, of 4 bytes
        head = stream.read(8)
        if not head or (head[0] in (0, _UNKNOWN_SIZE_BYTES, 1) and head[1:8] == b"\xff" * 7):
            return 0
        length = 9 - head[0].bit_length()
        size = int.from_bytes(head[:length], "big") & ~(1 << 7 * length)
        position += 4 + length + size
    return position
