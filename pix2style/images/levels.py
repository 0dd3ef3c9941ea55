"""Images of one channel, such as masks: made of pictures, resized and blurred."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from pix2style.images.picture import WHITE, Image8, Picture

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's mode L
_PIXELS_PER_STRIP = 100_000


def levels_of(picture: Picture) -> Image8:
    """Return the brightness of a picture on black: uint8 [height, width]. What is transparent is black."""
    height, width = picture.rgb.shape[:2]
    levels, rows = np.empty((height, width), np.uint8), max(1, _PIXELS_PER_STRIP // max(1, width))
    for top in range(0, height, rows):
        strip = np.s_[top : top + rows]
        brightness = np.rint(picture.rgb[strip] @ _LUMA)
        if picture.alpha is not None:
            brightness = np.rint(brightness * (picture.alpha[strip].astype(np.float32) / WHITE))
        levels[strip] = brightness
    return levels


def resize_levels(levels: Image8, height: int, width: int) -> Image8:
    """Resize levels [height, width], with antialiasing and without halos."""
    if levels.shape == (height, width):
        return levels
    return np.array(Image.fromarray(levels).resize((width, height), Image.Resampling.BILINEAR), dtype=np.uint8)


def blur_levels(levels: Image8, sigma_px: float) -> Image8:
    """Blur levels [height, width] as by a Gaussian; beyond the border they go on as they are at the border."""
    if not sigma_px:
        return levels
    return np.array(Image.fromarray(levels).filter(ImageFilter.GaussianBlur(sigma_px)), dtype=np.uint8)
