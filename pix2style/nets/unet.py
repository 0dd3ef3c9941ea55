"""The modern U-Net: no transposed convolutions, no statistics over the picture, any size."""

from __future__ import annotations

import itertools
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pix2style.nets.blocks import ChannelNorm, ColourSkip, icnr_
from pix2style.nets.generator import Generator
from pix2style.nets.receptive import Span, receptive_radius


class Unet(Generator):
    """Strided convolutions with residual blocks down, resize or pixel shuffle with skips up.

    Args:
        channels: at full resolution; each level doubles them up to eight times.
        levels: halvings of the resolution; sizes are padded to 2 ** levels.
        upsample: "resize" (nearest neighbour, Odena et al. 2016, doi 10.23915/distill.00003) or "shuffle" (pixel
            shuffle with ICNR).

    Raises:
        ValueError: an unknown `upsample`.
    """

    architecture: ClassVar[str] = "unet"

    def __init__(self, channels: int = 48, levels: int = 4, upsample: str = "resize") -> None:
        super().__init__()
        if upsample not in ("resize", "shuffle"):
            raise ValueError(f"upsample must be resize or shuffle, got {upsample!r}")
        widths = [channels * min(2**level, 8) for level in range(levels + 1)]
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        self.downs = nn.ModuleList(_Down(into, out) for into, out in itertools.pairwise(widths))
        self.ups = nn.ModuleList(_Up(into, out, upsample) for into, out in itertools.pairwise(reversed(widths)))
        self.head = nn.Sequential(ChannelNorm(channels), nn.SiLU())
        self.draw = nn.Conv2d(channels, 3, 3, padding=1)
        self.colours = ColourSkip()
        nn.init.normal_(self.draw.weight, std=0.1 * (9 * channels) ** -0.5)  # start close to the photo
        self.size_multiple = 2**levels
        self.receptive_field_px = receptive_radius(self._span, self.size_multiple)

    def _paint(self, photo: Tensor, context: Tensor | None) -> Tensor:
        del context
        features = self.stem(photo)
        skips = []
        for down in self.downs:
            skips.append(features)
            features = down(features)
        for up, skip in zip(self.ups, reversed(skips), strict=True):
            features = up(features, skip)
        return torch.tanh(self.draw(self.head(features)) + self.colours(photo))

    def _span(self, span: Span) -> Span:
        seen = span.before_conv(kernel=3, padding=1)  # head
        for _ in self.ups:  # fuse, enlarge; the 1x1 projection sees no neighbours
            seen = seen.before_conv(kernel=3, padding=1).before_upsampling(2)
        for _ in self.downs:  # residual block, then the strided convolution
            seen = seen.before_conv(kernel=5, padding=2).before_conv(kernel=4, stride=2, padding=1)
        return seen.before_conv(kernel=3, padding=1)  # stem; the way through the deepest level is the widest


class _Down(nn.Module):
    """Half the resolution, then a residual block."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        # Kernel 4 at stride 2 sees every input equally often; 3 would weigh every second row and column double.
        self.halve = nn.Conv2d(into, out, 4, stride=2, padding=1)
        self.residual = nn.Sequential(
            ChannelNorm(out),
            nn.SiLU(),
            nn.Conv2d(out, out, 3, padding=1),
            ChannelNorm(out),
            nn.SiLU(),
            nn.Conv2d(out, out, 3, padding=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        halved = self.halve(features)
        refined: Tensor = halved + self.residual(halved)
        return refined


class _Up(nn.Module):
    """Double the resolution, then merge with the skip of that level."""

    def __init__(self, into: int, out: int, upsample: str) -> None:
        super().__init__()
        self.shuffle = upsample == "shuffle"
        # 1x1, before enlarging: it commutes with nearest neighbour, and costs a quarter there.
        self.project = nn.Conv2d(into, out * 4 if self.shuffle else out, 1)
        if self.shuffle:
            icnr_(self.project.weight, factor=2, std=into**-0.5)
            nn.init.zeros_(self.project.bias)  # type: ignore[arg-type]
        self.fuse = nn.Sequential(ChannelNorm(2 * out), nn.SiLU(), nn.Conv2d(2 * out, out, 3, padding=1))

    def forward(self, features: Tensor, skip: Tensor) -> Tensor:
        projected = self.project(features)
        if self.shuffle:
            enlarged = F.pixel_shuffle(projected, 2)
        else:
            enlarged = F.interpolate(projected, scale_factor=2.0, mode="nearest")
        merged: Tensor = enlarged + self.fuse(torch.cat([enlarged, skip], dim=1))
        return merged
