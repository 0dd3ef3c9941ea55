"""Request bodies of hostile or careless clients of `pix2style serve`: bombs, damaged files, and other files.

All of them are made here and are small, except one that is too large on purpose.
"""

from __future__ import annotations

import gzip
import io
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pix2style import load_stylizer
from pix2style.errors import Pix2StyleError
from pix2style.runtime.stylize_data import stylize_data
from pix2style.stylizer import Stylizer

_BOMB_PX = 60_000
TOO_LARGE, NO_PICTURE, DAMAGED = frozenset((413,)), frozenset((415,)), frozenset((415, 422))
REFUSED = frozenset((413, 415, 422))
MAY_PASS = DAMAGED | {200, 413}


@dataclass(frozen=True)
class HostileFile:
    """A body that is not a valid picture of an accepted size.

    Attributes:
        name: What it is, in a few words.
        data: The body.
        statuses: The answers that are right.
        expected: The picture that an answer with 200 has to hold, if that is known.
    """

    name: str
    data: bytes
    statuses: frozenset[int]
    expected: bytes | None = None


def hostile_files(photo: bytes, *, with_large: bool = True, seed: int = 0) -> list[HostileFile]:
    """Return hostile bodies of all kinds.

    Args:
        photo: A valid JPEG file, of which damaged copies are made.
        with_large: Whether to make those, too, that take seconds to make.
        seed: Seed of random bytes and places.
    """
    return [
        *_bombs(),
        *(_large_bombs() if with_large else ()),
        *(_slow_to_decode(photo) if with_large else ()),
        *_not_pictures(),
        *_damaged(photo, random.Random(seed)),  # noqa: S311
    ]


def files_of(folder: Path, filter_name: str) -> list[HostileFile]:
    """Return the files of a folder and of those in it. Some may be valid pictures, which are stylized here first."""
    stylizer = load_stylizer(filter_name)
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    return [_file_of(path, path.relative_to(folder).as_posix(), stylizer) for path in paths]


def _file_of(path: Path, name: str, stylizer: Stylizer) -> HostileFile:
    data = path.read_bytes()
    try:
        # A request has no file name, so kinds that are only known by their suffix are refused.
        expected = stylize_data(stylizer, data, name="a request").data
    except Pix2StyleError:
        return HostileFile(name, data, REFUSED)
    return HostileFile(name, data, frozenset((200,)), expected)


def _bombs() -> Iterator[HostileFile]:
    """Yield small files that claim, or really have, very many pixels."""
    yield HostileFile("PNG that claims 2^31-1 pixels a side", _png(2**31 - 1, 2**31 - 1, b"\0" * 1000), TOO_LARGE)
    rows = bytes(20_000 // 8 + 1) * 20_000
    yield HostileFile("PNG of 20000x20000 pixels in 1 bit", _png(20_000, 20_000, rows, bits=1), TOO_LARGE)
    yield HostileFile("GIF of 65535x65535 pixels", _gif(65535), TOO_LARGE)
    yield HostileFile("JPEG of 65500x65500 pixels", _with_jpeg_size(_saved("JPEG", 64), 65500, 65500), TOO_LARGE)
    yield HostileFile("WebP whose canvas has 2^24 pixels a side", _wide_webp(), TOO_LARGE)
    yield HostileFile("TIFF that claims 100000x100000 pixels", _tiff(100_000, 100_000), TOO_LARGE)
    yield HostileFile("TIFF whose list of pages is a circle", _tiff(16, 16, is_circle=True), MAY_PASS)
    yield HostileFile("BMP that claims 100000x100000 pixels", _bmp(100_000), TOO_LARGE)
    yield HostileFile("PPM that claims 100000x100000 pixels", b"P6 100000 100000 255\n" + bytes(1000), TOO_LARGE)
    yield HostileFile("PPM with a number of 100,000 digits", b"P6 " + b"9" * 100_000 + b" 1 255\n", DAMAGED)
    yield HostileFile("animated GIF of 3000 frames of 2000x2000", _animation("GIF", 2000, 3000), TOO_LARGE)
    yield HostileFile("animated WebP of 300 frames of 2000x2000", _animation("WEBP", 2000, 300), TOO_LARGE)
    yield HostileFile("animated PNG of 2000 frames of 1000x1000", _animation("PNG", 1000, 2000), TOO_LARGE)
    yield HostileFile("AVIF that claims 60000x60000 pixels", _wide_avif(), TOO_LARGE)


def _large_bombs() -> Iterator[HostileFile]:
    """Yield small files that take seconds to make."""
    size = _BOMB_PX
    rows = bytes(size // 8 + 1) * size
    yield HostileFile(f"PNG of {size}x{size} pixels in 1 bit", _png(size, size, rows, bits=1), TOO_LARGE)
    text = _png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000), 9))
    yield HostileFile("PNG with a text of 200 MB", _png(8, 8, bytes(9) * 8, extra=text), MAY_PASS)
    profile = _png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(200_000_000), 9))
    yield HostileFile("PNG with a profile of 200 MB", _png(8, 8, bytes(9) * 8, extra=profile), MAY_PASS)
    yield HostileFile(
        "WebP of 16383x16383 pixels", _saved("WEBP", 16383, lossless=True, method=0, quality=0), TOO_LARGE
    )
    yield HostileFile(
        "TIFF of 20000x20000 pixels, compressed", _saved("TIFF", 20_000, "L", compression="tiff_lzw"), TOO_LARGE
    )
    yield HostileFile("TIFF of 500 pages of 1000x1000", _animation("TIFF", 1000, 500), TOO_LARGE)


def _slow_to_decode(photo: bytes) -> Iterator[HostileFile]:
    """Yield files that take long for their size: they may end at the limit of time, and may not hold up others."""
    slow = DAMAGED | {200, 413, 503, 504}
    with Image.open(io.BytesIO(photo)) as opened:
        stream = io.BytesIO()
        opened.convert("RGB").resize((6000, 4000)).save(stream, "JPEG", progressive=True, quality=30)
    progressive = stream.getvalue()
    last = progressive.rindex(b"\xff\xda")
    scans = progressive[:-2] + progressive[last:-2] * 400
    yield HostileFile("JPEG of 24 megapixels with 400 scans", scans[:20_000_000] + b"\xff\xd9", slow)
    yield HostileFile("PNG of 49 megapixels", _png(7000, 7000, (b"\0" + bytes(7000)) * 7000), slow)


def _not_pictures() -> Iterator[HostileFile]:
    yield HostileFile("nothing", b"", DAMAGED)
    yield HostileFile("one byte", b"\0", NO_PICTURE)
    yield HostileFile("HTML", b"<!doctype html><html><body><script>alert(1)</script></body></html>", NO_PICTURE)
    yield HostileFile("JSON", b'{"image": "data:image/png;base64,AAAA"}', NO_PICTURE)
    yield HostileFile("SVG with entities", _svg(), NO_PICTURE)
    yield HostileFile(
        "PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n(/etc/passwd) (r) file\n", NO_PICTURE
    )
    yield HostileFile(
        "PDF", b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n", NO_PICTURE
    )
    yield HostileFile("gzip bomb", gzip.compress(bytes(20_000_000)), NO_PICTURE)
    yield HostileFile("pickle", b"cos\nsystem\n(S'touch hacked'\ntR.", NO_PICTURE)
    yield HostileFile("playlist of a clip", b"#EXTM3U\nfile:///etc/passwd\n", NO_PICTURE)
    yield HostileFile("path", b"/etc/passwd", NO_PICTURE)
    yield HostileFile("zeros", bytes(1_000_000), NO_PICTURE)
    yield HostileFile("ONNX file", b"\x08\x09\x12\x07pytorch" + bytes(500), NO_PICTURE)


def _damaged(photo: bytes, numbers: random.Random) -> Iterator[HostileFile]:
    """Yield cut and overwritten pictures. What still decodes may be answered as a picture."""
    for share in (0.01, 0.1, 0.5, 0.99):
        yield HostileFile(f"JPEG cut at {share:.0%}", photo[: int(len(photo) * share)], DAMAGED)
    for kind in ("PNG", "WEBP", "TIFF", "GIF", "AVIF", "BMP"):
        whole = _noise(kind)
        yield HostileFile(f"{kind} cut in half", whole[: len(whole) // 2], DAMAGED)
        yield HostileFile(f"{kind} with overwritten bytes", _overwritten(whole, numbers), MAY_PASS)
    for number in range(8):
        yield HostileFile(f"JPEG with overwritten bytes, {number}", _overwritten(photo, numbers), MAY_PASS)
    for name, magic in {"JPEG": b"\xff\xd8\xff\xe0", "PNG": b"\x89PNG\r\n\x1a\n", "TIFF": b"II*\0"}.items():
        yield HostileFile(f"random bytes that begin as {name}", magic + numbers.randbytes(20_000), DAMAGED)
    yield HostileFile("random bytes", numbers.randbytes(50_000), DAMAGED)


def _overwritten(data: bytes, numbers: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(20):
        changed[numbers.randrange(len(changed))] = numbers.randrange(256)
    return bytes(changed)


def _noise(kind: str) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def _saved(kind: str, side: int, mode: str = "RGB", **settings: object) -> bytes:
    stream = io.BytesIO()
    Image.new(mode, (side, side)).save(stream, kind, **settings)
    return stream.getvalue()


def _animation(kind: str, side: int, frames: int) -> bytes:
    """Return an animation of frames of few colours, which differ in one corner so that none is left out."""
    first, second = Image.new("P", (side, side), 0), Image.new("P", (side, side), 0)
    second.paste(1, (0, 0, 2, 2))
    palette = [0, 0, 0, 255, 255, 255]
    for image in (first, second):
        image.putpalette(palette)
    stream = io.BytesIO()
    if kind == "GIF":
        return _repeated_gif(side, frames)
    if kind == "TIFF":
        first.convert("1").save(
            stream, kind, save_all=True, append_images=[second.convert("1")] * (frames - 1), compression="group4"
        )
    elif kind == "PNG":
        return _repeated_apng(side, frames)
    else:
        return _repeated_webp(side, frames)
    return stream.getvalue()


def _repeated_gif(side: int, frames: int) -> bytes:
    """Return a GIF whose frames are the same bytes, which Pillow's encoder would leave out."""
    stream = io.BytesIO()
    Image.new("P", (side, side), 0).save(stream, "GIF")
    whole = stream.getvalue()
    begin = whole.index(b"\x2c\0\0\0\0")
    control = b"\x21\xf9\x04\x00\x0a\x00\x00\x00"
    return whole[:begin] + (control + whole[begin:-1]) * frames + b";"


def _repeated_apng(side: int, frames: int) -> bytes:
    """Return an animated PNG of equal frames of black pixels."""
    data = zlib.compress(bytes((side + 1) * side), 9)
    chunks = [_png_chunk(b"acTL", struct.pack(">II", frames, 0))]
    number = 0
    for frame in range(frames):
        chunks.append(_png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, side, side, 0, 0, 1, 25, 0, 0)))
        number += 1
        if frame == 0:
            chunks.append(_png_chunk(b"IDAT", data))
        else:
            chunks.append(_png_chunk(b"fdAT", struct.pack(">I", number) + data))
            number += 1
    head = _png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + _png_chunk(b"IEND", b"")


def _repeated_webp(side: int, frames: int) -> bytes:
    """Return an animated WebP of equal frames."""
    still = _saved("WEBP", side, lossless=True, method=0, quality=0)
    picture = still[12:]
    edge = struct.pack("<I", side - 1)[:3]
    content = bytes(6) + edge + edge + b"\x0a\0\0\0" + picture
    frame = _riff_chunk(b"ANMF", content) * frames
    head = _riff_chunk(b"VP8X", b"\x02\0\0\0" + edge + edge) + _riff_chunk(b"ANIM", bytes(6))
    return b"RIFF" + struct.pack("<I", 4 + len(head) + len(frame)) + b"WEBP" + head + frame


def _riff_chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _wide_webp() -> bytes:
    still = _saved("WEBP", 16, lossless=True)[12:]
    head = _riff_chunk(b"VP8X", b"\0\0\0\0" + b"\xff" * 6)
    return b"RIFF" + struct.pack("<I", 4 + len(head) + len(still)) + b"WEBP" + head + still


def _wide_avif() -> bytes:
    """Return an AVIF file whose box of the picture's size (`ispe`) was overwritten."""
    whole = bytearray(_saved("AVIF", 16))
    place = whole.index(b"ispe") + 8
    whole[place : place + 8] = struct.pack(">II", _BOMB_PX, _BOMB_PX)
    return bytes(whole)


def _png(width: int, height: int, rows: bytes, *, bits: int = 8, extra: bytes = b"") -> bytes:
    head = _png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0))
    data = _png_chunk(b"IDAT", zlib.compress(rows, 9))
    return b"\x89PNG\r\n\x1a\n" + head + extra + data + _png_chunk(b"IEND", b"")


def _png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _gif(side: int) -> bytes:
    size = struct.pack("<HH", side, side)
    return b"GIF89a" + size + b"\x80\0\0" + bytes(6) + b"\x2c" + bytes(4) + size + b"\0\x02\x02\x4c\x01\0;"


def _with_jpeg_size(data: bytes, width: int, height: int) -> bytes:
    changed = bytearray(data)
    place = data.index(b"\xff\xc0") + 5
    changed[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(changed)


def _tiff(width: int, height: int, *, is_circle: bool = False) -> bytes:
    """Return a grey TIFF with one strip of 1000 bytes; as a circle, its only page is followed by itself."""
    entries = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8 + 2 + 9 * 12 + 4),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, min(width * height, 2**32 - 1)),
    ]
    page = struct.pack("<H", len(entries))
    for tag, kind, value in entries:
        page += struct.pack("<HHI", tag, kind, 1) + (
            struct.pack("<I", value) if kind == 4 else struct.pack("<HH", value, 0)
        )
    return b"II*\0" + struct.pack("<I", 8) + page + struct.pack("<I", 8 if is_circle else 0) + bytes(1000)


def _bmp(side: int) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 1000, 0, 0, 54) + head + bytes(1000)


def _svg() -> bytes:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    head = f'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a0 "ha">{entities}]>'
    return f'{head}<svg xmlns="http://www.w3.org/2000/svg"><text>&a9;</text></svg>'.encode()
