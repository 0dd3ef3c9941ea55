"""Layers and initialisations that several generators share."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class Foldable(nn.Module, ABC):
    """A module that has parallel branches while training, which merge into one plain layer for inference."""

    @abstractmethod
    def fold(self) -> nn.Module:
        """Return a plain module that computes the same function, up to rounding, without the branches."""


@torch.no_grad()
def conv3x3(weight: Tensor, bias: Tensor) -> nn.Conv2d:
    """Return a convolution with zero padding that holds copies of weight [out, into, 3, 3] and bias [out]."""
    out, into, _, _ = weight.shape
    conv = nn.Conv2d(into, out, 3, padding=1, device=bias.device, dtype=bias.dtype)
    conv.weight.copy_(weight)
    conv.bias.copy_(bias)  # type: ignore[union-attr]
    return conv


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel (Ba et al. 2016, arXiv 1607.06450).

    Unlike InstanceNorm and GroupNorm, its statistics are those of a single pixel.

    Args:
        channels: Number of channels of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Normalise features [batch, channels, h, w]."""
        # The permutation costs nothing if the network runs in channels_last.
        last = F.layer_norm(features.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, eps=1e-6)
        return last.permute(0, 3, 1, 2)


class InstanceNorm(nn.InstanceNorm2d):
    """Instance normalisation with learned scale and shift (Ulyanov et al. 2016, arXiv 1607.08022).

    Unlike torch's class it accepts feature maps of a single pixel, and it is fast on a CPU.

    Args:
        channels: Number of channels of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=True)

    def forward(self, features: Tensor) -> Tensor:
        """Normalise features [batch, channels, h, w]: each channel of each image by its own mean and deviation."""
        if torch.compiler.is_exporting():
            return super().forward(features)
        if features.shape[2:].numel() == 1:  # a single pixel equals its mean
            return (features * 0) + self.bias[:, None, None]
        if len(features) == 1:
            # For one image BatchNorm computes the same, and is several times as fast on a CPU in channels_last.
            return F.batch_norm(features, None, None, self.weight, self.bias, training=True, momentum=0.0)
        return super().forward(features)


def init_preserving(module: nn.Module) -> None:
    """Initialise convolutions so that they preserve the scale of their input; for `nn.Module.apply`.

    Weights are drawn from normal(0, 1 / sqrt(fan_in)), and biases are 0 (He et al. 2015, arXiv 1502.01852, with gain
    1). Networks without normalisation layers need it.
    """
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def icnr_(weight: Tensor, factor: int, std: float) -> None:
    """Initialise a convolution before a pixel shuffle so that both start as nearest-neighbour upsampling (ICNR).

    The `factor` ** 2 filters of one output channel are equal, so that an untrained network has no checkerboard pattern
    (Aitken et al. 2017, arXiv 1707.02937).

    Args:
        weight: [out_channels * factor ** 2, in_channels, kernel, kernel], changed in place.
        factor: Upsampling factor of the pixel shuffle.
        std: Standard deviation of the normal distribution that filters are drawn from.
    """
    with torch.no_grad():
        filters = torch.randn(weight.shape[0] // factor**2, *weight.shape[1:]) * std
        # Pixel shuffle reads output channel c from input channels c * factor**2 to (c + 1) * factor**2 - 1.
        weight.copy_(filters.repeat_interleave(factor**2, dim=0))
