"""A head before a pixel shuffle that cannot produce a checkerboard in uniform areas."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pix2style.nets.blocks import Foldable, conv3x3


class FlatHead(Foldable):
    """A 3x3 convolution whose output channels, the pixels of a patch, are equal wherever the features are constant.

    ICNR (Aitken et al. 2017, arXiv 1707.02937) makes them equal at initialisation only. Training moves away from that,
    and a trained pixel shuffle repeats a faint pattern in every patch of a clear sky. Where the features are constant,
    the output of a filter depends on nothing but the sum of its weights and on its bias. So here each filter's sum, and
    its bias, is replaced by the mean over the pixels of the patch. The replacement is linear in the weights, is folded
    away before export, and does not restrict how the filters react to structure.

    Args:
        into: Channels of the features.
        colours: Channels of a pixel, 3 for RGB.
        pixels: Pixels of a patch. The output channels are ordered pixel by pixel, as `depth_to_space` takes them.
    """

    def __init__(self, into: int, colours: int, pixels: int) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.colours = into, colours * pixels, colours
        self.weight = nn.Parameter(torch.zeros(self.out_channels, into, 3, 3))
        self.bias = nn.Parameter(torch.zeros(self.out_channels))

    def flat(self) -> tuple[Tensor, Tensor]:
        """Return the weight [colours * pixels, into, 3, 3] and bias [colours * pixels] with equalised sums."""
        filters = self.weight.reshape(-1, self.colours, *self.weight.shape[1:])
        sums = filters.sum(dim=(3, 4), keepdim=True)
        filters = filters - (sums - sums.mean(dim=0, keepdim=True)) / (self.weight.shape[2] * self.weight.shape[3])
        bias = self.bias.reshape(-1, self.colours).mean(dim=0)
        return filters.flatten(0, 1), bias.repeat(self.out_channels // self.colours)

    def forward(self, features: Tensor) -> Tensor:
        """Convert [batch, into, h, w] to [batch, colours * pixels, h, w]."""
        weight, bias = self.flat()
        return F.conv2d(features, weight, bias, padding=1)

    def fold(self) -> nn.Conv2d:
        """Return a plain convolution that computes the same function."""
        return conv3x3(*self.flat())
