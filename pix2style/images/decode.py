"""Pictures from files and from Pillow images: whole, upright, 8-bit RGB, or a reason why not."""

from __future__ import annotations

import errno
import io
import os
import stat
import struct
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from pix2style.errors import ImageError
from pix2style.images.picture import WHITE, Image8, Picture

PillowImage = Image.Image

# Only formats that photos come in: every decoder is a place to be attacked. (JPEG's opens MPO as well; Pillow knows
# no opener of that name, and would fail for every format after it.)
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
# A small file that claims more than any camera makes is refused. Just under Pillow's own limit, which is an error too;
# its warning from half of that on would make two limits of one.
MAX_PIXELS = 178_000_000
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# Pillow's decoders raise all of these for damaged files.
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
# EXIF 2.32, tag 0x0112: how a picture that is stored so becomes upright.
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
    """Read one file; see `decode_picture`.

    Raises:
        ImageError: the file cannot be read or decoded, with the reason.
    """
    try:
        data = read_file(path)
    except OSError as error:
        raise ImageError(str(path), error.strerror or str(error)) from error
    return decode_picture(data, name=str(path), to_srgb=to_srgb, max_pixels=max_pixels)


def read_file(path: Path) -> bytes:
    """A file's bytes; never waits, as reading a pipe named x.jpg would.

    Raises:
        OSError: it is no regular file (a pipe, a device, a socket, a folder), or cannot be read.
    """
    with open_file(path) as stream:
        return stream.read()


def open_file(path: Path) -> BinaryIO:
    """A file opened for reading; see `read_file`."""
    return open(path, "rb", opener=_regular_only)


def _regular_only(name: str, flags: int) -> int:
    # Opened first and asked then, so that it cannot become another file in between; without blocking, a pipe opens.
    handle = os.open(name, flags | os.O_NONBLOCK)
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return handle
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    raise OSError(errno.EINVAL, "not a regular file", name)


def decode_picture(data: bytes, *, name: str, to_srgb: bool = False, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode a picture fully (a cut-off file is an error, not a grey area) and turn it upright by its EXIF.

    Grey, palette, CMYK (by its profile) and 16-bit pictures become 8-bit RGB; of an animation the first frame is
    taken.

    Args:
        data: a file's bytes.
        name: for messages.
        to_srgb: convert the colours by the embedded profile, for networks that see sRGB; otherwise the values stay
            and the profile is handed on.
        max_pixels: a larger picture is refused before it is decoded.

    Raises:
        ImageError: with the reason.
    """
    if not data:
        raise ImageError(name, "the file is empty")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > max_pixels:
                raise ImageError(
                    name,
                    f"{image.width}x{image.height} is more than {max_pixels} pixels: make it smaller first",
                )
            image.load()
            return picture_from_pillow(image, to_srgb=to_srgb)
    except UnidentifiedImageError as error:
        raise ImageError(
            name, "not a picture in a known format (JPEG, PNG, WebP, TIFF, AVIF, BMP, GIF, PPM)"
        ) from error
    except Image.DecompressionBombError as error:
        raise ImageError(name, f"claims more than {max_pixels} pixels: make it smaller first") from error
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(name, "needs more memory than there is: make it smaller first") from error
    except _DECODING_ERRORS as error:
        raise ImageError(name, f"damaged or cut off ({error})") from error


def picture_from_pillow(image: PillowImage, *, to_srgb: bool) -> Picture:
    """A decoded Pillow image of any mode as a `Picture`; see `decode_picture`.

    Raises:
        ValueError: a floating-point picture.
    """
    image = _upright(image)
    profile: bytes | None = image.info.get("icc_profile")
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow's own conversion clips 16-bit values to white.
        levels = np.clip(np.rint(np.asarray(image, dtype=np.float64) / _SIXTEEN_BIT_TO_EIGHT), 0, WHITE)
        image, profile = Image.fromarray(levels.astype(np.uint8)), None
    elif image.mode == "F":
        raise ValueError("floating-point pictures have no fixed range; save it with 8 or 16 bits first")
    if image.mode == "CMYK":
        image, profile = _to_srgb(image, profile), None
    elif image.mode in ("L", "LA", "1"):
        profile = None  # a grey profile does not describe RGB values
    alpha = _alpha(image)
    rgb_image = image.convert("RGBA").convert("RGB") if image.mode in ("P", "PA") else _as_rgb(image)
    if to_srgb and profile:
        rgb_image, profile = _to_srgb(rgb_image, profile), None
    rgb = np.array(rgb_image, dtype=np.uint8)
    if alpha is not None:
        rgb[alpha == 0] = WHITE
    return Picture(rgb, alpha, profile)


def _upright(image: PillowImage) -> PillowImage:
    """Turned as its EXIF says; as it lies if the EXIF is broken, which is no reason to refuse a sound picture.

    Not Pillow's exif_transpose, which also rewrites the EXIF, and fails where it cannot.
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
    return image if image.mode == "RGB" else image.convert("RGB")  # converting copies


def _to_srgb(image: PillowImage, profile: bytes | None) -> PillowImage:
    """Convert by the profile; by Pillow's plain formula where there is none or it is broken."""
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
    """Whether a picture file says that it has transparency; from its head, without decoding it."""
    try:
        with open_file(path) as stream, Image.open(stream, formats=_FORMATS) as image:
            return "A" in image.getbands() or "transparency" in image.info
    except (*_DECODING_ERRORS, Image.DecompressionBombError):
        return False  # reading it fully will say what is wrong
