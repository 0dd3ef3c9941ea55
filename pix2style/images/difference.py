"""How far two pictures are apart, on the rounded bytes that ship."""

from __future__ import annotations

import math

import numpy as np

from pix2style.images.picture import Image8

# Equal pictures have an infinite PSNR, which neither JSON nor a mean can hold. A 512x512 picture that differs in a
# single value by a single level has 107 dB, so nothing that people call different reaches the cap.
PSNR_CAP_DB = 110.0
_LEVELS = 255


def psnr_db(picture: Image8, target: Image8) -> float:
    """Peak signal-to-noise ratio over all values, with a data range of 255.

    Args:
        picture: uint8 [height, width, 3].
        target: the same shape.

    Returns:
        Decibels; `PSNR_CAP_DB` at most (equal pictures).
    """
    check_same_shape(picture, target)
    squared_error = float(np.square(picture.astype(np.float64) - target).mean())
    return PSNR_CAP_DB if squared_error == 0 else min(PSNR_CAP_DB, 10 * math.log10(_LEVELS**2 / squared_error))


def check_same_shape(picture: Image8, target: Image8) -> None:
    """Refuse to compare pictures of different shapes.

    Raises:
        ValueError: with both.
    """
    if picture.shape != target.shape:
        raise ValueError(f"pictures of one shape can be compared, not {list(picture.shape)} and {list(target.shape)}")
