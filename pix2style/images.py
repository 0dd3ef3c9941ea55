"""Pictures: found, read, written, and converted between bytes and numbers. The only user of Pillow.

Outside torch a picture is a uint8 array [height, width, 3] in RGB; inside a network it is float32
[batch, 3, height, width] in [-1, 1]. `to_signed` and `from_signed` are the only conversion, exact both ways.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageDraw, ImageFont, UnidentifiedImageError

from pix2style.errors import DataError, ImageError
from pix2style.files import atomic_path

Image8 = NDArray[np.uint8]
PillowImage = Image.Image
_Numbers = TypeVar("_Numbers", bound=Any)

# Only formats that photos come in: every decoder is a place to be attacked. (JPEG's opens MPO as well; Pillow knows
# no opener of that name, and would fail for every format after it.)
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
IMAGE_SUFFIXES = frozenset(
    (".avif", ".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
# Pillow only warns up to 179 megapixels; a small file that claims more than any camera makes is refused.
MAX_PIXELS = 178_000_000
_WRITABLE = frozenset(("AVIF", "BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP"))
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
_LONGEST_SIDE_PX = {"JPEG": 65_500, "WEBP": 16_383}
_SIXTEEN_BIT_TO_EIGHT = 257  # 65535 / 255
_HALF_RANGE = 127.5
_WHITE = 255


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture, upright.

    Attributes:
        rgb: uint8 [height, width, 3]; white where alpha is 0, so that no hidden colour shows.
        alpha: uint8 [height, width], or None if the file has none.
        icc_profile: of the RGB values, or None (then sRGB).
    """

    rgb: Image8
    alpha: Image8 | None = None
    icc_profile: bytes | None = None

    def on_white(self) -> Image8:
        """The picture as seen on white paper: uint8 [height, width, 3]."""
        if self.alpha is None:
            return self.rgb
        share = self.alpha[..., None].astype(np.float32) / _WHITE
        return np.rint(self.rgb * share + _WHITE * (1 - share)).astype(np.uint8)


@dataclass(frozen=True, slots=True, order=True)
class FoundImage:
    """A picture file, and its name relative to the folder that was asked for (POSIX, for keys and outputs)."""

    relative: str
    path: Path


# --- numbers ---------------------------------------------------------------------------------------------


def to_signed(levels: _Numbers) -> _Numbers:
    """Floats of 0..255 to [-1, 1]; numpy arrays and torch tensors alike.

    `round(to_signed(b) * 127.5 + 127.5) == b` for each of the 256 values (tested).
    """
    signed: _Numbers = levels / _HALF_RANGE - 1
    return signed


def from_signed(values: NDArray[np.floating[Any]]) -> Image8:
    """[-1, 1] to bytes, rounded to the nearest (pix2pix truncates, which darkens by half a level)."""
    levels: Image8 = np.clip(np.rint(values * _HALF_RANGE + _HALF_RANGE), 0, _WHITE).astype(np.uint8)
    return levels


def to_batch(images: Iterable[Image8]) -> NDArray[np.float32]:
    """Equally sized pictures [height, width, 3] to float32 [batch, 3, height, width] in [-1, 1]."""
    stacked = np.stack(list(images)).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(to_signed(stacked.astype(np.float32)))


def from_batch(batch: NDArray[np.floating[Any]]) -> list[Image8]:
    """[batch, 3, height, width] in [-1, 1] to pictures [height, width, 3]."""
    return list(np.ascontiguousarray(from_signed(batch).transpose(0, 2, 3, 1)))


# --- arrays and Pillow images that a caller hands in -------------------------------------------------------


def is_pillow(image: object) -> TypeGuard[PillowImage]:
    """Whether `image` is a Pillow image."""
    return isinstance(image, Image.Image)


def as_array(image: object) -> Image8:
    """A caller's picture as uint8 [height, width, 3].

    Raises:
        TypeError: not an array or Pillow image, or an array of another type than uint8.
        ValueError: an array of another shape, or an empty one.
    """
    if is_pillow(image):
        return _picture_from_pillow(image, to_srgb=False).rgb
    if not isinstance(image, np.ndarray):
        raise TypeError(f"a picture is a uint8 array [height, width, 3] or a Pillow image, not {type(image).__name__}")
    if image.dtype != np.uint8:
        raise TypeError(f"a picture has dtype uint8 (0 to 255), not {image.dtype}: convert it first")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"a picture has shape [height, width, 3], not {list(image.shape)}")
    return image


def as_pillow(rgb: Image8, like: PillowImage | None = None) -> PillowImage:
    """A Pillow image of `rgb`, with the transparency and the colour profile of `like` if given."""
    if like is None:
        return Image.fromarray(rgb)
    source = _picture_from_pillow(like, to_srgb=False)
    image = Image.fromarray(rgb if source.alpha is None else np.dstack([rgb, source.alpha]))
    if source.icc_profile:
        image.info["icc_profile"] = source.icc_profile
    return image


# --- find and read -----------------------------------------------------------------------------------------


def find_images(inputs: Iterable[Path]) -> list[FoundImage]:
    """Picture files named in `inputs` or anywhere below its folders, each once, sorted by relative name.

    Hidden files are passed over, and links to folders are not followed (so a loop cannot trap the scan). A file
    named outright is taken whatever its suffix.

    Raises:
        DataError: an input does not exist.
    """
    found: dict[Path, FoundImage] = {}
    for entry in inputs:
        if entry.is_dir():
            for path in _walk(entry):
                found.setdefault(path, FoundImage(path.relative_to(entry).as_posix(), path))
        elif entry.exists():
            found.setdefault(entry, FoundImage(entry.name, entry))
        else:
            raise DataError(f"{entry}: no such file or folder")
    return sorted(found.values())


def _walk(folder: Path) -> Iterable[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES:
                yield Path(parent, name)


def read_picture(path: Path, *, to_srgb: bool = False, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read one file; see `decode_picture`.

    Raises:
        ImageError: the file cannot be read or decoded, with the reason.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(str(path), error.strerror or str(error)) from error
    return decode_picture(data, name=str(path), to_srgb=to_srgb, max_pixels=max_pixels)


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
            return _picture_from_pillow(image, to_srgb=to_srgb)
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


def _picture_from_pillow(image: PillowImage, *, to_srgb: bool) -> Picture:
    image = _upright(image)
    profile: bytes | None = image.info.get("icc_profile")
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow's own conversion clips 16-bit values to white.
        levels = np.clip(np.rint(np.asarray(image, dtype=np.float64) / _SIXTEEN_BIT_TO_EIGHT), 0, _WHITE)
        image, profile = Image.fromarray(levels.astype(np.uint8)), None
    elif image.mode == "F":
        raise ValueError("floating-point pictures have no fixed range; save it with 8 or 16 bits first")
    if image.mode == "CMYK":
        image, profile = _to_srgb(image, profile), None
    elif image.mode in ("L", "LA", "1"):
        profile = None  # a grey profile does not describe RGB values
    alpha = _alpha(image)
    rgb_image = image.convert("RGBA").convert("RGB") if image.mode in ("P", "PA") else image.convert("RGB")
    if to_srgb and profile:
        rgb_image, profile = _to_srgb(rgb_image, profile), None
    rgb = np.array(rgb_image, dtype=np.uint8)
    if alpha is not None:
        rgb[alpha == 0] = _WHITE
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


# --- resize, encode and write -------------------------------------------------------------------------------


def resize(rgb: Image8, height: int, width: int) -> Image8:
    """Resample to `height` x `width` (Lanczos, antialiased)."""
    if rgb.shape[:2] == (height, width):
        return rgb
    return np.array(Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS), dtype=np.uint8)


def fit_within(rgb: Image8, side: int) -> Image8:
    """Shrink so that the longer side is at most `side`; a smaller picture stays as it is."""
    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    return rgb if scale >= 1 else resize(rgb, max(1, round(height * scale)), max(1, round(width * scale)))


def crop_to_square(rgb: Image8, side: int) -> Image8:
    """The largest square in the middle, scaled: uint8 [side, side, 3].

    Only the square is scaled, so that a long strip does not become gigabytes on its way.
    """
    height, width = rgb.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    box = (left, top, left + short, top + short)
    image = Image.fromarray(rgb).resize((side, side), Image.Resampling.LANCZOS, box=box)
    return np.array(image, dtype=np.uint8)


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


def has_alpha(path: Path) -> bool:
    """Whether a picture file says that it has transparency; from its head, without decoding it."""
    try:
        with Image.open(path, formats=_FORMATS) as image:
            return "A" in image.getbands() or "transparency" in image.info
    except _DECODING_ERRORS:
        return False  # reading it fully will say what is wrong


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
    if max(picture.rgb.shape[:2]) > _LONGEST_SIDE_PX.get(kind, MAX_PIXELS):
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


# --- sheets of pictures ---------------------------------------------------------------------------------------


def sheet(rows: list[list[Image8]], headings: list[str], *, gap_px: int = 8, heading_px: int = 18) -> Image8:
    """Rows of equally many pictures under headings, on white: uint8 [height, width, 3].

    Pictures of a row share the height of its first one.
    """
    scaled = [
        [resize(one, row[0].shape[0], max(1, round(one.shape[1] * row[0].shape[0] / one.shape[0]))) for one in row]
        for row in rows
    ]
    columns = [max(row[i].shape[1] for row in scaled) for i in range(len(headings))]
    top = heading_px + 2 * gap_px
    canvas = Image.new(
        "RGB",
        (sum(columns) + gap_px * (len(columns) + 1), top + sum(r[0].shape[0] + gap_px for r in scaled)),
        "white",
    )
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(heading_px)
    for i, heading in enumerate(headings):
        draw.text((gap_px + sum(columns[:i]) + gap_px * i, gap_px), heading, fill="black", font=font)
    for row in scaled:
        for i, one in enumerate(row):
            canvas.paste(Image.fromarray(one), (gap_px + sum(columns[:i]) + gap_px * i, top))
        top += row[0].shape[0] + gap_px
    return np.array(canvas, dtype=np.uint8)
