"""Read from PNG files what Pillow does not tell, and leave out the texts that it chokes on."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from pix2style.images.cicp import Cicp
from pix2style.images.picture import WHITE, Image8
from pix2style.light_dataclass import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# The texts in which Pillow looks for an orientation. All others are left out: outputs hold no text anyway.
_ORIENTATION_TEXTS = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0", b"Raw profile type APP1\0")
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_ONCE = (*_TEXTS, b"iCCP")
# Pillow refuses a PNG with a larger text or profile (PngImagePlugin.MAX_TEXT_CHUNK), against decompression bombs.
_PILLOW_LIMIT_BYTES = 1 << 20
# The largest profiles of printers and cameras have a few megabytes.
_PROFILE_LIMIT_BYTES = 1 << 25


@dataclass(frozen=True, slots=True)
class PngFile:
    """A PNG file without what Pillow cannot read.

    Attributes:
        data: The file, without superfluous texts and without a profile that Pillow refuses.
        bits: Bits per sample: 1, 2, 4, 8 or 16.
        large_profile: The ICC profile that was taken out of `data`; None if there was none.
        cicp: Colour space of the chunk cICP; None if there is none.
        damaged_profile: Whether the file has a profile that cannot be unpacked.
        is_animated: Whether the file has the chunk of an animation.
    """

    data: bytes
    bits: int = 8
    large_profile: bytes | None = None
    cicp: Cicp | None = None
    damaged_profile: bool = False
    is_animated: bool = False


def parse_png(data: bytes) -> PngFile:
    """Return what Pillow does not tell about a PNG file. A damaged file is returned as far as it can be read.

    The first profile and the first text of a kind count. Further ones are left out and not even unpacked, because a
    small file could hold thousands that unpack to megabytes each.
    """
    dropped: list[tuple[int, int]] = []
    seen: set[bytes] = set()
    profile, cicp, damaged, animated = None, None, False, False
    for kind, start, end in _chunks(data):
        content = data[start + 8 : end - 4] if kind != b"IDAT" else b""
        once = content.partition(b"\0")[0] if kind in _TEXTS else kind
        if kind in _ONCE and once in seen:
            dropped.append((start, end))
            continue
        seen.add(once)
        if kind in _TEXTS and not _is_needed(kind, content):
            dropped.append((start, end))
        elif kind == b"iCCP":
            unpacked = _unpack(content.partition(b"\0")[2][1:], _PROFILE_LIMIT_BYTES)
            damaged = not unpacked
            if damaged or len(unpacked) > _PILLOW_LIMIT_BYTES:
                dropped.append((start, end))
                profile = unpacked or None
        elif kind == b"acTL":
            animated = content[:4] != b"\0\0\0\1"
        elif kind == b"cICP" and len(content) >= 4:
            cicp = Cicp(content[0], content[1])
    bits = data[24] if len(data) > 24 else 8
    return PngFile(_without(data, dropped), bits, profile, cicp, damaged, animated)


def png_text(data: bytes, keyword: str) -> str | None:
    """Return the first uncompressed text (tEXt) of a keyword in a PNG file; None if there is none."""
    if not data.startswith(SIGNATURE):
        return None
    start = keyword.encode("latin-1") + b"\0"
    contents = (data[begin + 8 : end - 4] for kind, begin, end in _chunks(data) if kind == b"tEXt")
    found = next((content for content in contents if content.startswith(start)), None)
    return None if found is None else found.removeprefix(start).decode("latin-1")


def alpha_of_sixteen_bits(data: bytes, key: tuple[int, ...]) -> Image8:
    """Return the alpha channel of a PNG file of 16 bits per channel with a transparent colour.

    Pillow keeps the upper byte of each value only, while the colour is transparent if both bytes agree.
    """
    halves = []
    for rawmode in ("RGB;16B", "RGB;16L"):  # the upper bytes, and the lower bytes
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            image.tile = [tile._replace(args=rawmode) for tile in image.tile]
            halves.append(np.asarray(image, dtype=np.uint16))
    matches = (halves[0] * 256 + halves[1] == np.array(key, np.uint16)).all(axis=2)
    return np.where(matches, 0, WHITE).astype(np.uint8)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and end of each complete chunk."""
    start = len(SIGNATURE)
    while start + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, start)
        end = start + 12 + length
        if end > len(data):
            return
        yield kind, start, end
        start = end


def _is_needed(kind: bytes, content: bytes) -> bool:
    """Return whether a text may hold the orientation, and is one that Pillow reads."""
    key = next((key for key in _ORIENTATION_TEXTS if content.startswith(key)), None)
    if key is None:
        return False
    packed = kind == b"zTXt" or (kind == b"iTXt" and content[len(key) : len(key) + 1] == b"\1")
    if not packed:
        return len(content) < _PILLOW_LIMIT_BYTES
    rest = content[len(key) :]
    body = rest[1:] if kind == b"zTXt" else rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    return 0 < len(_unpack(body, _PILLOW_LIMIT_BYTES)) < _PILLOW_LIMIT_BYTES


def _unpack(packed: bytes, limit: int) -> bytes:
    """Decompress; return nothing if the data are damaged or larger than `limit`."""
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(packed, limit)
    except zlib.error:
        return b""
    return b"" if unpacker.unconsumed_tail else unpacked


def _without(data: bytes, dropped: list[tuple[int, int]]) -> bytes:
    if not dropped:
        return data
    kept, position = [], 0
    for start, end in dropped:
        kept.append(data[position:start])
        position = end
    return b"".join([*kept, data[position:]])
