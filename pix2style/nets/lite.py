"""The lightweight generator: tens of thousands of parameters, made to be shipped."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pix2style.nets.blocks import ColourSkip, icnr_
from pix2style.nets.generator import Foldable, Generator
from pix2style.nets.receptive import Span, receptive_radius
from pix2style.nets.thumbnail import thumbnail

_THUMBNAIL_PX = 16
_EXPANSION = 2


class Lite(Generator):
    """Pixel unshuffle, plain 3x3 convolutions at 1/scale of the resolution, pixel shuffle.

    Args:
        channels: of the body.
        blocks: 3x3 blocks of the body.
        scale: the body works at 1/scale of the resolution; sizes are padded to it.
    """

    architecture: ClassVar[str] = "lite"

    def __init__(self, channels: int = 32, blocks: int = 6, scale: int = 4) -> None:
        super().__init__()
        self.scale = scale
        self.stem = nn.Conv2d(3 * scale**2, channels, 3, padding=1)
        self.body = nn.Sequential(*(layer for _ in range(blocks) for layer in (RepConv(channels), nn.ReLU())))
        self.head = nn.Conv2d(channels, 3 * scale**2, 3, padding=1)
        self.observe = _Observer(4 * channels)
        self.colours = ColourSkip()
        self.size_multiple = scale
        self.global_context = True
        self.receptive_field_px = receptive_radius(self._span, scale)
        icnr_(self.head.weight, factor=scale, std=0.1 * (9 * channels) ** -0.5)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def context(self, photo: Tensor) -> Tensor:
        """Scales and shifts for the body's channels, from a thumbnail of the whole photo.

        Args:
            photo: the whole photo, [batch, 3, height, width] in [-1, 1].

        Returns:
            [batch, 4 * channels].
        """
        observed: Tensor = self.observe(thumbnail(photo, _THUMBNAIL_PX))
        return observed

    def _paint(self, photo: Tensor, context: Tensor | None) -> Tensor:
        if context is None:
            raise ValueError("lite needs a context: call the generator, or pass context(photo)")
        scale_in, shift_in, scale_out, shift_out = context[:, :, None, None].chunk(4, dim=1)
        features = F.relu(self.stem(F.pixel_unshuffle(photo, self.scale)) * (1 + scale_in) + shift_in)
        features = self.body(features) * (1 + scale_out) + shift_out
        drawing = F.pixel_shuffle(self.head(features), self.scale)
        return torch.tanh(drawing + self.colours(photo))

    def _span(self, span: Span) -> Span:
        seen = span.before_upsampling(self.scale)
        for _ in range(len(self.body) // 2 + 2):  # head, blocks, stem
            seen = seen.before_conv(kernel=3, padding=1)
        return seen.before_unshuffle(self.scale)


class RepConv(Foldable):
    """A 3x3 convolution trained as the sum of 3x3, 1x1, expand-and-squeeze and identity branches.

    The branches of RepVGG (Ding et al. 2021, arXiv 2101.03697) and ECBSR (Zhang et al. 2021, doi
    10.1145/3474085.3475291) without their normalisations, so that the sum is linear and the merged kernel is known at
    every step: it is computed first and applied once, in training too (as in OREPA, Hu et al. 2022, arXiv 2204.00826).
    Training costs one convolution, and folding changes nothing.

    Args:
        channels: in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = _EXPANSION * channels
        self.full = nn.Parameter(torch.empty(channels, channels, 3, 3))
        self.point = nn.Parameter(torch.empty(channels, channels))
        self.expand = nn.Parameter(torch.empty(inner, channels))
        self.squeeze = nn.Parameter(torch.empty(channels, inner, 3, 3))
        self.bias = nn.Parameter(torch.zeros(channels))
        for weight in (self.full, self.point, self.expand, self.squeeze):
            nn.init.kaiming_uniform_(weight, a=5**0.5)

    def kernel(self) -> Tensor:
        """The branches merged: [channels, channels, 3, 3]."""
        point = self.point + torch.eye(len(self.point), device=self.point.device, dtype=self.point.dtype)
        series = torch.einsum("oihw,ic->ochw", self.squeeze, self.expand)
        return self.full + series + F.pad(point[:, :, None, None], (1, 1, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        """From [batch, channels, h, w] to the same shape."""
        return F.conv2d(features, self.kernel(), self.bias, padding=1)

    def fold(self) -> nn.Conv2d:
        """The same function as one plain convolution."""
        channels = len(self.bias)
        plain = nn.Conv2d(channels, channels, 3, padding=1, device=self.bias.device, dtype=self.bias.dtype)
        with torch.no_grad():
            plain.weight.copy_(self.kernel())
            plain.bias.copy_(self.bias)  # type: ignore[union-attr]
        return plain


class _Observer(nn.Module):
    """From a thumbnail to numbers that describe the whole picture; starts at zero, as if there were none."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()
        )
        self.tell = nn.Linear(32, outputs)
        nn.init.zeros_(self.tell.weight)
        nn.init.zeros_(self.tell.bias)

    def forward(self, small: Tensor) -> Tensor:
        told: Tensor = self.tell(self.look(small).mean(dim=(2, 3)))
        return told
