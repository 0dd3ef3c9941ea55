"""The glimpse of a photo: 24 x 24 small patches from all over it, which give the lightweight generator global context.

A network that is applied to crops or tiles sees a part of the photo only. The glimpse is computed once from the whole
photo and given to every crop or tile, so that brightness and contrast are treated alike in all of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pix2style.images.picture import Image8

GLIMPSE_CELLS = 24
GLIMPSE_PATCH_PX = 4
GLIMPSE_SIDE_PX = GLIMPSE_CELLS * GLIMPSE_PATCH_PX


def glimpse_indices(size_px: int) -> NDArray[np.int64]:
    """Return the indices of the rows (or columns) of a photo that its glimpse consists of.

    The photo is divided into GLIMPSE_CELLS equal cells along the axis. Each cell contributes the GLIMPSE_PATCH_PX rows
    around its middle. The formula uses integers only, so that implementations in other languages get the same indices.
    Indices beyond the photo are clipped to its first or last row.

    Args:
        size_px: Height (or width) of the photo in pixels, at least 1.

    Returns:
        int64 [GLIMPSE_SIDE_PX], ascending, from 0 to size_px - 1.
    """
    middles = (2 * np.arange(GLIMPSE_CELLS, dtype=np.int64) + 1) * size_px // (2 * GLIMPSE_CELLS)
    offsets = np.arange(GLIMPSE_PATCH_PX, dtype=np.int64) - GLIMPSE_PATCH_PX // 2
    rows: NDArray[np.int64] = np.clip(middles[:, None] + offsets, 0, size_px - 1).ravel()
    return rows


def glimpse(photo: Image8) -> Image8:
    """Return the glimpse of a photo: a mosaic of 24 x 24 patches of 4 x 4 pixels, taken at equal distances.

    Pixels are copied, not averaged. So the glimpse has the brightness, contrast and texture of the photo at its own
    scale, and its bytes do not depend on who computes them.

    Args:
        photo: uint8 [height >= 1, width >= 1, 3].

    Returns:
        uint8 [GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX, 3].
    """
    height, width = photo.shape[:2]
    # Select rows first and columns afterwards: indexing both at once copies pixel by pixel, which is slower.
    return np.ascontiguousarray(photo[glimpse_indices(height)][:, glimpse_indices(width)])
