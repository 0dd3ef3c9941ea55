"""The network of AnimeGANv2, for comparison with the lightweight generator."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class AnimeGenerator(nn.Module):
    """Convolutions, four inverted residual blocks at a quarter of the size, and two resize-convolutions.

    The shapes of AnimeGANv2 (Chen et al. 2020, "AnimeGAN: a novel lightweight GAN for photo animation", and its second
    version): 7x7 first, LeakyReLU, and normalisation over all channels together. 2.1 M parameters. Bytes [batch,
    height, width, 3] in and out, sizes multiples of 4.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_unit(3, 32, 7),
            *_unit(32, 64, 3, stride=2),
            *_unit(64, 64, 3),
            *_unit(64, 128, 3, stride=2),
            *_unit(128, 128, 3),
            *_unit(128, 128, 3),
            _Inverted(128, 256),
            *(_Inverted(256, 256) for _ in range(3)),
            *_unit(256, 128, 3),
            _Doubled(),
            *_unit(128, 128, 3),
            *_unit(128, 128, 3),
            _Doubled(),
            *_unit(128, 64, 3),
            *_unit(64, 64, 3),
            *_unit(64, 32, 7),
            nn.Conv2d(32, 3, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, photo: Tensor) -> Tensor:
        """Stylize bytes; the network's own value range is -1 to 1."""
        values = self.body(photo.permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1)
        return ((values + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


class _Inverted(nn.Module):
    """Widen twofold, convolve each channel by itself, and narrow."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        wide = 2 * into
        self.is_residual = into == out
        self.body = nn.Sequential(
            *_unit(into, wide, 1), *_unit(wide, wide, 3, groups=wide), nn.Conv2d(wide, out, 1, bias=False), _norm(out)
        )

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = self.body(features)
        return features + changed if self.is_residual else changed


class _Doubled(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return F.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)


def _unit(into: int, out: int, kernel: int, *, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(into, out, kernel, stride, groups=groups, bias=False)
    padding = [nn.ReflectionPad2d(kernel // 2)] if kernel > 1 else []
    return [*padding, convolution, _norm(out), nn.LeakyReLU(0.2)]


def _norm(channels: int) -> nn.Module:
    return nn.GroupNorm(1, channels)
