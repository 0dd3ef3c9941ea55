"""The glimpse that all frames of a scene are stylized with."""

from __future__ import annotations

import numpy as np

from pix2style.images import Image8
from pix2style.images.glimpse import GLIMPSE_CELLS, GLIMPSE_PATCH_PX, glimpse

# A glimpse is held until the scene's mean brightness or contrast (of a colour) differs by so many levels: about as much
# as changes the look of a stylized picture visibly. Then it is replaced patch by patch.
_CHANGE_LEVELS = 16.0
# Patches that are replaced in each frame: all 576 within 3 seconds at 24 frames/s.
_PATCHES = 8
_ORDER = np.random.default_rng(0).permutation(GLIMPSE_CELLS**2)
ALL_PATCHES = GLIMPSE_CELLS**2


def next_glimpse(held: Image8, frame: Image8, replaced: int) -> tuple[Image8, int]:
    """Return the glimpse for the next frame of a scene.

    Held, it lets every stroke be as it was. Where the scene has become darker, lighter or of another contrast, patches
    of the new frame replace old ones, a few in each frame, so that brightness does not jump. Averages over time would
    not do: they would blur patches, and the generator takes the roughness of a photo from them.

    Args:
        held: The glimpse of the frame before.
        frame: The next frame.
        replaced: How many patches were replaced so far; ALL_PATCHES while the glimpse is held.

    Returns:
        The glimpse, and the new number of replaced patches.
    """
    current = glimpse(frame)
    if replaced >= ALL_PATCHES:
        if not _differs(held, current):
            return held, ALL_PATCHES
        replaced = 0
    rows, columns = np.divmod(_ORDER[replaced : replaced + _PATCHES], GLIMPSE_CELLS)
    mixed = held.copy()
    _patches(mixed)[rows, :, columns] = _patches(current)[rows, :, columns]
    return mixed, min(replaced + _PATCHES, ALL_PATCHES)


def _patches(image: Image8) -> Image8:
    """Return a view [row of patches, row in the patch, column of patches, column in the patch, 3]."""
    return image.reshape(GLIMPSE_CELLS, GLIMPSE_PATCH_PX, GLIMPSE_CELLS, GLIMPSE_PATCH_PX, 3)


def _differs(held: Image8, current: Image8) -> bool:
    now, then = (image[::2, ::2].reshape(-1, 3).astype(np.float32) for image in (current, held))
    means = np.abs(now.mean(axis=0) - then.mean(axis=0)).max()
    deviations = np.abs(now.std(axis=0) - then.std(axis=0)).max()
    return bool(max(means, deviations) > _CHANGE_LEVELS)
