"""A NAFNet as generator: gated depthwise convolutions and channel attention in a U-shaped network."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pix2style.nets.blocks import ChannelNorm, init_preserving
from pix2style.nets.colour_skip import ColourSkip
from pix2style.nets.generator import Generator
from pix2style.nets.receptive import Span, receptive_radius
from pix2style.nets.style_condition import ConditionalSequential, conditional

# Side, in features, of the window that the channel attention pools over. It has to be even: see `Span.input_of_linear`.
_WINDOW = 4


class Nafnet(Generator):
    """NAFNet (Chen et al. 2022, arXiv 2204.04676) with channel attention over windows instead of the whole image.

    Configurations and filter files call this architecture "transformer", after the family of restoration transformers
    that it belongs to. NAFNet was preferred to Restormer (Zamir et al. 2022, arXiv 2111.09881): in both, the cost of
    attention grows with the area of the image and not with its square. NAFNet reaches Restormer's figures with gates
    and pooled channel attention instead of products of keys and queries, and consists of 1x1 and depthwise convolutions
    only, which compile and export without special treatment.

    It differs from the paper in two points. First, the attention is pooled over windows of 4x4 features and
    interpolated linearly between the centres of the windows. Pooling over the whole image would use statistics that
    differ between training crops and whole photos (Chu et al. 2022, arXiv 2112.04491, correct this after training, also
    with windows), and tiles would differ from the whole image. With windows the receptive field is finite, so tiles are
    equal to the whole image. Second, the learned scale of each residual branch is left out, because it could be folded
    into the convolution before it. The branches start with small weights instead.

    With the defaults it has 1,703,119 parameters, and 4.85 GMAC at 256x256.

    Args:
        channels: Channels at full resolution. Each level doubles them.
        blocks: Number of blocks at each level, from full resolution down. The decoder has as many at each level, and
            the deepest level occurs once.
        styles: Number of styles. With more than one, every normalisation is conditional and each style has its own
            colour matrix.

    Raises:
        ValueError: `blocks` is empty or contains a number below 1.
    """

    architecture: ClassVar[str] = "transformer"

    def __init__(self, channels: int = 32, blocks: Sequence[int] = (1, 1, 2, 2), styles: int = 1) -> None:
        super().__init__()
        if not blocks or min(blocks) < 1:
            raise ValueError(f"blocks must name at least 1 for each level, got {list(blocks)}")
        self.styles = styles
        widths = [channels * 2**level for level in range(len(blocks))]
        levels = list(zip(widths, blocks, strict=True))
        steps = list(itertools.pairwise(widths))
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        self.encoder = nn.ModuleList(_Level(width, count, styles) for width, count in levels)
        self.downsample = nn.ModuleList(nn.Conv2d(into, out, 2, stride=2) for into, out in steps)
        # A 1x1 convolution commutes with nearest-neighbour enlarging, so it runs before it, on a quarter of the pixels.
        self.upsample_projection = nn.ModuleList(nn.Conv2d(into, out, 1) for out, into in reversed(steps))
        self.decoder = nn.ModuleList(_Level(width, count, styles) for width, count in reversed(levels[:-1]))
        self.head = nn.Conv2d(channels, 3, 3, padding=1)
        self.apply(init_preserving)
        for module in self.modules():
            if isinstance(module, NafBlock):
                module.scale_initial_weights()
        # Small weights in the head: the untrained network returns almost the photo, through the colour skip.
        nn.init.normal_(self.head.weight, std=0.1 * (9 * channels) ** -0.5)
        self.colours = ColourSkip(styles)
        self.size_multiple = _WINDOW * 2 ** len(steps)
        self.receptive_field_px = receptive_radius(self._span, self.size_multiple)

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        del context
        features = self.stem(photo)
        skips = []
        for level, downsample in zip(self.encoder[:-1], self.downsample, strict=True):
            features = level(features, style)
            skips.append(features)
            features = downsample(features)
        features = self.encoder[-1](features, style)
        for project, level, skip in zip(self.upsample_projection, self.decoder, reversed(skips), strict=True):
            upsampled = F.interpolate(project(features), scale_factor=2.0, mode="nearest")
            features = level(upsampled + skip, style)
        return torch.tanh(self.head(features) + self.colours(photo, style))

    def _span(self, span: Span) -> Span:
        span = span.input_of_conv(kernel=3, padding=1)  # head
        for level in reversed(self.decoder):
            span = _input_of_blocks(span, level).input_of_upsampling(2)
        span = _input_of_blocks(span, self.encoder[-1])  # the path through the deepest level has the widest span
        for level in reversed(self.encoder[:-1]):
            span = _input_of_blocks(span.input_of_conv(kernel=2, stride=2), level)
        return span.input_of_conv(kernel=3, padding=1)  # stem


class NafBlock(nn.Module):
    """One NAFNet block: depthwise convolution with channel attention, then a feed-forward part; both are residual.

    Args:
        channels: Channels in and out.
        styles: Number of styles; with more than one, both normalisations are conditional.
    """

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.depthwise = ConditionalSequential(
            conditional(ChannelNorm(channels), channels, styles),
            nn.Conv2d(channels, 2 * channels, 1),
            nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels),
            SimpleGate(),
        )
        self.channel_attention = nn.Conv2d(channels, channels, 1)
        self.attention_projection = nn.Conv2d(channels, channels, 1)
        self.ffn = ConditionalSequential(
            conditional(ChannelNorm(channels), channels, styles), nn.Conv2d(channels, 2 * channels, 1), SimpleGate()
        )
        self.ffn_projection = nn.Conv2d(channels, channels, 1)

    def scale_initial_weights(self) -> None:
        """Start both residual branches with small weights, and all attention weights near 1."""
        with torch.no_grad():
            self.attention_projection.weight *= 0.1
            self.ffn_projection.weight *= 0.1
        nn.init.ones_(self.channel_attention.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor, style: Tensor | None) -> Tensor:
        """Transform [batch, channels, h, w] to the same shape; h and w are multiples of the attention window, 4."""
        gated = self.depthwise(features, style)
        attention = self.channel_attention(F.avg_pool2d(gated, _WINDOW))
        attention = F.interpolate(attention, scale_factor=float(_WINDOW), mode="bilinear", align_corners=False)
        features = features + self.attention_projection(gated * attention)
        output: Tensor = features + self.ffn_projection(self.ffn(features, style))
        return output


class SimpleGate(nn.Module):
    """NAFNet's activation: the first half of the channels, multiplied by the second half."""

    def forward(self, features: Tensor) -> Tensor:
        """From [batch, 2 * channels, h, w] to [batch, channels, h, w]."""
        values, gate = features.chunk(2, dim=1)
        return values * gate


class _Level(nn.ModuleList):
    """The blocks at one resolution, applied one after the other."""

    def __init__(self, channels: int, blocks: int, styles: int) -> None:
        super().__init__(NafBlock(channels, styles) for _ in range(blocks))

    def forward(self, features: Tensor, style: Tensor | None) -> Tensor:
        for block in self:
            features = block(features, style)
        return features


def _input_of_blocks(span: Span, level: nn.Module) -> Span:
    """Return the input span that a span of outputs of all blocks of `level` depends on."""
    for _ in level.children():
        attention = span.input_of_linear(_WINDOW).input_of_conv(_WINDOW, stride=_WINDOW)
        span = span.union(attention).input_of_conv(kernel=3, padding=1)
    return span
