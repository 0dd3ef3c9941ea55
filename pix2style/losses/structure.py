"""Structural similarity at several scales."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from pix2style.losses.tensors import check_same_shape, wide
from pix2style.nets.image_tensors import check_rgb_batch

# Wang, Simoncelli and Bovik 2003, "Multi-scale structural similarity for image quality assessment" (doi
# 10.1109/ACSSC.2003.1292216), section 3.2: what each scale counts, from full resolution down.
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
# Wang et al. 2004 (doi 10.1109/TIP.2003.819861), section III.B: window and constants, for pictures in [0, 1].
WINDOW_PX = 11
_SIGMA_PX = 1.5
_C1, _C2 = 0.01**2, 0.03**2
# A scale at which the pictures are anticorrelated would have a negative base under a broken exponent; and the power's
# slope is infinite at 0.
_LEAST = 1e-4


def ms_ssim(output: Tensor, target: Tensor) -> Tensor:
    """1 - the multi-scale structural similarity of Wang et al. (2003), the mean over pictures and channels.

    Windows of 11x11 pixels inside the picture only, halving by 2x2 means, luminance at the coarsest scale, contrast and
    structure at each. Five scales need 176 pixels; smaller pictures are compared at as many scales as fit, whose
    weights are then scaled up to the sum 1. (kornia's MS_SSIMLoss is another measure: all scales at full resolution,
    with an L1 part; Zhao et al. 2017.)

    Args:
        output: [batch, 3, height, width] in [-1, 1], at least 11 px high and wide.
        target: the same shape.

    Returns:
        0 for equal pictures, at most 1.

    Raises:
        ValueError: the shapes differ, are not those of RGB pictures, or are smaller than the window.
    """
    check_rgb_batch(output)
    check_same_shape(output, target)
    weights = scale_weights(min(output.shape[-2:]))
    with torch.autocast(output.device.type, enabled=False):
        both = torch.cat([wide(output), wide(target)]) / 2
        similarity = both.new_ones(())
        for scale, weight in enumerate(weights):
            if scale > 0:
                both = F.avg_pool2d(both, 2)
            luminance, contrast = _similarities(both)
            last = scale == len(weights) - 1
            at_scale = (luminance * contrast if last else contrast).mean(dim=(2, 3))
            similarity = similarity * at_scale.clamp(min=_LEAST) ** weight
        return 1 - similarity.mean()


def scale_weights(smallest_px: int) -> tuple[float, ...]:
    """What each scale counts, from full resolution down; they sum to 1 (all five, as published, to 1.0001).

    Args:
        smallest_px: the shorter side.

    Raises:
        ValueError: not even one window fits.
    """
    if smallest_px < WINDOW_PX:
        raise ValueError(f"ms_ssim needs pictures of at least {WINDOW_PX} px, got {smallest_px}")
    fitting = [weight for scale, weight in enumerate(SCALE_WEIGHTS) if smallest_px >> scale >= WINDOW_PX]
    if len(fitting) == len(SCALE_WEIGHTS):
        return SCALE_WEIGHTS
    return tuple(weight / math.fsum(fitting) for weight in fitting)


def _similarities(both: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast times structure, at each window: [batch, 3, height - 10, width - 10] each.

    `both` holds the pictures one after the other, in [-1/2, 1/2]: moments around the middle are the more exact.
    """
    first, second = both.chunk(2)
    mean_1, mean_2 = _windowed(both).chunk(2)
    square_1, square_2 = _windowed(both.square()).chunk(2)
    covariance = _windowed(first * second) - mean_1 * mean_2
    variances = square_1 - mean_1.square() + square_2 - mean_2.square()
    mean_1, mean_2 = mean_1 + 0.5, mean_2 + 0.5
    luminance = (2 * mean_1 * mean_2 + _C1) / (mean_1.square() + mean_2.square() + _C1)
    return luminance, (2 * covariance + _C2) / (variances + _C2)


def _windowed(pictures: Tensor) -> Tensor:
    """Gaussian means of every window that lies inside."""
    channels = pictures.shape[1]
    place = torch.arange(WINDOW_PX, dtype=pictures.dtype, device=pictures.device) - WINDOW_PX // 2
    bell = torch.exp(-place.square() / (2 * _SIGMA_PX**2))
    bell = (bell / bell.sum()).expand(channels, 1, 1, WINDOW_PX)
    across = F.conv2d(pictures, bell, groups=channels)
    return F.conv2d(across, bell.transpose(2, 3), groups=channels)
