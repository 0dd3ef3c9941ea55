"""Compute the glimpse of a whole photo for a crop of it, on the CPU or for many photos on a GPU.

The lightweight generator is trained on crops, but gets a glimpse of the whole photo as global context; see
`images.glimpse`. The glimpse is taken from the photo as it is cropped: after resizing and after the random transforms
of `train.augment.photo`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pix2style.images import Image8
from pix2style.images.glimpse import GLIMPSE_CELLS, GLIMPSE_PATCH_PX, glimpse


def photo_glimpse(photo: Image8, *, flip: bool) -> Image8:
    """Return the glimpse of a photo or of the mirrored photo.

    The latter is not always the mirrored glimpse, because positions of patches are rounded.

    Args:
        photo: The whole photo, uint8 [height, width, 3].
        flip: Whether the photo is mirrored left to right first.

    Returns:
        uint8 [GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX, 3].
    """
    return glimpse(photo[:, ::-1] if flip else photo)


def batched_glimpse_indices(sizes: Tensor) -> Tensor:
    """Return `images.glimpse.glimpse_indices` of many photos at once, computed on the device of `sizes`.

    Args:
        sizes: Heights (or widths) of the photos, int64 [photos].

    Returns:
        Row (or column) indices, int64 [photos, GLIMPSE_SIDE_PX].
    """
    middles = (2 * torch.arange(GLIMPSE_CELLS, device=sizes.device) + 1) * sizes[:, None] // (2 * GLIMPSE_CELLS)
    offsets = torch.arange(GLIMPSE_PATCH_PX, device=sizes.device) - GLIMPSE_PATCH_PX // 2
    indices = (middles[:, :, None] + offsets).clamp(min=0).flatten(1)
    return torch.minimum(indices, sizes[:, None] - 1)
