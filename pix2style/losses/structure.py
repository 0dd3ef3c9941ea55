"""Multi-scale structural similarity (MS-SSIM) as a loss."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from pix2style.losses.tensors import check_same_shape, wide
from pix2style.nets.image_tensors import check_rgb_batch

# Wang, Simoncelli and Bovik 2003, "Multi-scale structural similarity for image quality assessment" (doi
# 10.1109/ACSSC.2003.1292216), section 3.2: exponent of each scale, from full resolution down.
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
# Wang et al. 2004 (doi 10.1109/TIP.2003.819861), section III.B: window and constants, for images in [0, 1].
WINDOW_PX = 11
_SIGMA_PX = 1.5
_C1, _C2 = 0.01**2, 0.03**2
# Lower bound of a scale's similarity before the power. Anticorrelated images have a negative similarity, whose power is
# not a number; and at 0 the gradient of the power is infinite.
_MIN_SIMILARITY = 1e-4


def ms_ssim(output: Tensor, target: Tensor) -> Tensor:
    """Compute 1 - MS-SSIM (Wang et al. 2003), averaged over images and channels.

    Windows are 11x11 pixels and lie inside the image; each scale halves the resolution by means of 2x2 pixels;
    luminance is compared at the coarsest scale, contrast and structure at every scale. Five scales need images of 176
    pixels. Smaller images are compared at as many scales as fit, with exponents scaled to the sum 1. (kornia's
    MS_SSIMLoss is a different measure, with all scales at full resolution and an L1 part; Zhao et al. 2017.)

    Args:
        output: [batch, 3, height, width] in [-1, 1], at least 11 pixels high and wide.
        target: Tensor of the same shape.

    Returns:
        A scalar from 0 (equal images) to 1.

    Raises:
        ValueError: The shapes differ, are not those of RGB images, or are smaller than the window.
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
            similarity = similarity * at_scale.clamp(min=_MIN_SIMILARITY) ** weight
        return 1 - similarity.mean()


def scale_weights(smallest_px: int) -> tuple[float, ...]:
    """Return the exponent of each scale that fits an image, from full resolution down.

    Their sum is 1, except that the five published ones sum to 1.0001.

    Args:
        smallest_px: Shorter side of the image in pixels.

    Raises:
        ValueError: The image is smaller than the window.
    """
    if smallest_px < WINDOW_PX:
        raise ValueError(f"ms_ssim needs images of at least {WINDOW_PX} px, got {smallest_px}")
    fitting = [weight for scale, weight in enumerate(SCALE_WEIGHTS) if smallest_px >> scale >= WINDOW_PX]
    if len(fitting) == len(SCALE_WEIGHTS):
        return SCALE_WEIGHTS
    return tuple(weight / math.fsum(fitting) for weight in fitting)


def _similarities(both: Tensor) -> tuple[Tensor, Tensor]:
    """Return luminance, and contrast times structure, of each window: [batch, 3, height - 10, width - 10] each.

    Args:
        both: Images of output and target concatenated along the batch, in [-1/2, 1/2]. Centred values lose fewer digits
            than [0, 1] when variances are computed as differences of moments.
    """
    first, second = both.chunk(2)
    mean_1, mean_2 = _window_means(both).chunk(2)
    square_1, square_2 = _window_means(both.square()).chunk(2)
    covariance = _window_means(first * second) - mean_1 * mean_2
    variances = square_1 - mean_1.square() + square_2 - mean_2.square()
    mean_1, mean_2 = mean_1 + 0.5, mean_2 + 0.5
    luminance = (2 * mean_1 * mean_2 + _C1) / (mean_1.square() + mean_2.square() + _C1)
    return luminance, (2 * covariance + _C2) / (variances + _C2)


def _window_means(images: Tensor) -> Tensor:
    """Return the Gaussian-weighted mean of every window that lies inside the image."""
    channels = images.shape[1]
    offset = torch.arange(WINDOW_PX, dtype=images.dtype, device=images.device) - WINDOW_PX // 2
    kernel = torch.exp(-offset.square() / (2 * _SIGMA_PX**2))
    kernel = (kernel / kernel.sum()).expand(channels, 1, 1, WINDOW_PX)
    # A Gaussian is separable: rows first, then columns.
    row_means = F.conv2d(images, kernel, groups=channels)
    return F.conv2d(row_means, kernel.transpose(2, 3), groups=channels)
