"""The last convolution before pixels are unfolded from channels, which cannot draw a checkerboard on flat places."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pix2style.nets.blocks import Foldable


class FlatHead(Foldable):
    """A 3x3 convolution whose channels, the pixels of a patch, agree wherever the features around them are constant.

    ICNR (Aitken et al. 2017, arXiv 1707.02937) only starts so, and training moves away from it: a trained pixel shuffle
    repeats a faint pattern in every patch of an even sky. Here each filter's sum, which is all that constant features
    see of it, is replaced by the mean over the patch's pixels, and so is the bias. It is linear in the weights, costs a
    running filter nothing, and leaves free what draws strokes: how filters differ from place to place.

    Args:
        into: channels of the features.
        colours: of a pixel.
        pixels: of a patch; channels come pixel by pixel, as `depth_to_space` takes them.
    """

    def __init__(self, into: int, colours: int, pixels: int) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.colours = into, colours * pixels, colours
        self.weight = nn.Parameter(torch.zeros(self.out_channels, into, 3, 3))
        self.bias = nn.Parameter(torch.zeros(self.out_channels))

    def flat(self) -> tuple[Tensor, Tensor]:
        """Weight [colours * pixels, into, 3, 3] and bias [colours * pixels] as they are applied."""
        filters = self.weight.reshape(-1, self.colours, *self.weight.shape[1:])
        sums = filters.sum(dim=(3, 4), keepdim=True)
        filters = filters - (sums - sums.mean(dim=0, keepdim=True)) / (self.weight.shape[2] * self.weight.shape[3])
        bias = self.bias.reshape(-1, self.colours).mean(dim=0)
        return filters.flatten(0, 1), bias.repeat(self.out_channels // self.colours)

    def forward(self, features: Tensor) -> Tensor:
        """From [batch, into, h, w] to [batch, colours * pixels, h, w]."""
        weight, bias = self.flat()
        return F.conv2d(features, weight, bias, padding=1)

    def fold(self) -> nn.Conv2d:
        """The same function as one plain convolution."""
        plain = nn.Conv2d(
            self.in_channels, self.out_channels, 3, padding=1, device=self.bias.device, dtype=self.bias.dtype
        )
        with torch.no_grad():
            weight, bias = self.flat()
            plain.weight.copy_(weight)
            plain.bias.copy_(bias)  # type: ignore[union-attr]
        return plain
