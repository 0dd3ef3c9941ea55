"""Note in an image file what made it, so that a later call can tell its own outputs from those of others.

The note is a digest, so that a picture that is passed on tells nothing about the filter or the person.
"""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import IO, Any, BinaryIO

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from pix2style.images.kinds import formats_for

_KEY = "pix2style"
# BMP and PPM have no field for a text. What follows the pixels of a BMP file is read by no program, and the header of a
# PPM file may hold comments.
_PPM_START = b"P6\n"
_IN_PPM = re.compile(rb"P6\n# pix2style (\S+)\n")
_AFTER_BMP = re.compile(rb"\npix2style (\S+)\n\Z")
_END_BYTES = 256


def origin_options(kind: str, origin: str | None) -> dict[str, Any]:
    """Return the options of Pillow's `save` that store a note; none for BMP and PPM, see `add_origin`.

    Args:
        kind: Format of the file, in Pillow's words.
        origin: The note; None stores none.
    """
    if origin is None:
        return {}
    text = f"{_KEY} {origin}"
    if kind == "PNG":
        info = PngInfo()
        info.add_text(_KEY, text)
        return {"pnginfo": info}
    if kind == "JPEG":
        return {"comment": text}
    if kind == "TIFF":
        return {"tiffinfo": {ExifTags.Base.Software.value: text}}
    if kind in ("WEBP", "AVIF"):
        exif = Image.Exif()
        exif[ExifTags.Base.Software] = text
        return {"exif": exif.tobytes()}
    return {}


def add_origin(stream: IO[bytes], kind: str, origin: str | None) -> None:
    """Store a note in a finished BMP or PPM file, which Pillow cannot do; change no file of another kind.

    Args:
        stream: The file, open for reading and writing.
        kind: Format of the file, in Pillow's words.
        origin: The note; None stores none.
    """
    if origin is None or kind not in ("BMP", "PPM"):
        return
    stream.seek(0)
    data, text = stream.read(), f"{_KEY} {origin}\n".encode()
    if kind == "PPM" and data.startswith(_PPM_START):
        data = _PPM_START + b"# " + text + data[len(_PPM_START) :]
    elif kind == "BMP":
        size = len(data) + 1 + len(text)
        data = data[:2] + size.to_bytes(4, "little") + data[6:] + b"\n" + text
    stream.seek(0)
    stream.write(data)  # it is longer than what it replaces


def read_origin(path: Path) -> str | None:
    """Return the note in an image file; None if it has none or cannot be read."""
    try:
        with path.open("rb") as stream:
            return origin_in(stream, str(path))
    except OSError:
        return None


def origin_in(stream: BinaryIO, name: str) -> str | None:
    """Return the note in the content of an image file; None if it has none or cannot be read.

    Args:
        stream: The content. Little of it is read.
        name: Name of the file.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            head = stream.read(_END_BYTES)
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - _END_BYTES))
            end = stream.read() if head.startswith(b"BM") else b""
            if match := _IN_PPM.match(head) or _AFTER_BMP.search(end):
                return match[1].decode("ascii")
            stream.seek(0)
            with Image.open(stream, formats=formats_for(head, name)) as image:
                texts = (image.info.get(_KEY), image.info.get("comment"), image.getexif().get(ExifTags.Base.Software))
    except Exception:  # noqa: BLE001 - decoders raise anything for damaged files, which have no note that can be read
        return None
    for text in texts:
        words = (text.decode("latin-1") if isinstance(text, bytes) else str(text)).split()
        if len(words) == 2 and words[0] == _KEY:
            return words[1]
    return None
