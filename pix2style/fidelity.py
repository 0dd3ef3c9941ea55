"""Structural similarity of two pictures, on the rounded bytes that ship: what training and evaluation both measure."""

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
    """Structural similarity (Wang et al. 2004), in float64, averaged over the three channels.

    Only windows that lie wholly inside count, as in the paper's own program: 5 pixels at each border are centre of
    none. Pictures under 11 pixels a side are grown to it by repeating the edge.

    Args:
        picture: uint8 [height, width, 3].
        target: the same shape.

    Returns:
        -1 to 1; 1 for equal pictures.
    """
    check_same_shape(picture, target)
    first, second = (_unit_tensor(grown(one, SSIM_WINDOW_PX)) for one in (picture, target))
    similarity = kornia.metrics.ssim(first, second, SSIM_WINDOW_PX, max_val=1.0, eps=0.0, padding="valid")
    return float(similarity.mean())


def grown(picture: Image8, side: int) -> Image8:
    """`picture` with at least `side` pixels in height and width, by repeating the edge at the bottom and right."""
    height, width = picture.shape[:2]
    missing = ((0, max(0, side - height)), (0, max(0, side - width)), (0, 0))
    return np.pad(picture, missing, mode="edge")


def _unit_tensor(picture: Image8) -> torch.Tensor:
    """float64 [1, 3, height, width] in [0, 1]."""
    return torch.from_numpy(picture.transpose(2, 0, 1)[None] / np.float64(_LEVELS))
