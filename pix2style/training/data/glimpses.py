"""Glimpses of whole photos for crops of them: a filter knows of the picture more than the crop that it learns from.

Taken from the photo as it is cut, resampled if that is asked for, before its colours are varied: a crop's new colours
depend on the crop alone, and so the photo has none of its own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pix2style.images import Image8
from pix2style.images.glimpse import GLIMPSE_CELLS, GLIMPSE_PATCH_PX, glimpse


def photo_glimpse(photo: Image8, *, flip: bool) -> Image8:
    """`images.glimpse.glimpse` of the photo, or of the mirrored photo, which is not always the glimpse mirrored.

    Args:
        photo: uint8 [height, width, 3], the whole of it.
        flip: as its crop is.

    Returns:
        uint8 [GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX, 3].
    """
    return glimpse(photo[:, ::-1] if flip else photo)


def glimpse_indices_of_sizes(sizes: Tensor) -> Tensor:
    """`glimpse_indices` of many sizes at once.

    Args:
        sizes: [pictures], whole numbers.

    Returns:
        [pictures, GLIMPSE_SIDE_PX].
    """
    middles = (2 * torch.arange(GLIMPSE_CELLS, device=sizes.device) + 1) * sizes[:, None] // (2 * GLIMPSE_CELLS)
    offsets = torch.arange(GLIMPSE_PATCH_PX, device=sizes.device) - GLIMPSE_PATCH_PX // 2
    found = (middles[:, :, None] + offsets).clamp(min=0).flatten(1)
    return torch.minimum(found, sizes[:, None] - 1)
