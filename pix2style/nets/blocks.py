"""Small parts that generators share."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class Foldable(nn.Module, ABC):
    """A module that trains with more branches than it needs to run."""

    @abstractmethod
    def fold(self) -> nn.Module:
        """A plain module of the same function (up to rounding), without the training-time branches."""


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel (Ba et al. 2016, arXiv 1607.06450).

    No pixel depends on another one through it, unlike InstanceNorm and GroupNorm.

    Args:
        channels: in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """From [batch, channels, h, w] to the same shape."""
        # Channels come last in memory already where the network runs in channels_last.
        last = F.layer_norm(features.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, eps=1e-6)
        return last.permute(0, 3, 1, 2)


def init_preserving(module: nn.Module) -> None:
    """Convolutions that keep the scale of what they get.

    Weights from normal(0, 1 / sqrt(inputs of a filter)), biases 0: He et al. 2015 (arXiv 1502.01852) with gain 1. It
    stands in for normalisation layers. For `nn.Module.apply`.
    """
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def icnr_(weight: Tensor, factor: int, std: float) -> None:
    """Fill the weight of a convolution before a pixel shuffle so that the shuffle starts as nearest neighbour.

    The `factor` ** 2 filters of one output channel are equal, so an untrained head has no checkerboard (Aitken et al.
    2017, arXiv 1707.02937).

    Args:
        weight: [out_channels * factor ** 2, in_channels, kernel, kernel], changed in place.
        factor: of the pixel shuffle.
        std: of the normal distribution.
    """
    with torch.no_grad():
        filters = torch.randn(weight.shape[0] // factor**2, *weight.shape[1:]) * std
        # Pixel shuffle takes output channel c from input channels c * factor**2 .. (c + 1) * factor**2 - 1.
        weight.copy_(filters.repeat_interleave(factor**2, dim=0))
