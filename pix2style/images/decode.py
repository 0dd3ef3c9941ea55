"""Decode image files to upright 8-bit RGB, or raise an error that says why that is not possible."""

from __future__ import annotations

import errno
import io
import os
import stat
import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from pix2style.errors import ImageError
from pix2style.images.frames import select_only_frame
from pix2style.images.kinds import formats_for, unidentified_reason
from pix2style.images.picture import WHITE, Image8, Picture

PillowImage = Image.Image

# Images with more pixels are refused before they are decoded, so that a small file cannot fill the memory
# (decompression bomb). The limit lies just below the one at which Pillow raises an error itself. Pillow also warns from
# half of its limit on; that warning is switched off, because one limit is enough.
MAX_PIXELS = 178_000_000
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
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
_SIXTEEN_BIT_TO_EIGHT = 257  # 65535 / 255


def read_picture(path: Path, *, to_srgb: bool = False, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read and decode one image file; see `decode_picture`.

    Raises:
        ImageError: The file cannot be read or decoded. The message gives the reason.
    """
    return decode_picture(read_image_file(path), name=str(path), to_srgb=to_srgb, max_pixels=max_pixels)


def read_image_file(path: Path, *, name: str | None = None) -> bytes:
    """Return the content of an image file, or raise an ImageError, about `name` or the path, if it cannot be read."""
    try:
        return read_file(path)
    except OSError as error:
        raise ImageError(name or str(path), error.strerror or str(error)) from error


def read_file(path: Path) -> bytes:
    """Return the content of a regular file, without ever blocking (reading a pipe named x.jpg would block).

    Raises:
        OSError: The path is not a regular file (but a pipe, device, socket or folder), or it cannot be read.
    """
    with open_file(path) as stream:
        return stream.read()


def open_file(path: Path) -> io.BufferedReader:
    """Open a regular file for reading; see `read_file`."""
    return open(path, "rb", opener=_regular_only)


def _regular_only(name: str, flags: int) -> int:
    # Open first and check the open file afterwards: a check before opening could see another file than the one that
    # is opened. O_NONBLOCK lets the open call return for a pipe that nobody writes to.
    handle = os.open(name, flags | os.O_NONBLOCK)
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return handle
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    raise OSError(errno.EINVAL, "not a regular file", name)


def decode_picture(data: bytes, *, name: str, to_srgb: bool = False, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode a whole image and turn it upright as its EXIF orientation says.

    A truncated file is an error; Pillow alone would fill the missing part with grey. Grey, palette, CMYK (converted by
    its profile) and 16-bit images become 8-bit RGB. Animations and documents of several pages are refused: see
    `sequence.open_sequence`.

    Args:
        data: Content of the image file.
        name: Name of the image in error messages.
        to_srgb: If true, convert the colours to sRGB by the embedded profile, for networks that expect sRGB. If false,
            the values stay as they are and the profile is returned with them.
        max_pixels: Larger images are refused before they are decoded.

    Raises:
        ImageError: The image cannot be decoded. The message gives the reason.
    """
    if not data:
        raise ImageError(name, "the file is empty")
    try:
        with Image.open(io.BytesIO(data), formats=formats_for(data, name)) as image:
            select_only_frame(image, name)
            if image.width * image.height > max_pixels:
                raise ImageError(
                    name,
                    f"{image.width}x{image.height} is more than {max_pixels} pixels: make it smaller first",
                )
            image.load()
            return picture_from_pillow(image, to_srgb=to_srgb)
    except UnidentifiedImageError as error:
        raise ImageError(name, unidentified_reason(name)) from error
    except Image.DecompressionBombError as error:
        raise ImageError(name, f"claims more than {max_pixels} pixels: make it smaller first") from error
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(name, "needs more memory than there is: make it smaller first") from error
    except _DECODING_ERRORS as error:
        raise ImageError(name, f"damaged or cut off ({error})") from error


def picture_from_pillow(image: PillowImage, *, to_srgb: bool) -> Picture:
    """Convert a decoded Pillow image of any mode to a `Picture`; see `decode_picture`.

    Raises:
        ValueError: The image has floating-point values.
    """
    image = _upright(image)
    profile: bytes | None = image.info.get("icc_profile")
    if image.mode.startswith("I;16") or image.mode == "I":
        # Scale here, because Pillow's own conversion clips all values above 255 to white.
        levels = np.clip(np.rint(np.asarray(image, dtype=np.float64) / _SIXTEEN_BIT_TO_EIGHT), 0, WHITE)
        image, profile = Image.fromarray(levels.astype(np.uint8)), None
    elif image.mode == "F":
        raise ValueError("floating-point pictures have no fixed range; save it with 8 or 16 bits first")
    if image.mode == "CMYK":
        image, profile = _to_srgb(image, profile), None
    elif image.mode in ("L", "LA", "1"):
        profile = None  # a profile for grey values does not describe RGB values
    alpha = _alpha(image)
    rgb_image = image.convert("RGBA").convert("RGB") if image.mode in ("P", "PA") else _as_rgb(image)
    if to_srgb and profile:
        rgb_image, profile = _to_srgb(rgb_image, profile), None
    rgb = np.array(rgb_image, dtype=np.uint8)
    if alpha is not None:
        rgb[alpha == 0] = WHITE
    return Picture(rgb, alpha, profile)


def _upright(image: PillowImage) -> PillowImage:
    """Turn the image as its EXIF orientation says; leave it as it is if the EXIF data are damaged.

    Pillow's exif_transpose is not used, because it also rewrites the EXIF data and fails where they are damaged.
    """
    try:
        method = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _DECODING_ERRORS:
        method = None
    return image if method is None else image.transpose(method)


def _alpha(image: PillowImage) -> Image8 | None:
    if "A" not in image.getbands() and "transparency" not in image.info:
        return None
    return np.array(image.convert("RGBA").getchannel("A"), dtype=np.uint8)


def _as_rgb(image: PillowImage) -> PillowImage:
    return image if image.mode == "RGB" else image.convert("RGB")  # convert() copies even where nothing changes


def _to_srgb(image: PillowImage, profile: bytes | None) -> PillowImage:
    """Convert to sRGB by the profile, or by Pillow's plain formula if the profile is missing or damaged."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError):
            pass
    return image.convert("RGB")


def has_alpha(path: Path) -> bool:
    """Return whether an image file has transparency, as its header says; the pixels are not decoded."""
    try:
        with open_file(path) as stream:
            formats = formats_for(stream.peek(), str(path))
            with Image.open(stream, formats=formats) as image:
                return "A" in image.getbands() or "transparency" in image.info
    except (ImageError, *_DECODING_ERRORS, Image.DecompressionBombError):
        return False  # decoding the file later raises the error that says what is wrong
