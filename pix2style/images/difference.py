"""PSNR of two 8-bit images."""

from __future__ import annotations

import math

import numpy as np

from pix2style.images.picture import Image8

# Equal images have an infinite PSNR, which can neither be averaged nor stored in JSON, so it is capped. A 512x512 image
# that differs in one value by one level has 107 dB, so only equal images, and much larger ones that differ as little,
# reach the cap.
PSNR_CAP_DB = 110.0
_LEVELS = 255


def psnr_db(picture: Image8, target: Image8) -> float:
    """Peak signal-to-noise ratio over all values, with a data range of 255.

    Args:
        picture: uint8 [height, width, 3].
        target: uint8 array of the same shape.

    Returns:
        PSNR in decibels, at most `PSNR_CAP_DB` (for equal images).
    """
    check_same_shape(picture, target)
    squared_error = float(np.square(picture.astype(np.float64) - target).mean())
    return PSNR_CAP_DB if squared_error == 0 else min(PSNR_CAP_DB, 10 * math.log10(_LEVELS**2 / squared_error))


def check_same_shape(picture: Image8, target: Image8) -> None:
    """Raise a ValueError that names both shapes if two images have different ones."""
    if picture.shape != target.shape:
        raise ValueError(
            f"only images of equal shape can be compared, not {list(picture.shape)} and {list(target.shape)}"
        )
