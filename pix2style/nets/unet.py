"""The modern U-Net: no transposed convolutions, no BatchNorm, any size."""

from __future__ import annotations

import itertools
import math
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pix2style.nets.blocks import icnr_, init_preserving
from pix2style.nets.colour_skip import ColourSkip
from pix2style.nets.generator import Generator
from pix2style.nets.receptive import Span, receptive_radius
from pix2style.nets.style_condition import ConditionalSequential, conditional

_MOST_GROUPS = 32  # GroupNorm's default (Wu and He 2018, arXiv 1803.08494, table 3)


class Unet(Generator):
    """Strided convolutions with residual blocks down, resize or pixel shuffle with skips up.

    Parameters and GMAC at 256x256 (resize, 4 levels): 13.82 M and 24.37 with 48 channels, 3.46 M and 6.13 with 24, 1.54
    M and 2.75 with 16.

    As it stands there are no normalisation layers. InstanceNorm and GroupNorm make every pixel depend on statistics of
    the whole picture, so that tiles differ from the whole, and InstanceNorm brings droplets (pix2pix #411; Karras et
    al. 2020, arXiv 1912.04958). What holds the scale instead is the start (`init_preserving`) and the residual sums.
    GroupNorm can be chosen; it is applied before activations inside the branches, so that the sums keep the photo's
    brightness. `benchmarks/blocks.py` compares the two.

    Args:
        channels: at full resolution; each level doubles them up to eight times.
        levels: halvings of the resolution; sizes are padded to 2 ** levels.
        upsample: "resize" (nearest neighbour, Odena et al. 2016, doi 10.23915/distill.00003) or "shuffle" (pixel
            shuffle with ICNR).
        norm: "none" or "group".
        styles: how many; with more than 1, each scales and shifts one layer of every block, and has its own colour
            matrix.

    Raises:
        ValueError: an unknown `upsample` or `norm`.
    """

    architecture: ClassVar[str] = "unet"

    def __init__(
        self, channels: int = 48, levels: int = 4, upsample: str = "resize", norm: str = "none", styles: int = 1
    ) -> None:
        super().__init__()
        if upsample not in ("resize", "shuffle"):
            raise ValueError(f"upsample must be resize or shuffle, got {upsample!r}")
        if norm not in ("none", "group"):
            raise ValueError(f"norm must be none or group, got {norm!r}")
        self.styles = styles
        self.global_context = norm == "group"
        widths = [channels * min(2**level, 8) for level in range(levels + 1)]
        steps = list(itertools.pairwise(widths))
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        self.downs = nn.ModuleList(_Down(into, out, norm, styles) for into, out in steps)
        self.ups = nn.ModuleList(_Up(into, out, upsample, norm, styles) for out, into in reversed(steps))
        self.draw = nn.Sequential(nn.SiLU(), nn.Conv2d(channels, 3, 3, padding=1))
        self.apply(init_preserving)
        for up in self.ups:
            up.start()  # type: ignore[operator]
        # A faint drawing: the untrained network gives back the photo.
        nn.init.normal_(self.draw[1].weight, std=0.1 * (9 * channels) ** -0.5)  # type: ignore[arg-type]
        self.colours = ColourSkip(styles)
        self.size_multiple = 2**levels
        self.receptive_field_px = receptive_radius(self._span, self.size_multiple)

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        del context
        features = self.stem(photo)
        skips = []
        for down in self.downs:
            skips.append(features)
            features = down(features, style)
        for up, skip in zip(self.ups, reversed(skips), strict=True):
            features = up(features, skip, style)
        return torch.tanh(self.draw(features) + self.colours(photo, style))

    def _span(self, span: Span) -> Span:
        seen = span.input_of_conv(kernel=3, padding=1)  # head
        for _ in self.ups:  # fuse, enlarge; the 1x1 projection sees no neighbours
            seen = seen.input_of_conv(kernel=3, padding=1).input_of_upsampling(2)
        for _ in self.downs:  # residual block, then the strided convolution
            seen = seen.input_of_conv(kernel=5, padding=2).input_of_conv(kernel=4, stride=2, padding=1)
        return seen.input_of_conv(kernel=3, padding=1)  # stem; the way through the deepest level is the widest


class _Down(nn.Module):
    """Half the resolution, then a residual block."""

    def __init__(self, into: int, out: int, norm: str, styles: int) -> None:
        super().__init__()
        # Kernel 4 at stride 2 sees every input equally often; 3 would weigh every second row and column double.
        self.halve = nn.Conv2d(into, out, 4, stride=2, padding=1)
        first, second = (nn.Conv2d(out, out, 3, padding=1) for _ in range(2))
        if norm == "none":
            self.residual = ConditionalSequential(nn.SiLU(), conditional(first, out, styles), nn.SiLU(), second)
        else:
            between = conditional(_group_norm(out), out, styles)
            self.residual = ConditionalSequential(_group_norm(out), nn.SiLU(), first, between, nn.SiLU(), second)

    def forward(self, features: Tensor, style: Tensor | None) -> Tensor:
        halved = self.halve(features)
        refined: Tensor = halved + self.residual(halved, style)
        return refined


class _Up(nn.Module):
    """Double the resolution, then merge with the skip of that level."""

    def __init__(self, into: int, out: int, upsample: str, norm: str, styles: int) -> None:
        super().__init__()
        self.shuffle = upsample == "shuffle"
        # 1x1, before enlarging: it commutes with nearest neighbour, and costs a quarter there.
        self.project = nn.Conv2d(into, out * 4 if self.shuffle else out, 1)
        conv = nn.Conv2d(2 * out, out, 3, padding=1)
        if norm == "none":
            self.fuse = ConditionalSequential(nn.SiLU(), conditional(conv, out, styles))
        else:
            self.fuse = ConditionalSequential(conditional(_group_norm(2 * out), 2 * out, styles), nn.SiLU(), conv)

    def start(self) -> None:
        """Let a pixel shuffle start as nearest neighbour."""
        if self.shuffle:
            icnr_(self.project.weight, factor=2, std=self.project.in_channels**-0.5)

    def forward(self, features: Tensor, skip: Tensor, style: Tensor | None) -> Tensor:
        projected = self.project(features)
        if self.shuffle:
            enlarged = F.pixel_shuffle(projected, 2)
        else:
            enlarged = F.interpolate(projected, scale_factor=2.0, mode="nearest")
        merged: Tensor = enlarged + self.fuse(torch.cat([enlarged, skip], dim=1), style)
        return merged


def _group_norm(channels: int) -> nn.GroupNorm:
    # At least two channels each: at the deepest level of a small picture there may be one pixel.
    return nn.GroupNorm(math.gcd(channels, channels // 2, _MOST_GROUPS), channels)
