"""The network of Johnson et al., for comparison with the lightweight generator."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class TransformerNet(nn.Module):
    """9x9 convolution, two strided ones, five residual blocks, two resize-convolutions, 9x9 convolution.

    Johnson et al. 2016 (arXiv 1603.08155) with InstanceNorm (Ulyanov et al. 2016, arXiv 1607.08022), reflection padding
    and nearest-neighbour resizing in place of transposed convolutions: 1,679,235 parameters, 40.3 GMAC at 512x512.
    Bytes [batch, height, width, 3] in and out, sizes multiples of 4.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_unit(3, 32, 9, 1),
            *_unit(32, 64, 3, 2),
            *_unit(64, 128, 3, 2),
            *(_Residual(128) for _ in range(5)),
            *_enlarged(128, 64),
            *_enlarged(64, 32),
            *_conv(32, 3, 9, 1),
        )

    def forward(self, photo: Tensor) -> Tensor:
        """Stylize bytes; the network's own value range is 0 to 255."""
        painted = self.body(photo.permute(0, 3, 1, 2).to(torch.float32))
        return painted.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Sequential(*_unit(channels, channels, 3, 1))
        self.second = nn.Sequential(*_unit(channels, channels, 3, 1)[:-1])

    def forward(self, features: Tensor) -> Tensor:
        added: Tensor = features + self.second(self.first(features))
        return added


class _Doubled(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return F.interpolate(features, scale_factor=2.0, mode="nearest")


def _conv(into: int, out: int, kernel: int, stride: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(kernel // 2), nn.Conv2d(into, out, kernel, stride)]


def _unit(into: int, out: int, kernel: int, stride: int) -> list[nn.Module]:
    return [*_conv(into, out, kernel, stride), nn.InstanceNorm2d(out, affine=True), nn.ReLU()]


def _enlarged(into: int, out: int) -> list[nn.Module]:
    return [_Doubled(), *_unit(into, out, 3, 1)]
