"""Note in an image file what made it, so that a later call can tell its own outputs from those of others.

The note is a digest, so that a picture that is passed on tells nothing about the filter or the person.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from pix2style.images.kinds import formats_for

_KEY = "pix2style"
_READ_ERRORS = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, RuntimeError)


def origin_options(kind: str, origin: str | None) -> dict[str, Any]:
    """Return the options of Pillow's `save` that store a note; none in formats without a place for it (BMP, PPM).

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


def read_origin(path: Path) -> str | None:
    """Return the note in an image file; None if it has none or cannot be read."""
    try:
        with path.open("rb") as stream:
            formats = formats_for(stream.peek(), str(path))
            with Image.open(stream, formats=formats) as image:
                texts = (image.info.get(_KEY), image.info.get("comment"), image.getexif().get(ExifTags.Base.Software))
    except (*_READ_ERRORS, Image.DecompressionBombError):
        return None
    for text in texts:
        words = (text.decode("latin-1") if isinstance(text, bytes) else str(text)).split()
        if len(words) == 2 and words[0] == _KEY:
            return words[1]
    return None
