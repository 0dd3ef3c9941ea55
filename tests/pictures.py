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


def with_chunk(png: bytes, kind: bytes, content: bytes, *, before: bytes = b"IDAT") -> bytes:
    """A PNG file with one more chunk, before the first chunk of the kind `before`."""
    place = png.index(before) - 4
    chunk = struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return png[:place] + chunk + png[place:]


def png_file(samples: np.ndarray, bits: int, colour_type: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file of integer samples [height, width, channels] of any bit depth, with chunks before its pixels."""
    height, width, _ = samples.shape
    flat = samples.reshape(height, -1)
    if bits == 16:
        rows = flat.astype(">u2").view(np.uint8).reshape(height, -1)
    else:
        digits = (flat[..., None].astype(np.uint8) >> np.arange(bits - 1, -1, -1, dtype=np.uint8)) & 1
        rows = np.packbits(digits.reshape(height, -1), axis=1)
    pixels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    data = png_header(width, height)[:8]
    head = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    for kind, content in ((b"IHDR", head), *chunks, (b"IDAT", pixels), (b"IEND", b"")):
        data += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return data


def tiff_file(strips: list[bytes], tags: dict[int, tuple[int, ...]], order: str = "<") -> bytes:
    """An uncompressed TIFF file: its strips, and tags with short or long values. `order` is `<` or `>`."""
    tags = {259: (1,), 277: (1,), 284: (1,), **tags}
    offsets = list(itertools.accumulate((len(strip) for strip in strips), initial=8))
    tags |= {273: tuple(offsets[:-1]), 279: tuple(len(strip) for strip in strips), 278: tags[257]}
    entries, extra = b"", b""
    place = offsets[-1] + 2 + 12 * len(tags) + 4
    for tag in sorted(tags):
        values = tags[tag]
        kind, form = (4, "I") if tag in (273, 279) else (3, "H")
        packed = struct.pack(f"{order}{len(values)}{form}", *values)
        if len(packed) > 4:
            packed, extra = struct.pack(f"{order}I", place + len(extra)), extra + packed
        entries += struct.pack(f"{order}HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(f"{order}HI", 42, offsets[-1])
    return head + b"".join(strips) + struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + extra
