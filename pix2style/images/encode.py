"""Pictures into bytes and files."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pix2style.errors import DataError
from pix2style.files import atomic_path
from pix2style.images.picture import Image8, Picture

_WRITABLE = frozenset(("AVIF", "BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP"))
_LONGEST_SIDE_PX = {"JPEG": 65_500, "WEBP": 16_383}


def encode_png(rgb: Image8) -> bytes:
    """Lossless; the same picture gives the same bytes (of one Pillow version)."""
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "PNG", compress_level=4)
    return stream.getvalue()


def encode_jpeg(rgb: Image8, quality: int = 95) -> bytes:
    """JPEG without chroma subsampling, which would blur coloured edges."""
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=quality, subsampling=0)
    return stream.getvalue()


def can_hold_alpha(path: Path) -> bool:
    """Whether the format that `path`'s suffix names keeps transparency."""
    return path.suffix.lower() in (".png", ".webp", ".tif", ".tiff", ".avif")


def can_write(path: Path) -> bool:
    """Whether `path`'s suffix names a format that `write_picture` writes."""
    return Image.registered_extensions().get(path.suffix.lower()) in _WRITABLE


def write_picture(path: Path, picture: Picture, *, quality: int = 95) -> None:
    """Write in the format of `path`'s suffix, with alpha and profile, whole or not at all.

    A format without transparency gets the picture on white.

    Args:
        path: its suffix chooses the format.
        picture: nothing else goes into the file: no EXIF, so no orientation, places or names.
        quality: of JPEG (4:4:4) and WebP, 1 to 100.

    Raises:
        DataError: the suffix names no format that pix2style writes, or the file cannot be written.
    """
    suffix = path.suffix.lower()
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": quality, "subsampling": 0},
        "PNG": {"compress_level": 4},
        "WEBP": {"quality": quality, "method": 4},
        "TIFF": {"compression": "tiff_lzw"},
        "AVIF": {"quality": 90},
    }
    kind = Image.registered_extensions().get(suffix)
    if kind not in _WRITABLE:
        raise DataError(
            f"{path}: cannot write the format {suffix or 'without a suffix'!r}: use .png, .jpg, .webp or .tif"
        )
    if max(picture.rgb.shape[:2]) > _LONGEST_SIDE_PX.get(kind, max(picture.rgb.shape[:2])):
        raise DataError(f"{path}: cannot be written: {kind} holds {_LONGEST_SIDE_PX[kind]} pixels a side: use .png")
    if picture.alpha is not None and can_hold_alpha(path):
        image = Image.fromarray(np.dstack([picture.rgb, picture.alpha]))
    else:
        image = Image.fromarray(picture.on_white())
    extra = {"icc_profile": picture.icc_profile} if picture.icc_profile and kind in options else {}
    try:
        with atomic_path(path) as temporary:
            image.save(temporary, kind, **options.get(kind, {}), **extra)
    # ValueError and struct.error: what an encoder cannot hold.
    except (OSError, ValueError, struct.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be written: {reason}") from error
