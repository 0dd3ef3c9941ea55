"""Losses that compare output and target pixel by pixel, and the total variation of one image."""

from __future__ import annotations

from torch import Tensor

from pix2style.losses.tensors import check_same_shape, wide

_CHARBONNIER_EPSILON_SQUARED = 1e-6


def l1(output: Tensor, target: Tensor) -> Tensor:
    """Compute the mean absolute difference.

    Args:
        output: Tensor of any shape.
        target: Tensor of the same shape.

    Raises:
        ValueError: The shapes differ.
    """
    check_same_shape(output, target)
    difference = wide(output) - wide(target)
    # Not mean(): the gradient of mean() is a full tensor in contiguous layout, which costs memory and a conversion to
    # the channels-last layout of the networks.
    return difference.abs().sum() / difference.numel()


def mse(output: Tensor, target: Tensor) -> Tensor:
    """Compute the mean squared difference, whose logarithm is PSNR.

    Where several targets are possible, its minimum is their mean, and that of L1 their median.

    Args:
        output: Tensor of any shape.
        target: Tensor of the same shape.

    Raises:
        ValueError: The shapes differ.
    """
    check_same_shape(output, target)
    return (wide(output) - wide(target)).square().sum() / output.numel()


def charbonnier(output: Tensor, target: Tensor) -> Tensor:
    """Compute the Charbonnier loss, the mean of sqrt(difference^2 + 1e-6): an L1 that is smooth at 0.

    Charbonnier et al. 1994; with this epsilon (1e-3) in Lai et al. 2017 (arXiv 1704.03915, section 3.3). Its lowest
    value, for equal tensors, is 1e-3.

    Args:
        output: Tensor of any shape.
        target: Tensor of the same shape.

    Raises:
        ValueError: The shapes differ.
    """
    check_same_shape(output, target)
    return ((wide(output) - wide(target)).square() + _CHARBONNIER_EPSILON_SQUARED).sqrt().mean()


def total_variation(image: Tensor) -> Tensor:
    """Compute the anisotropic total variation (Rudin et al. 1992), averaged over pixels.

    It is the mean absolute difference between vertical neighbours plus that between horizontal neighbours.

    Args:
        image: [..., height, width]; a direction in which there is one pixel only adds 0.
    """
    image = wide(image)
    vertical, horizontal = image.diff(dim=-2), image.diff(dim=-1)
    return vertical.abs().sum() / max(1, vertical.numel()) + horizontal.abs().sum() / max(1, horizontal.numel())
