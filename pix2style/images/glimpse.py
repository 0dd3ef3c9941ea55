"""A glimpse: a few small patches of a photo, spread over all of it; what a filter knows of the picture as a whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pix2style.images.picture import Image8

GLIMPSE_CELLS = 24
GLIMPSE_PATCH_PX = 4
GLIMPSE_SIDE_PX = GLIMPSE_CELLS * GLIMPSE_PATCH_PX


def glimpse_indices(size_px: int) -> NDArray[np.int64]:
    """Which rows (or columns) of a photo a glimpse takes: those around the middle of each of equally long cells.

    Whole numbers only, so that every language finds the same ones; beyond the photo's border stands its last row.

    Args:
        size_px: the photo's height (or width), at least 1.

    Returns:
        [GLIMPSE_SIDE_PX] of 0 .. size_px - 1, ascending.
    """
    middles = (2 * np.arange(GLIMPSE_CELLS, dtype=np.int64) + 1) * size_px // (2 * GLIMPSE_CELLS)
    offsets = np.arange(GLIMPSE_PATCH_PX, dtype=np.int64) - GLIMPSE_PATCH_PX // 2
    rows: NDArray[np.int64] = np.clip(middles[:, None] + offsets, 0, size_px - 1).ravel()
    return rows


def glimpse(photo: Image8) -> Image8:
    """A mosaic of 24 x 24 patches of 4 x 4 pixels, from all over a photo.

    Pixels are taken, not averaged: brightness, contrast and texture are those of the photo at its own scale, and the
    same photo gives the same bytes wherever they are computed.

    Args:
        photo: uint8 [height >= 1, width >= 1, 3].

    Returns:
        uint8 [GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX, 3].
    """
    height, width = photo.shape[:2]
    # rows first: they lie together, and taking both at once walks pixel by pixel
    return np.ascontiguousarray(photo[glimpse_indices(height)][:, glimpse_indices(width)])
