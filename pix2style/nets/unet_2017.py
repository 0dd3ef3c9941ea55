"""pix2pix's U-Net, as published: the baseline."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from pix2style.nets.generator import Generator
from pix2style.nets.halving import Doubling, Halving
from pix2style.nets.receptive import Span, receptive_radius
from pix2style.nets.style_condition import Stack, styled


class Unet2017(Generator):
    """unet_256 of Isola et al. 2017 (arXiv 1611.07004, appendix 6.1), in the layers of the authors' PyTorch version.

    54,413,955 parameters, and 6.05 GMAC at 256x256 with transposed convolutions counted by their input's area. Known
    for checkerboards (plain transposed convolutions), and kept as it is: take `Unet` for work.

    Paper and PyTorch version differ, and this follows the latter: the paper has dropout in the innermost decoder block
    and the two after it, the version in the three after the innermost; the paper normalises the innermost code, the
    version does not (at batch 1 a normalised 1x1 map is zero). Skips carry values from before the activation: the
    version's LeakyReLU works in place on them, which changes nothing, as ReLU(LeakyReLU(x)) = ReLU(x).

    In eval mode dropout is off and BatchNorm uses its running statistics, so a picture comes out the same in any batch.
    The 2017 recipe left both on at test time, which users met as "test differs from training" (pix2pix #285, #555).

    Args:
        channels: filters of the outermost level (ngf).
        downsamplings: halvings of the resolution, at least 5; sizes are padded to 2 ** downsamplings.
        dropout: 0.5 in `downsamplings` - 5 decoder blocks while training.
        styles: how many; with more than 1, every normalisation is conditional.

    Raises:
        ValueError: fewer than 5 downsamplings.
    """

    architecture: ClassVar[str] = "unet-2017"

    def __init__(self, channels: int = 64, downsamplings: int = 8, dropout: bool = True, styles: int = 1) -> None:
        super().__init__()
        self.styles = styles
        if downsamplings < 5:
            raise ValueError(f"downsamplings must be at least 5, got {downsamplings}")
        widths = [channels * min(2**level, 8) for level in range(downsamplings)]
        inner = downsamplings - 1
        self.downs = nn.ModuleList(
            _down(into, out, activate=level > 0, norm=0 < level < inner, styles=styles)
            for level, (into, out) in enumerate(zip([3, *widths[:-1]], widths, strict=True))
        )
        # From the innermost block outwards; all but the innermost also take the skip, which doubles their input.
        skipped = [widths[-1], *(2 * width for width in reversed(widths[:-1]))]
        outs = [*reversed(widths[:-1]), 3]
        self.ups = nn.ModuleList(
            _up(into, out, last=level == inner, dropout=dropout and 0 < level <= downsamplings - 5, styles=styles)
            for level, (into, out) in enumerate(zip(skipped, outs, strict=True))
        )
        self.size_multiple = 2**downsamplings
        self.receptive_field_px = receptive_radius(self._span, self.size_multiple)
        self.apply(init_normal)

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        del context
        skips: list[Tensor] = []
        features = photo
        for down in self.downs:
            features = down(features, style)
            skips.append(features)
        features = self.ups[0](skips.pop(), style)
        for up, skip in zip(self.ups[1:], reversed(skips), strict=True):
            features = up(torch.cat([_evenly_taught(skip), _evenly_taught(features)], dim=1), style)
        picture: Tensor = features
        return picture

    def _span(self, span: Span) -> Span:
        seen = span
        for _ in self.ups:
            seen = seen.before_transposed_conv(kernel=4, stride=2, padding=1)
        for _ in self.downs:
            seen = seen.before_conv(kernel=4, stride=2, padding=1)
        return seen  # the way through the innermost code is the widest: every skip sees a part of it


def _evenly_taught(half: Tensor) -> Tensor:
    """The same, with its gradient in channels_last: cut out of the whole's it has gaps, which slow BatchNorm down."""
    last = torch.channels_last
    if torch.compiler.is_compiling() or half.device.type != "cpu" or not half.requires_grad:
        return half
    if half.is_contiguous(memory_format=last):
        half.register_hook(lambda gradient: gradient.contiguous(memory_format=last))  # type: ignore[no-untyped-call]
    return half


def _down(into: int, out: int, *, activate: bool, norm: bool, styles: int) -> Stack:
    layers: list[nn.Module] = [nn.LeakyReLU(0.2)] if activate else []
    layers.append(Halving(into, out))
    if norm:
        layers.append(styled(nn.BatchNorm2d(out), out, styles))
    return Stack(*layers)


def _up(into: int, out: int, *, last: bool, dropout: bool, styles: int) -> Stack:
    layers: list[nn.Module] = [nn.ReLU()]
    layers.append(Doubling(into, out, bias=last))
    layers.append(nn.Tanh() if last else styled(nn.BatchNorm2d(out), out, styles))
    if dropout:
        layers.append(nn.Dropout(0.5))
    return Stack(*layers)


def init_normal(module: nn.Module) -> None:
    """pix2pix's start: weights from normal(0, 0.02), those of normalisations from normal(1, 0.02), biases 0.

    Isola et al. 2017, appendix 6.2. For `nn.Module.apply`.
    """
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)
