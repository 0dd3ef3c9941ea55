"""The residual generator of Johnson et al. and CycleGAN, kept as a baseline."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from pix2style.nets.blocks import init_preserving
from pix2style.nets.generator import Generator
from pix2style.nets.receptive import Span, receptive_radius
from pix2style.nets.style_condition import ConditionalSequential, conditional
from pix2style.nets.unet_2017 import init_normal


class Resnet(Generator):
    """Two strided convolutions, residual blocks, two upsampling layers (Johnson et al. 2016, arXiv 1603.08155).

    With the defaults it is, layer by layer, the resnet_9blocks of the PyTorch version by CycleGAN's authors (Zhu et al.
    2017, arXiv 1703.10593, appendix 7.2): InstanceNorm without learned scale, reflection padding, transposed
    convolutions; 11,378,179 parameters, and 49.55 GMAC at 256x256 with transposed convolutions counted by the area of
    their input.

    Its known faults are checkerboards (from transposed convolutions; see `upsample`) and droplets (from InstanceNorm;
    pix2pix #411). InstanceNorm takes its statistics from the whole image, so tiles differ from the whole image; and in
    a photo of one colour it amplifies rounding errors, layer by layer. With `norm` "none" (and `init_preserving`)
    neither happens.

    Sizes are padded to a multiple of 8, although the network reduces the resolution only to a quarter: reflection
    padding needs two rows there.

    Args:
        channels: Channels at full resolution (ngf).
        blocks: Number of residual blocks at a quarter of the resolution.
        upsample: "transposed" as published, or "resize" for nearest neighbour and a convolution (Odena et al. 2016).
        norm: "instance" as published, or "none".
        styles: Number of styles. With more than one, every normalisation is conditional (Dumoulin et al. 2017, arXiv
            1610.07629); without normalisation, every convolution but the last is.

    Raises:
        ValueError: `upsample` or `norm` is unknown.
    """

    architecture: ClassVar[str] = "resnet"

    def __init__(
        self,
        channels: int = 64,
        blocks: int = 9,
        upsample: str = "transposed",
        norm: str = "instance",
        styles: int = 1,
    ) -> None:
        super().__init__()
        if upsample not in ("transposed", "resize"):
            raise ValueError(f"upsample must be transposed or resize, got {upsample!r}")
        if norm not in ("instance", "none"):
            raise ValueError(f"norm must be instance or none, got {norm!r}")
        self.styles = styles
        self.transposed = upsample == "transposed"
        self.global_context = norm == "instance"
        self.size_multiple = 8
        half, quarter = 2 * channels, 4 * channels  # channels at 1/2 and 1/4 of the resolution

        def unit(conv: nn.Module, out: int) -> list[nn.Module]:
            return [*_normalized(conv, out, norm, styles), nn.ReLU()]

        self.down = ConditionalSequential(
            nn.ReflectionPad2d(3),
            *unit(nn.Conv2d(3, channels, 7), channels),
            *unit(nn.Conv2d(channels, half, 3, stride=2, padding=1), half),
            *unit(nn.Conv2d(half, quarter, 3, stride=2, padding=1), quarter),
        )
        self.body = ConditionalSequential(*(_Block(quarter, norm, styles) for _ in range(blocks)))
        self.up = ConditionalSequential(
            *self._upsample(quarter, half, norm, styles),
            *self._upsample(half, channels, norm, styles),
            nn.ReflectionPad2d(3),
            nn.Conv2d(channels, 3, 7),
            nn.Tanh(),
        )
        self.apply(init_normal if norm == "instance" else init_preserving)
        self.receptive_field_px = receptive_radius(self._span, 4)

    def _upsample(self, into: int, out: int, norm: str, styles: int) -> list[nn.Module]:
        if self.transposed:
            conv: nn.Module = nn.ConvTranspose2d(into, out, 3, stride=2, padding=1, output_padding=1)
            return [*_normalized(conv, out, norm, styles), nn.ReLU()]
        conv = nn.Conv2d(into, out, 3, padding=1)
        return [nn.Upsample(scale_factor=2.0, mode="nearest"), *_normalized(conv, out, norm, styles), nn.ReLU()]

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        del context
        output: Tensor = self.up(self.body(self.down(photo, style), style), style)
        return output

    def _span(self, span: Span) -> Span:
        # From the output backwards to the input.
        seen = span.input_of_conv(kernel=7, padding=3)
        for _ in range(2):
            if self.transposed:
                seen = seen.input_of_transposed_conv(kernel=3, stride=2, padding=1)
            else:
                seen = seen.input_of_conv(kernel=3, padding=1).input_of_upsampling(2)
        for _ in self.body:
            seen = seen.input_of_conv(kernel=5, padding=2)  # two convolutions of 3x3
        for _ in range(2):
            seen = seen.input_of_conv(kernel=3, stride=2, padding=1)
        return seen.input_of_conv(kernel=7, padding=3)


class _Block(ConditionalSequential):
    """A residual block: two convolutions, added to the input."""

    def __init__(self, channels: int, norm: str, styles: int) -> None:
        def unit() -> list[nn.Module]:
            return [nn.ReflectionPad2d(1), *_normalized(nn.Conv2d(channels, channels, 3), channels, norm, styles)]

        super().__init__(*unit(), nn.ReLU(), *unit())

    def forward(self, features: Tensor, style: Tensor | None = None) -> Tensor:
        return features + super().forward(features, style)


def _normalized(conv: nn.Module, out: int, norm: str, styles: int) -> list[nn.Module]:
    """Return the convolution and its normalisation, of which the last layer is conditional on the style."""
    if norm == "none":
        return [conditional(conv, out, styles)]
    return [conv, conditional(nn.InstanceNorm2d(out), out, styles)]
