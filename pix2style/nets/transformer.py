"""An efficient restoration-style transformer: attention over channels, in U shape."""

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
from pix2style.nets.style_condition import Stack, styled

_WINDOW = 4  # features along a side of what one attention looks at; even, as `Span.before_linear` wants


class Transformer(Generator):
    """NAFNet's blocks (Chen et al. 2022, arXiv 2204.04676) in a U, with attention over windows.

    Why these, and not Restormer's (Zamir et al. 2022, arXiv 2111.09881): both attend to channels, whose cost grows with
    the picture's area and not with its square, and NAFNet's authors reached Restormer's figures with gates and a pooled
    attention instead of products of keys and queries; what is left are 1x1 and depthwise convolutions, which compile
    and export as they are.

    What differs: the attention is pooled over windows of 4x4 features, linearly interpolated between their centres,
    instead of the whole picture. Statistics of training crops do not fit those of whole pictures (Chu et al. 2022,
    arXiv 2112.04491, mend that after training, with windows as well), and with the whole picture's, no tile would
    equal that part of the whole. So here the receptive field is finite, and tiles do. NAFNet's learned scales of
    residuals are left out, as they would fold into the convolution before: those start faint instead.

    With the defaults 1,703,119 parameters, and 4.85 GMAC at 256x256.

    Args:
        channels: at full resolution; each level doubles them.
        blocks: at each level from full resolution down; as many on the way up, the deepest once.
        styles: how many; with more than 1, every normalisation is conditional, and each has its own colour matrix.

    Raises:
        ValueError: no level, or one without blocks.
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
        self.encode = nn.ModuleList(_Level(width, count, styles) for width, count in levels)
        self.halve = nn.ModuleList(nn.Conv2d(into, out, 2, stride=2) for into, out in steps)
        # 1x1, before enlarging: it commutes with nearest neighbour.
        self.project = nn.ModuleList(nn.Conv2d(into, out, 1) for out, into in reversed(steps))
        self.decode = nn.ModuleList(_Level(width, count, styles) for width, count in reversed(levels[:-1]))
        self.draw = nn.Conv2d(channels, 3, 3, padding=1)
        self.apply(init_preserving)
        for module in self.modules():
            if isinstance(module, _Block):
                module.start()
        # A faint drawing: the untrained network gives back the photo.
        nn.init.normal_(self.draw.weight, std=0.1 * (9 * channels) ** -0.5)
        self.colours = ColourSkip(styles)
        self.size_multiple = _WINDOW * 2 ** len(steps)
        self.receptive_field_px = receptive_radius(self._span, self.size_multiple)

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        del context
        features = self.stem(photo)
        skips = []
        for refine, halve in zip(self.encode[:-1], self.halve, strict=True):
            features = refine(features, style)
            skips.append(features)
            features = halve(features)
        features = self.encode[-1](features, style)
        for project, refine, skip in zip(self.project, self.decode, reversed(skips), strict=True):
            enlarged = F.interpolate(project(features), scale_factor=2.0, mode="nearest")
            features = refine(enlarged + skip, style)
        return torch.tanh(self.draw(features) + self.colours(photo, style))

    def _span(self, span: Span) -> Span:
        seen = span.before_conv(kernel=3, padding=1)  # head
        for blocks in reversed(self.decode):
            seen = _before_blocks(seen, blocks).before_upsampling(2)
        seen = _before_blocks(seen, self.encode[-1])  # the way through the deepest level is the widest
        for blocks in reversed(self.encode[:-1]):
            seen = _before_blocks(seen.before_conv(kernel=2, stride=2), blocks)
        return seen.before_conv(kernel=3, padding=1)  # stem


class _Block(nn.Module):
    """Look at neighbours and weigh channels; then think about each pixel: each adds to what it gets."""

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.look = Stack(
            styled(ChannelNorm(channels), channels, styles),
            nn.Conv2d(channels, 2 * channels, 1),
            nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels),
            _Gate(),
        )
        self.weigh = nn.Conv2d(channels, channels, 1)
        self.merge = nn.Conv2d(channels, channels, 1)
        self.think = Stack(
            styled(ChannelNorm(channels), channels, styles), nn.Conv2d(channels, 2 * channels, 1), _Gate()
        )
        self.conclude = nn.Conv2d(channels, channels, 1)

    def start(self) -> None:
        """Let both parts begin faintly, and the attention at 1."""
        with torch.no_grad():
            self.merge.weight *= 0.1
            self.conclude.weight *= 0.1
        nn.init.ones_(self.weigh.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor, style: Tensor | None) -> Tensor:
        seen = self.look(features, style)
        weights = self.weigh(F.avg_pool2d(seen, _WINDOW))
        weights = F.interpolate(weights, scale_factor=float(_WINDOW), mode="bilinear", align_corners=False)
        features = features + self.merge(seen * weights)
        concluded: Tensor = features + self.conclude(self.think(features, style))
        return concluded


class _Gate(nn.Module):
    """Half of the channels times the other half: what NAFNet has for an activation."""

    def forward(self, features: Tensor) -> Tensor:
        one, other = features.chunk(2, dim=1)
        return one * other


class _Level(nn.ModuleList):
    """The blocks of one resolution, one after the other."""

    def __init__(self, channels: int, blocks: int, styles: int) -> None:
        super().__init__(_Block(channels, styles) for _ in range(blocks))

    def forward(self, features: Tensor, style: Tensor | None) -> Tensor:
        for block in self:
            features = block(features, style)
        return features


def _before_blocks(span: Span, level: nn.Module) -> Span:
    for _ in level.children():
        attended = span.before_linear(_WINDOW).before_conv(_WINDOW, stride=_WINDOW)
        span = span.union(attended).before_conv(kernel=3, padding=1)
    return span
