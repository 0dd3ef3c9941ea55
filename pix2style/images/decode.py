"""Decode image files to upright 8-bit RGB, or raise an error that says why that is not possible."""

from __future__ import annotations

import io
import logging
import struct
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from pix2style.errors import ImageError, TooLargeImageError, UnknownImageError
from pix2style.images import png, reasons
from pix2style.images.declared import declared_colours
from pix2style.images.file_content import check_size, explain_memory_errors, open_file, read_image_file
from pix2style.images.file_facts import NO_FACTS, FileFacts, read_facts
from pix2style.images.frames import further_pictures_notes, select_only_frame
from pix2style.images.kinds import formats_for
from pix2style.images.metadata import read_metadata
from pix2style.images.metadata_choice import KeepMetadata
from pix2style.images.picture import WHITE, Image8, Picture
from pix2style.images.pixels import has_transparency, may_be_unused, take_pixels
from pix2style.images.rgb import rgb_of
from pix2style.images.tiff import UnsupportedPictureError, damage_notes, load_image, reopen_if_needed

PillowImage = Image.Image

# Images with more pixels are refused before they are decoded, so that a small file cannot fill the memory
# (decompression bomb). The limit lies just below the one at which Pillow raises an error itself. Pillow also warns from
# half of its limit on; that warning is switched off, because one limit is enough.
MAX_PIXELS = 178_000_000
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# Pillow warns about damaged metadata by its own file names and for each file anew. What matters of it is in
# `Picture.notes`. (Recording warnings is no way: that is not safe in threads.)
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())  # else Python prints its errors to stderr
# Number of first bytes of a file that `formats_for` needs.
_HEAD_BYTES = 64
# Pillow's decoders raise all of these types for damaged files.
_DECODING_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    RuntimeError,
    struct.error,
)
_JPEG_START = b"\xff\xd8\xff"
# Formats that hold a picture in one size, which the header says. Others may hold several sizes of it.
_OF_FIXED_SIZE = frozenset(("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP"))
# The operation that makes an image upright, for each value of EXIF tag 0x0112 (EXIF 2.32).
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_picture(path: Path, *, to_srgb: bool = False, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read and decode one image file; see `decode_picture`.

    Raises:
        ImageError: The file cannot be read or decoded. The message gives the reason.
    """
    return decode_picture(read_image_file(path), name=str(path), to_srgb=to_srgb, max_pixels=max_pixels)


def decode_picture(
    data: bytes,
    *,
    name: str,
    to_srgb: bool = False,
    max_pixels: int = MAX_PIXELS,
    facts: FileFacts | None = None,
    metadata: KeepMetadata = KeepMetadata.NONE,
) -> Picture:
    """Decode a whole image and turn it upright as its EXIF orientation says.

    A truncated file is an error; Pillow alone would fill the missing part with grey. Grey, palette, CMYK, Lab, 16-bit
    and HDR images become 8-bit RGB. Animations and documents of several pages are refused: see
    `sequence.open_sequence`.

    Args:
        data: Content of the image file.
        name: Name of the image in error messages.
        to_srgb: If true, convert the colours to sRGB, for networks that expect it. If false, the values stay in the
            colour space of the image where 8-bit RGB can hold it, and its profile is returned with them.
        max_pixels: Larger images are refused before they are decoded.
        facts: What `read_facts` returned for `data`, if that was called already.
        metadata: What to keep of the metadata of the file.

    Raises:
        ImageError: The image cannot be decoded. The message gives the reason.
    """
    if not data:
        raise ImageError(name, "the file is empty")
    library_lines: list[str] = []
    with explain_memory_errors(name):
        facts = facts or read_facts(data)
    try:
        with Image.open(io.BytesIO(facts.data), formats=formats_for(data, name)) as opened:
            select_only_frame(opened, name)
            image = reopen_if_needed(opened, data)
            if image.width * image.height > max_pixels:
                raise TooLargeImageError(name, reasons.too_large(image.width, image.height, max_pixels))
            load_image(image, library_lines)
            picture = picture_from_pillow(image, to_srgb=to_srgb, facts=facts, metadata=metadata)
            # Animations that can be played do not come here.
            broken = ("its animation is damaged: only its first picture is used",) if facts.is_animated_png else ()
            further = () if facts.notes else further_pictures_notes(image)  # the note about a gain map says it, too
            return replace(picture, notes=(*picture.notes, *broken, *further, *damage_notes(library_lines)))
    except UnidentifiedImageError as error:
        raise reasons.unidentified(facts, name, max_pixels) from error
    except Image.DecompressionBombError as error:
        raise TooLargeImageError(name, reasons.bomb(error, max_pixels)) from error
    except ImageError:
        raise
    except UnsupportedPictureError as error:
        raise UnknownImageError(name, str(error)) from error
    except MemoryError as error:
        raise TooLargeImageError(name, reasons.NO_MEMORY) from error
    except _DECODING_ERRORS as error:
        raise reasons.damaged(facts, name, error, library_lines) from error


def picture_from_pillow(
    image: PillowImage,
    *,
    to_srgb: bool,
    facts: FileFacts = NO_FACTS,
    metadata: KeepMetadata = KeepMetadata.NONE,
) -> Picture:
    """Convert a decoded Pillow image of any mode to a `Picture`; see `decode_picture`.

    Raises:
        UnsupportedPictureError: The image has floating-point values.
    """
    pixels = take_pixels(image, facts.grey_bits)
    alpha = pixels.alpha
    if facts.grey_bits == 16 and image.mode == "RGB" and alpha is not None:
        alpha = png.alpha_of_sixteen_bits(facts.data, image.info["transparency"])
    colours = declared_colours(image, facts)
    rgb, profile, notes = rgb_of(pixels, colours, to_srgb=to_srgb)
    if alpha is not None:
        rgb[alpha == 0] = WHITE
    turn, turn_notes = _turn(image)
    upright = turn(rgb)
    kept = read_metadata(image, metadata, width=upright.shape[1], height=upright.shape[0])
    return Picture(
        upright,
        None if alpha is None else turn(alpha),
        profile,
        lossless=facts.lossless,
        notes=(*facts.notes, *colours.notes, *notes, *turn_notes, *(kept.notes if kept else ())),
        metadata=kept,
    )


def _turn(image: PillowImage) -> tuple[Callable[[Image8], Image8], tuple[str, ...]]:
    """Return what makes the image upright as its EXIF orientation says, and what to say if the EXIF data are damaged.

    Pillow's exif_transpose is not used, because it also rewrites the EXIF data and fails where they are damaged.
    """
    try:
        method = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _DECODING_ERRORS:
        return _unturned, ("its EXIF data are damaged: it may lie on its side",)
    return (_unturned if method is None else lambda pixels: _turned(pixels, method)), ()


def _unturned(pixels: Image8) -> Image8:
    return pixels


def _turned(pixels: Image8, method: Image.Transpose) -> Image8:
    return np.array(Image.fromarray(pixels).transpose(method), dtype=np.uint8)


def read_longer_side(path: Path) -> int | None:
    """Return the longer side of the single picture in a file, in pixels, as its header says.

    It is None for animations, documents of several pages, and what cannot be read.
    """
    try:
        with open_file(path) as stream:
            formats = formats_for(stream.peek(), str(path))
            with Image.open(stream, formats=formats) as image:
                is_single = image.format in _OF_FIXED_SIZE and getattr(image, "n_frames", 1) == 1
                return max(image.size) if is_single else None
    except (ImageError, *_DECODING_ERRORS, Image.DecompressionBombError):
        return None  # decoding the file later raises the error that says what is wrong


def has_alpha(path: Path) -> bool:
    """Return whether an image file has transparency, as its header says; the pixels are not decoded."""
    try:
        with open_file(path) as stream:
            check_size(stream, path)
            return stream_has_alpha(stream, str(path))
    except OSError:
        return False  # reading the file later raises the error that says what is wrong


def stream_has_alpha(stream: BinaryIO, name: str) -> bool:
    """Return what `has_alpha` returns, for the content of a file.

    Args:
        stream: The content. If its header tells enough, nothing else of it is read.
        name: Name of the image.
    """
    try:
        head = stream.read(_HEAD_BYTES)
        if head.startswith(_JPEG_START):
            return False  # a file that begins like this can only be JPEG, which has no transparency
        stream.seek(0)
        with Image.open(stream, formats=formats_for(head, name)) as image:
            if has_transparency(image) and may_be_unused(image):
                stream.seek(0)
                return decode_picture(stream.read(), name=name).alpha is not None
            return has_transparency(image)
    except (ImageError, MemoryError, *_DECODING_ERRORS, Image.DecompressionBombError):
        return False  # decoding the file later raises the error that says what is wrong
