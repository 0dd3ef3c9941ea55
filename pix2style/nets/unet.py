"""A modern U-Net, without transposed convolutions and BatchNorm, for images of any size."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pix2style.nets.blocks import InstanceNorm, icnr_, init_preserving
from pix2style.nets.colour_skip import ColourSkip
from pix2style.nets.flat_head import FlatHead
from pix2style.nets.generator import FeatureStage, Generator
from pix2style.nets.glimpse_context import GlimpseContext, take_glimpse
from pix2style.nets.lite import depth_to_space
from pix2style.nets.receptive import Span, receptive_radius
from pix2style.nets.style_condition import ConditionalSequential, conditional

_INITIAL_RESIDUAL_SCALE = 0.1  # of the blocks beyond the first of each level
_MAX_GROUPS = 32  # the default of GroupNorm (Wu and He 2018, arXiv 1803.08494, table 3)


class Unet(Generator):
    """A U-Net with strided convolutions and residual blocks on the way down, resizing and skips on the way up.

    Parameters and GMAC at 256x256 (resize, 4 levels): 13.82 M and 24.37 with 48 channels, 3.46 M and 6.13 with 24, 1.54
    M and 2.75 with 16.

    By default there are no normalisation layers. InstanceNorm and GroupNorm make every pixel depend on statistics of
    the whole image, so that tiles differ from the whole, and InstanceNorm may cause droplet artefacts (pix2pix #411;
    Karras et al. 2020, arXiv 1912.04958). Instead, the initialisation (`init_preserving`) and the residual sums keep
    activations in scale. Both are options. They are applied before activations inside the residual branches, so that
    the sums keep the brightness of the photo. `benchmarks/blocks.py` compares GroupNorm with
    none.

    For a teacher that has InstanceNorm itself, "instance" is far better: what such a teacher paints somewhere depends
    on statistics of the whole photo at each of its layers, which no network without them can know (docs/results.md).

    Args:
        channels: Number of channels of the upper level; each level below doubles it, up to eight times.
        levels: Number of times the resolution is halved; sizes are padded to multiples of scale * 2 ** levels.
        upsample: "resize" (nearest neighbour, then a convolution; Odena et al. 2016, doi 10.23915/distill.00003) or
            "shuffle" (pixel shuffle with ICNR).
        norm: "none", "group" or "instance". The latter two need whole photos in training, too.
        styles: Number of styles. With more than 1, each scales and shifts one layer of every block, and has a colour
            matrix of its own.
        scale: The upper level works at 1/scale of the resolution: with more than 1, the first convolution reads patches
            that do not overlap, and a pixel shuffle after a `FlatHead` writes such patches. Teachers that work at a
            quarter of the resolution hang their strokes on a grid of 4 pixels, which only a network with the same grid
            meets.
        blocks: Number of residual blocks at each level, on the way down and on the way up.
        context: Whether a vector that describes the whole photo is added after the first convolution, as in `Lite`.
        colour_skip: Whether the photo's pixels are added to the output before the tanh (`ColourSkip`). They hold detail
            of the photo at full resolution, which a painting does not have, and which the network has to learn to
            remove; so a U-Net that paints does better without.

    Attributes:
        widths: Number of channels at each resolution, from 1/scale down.

    Raises:
        ValueError: Unknown `upsample` or `norm`.
    """

    architecture: ClassVar[str] = "unet"

    def __init__(
        self,
        channels: int = 48,
        levels: int = 4,
        upsample: str = "resize",
        norm: str = "none",
        styles: int = 1,
        *,
        scale: int = 1,
        blocks: int = 1,
        context: bool = False,
        colour_skip: bool = True,
    ) -> None:
        super().__init__()
        if upsample not in ("resize", "shuffle"):
            raise ValueError(f"upsample must be resize or shuffle, got {upsample!r}")
        if norm not in ("none", *_NORMS):
            raise ValueError(f"norm must be none, group or instance, got {norm!r}")
        self.styles, self.scale, self._more_blocks = styles, scale, blocks - 1
        self.global_context = context or norm != "none"
        self.uses_glimpse = context
        self.widths = [channels * min(2**level, 8) for level in range(levels + 1)]
        steps = list(itertools.pairwise(self.widths))
        self.stem = nn.Conv2d(3, channels, 3, padding=1) if scale == 1 else nn.Conv2d(3, channels, scale, stride=scale)
        self.blocks = _residual_blocks(channels, norm, styles, blocks - 1)
        self.downs = nn.ModuleList(_Down(upper, lower, norm, styles=styles, blocks=blocks) for upper, lower in steps)
        self.ups = nn.ModuleList(
            _Up(lower, upper, upsample, norm, styles=styles, blocks=blocks) for upper, lower in reversed(steps)
        )
        last = nn.Conv2d(channels, 3, 3, padding=1) if scale == 1 else FlatHead(channels, 3, scale**2)
        self.draw = nn.Sequential(nn.SiLU(), last)
        self.apply(init_preserving)
        for up in self.ups:
            up.start()  # type: ignore[operator]
        for level in (self, *self.downs, *self.ups):
            _start_near_identity(level.blocks)
        # With `colours`, the untrained network returns nearly the photo: the small weights of the last convolution add
        # little to it. Without, it returns nearly grey.
        nn.init.normal_(last.weight, std=0.1 * (9 * channels) ** -0.5)
        self.colours = ColourSkip(styles) if colour_skip else None
        self.context_network = GlimpseContext(channels) if context else None
        self.size_multiple = scale * 2**levels
        self.receptive_field_px = receptive_radius(self._span, self.size_multiple)

    def context(self, photo: Tensor) -> Tensor | None:
        """Compute the context of a whole photo, [batch, channels]; None without `context`."""
        return self.context_from_glimpse(take_glimpse(photo)) if self.uses_glimpse else None

    def context_from_glimpse(self, glimpse: Tensor) -> Tensor:
        """Compute the context of a photo from its glimpse, [batch, 3, GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX]."""
        if self.context_network is None:
            return super().context_from_glimpse(glimpse)
        context: Tensor = self.context_network(glimpse)
        return context

    def stages_at_scale(self, scale: int) -> tuple[FeatureStage, FeatureStage]:
        """Return the stages where the network goes down to 1/scale of the resolution and comes up to it again.

        Stages are numbered in the order in which they run: all of `downs`, then all of `ups`. If the network does not
        go down so far, both are its deepest stage. If it never leaves 1/scale, the first is one level further down.
        """
        levels = len(self.downs)
        level = min(max(int(math.log2(scale / self.scale)), 0), levels)
        down = max(level, 1) - 1
        up = 2 * levels - level - 1 if level < levels else down
        coarse, same = self.scale * 2 ** (down + 1), self.scale * 2**level
        return FeatureStage(down, self.widths[down + 1], coarse), FeatureStage(up, self.widths[level], same)

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        image, _ = self._generate_with_features(photo, context, style, ())
        return image

    def _generate_with_features(
        self, photo: Tensor, context: Tensor | None, style: Tensor | None, feature_stages: Collection[int]
    ) -> tuple[Tensor, dict[int, Tensor]]:
        returned: dict[int, Tensor] = {}
        features = self.stem(photo)
        if context is not None:
            features = features + context[:, :, None, None]
        features = _apply_blocks(self.blocks, features, style)
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
        image = self.draw(features)
        if self.scale > 1:
            image = depth_to_space(image, self.scale)
        if self.colours is not None:
            image = image + self.colours(photo, style)
        return torch.tanh(image), returned

    def _span(self, span: Span) -> Span:
        # Backwards through the deepest level, which is the path with the largest receptive field.
        if self.scale > 1:
            span = span.input_of_upsampling(self.scale)
        span = span.input_of_conv(kernel=3, padding=1)  # `draw`
        for _ in self.ups:  # `blocks` and `fuse`, then upsampling; the 1x1 projection does not widen it
            span = _before_blocks(span, self._more_blocks).input_of_conv(kernel=3, padding=1).input_of_upsampling(2)
        for _ in self.downs:  # `residual` and `blocks`, then the strided convolution
            span = _before_blocks(span, self._more_blocks).input_of_conv(kernel=5, padding=2)
            span = span.input_of_conv(kernel=4, stride=2, padding=1)
        span = _before_blocks(span, self._more_blocks)
        return span.input_of_conv(kernel=3, padding=1) if self.scale == 1 else span.input_of_unshuffle(self.scale)


class _Down(nn.Module):
    """A strided convolution that halves the resolution, then residual blocks."""

    def __init__(self, in_channels: int, out_channels: int, norm: str, *, styles: int, blocks: int) -> None:
        super().__init__()
        # At stride 2, kernel 4 covers every input pixel equally often, kernel 3 every second row and column twice.
        self.halve = nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1)
        self.residual = _residual_branch(out_channels, norm, styles)
        self.blocks = _residual_blocks(out_channels, norm, styles, blocks - 1)

    def forward(self, features: Tensor, style: Tensor | None) -> Tensor:
        halved = self.halve(features)
        return _apply_blocks(self.blocks, halved + self.residual(halved, style), style)


class _Up(nn.Module):
    """Upsampling by 2, then a residual block that merges the skip connection of that level, and more blocks."""

    def __init__(
        self, in_channels: int, out_channels: int, upsample: str, norm: str, *, styles: int, blocks: int
    ) -> None:
        super().__init__()
        self.shuffle = upsample == "shuffle"
        # Before upsampling: a 1x1 convolution commutes with nearest-neighbour upsampling, and costs a quarter here.
        self.project = nn.Conv2d(in_channels, out_channels * 4 if self.shuffle else out_channels, 1)
        conv = nn.Conv2d(2 * out_channels, out_channels, 3, padding=1)
        if norm == "none":
            self.fuse = ConditionalSequential(nn.SiLU(), conditional(conv, out_channels, styles))
        else:
            self.fuse = ConditionalSequential(
                conditional(_NORMS[norm](2 * out_channels), 2 * out_channels, styles), nn.SiLU(), conv
            )
        self.blocks = _residual_blocks(out_channels, norm, styles, blocks - 1)

    def start(self) -> None:
        """Initialise a pixel shuffle as nearest-neighbour upsampling."""
        if self.shuffle:
            icnr_(self.project.weight, factor=2, std=self.project.in_channels**-0.5)

    def forward(self, features: Tensor, skip: Tensor, style: Tensor | None) -> Tensor:
        upsampled = self._upsample(self.project(features))
        return _apply_blocks(self.blocks, upsampled + self.fuse(torch.cat([upsampled, skip], dim=1), style), style)

    def _upsample(self, features: Tensor) -> Tensor:
        if self.shuffle:
            return F.pixel_shuffle(features, 2)
        return F.interpolate(features, scale_factor=2.0, mode="nearest")


def _group_norm(channels: int) -> nn.GroupNorm:
    # At least two channels in a group, because at the deepest level a small image may be a single pixel.
    return nn.GroupNorm(math.gcd(channels, channels // 2, _MAX_GROUPS), channels)


_NORMS: dict[str, Callable[[int], nn.Module]] = {"group": _group_norm, "instance": InstanceNorm}


def _residual_branch(channels: int, norm: str, styles: int) -> ConditionalSequential:
    first, second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
    if norm == "none":
        return ConditionalSequential(nn.SiLU(), conditional(first, channels, styles), nn.SiLU(), second)
    between = conditional(_NORMS[norm](channels), channels, styles)
    return ConditionalSequential(_NORMS[norm](channels), nn.SiLU(), first, between, nn.SiLU(), second)


def _residual_blocks(channels: int, norm: str, styles: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(_residual_branch(channels, norm, styles) for _ in range(count))


@torch.no_grad()
def _start_near_identity(blocks: nn.ModuleList) -> None:
    """Scale the last convolution of residual blocks down, so that a deep network does not start with large sums."""
    for block in blocks:
        block[-1].weight.mul_(_INITIAL_RESIDUAL_SCALE)  # type: ignore[index]


def _apply_blocks(blocks: nn.ModuleList, features: Tensor, style: Tensor | None) -> Tensor:
    for block in blocks:
        features = features + block(features, style)
    return features


def _before_blocks(span: Span, blocks: int) -> Span:
    for _ in range(blocks):
        span = span.input_of_conv(kernel=5, padding=2)
    return span
