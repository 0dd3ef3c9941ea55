"""Read size and colour space of AVIF and HEIC files, which Pillow does not tell, from their boxes (ISO 14496-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pix2style.images.cicp import Cicp
from pix2style.light_dataclass import dataclass

_MOST_BOXES = 100_000  # a damaged file may claim endless ones


@dataclass(frozen=True, slots=True)
class BoxedImage:
    """What the boxes of an AVIF or HEIC file say about its main image.

    Attributes:
        width: Width in pixels, before it is turned; 0 if the file does not say it.
        height: Height in pixels, before it is turned; 0 if the file does not say it.
        cicp: Colour space by code points; None if there is none.
        lossless: Whether the image is stored as RGB, which encoders do for no other reason.
    """

    width: int = 0
    height: int = 0
    cicp: Cicp | None = None
    lossless: bool = False


def parse_boxes(data: bytes) -> BoxedImage:
    """Return what the boxes say about the main image; nothing is said about a damaged file."""
    try:
        return _parse(data)
    except (struct.error, IndexError, KeyError, ValueError):
        return BoxedImage()


def _parse(data: bytes) -> BoxedImage:
    top = dict(_boxes(data, 0, len(data)))
    meta = dict(_boxes(data, top[b"meta"][0] + 4, top[b"meta"][1]))
    properties = dict(_boxes(data, *meta[b"iprp"]))
    all_properties = list(_boxes(data, *properties[b"ipco"]))
    main = _main_item(data, meta[b"pitm"][0])
    chosen = [all_properties[i - 1] for i in _associations(data, properties[b"ipma"][0], main) if i]
    width = height = 0
    cicp, lossless = None, False
    for kind, (start, _end) in chosen:
        if kind == b"ispe":
            width, height = struct.unpack_from(">II", data, start + 4)
        elif kind == b"colr" and data[start : start + 4] == b"nclx":
            cicp = Cicp(*struct.unpack_from(">HH", data, start + 4))
            lossless = data[start + 8 : start + 10] == bytes(2)  # the identity as matrix coefficients
    return BoxedImage(width, height, cicp, lossless)


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Yield the type of each box, and where its content starts and ends."""
    for _ in range(_MOST_BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            header = 16
        elif size == 0:
            size = end - start
        if size < header:
            raise ValueError("a box is smaller than its header")
        yield kind, (start + header, min(start + size, end))
        start += size


def _main_item(data: bytes, start: int) -> int:
    number: int = struct.unpack_from(">H" if data[start] == 0 else ">I", data, start + 4)[0]
    return number


def _associations(data: bytes, start: int, item: int) -> list[int]:
    """Return the numbers of the properties of an item, from 1 (box `ipma`)."""
    wide_items, wide_numbers = data[start] > 0, data[start + 3] & 1
    (entries,) = struct.unpack_from(">I", data, start + 4)
    position = start + 8
    for _ in range(min(entries, _MOST_BOXES)):
        (number,) = struct.unpack_from(">I" if wide_items else ">H", data, position)
        position += 4 if wide_items else 2
        count = data[position]
        form, mask, size = (">H", 0x7FFF, 2) if wide_numbers else (">B", 0x7F, 1)
        numbers = [struct.unpack_from(form, data, position + 1 + i * size)[0] & mask for i in range(count)]
        if number == item:
            return numbers
        position += 1 + count * size
    return []
