"""Say why a picture cannot be read: what it is, and whether it is damaged or only of a kind that is not read here."""

from __future__ import annotations

import io
import re

from PIL import Image

from pix2style.errors import ImageError, TooLargeImageError, UnknownImageError
from pix2style.images.file_facts import FileFacts
from pix2style.images.kinds import unidentified_reason
from pix2style.printable import one_line

# What Pillow and libtiff say about files that may be sound, but that they cannot read.
_UNSUPPORTED = re.compile(
    r"unknown pixel mode|unknown data organization|unsupported|not (?:yet )?supported|cannot handle|can ?not handle|"
    r"is not configured|unknown filter category|unknown compression|invalid value for samples per pixel|"
    r"\bno decoder\b|decoder \w+ not available|cannot find loader|not implemented|^conversion from|unrecognized mode",
    re.IGNORECASE,
)
NO_MEMORY = "needs more memory than there is: make it smaller first"
"""The reason for a picture that does not fit in memory."""
_NAMES = {"WEBP": "WebP", "HEIF": "HEIF"}
_SIZE = re.compile(r"\((\d+) pixels\)")


def unidentified(facts: FileFacts, name: str, max_pixels: int) -> ImageError:
    """Return the error about a file that no decoder accepts."""
    if facts.width * facts.height > max_pixels:
        return TooLargeImageError(name, too_large(facts.width, facts.height, max_pixels))
    if facts.kind in Image.OPEN:
        try:
            Image.OPEN[facts.kind][0](io.BytesIO(facts.data), "").close()
        except Exception as error:  # noqa: BLE001 - decoders raise any exception; its words go into the message
            return damaged(facts, name, error, [])
    return UnknownImageError(name, unidentified_reason(name))


def damaged(facts: FileFacts, name: str, error: Exception, library_lines: list[str]) -> ImageError:
    """Return the error about a file whose decoding failed: its kind is not read here, or it is damaged.

    Args:
        facts: The file.
        name: Name of the image in the message.
        error: What the decoder raised.
        library_lines: What a C library wrote to stderr meanwhile.
    """
    if facts.kind == "TIFF" and isinstance(error.__cause__, KeyError) and str(error).isdigit():
        error = ValueError(f"compression {error} is not supported")  # Pillow looks its number up without a check
    for text in (*(line.partition(": ")[2] for line in library_lines), str(error)):
        if _UNSUPPORTED.search(text):
            kind = _NAMES.get(facts.kind, facts.kind) or "picture"
            words = one_line(text).rstrip(".")
            return UnknownImageError(name, f"this kind of {kind} cannot be read here ({words}): save it as PNG or JPEG")
    return ImageError(name, f"damaged or cut off ({one_line(error)})")


def too_large(width: int, height: int, max_pixels: int) -> str:
    """Return the reason for a picture with too many pixels."""
    return f"{width}x{height} is more than {max_pixels} pixels: make it smaller first"


def too_many_bytes(size: int, max_bytes: int) -> str:
    """Return the reason for a file that is too large to be read."""
    limit = f"more than the {max_bytes / 1e9:.1f} GB that are read of one file"
    return f"has {size / 1e9:.1f} GB, {limit}: make it smaller first"


def bomb(error: Exception, max_pixels: int) -> str:
    """Return the reason for a picture that Pillow itself refuses for its size."""
    size = _SIZE.search(str(error))
    claim = f"has {size[1]} pixels," if size else "is"
    return f"{claim} more than {max_pixels} pixels: make it smaller first"
