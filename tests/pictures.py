"""Files of pictures, ordinary and odd, that several tests read."""

from __future__ import annotations

import io
import itertools
import struct
import zlib

import numpy as np
from PIL import Image

from pix2style.images import Image8


def ramps() -> Image8:
    """A picture [40, 60, 3] whose red rises from left to right while green falls."""
    ramp = np.linspace(0, 255, 60)
    return np.dstack([np.tile(ramp, (40, 1)), np.tile(ramp[::-1], (40, 1)), np.full((40, 60), 90)]).astype(np.uint8)


def encoded(image: Image8 | Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of a picture's file."""
    stream = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def grey_ink_profile() -> bytes:
    """A CMYK profile (ICC v2, one lut8) of colourless inks: all colours come out grey, as no formula would do."""
    identity = bytes(range(256))
    inks = [sum(corner) for corner in itertools.product((0, 1), repeat=4)]
    lab = b"".join(bytes([255 - 255 * ink // 4, 128, 128]) for ink in inks)
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft1" + bytes([0, 0, 0, 0, 4, 3, 2, 0]) + matrix + identity * 4 + lab + identity * 3
    tags = struct.pack(">I4sII", 1, b"A2B0", 144, len(lut))
    head = struct.pack(">I4sI4s4s4s12s4s", 144 + len(lut), b"", 0x02400000, b"prtr", b"CMYK", b"Lab ", b"", b"acsp")
    head += struct.pack(">28xiii", 0xF6D6, 0x10000, 0xD32D)  # the illuminant D50
    return head.ljust(128, b"\0") + tags + lut
