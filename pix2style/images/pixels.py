"""Take grey levels or colours, and transparency, out of Pillow images of any mode."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2style.images.picture import WHITE, Image8
from pix2style.images.tiff import UnsupportedPictureError, grey_range, has_unnamed_channel
from pix2style.light_dataclass import dataclass

GREY_MODES = frozenset(("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"))
_WITH_ALPHA = frozenset(("LA", "La", "PA", "RGBA", "RGBa"))
# Formats in which files without transparency often have an alpha channel of zeros.
_UNUSED_ALPHA = frozenset(("BMP", "DIB", "TGA", "TIFF"))


@dataclass(frozen=True, slots=True)
class Pixels:
    """Pixels of an image in its own colour space.

    Attributes:
        values: Greys from 0 to 255 [height, width], as uint8 or, for more than 8 bits, as float64 with fractions; or an
            image in the mode RGB, CMYK or LAB.
        alpha: uint8 [height, width], or None if the image has no transparency.
    """

    values: Image8 | NDArray[np.float64] | Image.Image
    alpha: Image8 | None


def has_transparency(image: Image.Image) -> bool:
    """Return whether an image has an alpha channel or a transparent colour; it need not be decoded."""
    return image.mode in _WITH_ALPHA or bool(image.has_transparency_data)


def may_be_unused(image: Image.Image) -> bool:
    """Return whether an alpha channel of nothing but zeros would mean that there is no transparency."""
    if image.format == "TIFF" and not has_unnamed_channel(image):
        return False
    return image.format in _UNUSED_ALPHA


def take_pixels(image: Image.Image, grey_bits: int = 8) -> Pixels:
    """Take levels or colours, and transparency, out of a decoded image.

    Args:
        image: The image.
        grey_bits: Bits in which a transparent grey level of less than 8 bits is counted.

    Raises:
        UnsupportedPictureError: The image has floating-point values.
    """
    if image.mode == "F":
        raise UnsupportedPictureError("floating-point pictures have no fixed range; save it with 8 or 16 bits first")
    if image.mode in ("1", "L"):
        grey = np.asarray(image.convert("L"), dtype=np.uint8)
        return Pixels(grey, _grey_key_alpha(grey, image, grey_bits))
    if image.mode == "I" or image.mode.startswith("I;16"):
        levels = np.asarray(image, dtype=np.float64)
        return Pixels(_scaled(levels, image), _grey_key_alpha(levels, image, grey_bits))
    if image.mode in ("LA", "La"):
        grey, alpha = np.moveaxis(np.asarray(image.convert("LA"), dtype=np.uint8), 2, 0)
        return Pixels(grey, _used(alpha, image))
    if image.mode in ("CMYK", "LAB"):
        return Pixels(image, None)
    if image.mode == "RGB" and isinstance(key := image.info.get("transparency"), tuple):
        return Pixels(image, _opaque_unless(np.asarray(image) == np.array(key[:3])))
    if has_transparency(image) and image.mode != "RGB":
        image_with_alpha = image.convert("RGBA")
        alpha = np.array(image_with_alpha.getchannel("A"), dtype=np.uint8)
        return Pixels(image_with_alpha.convert("RGB"), _used(alpha, image))
    return Pixels(image if image.mode == "RGB" else image.convert("RGB"), None)


def _scaled(levels: NDArray[np.float64], image: Image.Image) -> NDArray[np.float64]:
    """Scale 16-bit levels to 0..255. Pillow's own conversion clips all values above 255 to white."""
    black, white = grey_range(image)
    return np.clip((levels - black) * (WHITE / (white - black)), 0, WHITE)


def _grey_key_alpha(levels: Image8 | NDArray[np.float64], image: Image.Image, bits: int) -> Image8 | None:
    key = image.info.get("transparency")
    if not isinstance(key, int):
        return None
    if image.mode == "L" and bits < 8:
        key = key * WHITE // ((1 << bits) - 1)  # Pillow scales the levels, but not the key
    return _opaque_unless((levels == key)[..., None])


def _opaque_unless(matches: NDArray[np.bool_]) -> Image8:
    return np.where(matches.all(axis=2), 0, WHITE).astype(np.uint8)


def _used(alpha: Image8, image: Image.Image) -> Image8 | None:
    """Return the alpha channel, or None if it is nothing but zeros in a file that need not have meant it."""
    return None if may_be_unused(image) and not alpha.any() else alpha
