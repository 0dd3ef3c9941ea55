"""Shift a frame under the grid of a filter, by padding it on the left and at the top."""

from __future__ import annotations

import numpy as np

from pix2style.images import Image8


def pad_to_phase(frame: Image8, offset_px: tuple[int, int], grid_px: int) -> Image8:
    """Pad a frame with its border pixels, so that its upper left pixel comes to `offset_px`.

    The size of the result does not depend on the offset, and is a multiple of the grid: a network gets the same size
    for all frames.

    Args:
        frame: uint8 [height, width, 3].
        offset_px: Rows added at the top and columns added on the left, below `grid_px` each.
        grid_px: Distance of the filter's grid lines.
    """
    sizes = [-(-(size + grid_px - 1) // grid_px) * grid_px for size in frame.shape[:2]]
    (top, left), (height, width) = offset_px, frame.shape[:2]
    padded = np.empty((sizes[0], sizes[1], 3), np.uint8)
    padded[top : top + height, left : left + width] = frame
    padded[top : top + height, :left] = frame[:, :1]
    padded[top : top + height, left + width :] = frame[:, -1:]
    padded[:top] = padded[top]
    padded[top + height :] = padded[top + height - 1]
    return padded


def crop_from_phase(padded: Image8, offset_px: tuple[int, int], size: tuple[int, int]) -> Image8:
    """Cut a frame of `size` (height, width) out of what `pad_to_phase` made of it."""
    (top, left), (height, width) = offset_px, size
    return padded[top : top + height, left : left + width].copy()  # `padded` may be kept, and the frame is changed
