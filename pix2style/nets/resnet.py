"""The residual generator of Johnson et al. and CycleGAN: the second baseline."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from pix2style.nets.blocks import init_preserving
from pix2style.nets.generator import Generator
from pix2style.nets.receptive import Span, receptive_radius
from pix2style.nets.style_condition import Stack, styled
from pix2style.nets.unet_2017 import init_normal


class Resnet(Generator):
    """Two halvings, residual blocks, two doublings (Johnson et al. 2016, arXiv 1603.08155).

    As it stands it is resnet_9blocks of CycleGAN's authors' PyTorch version (Zhu et al. 2017, arXiv 1703.10593,
    appendix 7.2), layer by layer: InstanceNorm without learned scale, reflection padding, transposed convolutions;
    11,378,179 parameters, and 49.55 GMAC at 256x256 with transposed convolutions counted by their input's area.

    Known for checkerboards (`upsample`) and droplets (InstanceNorm; pix2pix #411). InstanceNorm's statistics are the
    picture's, so that no tile equals the whole, and of a photo of one colour only rounding errors are left, each time
    blown up; without it (`norm` "none", started by `init_preserving`) tiles do, and nothing is blown up.

    Sizes are padded to 8, though the network halves only twice: reflection needs two rows at a quarter of the
    resolution.

    Args:
        channels: at full resolution (ngf).
        blocks: residual blocks at a quarter of the resolution.
        upsample: "transposed", as published, or "resize": nearest neighbour, then a convolution (Odena et al. 2016).
        norm: "instance", as published, or "none".
        styles: how many; with more than 1, every normalisation is conditional (Dumoulin et al. 2017, arXiv 1610.07629);
            without normalisations, all convolutions but the last are.

    Raises:
        ValueError: an unknown `upsample` or `norm`.
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
        wide, wider = 2 * channels, 4 * channels

        def unit(conv: nn.Module, out: int) -> list[nn.Module]:
            return [*_normalized(conv, out, norm, styles), nn.ReLU()]

        self.down = Stack(
            nn.ReflectionPad2d(3),
            *unit(nn.Conv2d(3, channels, 7), channels),
            *unit(nn.Conv2d(channels, wide, 3, stride=2, padding=1), wide),
            *unit(nn.Conv2d(wide, wider, 3, stride=2, padding=1), wider),
        )
        self.body = Stack(*(_Block(wider, norm, styles) for _ in range(blocks)))
        self.up = Stack(
            *self._enlarge(wider, wide, norm, styles),
            *self._enlarge(wide, channels, norm, styles),
            nn.ReflectionPad2d(3),
            nn.Conv2d(channels, 3, 7),
            nn.Tanh(),
        )
        self.apply(init_normal if norm == "instance" else init_preserving)
        self.receptive_field_px = receptive_radius(self._span, 4)

    def _enlarge(self, into: int, out: int, norm: str, styles: int) -> list[nn.Module]:
        if self.transposed:
            conv: nn.Module = nn.ConvTranspose2d(into, out, 3, stride=2, padding=1, output_padding=1)
            return [*_normalized(conv, out, norm, styles), nn.ReLU()]
        conv = nn.Conv2d(into, out, 3, padding=1)
        return [nn.Upsample(scale_factor=2.0, mode="nearest"), *_normalized(conv, out, norm, styles), nn.ReLU()]

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        del context
        painted: Tensor = self.up(self.body(self.down(photo, style), style), style)
        return painted

    def _span(self, span: Span) -> Span:
        seen = span.before_conv(kernel=7, padding=3)
        for _ in range(2):
            if self.transposed:
                seen = seen.before_transposed_conv(kernel=3, stride=2, padding=1)
            else:
                seen = seen.before_conv(kernel=3, padding=1).before_upsampling(2)
        for _ in self.body:
            seen = seen.before_conv(kernel=5, padding=2)  # two of 3
        for _ in range(2):
            seen = seen.before_conv(kernel=3, stride=2, padding=1)
        return seen.before_conv(kernel=7, padding=3)


class _Block(Stack):
    """Two convolutions that add to what they get."""

    def __init__(self, channels: int, norm: str, styles: int) -> None:
        def unit() -> list[nn.Module]:
            return [nn.ReflectionPad2d(1), *_normalized(nn.Conv2d(channels, channels, 3), channels, norm, styles)]

        super().__init__(*unit(), nn.ReLU(), *unit())

    def forward(self, features: Tensor, style: Tensor | None = None) -> Tensor:
        return features + super().forward(features, style)


def _normalized(conv: nn.Module, out: int, norm: str, styles: int) -> list[nn.Module]:
    """The convolution, and after it the normalisation; what comes last knows the style."""
    if norm == "none":
        return [styled(conv, out, styles)]
    return [conv, styled(nn.InstanceNorm2d(out), out, styles)]
