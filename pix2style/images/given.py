"""Convert images that a caller passes in, as arrays or Pillow images."""

from __future__ import annotations

from typing import TypeGuard

import numpy as np
from PIL import Image

from pix2style.images.decode import PillowImage, picture_from_pillow
from pix2style.images.picture import Image8, Picture


def is_pillow(image: object) -> TypeGuard[PillowImage]:
    """Return whether `image` is a Pillow image."""
    return isinstance(image, Image.Image)


def as_array(image: object) -> Image8:
    """Return a caller's image as a uint8 array [height, width, 3]. The colours of a Pillow image become sRGB.

    Raises:
        TypeError: `image` is neither an array nor a Pillow image, or an array that is not uint8.
        ValueError: The array has another shape, or is empty.
    """
    if is_pillow(image):
        return picture_from_pillow(image, to_srgb=True).rgb
    if not isinstance(image, np.ndarray):
        raise TypeError(
            f"an image must be a uint8 array [height, width, 3] or a Pillow image, not {type(image).__name__}"
        )
    if image.dtype != np.uint8:
        raise TypeError(f"an image must have dtype uint8 (0 to 255), not {image.dtype}: convert it first")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"an image must have the shape [height, width, 3], not {list(image.shape)}")
    return image


def as_picture(image: object) -> Picture:
    """Return a caller's image as a `Picture`: a Pillow image in its own colour space, an array in sRGB.

    Raises:
        TypeError, ValueError: See `as_array`.
    """
    return picture_from_pillow(image, to_srgb=False) if is_pillow(image) else Picture(as_array(image))


def as_pillow(picture: Picture) -> PillowImage:
    """Return a picture as a Pillow image, in the mode RGB or RGBA, with its colour profile."""
    image = Image.fromarray(picture.rgb if picture.alpha is None else np.dstack([picture.rgb, picture.alpha]))
    if picture.icc_profile:
        image.info["icc_profile"] = picture.icc_profile
    return image
