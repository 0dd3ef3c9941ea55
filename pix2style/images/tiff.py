"""Read TIFF files that Pillow reads wrongly, and refuse those of which the values have no fixed range."""

from __future__ import annotations

import io
import os
import re
import threading
from typing import Any

from PIL import Image, TiffImagePlugin

from pix2style.images.stderr_text import caught_stderr

_BITS, _PHOTOMETRIC, _EXTRA, _PLANAR, _SAMPLE_FORMAT = 258, 262, 338, 284, 339
_COLOUR_MAP = 320
_WHITE_IS_ZERO, _YCBCR = 0, 6
_UNSIGNED = 1
# libtiff begins its messages with the name of one of its functions, or with the one that Pillow gives to every file.
_LIBTIFF_LINE = re.compile(
    r"(tempfile\.tif|_?TIFF\w*|\w*(Decode|Encode|Setup|Predict|Fax|LZW|JPEG|ZIP|Log|Thunder)\w*): "
)
_ABOUT_TAGS = re.compile(r"unknown field|\btags?\b|incorrect count|ASCII value", re.IGNORECASE)
_SWITCH = threading.Lock()


def _after_fork() -> None:
    """Free the switch in a child process: the thread that may have held it at the fork does not exist there."""
    global _SWITCH  # noqa: PLW0603
    if _SWITCH.locked():
        TiffImagePlugin.READ_LIBTIFF = False
    _SWITCH = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

# Kinds that Pillow has a decoder for, but no entry.
TiffImagePlugin.OPEN_INFO.setdefault((b"MM", 0, (1,), 1, (16,), ()), ("I;16B", "I;16B"))
TiffImagePlugin.OPEN_INFO.setdefault((b"MM", 1, (1,), 1, (12,), ()), ("I;16", "I;12"))


class UnsupportedPictureError(ValueError):
    """A sound file of a kind that cannot be read here. The message is the reason."""


def reopen_if_needed(image: Image.Image, data: bytes) -> Image.Image:
    """Return the image, opened by libtiff instead of Pillow's own reader where that one gives noise.

    That is so for uncompressed files that store each channel apart with other than 8 bits or with more channels, and
    for YCbCr.

    Raises:
        UnsupportedPictureError: The values are signed or have 32 bits, so their range is unknown.
    """
    tags: Any = getattr(image, "tag_v2", None)
    if tags is None:
        return image
    _check_range(tags)
    apart = tags.get(_PLANAR, 1) == 2 and (set(tags.get(_BITS, (1,))) != {8} or tags.get(_EXTRA, ()))
    if getattr(image, "_compression", "") == "raw" and (apart or tags.get(_PHOTOMETRIC) == _YCBCR):
        page = image.tell()
        with _SWITCH:
            TiffImagePlugin.READ_LIBTIFF = True
            try:
                image = Image.open(io.BytesIO(data), formats=("TIFF",))
                image.seek(page)
            finally:
                TiffImagePlugin.READ_LIBTIFF = False
    _mend_palette(image, tags)
    return image


def load_image(image: Image.Image, library_lines: list[str]) -> None:
    """Decode an opened image, and add to `library_lines` what libtiff says, which would else go to stderr."""
    if image.format != "TIFF":
        image.load()
        return
    lines: list[str] = []
    try:
        with caught_stderr(_LIBTIFF_LINE) as lines:
            image.load()
    finally:
        library_lines += lines


def damage_notes(library_lines: list[str]) -> tuple[str, ...]:
    """Return what a person should know of what libtiff said about a file that could be decoded."""
    return tuple(dict.fromkeys(f"libtiff says: {line}" for line in library_lines if not _ABOUT_TAGS.search(line)))


def grey_range(image: Image.Image) -> tuple[int, int]:
    """Return the levels of black and white of a 16-bit grey image: 0 and 65535 but for some TIFF files."""
    tags: Any = getattr(image, "tag_v2", None)
    if tags is None:
        return 0, 65535
    bits = tags.get(_BITS, (16,))[0]
    white = (1 << bits) - 1 if bits in (12, 16) else 65535
    return (white, 0) if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else (0, white)


def has_unnamed_channel(image: Image.Image) -> bool:
    """Return whether a TIFF file has a fourth channel without saying that it is transparency."""
    tags: Any = getattr(image, "tag_v2", None)
    return tags is not None and not tags.get(_EXTRA, ())


def _check_range(tags: Any) -> None:
    formats, bits = tags.get(_SAMPLE_FORMAT, (_UNSIGNED,)), tags.get(_BITS, (1,))
    if 3 in formats:
        raise UnsupportedPictureError("floating-point pictures have no fixed range; save it with 8 or 16 bits first")
    if 2 in formats:
        raise UnsupportedPictureError("signed values have no fixed range; save it with 8 or 16 unsigned bits first")
    if max(bits) > 16:
        raise UnsupportedPictureError(f"{max(bits)}-bit values have no fixed range; save it with 8 or 16 bits first")


def _mend_palette(image: Image.Image, tags: Any) -> None:
    """Read colour maps of 8 bits, which old programs wrote instead of 16 bits; Pillow makes them black."""
    colours = tags.get(_COLOUR_MAP, ())
    if image.mode == "P" and colours and max(colours) < 256:
        count = len(colours) // 3
        image.putpalette([colours[i + band * count] for i in range(count) for band in range(3)])
