"""Encode images and write image files."""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from pix2style.errors import DataError
from pix2style.files import atomic_path, write_bytes
from pix2style.images.colour import to_srgb
from pix2style.images.origin import add_origin, origin_options
from pix2style.images.picture import Image8, Picture
from pix2style.images.png_pixels import save_png
from pix2style.images.store_metadata import add_metadata, metadata_options, of_size

_WRITABLE = frozenset(("AVIF", "BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP"))
# For lossless WebP files, "quality" is the time spent on making them small, from 0 to 100.
_LOSSLESS_EFFORT = 50
# Pillow would write a coloured PPM file under these suffixes, which stand for black and white, grey and floats.
_UNFIT_SUFFIXES = frozenset((".pbm", ".pfm", ".pgm"))
# Asking Pillow for the format of a suffix imports all of its formats, which takes as long as painting a small photo.
_USUAL_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
_LONGEST_SIDE_PX = {"JPEG": 65_500, "WEBP": 16_383}


def encode_png(rgb: Image8, *, compress_level: int = 4, texts: Mapping[str, str] | None = None) -> bytes:
    """Encode as PNG, without loss. With one version of Pillow the same image always gives the same bytes.

    Args:
        rgb: uint8 [height, width, 3].
        compress_level: Effort for a small file, from 1 to 9; 0 does not compress, so that all images of one size give
            files of one size.
        texts: ASCII texts by their keywords; see `png_text`.
    """
    from PIL.PngImagePlugin import PngInfo

    stream, info = io.BytesIO(), PngInfo()
    for keyword, text in (texts or {}).items():
        info.add_text(keyword, text)
    Image.fromarray(rgb).save(stream, "PNG", compress_level=compress_level, pnginfo=info)
    return stream.getvalue()


def write_png(path: Path, rgb: Image8, texts: Mapping[str, str]) -> None:
    """Write a PNG file with texts; see `encode_png`.

    Raises:
        DataError: The file cannot be written.
    """
    with writing(path):
        write_bytes(path, encode_png(rgb, texts=texts))


def encode_jpeg(rgb: Image8, quality: int = 95) -> bytes:
    """Encode as JPEG without chroma subsampling (4:4:4), because subsampling blurs coloured edges."""
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=quality, subsampling=0)
    return stream.getvalue()


def can_hold_alpha(path: Path) -> bool:
    """Return whether the image format named by the suffix of `path` can store transparency."""
    return path.suffix.lower() in (".apng", ".avif", ".avifs", ".png", ".tif", ".tiff", ".webp")


def can_write(path: Path) -> bool:
    """Return whether the suffix of `path` names a format that `write_picture` can write."""
    return format_of(path) in _WRITABLE


def format_of(path: Path) -> str | None:
    """Return Pillow's name of the format that the suffix of `path` selects for writing, or None."""
    suffix = path.suffix.lower()
    if suffix in _USUAL_FORMATS:
        return _USUAL_FORMATS[suffix]
    return None if suffix in _UNFIT_SUFFIXES else Image.registered_extensions().get(suffix)


def write_picture(path: Path, picture: Picture, *, quality: int = 95, origin: str | None = None) -> None:
    """Write an image file with its transparency and colour profile. No partial file is left behind on failure.

    In a format without transparency, the image is placed on a white background. In a format without profiles, its
    colours are converted to sRGB.

    Args:
        path: File to write; its suffix selects the format.
        picture: Pixels, transparency and profile to write, and the metadata that are kept, if there are any.
        quality: Quality of JPEG (4:4:4) and WebP files, 1 to 100. What was a lossless WebP file becomes one again.
        origin: A note in the file that says what made it; see `read_origin`.

    Raises:
        DataError: The suffix names no format that pix2style writes, or the file cannot be written.
    """
    with writing(path), atomic_path(path) as temporary, temporary.open("w+b") as stream:
        _write(stream, path, picture, quality, origin)


def encode_picture(name: Path, picture: Picture, *, quality: int = 95, origin: str | None = None) -> bytes:
    """Return the content of the file that `write_picture` writes.

    Args:
        name: Name of the picture in messages; its suffix selects the format.
        picture: The picture; see `write_picture`.
        quality: Quality of JPEG and WebP files.
        origin: A note in the file that says what made it.

    Raises:
        DataError: The suffix names no format that pix2style writes, or the format cannot hold the picture.
    """
    stream = io.BytesIO()
    with writing(name):
        _write(stream, name, picture, quality, origin)
    return stream.getvalue()


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise a DataError about a file instead of the errors that writing it raises.

    Encoders raise most of them for values that their format cannot store.
    """
    try:
        yield
    except (OSError, ValueError, RuntimeError, struct.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be written: {reason}") from error


def _write(stream: IO[bytes], path: Path, picture: Picture, quality: int, origin: str | None) -> None:
    suffix = path.suffix.lower()
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": quality, "subsampling": 0},
        "WEBP": {"quality": quality, "method": 4},
        "TIFF": {"compression": "tiff_lzw"},
        "AVIF": {"quality": 90, "subsampling": "4:4:4"},
    }
    kind = format_of(path)
    if kind not in _WRITABLE:
        raise DataError(
            f"{path}: cannot write the format {suffix or 'without a suffix'!r}: use .png, .jpg, .webp or .tif"
        )
    if max(picture.rgb.shape[:2]) > _LONGEST_SIDE_PX.get(kind, max(picture.rgb.shape[:2])):
        raise DataError(
            f"{path}: cannot be written: a {kind} file has at most {_LONGEST_SIDE_PX[kind]} pixels a side: use .png"
        )
    if picture.lossless:
        options["WEBP"] = {"lossless": True, "quality": _LOSSLESS_EFFORT, "exact": True}
        options["AVIF"]["quality"] = 100  # up to rounding: Pillow cannot store RGB itself
    if kind not in (*options, "PNG"):  # the others hold a profile
        picture = replace(picture, rgb=to_srgb(picture.rgb, picture.icc_profile), icc_profile=None)
    if picture.alpha is not None and can_hold_alpha(path):
        image = Image.fromarray(np.dstack([picture.rgb, picture.alpha]))
    else:
        image = Image.fromarray(picture.on_white())
    extra = {"icc_profile": picture.icc_profile} if picture.icc_profile else {}
    metadata = of_size(picture.metadata, picture.rgb)
    note = metadata_options(kind, metadata, origin_options(kind, origin))
    all_options = {**options.get(kind, {}), **extra, **note}
    if kind == "PNG":
        save_png(image, stream, **all_options)
    else:
        image.save(stream, kind, **all_options)
    add_origin(stream, kind, origin)
    add_metadata(stream, kind, metadata)
