"""Small luminance images of frames, and patches of their luminance in full resolution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pix2style.images import Image8

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_MAX_SMALL_SIDE_PX = 480
_MIN_SMALL_SIDE_PX = 64


def reduction(height: int, width: int) -> int:
    """Return the factor, a power of two, by which frames are reduced: 4 for 720p and 1080p, 1 for very small ones."""
    factor = 1
    while max(height, width) > factor * _MAX_SMALL_SIDE_PX and min(height, width) >= 2 * factor * _MIN_SMALL_SIDE_PX:
        factor *= 2
    return factor


def small_luminance(frame: Image8) -> Floats:
    """Return a frame's luminance, reduced by `reduction`, in levels of 0 to 255.

    Each pixel is the mean of four samples of its block, two of them green. Samples are picked, because averaging all
    pixels of a block takes numpy several milliseconds for a frame of 1280 x 720.

    Args:
        frame: uint8 [height, width, 3].

    Returns:
        float32 [height // factor, width // factor].
    """
    total = _luminance_sums(frame, reduction(*frame.shape[:2]))
    return total.astype(np.float32) / np.float32(4)


def reduced_luminance(frame: Image8, factor: int) -> NDArray[np.uint8]:
    """Return a frame's luminance, reduced by a factor, in whole levels; see `small_luminance`."""
    return (_luminance_sums(frame, factor) >> 2).astype(np.uint8)


def _luminance_sums(frame: Image8, factor: int) -> NDArray[np.uint16]:
    height, width = (size // factor * factor for size in frame.shape[:2])
    half = factor // 2
    total = np.zeros((height // factor, width // factor), np.uint16)
    for row, column, channel in ((0, 0, 1), (half, half, 1), (0, half, 0), (half, 0, 2)):
        total += frame[row:height:factor, column:width:factor, channel]
    return total


def luminance_patches(frame: Image8, corners: Ints, side: int) -> NDArray[np.uint8]:
    """Return square patches of a frame's luminance in full resolution.

    Args:
        frame: uint8 [height, width, 3].
        corners: Row and column of the upper left corner of each patch, int [patches, 2]; patches lie inside the frame.
        side: Side of the patches in pixels.

    Returns:
        uint8 [patches, side, side].
    """
    patches = np.empty((len(corners), side, side, 3), np.uint8)
    for patch, (row, column) in zip(patches, corners.tolist(), strict=True):
        patch[:] = frame[row : row + side, column : column + side]
    red, green, blue = (patches[..., channel].astype(np.uint16) for channel in range(3))
    return ((red + green + green + blue + 2) // 4).astype(np.uint8)
