"""The lightweight generator: tens of thousands of parameters, made to be shipped."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pix2style.nets.blocks import Foldable, icnr_
from pix2style.nets.colour_skip import ColourSkip
from pix2style.nets.generator import Generator
from pix2style.nets.receptive import Span, receptive_radius
from pix2style.nets.style_condition import Stack, styled, through
from pix2style.nets.thumbnail import thumbnail

_THUMBNAIL_PX = 16


class Lite(Generator):
    """A strided convolution, plain 3x3 convolutions at 1/scale of the resolution, pixel shuffle with ICNR.

    Folded, with the defaults: 92,540 parameters, 0.34 GMAC at 256x256 and 1.36 GMAC at 512x512 (98,684
    parameters while training, and the same work).

    No layer but `context` looks at the whole picture, so that tiles equal the whole when they are given the whole's
    context. That is the part InstanceNorm plays in larger networks: a 16x16 thumbnail is turned once into a scale and a
    shift of every channel before and after the body. Colours come from the photo (`ColourSkip`); the network draws on
    them. ReLU, as it quantises best: zero is exact, and the range begins there.

    Args:
        channels: of the body.
        blocks: 3x3 blocks of the body.
        scale: the body works at 1/scale of the resolution; sizes are padded to it.
        styles: how many; with more than 1, each scales and shifts the channels of every convolution before the head,
            and has its own colour matrix.
    """

    architecture: ClassVar[str] = "lite"

    def __init__(self, channels: int = 32, blocks: int = 6, scale: int = 4, styles: int = 1) -> None:
        super().__init__()
        self.scale, self.styles = scale, styles
        # The same as a 3x3 convolution after a pixel unshuffle, and as fast in torch; ONNX Runtime spends as long on
        # the unshuffle's transpose as on the convolution.
        stem = nn.Conv2d(3, channels, 3 * scale, stride=scale, padding=scale)
        self.stem = styled(stem, channels, styles)
        blocks_of_body = (styled(RepConv(channels), channels, styles) for _ in range(blocks))
        self.body = Stack(*(layer for block in blocks_of_body for layer in (block, nn.ReLU())))
        self.head = nn.Conv2d(channels, 3 * scale**2, 3, padding=1)
        self.observe = _Observer(4 * channels)
        self.colours = ColourSkip(styles)
        self.size_multiple = scale
        self.global_context = True
        self.receptive_field_px = receptive_radius(self._span, scale)
        nn.init.kaiming_normal_(stem.weight, nonlinearity="relu")
        nn.init.zeros_(stem.bias)  # type: ignore[arg-type]
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

    def _paint(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        if context is None:
            raise ValueError("lite needs a context: call the generator, or pass context(photo)")
        scale_in, shift_in, scale_out, shift_out = context[:, :, None, None].chunk(4, dim=1)
        features = F.relu(through(self.stem, photo, style) * (1 + scale_in) + shift_in)
        features = self.body(features, style) * (1 + scale_out) + shift_out
        drawing = F.pixel_shuffle(self.head(features), self.scale)
        return torch.tanh(drawing + self.colours(photo, style))

    def _span(self, span: Span) -> Span:
        seen = span.before_upsampling(self.scale)
        for _ in range(len(self.body) // 2 + 2):  # head, blocks, stem
            seen = seen.before_conv(kernel=3, padding=1)
        return seen.before_unshuffle(self.scale)


class RepConv(Foldable):
    """A 3x3 convolution trained as the sum of a 3x3, a 1x1 and an identity branch.

    RepVGG's (Ding et al. 2021, arXiv 2101.03697) without its normalisations, so that the sum is linear and the merged
    kernel is known at every step: it is computed first and applied once, in training too (as in OREPA, Hu et al. 2022,
    arXiv 2204.00826). Training costs one convolution, and folding changes nothing.

    `benchmarks/blocks.py` compares it with plain convolutions.

    Args:
        channels: in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.full = nn.Parameter(torch.empty(channels, channels, 3, 3))
        self.point = nn.Parameter(torch.empty(channels, channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        for weight in (self.full, self.point):
            nn.init.kaiming_uniform_(weight, a=5**0.5)  # torch's own start of convolutions

    def kernel(self) -> Tensor:
        """The branches merged: [channels, channels, 3, 3]."""
        point = self.point + torch.eye(len(self.point), device=self.point.device, dtype=self.point.dtype)
        return self.full + F.pad(point[:, :, None, None], (1, 1, 1, 1))

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
