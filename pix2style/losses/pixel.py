"""Losses that compare pixel by pixel, or a pixel with its neighbours."""

from __future__ import annotations

from torch import Tensor

from pix2style.losses.tensors import check_same_shape, wide

_CHARBONNIER_EPSILON_SQUARED = 1e-6


def l1(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference.

    Args:
        output: any shape.
        target: the same shape; other shapes are refused, as broadcasting would hide a mistake.

    Raises:
        ValueError: the shapes differ.
    """
    check_same_shape(output, target)
    difference = wide(output) - wide(target)
    # Not mean(): its gradient is written out for every number, and in another layout than that of the networks.
    return difference.abs().sum() / difference.numel()


def mse(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference, which PSNR is the logarithm of.

    Where a target may be one of two colours it asks for their mean, and L1 for the likelier one.

    Args:
        output: any shape.
        target: the same shape.

    Raises:
        ValueError: the shapes differ.
    """
    check_same_shape(output, target)
    return (wide(output) - wide(target)).square().sum() / output.numel()


def charbonnier(output: Tensor, target: Tensor) -> Tensor:
    """Mean of sqrt(difference^2 + 1e-6): L1 with a round bottom.

    Charbonnier et al. 1994; with this epsilon (1e-3) in Lai et al. 2017 (arXiv 1704.03915, section 3.3). Equal tensors
    give 1e-3, its lowest value.

    Args:
        output: any shape.
        target: the same shape.

    Raises:
        ValueError: the shapes differ.
    """
    check_same_shape(output, target)
    return ((wide(output) - wide(target)).square() + _CHARBONNIER_EPSILON_SQUARED).sqrt().mean()


def total_variation(picture: Tensor) -> Tensor:
    """Mean absolute difference of vertical, plus that of horizontal neighbours (anisotropic; Rudin et al. 1992).

    Args:
        picture: [..., height, width]; a single row or column has no neighbours in that direction, and gives 0 there.
    """
    picture = wide(picture)
    down, right = picture.diff(dim=-2), picture.diff(dim=-1)
    return down.abs().sum() / max(1, down.numel()) + right.abs().sum() / max(1, right.numel())
