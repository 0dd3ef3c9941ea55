"""A modern U-Net, without transposed convolutions and BatchNorm, for images of any size."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pix2style.nets.blocks import icnr_, init_preserving
from pix2style.nets.colour_skip import ColourSkip
from pix2style.nets.generator import FeatureStage, Generator
from pix2style.nets.receptive import Span, receptive_radius
from pix2style.nets.style_condition import ConditionalSequential, conditional

_MAX_GROUPS = 32  # the default of GroupNorm (Wu and He 2018, arXiv 1803.08494, table 3)


class Unet(Generator):
    """A U-Net with strided convolutions and residual blocks on the way down, resizing and skips on the way up.

    Parameters and GMAC at 256x256 (resize, 4 levels): 13.82 M and 24.37 with 48 channels, 3.46 M and 6.13 with 24, 1.54
    M and 2.75 with 16.

    By default there are no normalisation layers. InstanceNorm and GroupNorm make every pixel depend on statistics of
    the whole image, so that tiles differ from the whole, and InstanceNorm causes droplet artefacts (pix2pix #411;
    Karras et al. 2020, arXiv 1912.04958). Instead, the initialisation (`init_preserving`) and the residual sums keep
    activations in scale. GroupNorm is an option. It is applied before activations inside the residual branches, so
    that the sums keep the brightness of the photo. `benchmarks/blocks.py` compares the two.

    Args:
        channels: Number of channels at full resolution; each level doubles it, up to eight times.
        levels: Number of times the resolution is halved; sizes are padded to multiples of 2 ** levels.
        upsample: "resize" (nearest neighbour, then a convolution; Odena et al. 2016, doi 10.23915/distill.00003) or
            "shuffle" (pixel shuffle with ICNR).
        norm: "none" or "group".
        styles: Number of styles. With more than 1, each scales and shifts one layer of every block, and has a colour
            matrix of its own.

    Attributes:
        widths: Number of channels at each resolution, from full resolution down.

    Raises:
        ValueError: Unknown `upsample` or `norm`.
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
        self.widths = [channels * min(2**level, 8) for level in range(levels + 1)]
        steps = list(itertools.pairwise(self.widths))
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        self.downs = nn.ModuleList(_Down(upper, lower, norm, styles) for upper, lower in steps)
        self.ups = nn.ModuleList(_Up(lower, upper, upsample, norm, styles) for upper, lower in reversed(steps))
        self.draw = nn.Sequential(nn.SiLU(), nn.Conv2d(channels, 3, 3, padding=1))
        self.apply(init_preserving)
        for up in self.ups:
            up.start()  # type: ignore[operator]
        # The untrained network returns nearly the photo: `colours` passes it through, and the small weights of the last
        # convolution add little.
        nn.init.normal_(self.draw[1].weight, std=0.1 * (9 * channels) ** -0.5)  # type: ignore[arg-type]
        self.colours = ColourSkip(styles)
        self.size_multiple = 2**levels
        self.receptive_field_px = receptive_radius(self._span, self.size_multiple)

    def stages_at_scale(self, scale: int) -> tuple[FeatureStage, FeatureStage]:
        """Return the stages where the network goes down to 1/scale of the resolution and comes up to it again.

        Stages are numbered in the order in which they run: all of `downs`, then all of `ups`. If the network does not
        go down so far, both are its deepest stage.
        """
        levels = len(self.downs)
        level = min(int(math.log2(scale)), levels)
        down = level - 1
        up = 2 * levels - level - 1 if level < levels else down
        return FeatureStage(down, self.widths[level]), FeatureStage(up, self.widths[level])

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        image, _ = self._generate_with_features(photo, context, style, ())
        return image

    def _generate_with_features(
        self, photo: Tensor, context: Tensor | None, style: Tensor | None, feature_stages: Collection[int]
    ) -> tuple[Tensor, dict[int, Tensor]]:
        del context
        returned: dict[int, Tensor] = {}
        features = self.stem(photo)
        skips = []
        for stage, down in enumerate(self.downs):
            skips.append(features)
            features = down(features, style)
            if stage in feature_stages:
                returned[stage] = features
        for stage, (up, skip) in enumerate(zip(self.ups, reversed(skips), strict=True), len(self.downs)):
            features = up(features, skip, style)
            if stage in feature_stages:
                returned[stage] = features
        return torch.tanh(self.draw(features) + self.colours(photo, style)), returned

    def _span(self, span: Span) -> Span:
        # Backwards through the deepest level, which is the path with the largest receptive field.
        span = span.input_of_conv(kernel=3, padding=1)  # `draw`
        for _ in self.ups:  # `fuse`, then upsampling; the 1x1 projection does not widen the receptive field
            span = span.input_of_conv(kernel=3, padding=1).input_of_upsampling(2)
        for _ in self.downs:  # `residual`, then the strided convolution
            span = span.input_of_conv(kernel=5, padding=2).input_of_conv(kernel=4, stride=2, padding=1)
        return span.input_of_conv(kernel=3, padding=1)  # `stem`


class _Down(nn.Module):
    """A strided convolution that halves the resolution, then a residual block."""

    def __init__(self, in_channels: int, out_channels: int, norm: str, styles: int) -> None:
        super().__init__()
        # At stride 2, kernel 4 covers every input pixel equally often, kernel 3 every second row and column twice.
        self.halve = nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1)
        first, second = (nn.Conv2d(out_channels, out_channels, 3, padding=1) for _ in range(2))
        if norm == "none":
            self.residual = ConditionalSequential(
                nn.SiLU(), conditional(first, out_channels, styles), nn.SiLU(), second
            )
        else:
            between = conditional(_group_norm(out_channels), out_channels, styles)
            self.residual = ConditionalSequential(
                _group_norm(out_channels), nn.SiLU(), first, between, nn.SiLU(), second
            )

    def forward(self, features: Tensor, style: Tensor | None) -> Tensor:
        halved = self.halve(features)
        refined: Tensor = halved + self.residual(halved, style)
        return refined


class _Up(nn.Module):
    """Upsampling by 2, then a residual block that merges the skip connection of that level."""

    def __init__(self, in_channels: int, out_channels: int, upsample: str, norm: str, styles: int) -> None:
        super().__init__()
        self.shuffle = upsample == "shuffle"
        # Before upsampling: a 1x1 convolution commutes with nearest-neighbour upsampling, and costs a quarter here.
        self.project = nn.Conv2d(in_channels, out_channels * 4 if self.shuffle else out_channels, 1)
        conv = nn.Conv2d(2 * out_channels, out_channels, 3, padding=1)
        if norm == "none":
            self.fuse = ConditionalSequential(nn.SiLU(), conditional(conv, out_channels, styles))
        else:
            self.fuse = ConditionalSequential(
                conditional(_group_norm(2 * out_channels), 2 * out_channels, styles), nn.SiLU(), conv
            )

    def start(self) -> None:
        """Initialise a pixel shuffle as nearest-neighbour upsampling."""
        if self.shuffle:
            icnr_(self.project.weight, factor=2, std=self.project.in_channels**-0.5)

    def forward(self, features: Tensor, skip: Tensor, style: Tensor | None) -> Tensor:
        upsampled = self._upsample(self.project(features))
        merged: Tensor = upsampled + self.fuse(torch.cat([upsampled, skip], dim=1), style)
        return merged

    def _upsample(self, features: Tensor) -> Tensor:
        if self.shuffle:
            return F.pixel_shuffle(features, 2)
        return F.interpolate(features, scale_factor=2.0, mode="nearest")


def _group_norm(channels: int) -> nn.GroupNorm:
    # At least two channels in a group, because at the deepest level a small image may be a single pixel.
    return nn.GroupNorm(math.gcd(channels, channels // 2, _MAX_GROUPS), channels)
