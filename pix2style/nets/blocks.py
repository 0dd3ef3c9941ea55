"""Small parts that generators share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# atanh(1) is infinite: colours enter the logit space scaled by this, so white starts as 0.96, a step of 5 in 255.
_LOGIT_SCALE = 0.96
_EPSILON = 1e-6


class ColourSkip(nn.Module):
    """The photo's own colours as logits, through a learned 3x3 colour matrix that starts as the identity.

    `tanh(skip(photo) + drawing)` is then close to the photo for an untrained network: colours need not be learned
    through the whole network, which is where they shift, invert or go grey (pix2pix #249, #744, #1301), and a style
    with other colours changes twelve numbers. Sums are taken before the tanh so that the output stays in [-1, 1]
    without clipping.
    """

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Conv2d(3, 3, 1)
        with torch.no_grad():
            self.matrix.weight.copy_(torch.eye(3)[:, :, None, None])
            nn.init.zeros_(self.matrix.bias)  # type: ignore[arg-type]

    def forward(self, photo: Tensor) -> Tensor:
        """From [batch, 3, h, w] in [-1, 1] to logits of the same shape."""
        logits: Tensor = self.matrix(torch.atanh(photo * _LOGIT_SCALE))
        return logits


class ChannelNorm(nn.Module):
    """Divide each position's channels by their root mean square, then scale each channel (RMSNorm, arXiv 1910.07467).

    It looks at one position only: unlike GroupNorm and InstanceNorm it makes no pixel depend on the whole picture
    (tiles equal the whole), has no state that differs between training and use, and no spot can grow to steer a
    picture's statistics, which is how InstanceNorm comes to its droplets (Karras et al. 2020, arXiv 1912.04958, section
    2).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        """From [batch, channels, h, w] to the same shape."""
        return features * torch.rsqrt(features.square().mean(dim=1, keepdim=True) + _EPSILON) * self.scale


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
