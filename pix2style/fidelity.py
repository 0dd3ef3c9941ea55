"""SSIM of two 8-bit images. Training (validation) and evaluation both use it, so that their figures are comparable."""

from __future__ import annotations

import kornia.metrics
import numpy as np
import torch

from pix2style.images import Image8
from pix2style.images.difference import check_same_shape

_LEVELS = 255
# Wang et al. 2004 (https://doi.org/10.1109/TIP.2003.819861): an 11x11 Gaussian window with sigma 1.5 (kornia's),
# K1 = 0.01, K2 = 0.03 (kornia's).
SSIM_WINDOW_PX = 11


def ssim(picture: Image8, target: Image8) -> float:
    """Return the structural similarity (Wang et al. 2004), computed in float64 and averaged over the three channels.

    Only windows that lie completely inside the image count, as in the authors' program, so the outer 5 pixels are never
    the centre of a window. Images smaller than 11 pixels are enlarged by repeating the edge.

    Args:
        picture: uint8 [height, width, 3].
        target: uint8 array of the same shape.

    Returns:
        SSIM from -1 to 1; 1 for equal images.
    """
    check_same_shape(picture, target)
    first, second = (_unit_tensor(pad_to_side(one, SSIM_WINDOW_PX)) for one in (picture, target))
    similarity = kornia.metrics.ssim(first, second, SSIM_WINDOW_PX, max_val=1.0, eps=0.0, padding="valid")
    return float(similarity.mean())


def pad_to_side(picture: Image8, side: int) -> Image8:
    """Pad an image to at least `side` pixels in height and width by repeating its bottom and right edge."""
    height, width = picture.shape[:2]
    missing = ((0, max(0, side - height)), (0, max(0, side - width)), (0, 0))
    return np.pad(picture, missing, mode="edge")


def _unit_tensor(picture: Image8) -> torch.Tensor:
    """Convert a uint8 image to float64 [1, 3, height, width] in [0, 1]."""
    return torch.from_numpy(picture.transpose(2, 0, 1)[None] / np.float64(_LEVELS))
